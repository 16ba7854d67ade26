-- The same network as a class of its own.
local torch = require "torch"
local nn, optim = torch.nn, torch.optim
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 500}

local TwoLayerNet = nn.Module:extend("TwoLayerNet")

-- The parts that are assigned here become known to the module.
function TwoLayerNet:init(D_in, H, D_out)
  self.linear1 = nn.Linear(D_in, H)
  self.linear2 = nn.Linear(H, D_out)
end

-- Forward may use the parts and any operation on tensors.
function TwoLayerNet:forward(x)
  local h_relu = self.linear1(x):clamp{min = 0}
  local y_pred = self.linear2(h_relu)
  return y_pred
end

local N, D_in, H, D_out = 64, 1000, 100, 10

local x = torch.randn(N, D_in, {device = run.device})
local y = torch.randn(N, D_out, {device = run.device})

local model = TwoLayerNet(D_in, H, D_out):to(run.device)

-- model:parameters() finds the weights and biases of the two Linear modules.
local criterion = nn.MSELoss{reduction = "sum"}
local optimizer = optim.SGD(model:parameters(), {lr = 1e-4})
for t = 0, run.steps - 1 do
  local y_pred = model(x)

  local loss = criterion(y_pred, y)
  run.report(t, loss)

  optimizer:zero_grad()
  loss:backward()
  optimizer:step()
end
