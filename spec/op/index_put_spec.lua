-- scatter, index_add, masked_fill, index_put, copy_ and kin; the figures are PyTorch's
local torch = require "torch"
local helper = require "spec.support.helper"
local tensors = require "spec.support.tensors"
local count, int, is = tensors.count, tensors.int, tensors.is

local f64 = { dtype = torch.float64 }

describe("writing by index", function ()
  it("scatter, scatter_add", function ()
    local x, s = count(2, 3), count(2, 2) * 10
    is(x:scatter(2, int { { 1, 3 }, { 2, 1 } }, s), "float64", { 2, 3 }, { { 10, 2, 20 }, { 40, 30, 6 } })
    is(x:scatter(1, int { { 2, 1, 2 } }, 0.5), "float64", { 2, 3 }, { { 1, 0.5, 3 }, { 0.5, 5, 0.5 } })
    is(x:scatter(2, int { { 1, 1 }, { 2, 1 } }, s, { reduce = "add" }), "float64", { 2, 3 }, { { 31, 2, 3 }, { 44, 35,
      6 } })
    is(x:scatter(2, int { { 1, 1 }, { 2, 1 } }, s, { reduce = "multiply" }), "float64", { 2, 3 }, { { 200, 2, 3 },
      { 160, 150, 6 } })
    is(x:scatter_add(2, int { { 3, 3 }, { 2, 1 } }, s), "float64", { 2, 3 }, { { 1, 2, 33 }, { 44, 35, 6 } })
    is(x:scatter_add(2, int { { 3 } }, s), "float64", { 2, 3 }, { { 1, 2, 13 }, { 4, 5, 6 } })
    is(x:t():scatter_add(1, int { { 3, 3 }, { 2, 1 } }, s), "float64", { 3, 2 }, { { 1, 44 }, { 32, 5 }, { 13, 26 } })
  end)

  it("index_add, index_copy, index_fill", function ()
    local x, s = count(2, 3), count(2, 2) * 10
    is(x:index_add(2, int { 3, 3 }, s), "float64", { 2, 3 }, { { 1, 2, 33 }, { 4, 5, 76 } })
    is(x:index_add(2, int { 3, 1 }, s, { alpha = -2 }), "float64", { 2, 3 }, { { -39, 2, -17 }, { -76, 5, -54 } })
    is(x:index_copy(2, int { 3, 1 }, s), "float64", { 2, 3 }, { { 20, 2, 10 }, { 40, 5, 30 } })
    is(x:index_fill(2, int { 1, -1 }, 7), "float64", { 2, 3 }, { { 7, 2, 7 }, { 7, 5, 7 } })
    is(x:index_fill(1, int { 2 }, torch.tensor(0.5)), "float64", { 2, 3 }, { { 1, 2, 3 }, { 0.5, 0.5, 0.5 } })
    is(torch.tensor(2):index_add(1, int { 1 }, torch.tensor(3)), "int64", {}, 5)
    is(count(3):index_copy(1, int {}, torch.zeros(0, f64)), "float64", { 3 }, { 1, 2, 3 })
  end)

  it("masks", function ()
    local x = count(2, 3)
    local m = x:gt(2)
    is(x:masked_fill(m, 0), "float64", { 2, 3 }, { { 1, 2, 0 }, { 0, 0, 0 } })
    is(x:masked_fill(torch.tensor { true, false, true }, -1.5), "float64", { 2, 3 }, { { -1.5, 2, -1.5 }, { -1.5, 5,
      -1.5 } })
    is(count(3):masked_fill(m, 9), "float64", { 2, 3 }, { { 1, 2, 9 }, { 9, 9, 9 } })
    is(x:masked_scatter(m, count(6) * 10), "float64", { 2, 3 }, { { 1, 2, 10 }, { 20, 30, 40 } })
    is(torch.tensor({ 1, 2 }):masked_fill(torch.tensor { true, false }, 3.0), "int64", { 2 }, { 3, 2 })
  end)

  it("index_put, put, fill", function ()
    local x = count(2, 3)
    is(x:index_put({ int { 1, 2 }, int { 3, 1 } }, torch.tensor({ 30.0, 40.0 }, f64)), "float64", { 2, 3 }, { { 1, 2,
      30 }, { 40, 5, 6 } })
    is(x:index_put({ int { 1, 1 } }, torch.tensor({ 1.0, 2, 3 }, f64), true), "float64", { 2, 3 }, { { 3, 6, 9 }, { 4,
      5, 6 } })
    is(x:index_put({ torch.tensor { false, true } }, torch.tensor({ 7.0 }, f64)), "float64", { 2, 3 }, { { 1, 2, 3 },
      { 7, 7, 7 } })
    is(x:put(int { 1, -1 }, torch.tensor({ 10.0, 60.0 }, f64)), "float64", { 2, 3 }, { { 10, 2, 3 }, { 4, 5, 60 } })
    is(x:put(int { 1, 1 }, torch.tensor({ 10.0, 60.0 }, f64), true), "float64", { 2, 3 }, { { 71, 2, 3 }, { 4, 5, 6 } })
    is(torch.fill(x, 2), "float64", { 2, 3 }, { { 2, 2, 2 }, { 2, 2, 2 } })
    is(torch.tensor({ 1, 2 }):fill_(2.9), "int64", { 2 }, { 2, 2 })
  end)

  it("in place, through views too", function ()
    local x = count(2, 3)
    assert.is_true(x:t():scatter_(1, int { { 1, 3 } }, 0):numel() == 6)
    x:index_add_(1, int { 2 }, count(1, 3))
    x:t():masked_fill_(torch.tensor { true, false }, -1)
    x:t():put_(int { 2 }, torch.tensor({ 50.0 }, f64))
    x:index_put_({ int { 2 }, int { 3 } }, torch.tensor(9.0, f64))
    assert.same({ { -1, -1, -1 }, { 50, 7, 9 } }, x:tolist())
    x:t():masked_scatter_(torch.tensor { false, true }, count(3))
    assert.same({ { -1, -1, -1 }, { 1, 2, 3 } }, x:tolist())
    x:index_copy_(2, int { 1 }, torch.zeros(2, 1, f64))
    x:index_fill_(2, int { 2 }, 5)
    assert.same({ { 0, 5, -1 }, { 0, 5, 3 } }, x:tolist())
    assert.equal(0, x:zero_():sum():item())
  end)

  it("copies, broadcasts and converts", function ()
    local x = torch.zeros(2, 3, { dtype = torch.int32 })
    assert.is_true(x:copy_(torch.tensor { 1.9, -1.9, 3.0 }) == x)
    assert.same({ { 1, -1, 3 }, { 1, -1, 3 } }, x:tolist())
    x:copy_(7)
    assert.same({ { 7, 7, 7 }, { 7, 7, 7 } }, x:tolist())
    local y = count(3)
    helper.raises(function () y[{ { 2, 3 } }]:copy_(y[{ { 1, 2 } }]) end, "some elements of the input tensor and the written-to")
    for _, write in ipairs { function (t) t:scatter_(1, int { 1, 2 }, t) end, function (t) t:scatter_add_(1, int { 1, 2 }, t) end,
                             function (t) t:index_copy_(1, int { 1 }, t[{ { 2, 2 } }]) end } do
      helper.raises(function () write(count(3)) end, "some elements of the input tensor and the written-to")
    end
    local gaps = count(6)                                 -- nobody can say quickly: copied
    gaps[{ { 2, 6, 2 } }]:copy_(gaps[{ { 1, 5, 2 } }])
    assert.same({ 1, 1, 3, 3, 5, 5 }, gaps:tolist())
    y:masked_fill_(y:gt(1), y[1])
    assert.same({ 1, 1, 1 }, y:tolist())
    helper.raises(function () y:copy_(count(4)) end, "The size of tensor a (3) must match the size of tensor b (4)")
    helper.raises(function () y:copy_(count(2, 3)) end, "output with shape [3] doesn't match the broadcast shape [2, 3]")
  end)

  it("splits gradients between the old and the new", function ()
    local x, v, w = count(2, 3):requires_grad_(), count(2):requires_grad_(), count(2, 3) * 10
    local function gradients(y)
      x.grad, v.grad = nil, nil;
      (y * w):sum():backward()
      return { x.grad:tolist(), v.grad:tolist() }
    end
    assert.same({ { { 0, 20, 30 }, { 40, 50, 0 } }, { 10, 60 } }, gradients(x:put(int { 1, 6 }, v)))
    assert.same({ { { 10, 0, 30 }, { 40, 0, 60 } }, { 20, 50 } }, gradients(x:index_copy(2, int { 2 }, v:unsqueeze(2))))
    assert.same({ { { 10, 20, 30 }, { 40, 50, 60 } }, { 40, 100 } },
      gradients(x:index_add(2, int { 2 }, v:unsqueeze(2), { alpha = 2 })))
    assert.same({ { { 0, 20, 30 }, { 40, 0, 60 } }, { 10, 50 } }, gradients(x:scatter(2, int { { 1 }, { 2 } }, v:unsqueeze(2))))
    assert.same({ { { 10, 20, 30 }, { 40, 50, 60 } }, { 10, 20 } }, gradients(x:scatter_add(1, int { { 1, 1 } }, v:unsqueeze(1))))
    local mask = torch.tensor { { true, false, true }, { false, false, false } }
    assert.same({ { { 0, 20, 0 }, { 40, 50, 60 } }, { 10, 30 } }, gradients(x:masked_scatter(mask, v)))
    assert.same({ { { 10, 20, 30 }, { 40, 50, 60 } }, { 0, 0 } }, gradients(x:masked_scatter(torch.tensor(false), v)))
    assert.same({ { { 0, 20, 0 }, { 0, 50, 0 } }, { 140, 0 } }, gradients(x:masked_fill(torch.tensor { true, false, true }, v[1])))
    assert.same({ { { 0, 0, 0 }, { 0, 0, 0 } }, { 0, 210 } }, gradients(torch.fill(x, v[2])))
    assert.same({ { { 0, 0, 0 }, { 0, 0, 0 } }, { 60, 150 } }, gradients((x * 1):copy_(v:unsqueeze(2))))
  end)

  it("every dtype", function ()
    for _, name in ipairs { "float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64" } do
      local x = torch.tensor({ 1, 2, 3 }):to(torch[name])
      assert.same({ 1, 4, 7 }, x:scatter_add(1, int { 3, 2, 3 }, x):tolist())
      assert.same({ 1, 4, 7 }, x:index_add(1, int { 3, 2, 3 }, x):tolist())
      assert.same({ 3, 2, 1 }, x:index_put({ int { 3, 2, 1 } }, x):tolist())
      assert.same({ 1, 0, 3 }, x:masked_fill(x:eq(2), 0):tolist())
    end
    local x = torch.tensor { true, false }
    assert.same({ true, true }, x:index_fill(1, int { 2 }, true):tolist())
  end)

  it("refuses in words, and leaves everything as it was", function ()
    local x = count(2, 3)
    helper.raises(function () x:scatter_(2, int { { 1, 4 } }, 0) end, "index 4 is out of bounds for dimension 2 with size 3")
    helper.raises(function () x:index_put_({ int { 1, 3 } }, 0) end, "index 3 is out of bounds for dimension 1 with size 2")
    if helper.device == "cpu" then assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, x:tolist()) end   -- others tell it late
    helper.raises(function () x:scatter(1, int { { 1 } }, torch.zeros(1, 1)) end, "Expected self.dtype to be equal to src.dtype")
    helper.raises(function () x:scatter(1, int { { 1, 1, 1, 1 } }, 0) end, "to be no larger than self [2, 3] apart from dimension 1")
    helper.raises(function () x:index_add(1, int { 1, 2 }, count(1, 3)) end,
      "Number of indices (2) should be equal to source.size(dim): (1)")
    helper.raises(function () x:index_copy(1, int { 1 }, count(1, 2)) end, "source tensor shape must match self tensor shape")
    helper.raises(function () x:index_fill(1, int { 1 }, count(2)) end, "only supports a 0-dimensional value tensor")
    helper.raises(function () x:masked_fill(x, 0) end, "only supports boolean masks")
    helper.raises(function () int({ 1 }):masked_fill(torch.tensor { true }, 1e30) end, "cannot be converted to type int64 without overflow")
    helper.raises(function () x:masked_scatter(x:gt(0), count(2)) end, "number of elements in mask to be <= number of elements in source")
    helper.raises(function () x:index_put({ int { 1 } }, torch.zeros(3)) end, "Index put requires the source and destination dtypes match")
    helper.raises(function () x:index_put({ int { 1, 2 } }, torch.zeros(3, 2, f64)) end,
      "shape mismatch: value tensor of shape [3, 2] cannot be broadcast to indexing result of shape [2, 3]")
    helper.raises(function () x:put(int { 1 }, count(2)) end, "Expected source and index to have the same number of elements")
    helper.raises(function () x:fill_(count(2)) end, "fill_ only supports 0-dimension value tensor but got tensor with 1 dimensions.")
    x:requires_grad_()
    helper.raises(function () x:fill_(0) end, "a leaf Variable that requires grad is being used in an in-place operation.")
  end)
end)
