-- The same network from the layers of torch.nn.
local torch = require "torch"
local nn = torch.nn
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 500}

local N, D_in, H, D_out = 64, 1000, 100, 10

local x = torch.randn(N, D_in, {device = run.device})
local y = torch.randn(N, D_out, {device = run.device})

-- nn.Sequential applies other modules one after the other. Each Linear computes
-- a linear function of its input and holds a weight and a bias.
local model = nn.Sequential(
  nn.Linear(D_in, H),
  nn.ReLU(),
  nn.Linear(H, D_out)
):to(run.device)

-- The package has the usual losses too: here the sum of squared differences.
local criterion = nn.MSELoss{reduction = "sum"}

local learning_rate = 1e-4
for t = 0, run.steps - 1 do
  -- Forward pass: modules are called like functions.
  local y_pred = model(x)

  local loss = criterion(y_pred, y)
  run.report(t, loss)

  -- Forget the gradients of the step before.
  model:zero_grad()

  -- Backward pass: gradients for everything in the model that learns.
  loss:backward()

  -- Gradient descent. Each parameter is a tensor.
  torch.no_grad(function()
    for param in model:parameters() do
      param:sub_(learning_rate * param.grad)
    end
  end)
end
