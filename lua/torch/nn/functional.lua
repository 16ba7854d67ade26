--- nn.functional: the C operations of that space, the tensor operations that PyTorch lists here too, and
-- activations composed of them. A composition gives way to an operation of the same name.

local torch = require "torch"

local fail = torch._C.fail
local F = torch._C.functional

for _, name in ipairs{"relu", "relu_", "sigmoid", "tanh", "softmax", "log_softmax", "hardtanh", "leaky_relu", "elu",
    "silu", "softplus", "gelu", "nll_loss", "cross_entropy", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "dropout", "one_hot", "embedding", "pad",
    "normalize", "cosine_similarity"} do
  if F[name] == nil then F[name] = rawget(torch, name) end
end

-- a keyword or a positional argument that stands second in a composition
local function second(value, name, default)
  if type(value) == "table" then value = value[name] end
  if value == nil then return default end
  return value
end

local compose = {}

function compose.linear(x, weight, bias)
  local y = x:matmul(weight:t())
  return bias and y + bias or y
end

function compose.relu6(x) return x:clamp(0, 6) end
function compose.hardsigmoid(x) return F.relu6(x + 3) / 6 end
function compose.hardswish(x) return x * F.relu6(x + 3) / 6 end
function compose.logsigmoid(x) return -F.softplus(-x) end
function compose.softsign(x) return x / (x:abs() + 1) end
function compose.tanhshrink(x) return x - x:tanh() end
function compose.mish(x) return x * F.softplus(x):tanh() end

function compose.selu(x)
  return F.elu(x, 1.6732632423543772848170429916717) * 1.0507009873554804934193349852946
end

function compose.celu(x, alpha)
  alpha = second(alpha, "alpha", 1.0)
  return torch.where(x:gt(0), x, (x / alpha):exp():sub(1):mul(alpha))
end

function compose.threshold(x, threshold, value)
  return torch.where(x:gt(threshold), x, torch.full_like(x, value))
end

function compose.hardshrink(x, lambd)
  lambd = second(lambd, "lambd", 0.5)
  return torch.where(x:ge(-lambd) & x:le(lambd), torch.zeros_like(x), x)
end

function compose.softshrink(x, lambd)
  lambd = second(lambd, "lambd", 0.5)
  if lambd < 0 then fail(("lambda must be greater or equal to 0, but found to be %s."):format(lambd)) end
  return torch.where(x:gt(lambd), x - lambd, torch.where(x:lt(-lambd), x + lambd, x * 0))
end

--- x where it is positive, else weight * x; the weight has one element, or one for each entry of dim 2.
function compose.prelu(x, weight)
  if weight:numel() > 1 then
    local sizes = {}
    for i = 1, x:dim() do sizes[i] = 1 end
    sizes[x:dim() > 1 and 2 or 1] = weight:numel()
    weight = weight:reshape(sizes)
  end
  return torch.where(x:gt(0), x, weight * x)
end

--- The first half along dim times the sigmoid of the second.
function compose.glu(x, dim)
  dim = second(dim, "dim", -1)
  local n = x:size(dim)
  if n % 2 ~= 0 then fail(("Halving dimension must be even, but dimension %d is size %d"):format(dim, n)) end
  return x:narrow(dim, 1, n // 2) * x:narrow(dim, n // 2 + 1, n // 2):sigmoid()
end

function compose.softmin(x, dim) return F.softmax(-x, second(dim, "dim")) end

--- Zeroes each element with probability p and scales the others by 1 / (1 - p); nothing when not training.
-- The mask is drawn in logical order, two numbers of the generator for each element.
function compose.dropout(x, p, training)
  if type(p) == "table" then p, training = p.p, p.training end
  p = p or 0.5
  if p < 0 or p > 1 then
    fail(("dropout probability has to be between 0 and 1, but got %s"):format(torch._C.repr(p)))
  end
  if training == false or p == 0 or x:numel() == 0 then return x end
  if p == 1 then return x * torch.zeros_like(x) end
  local mask = torch.empty(x.shape, {dtype = x.dtype, device = x.device}):bernoulli_(1 - p):div_(1 - p)
  return x * mask
end

for name, fn in pairs(compose) do
  if F[name] == nil then F[name] = fn end
end

require "torch.compat".losses(F)

-- softmax and log_softmax without a dim: dim 1 of tensors with 0, 1 or 3 dims, else dim 2, and a warning
for _, name in ipairs{"softmax", "log_softmax"} do
  local op = F[name]
  F[name] = function(x, dim, ...)
    if dim == nil or type(dim) == "table" and dim.dim == nil and dim[1] == nil then
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
