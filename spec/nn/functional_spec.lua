-- the activations that nn.functional composes of operations

local torch = require "torch"
local F = torch.nn.functional
local nan = 0 / 0

local function refuses(text, name, ...)
  local ok, e = pcall(F[name], ...)
  assert.is_false(ok, name)
  assert.is_truthy(e:find(text, 1, true), e)
end

describe("nn.functional", function ()
  it("names what an activation was given", function ()
    local x = torch.ones(2, 3)
    for _, name in ipairs { "relu6", "hardsigmoid", "hardswish", "logsigmoid", "softsign", "tanhshrink", "mish", "celu", "hardshrink",
                            "softshrink", "glu" } do
      refuses(name .. "(): argument 'input' (position 1) must be Tensor, not int", name, 3)
      refuses(name .. "() missing required argument 'input'", name)
      refuses(name .. "() got an unexpected keyword argument 'beta'", name, x, { beta = 1 })
    end
    refuses("celu(): argument 'alpha' (position 2) must be number, not string", "celu", x, "a")
    refuses("threshold() missing required argument 'value'", "threshold", x, 1)
    refuses("prelu(): argument 'weight' (position 2) must be Tensor, not int", "prelu", x, 2)
    refuses("Found parameter numbers = 4 and channel size = 3.", "prelu", x, torch.ones(4))
    refuses("Halving dimension must be even, but dimension 2 is size 3", "glu", x, 2)
    refuses("must be Tensor, not int", "softmax", 3)
    refuses("Expected `weight` to be a scalar or 1D tensor, but got: ndim = 2", "prelu", x, torch.ones(1, 1))
    refuses("prelu: Type promoting not supported. Got float32 and float64", "prelu", x, torch.ones(1):double())
  end)

  it("takes keywords", function ()
    local x = torch.tensor { { -2., 0.2, 3. } }
    assert.is_true(torch.equal(F.celu(x, 0.5), F.celu(x, { alpha = 0.5 })))
    assert.is_true(torch.equal(torch.tensor { { -0.5, 0.2, 3. } }, F.prelu(x, { weight = torch.tensor { 0.25 } })))
    assert.is_true(torch.equal(torch.tensor { { -2., 2., 9. } }, F.prelu(x * 0 + torch.tensor { -1., 2., 9. },
      torch.tensor { 2., 3., 4. })))
  end)

  it("writes into its input when asked to, and has the same gradients", function ()
    local more = { elu = { 0.5 }, celu = { 2 }, leaky_relu = { 0.1 }, hardtanh = { -1, 0.5 }, threshold = { 0.1, 3 }, relu = {},
                   relu6 = {}, selu = {}, silu = {}, mish = {}, hardswish = {}, hardsigmoid = {} }
    for name, values in pairs(more) do
      local a = torch.tensor({ -1.5, -0.2, 0.3, 2., 8. }, { requires_grad = true })
      local x, old = a * 1, torch.tensor({ -1.5, -0.2, 0.3, 2., 8. }, { requires_grad = true })
      local y = F[name](x, table.unpack(values))
      assert.is_false(rawequal(x, y))
      values[#values + 1] = true
      assert.is_true(rawequal(x, F[name](x, table.unpack(values))))
      values[#values] = { inplace = true }
      assert.is_true(torch.equal(y, F[name](old * 1, table.unpack(values))))
      x:sum():backward()
      values[#values] = { inplace = false }
      F[name](old, table.unpack(values)):sum():backward()
      assert.is_true(torch.equal(y, x) and torch.equal(old.grad, a.grad), name)
    end
    refuses("relu(): argument 'inplace' must be bool, not int", "relu", torch.ones(1), 3)
    refuses("must be Tensor, not int", "relu", 3, true)
  end)

  it("gives no gradient where relu6 and its kin bend", function ()
    local x = torch.tensor({ -3., 0., 3., 6. }, { requires_grad = true })
    for name, want in pairs { relu6 = { 0., 0., 1., 0. }, hardsigmoid = { 0., 1. / 6, 0., 0. }, hardswish = { 0., 0.5, 1., 1. } } do
      x.grad = nil
      F[name](x):sum():backward()
      assert.is_true(torch.allclose(torch.tensor(want), x.grad), name)
    end
  end)

  it("has PyTorch's values and gradients far out and at NaN", function ()
    local x = torch.tensor({ 1000., 0., -1000., nan }, { requires_grad = true })
    F.celu(x):sum():backward()
    assert.is_true(torch.equal(torch.tensor { 1., 1., 0., 1. }, x.grad))
    for _, y in ipairs { F.celu(x), F.threshold(x, 1, 2), F.hardshrink(x), F.softshrink(x), F.relu6(x) } do
      assert.is_true(y[4]:isnan():item())
    end
    x.grad = nil
    F.elu(x):sum():backward()
    assert.is_true(torch.equal(torch.tensor { 1., 1., 0., 1. }, x.grad))
    x = torch.tensor { -1., 2. }
    assert.is_true(torch.allclose(torch.tensor { -0.5 * (math.exp(2) - 1), 2. }, F.celu(x, -0.5)))
    refuses("alpha cannot be 0 for CELU", "celu", x, 0)
  end)

  it("takes what PyTorch takes of integers and of one number", function ()
    assert.is_true(torch.equal(torch.tensor { 0, 3, 6 }, F.relu6(torch.tensor { -1, 3, 9 })))
    assert.is_true(torch.equal(torch.tensor({ 0, 4 }, { dtype = torch.uint8 }), F.hardtanh(torch.tensor({ 0, 200 },
      { dtype = torch.uint8 }), -3, 4)))
    assert.is_true(torch.equal(torch.tensor(-1.), F.prelu(torch.tensor(-2.), torch.tensor { 0.5 })))
  end)

  it("is for floating point where PyTorch's kernels are, and rounds half types once", function ()
    for _, name in ipairs { "hardsigmoid", "hardswish", "logsigmoid", "mish", "selu", "celu", "hardshrink", "softshrink", "glu" } do
      refuses("input dtype should be floating point; got int64 instead", name, torch.tensor { 1, 2 })
      local x = torch.linspace(-4, 4, 50)
      for _, dtype in ipairs { torch.bfloat16, torch.float16 } do
        local half = x:to(dtype):requires_grad_()
        local y = F[name](half)
        local single = half:detach():float():requires_grad_()
        local z = F[name](single)
        y:backward(torch.ones_like(y))
        z:backward(torch.ones_like(z))
        assert.is_true(torch.equal(z:to(dtype), y), name)
        assert.is_true(torch.equal(single.grad:to(dtype), half.grad), name)
      end
    end
  end)
end)
