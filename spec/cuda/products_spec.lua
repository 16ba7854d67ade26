-- Products on a card: every layout and dtype against the CPU, batches, factors, nothing inside, NaN in the way, the same bits
-- again, without cuBLAS, first of all inside a capture; and the real cuBLAS opens where the toolkit is.
local helper = require "spec.support.helper"
local torch = require "torch"

if not torch.cuda.is_available() then return end

local seed = 7
local function draw(n)                                 -- from 1 to n; the same figures on every run
  seed = (seed * 6364136223846793005 + 1442695040888963407) & -1
  return (seed >> 33) % n + 1
end

local FLOATS = { torch.float32, torch.float64, torch.float16, torch.bfloat16 }
local WHOLE = { torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64 }
local WIDE = { [torch.float32] = 2e-5, [torch.float64] = 1e-12, [torch.float16] = 4e-3, [torch.bfloat16] = 3e-2 }

-- rows x columns as packed rows, packed columns, a part of wider rows, every second column, one row for all
local LAYOUTS = {
  function (f, m, k) return f(m, k) end,
  function (f, m, k) return f(k, m):t() end,
  function (f, m, k) return f(m, k + 3)[{ {}, { 2, k + 1 } }] end,
  function (f, m, k) return f(m, 2 * k)[{ {}, { 1, 2 * k, 2 } }] end,
  function (f, m, k) return f(1, k):expand(m, k) end,
}

local function maker(dtype)
  return function (...)
    local t = torch.empty({ ... }, { dtype = torch.float64, device = "cpu" }):uniform_(-2, 2)
    return WIDE[dtype] and t:to(dtype) or (t * 40):to(torch.int64):to(dtype)
  end
end

-- the same numbers in the same layout here and on the card
local function both(f, layout, m, k)
  local base
  local here = layout(function (...)
    base = f(...)
    return base
  end, m, k)
  return here, layout(function () return base:cuda() end, m, k)
end

local function agree(want, got, dtype, inner, what)
  got = got:cpu()
  if not WIDE[dtype] then assert.is_true(torch.equal(want, got), what) return end
  local w = WIDE[dtype] * math.max(1, math.sqrt(inner) / 2)
  assert.is_true(torch.allclose(got:to(torch.float64), want:to(torch.float64), { rtol = w, atol = w }), what)
end

local SIZES = { 1, 1, 2, 3, 7, 16, 33, 65, 100 }

