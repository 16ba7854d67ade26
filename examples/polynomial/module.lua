-- The polynomial as a class of its own.
local torch = require "torch"
local nn, optim = torch.nn, torch.optim
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 2000}

local Polynomial3 = nn.Module:extend("Polynomial3")

-- Four parameters; assigning them makes them known to the module.
function Polynomial3:init()
  self.a = nn.Parameter(torch.randn({}))
  self.b = nn.Parameter(torch.randn({}))
  self.c = nn.Parameter(torch.randn({}))
  self.d = nn.Parameter(torch.randn({}))
end

-- Forward may use the parameters and any operation on tensors.
function Polynomial3:forward(x)
  return self.a + self.b * x + self.c * x ^ 2 + self.d * x ^ 3
end

-- Modules may have methods of any kind.
function Polynomial3:string()
  return ("y = %g + %g x + %g x^2 + %g x^3"):format(self.a:item(), self.b:item(), self.c:item(), self.d:item())
end

local x = torch.linspace(-math.pi, math.pi, 2000, {device = run.device})
local y = torch.sin(x)

local model = Polynomial3():to(run.device)

-- model:parameters() finds the four parameters.
local criterion = nn.MSELoss{reduction = "sum"}
local optimizer = optim.SGD(model:parameters(), {lr = 1e-6})
for t = 0, run.steps - 1 do
  local y_pred = model(x)

  local loss = criterion(y_pred, y)
  run.report(t, loss)

  optimizer:zero_grad()
  loss:backward()
  optimizer:step()
end

print("Result: " .. model:string())
