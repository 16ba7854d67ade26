-- Printing: PyTorch's text, character for character. Each case of spec/golden/tensor_printing.json holds PyTorch's
-- expression and its text; the same thing in Lua stands here under the case's name.
local helper = require "spec.support.helper"
local json = require "spec.support.json"
local torch = require "torch"

local nan, inf = 0 / 0, math.huge
local function leaf() return torch.ones(2, 2, { requires_grad = true }) end

local MAKE = {
  ["scalar float"] = function() return torch.tensor(3.14159) end,
  ["0-dim int"] = function() return torch.tensor(7) end,
  ["whole floats"] = function() return torch.tensor { 1., 2., 3. } end,
  ["ints"] = function() return torch.tensor { { 1, -20 }, { 300, 4 } } end,
  ["bools"] = function() return torch.tensor { true, false } end,
  ["mixed floats"] = function() return torch.tensor { { 0.5, -1.25 }, { 100.0, 3.0 } } end,
  ["scientific: small"] = function() return torch.tensor { 1e-5, 1.0 } end,
  ["scientific: ratio > 1000"] = function() return torch.tensor { 0.001, 10.5 } end,
  ["whole, ratio > 1000"] = function() return torch.tensor { 1., 2000. } end,
  ["whole, ratio = 1000"] = function() return torch.tensor { 1., 1000. } end,
  ["large"] = function() return torch.tensor { 123456789.0 } end,
  ["nan and inf with whole numbers"] = function() return torch.tensor { nan, inf, -1. } end,
  ["nan and inf with fractions"] = function() return torch.tensor { nan, -inf, -1.5 } end,
  ["only nan"] = function() return torch.tensor { nan } end,
  ["zeros"] = function() return torch.zeros(2, 3) end,
  ["negative zero"] = function() return torch.tensor { -0., 1.5 } end,
  ["empty"] = function() return torch.tensor {} end,
  ["empty 2-d"] = function() return torch.empty(0, 3) end,
  ["empty int"] = function() return torch.empty(0, { dtype = torch.int64 }) end,
  ["float64"] = function() return torch.tensor({ 1.5, 2.5 }, { dtype = torch.float64 }) end,
  ["int32"] = function() return torch.tensor({ 1, 2 }, { dtype = torch.int32 }) end,
  ["3-d"] = function() return torch.arange(12.):reshape(2, 2, 3) end,
  ["4-d"] = function() return torch.arange(8):reshape(2, 1, 2, 2) end,
  ["line wrap"] = function() return torch.arange(40) end,
  ["summarised 1-d"] = function() return torch.arange(1001) end,
  ["summarised 2-d"] = function() return torch.arange(2000.):reshape(40, 50) end,
  ["exactly 1000 elements 2-d"] = function() return torch.zeros(1000, 1):t()[{ {}, { 1, 7 } }] end,
  ["requires_grad"] = function() return leaf() end,
  ["grad_fn"] = function() return leaf() + 2 end,
  ["grad_fn mean"] = function() return (leaf() * 3):mean() end,
  ["rand 5x3, seed 0"] = function() torch.manual_seed(0) return torch.rand(5, 3) end,
  ["randn 4x4, seed 0"] = function() torch.manual_seed(0) return torch.randn(4, 4) end,
  ["grad_fn that wraps"] = function() torch.manual_seed(0) return torch.randn(2, 9, { requires_grad = true }) * 2 end,
  ["float16"] = function() return torch.tensor({ 1.1, 2. }, { dtype = torch.float16 }) end,
  ["uint8"] = function() return torch.tensor({ 255, 3 }, { dtype = torch.uint8 }) end,
  ["column"] = function() return torch.tensor { { 1.5 }, { -2.25 } } end,
  ["printoptions {'precision': 2}"] = function() return torch.tensor { 1.12345 }, { precision = 2 } end,
  ["printoptions {'sci_mode': True}"] = function() return torch.tensor { 1.5, 20. }, { sci_mode = true } end,
  ["printoptions {'sci_mode': False}"] = function() return torch.tensor { 1e-5, 1.0 }, { sci_mode = false } end,
  ["printoptions {'threshold': 5}"] = function() return torch.arange(10), { threshold = 5 } end,
  ["printoptions {'profile': 'short'}"] = function() return torch.tensor { 3.14159 }, { profile = "short" } end,
  ["printoptions {'linewidth': 30}"] = function() return torch.arange(20), { linewidth = 30 } end,
}

