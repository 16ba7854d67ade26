-- The same network; torch.optim changes the weights.
local torch = require "torch"
local nn, optim = torch.nn, torch.optim
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 500}

local N, D_in, H, D_out = 64, 1000, 100, 10

local x = torch.randn(N, D_in, {device = run.device})
local y = torch.randn(N, D_out, {device = run.device})

local model = nn.Sequential(
  nn.Linear(D_in, H),
  nn.ReLU(),
  nn.Linear(H, D_out)
):to(run.device)
local criterion = nn.MSELoss{reduction = "sum"}

-- An optimizer is told which tensors it should update. Here it is Adam;
-- the package has other algorithms.
local learning_rate = 1e-4
local optimizer = optim.Adam(model:parameters(), {lr = learning_rate})
for t = 0, run.steps - 1 do
  local y_pred = model(x)

  local loss = criterion(y_pred, y)
  run.report(t, loss)

  -- Forget the gradients of the step before: backward() adds to what is there.
  optimizer:zero_grad()

  loss:backward()

  -- One step of the algorithm changes the parameters.
  optimizer:step()
end
