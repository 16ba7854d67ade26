-- Proof: a row's formula is one text for C and Lua. Every row's text, run on Lua's own numbers, gives what its kernel
-- gives, on nasty values, in float64 and in 64-bit integers; strided = contiguous, alone = inside a vector, v2 = v3 = v4.
local helper = require "spec.support.helper"
local torch = require "torch"

local inf, nan, min, max = math.huge, 0 / 0, math.mininteger, math.maxinteger

-- the words of src/device/words.h on Lua numbers; a test gives 1 or 0, as in the kernels
local function bit(c) return c and 1 or 0 end
local function is(c) return c ~= false and c ~= 0 end
local function round_half_even(x)
  if x ~= x or x == inf or x == -inf then return x end
  local f = math.floor(x)
  local d = x - f
  local r = d < 0.5 and f or d > 0.5 and f + 1 or (f % 2 == 0 and f or f + 1)
  return r == 0 and x * 0.0 or r + 0.0
end
local function whole(f)                          -- math.floor and the like, kept floating
  return function (x)
    if math.type(x) == "integer" or x ~= x or x == inf or x == -inf then return x end
    return f(x) + 0.0
  end
end
local function fdiv(a, b)
  if math.type(a) == "integer" and math.type(b) == "integer" then return b == 0 and 0 or a // b end
  return torch.tensor(a, {dtype = torch.float64}):div(b, {rounding_mode = "floor"}):item()
end
local function rem(a, b) return (b == 0 or b == -1) and 0 or math.fmod(a, b) end
local function gcd(a, b)                         -- the least integer has no absolute value and keeps its sign
  a, b = a < 0 and -a or a, b < 0 and -b or b
  while a ~= 0 do a, b = rem(b, a), a end
  return b
end
local words = {
  K = function (c) return c end,
  where = function (c, a, b) if is(c) then return a end return b end,
  gt = function (a, b) return bit(a > b) end, ge = function (a, b) return bit(a >= b) end,
  lt = function (a, b) return bit(a < b) end, le = function (a, b) return bit(a <= b) end,
  eq = function (a, b) return bit(a == b) end, ne = function (a, b) return bit(a ~= b) end,
  both = function (a, b) return bit(is(a) and is(b)) end, either = function (a, b) return bit(is(a) or is(b)) end,
  no = function (a) return bit(not is(a)) end,
  isnan = function (x) return bit(x ~= x) end, isinf = function (x) return bit(x == inf or x == -inf) end,
  isfinite = function (x) return bit(x == x and x ~= inf and x ~= -inf) end,
  signbit = function (x) return bit(string.pack(">d", x):byte() >= 128) end,
  abs = function (x) if math.type(x) == "integer" then return x < 0 and -x or x end return math.abs(x) end,
  sign = function (x) return x > 0 and 1 or x < 0 and -1 or 0 end,
  max = function (a, b) if a ~= a then return a elseif b ~= b then return b end return a > b and a or b end,
  min = function (a, b) if a ~= a then return a elseif b ~= b then return b end return a < b and a or b end,
  square = function (x) return x * x end, sqrt = math.sqrt,
  floor = whole(math.floor), ceil = whole(math.ceil),
  trunc = whole(function (x) return x < 0 and math.ceil(x) or math.floor(x) end),
  rint = function (x) return math.type(x) == "integer" and x or round_half_even(x) end,
  fdiv = fdiv,
  tdiv = function (a, b)
    if math.type(a) == "integer" then
      if b == 0 then return 0 elseif b == -1 then return -a end
      return (a - math.fmod(a, b)) // b
    end
    local q = a / b
    return q < 0 and math.ceil(q) + 0.0 or q ~= q and q or (q == inf) and q or math.floor(q) + 0.0
  end,
  mod = function (a, b)
    if math.type(a) == "integer" then return b == 0 and 0 or a % b end
    if b == inf or b == -inf then return (a == inf or a == -inf or a ~= a) and nan or ((a < 0) ~= (b < 0) and a ~= 0) and b or a end
    local r = math.fmod(a, b)
    return r ~= 0 and (r < 0) ~= (b < 0) and r + b or r
  end,
  rem = function (a, b)
    if math.type(a) == "integer" then return (b == 0 or b == -1) and 0 or math.fmod(a, b) end
    return math.fmod(a, b)
  end,
  exp = math.exp, log = function (x) return math.log(x) end, sin = math.sin, cos = math.cos, tan = math.tan,
  exp2 = function (x) return 2.0 ^ x end, atan = math.atan, asin = math.asin, acos = math.acos,
  gcd = gcd, xor = function (a, b) return a ~ b end,
  lcm = function (a, b) local g = gcd(a, b) if g == 0 then return 0 end local r = (a - rem(a, g)) // g * b return r < 0 and -r or r end,
}
-- fma rounds once: only where the product is exact is it Lua's a * b + c
words.fma = function (a, b, c) return a * b + c end
setmetatable(words, {__index = function (_, name) error({missing = name}) end})

