-- Functions of float64 beside the true values (computed with 300 bits), beside Lua's, at their ends, and at every place
-- of a tensor.  That the SIMD levels agree is spec/proof/rows_spec.lua's.
local torch = require "torch"

local inf, nan = math.huge, 0 / 0
local function double(list) return torch.tensor(list, { dtype = torch.float64 }) end

-- how many doubles lie from a to b
local function apart(a, b)
  if a == b or (a ~= a and b ~= b) then return 0 end
  local function place(x)
    local i = string.unpack("<i8", string.pack("<d", x))
    return i < 0 and math.mininteger - i or i
  end
  return math.abs(place(a) - place(b))
end
local function near(got, want, most, what)
  for i, v in ipairs(want) do
    local ok = apart(got[i], v) <= most and (v ~= 0 or 1 / v == 1 / got[i])
    assert.is_true(ok, ("%s: place %d is %.17g, the truth %.17g"):format(what, i, got[i], v))
  end
end

local TRUTH = {
  { "exp", { 1, -1, 0.1, 709.78, -708.3, -744.5, 1e-17 }, { 2.718281828459045, 0.36787944117144233, 1.1051709180756477,
    1.7928227943945155e+308, 2.450295530965988e-308, 5e-324, 1.0 } },
  { "exp2", { 0.5, 1023.9, -1073.4, -0.3 }, { 1.4142135623730951, 1.6773070034857416e+308, 1e-323,
    0.8122523963562356 } },
  { "expm1", { 1e-05, -1e-300, 0.3, -1, 40, 709.7 }, { 1.0000050000166668e-05, -1e-300, 0.3498588075760031,
    -0.6321205588285577, 2.3538526683702e+17, 1.6549840276802644e+308 } },
  { "log", { 3, 1e-310, 0.9999, 1.7e+308 }, { 1.0986122886681098, -713.8013788281542, -0.00010000500033334732,
    709.7268368932282 } },
  { "log2", { 3, 0.7, 1e-320 }, { 1.584962500721156, -0.5145731728297583, -1063.0170064253057 } },
  { "log10", { 2, 0.999, 1e+300 }, { 0.3010299956639812, -0.0004345117740176917, 300.0 } },
  { "log1p", { 1e-10, -0.9999999, -0.3, 3.5, 1.7e+308 }, { 9.999999999500001e-11, -16.118095651484676,
    -0.35667494393873234, 1.5040773967762742, 709.7268368932282 } },
  { "sin", { 1, 3.141592653589793, 22, 1e5, 1048575.9, 1048577, 1e+22, 1e-300 }, { 0.8414709848078965,
    1.2246467991473532e-16, -0.008851309290403876, 0.03574879797201651, 0.2346184343169496, 0.9727535843134413,
    -0.8522008497671888, 1e-300 } },
  { "cos", { 1, 0.56, 1.5707963267948966, 1e6, 1e+22 }, { 0.5403023058681398, 0.8472551110134161, 6.123233995736766e-17,
    0.9367521275331447, 0.523214785395139 } },
  { "tan", { 1, 1.5707963267948966, -7.853981633974483, 3e5, 1e15 }, { 1.5574077246549023, 1.633123935319537e+16,
    -3266247870639074.0, -0.10768259077834857, -1.672414782127583 } },
  { "atan", { 0.5, 1, -3, 1e+300, 1e-20 }, { 0.4636476090008061, 0.7853981633974483, -1.2490457723982544,
    1.5707963267948966, 1e-20 } },
  { "sinh", { 1e-09, 0.4, -20, 710.4 }, { 1e-09, 0.4107523258028155, -242582597.70489514, 1.6663642832806496e+308 } },
  { "cosh", { 0.4, -20, 710.4 }, { 1.0810723718384547, 242582597.70489514, 1.6663642832806496e+308 } },
  { "tanh", { 1e-16, 0.2, -0.9, 5, 18.7 }, { 1e-16, 0.197375320224904, -0.7162978701990245, 0.9999092042625951,
    0.9999999999999999 } },
  { "erf", { 1e-09, 0.3, -1.2, 2.4999, 2.5001, 5.9 }, { 1.1283791670955127e-09, 0.3286267594591274, -0.9103139782296353,
    0.9995928300996666, 0.9995932657565293, 0.9999999999999999 } },
}
local PAIRS = {
  { "pow", { 0.5, 1.1, 3, -2.5, 1e-310, 1.0000000001, 2, 10 }, { 0.5, 1000, -300, 7, 0.9, 1e11, -1074, 22 },
    { 0.7071067811865476, 2.4699329180060256e+41, 7.30505658114782e-144, -610.3515625, 9.999999999999815e-280,
      22026.48400858053, 5e-324, 1e+22 } },
  { "atan2", { 1, -3, 1e-310, 1e308, 1e-300, 2 }, { 2, -0.1, 2e-310, -1.5e308, 1e10, -1e-320 },
    { 0.4636476090008061, -1.6041173226731438, 0.4636476090008061, 2.5535900500422257, 1e-310, 1.5707963267948966 } },
}
-- nothing is lost here: what the functions say at their ends
local ENDS = {
  { "exp", { inf, -inf, nan, 0, 709.7827128933841, -1e300 }, { inf, 0, nan, 1, inf, 0 } },
  { "exp2", { inf, -inf, nan, -0.0, 1024, -1076, 10 }, { inf, 0, nan, 1, inf, 0, 1024 } },
  { "expm1", { inf, -inf, nan, 0, -0.0, 709.7827128933841, 5e-324 }, { inf, -1, nan, 0, -0.0, inf, 5e-324 } },
  { "log", { inf, -1, nan, 0, -0.0, 1, -inf }, { inf, nan, nan, -inf, -inf, 0, nan } },
  { "log2", { inf, -1, nan, 0, 1, 8, 5e-324 }, { inf, nan, nan, -inf, 0, 3, -1074 } },
  { "log10", { inf, -1, nan, 0, 1, 1000 }, { inf, nan, nan, -inf, 0, 3 } },
  { "log1p", { inf, -2, nan, 0, -0.0, -1, 5e-324 }, { inf, nan, nan, 0, -0.0, -inf, 5e-324 } },
  { "sin", { inf, -inf, nan, 0, -0.0, 5e-324 }, { nan, nan, nan, 0, -0.0, 5e-324 } },
  { "cos", { inf, -inf, nan, 0, -0.0 }, { nan, nan, nan, 1, 1 } },
  { "tan", { inf, -inf, nan, 0, -0.0, 5e-324 }, { nan, nan, nan, 0, -0.0, 5e-324 } },
  { "atan", { inf, nan, 0, -0.0, -5e-324 }, { math.pi / 2, nan, 0, -0.0, -5e-324 } },
  { "sinh", { inf, -inf, nan, 0, -0.0, 710.5, 5e-324 }, { inf, -inf, nan, 0, -0.0, inf, 5e-324 } },
  { "cosh", { inf, -inf, nan, 0, -0.0, -710.5 }, { inf, inf, nan, 1, 1, inf } },
  { "tanh", { inf, -inf, nan, 0, -0.0, 5e-324 }, { 1, -1, nan, 0, -0.0, 5e-324 } },
  { "erf", { inf, -inf, nan, 0, -0.0, 7, 5e-324 }, { 1, -1, nan, 0, -0.0, 1, 5e-324 } },
}
local NASTY = { 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, inf, -inf, nan, 5e-324, -5e-324, 0x1p-1022,
  1e-300, -1e-300, 1e300, -1e300, 0x1.fffffffffffffp1023, 1 - 0x1p-53, 1 + 0x1p-52, 0x1p53, 0x1p53 - 1, -0x1p60 }

