-- Random operations: PyTorch's CPU streams, value for value, and its refusals.
local torch = require "torch"
local helper = require "spec.support.helper"
local raises = helper.raises
local golden = require "spec.golden.rng_streams"
local F = torch.nn.functional

local w = torch.tensor { .1, 3., .5, 2., 0., 1. }
local from_one = { ["randperm(10)"] = true, ["randperm(25)"] = true, multinomial = true, ["multinomial no repl"] = true }

local calls = {
  ["rand f64"] = function () return torch.rand(6, { dtype = torch.float64 }) end,
  ["uniform_"] = function () return torch.empty(6):uniform_(-.3, .7) end,
  ["normal_(1.5,.3)"] = function () return torch.empty(18):normal_(1.5, .3) end,
  ["transposed normal_"] = function () return torch.empty(4, 5):t():normal_() end,
  ["transposed uniform_"] = function () return torch.empty(4, 5):t():uniform_() end,
  ["cache"] = function () return torch.cat { torch.randn(1), torch.rand(1), torch.randn(1) } end,
  ["randint"] = function () return torch.randint(0, 10, { 12 }) end,
  ["randint big"] = function () return torch.randint(0, 1 << 40, { 4 }) end,
  ["random_ i64"] = function () return torch.empty(4, { dtype = torch.int64 }):random_() end,
  ["random_ f32"] = function () return torch.empty(4):random_() end,
  ["randperm(10)"] = function () return torch.randperm(10) end,
  ["randperm(25)"] = function () return torch.randperm(25) end,
  ["bernoulli_"] = function () return torch.empty(12):bernoulli_(.3) end,
  ["bernoulli(p)"] = function () return torch.bernoulli(torch.full({ 12 }, .3)) end,
  ["dropout"] = function () return F.dropout(torch.ones(12), .4) end,
  ["exponential_"] = function () return torch.empty(5):exponential_(2) end,
  ["geometric_"] = function () return torch.empty(8):geometric_(.3) end,
  ["cauchy_"] = function () return torch.empty(5):cauchy_(1, 2) end,
  ["log_normal_"] = function () return torch.empty(5):log_normal_(.5, .7) end,
  ["multinomial"] = function () return torch.multinomial(w, 10, true) end,
  ["multinomial no repl"] = function () return torch.multinomial(w, 4) end,
}
for _, n in ipairs { 1, 5, 15, 16, 17, 32, 40 } do calls["randn n=" .. n] = function () return torch.randn(n) end end
for _, n in ipairs { 5, 16, 20 } do calls["randn f64 n=" .. n] = function () return torch.randn(n, { dtype = torch.float64 }) end end

