-- tensors.lua -- making small tensors and looking at them, for the specs of operations.
local torch = require "torch"
local assert = require "luassert"
local helper = require "spec.support.helper"
local tensors = {}

--- 1, 2, ... of that size
function tensors.count(...)
  local n = 1
  for _, s in ipairs { ... } do n = n * s end
  return torch.arange(1, n + 1, { dtype = torch.float64 }):reshape(...)
end

--- int64 from a list
function tensors.int(t) return torch.tensor(t, { dtype = torch.int64 }) end

--- the tensor has this dtype, these sizes and these elements
function tensors.is(t, dtype, shape, values)
  assert.equal("torch." .. dtype, tostring(t.dtype))
  assert.same(shape, { table.unpack(t.shape) })
  helper.close_to(t:tolist(), values, 1e-6)
end

return tensors
