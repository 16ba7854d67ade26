-- Proof: a row's formula is one text for C and Lua. Every row's text, and that of each of its derivatives, run on Lua's
-- own numbers gives what its kernel gives, on nasty values, in float64 and in every integer type; float32 is that of
-- float64 to its precision; strided = contiguous, alone = inside a vector, v2 = v3 = v4.
local helper = require "spec.support.helper"
local rows = require "spec.support.rows"
local torch = require "torch"

local inf, nan, min, max = math.huge, 0 / 0, math.mininteger, math.maxinteger

local FLOATS = { 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.75, -7.25, 0x1p-1060, 1e30, -1e30, inf, -inf, nan, 0.1 }
local INTEGERS = { 0, 1, -1, 2, -2, 3, 7, -7, 10, 63, (1 << 53) + 1, -((1 << 53) + 1), max, min, max - 1, min + 1 }
local DIVIDES = { div_floor = true, div_trunc = true, remainder = true, fmod = true }

local function same(a, b)
  if b ~= b then return a ~= a end
  return a == b and (a ~= 0 or math.type(a) == "integer" or math.type(b) == "integer" or 1 / a == 1 / b)
end
local function close(tolerance)
  return function (a, b)
    if b ~= b or a == b then return same(a + 0.0, b + 0.0) or (a == 0 and b == 0) end
    return math.abs(a - b) <= tolerance * math.abs(b) + tolerance / 1000
  end
end