describe("random", function ()
  it("gives PyTorch's streams #cpu", function ()
    local wrong, asked = {}, 0
    for name, want in pairs(golden) do
      local seed = name:match "^rand seed (-?%d+)$"
      local f = seed and function () return torch.rand(8) end or calls[name]
      torch.manual_seed(math.tointeger(tonumber(seed or 0)))
      local got = f():reshape(-1):tolist()
      asked = asked + 1
      for k = 1, #want do
        local v = from_one[name] and want[k] + 1 or want[k]
        if got[k] ~= v then
          wrong[#wrong + 1] = ("%s: number %d is %.17g, not %.17g"):format(name, k, got[k] or 0, v)
          break
        end
      end
    end
    assert.are.equal("", table.concat(wrong, "\n"))
    assert.are.equal(36, asked)
  end)

  it("takes a generator of its own", function ()
    local g = torch.Generator():manual_seed(3)
    torch.manual_seed(0)
    local before = torch.get_rng_state()
    local a = torch.rand(4, { generator = g })
    assert.is_true(torch.equal(before, torch.get_rng_state()))
    g:manual_seed(3)
    assert.is_true(torch.equal(a, torch.rand(4, { generator = g })))
    g:manual_seed(3)
    assert.is_true(torch.equal(a, torch.empty(4):uniform_ { generator = g }))
    for _, f in ipairs { function () return torch.randperm(9, { generator = g }) end, function () return torch.randint(9, { 5 },
      { generator = g }) end,
        function () return torch.multinomial(w, 3, false, { generator = g }) end, function () return torch.normal(0, 1, { 3 },
          { generator = g }) end } do
      g:manual_seed(5)
      local x = f()
      g:manual_seed(5)
      assert.is_true(torch.equal(x, f()))
    end
    assert.is_true(torch.equal(before, torch.get_rng_state()))
  end)

  it("geometric_ has no bools", function ()
    raises(function () torch.tensor({ true }):geometric_(0.5) end, "geometric_: not implemented for bool tensors")
  end)

  it("draws nothing for nothing", function ()
    torch.manual_seed(0)
    local before = torch.get_rng_state()
    torch.rand(0)
    torch.randperm(1)
    F.dropout(torch.zeros(0), 0.5)
    F.dropout(torch.ones(4), 0.5, false)
    F.dropout(torch.ones(4), 0)
    F.dropout(torch.ones(4), 1)
    assert.is_true(torch.equal(before, torch.get_rng_state()))
  end)

  it("normal of tensors scales, then shifts", function ()
    torch.manual_seed(1)
    local z = torch.randn(20)
    local mean, std = torch.arange(20.), torch.linspace(0.5, 2, 20)
    torch.manual_seed(1)
    assert.is_true(torch.equal(torch.normal(mean, std), z * std + mean))
    torch.manual_seed(1)
    assert.is_true(torch.equal(torch.normal(mean), z + mean))
    torch.manual_seed(1)
    assert.is_true(torch.equal(torch.normal(2, std), z * std + 2))
  end)

  it("dropout scales what it keeps, and its gradient", function ()
    torch.manual_seed(0)
    local x = torch.ones(1000, { requires_grad = true })
    local y = F.dropout(x, 0.25)
    y:sum():backward()
    assert.is_true(torch.equal(x.grad, y:detach()))
    local kept = torch.count_nonzero(y):item()
    assert.is_true(kept > 690 and kept < 810)
    assert.is_true(torch.equal(y:detach():max(), torch.tensor(1 / 0.75)))
    local z = torch.ones(10)
    assert.is_true(F.dropout(z, { p = 0.5, inplace = true }) == z)
  end)

  it("multinomial follows the weights", function ()
    torch.manual_seed(0)
    local p = torch.tensor { { 0., 1., 0. }, { 0.5, 0., 0.5 } }
    local s = torch.multinomial(p, 200, true)
    assert.is_true(s[1]:eq(2):all())
    assert.is_false(s[2]:eq(2):any())
    local all = torch.multinomial(torch.rand(5) + 0.1, 5):tolist()
    table.sort(all)
    assert.are.same({ 1, 2, 3, 4, 5 }, all)
  end)

  it("works in every dtype that it says", function ()
    for _, d in ipairs { "float16", "bfloat16", "float32", "float64" } do
      local u, n = torch.rand(100, { dtype = torch[d] }), torch.randn(100, { dtype = torch[d] })
      assert.are.equal(torch[d], u.dtype)
      assert.is_true(u:ge(0):all() and u:lt(1):all() and n:isfinite():all())
    end
    for _, d in ipairs { "uint8", "int8", "int16", "int32", "int64", "bool", "float32" } do
      local t = torch.zeros(64, { dtype = torch[d] }):random_()
      assert.are.equal(torch[d], t.dtype)
      assert.is_true(torch.zeros(64, { dtype = torch[d] }):bernoulli_(0.5):ne(0):any())
    end
  end)

  it("draws half types in float32 and rounds them #cpu", function ()
    for d, want in pairs { float16 = { 0.9072265625, 0.031646728515625, -1.1728515625, 0.0999755859375 },
                           bfloat16 = { 0.90625, 0.03173828125, -1.171875, 0.10009765625 } } do
      local dtype = { dtype = torch[d] }
      torch.manual_seed(5)
      local u, n = torch.rand(4, dtype), torch.randn(18, dtype)
      assert.are.same({ want[1], want[2], want[3] }, { u[3]:item(), n[16]:item(), n[17]:item() })
      assert.are.equal(0.9697042107582092, torch.rand(1):item())
      torch.manual_seed(5)
      local t = torch.empty(2000, dtype):uniform_(0.1, 0.7)           -- never the open end
      assert.are.equal(want[4], t:min():item())
      assert.is_true(t:max():item() < torch.tensor(0.7, dtype):item())
    end
  end)

  it("zeroes the gradient of what it writes over", function ()
    local x = torch.ones(3, { requires_grad = true })
    local y = x * 2
    y:normal_();
    (y * 3):sum():backward()
    assert.is_true(torch.equal(x.grad, torch.zeros(3)))
  end)

  it("refuses in words", function ()
    raises(function () torch.normal(0, -1, { 2 }) end, "normal expects std >= 0.0, but found std -1")
    raises(function () torch.randint(3, 1, { 2 }) end, "random_ expects 'from' to be less than 'to', but got from=3 >= to=1")
    raises(function () torch.ones(2):uniform_(1, 0) end, "uniform_ expects to return a [from, to) range, but found from=1 > to=0")
    raises(function () torch.rand(2, { dtype = torch.int64 }) end, "not implemented for 'int64'")
    raises(function () torch.multinomial(torch.ones(3), 4) end, "cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    for p, word in pairs { [2.] = "above 1", [-0.5] = "below 0", [math.huge] = "above 1" } do
      raises(function () torch.bernoulli(torch.tensor { 0.5, p }) end,
        "Expected p_in >= 0 && p_in <= 1 to be true, but a probability is " .. word)
    end
  end)
end)
