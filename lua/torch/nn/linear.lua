--- Linear, Identity, Flatten, Unflatten.

local torch = require "torch"
local args = require "torch.utils.args"
local Module = require "torch.nn.module"
local Parameter = require "torch.nn.parameter".Parameter
local init = require "torch.nn.initializers"
local F = require "torch.nn.functional"

local fail = torch._C.fail

-- True as Python prints it
local function bool(b) return b and "True" or "False" end

--------------------------------------------------------------------------------------------- Linear

--- y = x W^T + b; x is [*, in_features], y [*, out_features]. W is [out_features, in_features].
-- Linear(in_features, out_features, bias=true; device, dtype)
local Linear = Module:extend("Linear")
local linear_args = args("Linear", "in_features", "out_features", {"bias", true}, {"device"}, {"dtype"})

function Linear:init(...)
  local inputs, outputs, bias, device, dtype = linear_args(...)
  if math.type(inputs) ~= "integer" or math.type(outputs) ~= "integer" then
    fail(("Linear: in_features and out_features should be integers, got %s and %s"):format(
      tostring(inputs), tostring(outputs)))
  end
  local options = {device = device, dtype = dtype}
  self.in_features, self.out_features = inputs, outputs
  self.weight = Parameter(torch.empty(outputs, inputs, options))
  self:register_parameter("bias", bias and Parameter(torch.empty(outputs, options)) or nil)
  self:reset_parameters()
end

--- W and b uniform in +-1/sqrt(in_features), in this order.
function Linear:reset_parameters()
  init.kaiming_uniform_(self.weight, {a = math.sqrt(5)})
  if self.bias then
    local bound = self.in_features > 0 and 1 / math.sqrt(self.in_features) or 0
    init.uniform_(self.bias, -bound, bound)
  end
end

local linear = F.linear
function Linear:forward(x) return linear(x, self.weight, self.bias) end

function Linear:extra_repr()
  return ("in_features=%d, out_features=%d, bias=%s"):format(self.in_features, self.out_features, bool(self.bias))
end

--------------------------------------------------------------------------------------------- shapes

--- Gives back what it gets; takes any arguments.
local Identity = Module:extend("Identity")
function Identity:init() end
function Identity:forward(x) return x end

--- Joins dims start_dim to end_dim (from 1; negative from the end): [N, C, H, W] -> [N, C*H*W].
local Flatten = Module:extend("Flatten")
local flatten_args = args("Flatten", {"start_dim", 2}, {"end_dim", -1})

function Flatten:init(...) self.start_dim, self.end_dim = flatten_args(...) end
function Flatten:forward(x) return torch.flatten(x, self.start_dim, self.end_dim) end
function Flatten:extra_repr() return ("start_dim=%s, end_dim=%s"):format(self.start_dim, self.end_dim) end

--- Unflatten(dim, sizes): one dim becomes several; one of the sizes may be -1.
local Unflatten = Module:extend("Unflatten")
local unflatten_args = args("Unflatten", "dim", "unflattened_size")

function Unflatten:init(...)
  self.dim, self.unflattened_size = unflatten_args(...)
  if type(self.unflattened_size) ~= "table" then
    fail("Unflatten: unflattened_size should be a list of integers, got " .. type(self.unflattened_size))
  end
end

function Unflatten:forward(x) return x:unflatten(self.dim, self.unflattened_size) end

function Unflatten:extra_repr()
  local sizes = table.concat(self.unflattened_size, ", ")
  if #self.unflattened_size == 1 then sizes = sizes .. "," end
  return ("dim=%d, unflattened_size=(%s)"):format(self.dim, sizes)
end

return {Linear = Linear, Identity = Identity, Flatten = Flatten, Unflatten = Unflatten}
