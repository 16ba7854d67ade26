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
  end)

  it("takes keywords", function ()
    local x = torch.tensor { { -2., 0.2, 3. } }
    assert.is_true(torch.equal(F.celu(x, 0.5), F.celu(x, { alpha = 0.5 })))
    assert.is_true(torch.equal(torch.tensor { { -0.5, 0.2, 3. } }, F.prelu(x, { weight = torch.tensor { 0.25 } })))
    assert.is_true(torch.equal(torch.tensor { { -2., 2., 9. } }, F.prelu(x * 0 + torch.tensor { -1., 2., 9. },
      torch.tensor { 2., 3., 4. })))
  end)

  it("has PyTorch's values and gradients far out and at NaN", function ()
    local x = torch.tensor({ 1000., 0., -1000., nan }, { requires_grad = true })
    F.celu(x):sum():backward()
    assert.is_true(torch.equal(torch.tensor { 1., 1., 0., 1. }, x.grad))
    for _, y in ipairs { F.celu(x), F.threshold(x, 1, 2), F.hardshrink(x), F.softshrink(x), F.relu6(x) } do
      assert.is_true(y[4]:isnan():item())
    end
  end)
end)
