-- rows.lua -- the words of src/device/words.h on Lua's numbers, so that a row's text can be run as Lua, and how to
-- call a row on tensors with every kind of parameter. A test gives 1 or 0, as in the kernels.
local torch = require "torch"

local rows = {}
local inf = math.huge

local function bit(c) return c and 1 or 0 end
local function is(c) return c ~= false and c ~= 0 end
local function is_integer(x) return math.type(x) == "integer" end
local function minus(x) return x < 0 or (x == 0 and not is_integer(x) and 1 / x < 0) end

local function whole(f)                          -- math.floor and the like, kept floating and with the sign of a zero
  return function (x)
    if is_integer(x) or x ~= x or x == inf or x == -inf or x == 0 then return x end
    local r = f(x) + 0.0
    return r == 0 and minus(x) and -0.0 or r
  end
end
local function half_even(x)
  local f = math.floor(x)
  local d = x - f
  return d < 0.5 and f or d > 0.5 and f + 1 or f % 2 == 0 and f or f + 1
end

-- a * b + c rounded once: the product's own error by Dekker's halves, the sum's by Knuth
local function fma(a, b, c)
  if is_integer(a) and is_integer(b) and is_integer(c) then return a * b + c end
  local p = a * b
  if b == 1 or c == 0 or not (math.abs(p) > 1e-250 and math.abs(p) < 1e290) or math.abs(a) > 1e290 or math.abs(b) > 1e290 then
    return p + c
  end
  local function half(x) local t = 134217729.0 * x; return t - (t - x) end
  local ah, bh = half(a), half(b)
  local al, bl = a - ah, b - bh
  local lost = ((ah * bh - p) + ah * bl + al * bh) + al * bl
  local s = p + c
  local t = s - p
  local r = s + (((p - (s - t)) + (c - t)) + lost)
  return r ~= r and s or r
end

local function rem(a, b)
  if is_integer(a) then return (b == 0 or b == -1) and 0 or math.fmod(a, b) end
  return math.fmod(a, b)
end
local function tdiv(a, b)
  if is_integer(a) then return b == 0 and 0 or b == -1 and -a or (a - math.fmod(a, b)) // b end
  return whole(function (x) return x < 0 and math.ceil(x) or math.floor(x) end)(a / b)
end
local function fdiv(a, b)
  if is_integer(a) then return b == 0 and 0 or a // b end
  if b == 0 then return a / b end
  local m = math.fmod(a, b)
  local d = (a - m) / b
  if m ~= 0 and (b < 0) ~= (m < 0) then d = d - 1 end
  if d == 0 then return minus(a / b) and -0.0 or 0.0 end
  local r = whole(math.floor)(d)
  return d - r > 0.5 and r + 1 or r
end

local function integer_power(a, n)
  if n < 0 then return a == 1 and 1 or a == -1 and (n & 1 == 1 and -1 or 1) or 0 end
  local r = 1
  while n ~= 0 do
    if n & 1 == 1 then r = r * a end
    a, n = a * a, n >> 1
  end
  return r
end
local function pow(a, b)
  if is_integer(a) then return integer_power(a, b) end
  return a ^ b
end
local function power(x, n)
  if is_integer(x) then return integer_power(x, n) end
  if n == 2 then return x * x elseif n == 3 then return x * x * x elseif n == 1 then return x elseif n == 0 then return 1.0 end
  if n == 0.5 then return math.sqrt(x) elseif n == -0.5 then return 1 / math.sqrt(x) end
  if n == -1 then return 1 / x elseif n == -2 then return 1 / (x * x) end
  return x ^ n
end

local function gcd(a, b)                         -- the least integer has no absolute value and keeps its sign
  a, b = a < 0 and -a or a, b < 0 and -b or b
  while a ~= 0 do a, b = rem(b, a), a end
  return b
end

-- functions that Lua's math lacks, to about 1e-13
local function expm1(x)
  local u = math.exp(x)
  if u == 1 then return x elseif u - 1 == -1 then return -1.0 elseif u == inf then return inf end
  return (u - 1) * (x / math.log(u))
end
local function log1p(x)
  local u = 1 + x
  if u == 1 then return x elseif u == inf then return inf end
  return math.log(u) * (x / (u - 1))
end
local function odd(f) return function (x) if minus(x) then return -f(-x) end return f(x) end end
local tanh = odd(function (x) if x > 22 then return 1.0 end local t = expm1(2 * x); return t / (t + 2) end)
local sinh = odd(function (x)
  if x > 22 then local h = math.exp(x / 2); return h / 2 * h end
  local t = expm1(x)
  return (t + t / (t + 1)) / 2
end)
local function cosh(x)
  local h = math.exp(math.abs(x) / 2)
  if math.abs(x) > 22 then return h / 2 * h end
  return (math.exp(x) + math.exp(-x)) / 2
