--- Module:to and its kin: the same parameters with other contents, so that optimizers keep working.

local torch = require "torch"

local fail = torch._C.fail

-- The arguments of `to` that are for tensors of a float type, and those for the others: the same without a dtype.
local function targets(...)
  local all, rest = table.pack(...), {n = 0}
  if torch.is_tensor(all[1]) then
    return {all[1].device, all[1].dtype, n = 2}, {all[1].device, n = 1}
  end
  local function check(dtype)
    if not dtype.is_floating_point then
      fail("nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=" .. tostring(dtype))
    end
  end
  local function keep(a)
    rest.n = rest.n + 1
    rest[rest.n] = a
  end
  for i = 1, all.n do
    local a = all[i]
    if torch.is_dtype(a) then
      check(a)
    elseif type(a) == "table" and a.dtype ~= nil then
      check(a.dtype)
      local kept = {}
      for k, v in pairs(a) do
        if k ~= "dtype" then kept[k] = v end
      end
      if next(kept) ~= nil then keep(kept) end
    else
      keep(a)
    end
  end
  return all, rest
end

return function(Module)
  --- Every parameter, its gradient and every buffer t becomes fn(t).
  function Module:_apply(fn)
    local done = {}
    for m in self:modules() do
      for _, item in ipairs(m:_own("parameter")) do
        local p = item[2]
        if not done[p] then
          done[p] = true
          local g = p.grad
          p.grad = nil
          p.data = fn(p:detach())
          if g ~= nil then p.grad = fn(g:detach()) end
        end
      end
      for _, item in ipairs(m:_own("buffer")) do m[item[1]] = fn(item[2]) end
    end
    return self
  end

  --- m:to(dtype), m:to(device), m:to(device, dtype), m:to(tensor), m:to{dtype=, device=}; in place, returns self.
  function Module:to(...)
    local all, rest = targets(...)
    return self:_apply(function(t)
      if t:is_floating_point() then return t:to(table.unpack(all, 1, all.n)) end
      return rest.n > 0 and t:to(table.unpack(rest, 1, rest.n)) or t
    end)
  end

  for method, dtype in pairs{float = "float32", double = "float64", half = "float16", bfloat16 = "bfloat16"} do
    Module[method] = function(self) return self:to(torch[dtype]) end
  end

  function Module:type(dtype)
    return self:_apply(function(t) return t:type(dtype) end)
  end

  function Module:cpu() return self:to("cpu") end

  --- cuda(), cuda(2), cuda("cuda:1")
  function Module:cuda(device)
    if device == nil then device = "cuda" elseif type(device) == "number" then device = "cuda:" .. device end
    return self:to(device)
  end
end
