--- nn.Parameter: a tensor that modules register when it is assigned to one of their fields.
--
--    self.weight = nn.Parameter(torch.randn(2, 3))
--    nn.Parameter(x, false)    nn.Parameter(x, {requires_grad = false})
--
-- A parameter is an ordinary tensor; that it is one is remembered here, by identity.
-- Buffer(tensor, persistent) is the same for state without a gradient.

local torch = require "torch"

local parameters = setmetatable({}, {__mode = "k"})      -- tensor -> true
local buffers = setmetatable({}, {__mode = "k"})         -- tensor -> "persistent" | "temporary"

local function option(value, name, default)
  if type(value) == "table" then value = value[name] end
  if value == nil then return default end
  return value
end

local Parameter = setmetatable({}, {
  __name = "Parameter",
  --- Shares the memory of `data`; a leaf that wants a gradient unless told otherwise.
  __call = function(_, data, requires_grad)
    if data == nil then data = torch.empty(0) end
    if not torch.is_tensor(data) then
      error("Parameter: data should be a tensor, got " .. type(data), 2)
    end
    local p = data:detach():requires_grad_(option(requires_grad, "requires_grad", true))
    parameters[p] = true
    return p
  end,
})

local Buffer = setmetatable({}, {
  __name = "Buffer",
  __call = function(_, data, persistent)
    if not torch.is_tensor(data) then
      error("Buffer: data should be a tensor, got " .. type(data), 2)
    end
    local b = data:detach()
    buffers[b] = option(persistent, "persistent", true) and "persistent" or "temporary"
    return b
  end,
})

function Parameter.is(value) return parameters[value] == true end
function Buffer.is(value) return buffers[value] end

-- A parameter prints as PyTorch's: the same text under a line of its own.
local meta = debug.getmetatable(torch.empty(0))
if type(meta) == "table" and meta.__tostring then
  local plain = meta.__tostring
  meta.__tostring = function(t)
    local text = plain(t)
    if parameters[t] then return "Parameter containing:\n" .. text end
    return text
  end
end

return {Parameter = Parameter, Buffer = Buffer}
