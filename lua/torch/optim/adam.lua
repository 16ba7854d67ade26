--- Adam(params, lr=1e-3, betas={0.9, 0.999}, eps=1e-8, weight_decay=0, amsgrad=false; maximize=false,
--      decoupled_weight_decay=false)
-- AdamW is Adam with decoupled weight decay (0.01).
--
--    m = b1 * m + (1 - b1) * g          v = b2 * v + (1 - b2) * g^2
--    p = p - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)

local torch = require "torch"
local args = require "torch.utils.args"
local Optimizer = require "torch.optim.optimizer"

local number, check = Optimizer.number, Optimizer.check

local Adam = Optimizer:extend("Adam")

local function reader(name, weight_decay)
  return args(name, "params", {"lr", 1e-3}, {"betas", {0.9, 0.999}}, {"eps", 1e-8}, {"weight_decay", weight_decay},
    {"amsgrad", false}, {"maximize", false}, {"foreach"}, {"capturable"}, {"differentiable"}, {"fused"},
    {"decoupled_weight_decay", false})
end

local function begin(self, decoupled, params, lr, betas, eps, weight_decay, amsgrad, maximize)
  check("Invalid learning rate", lr, 0)
  check("Invalid epsilon value", eps, 0)
  if type(betas) ~= "table" then torch._C.fail("betas should be a list of two numbers, got " .. torch._C.got(betas)) end
  check("Invalid beta parameter at index 1", betas[1], 0, 1)
  check("Invalid beta parameter at index 2", betas[2], 0, 1)
  check("Invalid weight_decay value", weight_decay, 0)
  Optimizer.init(self, params, {
    lr = lr, betas = {number(betas[1]), number(betas[2])}, eps = eps, weight_decay = weight_decay, amsgrad = amsgrad,
    maximize = maximize, decoupled_weight_decay = decoupled,
  })
end

local adam_args = reader("Adam", 0)

function Adam:init(...)
  local values = table.pack(adam_args(...))
  begin(self, values[12], table.unpack(values, 1, 7))
end

--- One step. closure() returns the loss, after new gradients; the loss is returned.
function Adam:step(closure)
  local loss = closure and self:evaluate(closure)
  local _ <close> = torch.no_grad()
  for _, group in ipairs(self.param_groups) do
    local params, grads, averages, squares, highest, steps, n = {}, {}, {}, {}, {}, {}, 0
    local all, amsgrad = group.params, group.amsgrad
    for i = 1, #all do
      local p = all[i]
      local g = p.grad
      if g ~= nil then
        local state = self.state[p]
        if not state.step then
          state.step = torch.zeros({}, {dtype = torch.float32, device = p.device})     -- _adam counts it
          state.exp_avg, state.exp_avg_sq = torch.zeros_like(p):detach(), torch.zeros_like(p):detach()
          if amsgrad then state.max_exp_avg_sq = torch.zeros_like(p):detach() end
        end
        n = n + 1
        params[n], grads[n], steps[n] = p, g, state.step
        averages[n], squares[n], highest[n] = state.exp_avg, state.exp_avg_sq, state.max_exp_avg_sq
      end
    end
    if n > 0 then
      local betas = group.betas
      torch._C._adam(params, grads, averages, squares, amsgrad and highest or {}, steps, {
        lr = number(group.lr), beta1 = betas[1], beta2 = betas[2], eps = group.eps, weight_decay = group.weight_decay,
        amsgrad = amsgrad, decoupled = group.decoupled_weight_decay, maximize = group.maximize,
      })
    end
  end
  return loss
end

local AdamW = Adam:extend("AdamW")
local adamw_args = reader("AdamW", 1e-2)

function AdamW:init(...)
  local values = table.pack(adamw_args(...))
  begin(self, true, table.unpack(values, 1, 7))
end

return {Adam = Adam, AdamW = AdamW}
