-- optim_run.lua -- some steps of an optimizer in float64, against figures of today's PyTorch.
local torch = require "torch"
local helper = require "spec.support.helper"

--- after four steps down sum(p^3 * {1, 0.5, -1}) from {1, -2, 0.5}
return function(name, options, want)
  local p = torch.tensor({ 1, -2, 0.5 }, { dtype = torch.float64, requires_grad = true })
  local k = torch.tensor({ 1, 0.5, -1 }, { dtype = torch.float64 })
  local o = torch.optim[name]({ p }, options)
  for _ = 1, 4 do
    o:zero_grad()
    ; (p ^ 3 * k):sum():backward()
    o:step()
  end
  helper.close_to(p:tolist(), want, 1e-12)
  return o, p
end