describe("tostring of a tensor", function()
  after_each(function() torch.set_printoptions { profile = "default" } end)

  for _, case in ipairs(json.read("spec/golden/tensor_printing.json")) do
    it("is PyTorch's: " .. case.case, function()
      local make = MAKE[case.case] or error("no Lua form for the case: " .. case.expr)
      local x, options = make()
      if options then torch.set_printoptions(options) end
      assert.equal(case.output, tostring(x))
    end)
  end

  it("says size= and dtype= where the values don't", function()
    assert.equal("tensor([], size=(0, 2), dtype=torch.int64)", tostring(torch.empty(0, 2, { dtype = torch.int64 })))
    assert.equal("tensor([1.], dtype=torch.float64)", tostring(torch.ones(1, { dtype = torch.float64 })))
    assert.equal("tensor([True])", tostring(torch.ones(1, { dtype = torch.bool })))
  end)

  it("follows the default dtype", function()
    torch.set_default_dtype(torch.float64)
    local double, single = tostring(torch.ones(1)), tostring(torch.ones(1, { dtype = torch.float32 }))
    torch.set_default_dtype(torch.float32)
    assert.equal("tensor([1.])", double)
    assert.equal("tensor([1.], dtype=torch.float32)", single)
  end)

  it("reads any strides", function()
    local x = torch.arange(6):reshape(2, 3)
    assert.equal("tensor([[0, 3],\n        [1, 4],\n        [2, 5]])", tostring(x:t()))
    assert.equal("tensor([7, 7, 7])", tostring(torch.tensor { 7 }:expand(3)))
  end)

  it("is what print and %s and string formatting use", function()
    assert.equal("<tensor([1, 2])>", ("<%s>"):format(torch.tensor { 1, 2 }))
    assert.equal("tensor(1)\n", helper.run({ "-e", "print(torch.tensor(1))" }).out)
  end)

  it("names nodes as PyTorch does", function()
    local x = torch.ones(2, 2, { requires_grad = true })
    local function grad_fn(y) return tostring(y):match("grad_fn=<(.-)>") end
    assert.equal("MulBackward0", grad_fn(x * 2))
    assert.equal("MmBackward0", grad_fn(x:mm(x)))
    assert.equal("SumBackward0", grad_fn(x:sum()))
    assert.equal("SumBackward1", grad_fn(x:sum(1)))
    assert.equal("MeanBackward0", grad_fn(x:mean()))
    assert.equal("MeanBackward1", grad_fn(x:mean { dim = 2 }))
    assert.equal("MaxBackward1", grad_fn(x:max()))
    assert.equal("MaxBackward0", grad_fn((x:max(1))))
    assert.equal("MaximumBackward0", grad_fn(x:max(x)))
    assert.equal("ProdBackward1", grad_fn(x:prod(1)))
    assert.equal("ClampBackward1", grad_fn(x:clamp(0, 1)))
    assert.equal("ClampBackward0", grad_fn(x:clamp(x, x)))
    assert.equal("PowBackward0", grad_fn(x ^ 2))
    assert.equal("PowBackward1", grad_fn(x ^ x))
    assert.equal("PowBackward2", grad_fn(2 ^ x))
    assert.equal("LinalgVectorNormBackward0", grad_fn(x:norm()))
    assert.equal("PermuteBackward0", grad_fn(x.T))
    assert.equal("NegBackward0", grad_fn(-x))
    assert.equal("ReluBackward0", grad_fn(x:relu()))
    assert.equal("TBackward0", grad_fn(x:t()))
    assert.equal("SubBackward0", grad_fn(x - 1))
    assert.equal("DivBackward0", grad_fn(x / 2))
    assert.equal("<AddBackward0 object>", tostring((x + 1).grad_fn))
  end)
end)

describe("other values", function()
  it("print as PyTorch's do", function()
    assert.equal("torch.Size([2, 3])", tostring(torch.ones(2, 3).shape))
    assert.equal("torch.Size([])", tostring(torch.tensor(1).shape))
    assert.equal("torch.float32", tostring(torch.float32))
    assert.equal("torch.int64", tostring(torch.arange(2).dtype))
    assert.equal("cpu", tostring(torch.ones(1).device))
  end)
end)

describe("set_printoptions", function()
  after_each(function() torch.set_printoptions { profile = "default" } end)

  it("edgeitems and threshold choose what is shown", function()
    torch.set_printoptions { edgeitems = 1, threshold = 3 }
    assert.equal("tensor([[ 0,  ...,  3],\n        ...,\n        [ 8,  ..., 11]])", tostring(torch.arange(12):reshape(3, 4)))
  end)

  it("full shows everything", function()
    torch.set_printoptions { profile = "full" }
    assert.is_nil(tostring(torch.zeros(1500)):find("...", 1, true))
  end)

  it("refuses nonsense", function()
    helper.raises(function() torch.set_printoptions { precison = 3 } end, "did you mean 'precision'?")
    helper.raises(function() torch.set_printoptions { profile = "long" } end, "must be one of 'default', 'short', 'full', not 'long'")
    helper.raises(function() torch.set_printoptions { precision = -1 } end, "precision must be in [0, 60]")
    helper.raises(function() torch.set_printoptions { edgeitems = 0 } end, "edgeitems must be positive")
    helper.raises(function() torch.set_printoptions { linewidth = 0 } end, "linewidth must be positive")
  end)
end)
