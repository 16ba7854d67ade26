-- Products: every layout, every dtype, and bits that no number of threads changes.
local torch = require "torch"
local helper = require "spec.support.helper"

-- (m, k) as packed rows, packed columns, every second column, part of wider rows, one row for all
local function layouts(m, k, options)
  local function fresh(...) return (torch.randn({ ... }) * 3):to(options.dtype) end
  return {
    fresh(m, k), fresh(k, m):t(), fresh(m, 2 * k)[{ {}, { 1, 2 * k, 2 } }], fresh(m, k + 3)[{ {}, { 1, k } }],
    fresh(1, k):expand(m, k),
  }
end

local function naive(a, b)                 -- in double, as a table
  a, b = a:to(torch.float64):tolist(), b:to(torch.float64):tolist()
  local c = {}
  for i = 1, #a do
    c[i] = {}
    for j = 1, #b[1] do
      local s = 0
      for k = 1, #b do s = s + a[i][k] * b[k][j] end
      c[i][j] = s
    end
  end
  return c
end

local floats = { [torch.float32] = 1e-4, [torch.float64] = 1e-12, [torch.float16] = .05, [torch.bfloat16] = .3 }

describe("products", function()
  it("read every layout, in every float dtype", function()
    torch.manual_seed(1)
    for dtype, tol in pairs(floats) do
      for _, s in ipairs { { 1, 1, 1 }, { 3, 4, 5 }, { 1, 7, 5 }, { 5, 1, 3 }, { 17, 9, 33 } } do
        for _, a in ipairs(layouts(s[1], s[3], { dtype = dtype })) do
          for _, b in ipairs(layouts(s[3], s[2], { dtype = dtype })) do
            helper.close_to(torch.mm(a, b):to(torch.float64), naive(a, b), tol)
          end
        end
      end
    end
  end)

  it("of integers are exact and wrap", function()
    for _, dtype in ipairs { torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64 } do
      local a = torch.randint(0, 100, { 5, 70 }):to(dtype)
      local b = torch.randint(0, 100, { 70, 6 }):to(dtype)
      local want = torch.tensor(naive(a, b), { dtype = torch.float64 }):to(torch.int64):to(dtype)
      assert.is_true(torch.equal(want, torch.mm(a, b)))
      assert.is_true(torch.equal(want, torch.mm(a, b:t():contiguous():t())))
    end
  end)

  it("with nothing inside are zeros, whatever was there", function()
    assert.same({ { 0., 0., 0. }, { 0., 0., 0. } }, torch.mm(torch.empty(2, 0), torch.empty(0, 3)):tolist())
    assert.equal(0, torch.mm(torch.empty(0, 2), torch.empty(2, 3)):numel())
    local out = torch.full({ 2, 3 }, 0 / 0)
    torch.mm(torch.ones(2, 4), torch.ones(4, 3), { out = out })
    assert.same({ { 4., 4., 4. }, { 4., 4., 4. } }, out:tolist())
  end)

  it("let NaN and infinity through", function()
    local a = torch.zeros(20, 20)
    a[3][4] = 0 / 0
    local y = torch.mm(a, torch.ones(20, 20))
    assert.is_true(y[3]:isnan():all())
    assert.is_false(y[4]:isnan():any())
  end)

  it("of vectors and batches are those of matrices", function()
    torch.manual_seed(2)
    local a, b, x = torch.randn(4, 30, 20), torch.randn(4, 20, 10), torch.randn(20)
    local y = torch.bmm(a, b)
    for i = 1, 4 do
      helper.close_to(y[i], torch.mm(a[i], b[i]), 1e-5)
      helper.close_to(torch.mv(a[i], x), torch.mm(a[i], x:unsqueeze(2)):squeeze(2), 1e-5)
    end
    helper.close_to(torch.dot(x, x):item(), x:pow(2):sum():item(), 1e-5)
    local step = torch.randn(40)[{ { 1, 40, 2 } }]
    helper.close_to(torch.mv(a[1], step), torch.mv(a[1], step:clone()), 1e-5)
    helper.close_to(torch.mv(a[1]:t():contiguous():t(), x), torch.mv(a[1], x), 1e-5)
    -- small items of a batch: products and additions in order, nothing fused
    local s, t = torch.randn(2, 3, 4), torch.randn(2, 4, 5)
    local function f32(v) return (string.unpack("<f", string.pack("<f", v))) end
    local got, left, right = torch.bmm(s, t):tolist(), s:tolist(), t:tolist()
    for i = 1, 2 do for j = 1, 3 do for k = 1, 5 do
      local sum = 0
      for e = 1, 4 do sum = f32(sum + f32(left[i][j][e] * right[i][e][k])) end
      assert.equal(sum, got[i][j][k])
    end end end
  end)

  it("start from what is there when a bias is added", function()
    local a, b = torch.randn(7, 5), torch.randn(5, 9)
    helper.close_to(torch.addmm(torch.ones(7, 9), a, b), (torch.mm(a, b) + 1), 1e-5)
    helper.close_to(torch.addmm(torch.ones(9), a, b, { beta = 2, alpha = .5 }), (torch.mm(a, b) * .5 + 2), 1e-5)
  end)

  -- OpenBLAS has other kernels for small products; pieces are cut so that these never show
  it("have the same bits for any number of threads", function()
    torch.manual_seed(3)
    local before = torch.get_num_threads()
    local shapes = { { 64, 100, 1000 }, { 1000, 100, 64 }, { 300, 300, 300 }, { 128, 128, 128 }, { 700, 33, 2000 },
                     { 100, 1000, 300 }, { 257, 1000, 129 }, { 50, 3000, 40 }, { 784, 128, 32 }, { 2000, 49, 128 } }
    for _, dtype in ipairs { torch.float32, torch.float64 } do
      for _, s in ipairs(shapes) do
        local a, b = torch.randn(s[1], s[3], { dtype = dtype }), torch.randn(s[3], s[2], { dtype = dtype })
        local at, bt = a:t():contiguous():t(), b:t():contiguous():t()
        for _, pair in ipairs { { a, b }, { at, b }, { a, bt }, { at, bt } } do
          torch.set_num_threads(1)
          local one = torch.mm(pair[1], pair[2])
          for _, threads in ipairs { 2, 3, 8 } do
            torch.set_num_threads(threads)
            assert.is_true(torch.equal(one, torch.mm(pair[1], pair[2])), table.concat(s, " ") .. " threads " .. threads)
          end
        end
      end
    end
    local a, b = torch.randn(40, 50, 60), torch.randn(40, 60, 70)
    torch.set_num_threads(1)
    local one = torch.bmm(a, b)
    torch.set_num_threads(3)
    assert.is_true(torch.equal(one, torch.bmm(a, b)))
    torch.set_num_threads(before)
  end)
end)