describe("products on a card", function ()
  local default = torch.get_default_device()           -- the specs may run with another one
  setup(function () torch.set_default_device("cpu") torch.manual_seed(1) end)
  teardown(function () torch.set_default_device(default) end)

  for _, dtypes in ipairs { FLOATS, WHOLE } do
    it("are the CPU's in every layout, of " .. (dtypes == FLOATS and "floats" or "whole numbers"), function ()
      for round = 1, 150 do
        local dtype = dtypes[draw(#dtypes)]
        local f = maker(dtype)
        local m, n, k = SIZES[draw(#SIZES)], SIZES[draw(#SIZES)], SIZES[draw(#SIZES)]
        if round % 15 == 0 then m, n, k = draw(3), draw(3), 3000 + draw(3000) end
        local a, x = both(f, LAYOUTS[draw(5)], m, k)
        local b, y = both(f, LAYOUTS[draw(5)], k, n)
        local what = ("%s %d x %d x %d, strides %s and %s"):format(dtype, m, n, k, table.concat(a:stride(), " "), table.concat(b:stride(), " "))
        agree(a:mm(b), x:mm(y), dtype, k, "mm " .. what)
        agree(a:mv(b:t()[1]), x:mv(y:t()[1]), dtype, k, "mv " .. what)
        agree(a[1]:dot(b:t()[1]), x[1]:dot(y:t()[1]), dtype, k, "dot " .. what)
        local c = f(m, n)
        agree(c:addmm(a, b, { beta = 2, alpha = 3 }), c:cuda():addmm(x, y, { beta = 2, alpha = 3 }), dtype, k, "addmm " .. what)
      end
    end)
  end

  it("of batches share, repeat and turn their dims", function ()
    for _, dtype in ipairs { torch.float32, torch.float64, torch.bfloat16, torch.int32 } do
      local f = maker(dtype)
      local a, b = f(3, 4, 5, 6), f(3, 4, 6, 2)
      local x, y = a:cuda(), b:cuda()
      local pairs_of = {
        { a, b, x, y },
        { a:transpose(1, 2), b:transpose(1, 2), x:transpose(1, 2), y:transpose(1, 2) },
        { a, b[1], x, y[1] }, { a[2], b, x[2], y }, { a, b[{ {}, { 2, 2 } }], x, y[{ {}, { 2, 2 } }] },
        { a:transpose(2, 3), b:transpose(2, 3)[{ {}, {}, { 1, 1 } }]:expand(3, 6, 6, 2)[{ {}, { 1, 5 } }],
          x:transpose(2, 3), y:transpose(2, 3)[{ {}, {}, { 1, 1 } }]:expand(3, 6, 6, 2)[{ {}, { 1, 5 } }] },
        { a:transpose(3, 4), b, x:transpose(3, 4), y },
      }
      for i, p in ipairs(pairs_of) do
        local ok, want = pcall(torch.matmul, p[1], p[2])
        if ok then agree(want, p[3]:matmul(p[4]), dtype, 6, ("%s, pair %d"):format(dtype, i)) end
      end
      local c = f(3, 5, 2)
      agree(c:baddbmm(a[{ {}, 1 }], b[{ {}, 2 }], { beta = 2 }), c:cuda():baddbmm(x[{ {}, 1 }], y[{ {}, 2 }], { beta = 2 }), dtype, 6, "baddbmm")
    end
  end)

  it("with nothing inside are zeros, and NaN in the result's memory does not come through", function ()
    for _, dtype in ipairs { torch.float32, torch.float64, torch.float16 } do
      local f = maker(dtype)
      assert.same({ { 0, 0, 0 }, { 0, 0, 0 } }, torch.mm(f(2, 0):cuda(), f(0, 3):cuda()):tolist())
      local a, b = f(4, 5), f(5, 6)
      for _, out in ipairs { torch.full({ 4, 6 }, 0 / 0, { dtype = dtype, device = "cuda" }),
                             torch.full({ 6, 4 }, 0 / 0, { dtype = dtype, device = "cuda" }):t(),
                             torch.full({ 4, 12 }, 0 / 0, { dtype = dtype, device = "cuda" })[{ {}, { 1, 12, 2 } }] } do
        torch.mm(a:cuda(), b:cuda(), { out = out })
        agree(a:mm(b), out, dtype, 5, "out")
      end
      agree(a:mv(b:t()[1]), torch.mv(a:cuda(), b:t()[1]:cuda(), { out = torch.full({ 4 }, 0 / 0, { dtype = dtype, device = "cuda" }) }),
        dtype, 5, "mv out")
    end
  end)

  it("have the same bits again, and on another stream", function ()
    local f = maker(torch.float32)
    local a, b = f(70, 500):cuda(), f(500, 90):cuda()
    local first = a:mm(b)
    torch.cuda.synchronize()
    assert.is_true(torch.equal(first, a:mm(b)))
    local other
    torch.cuda.stream(torch.cuda.Stream(), function () other = a:mm(b) end)
    torch.cuda.synchronize()
    assert.is_true(torch.equal(first, other))
  end)

  it("may be the first thing that a captured step does", function ()
    local r = helper.run_text([[
      local torch = require "torch"
      local a, b = torch.randn(30, 40), torch.randn(40, 50)
      local x, y = a:cuda(), b:cuda()
      local plan = torch.capture(function () return x:mm(y) end, "cuda")
      x:mul_(2)
      assert(torch.allclose(plan():cpu(), 2 * a:mm(b), { rtol = 1e-4, atol = 1e-4 }))
    ]])
    assert.equal(0, r.code, r.err .. r.out)
  end)

  it("do without cuBLAS", function ()
    local r = helper.run_text([[
      local torch = require "torch"
      for _, dtype in ipairs { torch.float32, torch.float64, torch.float16 } do
        for _, s in ipairs { { 3, 4, 5 }, { 1, 9000, 2 }, { 90, 70, 80 } } do
          local a, b = torch.randn(s[1], s[2]):to(dtype), torch.randn(s[2], s[3]):to(dtype)
          local w = (dtype == torch.float16 and 1e-2 or 1e-4) * math.sqrt(s[2])
          assert(torch.allclose(a:cuda():mm(b:cuda()):cpu(), a:mm(b), { rtol = w, atol = w }))
        end
      end
      assert(torch.cuda.get_device_properties(0).products:find "tlua's own")
    ]], { env = { TLUA_CUDA_BLAS = "off" } })
    assert.equal(0, r.code, r.err .. r.out)
  end)
end)

-- no card is needed to open the library and to find every function of it
describe("the real cuBLAS", function ()
  local home = os.getenv("CUDA_HOME") or "/usr/local/cuda"
  local f = io.open(home .. "/include/cublas_v2.h") and io.open(home .. "/lib64/libcudart_static.a")
  if not f then return end
  f:close()

  it("opens, with all that is used of it", function ()
    local dir = os.tmpname()
    os.remove(dir)
    helper.sh("mkdir -p " .. dir)
    helper.write(dir .. "/open.c", [[
      #include <stdio.h>
      #include "blas.h"
      #include "gpu.h"
      _Thread_local cu_Thread cu_thread;
      int cu_check (cu_Work *w, cudaError_t e, const char *call) { (void)w; (void)call; return e ? TL_BROKEN : TL_DONE; }
      int main (void) {
        static cu_Gpu gpu;
        cu_Work w = { .gpu = &gpu };
        cu_Blas b;
        if (cu_blas_why()) return 1;
        cu_blas_take(&w, &b);                          /* without a card it goes no further than opening */
        puts(cu_blas_why());
        return 0;
      }]])
    local r = helper.sh(("cc -std=gnu11 -Isrc -Icuda -isystem %s/include -o %s/open %s/open.c cuda/blas.c %s/lib64/libcudart_static.a " ..
      "-ldl -lpthread -lrt -lm && TLUA_CUDA_LIBS=/nowhere:%s/lib64 %s/open"):format(home, dir, dir, home, home, dir))
    assert.equal("", r.err)
    assert.truthy(r.out:find("products by " .. home .. "/lib64/libcublas.so.", 1, true), r.out)
    helper.sh("rm -rf " .. dir)
  end)
end)
