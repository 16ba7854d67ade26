-- Float sums are PyTorch's, bit for bit: the cascade is written here a second time, number by number.
local torch = require "torch"
local helper = require "spec.support.helper"

local function f32(x) return (string.unpack("<f", string.pack("<f", x))) end
local function f64(x) return x end

local kinds = { { dtype = torch.float32, lanes = 8, round = f32 }, { dtype = torch.float64, lanes = 4, round = f64 } }

-- sum of get(0) .. get(n - 1): steps of 2^power into four levels
local function cascade(n, get, round)
  local bits = 1
  while n > 2 and (1 << bits) < n do bits = bits + 1 end
  local power = math.max(4, bits // 4)
  local step, level, i = 1 << power, { 0., 0., 0., 0. }, 0
  while i + step <= n do
    for _ = 1, step do level[1] = round(level[1] + get(i)); i = i + 1 end
    for j = 1, 3 do
      level[j + 1] = round(level[j + 1] + level[j])
      level[j] = 0.
      if i & ((step - 1) << (j * power)) ~= 0 then break end
    end
  end
  while i < n do level[1] = round(level[1] + get(i)); i = i + 1 end
  for j = 2, 4 do level[1] = round(level[1] + level[j]) end
  return level[1]
end

local function row(n, get, round)          -- dealt out to four cascades
  local k, part = n // 4, {}
  for q = 0, 3 do part[q] = cascade(k, function(i) return get(4 * i + q) end, round) end
  for i = 4 * k, n - 1 do part[0] = round(part[0] + get(i)) end
  return round(round(round(part[0] + part[1]) + part[2]) + part[3])
end

local function inner(v, kind)              -- a packed run
  local n, L, round = #v, kind.lanes, kind.round
  if n < L then return row(n, function(i) return v[i + 1] end, round) end
  local s, m = 0., n // L
  for i = m * L, n - 1 do s = round(s + v[i + 1]) end
  for q = 0, L - 1 do s = round(s + row(m, function(i) return v[i * L + q + 1] end, round)) end
  return s
end

local function outer(x, kind)              -- down the columns of packed rows
  local R, C, L, out = #x, #x[1], kind.lanes, {}
  local groups = C >= L and C // (4 * L) * 4 * L or C // 4 * 4
  for j = 1, C do
    out[j] = (j <= groups and cascade or row)(R, function(i) return x[i + 1][j] end, kind.round)
  end
  return out
end

describe("sums", function()
  for _, kind in ipairs(kinds) do
    local name = tostring(kind.dtype)

    it("of a whole " .. name .. " tensor", function()
      torch.manual_seed(1)
      for _, n in ipairs { 1, 2, 3, 7, 8, 9, 31, 64, 100, 640, 2000, 4099, 33000, 70001 } do
        local x = torch.randn(n, { dtype = kind.dtype })
        assert.equal(inner(x:tolist(), kind), x:sum():item(), "n = " .. n)
        if n > 1 then assert.equal(kind.round(inner(x:tolist(), kind) / n), x:mean():item(), "mean, n = " .. n) end
      end
    end)

    it("over the first and the last dim, " .. name, function()
      torch.manual_seed(2)
      local sizes = { { 64, 10 }, { 64, 100 }, { 10, 3 }, { 300, 5 }, { 7, 33 }, { 1, 9 }, { 600, 3 }, { 300, 41 } }
      for _, size in ipairs(sizes) do
        local x = torch.randn(size, { dtype = kind.dtype })
        local rows, last = x:tolist(), {}
        for i, r in ipairs(rows) do last[i] = inner(r, kind) end
        assert.same(last, x:sum(2):tolist())
        assert.same(outer(rows, kind), x:sum(1):tolist())
        -- the same memory seen from the other side
        assert.same(last, x:t():sum(1):tolist())
        assert.same(outer(rows, kind), x:t():sum(2):tolist())
        assert.equal(x:sum():item(), x:t():sum():item())
      end
    end)
  end

  it("have the same bits for any number of threads", function()
    torch.manual_seed(3)
    local before = torch.get_num_threads()
    for _, size in ipairs { { 1000003 }, { 700, 900 }, { 90, 80, 70 }, { 3, 200000 }, { 200000, 3 } } do
      local x, seen = torch.randn(size), nil
      for _, threads in ipairs { 1, 2, 3, 7 } do
        torch.set_num_threads(threads)
        local now = { x:sum():item() }
        for d = 1, #size do now[d + 1] = x:sum(d) end
        if seen then
          assert.equal(seen[1], now[1])
          for d = 2, #now do assert.is_true(torch.equal(seen[d], now[d])) end
        end
        seen = seen or now
      end
    end
    torch.set_num_threads(before)
  end)

  it("have the same bits at every SIMD level", function()
    local text = [[
      local torch = require "torch"
      torch.manual_seed(4)
      for _, dtype in ipairs { torch.float32, torch.float64, torch.float16, torch.bfloat16 } do
        local x = torch.randn(40, 50, 30):to(dtype)
        io.write(("%.17g "):format(x:sum():item()))
        for d = 1, 3 do io.write(("%.17g "):format(x:sum(d):to(torch.float64):pow(2):sum():item())) end
      end]]
    local levels, seen = { "v2", "v3", "v4" }, nil
    for _, level in ipairs(levels) do
      local r = helper.run_text(text, { env = { TLUA_SIMD = level } })
      assert.equal(0, r.code, r.err)
      seen = seen or r.out
      assert.equal(seen, r.out)
    end
    assert.is_true(#seen > 100)
  end)

  it("wrap in int64 for integers and count for bool", function()
    local big = torch.tensor({ math.maxinteger, 1 }, { dtype = torch.int64 })
    assert.equal(math.mininteger, big:sum():item())
    assert.equal(600, torch.full({ 3 }, 200, { dtype = torch.uint8 }):sum():item())
    assert.equal(2, torch.tensor { true, false, true }:sum():item())
    assert.equal(torch.int64, torch.tensor { true }:sum().dtype)
  end)

  it("of nothing are 0, and NaN comes through", function()
    assert.equal(0, torch.empty(0):sum():item())
    assert.same({ 0., 0., 0. }, torch.empty(0, 3):sum(1):tolist())
    local x = torch.ones(100)
    x[50] = 0 / 0
    local s = x:sum():item()
    assert.is_true(s ~= s)
  end)

  it("of half types are added up in float32 and rounded once", function()
    local x = torch.ones(5000, { dtype = torch.float16 })
    assert.equal(5000, x:sum():item())
    assert.equal(4096, torch.ones(4096, { dtype = torch.bfloat16 }):sum():item())
  end)
end)

describe("other reductions", function()
  it("find the first of equals, and NaN before all", function()
    local x = torch.tensor { { 3., 7., 7., 1. }, { 2., 0 / 0, 9., 0 / 0 } }
    local value, at = x:max(2)
    assert.equal(7, value[1]:item())
    assert.same({ 2, 2 }, at:tolist())
    assert.is_true(value[2]:isnan():item())
    assert.same({ 4, 2 }, x:argmin(2):tolist())
    assert.equal(6, x:argmax():item())
  end)

  it("agree along lines and across them, for any layout and size", function()
    torch.manual_seed(5)
    for _, size in ipairs { { 3, 5 }, { 70, 300 }, { 300, 70 }, { 1, 9 }, { 600, 2 } } do
      local x = torch.randn(size)
      local y = x:t():contiguous():t()
      for _, op in ipairs { "amax", "amin", "argmax", "argmin", "var", "std", "prod", "norm" } do
        for d = 1, 2 do
          local function go(t) if op == "norm" then return t:norm(2, d) end return t[op](t, d) end
          helper.close_to(go(y), go(x), 1e-5)
        end
      end
    end
  end)
end)
