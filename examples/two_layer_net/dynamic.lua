-- Control flow and shared weights: a network whose depth is drawn anew at every step.
local torch = require "torch"
local nn, optim = torch.nn, torch.optim
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 500}

local DynamicNet = nn.Module:extend("DynamicNet")

function DynamicNet:init(D_in, H, D_out)
  self.input_linear = nn.Linear(D_in, H)
  self.middle_linear = nn.Linear(H, H)
  self.output_linear = nn.Linear(H, D_out)
end

-- The graph is built while forward runs, so that ordinary loops and conditions shape it.
-- The middle layer is used 0, 1, 2 or 3 times, always with the same weights.
function DynamicNet:forward(x)
  local h_relu = self.input_linear(x):clamp{min = 0}
  for _ = 1, run.random:randint(0, 3) do
    h_relu = self.middle_linear(h_relu):clamp{min = 0}
  end
  local y_pred = self.output_linear(h_relu)
  return y_pred
end

local N, D_in, H, D_out = 64, 1000, 100, 10

local x = torch.randn(N, D_in, {device = run.device})
local y = torch.randn(N, D_out, {device = run.device})

local model = DynamicNet(D_in, H, D_out):to(run.device)

-- This strange model is hard to train with plain gradient descent; momentum helps.
local criterion = nn.MSELoss{reduction = "sum"}
local optimizer = optim.SGD(model:parameters(), {lr = 1e-4, momentum = 0.9})
for t = 0, run.steps - 1 do
  local y_pred = model(x)

  local loss = criterion(y_pred, y)
  run.report(t, loss)

  optimizer:zero_grad()
  loss:backward()
  optimizer:step()
end
