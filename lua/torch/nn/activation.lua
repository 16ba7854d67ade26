--- Activations as modules. Each is a row: arguments, what forward does, what is printed.

local torch = require "torch"
local args = require "torch.utils.args"
local Module = require "torch.nn.module"
local Parameter = require "torch.nn.parameter".Parameter
local F = require "torch.nn.functional"

local repr = torch._C.repr
local activations = {}

-- as Python prints it
local function show(v)
  if v == nil then return "None" end
  if type(v) == "boolean" then return v and "True" or "False" end
  if type(v) == "string" then return "'" .. v .. "'" end
  return repr(v)
end

-- "{alpha}" in `text` becomes the field; "{, inplace}" ", inplace=True" where it is set
local function format(self, text)
  return (text:gsub("{([%w_]+)}", function(field) return show(self[field]) end))
end

local inplace = {"inplace", false}

--- define("ELU", {{"alpha", 1.0}, {"inplace", false}}, "alpha={alpha}", function(self, x) ... end)
local function define(name, parameters, text, forward)
  local class = Module:extend(name)
  local read = args(name, table.unpack(parameters))
  local names = {}
  for i, p in ipairs(parameters) do names[i] = type(p) == "table" and p[1] or p end
  function class:init(...)
    local values = table.pack(read(...))
    for i, field in ipairs(names) do self[field] = values[i] end
  end
  class.forward = forward
  function class:extra_repr()
    local s = format(self, text)
    if self.inplace then s = s .. (s == "" and "" or ", ") .. "inplace=True" end
    return s
  end
  activations[name] = class
  return class
end


--- max(0, x)
local ReLU = define("ReLU", {inplace}, "")
function ReLU:forward(x)
  if self.inplace then return F.relu_(x) end             -- keeps the result, not a copy of x
  return F.relu(x)
end
define("Tanh", {}, "", function(_, x) return F.tanh(x) end)
define("Sigmoid", {}, "", function(_, x) return F.sigmoid(x) end)

--- exp(x) / sum of exp(x) along dim (from 1).
define("Softmax", {{"dim"}}, "dim={dim}", function(self, x) return F.softmax(x, self.dim) end)
define("LogSoftmax", {{"dim"}}, "dim={dim}", function(self, x) return F.log_softmax(x, self.dim) end)
define("Softmin", {{"dim"}}, "dim={dim}", function(self, x) return F.softmin(x, self.dim) end)

--- Softmax over the channels of [N, C, H, W] or [C, H, W].
define("Softmax2d", {}, "", function(_, x)
  if x:dim() ~= 3 and x:dim() ~= 4 then
    torch._C.fail(("Softmax2d: expected input to be 3D or 4D, got %dD instead"):format(x:dim()))
  end
  return F.softmax(x, -3)
end)

define("LeakyReLU", {{"negative_slope", 0.01}, inplace}, "negative_slope={negative_slope}", function(self, x)
  return F.leaky_relu(x, self.negative_slope, self.inplace)
end)
define("ELU", {{"alpha", 1.0}, inplace}, "alpha={alpha}", function(self, x)
  return F.elu(x, self.alpha, self.inplace)
end)
define("CELU", {{"alpha", 1.0}, inplace}, "alpha={alpha}", function(self, x)
  return F.celu(x, self.alpha, self.inplace)
end)
define("SELU", {inplace}, "", function(self, x) return F.selu(x, self.inplace) end)
define("ReLU6", {inplace}, "", function(self, x) return F.relu6(x, self.inplace) end)
define("Hardtanh", {{"min_val", -1.0}, {"max_val", 1.0}, inplace}, "min_val={min_val}, max_val={max_val}",
  function(self, x) return F.hardtanh(x, self.min_val, self.max_val, self.inplace) end)
define("Hardsigmoid", {inplace}, "", function(self, x) return F.hardsigmoid(x, self.inplace) end)
  .extra_repr = Module.extra_repr
define("Hardswish", {inplace}, "", function(self, x) return F.hardswish(x, self.inplace) end)
  .extra_repr = Module.extra_repr
define("SiLU", {inplace}, "", function(self, x) return F.silu(x, self.inplace) end)
define("Mish", {inplace}, "", function(self, x) return F.mish(x, self.inplace) end)
define("Softplus", {{"beta", 1.0}, {"threshold", 20.0}}, "beta={beta}, threshold={threshold}", function(self, x)
  return F.softplus(x, self.beta, self.threshold)
end)
define("Softsign", {}, "", function(_, x) return F.softsign(x) end)
define("Tanhshrink", {}, "", function(_, x) return F.tanhshrink(x) end)
define("LogSigmoid", {}, "", function(_, x) return F.logsigmoid(x) end)
define("Hardshrink", {{"lambd", 0.5}}, "{lambd}", function(self, x) return F.hardshrink(x, self.lambd) end)
define("Softshrink", {{"lambd", 0.5}}, "{lambd}", function(self, x) return F.softshrink(x, self.lambd) end)
define("Threshold", {"threshold", "value", inplace}, "threshold={threshold}, value={value}", function(self, x)
  return F.threshold(x, self.threshold, self.value, self.inplace)
end)
define("GLU", {{"dim", -1}}, "dim={dim}", function(self, x) return F.glu(x, self.dim) end)

--- approximate: "none" or "tanh".
define("GELU", {{"approximate", "none"}}, "approximate={approximate}", function(self, x)
  return F.gelu(x, {approximate = self.approximate})
end)

--- max(0, x) + weight * min(0, x); the weight is learned, one for all or one for each channel.
local PReLU = define("PReLU", {{"num_parameters", 1}, {"init", 0.25}, {"device"}, {"dtype"}},
  "num_parameters={num_parameters}", function(self, x) return F.prelu(x, self.weight) end)
local prelu_args = args("PReLU", {"num_parameters", 1}, {"init", 0.25}, {"device"}, {"dtype"})

function PReLU:init(...)
  local n, value, device, dtype = prelu_args(...)
  self.num_parameters = n
  self.weight = Parameter(torch.full({n}, value, {device = device, dtype = dtype or torch.get_default_dtype()}))
end

return activations
