-- The smallest classifier: a linear layer and a softmax. What happens inside of it is the subject of the text
-- about nn.Module, F.linear, the optimizer and SGD.
local torch = require "torch"
local nn, F = torch.nn, torch.nn.functional
local run = dofile((arg[0]:match("^.*/") or "./") .. "support/args.lua") {steps = 200}

local Net = nn.Module:extend("Net")

-- The assignment calls the module's own handler, which puts the layer on the list of its submodules.
function Net:init()
  self.linear = nn.Linear(4, 2)
end

-- net(features) ends up here: a linear function, F.linear(input, weight, bias), then the softmax over its two results.
function Net:forward(input)
  local out = F.softmax(self.linear(input), 2)
  return out
end

local net = Net():to(run.device)

-- The optimizer holds the parameters themselves: what step() changes in them is changed in the net.
local sgd = torch.optim.SGD(net:parameters(), {lr = 0.001})

-- Three samples of four features. Classes count from 1.
local features = torch.randn(3, 4):to(run.device)
local target = torch.tensor({2, 1, 2}):to(run.device)

for t = 0, run.steps - 1 do
  sgd:zero_grad()

  local out = net(features)
  local loss = F.cross_entropy(out, target)
  run.report(t, loss)

  loss:backward()
  sgd:step()
end
