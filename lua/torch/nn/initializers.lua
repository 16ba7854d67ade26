--- nn.init: functions that fill a tensor in place, without recording, and return it.
--
--    nn.init.xavier_uniform_(w)    nn.init.kaiming_normal_(w, {mode = "fan_out", nonlinearity = "relu"})
--
-- The names without the underscore (xavier_normal) are the ones of PyTorch 0.3 and do the same.

local torch = require "torch"
local args = require "torch.utils.args"

local fail, sqrt = torch._C.fail, math.sqrt
local init = {}

local function check(name, t)
  if not torch.is_tensor(t) then fail(("%s: expected a tensor, got %s"):format(name, type(t))) end
  return t
end

-- fills t with recording off
local function quietly(fn, t, ...)
  local _ <close> = torch.no_grad()
  fn(t, ...)
  return t
end

-- arguments whose default is a number take numbers
local function define(name, fn, ...)
  local parameters = {"tensor", ...}
  local read = args(name, table.unpack(parameters))
  init[name] = function(...)
    local values = table.pack(read(...))
    for i, p in ipairs(parameters) do
      if type(p[2]) == "number" and type(values[i]) ~= "number" then
        fail(("%s(): argument '%s' must be number, not %s"):format(name, p[1], torch._C.got(values[i])))
      end
    end
    return fn(table.unpack(values, 1, values.n))
  end
end

--------------------------------------------------------------------------------------------- plain

--- uniform_(t, a=0, b=1, generator)
define("uniform_", function(t, a, b, generator)
  return quietly(function() t:uniform_(a, b, {generator = generator}) end, check("uniform_", t))
end, {"a", 0.0}, {"b", 1.0}, {"generator"})

--- normal_(t, mean=0, std=1, generator)
define("normal_", function(t, mean, std, generator)
  return quietly(function() t:normal_(mean, std, {generator = generator}) end, check("normal_", t))
end, {"mean", 0.0}, {"std", 1.0}, {"generator"})

define("constant_", function(t, val)
  return quietly(function() t:fill_(val) end, check("constant_", t))
end, "val")

function init.ones_(t) return init.constant_(t, 1.0) end
function init.zeros_(t) return init.constant_(t, 0.0) end

--- The identity in a matrix; what is beyond the shorter side is 0.
function init.eye_(t)
  if check("eye_", t):dim() ~= 2 then fail("Only tensors with 2 dimensions are supported") end
  return quietly(function()
    t:zero_()
    for i = 1, math.min(t:size(1), t:size(2)) do t[{i, i}] = 1 end
  end, t)
end

--- Convolutions that pass their channels on: the middle of filter i is 1 at channel i, group by group.
define("dirac_", function(t, groups)
  local dims = check("dirac_", t):dim()
  if dims < 3 or dims > 5 then fail("Only tensors with 3, 4, or 5 dimensions are supported") end
  local shape = t.shape
  if shape[1] % groups ~= 0 then fail("dim 1 must be divisible by groups") end
  local per = shape[1] // groups
  return quietly(function()
    t:zero_()
    for g = 0, groups - 1 do
      for c = 1, math.min(per, shape[2]) do
        local at = {g * per + c, c}
        for d = 3, dims do at[d] = shape[d] // 2 + 1 end
        t[at] = 1
      end
    end
  end, t)
end, {"groups", 1})

--- The normal distribution cut at a and b. By rejection: where the bounds hold more than 30 % of the mass, what lies
-- outside is drawn anew; else uniform proposals are taken with the probability of their density.
define("trunc_normal_", function(t, mean, std, a, b, generator)
  check("trunc_normal_", t)
  local function cdf(x)
    return (1 + torch.tensor(x / sqrt(2), {dtype = torch.float64}):erf():item()) / 2
  end
  if mean < a - 2 * std or mean > b + 2 * std then
    warn("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be incorrect.")
  end
  local options = {generator = generator}
  local function within()
    local lo = torch.tensor(a, {dtype = t.dtype}):item()
    local hi = torch.tensor(b, {dtype = t.dtype}):item()
    local result = t:normal_(mean, std, options)
    while true do
      local outside = result:lt(lo):logical_or(result:gt(hi))
      if not outside:any() then break end
      result = torch.where(outside, torch.empty_like(result):normal_(mean, std, options), result)
    end
    if result ~= t then t:copy_(result) end
  end
  local function proposals()
    local mode = math.max(a, math.min(mean, b))
    local peak = -0.5 * ((mode - mean) / std) ^ 2
    local result, pending = t
    repeat
      local x = torch.empty_like(t):uniform_(a, b, options)
      result = pending and torch.where(pending, x, result) or x
      local density = x:sub(mean):div_(std):pow_(2):mul_(-0.5):sub_(peak)
      local rejected = torch.empty_like(t):uniform_(0, 1, options):log_():gt(density)
      pending = pending and pending:logical_and(rejected) or rejected
    until not pending:any()
    t:copy_(result)
  end
  return quietly(cdf((b - mean) / std) - cdf((a - mean) / std) > 0.3 and within or proposals, t)
end, {"mean", 0.0}, {"std", 1.0}, {"a", -2.0}, {"b", 2.0}, {"generator"})

