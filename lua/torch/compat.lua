--- The names of older PyTorch and Lua Torch, as thin aliases of today's; all of them are here.
--
--    Variable(x, {requires_grad = true})    torch.FloatTensor(2, 3)    x:type(torch.DoubleTensor)
--    nn.MSELoss{size_average = false}       nn.init.xavier_normal(w)   x:repeatTensor(2, 3)

local torch = require "torch"

local fail = torch._C.fail
local compat = {}

--------------------------------------------------------------------------------------------- Variable

--- A tensor that looks at the same memory. volatile=true is no history: what follows is not recorded unless
-- something else in it wants a gradient.
function compat.Variable(data, requires_grad, volatile)
  if type(requires_grad) == "table" then requires_grad, volatile = requires_grad.requires_grad, requires_grad.volatile end
  if not torch.is_tensor(data) then
    fail("Variable data has to be a tensor, but got " .. type(data))
  end
  if volatile and requires_grad then fail("Variable can't be volatile and require_grad at the same time!") end
  local v = data:detach()
  return requires_grad and v:requires_grad_() or v
end

--------------------------------------------------------------------------------------------- typed tensors

local dtypes = {
  FloatTensor = "float32", DoubleTensor = "float64", HalfTensor = "float16", BFloat16Tensor = "bfloat16",
  LongTensor = "int64", IntTensor = "int32", ShortTensor = "int16", CharTensor = "int8", ByteTensor = "uint8",
  BoolTensor = "bool",
}
local kinds = setmetatable({}, {__mode = "k"})           -- torch.FloatTensor -> converter

-- torch.FloatTensor(2, 3): not initialised; torch.FloatTensor{1, 2, 3}: these values; also of a tensor or a storage.
-- Those of torch.cuda are on the current card, the others on the default device.
local function typed(place, name, dtype_of)
  local card = place ~= torch and "cuda" or nil
  local function convert(t, ...)
    if card then return t.is_cuda and t:to(dtype_of(), ...) or t:to(card, dtype_of(), ...) end
    if t.is_cuda then return t:to(torch.get_default_device(), dtype_of(), ...) end
    return t:to(dtype_of(), ...)
  end
  local kind = setmetatable({}, {
    __name = name,
    __tostring = function() return (card and "torch.cuda." or "torch.") .. name end,
    __call = function(_, first, ...)
      local options = {dtype = dtype_of(), device = card}
      if type(first) == "table" then return torch.tensor(first, options) end
      if torch.is_tensor(first) then return convert(first) end
      if first == nil then return torch.empty(0, options) end
      local sizes = {first, ...}
      return torch.empty(sizes, options)
    end,
  })
  kinds[kind] = convert
  place[name] = kind
end

--- torch.cuda.FloatTensor and its like.
function compat.cuda(cuda)
  for name, dtype in pairs(dtypes) do typed(cuda, name, function() return torch[dtype] end) end
end

--------------------------------------------------------------------------------------------- reduction

--- What size_average and reduce mean in today's words.
function compat.reduction(size_average, reduce, reduction)
  if size_average == nil and reduce == nil then return reduction end
  if reduce == false then return "none" end
  return size_average == false and "sum" or "mean"
end

--- Lets the losses of nn.functional take {size_average=, reduce=}.
function compat.losses(F)
  for _, name in ipairs{"mse_loss", "l1_loss", "smooth_l1_loss", "nll_loss", "cross_entropy", "binary_cross_entropy",
      "binary_cross_entropy_with_logits"} do
    local op = rawget(F, name)
    F[name] = op and function(...)
      local n = select("#", ...)
      local o = n > 2 and select(n, ...)
      if type(o) == "table" and (o.size_average ~= nil or o.reduce ~= nil) then
        local args, kept = table.pack(...), {}
        for k, v in pairs(o) do
          if k ~= "size_average" and k ~= "reduce" then kept[k] = v end
        end
        kept.reduction = compat.reduction(o.size_average, o.reduce, o.reduction)
        args[n] = kept
        return op(table.unpack(args, 1, n))
      end
      return op(...)
    end
  end
end

--- nn.init.xavier_normal and its like.
function compat.init(init)
  for _, name in ipairs{"uniform", "normal", "constant", "eye", "dirac", "xavier_uniform", "xavier_normal",
      "kaiming_uniform", "kaiming_normal", "sparse"} do
    init[name] = init[name .. "_"]
  end
end

--- nn.utils.clip_grad_norm.
function compat.utils(utils)
  utils.clip_grad_norm = utils.clip_grad_norm_
end

--------------------------------------------------------------------------------------------- at start

-- x laid n1 times along dim 1, n2 times along dim 2 ...; more numbers than dims make new dims in front
local function tiled(x, ...)
  local counts = type((...)) == "table" and (...) or {...}
  local new = #counts - x:dim()
  if new < 0 then
    fail("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
  end
  for _ = 1, new do x = x:unsqueeze(1) end
  local wide, total, copied = {}, 1.0, false
  for d, n in ipairs(counts) do
    if math.type(n) ~= "integer" or n < 0 then
      fail(("repeat(): the number of repetitions along dimension %d should be a non-negative integer, got %s")
        :format(d, tostring(n)))
    end
    wide[d] = n * x:size(d)
    total = total * n * x:size(d)                        -- a float, which does not wrap
  end
  if total >= 2.0^60 then
    fail(("repeat(): Storage size calculation overflowed with sizes=[%s]"):format(table.concat(wide, ", ")))
  end
  local sizes, inner = {table.unpack(x.shape)}, 1
  for d = #counts, 1, -1 do                              -- the small copies first
    local n = counts[d]
    inner = inner * sizes[d]
    if n ~= 1 then
      local outer = 1
      for k = 1, d - 1 do outer = outer * sizes[k] end
      sizes[d] = wide[d]
      x = x:reshape(outer, 1, inner):expand(outer, n, inner):contiguous():reshape(sizes)
      inner, copied = inner * n, true
    end
  end
  return copied and x or x:clone()
end

--- Puts the old names into the torch table and among the methods of tensors.
function compat.install()
  local methods = torch._C.methods
  for name, dtype in pairs(dtypes) do
    if torch[dtype] then typed(torch, name, function() return torch[dtype] end) end
  end
  typed(torch, "Tensor", torch.get_default_dtype)

  local cast, names = methods.type, {}
  for name, dtype in pairs(dtypes) do names[torch[dtype]] = name end
  -- x:type() is the name of x's type, x:type(torch.DoubleTensor) a conversion
  function methods.type(t, kind, ...)
    if kind == nil then return (t.is_cuda and "torch.cuda." or "torch.") .. names[t.dtype] end
    local convert = kinds[kind]
    if convert then return convert(t, ...) end
    return cast(t, kind, ...)
  end

  local repeated = methods["repeat"] or tiled
  methods.repeatTensor, methods["repeat"] = repeated, repeated
  -- the function takes the condition first, the method the values
  methods.where = methods.where or function(x, condition, other) return torch.where(condition, x, other) end
  methods.nElement = methods.nElement or methods.numel
  methods.nDimension = methods.nDimension or methods.dim
end

return compat