describe("float64", function ()
  it("functions are the double next to the truth or its neighbour", function ()
    for _, t in ipairs(TRUTH) do near(torch[t[1]](double(t[2])):tolist(), t[3], 1, t[1]) end
    for _, t in ipairs(PAIRS) do near(torch[t[1]](double(t[2]), double(t[3])):tolist(), t[4], 1, t[1]) end
  end)

  it("functions end as C's", function ()
    for _, t in ipairs(ENDS) do near(torch[t[1]](double(t[2])):tolist(), t[3], 0, t[1]) end
  end)

  it("pow and atan2 of all ends are C's", function ()
    local a, b, power, angle = {}, {}, {}, {}
    for _, x in ipairs(NASTY) do
      for _, y in ipairs(NASTY) do
        a[#a + 1], b[#b + 1], power[#power + 1], angle[#angle + 1] = x, y, x ^ y, math.atan(x, y)
      end
    end
    near(double(a):pow(double(b)):tolist(), power, 1, "pow")
    near(double(a):atan2(double(b)):tolist(), angle, 1, "atan2")
    for _, y in ipairs(NASTY) do
      local want = {}
      for i, x in ipairs(NASTY) do want[i] = x ^ y end
      local apart_treated = y == -2 or y == -0.5 or y == 3 or y == 0.5
      if not apart_treated then near((double(NASTY) ^ y):tolist(), want, 1, "power " .. y) end
    end
  end)

  it("functions are Lua's over their whole range, but for a last bit or two", function ()
    torch.manual_seed(5)
    local n = 20000
    local x, u = torch.randn(n, { dtype = torch.float64 }), torch.rand(n, { dtype = torch.float64 }) * 2 - 1
    local wide = (u * 700):exp()
    local lua = { exp = math.exp, log = function (v) return math.log(v) end, sin = math.sin, cos = math.cos,
      tan = math.tan, atan = function (v) return math.atan(v) end }
    for name, tensors in pairs { exp = { x, u * 745 }, log = { x:abs(), wide }, sin = { x, u * 100, u * 2e6 },
      cos = { x, u * 100, u * 2e6 }, tan = { x, u * 100, u * 2e6 }, atan = { x, wide } } do
      for _, t in ipairs(tensors) do
        local want = {}
        for i, v in ipairs(t:tolist()) do want[i] = lua[name](v) end
        near(t[name](t):tolist(), want, 2, name)
      end
    end
    local want, turn = {}, {}
    local a, b = wide:tolist(), u:tolist()
    for i = 1, n do want[i], turn[i] = a[i] ^ b[i], math.atan(b[i], a[i]) end
    near(wide:pow(u):tolist(), want, 2, "pow")
    near(u:atan2(wide):tolist(), turn, 2, "atan2")
  end)

  it("functions give the same bits strided, alone and in place", function ()
    torch.manual_seed(6)
    local far = double { 3e6, 4, -5.5, inf, 1e9, -700, 0 }
    local x = torch.cat({ torch.randn(1000, { dtype = torch.float64 }) * 3, far }, 1)
    local wide = torch.zeros(1007, 3, { dtype = torch.float64 })
    wide[{ {}, 2 }] = x
    for _, t in ipairs(TRUTH) do
      local f = torch[t[1]]
      local whole = f(x):tolist()
      near(f(wide[{ {}, 2 }]):tolist(), whole, 0, t[1] .. " strided")
      local y = x:clone()
      near(y[t[1] .. "_"](y):tolist(), whole, 0, t[1] .. " in place")
      for _, at in ipairs { 1, 512, 513, 1001, 1002, 1005 } do
        near(f(x[{ { at, at } }]):tolist(), { whole[at] }, 0, t[1] .. " alone")
      end
    end
  end)
end)