--- Every column gets ceil(sparsity * rows) zeros at random rows; the rest is normal(0, std).
define("sparse_", function(t, sparsity, std, generator)
  if check("sparse_", t):dim() ~= 2 then fail("Only tensors with 2 dimensions are supported") end
  if type(sparsity) ~= "number" then
    fail("sparse_(): argument 'sparsity' must be number, not " .. torch._C.got(sparsity))
  end
  local rows, columns = t:size(1), t:size(2)
  local zeros = math.ceil(sparsity * rows)
  return quietly(function()
    t:normal_(0, std, {generator = generator})
    for c = 1, columns do
      local order = torch.randperm(rows)
      if zeros > 0 then t[{order:narrow(1, 1, zeros), c}] = 0 end
    end
  end, t)
end, "sparsity", {"std", 0.01}, {"generator"})

--------------------------------------------------------------------------------------------- by fan

local gains = {tanh = 5 / 3, relu = sqrt(2), selu = 3 / 4}
for _, name in ipairs{"linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d", "sigmoid"} do
  gains[name] = 1
end

--- The factor by which a nonlinearity shrinks the spread. param: the slope of leaky_relu (0.01).
function init.calculate_gain(nonlinearity, param)
  if type(param) == "table" then param = param.param end
  if nonlinearity == "leaky_relu" then
    if param ~= nil and type(param) ~= "number" then
      fail(("negative_slope %s not a valid number"):format(tostring(param)))
    end
    return sqrt(2 / (1 + (param or 0.01) ^ 2))
  end
  return gains[nonlinearity] or fail("Unsupported nonlinearity " .. tostring(nonlinearity))
end

-- numbers of inputs and outputs of one unit: W is [out, in, kernel...]
local function fans(t)
  if t:dim() < 2 then
    fail("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
  end
  local shape, field = t.shape, 1
  for i = 3, #shape do field = field * shape[i] end
  return shape[2] * field, shape[1] * field
end
init._calculate_fan_in_and_fan_out = fans

local function xavier_std(t, gain)
  local fan_in, fan_out = fans(t)
  return gain * sqrt(2 / (fan_in + fan_out))
end

--- Uniform in +-gain * sqrt(6 / (fan_in + fan_out)).
define("xavier_uniform_", function(t, gain, generator)
  local a = sqrt(3) * xavier_std(check("xavier_uniform_", t), gain)
  return init.uniform_(t, -a, a, generator)
end, {"gain", 1.0}, {"generator"})

define("xavier_normal_", function(t, gain, generator)
  return init.normal_(t, 0, xavier_std(check("xavier_normal_", t), gain), generator)
end, {"gain", 1.0}, {"generator"})

-- the standard deviation of He et al.; nil for a tensor without elements
local function kaiming_std(name, t, a, mode, nonlinearity)
  check(name, t)
  if t:numel() == 0 then
    warn("Initializing zero-element tensors is a no-op")
    return nil
  end
  mode = type(mode) == "string" and mode:lower() or mode
  if mode ~= "fan_in" and mode ~= "fan_out" then
    fail(("Mode %s not supported, please use one of ['fan_in', 'fan_out']"):format(tostring(mode)))
  end
  local fan_in, fan_out = fans(t)
  return init.calculate_gain(nonlinearity, a) / sqrt(mode == "fan_in" and fan_in or fan_out)
end

--- Uniform in +-sqrt(3) * gain / sqrt(fan).
define("kaiming_uniform_", function(t, a, mode, nonlinearity, generator)
  local std = kaiming_std("kaiming_uniform_", t, a, mode, nonlinearity)
  if not std then return t end
  local bound = sqrt(3) * std
  return init.uniform_(t, -bound, bound, generator)
end, {"a", 0}, {"mode", "fan_in"}, {"nonlinearity", "leaky_relu"}, {"generator"})

define("kaiming_normal_", function(t, a, mode, nonlinearity, generator)
  local std = kaiming_std("kaiming_normal_", t, a, mode, nonlinearity)
  return std and init.normal_(t, 0, std, generator) or t
end, {"a", 0}, {"mode", "fan_in"}, {"nonlinearity", "leaky_relu"}, {"generator"})

require "torch.compat".init(init)

return init
