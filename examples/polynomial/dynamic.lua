-- Control flow and shared weights: a polynomial that sometimes has a fourth and a fifth term.
local torch = require "torch"
local nn, optim = torch.nn, torch.optim
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 30000, every = 2000}

local DynamicNet = nn.Module:extend("DynamicNet")

function DynamicNet:init()
  self.a = nn.Parameter(torch.randn({}))
  self.b = nn.Parameter(torch.randn({}))
  self.c = nn.Parameter(torch.randn({}))
  self.d = nn.Parameter(torch.randn({}))
  self.e = nn.Parameter(torch.randn({}))
end

-- The graph is built while forward runs, so that ordinary loops and conditions shape it.
-- The parameter e may serve twice: for x^4, and for x^5.
function DynamicNet:forward(x)
  local y = self.a + self.b * x + self.c * x ^ 2 + self.d * x ^ 3
  for exp = 4, run.random:randint(4, 6) - 1 do
    y = y + self.e * x ^ exp
  end
  return y
end

function DynamicNet:string()
  local a, b, c, d, e = self.a:item(), self.b:item(), self.c:item(), self.d:item(), self.e:item()
  return ("y = %g + %g x + %g x^2 + %g x^3 + %g x^4 ? + %g x^5 ?"):format(a, b, c, d, e, e)
end

local x = torch.linspace(-math.pi, math.pi, 2000, {device = run.device})
local y = torch.sin(x)

local model = DynamicNet():to(run.device)

-- This strange model is hard to train with plain gradient descent; momentum helps.
local criterion = nn.MSELoss{reduction = "sum"}
local optimizer = optim.SGD(model:parameters(), {lr = 1e-8, momentum = 0.9})
for t = 0, run.steps - 1 do
  local y_pred = model(x)

  local loss = criterion(y_pred, y)
  run.report(t, loss)

  optimizer:zero_grad()
  loss:backward()
  optimizer:step()
end

print("Result: " .. model:string())
