-- Reductions that compare: PyTorch's figures, positions from 1.
local torch = require "torch"
local helper = require "spec.support.helper"
local close_to, raises = helper.close_to, helper.raises
local nan = 0 / 0

local function double(list) return torch.tensor(list, { dtype = torch.float64 }) end
local x = double { { 1, -2, 3 }, { 4, 0, -6 } }

describe("reduce_order", function ()
  it("finds the largest and smallest, and where they stand", function ()
    close_to(x:max(), 4)
    local v, i = x:max(2)
    close_to(v, { 3, 4 })
    close_to(i, { 3, 1 })
    v, i = x:min(1, true)
    close_to(v, { { 1, -2, -6 } })
    close_to(i, { { 1, 1, 2 } })
    close_to(x:amax(1), { 4, 0, 3 })
    close_to(x:amin { 1, 2 }, -6)
    assert.are.equal(4, x:argmax():item())
    close_to(x:argmin(2), { 2, 3 })
    local low, high = torch.aminmax(x)
    close_to(low, -6)
    close_to(high, 4)
    close_to(torch.max(x, torch.zeros({}, { dtype = torch.float64 })), { { 1, 0, 3 }, { 4, 0, 0 } })
    assert.are.same({ 1, 1 }, { table.unpack(x:argmax { keepdim = true }.shape) })
  end)

  it("takes the first of equals", function ()
    local v, i = torch.tensor({ 3, 1, 3 }):max(1)
    assert.are.same({ 3, 1 }, { v:item(), i:item() })
    assert.are.equal(2, torch.tensor({ 3, 1, 1 }):argmin():item())
  end)

  it("lets nan win", function ()
    local v, i = torch.tensor({ 1., nan, 2. }):max(1)
    close_to(v, nan)
    assert.are.equal(2, i:item())
    close_to(torch.tensor({ 2., nan, 1. }):amin(), nan)
    assert.are.equal(2, torch.tensor({ 1., nan }):argmin():item())
  end)

  it("shares or places the gradient", function ()
    local function gradient(f)
      local a = double({ 3, 1, 3 }):requires_grad_()
      f(a):backward()
      return a.grad
    end
    close_to(gradient(function (a) return a:max() end), { 0.5, 0, 0.5 })
    close_to(gradient(function (a) return (a:max(1)) end), { 1, 0, 0 })
    close_to(gradient(function (a) return a:amax() end), { 0.5, 0, 0.5 })
    local a = double({ { 1, 5 }, { 7, 2 } }):requires_grad_()
    local v = a:min(2);
    (v * torch.tensor { 10., 20. }):sum():backward()
    close_to(a.grad, { { 10, 0 }, { 0, 20 } })
  end)

  it("any and all give Lua booleans, with dim tensors", function ()
    assert.is_true(x:any())
    assert.is_false(x:all())
    close_to(x:all(2), { true, false })
    assert.is_true(torch.zeros(0):all())
    assert.is_false(torch.zeros(0):any())
    assert.are.equal(torch.uint8, torch.tensor({ 1, 0 }, { dtype = torch.uint8 }):any(1).dtype)
  end)

  it("works in every dtype", function ()
    for _, d in ipairs { "float16", "bfloat16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64" } do
      local t = torch.tensor({ 3, 7, 5 }):to(torch[d])
      local v, i = t:max(1)
      assert.are.equal(torch[d], v.dtype)
      assert.are.same({ 7, 2 }, { v:to(torch.float64):item(), i:item() })
      assert.are.equal(1, t:argmin():item())
    end
    assert.is_true(torch.tensor({ false, true }):max():item())
  end)

  it("refuses in words", function ()
    raises(function () torch.zeros(0):max() end,
      "max(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.")
    raises(function () torch.zeros(0, 2):max(1) end, "max(): Expected reduction dim 1 to have non-zero size.")
    raises(function () torch.zeros(0):argmax() end, "argmax(): Expected reduction dim to be specified for input.numel() == 0.")
    raises(function () torch.tensor({ true }):argmax() end, "argmax(): does not support bool input")
    raises(function () torch.aminmax(torch.zeros(0)) end,
      "cannot compute aminmax over an empty dimension as the operation has no identity")
  end)

  it("spread NaN over the gradient where PyTorch does", function ()
    local v = torch.tensor({ { nan, 1 }, { 1, 1 } }, { requires_grad = true })
    local g = torch.autograd.grad(v:amin(2):sum(), v)[1]
    assert.is_true(g[1]:isnan():all())
    assert.same({ 0.5, 0.5 }, g[2]:tolist())
    assert.same({ { 1, 0 }, { 0, 0 } }, torch.autograd.grad(v:max(), v)[1]:tolist())
  end)
end)