-- rows whose words the C library serves in the kernel and that Lua's math lacks (erf, tanh ...), and pow's own rules,
-- are checked against PyTorch's figures elsewhere
local function formula(row)
  return load(("local x, a, b, c, g, y, p0, p1, p2 = ...; if x == nil then x = a end; return %s"):format(row.text), row.name, "t", words)
end

local FLOATS = { 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.75, -7.25, 1e-310, 1e30, -1e30, inf, -inf, nan, 0.1 }
local INTEGERS = { 0, 1, -1, 2, -2, 3, 7, -7, 10, 63, (1 << 53) + 1, -((1 << 53) + 1), max, min, max - 1, min + 1 }

local function float_close(got, want)
  if want ~= want then return got ~= got end
  if got == want then return true end
  return math.abs(got - want) <= 1e-12 * math.max(math.abs(want), 1e-300)
end

-- all operand tuples over `values`, as `n` lists
local function grid(values, n)
  local lists, total = {}, math.tointeger((#values) ^ n)
  for k = 1, n do
    local list, every = {}, math.tointeger((#values) ^ (k - 1))
    for i = 0, total - 1 do list[i + 1] = values[i // every % #values + 1] end
    lists[k] = list
  end
  return lists
end

local FORWARD = {}
for _, row in ipairs(torch._C.rows()) do
  if row.which == 0 then FORWARD[#FORWARD + 1] = row end
end

-- the call of a row by its name and operands; nil when the row is not a public operation of that many tensors
local function callable(row)
  local f = rawget(torch, row.name) or torch._C[row.name]
  return f ~= nil and row.args == "" and f or nil
end

local function check(row, values, dtype, close)
  local f, eval = callable(row), formula(row)
  if not f then return 0 end
  local lists = grid(values, row.nin)
  local tensors = {}
  for k = 1, row.nin do tensors[k] = torch.tensor(lists[k], {dtype = dtype}) end
  local ok, result = pcall(f, table.unpack(tensors))
  if not ok then
    assert.truthy(tostring(result):find("ZeroDivision") or tostring(result):find("not implemented") or
      tostring(result):find("should be floating") or tostring(result):find("negative integer powers"), row.name .. ": " .. tostring(result))
    return 0
  end
  local got, wrong, n = result:tolist(), nil, 0
  for i = 1, #got do
    local a, b, c = lists[1][i], lists[2] and lists[2][i], lists[3] and lists[3][i]
    local said, want = pcall(eval, nil, a, b, c)
    if not said then
      if type(want) == "table" then return 0 end           -- a word that Lua has no counterpart of
      error(row.name .. ": " .. tostring(want))
    end
    local have = got[i]
    if type(have) == "boolean" then have, want = bit(have), bit(is(want)) end
    n = n + 1
    if not close(have, want) then
      wrong = wrong or ("%s(%s, %s, %s) is %s, the text gives %s"):format(row.name, a, b, c, have, want)
    end
  end
  assert.is_nil(wrong)
  return n
end

describe("every row", function ()
  it("gives in float64 what its text gives in Lua", function ()
    local n = 0
    for _, row in ipairs(FORWARD) do
      if row.rule ~= "INT" and row.stamp ~= "I64" and row.name ~= "pow" and row.name ~= "where" and row.nin < 3 then
        n = n + check(row, FLOATS, torch.float64, float_close)
      end
    end
    assert.is_true(n > 5000, n .. " values")
  end)

  it("gives in int64 what its text gives in Lua, to the last bit", function ()
    local n, divides = 0, { div_floor = true, div_trunc = true, remainder = true, fmod = true }
    for _, row in ipairs(FORWARD) do
      if row.rule ~= "FLOAT" and row.rule ~= "REAL" and row.stamp ~= "REAL" and row.stamp ~= "FLAT" and row.name ~= "pow"
          and row.name ~= "where" and row.nin < 3 then
        local values = INTEGERS
        if divides[row.name] then values = { table.unpack(INTEGERS, 2) } end
        n = n + check(row, values, torch.int64, function (a, b) return a == b end)
      end
    end
    assert.is_true(n > 3000, n .. " values")
  end)

  it("gives the same bits strided, alone and in the middle of a vector", function ()
    torch.manual_seed(3)
    local x, y = torch.randn(1024) * 3, torch.randn(1024)
    for _, row in ipairs(FORWARD) do
      local f = callable(row)
      if f and row.nin < 3 and row.rule ~= "INT" and row.stamp ~= "I64" then
        local a, b = x, row.nin == 2 and y or nil
        local function call(p, q) if row.nin == 2 then return f(p, q) end return f(p) end
        local whole_of = call(a, b)
        local wide = torch.zeros(1024, 3)
        wide[{{}, 2}] = a
        local strided = call(wide[{{}, 2}], b)
        local alone = call(a[{{511, 511}}], b and b[{{511, 511}}])
        local function same(p, q) return p:eq(q):logical_or(p:ne(p):logical_and(q:ne(q))):all() end
        assert.is_true(same(strided, whole_of), row.name .. " strided")
        assert.is_true(same(alone, whole_of[{{511, 511}}]), row.name .. " alone")
      end
    end
  end)
end)

describe("the SIMD levels", function ()
  it("give the same bits", function ()
    local program = [[
      torch.manual_seed(1)
      local x, y = torch.randn(1003) * 4, torch.randn(1003)
      local sum = 0
      local function mix(t)
        for _, v in ipairs(t:double():tolist()) do
          sum = (sum * 31 + (v ~= v and 7 or string.unpack("<i8", string.pack("<d", v)))) & 0x7fffffffffffffff
        end
      end
      for _, row in ipairs(torch._C.rows()) do
        local f = rawget(torch, row.name)
        if row.which == 0 and f and row.args == "" and row.nin < 3 and row.rule ~= "INT" and row.stamp ~= "I64" then
          for _, dtype in ipairs{torch.float32, torch.float64, torch.float16, torch.bfloat16} do
            mix(row.nin == 2 and f(x:to(dtype), y:to(dtype)) or row.nin == 1 and f(x:to(dtype)))
          end
        end
      end
      mix(x:sum():reshape(1)) mix(x:softmax(1)) mix(x:cumsum(1))
      print(sum)
    ]]
    local path = helper.write(os.tmpname(), program)
    local first
    for _, level in ipairs{"v2", "v3", "v4"} do
      local r = helper.sh(("TLUA_SIMD=%s %s %s"):format(level, helper.tlua, path))
      assert.equal(0, r.code, r.err)
      first = first or r.out
      assert.equal(first, r.out, level)
    end
    os.remove(path)
  end)
end)
