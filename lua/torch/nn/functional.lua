--- nn.functional: the C operations of that space, the tensor operations that PyTorch lists here too, and
-- activations composed of them.

local torch = require "torch"
local args = require "torch.utils.args"
local compat = require "torch.compat"

local fail = torch._C.fail
local F = torch._C.functional

for _, name in ipairs{"relu", "relu_", "sigmoid", "tanh", "softmax", "log_softmax", "hardtanh", "leaky_relu", "elu",
    "silu", "softplus", "gelu", "nll_loss", "cross_entropy", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "dropout", "one_hot", "embedding", "pad",
    "normalize", "cosine_similarity"} do
  if F[name] == nil then F[name] = rawget(torch, name) end
end

local tensor, number = "Tensor", "number"
local function short(x) return (tostring(x.dtype):gsub("^torch%.", "")) end
local kinds = {[tensor] = torch.is_tensor, [number] = function(v) return type(v) == "number" end}

-- one kernel in PyTorch: floating point only, and half types are rounded once, at the end
local real = {hardsigmoid = true, hardswish = true, logsigmoid = true, mish = true, selu = true, celu = true,
  hardshrink = true, softshrink = true, glu = true}

--- compose("celu", fn, {"alpha", number, 1.0}): fn(input, alpha) behind a check of what comes; without a default: required.
local function compose(name, fn, ...)
  local parameters, spec = {{"input", tensor}, ...}, {}
  for i, p in ipairs(parameters) do spec[i] = {p[1], p[3], required = p[3] == nil} end
  local read = args(name, table.unpack(spec))
  F[name] = function(...)
    local values = {read(...)}
    for i, p in ipairs(parameters) do
      local v = values[i]
      if not kinds[p[2]](v) then
        fail(("%s(): argument '%s' (position %d) must be %s, not %s"):format(name, p[1], i, p[2], torch._C.got(v)))
      end
    end
    local x = values[1]
    if not real[name] then return fn(table.unpack(values)) end
    if not x:is_floating_point() then
      fail(("%s(): input dtype should be floating point; got %s instead"):format(name, short(x)))
    end
    if x:element_size() > 2 then return fn(table.unpack(values)) end
    return fn(x:float(), table.unpack(values, 2)):to(x.dtype)
  end
end

compose("relu6", function(x) return F.hardtanh(x, 0, 6) end)
compose("hardsigmoid", function(x) return F.relu6(x + 3) / 6 end)
compose("hardswish", function(x) return x * F.relu6(x + 3) / 6 end)
compose("logsigmoid", function(x) return -F.softplus(-x) end)
compose("softsign", function(x) return x / (x:abs() + 1) end)
compose("tanhshrink", function(x) return x - x:tanh() end)
compose("mish", function(x) return x * F.softplus(x):tanh() end)

compose("selu", function(x)
  return F.elu(x, 1.6732632423543772848170429916717) * 1.0507009873554804934193349852946
end)

compose("celu", function(x, alpha)
  if alpha == 0 then fail("ZeroDivisionError: alpha cannot be 0 for CELU") end
  local low = x:le(0)
  return torch.where(low, alpha * (torch.where(low, x, 0) / alpha):expm1(), x)   -- no overflow for a gradient to meet
end, {"alpha", number, 1.0})

compose("threshold", function(x, threshold, value)
  return torch.where(x:le(threshold), torch.full_like(x, value), x)
end, {"threshold", number}, {"value", number})

compose("hardshrink", function(x, lambd)
  return torch.where(x:ge(-lambd) & x:le(lambd), torch.zeros_like(x), x)
end, {"lambd", number, 0.5})

compose("softshrink", function(x, lambd)
  if lambd < 0 then fail(("lambda must be greater or equal to 0, but found to be %s."):format(lambd)) end
  return torch.where(x:gt(lambd), x - lambd, torch.where(x:lt(-lambd), x + lambd, x * 0))
end, {"lambd", number, 0.5})

-- x where it is positive, else weight * x; the weight has one element, or one for each entry of dim 2
compose("prelu", function(x, weight)
  local n, dim, sizes, channels = weight:numel(), x:dim(), {}, 1
  if weight:dim() > 1 then
    fail(("prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = %d"):format(weight:dim()))
  elseif x.dtype ~= weight.dtype then
    fail(("prelu: Type promoting not supported. Got %s and %s"):format(short(x), short(weight)))
  end
  for i = 1, dim do sizes[i] = 1 end
  if n ~= 1 then
    if dim > 0 then channels = x:size(math.min(dim, 2)) end
    if n ~= channels then
      fail(("Mismatch of parameter numbers and input channel size. Found parameter numbers = %d and channel size = %d.")
        :format(n, channels))
    end
    if dim > 0 then sizes[math.min(dim, 2)] = n end
  end
  weight = weight:reshape(sizes)
  return torch.where(x:gt(0), x, weight * x)
end, {"weight", tensor})