end
local asinh = odd(function (x)
  if x > 1e9 then return math.log(x) + math.log(2) end
  return log1p(x + x * x / (1 + math.sqrt(x * x + 1)))
end)
local function acosh(x)
  if x > 1e9 then return math.log(x) + math.log(2) elseif x < 1 then return 0 / 0 end
  return log1p(x - 1 + math.sqrt(x - 1) * math.sqrt(x + 1))
end
local atanh = odd(function (x) return log1p(2 * x / (1 - x)) / 2 end)
local function erfc_far(x)                       -- continued fraction, x >= 2
  local f = 0.0
  for k = 120, 1, -1 do f = k / 2 / (x + f) end
  return math.exp(-x * x) / (x + f) / math.sqrt(math.pi)
end
local erf = odd(function (x)
  if x > 6 then return 1.0 elseif x > 2 then return 1 - erfc_far(x) end
  local sum, term, k = x, x, 0
  repeat k = k + 1; term = term * -x * x / k; sum = sum + term / (2 * k + 1) until term ~= term or math.abs(term) <= 1e-18
  return sum * 2 / math.sqrt(math.pi)
end)
local function erfc(x) if x > 2 then return x > 30 and 0.0 or erfc_far(x) end return 1 - erf(x) end
local function hypot(a, b)
  a, b = math.abs(a), math.abs(b)
  if a == inf or b == inf then return inf elseif a ~= a or b ~= b then return 0 / 0 end
  if a < b then a, b = b, a end
  if a == 0 then return 0.0 end
  return a * math.sqrt(1 + b / a * (b / a))
end

rows.words = {
  K = function (c) return c end,
  where = function (c, a, b) if is(c) then return a end return b end,
  gt = function (a, b) return bit(a > b) end, ge = function (a, b) return bit(a >= b) end,
  lt = function (a, b) return bit(a < b) end, le = function (a, b) return bit(a <= b) end,
  eq = function (a, b) return bit(a == b) end, ne = function (a, b) return bit(a ~= b) end,
  both = function (a, b) return bit(is(a) and is(b)) end, either = function (a, b) return bit(is(a) or is(b)) end,
  no = function (a) return bit(not is(a)) end,
  isnan = function (x) return bit(x ~= x) end, isinf = function (x) return bit(x == inf or x == -inf) end,
  isfinite = function (x) return bit(x == x and x ~= inf and x ~= -inf) end,
  signbit = function (x) return bit(string.pack(is_integer(x) and ">i8" or ">d", x):byte() >= 128) end,
  abs = function (x) if is_integer(x) then return x < 0 and -x or x end return math.abs(x) end,
  sign = function (x) return x > 0 and 1 or x < 0 and -1 or 0 end,
  max = function (a, b) return (a > b or a ~= a) and a or b end,
  min = function (a, b) return (a < b or a ~= a) and a or b end,
  square = function (x) return x * x end, sqrt = math.sqrt, fma = fma,
  floor = whole(math.floor), ceil = whole(math.ceil), rint = whole(half_even),
  trunc = whole(function (x) return x < 0 and math.ceil(x) or math.floor(x) end),
  fdiv = fdiv, tdiv = tdiv, rem = rem,
  mod = function (a, b)
    if is_integer(a) then return b == 0 and 0 or a % b end
    local m = math.fmod(a, b)
    return m ~= 0 and (b < 0) ~= (m < 0) and m + b or m
  end,
  gcd = gcd,
  lcm = function (a, b)
    local g = gcd(a, b)
    local r = g == 0 and 0 or tdiv(a, g) * b
    return r < 0 and -r or r
  end,
  bxor = function (a, b) return a ~ b end,
  shl = function (a, b) return (b < 0 or b > 63) and 0 or a << b end,
  shr = function (a, b) return a // (1 << ((b < 0 or b > 62) and 62 or b)) // ((b < 0 or b > 62) and 2 or 1) end,
}
-- words whose last bits are the C library's in Lua, and often in the kernel: the two agree to a tolerance
local library = {
  exp = math.exp, log = function (x) return math.log(x) end, sin = math.sin, cos = math.cos, tan = math.tan,
  asin = math.asin, acos = math.acos, atan = function (x) return math.atan(x) end, atan2 = math.atan,
  exp2 = function (x) return 2.0 ^ x end, log2 = function (x) return math.log(x, 2) end, log10 = function (x) return math.log(x, 10) end,
  expm1 = expm1, log1p = log1p, tanh = tanh, sinh = sinh, cosh = cosh, asinh = asinh, acosh = acosh, atanh = atanh,
  erf = erf, erfc = erfc, hypot = hypot, pow = pow, power = power,
}
for name, f in pairs(library) do rows.words[name] = f end

