--- RMSprop(params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=false; maximize=false)
--
--    h = alpha * h + (1 - alpha) * g^2          p = p - lr * g / (sqrt(h) + eps)
--    centered: sqrt(h - a^2), a the average of g; momentum: the quotient goes through a buffer

local torch = require "torch"
local args = require "torch.utils.args"
local Optimizer = require "torch.optim.optimizer"

local number, check = Optimizer.number, Optimizer.check

local RMSprop = Optimizer:extend("RMSprop")

local read = args("RMSprop", "params", {"lr", 1e-2}, {"alpha", 0.99}, {"eps", 1e-8}, {"weight_decay", 0},
  {"momentum", 0}, {"centered", false}, {"capturable"}, {"foreach"}, {"maximize", false}, {"differentiable"})

function RMSprop:init(...)
  local params, lr, alpha, eps, weight_decay, momentum, centered, _, _, maximize = read(...)
  check("Invalid learning rate", lr, 0)
  check("Invalid epsilon value", eps, 0)
  check("Invalid momentum value", momentum, 0)
  check("Invalid weight_decay value", weight_decay, 0)
  check("Invalid alpha value", alpha, 0)
  Optimizer.init(self, params, {
    lr = lr, alpha = alpha, eps = eps, weight_decay = weight_decay, momentum = momentum, centered = centered,
    maximize = maximize,
  })
end

--- One step. closure() returns the loss, after new gradients; the loss is returned.
function RMSprop:step(closure)
  local loss = closure and self:evaluate(closure)
  local _ <close> = torch.no_grad()
  for _, group in ipairs(self.param_groups) do
    local params, grads, squares, averages, buffers, n = {}, {}, {}, {}, {}, 0
    local all, centered, momentum = group.params, group.centered, group.momentum
    for i = 1, #all do
      local p = all[i]
      local g = p.grad
      if g ~= nil then
        local state = self.state[p]
        if not state.step then
          state.step = 0
          state.square_avg = torch.zeros_like(p):detach()
        end
        if momentum > 0 and not state.momentum_buffer then state.momentum_buffer = torch.zeros_like(p):detach() end
        if centered and not state.grad_avg then state.grad_avg = torch.zeros_like(p):detach() end
        state.step = number(state.step) + 1
        n = n + 1
        params[n], grads[n], squares[n] = p, g, state.square_avg
        averages[n], buffers[n] = state.grad_avg, state.momentum_buffer
      end
    end
    if n > 0 then
      torch._C._rmsprop(params, grads, squares, centered and averages or {}, momentum > 0 and buffers or {}, {
        lr = number(group.lr), alpha = group.alpha, eps = group.eps, weight_decay = group.weight_decay,
        momentum = momentum, centered = centered, maximize = group.maximize,
      })
    end
  end
  return loss
end

return RMSprop