-- all operand tuples over `values`, as n lists
local function grid(values, n)
  local lists, total = {}, math.tointeger((#values) ^ n)
  for k = 1, n do
    local list, every = {}, math.tointeger((#values) ^ (k - 1))
    for i = 0, total - 1 do list[i + 1] = values[i // every % #values + 1] end
    lists[k] = list
  end
  return lists
end

-- the operands of a row as tensors; the first of where is its condition
local function operands(row, lists, dtype, differentiable)
  local t = {}
  for k = 1, row.nin do
    t[k] = torch.tensor(lists[k], { dtype = dtype })
    if row.name == "where" and k == 1 then t[k] = t[k]:ne(0)
    elseif differentiable then t[k]:requires_grad_()
    end
  end
  return t
end

-- compares got (a list) with the row's text at every point; returns how many, or fails with the first that differs
local function compare(row, got, lists, p, g, y, equal, wrap)
  local eval = rows.formula(row)
  for i = 1, #got do
    local a, b, c = lists[1][i], lists[2] and lists[2][i], lists[3] and lists[3][i]
    if row.name == "where" then a = a ~= 0 and 1 or 0 end
    local have, want = got[i], eval(a, b, c, g and g[i], y and y[i], p[1], p[2])
    if type(have) == "boolean" then have = have and 1 or 0 end
    if wrap then want = wrap(want) end
    if not equal(have, want) then
      error(("%s [%s] of a=%s b=%s c=%s g=%s y=%s p0=%s is %s, the text gives %s"):format(row.name, row.text, a, b, c, g and g[i],
        y and y[i], p[1], have, want), 0)
    end
  end
  return #got
end

local FLOAT_ROWS, INTEGER_ROWS = {}, {}
for _, row in ipairs(rows.all()) do
  if row.rule ~= "INT" then FLOAT_ROWS[#FLOAT_ROWS + 1] = row end
  if row.rule ~= "FLOAT" and row.rule ~= "REAL" and row.stamp ~= "REAL" then INTEGER_ROWS[#INTEGER_ROWS + 1] = row end
end

describe("every row", function ()
  it("gives in float64 what its text gives in Lua: to the last bit, but for the C library's functions", function ()
    local n = 0
    for _, row in ipairs(FLOAT_ROWS) do
      local lists = grid(FLOATS, row.nin)
      local _, exact = rows.formula(row)
      for _, p in ipairs(rows.parameters(row)) do
        local got = rows.call(row, p, operands(row, lists, torch.float64)):tolist()
        n = n + compare(row, got, lists, p, nil, nil, exact and not row.text:find("fma", 1, true) and same or close(1e-12))
      end
    end
    assert.is_true(n > 30000, n .. " values")
  end)

  it("has derivatives that give what their texts give", function ()
    local n = 0
    for _, row in ipairs(FLOAT_ROWS) do
      for _, p in ipairs(row.derivative[1] and rows.parameters(row) or {}) do
        local lists, g = grid(FLOATS, row.nin), {}
        local x = operands(row, lists, torch.float64, true)
        for i = 1, #lists[1] do g[i] = (i * 37 % 41 - 20) / 8 end
        local y = rows.call(row, p, x)
        y:backward(torch.tensor(g, { dtype = torch.float64 }))
        for k = row.name == "where" and 2 or 1, row.nin do
          local d = row.derivative[k]
          local _, exact = rows.formula(d)
          n = n + compare(d, x[k].grad:tolist(), lists, p, g, y:tolist(), exact and same or close(1e-9))
        end
      end
    end
    assert.is_true(n > 60000, n .. " values")
  end)

  it("gives in float32 what it gives in float64, rounded", function ()
    torch.manual_seed(2)
    local base = {}
    for k = 1, 3 do base[k] = torch.randn(1000) * 2 end
    for _, row in ipairs(FLOAT_ROWS) do
      if not DIVIDES[row.name] then                        -- a quotient next to an integer may fall on either side
        for _, p in ipairs(rows.parameters(row)) do
          local single, double = {}, {}
          for k = 1, row.nin do
            single[k] = row.name == "where" and k == 1 and base[k]:gt(0) or base[k]
            double[k] = row.name == "where" and k == 1 and single[k] or base[k]:double()
          end
          local got, want = rows.call(row, p, single), rows.call(row, p, double)
          assert.is_true(row.rule == "TEST" or got.dtype == torch.float32, row.name)
          got, want = got:tolist(), want:tolist()
          for i = 1, #got do
            local ok = got[i] == want[i] or (got[i] ~= got[i] and want[i] ~= want[i])
              or type(got[i]) == "number" and math.abs(got[i] - want[i]) <= 4e-7 * math.max(math.abs(want[i]), 2)
            assert.is_true(ok, ("%s: %s in float32, %s in float64"):format(row.name, got[i], want[i]))
          end
        end
      end
    end
  end)

  it("gives in every integer type what its text gives in Lua, wrapped", function ()
    local n = 0
    local kinds = { { torch.int64, 64 }, { torch.int32, 32 }, { torch.int16, 16 }, { torch.int8, 8 }, { torch.uint8, 8, true } }
    for _, row in ipairs(INTEGER_ROWS) do
      for _, kind in ipairs(kinds) do
        local dtype, bits, unsigned = kind[1], kind[2], kind[3]
        local function wrap(v)
          if row.rule == "TEST" or bits == 64 then return v end
          v = v & ((1 << bits) - 1)
          return not unsigned and v >> (bits - 1) == 1 and v - (1 << bits) or v
        end
        local values = {}
        for _, v in ipairs(INTEGERS) do
          v = row.rule == "TEST" and bits < 64 and (v & 127) or wrap(v)
          if v ~= 0 or not DIVIDES[row.name] then values[#values + 1] = v end
        end
        if row.name == "pow" then                          -- a negative exponent is refused or not by the operation, not the row
          for i, v in ipairs(values) do values[i] = v < 0 and v ~= -7 and 5 or v end
        end
        for _, p in ipairs(rows.parameters(row, true)) do
          local lists = grid(values, row.nin)
          local got = rows.call(row, p, operands(row, lists, dtype)):tolist()
          local wrapped = {}                               -- a parameter takes the operands' type
          for k, v in pairs(p) do wrapped[k] = row.name ~= "pow_number" and math.type(v) == "integer" and wrap(v) or v end
          n = n + compare(row, got, lists, wrapped, nil, nil, same, wrap)
        end
      end
    end
    assert.is_true(n > 30000, n .. " values")
  end)

  it("divides integers by one number as by many", function ()
    local values = { min, max, 0 }
    for k = 0, 62 do
      for d = -1, 1 do values[#values + 1], values[#values + 2] = (1 << k) + d, -(1 << k) + d end
    end
    for _, row in ipairs(INTEGER_ROWS) do
      for k = 1, DIVIDES[row.name] and #values or 0, 4 do
        local by = values[k] == 0 and 3 or values[k]
        local list = {}
        for i = 1, #values do list[i] = by end
        compare(row, rows.call(row, {}, { torch.tensor(values), torch.tensor(list) }):tolist(), { values, list }, {}, nil, nil, same)
      end
    end
  end)

  it("takes remainders of float32 exactly, near and far", function ()
    torch.manual_seed(4)
    for _, spread in ipairs { 1, 8 } do
      local lists = {}
      for k = 1, 2 do lists[k] = (torch.randn(2000) * (torch.randn(2000) * spread):exp()):tolist() end
      lists[1][7], lists[2][7], lists[2][8], lists[1][9], lists[2][10], lists[1][11] = inf, 1, inf, -0.0, 0, 0x1p-149
      for _, row in ipairs(FLOAT_ROWS) do
        if row.name == "fmod" then
          compare(row, rows.call(row, {}, { torch.tensor(lists[1]), torch.tensor(lists[2]) }):tolist(), lists, {}, nil, nil, same)
        end
      end
    end
  end)

  it("refuses to divide integers by zero", function ()
    for name in pairs(DIVIDES) do
      for _, row in ipairs(INTEGER_ROWS) do
        if row.name == name then
          for _, size in ipairs { 1, 7, 2000 } do
            local a, b = torch.ones(size, { dtype = torch.int32 }), torch.ones(size, { dtype = torch.int64 })
            b[size] = 0
            helper.raises(function () rows.call(row, {}, { a, b }) end, "ZeroDivisionError")
            helper.raises(function () rows.call(row, {}, { a, 0 }) end, "ZeroDivisionError")
          end
        end
      end
    end
  end)

  it("gives the same bits strided, alone and in the middle of a vector", function ()
    torch.manual_seed(3)
    local base = {}
    for k = 1, 3 do base[k] = torch.randn(1024) * 3 end
    base[1][5], base[2][5] = 1e6, 0.01                     -- where sin, cos, tan and fmod take another way
    base[1][9] = nan
    base[1][11] = 0                                        -- and pow
    local function agree(a, b) return a:eq(b):logical_or(a:ne(a):logical_and(b:ne(b))):all() end
    for _, row in ipairs(FLOAT_ROWS) do
      for _, p in ipairs(rows.parameters(row)) do
        local packed, strided = {}, {}
        for k = 1, row.nin do
          packed[k] = row.name == "where" and k == 1 and base[k]:gt(0) or base[k]
          local wide = torch.zeros(1024, 3, { dtype = packed[k].dtype })
          wide[{ {}, 2 }] = packed[k]
          strided[k] = wide[{ {}, 2 }]
        end
        local whole = rows.call(row, p, packed)
        assert.is_true(agree(rows.call(row, p, strided), whole), row.name .. " strided")
        for _, at in ipairs { 5, 9, 11, 511, 1024 } do
          local alone = {}
          for k = 1, row.nin do alone[k] = packed[k][{ { at, at } }] end
          assert.is_true(agree(rows.call(row, p, alone), whole[{ { at, at } }]), row.name .. " alone")
        end
      end
    end
  end)
end)

describe("the SIMD levels", function ()
  it("give the same bits in every row, dtype and derivative", function ()
    local first
    for _, level in ipairs { "v2", "v3", "v4" } do
      local r = helper.run_text('print(require "spec.support.rows".digest())', { env = { TLUA_SIMD = level } })
      assert.equal(0, r.code, r.err)
      first = first or r.out
      assert.equal(first, r.out, level)
    end
  end)
end)
