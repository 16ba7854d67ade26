-- Linear, Flatten, Unflatten, Identity.
local torch = require "torch"
local helper = require "spec.support.helper"
local nn = torch.nn
local raises = helper.raises

local function flat(t) return t:detach():flatten():tolist() end

local function layer()
  local l = nn.Linear(3, 2)
  l:load_state_dict { weight = torch.tensor { { 1.0, 2, 3 }, { 4, 5, 6 } }, bias = torch.tensor { 0.5, -0.5 } }
  return l
end

describe("Linear", function()
  it("and its gradients, on two leading dims", function()
    local l = layer()
    local x = torch.arange(0, 12.0):reshape(2, 2, 3):requires_grad_()
    local y = l(x)
    ; (y * torch.arange(0, 8.0):reshape(2, 2, 2)):sum():backward()
    assert.same({ 2, 2, 2 }, y.shape)
    assert.same({ 8.5, 16.5, 26.5, 61.5, 44.5, 106.5, 62.5, 151.5 }, flat(y))
    assert.same({ 4, 5, 6, 14, 19, 24, 24, 33, 42, 34, 47, 60 }, flat(x.grad))
    assert.same({ 84, 96, 108, 102, 118, 134 }, flat(l.weight.grad))
    assert.same({ 12, 16 }, flat(l.bias.grad))
  end)

  it("takes vectors, views and nothing at all", function()
    local l = layer()
    assert.same({ 8.5, 16.5 }, flat(l(torch.arange(0, 3.0))))
    local x = torch.tensor { { 0.0, 9 }, { 1, 9 }, { 2, 9 } }:t():narrow(1, 1, 1)
    assert.is_false(torch.tensor { { 0.0, 9 }, { 1, 9 }, { 2, 9 } }:t():is_contiguous())
    assert.same({ { 8.5, 16.5 } }, l(x):tolist())
    local empty = torch.empty(0, 3, { requires_grad = true })
    local y = l(empty)
    assert.same({ 0, 2 }, y.shape)
    y:sum():backward()
    assert.same({ 0, 0 }, flat(l.bias.grad))
    assert.same({ 0, 0, 0, 0, 0, 0 }, flat(l.weight.grad))
    assert.same({ 5, 0, 2 }, l(torch.empty(5, 0, 3)).shape)
  end)

  it("without a bias, and of no features", function()
    local l = nn.Linear(3, 2, { bias = false })
    assert.is_nil(l.bias)
    assert.equal("Linear(in_features=3, out_features=2, bias=False)", tostring(l))
    assert.equal(1, #l:parameters())
    assert.same({ { 0, 0 } }, nn.Linear(0, 2)(torch.empty(1, 0)):tolist())
    assert.same({ 4, 0 }, nn.Linear(2, 0)(torch.ones(4, 2)).shape)
    assert.equal(torch.float64, nn.Linear(2, 1, { dtype = torch.float64 }).weight.dtype)
  end)

  it("refuses other sizes and dtypes", function()
    local l = layer()
    raises(function() l(torch.empty(2, 4)) end, "shapes cannot be multiplied (2x4 and 3x2)")
    raises(function() l(torch.empty(2, 3, { dtype = torch.float64 })) end, "dtype")
    raises(function() l(torch.ones(2, 3, { dtype = torch.int64 })) end, "dtype")
    raises(function() return nn.Linear(2) end, "Linear() missing required argument 'out_features'")
    raises(function() return nn.Linear(2, 1.5) end, "in_features and out_features should be integers, got 2 and 1.5")
    raises(function() return nn.Linear(2, 1, { bais = true }) end, "Linear() got an unexpected keyword argument 'bais'")
    raises(function() return nn.Linear(2, 1, true, { bias = true }) end, "multiple values for argument 'bias'")
  end)
end)

describe("Flatten, Unflatten, Identity", function()
  it("change shapes, dims from 1", function()
    local x = torch.arange(0, 24):reshape(2, 3, 4)
    assert.same({ 2, 12 }, nn.Flatten()(x).shape)
    assert.same({ 6, 4 }, nn.Flatten(1, 2)(x).shape)
    assert.same({ 24 }, nn.Flatten(1)(x).shape)
    assert.same({ 2, 3, 2, 2 }, nn.Unflatten(3, { 2, 2 })(x).shape)
    assert.same({ 2, 3, 2, 2 }, nn.Unflatten(-1, { 2, -1 })(x).shape)
    assert.same({ 0, 6 }, nn.Flatten()(torch.zeros(0, 2, 3)).shape)
    assert.equal("Flatten(start_dim=2, end_dim=-1)", tostring(nn.Flatten()))
    assert.equal("Unflatten(dim=2, unflattened_size=(2, 3))", tostring(nn.Unflatten(2, { 2, 3 })))
    raises(function() nn.Unflatten(4, { 2 })(x) end, "expected to be in range of [-3, -1] or [1, 3], but got 4")
    raises(function() nn.Unflatten(2, { 2, 2 })(x) end,
      "unflatten: Provided sizes [2, 2] don't multiply up to the size of dim 2 (3) in the input tensor")
    local i = nn.Identity(5, { a = 3 })
    assert.equal("Identity()", tostring(i))
    assert.equal(x, i(x))
  end)

  it("let gradients through", function()
    local x = torch.arange(0, 6.0):reshape(1, 2, 3):requires_grad_()
    nn.Sequential(nn.Flatten(), nn.Unflatten(2, { 3, 2 }))(x):mul(2):sum():backward()
    assert.same({ { { 2, 2, 2 }, { 2, 2, 2 } } }, x.grad:tolist())
  end)
end)

describe("activations in place", function()
  for name, given in pairs { ReLU = {}, ReLU6 = {}, ELU = {}, CELU = {}, SELU = {}, LeakyReLU = {}, Hardtanh = {}, Hardsigmoid = {},
      Hardswish = {}, SiLU = {}, Mish = {}, Threshold = { threshold = 0.5, value = 3 } } do
    it(name .. " give the same values and gradients, in the memory of the input", function()
      local want, got = {}, {}
      for _, inplace in ipairs { false, true } do
        given.inplace = inplace
        local x = torch.tensor({ -2.5, -0.5, 0.5, 7 }, { dtype = torch.float64, requires_grad = true })
        local z = x * 1
        local y = nn[name](given)(z)
        y:sum():backward()
        local r = inplace and got or want
        r.y, r.g = flat(y), flat(x.grad)
        if inplace then
          assert.equal(z:data_ptr(), y:data_ptr())
          raises(function() nn[name](given)(x) end, "leaf")
        end
      end
      assert.same(want, got)
    end)
  end
end)
