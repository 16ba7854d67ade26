-- The generator as a machine: its state, and that neither SIMD level nor layout nor threads change a stream.
-- (The streams themselves are held to PyTorch's in spec/op/random_spec.lua.)
local torch = require "torch"
local helper = require "spec.support.helper"

describe("the generator", function()
  it("has PyTorch's state: 5,056 bytes, the seed first", function()
    torch.manual_seed(0x0102030405)
    local s = torch.get_rng_state()
    assert.equal(5056, s:size(1))
    assert.equal(torch.uint8, s.dtype)
    assert.same({ 5, 4, 3, 2, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0 }, s[{ { 1, 17 } }]:tolist())
  end)

  it("goes on from a state as if nothing had happened", function()
    torch.manual_seed(3)
    torch.randn(5)
    local s = torch.get_rng_state()
    local a, b, c = torch.randn(3), torch.rand(700), torch.randperm(9)
    torch.set_rng_state(s)
    assert.is_true(torch.equal(a, torch.randn(3)))
    assert.is_true(torch.equal(b, torch.rand(700)))
    assert.is_true(torch.equal(c, torch.randperm(9)))
  end)

  it("draws one by one what it draws at once", function()
    torch.manual_seed(4)
    local all = torch.rand(2000)
    torch.manual_seed(4)
    local parts = {}
    for _, n in ipairs { 1, 622, 1, 1, 375, 1000 } do parts[#parts + 1] = torch.rand(n) end
    assert.is_true(torch.equal(all, torch.cat(parts)))
  end)

  it("fills memory in its order", function()
    torch.manual_seed(5)
    local x = torch.rand(5, 7)
    torch.manual_seed(5)
    local y = torch.empty(5, 7)
    y:t():uniform_()
    assert.is_true(torch.equal(x, y))
    -- normals of a tensor that is not contiguous come one by one: the same as many small ones
    torch.manual_seed(6)
    local z = torch.empty(4, 5):t():normal_():t():reshape(20)
    torch.manual_seed(6)
    local ones = {}
    for i = 1, 20 do ones[i] = torch.randn(1) end
    assert.is_true(torch.equal(torch.cat(ones), z))
  end)

  it("shuffles", function()
    for _, n in ipairs { 0, 1, 2, 1000 } do
      local seen = {}
      for _, v in ipairs(torch.randperm(n):tolist()) do seen[v] = true end
      for i = 1, n do assert.is_true(seen[i]) end
    end
  end)

  it("gives the same numbers at every SIMD level", function()
    local text = [[
      local torch = require "torch"
      torch.manual_seed(7)
      for _, dtype in ipairs { torch.float32, torch.float64, torch.float16, torch.bfloat16 } do
        for _, n in ipairs { 3, 16, 1001 } do
          for _, t in ipairs { torch.randn(n, { dtype = dtype }), torch.rand(n, { dtype = dtype }),
                               torch.empty(n, { dtype = dtype }):uniform_(-2, 3) } do
            t = t:to(torch.float64)
            io.write(("%.17g %.17g "):format(t:sum():item(), (t * t):sum():item()))
          end
        end
      end
      for _, n in ipairs { 7, 100 } do io.write(("%.17g "):format(torch.linspace(-3, 5, n):sum():item())) end]]
    local seen
    for _, level in ipairs { "v2", "v3", "v4" } do
      local r = helper.run_text(text, { env = { TLUA_SIMD = level } })
      assert.equal(0, r.code, r.err)
      seen = seen or r.out
      assert.equal(seen, r.out)
    end
  end)
end)

describe("ranges", function()
  it("meet their ends", function()
    for _, n in ipairs { 2, 3, 16, 17, 100, 2000 } do
      local x = torch.linspace(-math.pi, math.pi, n)
      assert.equal(x[1]:item(), -x[n]:item())
      helper.close_to(x[2]:item() - x[1]:item(), 2 * math.pi / (n - 1), 1e-6)
    end
    assert.same({ 5. }, torch.linspace(5, 9, 1):tolist())
    assert.equal(0, torch.linspace(5, 9, 0):numel())
  end)

  it("are whole for integers", function()
    assert.same({ 3, 5, 7 }, torch.arange(3, 9, 2):tolist())
    assert.same({ 5, 3, 1 }, torch.arange(5, 0, -2):tolist())
    assert.equal(torch.int64, torch.arange(5).dtype)
  end)
end)
