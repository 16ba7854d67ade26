-- cat, stack and kin; the figures are PyTorch's
local torch = require "torch"
local helper = require "spec.support.helper"
local tensors = require "spec.support.tensors"
local count, is = tensors.count, tensors.is

local f64 = { dtype = torch.float64 }

describe("tensors made one", function ()
  it("cat", function ()
    local x, e = count(2, 2), torch.zeros(0)
    is(torch.cat { x, x }, "float64", { 4, 2 }, { { 1, 2 }, { 3, 4 }, { 1, 2 }, { 3, 4 } })
    is(torch.cat({ x, x:t() * 10 }, 2), "float64", { 2, 4 }, { { 1, 2, 10, 30 }, { 3, 4, 20, 40 } })
    is(torch.concat({ x, x }, { dim = -1 }), "float64", { 2, 4 }, { { 1, 2, 1, 2 }, { 3, 4, 3, 4 } })
    is(torch.cat { e, x }, "float64", { 2, 2 }, { { 1, 2 }, { 3, 4 } })
    is(torch.cat({ x, torch.zeros(2, 0) }, 2), "float64", { 2, 2 }, { { 1, 2 }, { 3, 4 } })
    is(torch.cat { torch.tensor { 1, 2 }, torch.tensor { 0.5 } }, "float32", { 3 }, { 1, 2, 0.5 })
    is(torch.cat { torch.tensor { true }, torch.tensor({ 3 }, { dtype = torch.uint8 }) }, "uint8", { 2 }, { 1, 3 })
    is(torch.cat { torch.tensor({ 3 }, { dtype = torch.int8 }), torch.tensor({ 200 }, { dtype = torch.uint8 }) },
      "int16", { 2 }, { 3, 200 })
    is(torch.cat { e, e }, "float32", { 0 }, {})
  end)

  it("stack and the others", function ()
    local x, y, m = count(2), count(2) * 10, count(2, 2)
    is(torch.stack { x, y }, "float64", { 2, 2 }, { { 1, 2 }, { 10, 20 } })
    is(torch.stack({ x, y }, 2), "float64", { 2, 2 }, { { 1, 10 }, { 2, 20 } })
    is(torch.stack({ x, y }, -1), "float64", { 2, 2 }, { { 1, 10 }, { 2, 20 } })
    is(torch.stack { torch.tensor(1), torch.tensor(2.5) }, "float32", { 2 }, { 1, 2.5 })
    is(torch.stack({ m, m:t() }, 2), "float64", { 2, 2, 2 }, { { { 1, 2 }, { 1, 3 } }, { { 3, 4 }, { 2, 4 } } })
    is(torch.hstack { x, y }, "float64", { 4 }, { 1, 2, 10, 20 })
    is(torch.hstack { m, m }, "float64", { 2, 4 }, { { 1, 2, 1, 2 }, { 3, 4, 3, 4 } })
    is(torch.vstack { x, m }, "float64", { 3, 2 }, { { 1, 2 }, { 1, 2 }, { 3, 4 } })
    is(torch.dstack { x, y }, "float64", { 1, 2, 2 }, { { { 1, 10 }, { 2, 20 } } })
    is(torch.column_stack { x, m, y }, "float64", { 2, 4 }, { { 1, 1, 2, 10 }, { 2, 3, 4, 20 } })
    is(torch.hstack { torch.tensor(1), torch.tensor(2) }, "int64", { 2 }, { 1, 2 })
  end)

  it("gives every input its part of the gradient", function ()
    local x, y, e = count(2, 2):requires_grad_(), count(2, 1):requires_grad_(), torch.zeros(0, f64):requires_grad_()
    local w = count(2, 5);
    (torch.cat({ x, e, y, x }, 2) * w):sum():backward()
    assert.same({ { 5, 7 }, { 15, 17 } }, x.grad:tolist())
    assert.same({ { 3 }, { 8 } }, y.grad:tolist())
    assert.same({ 0 }, { table.unpack(e.grad.shape) })
    x.grad = nil;
    (torch.stack({ x, x * 2 }, 2) * count(2, 2, 2)):sum():backward()
    assert.same({ { 1 + 2 * 3, 2 + 2 * 4 }, { 5 + 2 * 7, 6 + 2 * 8 } }, x.grad:tolist())
    local list, sum = {}, torch.zeros(1, f64):requires_grad_()
    for k = 1, 100 do list[k] = sum * k end
    torch.cat(list):sum():backward()
    assert.equal(5050, sum.grad:item())
  end)

  it("writes where out= says", function ()
    local y = torch.zeros(4, f64)
    torch.cat({ count(2), count(2) }, { out = y })
    assert.same({ 1, 2, 1, 2 }, y:tolist())
    torch.stack({ count(2), count(2) }, { out = y })
    assert.same({ { 1, 2 }, { 1, 2 } }, y:tolist())
  end)

  it("refuses in words", function ()
    local x = count(2, 3)
    helper.raises(function () torch.cat {} end, "expected a non-empty list of Tensors")
    helper.raises(function () torch.cat { x, x:t() } end,
      "Sizes of tensors must match except in dimension 1. Expected size 3 but got size 2 for tensor number 2 in the list.")
    helper.raises(function () torch.cat { x, count(3) } end, "Tensors must have same number of dimensions: got 2 and 1")
    helper.raises(function () torch.cat { torch.tensor(1), x } end, "zero-dimensional tensor (at position 1) cannot be concatenated")
    helper.raises(function () torch.cat({ x }, 3) end, "Dimension out of range")
    helper.raises(function () torch.cat { x, 1 } end, "Tensor")
    helper.raises(function () torch.stack { x, x:t() } end,
      "stack expects each tensor to be equal size, but got [2, 3] at entry 1 and [3, 2] at entry 2")
    helper.raises(function () torch.stack {} end, "non-empty")
  end)
end)
