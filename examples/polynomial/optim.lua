-- The linear layer again; torch.optim changes the weights.
local torch = require "torch"
local nn, optim = torch.nn, torch.optim
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 2000}

local x = torch.linspace(-math.pi, math.pi, 2000, {device = run.device})
local y = torch.sin(x)

-- (x, x^2, x^3)
local p = torch.tensor({1, 2, 3}, {device = run.device})
local xx = x:unsqueeze(-1):pow(p)

local model = nn.Sequential(
  nn.Linear(3, 1),
  nn.Flatten(1, 2)
):to(run.device)
local loss_fn = nn.MSELoss{reduction = "sum"}

-- An optimizer is told which tensors it should update. Here it is RMSprop;
-- the package has other algorithms.
local learning_rate = 1e-3
local optimizer = optim.RMSprop(model:parameters(), {lr = learning_rate})
for t = 0, run.steps - 1 do
  local y_pred = model(xx)

  local loss = loss_fn(y_pred, y)
  run.report(t, loss)

  -- Forget the gradients of the step before: backward() adds to what is there.
  optimizer:zero_grad()

  loss:backward()

  -- One step of the algorithm changes the parameters.
  optimizer:step()
end

-- The first layer is model[1]; its parameters are a weight (1x3) and a bias.
local linear_layer = model[1]
local w = linear_layer.weight
print(("Result: y = %g + %g x + %g x^2 + %g x^3"):format(linear_layer.bias:item(),
  w[{1, 1}]:item(), w[{1, 2}]:item(), w[{1, 3}]:item()))
