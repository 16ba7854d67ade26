-- Running sums, products, largest and smallest elements: PyTorch's figures, positions from 1.
local torch = require "torch"
local helper = require "spec.support.helper"
local close_to, raises = helper.close_to, helper.raises

local function double(list) return torch.tensor(list, { dtype = torch.float64 }) end
local x = double { { 1, -2, 3 }, { 4, 0, -6 } }

-- the gradient of sum(weights * f(x))
local function slope(want, f, list, weights)
  local a = double(list):requires_grad_();
  (f(a) * double(weights)):sum():backward()
  close_to(a.grad, want, 1e-12)
end

describe("scan", function ()
  it("runs along a dim", function ()
    close_to(x:cumsum(2), { { 1, -1, 2 }, { 4, 4, -2 } })
    close_to(x:cumprod(2), { { 1, -2, -6 }, { 4, 0, 0 } })
    close_to(x:t():cumsum(1), { { 1, 4 }, { -1, 4 }, { 2, -2 } })
    close_to(torch.tensor({ true, true }):cumsum(1), { 1, 2 })
    assert.are.equal(torch.int64, torch.tensor({ 1 }, { dtype = torch.int8 }):cumsum(1).dtype)
    assert.are.equal(torch.int8, torch.tensor({ 1 }, { dtype = torch.int8 }):cumsum_(1).dtype)
    close_to(torch.tensor(3.):cumsum(1), 3)
    helper.raises(function () torch.tensor({ true }):cumsum_(1) end, "input tensor dtype bool and output tensor dtype int64 should match")
    helper.raises(function () torch.ones(2):cumprod_(1, { dtype = torch.float64 }) end, "dtype float32 and output tensor dtype float64")
  end)

  it("names positions, the last of equals", function ()
    local v, i = torch.tensor({ 1., 3., 3., 2., 5. }):cummax(1)
    close_to(v, { 1, 3, 3, 3, 5 })
    close_to(i, { 1, 2, 3, 3, 5 })
    v, i = torch.tensor({ 3., 1., 1., 2. }):cummin(1)
    close_to(v, { 3, 1, 1, 1 })
    close_to(i, { 1, 2, 3, 3 })
  end)

  it("has right gradients, also through zeros", function ()
    slope({ 6, 5, 3 }, function (a) return a:cumsum(1) end, { 1, 2, 3 }, { 1, 2, 3 })
    slope({ 43, 28, 18 }, function (a) return a:cumprod(1) end, { 2, 3, 4 }, { 1, 2, 3 })
    slope({ 1, 118, 0, 0 }, function (a) return a:cumprod(1) end, { 2, 0, 3, 4 }, { 1, 2, 3, 4 })
    slope({ 1, 0, 0 }, function (a) return a:cumprod(1) end, { 0, 0, 4 }, { 1, 2, 3 })
    slope({ 1, 2, 0, 1 }, function (a) return (a:cummax(1)) end, { 1, 3, 2, 3 }, { 1, 1, 1, 1 })
  end)

  it("refuses in words", function ()
    raises(function () x:cumsum(3) end, "cumsum: Dimension out of range (expected to be in range of [-2, -1] or [1, 2], but got 3)")
    raises(function () x:cummax(0) end, "0")
  end)
end)