--- a row's text as a function of (a, b, c, g, y, p0, p1), x being a; and whether it must agree to the last bit
function rows.formula(row)
  local exact = true
  for word in row.text:gmatch "[%a_][%w_]*" do
    if library[word] then exact = false end
    assert(rows.words[word] or word:match "^[abcxgy]$" or word:match "^p%d$", row.name .. " has an unknown word: " .. word)
  end
  local text = "local a, b, c, g, y, p0, p1 = ...; local x = a; return " .. row.text
  return assert(load(text, row.name, "t", rows.words)), exact
end

-- parameters to try, for rows that have any: { p0, p1 } for floats, and for integers
local parameters = {
  add = { { 1.0 }, { -2.5 } }, sub = { { 1.0 }, { -2.5 } }, addcmul = { { 1.0 }, { 0.3 } }, addcdiv = { { 1.0 }, { 0.3 } },
  pow_number = { { 2.0 }, { 3.0 }, { 0.5 }, { -0.5 }, { -1.0 }, { -2.0 }, { 1.0 }, { 0.0 }, { 4.0 }, { 2.5 }, { -3.0 } },
  clamp = { { -0.5, 2.5 }, { 2.0, -1.0 } }, hardtanh = { { -1.0, 1.0 } }, leaky_relu = { { 0.01 } }, elu = { { 1.5 } },
  softplus = { { 1.0, 20.0 }, { 2.0, 3.0 } },
}
local integer_parameters = {
  add = { { 1 }, { -3 } }, sub = { { 1 }, { -3 } }, addcmul = { { 1 }, { 5 } }, pow_number = { { 0 }, { 1 }, { 2 }, { 3 }, { 5 } },
  clamp = { { -5, 100 }, { 7, 7 } }, hardtanh = { { -1, 1 } },
}

--- the list of parameter lists of a row
function rows.parameters(row, for_integers)
  if row.args == "" then return { {} } end
  return assert((for_integers and integer_parameters or parameters)[row.name], row.name .. " has no parameters to try")
end

--- the row on tensors
function rows.call(row, p, tensors)
  local f = torch._C[row.name] or torch[row.name]
  local arguments, keywords = { table.unpack(tensors) }, nil
  if row.args:sub(1, 1) == "*" then keywords = { [row.args:match "[%a_]+"] = p[1] }
  else for _, v in ipairs(p) do arguments[#arguments + 1] = v end
  end
  if keywords then arguments[#arguments + 1] = keywords end
  return f(table.unpack(arguments))
end

--- rows with which == 0, each with its derivatives in .derivative
function rows.all()
  local list = {}
  for _, row in ipairs(torch._C.rows()) do
    if row.which == 0 then
      row.derivative = {}
      list[#list + 1] = row
    else list[#list].derivative[row.which] = row           -- they follow their row
    end
  end
  return list
end

--- a number that depends on every bit that every row gives in the four float dtypes, forward and backward, and in integers
function rows.digest()
  local sum = 0
  local function mix(t)
    if t.dtype == torch.float32 or t.dtype == torch.float16 or t.dtype == torch.bfloat16 then t = t:double() end
    for _, v in ipairs(t:detach():flatten():tolist()) do
      if type(v) == "boolean" then v = bit(v) end
      sum = sum * 31 + (v ~= v and 7 or is_integer(v) and v or string.unpack("<i8", string.pack("<d", v)))
    end
  end
  torch.manual_seed(1)
  local special = torch.tensor { inf, -inf, 0 / 0, -0.0, 1e-40, 1e30, 130, -1e5, 88.8, -103.5 }
  local base = {}
  for k = 1, 4 do base[k] = torch.cat({ torch.randn(493) * 4, special, torch.rand(500) }, 1) end
  for _, row in ipairs(rows.all()) do
    local floats, integers = row.rule ~= "INT", row.rule ~= "FLOAT" and row.rule ~= "REAL" and row.stamp ~= "REAL"
    for _, dtype in ipairs(floats and { torch.float32, torch.float64, torch.float16, torch.bfloat16 } or {}) do
      for _, p in ipairs(rows.parameters(row)) do
        local t = {}
        for k = 1, row.nin do t[k] = base[k]:to(dtype) end
        if row.name == "where" then t[1] = t[1]:gt(0) end
        if row.derivative[1] then
          for k = row.name == "where" and 2 or 1, row.nin do t[k]:requires_grad_() end
        end
        local y = rows.call(row, p, t)
        mix(y)
        if row.derivative[1] then
          y:backward(base[4]:to(y.dtype))
          for k = 1, row.nin do if t[k].grad then mix(t[k].grad) end end
        end
      end
    end
    for _, dtype in ipairs(integers and { torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8 } or {}) do
      for _, p in ipairs(rows.parameters(row, true)) do
        local t = {}
        for k = 1, row.nin do t[k] = (base[k][{ { 1, 490 } }] * 30):abs():add(1):to(dtype) end
        if row.name == "where" then t[1] = t[1]:gt(40) end
        mix(rows.call(row, p, t))
      end
    end
  end
  return sum
end

return rows