-- the first half along dim times the sigmoid of the second
compose("glu", function(x, dim)
  local n = x:size(dim)
  if n % 2 ~= 0 then fail(("Halving dimension must be even, but dimension %d is size %d"):format(dim, n)) end
  return x:narrow(dim, 1, n // 2) * x:narrow(dim, n // 2 + 1, n // 2):sigmoid()
end, {"dim", number, -1})

-- `inplace` stands behind an activation's other arguments: the input itself takes the result, and what backward needs
-- of the old one is kept in a copy
for name, place in pairs{relu = 2, relu6 = 2, selu = 2, silu = 2, mish = 2, hardswish = 2, hardsigmoid = 2, elu = 3,
    celu = 3, leaky_relu = 3, hardtanh = 4, threshold = 4} do
  local op = F[name]
  F[name] = function(x, ...)
    local n = select("#", ...)
    if n == 0 then return op(x) end
    local values, inplace = {...}, nil
    local last = values[n]
    if n == place - 1 and type(last) ~= "table" then
      inplace, n = last, n - 1
    elseif type(last) == "table" and last.inplace ~= nil then
      inplace, values[n] = last.inplace, {}
      for k, v in pairs(last) do
        if k ~= "inplace" then values[n][k] = v end
      end
    end
    if inplace ~= nil and type(inplace) ~= "boolean" then
      fail(("%s(): argument 'inplace' must be bool, not %s"):format(name, torch._C.got(inplace)))
    end
    if not inplace or not torch.is_tensor(x) then return op(x, table.unpack(values, 1, n)) end
    return x:copy_(op(x.requires_grad and x:clone() or x, table.unpack(values, 1, n)))
  end
end

compat.losses(F)

-- `weight` stands last of these losses' arguments: a factor for each element. The mean is that of the weighted
-- elements (over the sum of the weights), huber_loss's that of all.
for name, rest in pairs{mse_loss = {}, l1_loss = {}, huber_loss = {{"delta", 1.0}}} do
  local op, old = F[name], name == "huber_loss" and {} or {{"size_average"}, {"reduce"}}
  local spec = {"input", "target", table.unpack(old)}
  spec[#spec + 1] = {"reduction", "mean"}
  for _, p in ipairs(rest) do spec[#spec + 1] = p end
  spec[#spec + 1] = {"weight"}
  local place, read = #spec, args(name, table.unpack(spec))
  F[name] = function(input, target, ...)
    local n = select("#", ...)
    local last = n > 0 and select(n, ...)
    if n + 2 < place and not (type(last) == "table" and last.weight ~= nil) then return op(input, target, ...) end
    local values = {read(input, target, ...)}
    local weight = values[place]
    if weight == nil then return op(input, target, ...) end
    if not torch.is_tensor(weight) then
      fail(("%s(): argument 'weight' (position %d) must be Tensor, not %s"):format(name, place, torch._C.got(weight)))
    end
    local reduction = values[#old + 3]
    if #old > 0 then reduction = compat.reduction(values[3], values[4], reduction) end
    local each = op(input, target, {reduction = "none", delta = rest[1] and values[place - 1]})
    if not weight:is_same_size(input) then fail("Weights and input must have the same size.") end
    each = each * weight
    if reduction == "none" then return each end
    if reduction == "sum" then return each:sum() end
    if reduction ~= "mean" then
      fail(("Invalid reduction mode: %s. Expected one of 'none', 'mean', 'sum'."):format(tostring(reduction)))
    end
    return rest[1] and each:mean() or each:sum() / weight:sum()
  end
end

-- softmax and log_softmax without a dim: dim 1 of tensors with 0, 1 or 3 dims, else dim 2, and a warning
for _, name in ipairs{"softmax", "log_softmax"} do
  local op = F[name]
  F[name] = function(x, dim, ...)
    if torch.is_tensor(x) and (dim == nil or type(dim) == "table" and dim.dim == nil and dim[1] == nil) then
      warn(("Implicit dimension choice for %s has been deprecated. Change the call to include dim=X as an argument.")
        :format(name))
      local n = x:dim()
      return op(x, (n == 0 or n == 1 or n == 3) and 1 or 2, dim, ...)
    end
    return op(x, dim, ...)
  end
end

return setmetatable(F, {
  __index = function(_, name)
    if type(name) ~= "string" then return nil end
    torch._C.fail(torch._C.missing(name, F, "torch.nn.functional"))
  end,
})
