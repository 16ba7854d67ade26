--- SGD(params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=false; maximize=false)
--
--    g = grad + weight_decay * p
--    b = g the first time, then momentum * b + (1 - dampening) * g          with momentum
--    p = p - lr * b     (nesterov: g + momentum * b)

local torch = require "torch"
local args = require "torch.utils.args"
local Optimizer = require "torch.optim.optimizer"

local number, check = Optimizer.number, Optimizer.check

local SGD = Optimizer:extend("SGD")

local read = args("SGD", "params", {"lr", 1e-3}, {"momentum", 0}, {"dampening", 0}, {"weight_decay", 0},
  {"nesterov", false}, {"maximize", false}, {"foreach"}, {"differentiable"}, {"fused"})

function SGD:init(...)
  local params, lr, momentum, dampening, weight_decay, nesterov, maximize = read(...)
  check("Invalid learning rate", lr, 0)
  check("Invalid momentum value", momentum, 0)
  check("Invalid dampening value", dampening, -math.huge)
  check("Invalid weight_decay value", weight_decay, 0)
  if nesterov and (momentum <= 0 or dampening ~= 0) then
    torch._C.fail("Nesterov momentum requires a momentum and zero dampening")
  end
  Optimizer.init(self, params, {
    lr = lr, momentum = momentum, dampening = dampening, weight_decay = weight_decay, nesterov = nesterov,
    maximize = maximize,
  })
end

-- the first step with momentum, which makes the buffer
local function begin(group, state, p, g)
  if group.maximize then g = -g end
  if group.weight_decay ~= 0 then g = g:add(p, {alpha = group.weight_decay}) end
  local b = g:detach():clone()
  state.momentum_buffer = b
  p:add_(group.nesterov and g:add(b, {alpha = group.momentum}) or b, {alpha = -number(group.lr)})
end

--- One step. closure() returns the loss, after new gradients; the loss is returned.
function SGD:step(closure)
  local loss = closure and self:evaluate(closure)
  local _ <close> = torch.no_grad()
  for _, group in ipairs(self.param_groups) do
    local params, grads, buffers, n = {}, {}, {}, 0
    local all, momentum = group.params, group.momentum
    for i = 1, #all do
      local p = all[i]
      local g = p.grad
      if g ~= nil then
        local state = momentum ~= 0 and self.state[p]
        if state and not state.momentum_buffer then
          begin(group, state, p, g)
        else
          n = n + 1
          params[n], grads[n], buffers[n] = p, g, state and state.momentum_buffer
        end
      end
    end
    if n > 0 then
      torch._C._sgd(params, grads, momentum ~= 0 and buffers or {}, {
        lr = number(group.lr), weight_decay = group.weight_decay, momentum = momentum, dampening = group.dampening,
        nesterov = group.nesterov, maximize = group.maximize,
      })
    end
  end
  return loss
end

return SGD
