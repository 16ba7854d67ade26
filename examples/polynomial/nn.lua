-- The polynomial as a linear layer of torch.nn.
local torch = require "torch"
local nn = torch.nn
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 2000}

local x = torch.linspace(-math.pi, math.pi, 2000, {device = run.device})
local y = torch.sin(x)

-- The output is a linear function of (x, x^2, x^3), so a linear layer can find it.
-- x:unsqueeze(-1) is 2000x1 and p has 3 elements: together they broadcast to 2000x3.
local p = torch.tensor({1, 2, 3}, {device = run.device})
local xx = x:unsqueeze(-1):pow(p)

-- nn.Sequential applies other modules one after the other. Linear holds a weight and a bias;
-- Flatten makes of the 2000x1 output a list of 2000 numbers, as y is.
local model = nn.Sequential(
  nn.Linear(3, 1),
  nn.Flatten(1, 2)
):to(run.device)

-- The package has the usual losses too: here the sum of squared differences.
local loss_fn = nn.MSELoss{reduction = "sum"}

local learning_rate = 1e-6
for t = 0, run.steps - 1 do
  -- Forward pass: modules are called like functions.
  local y_pred = model(xx)

  local loss = loss_fn(y_pred, y)
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

-- The first layer is model[1]; its parameters are a weight (1x3) and a bias.
local linear_layer = model[1]
local w = linear_layer.weight
print(("Result: y = %g + %g x + %g x^2 + %g x^3"):format(linear_layer.bias:item(),
  w[{1, 1}]:item(), w[{1, 2}]:item(), w[{1, 3}]:item()))
