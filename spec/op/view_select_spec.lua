-- narrow, select, split, chunk, unbind, diagonal, unfold, as_strided, detach; the figures are PyTorch's
local torch = require "torch"
local helper = require "spec.support.helper"
local tensors = require "spec.support.tensors"
local count, is = tensors.count, tensors.is

-- a list of tensors: their elements and sizes
local function lists(ts, want)
  assert.equal(#want, #ts)
  for k, w in ipairs(want) do
    assert.same(w[2], { table.unpack(ts[k].shape) })
    helper.close_to(ts[k]:tolist(), w[1])
  end
end

describe("pieces of a tensor", function ()
  it("narrow, select", function ()
    local x = count(3, 4)
    is(x:narrow(2, 2, 3), "float64", { 3, 3 }, { { 2, 3, 4 }, { 6, 7, 8 }, { 10, 11, 12 } })
    is(x:narrow(1, -2, 1), "float64", { 1, 4 }, { { 5, 6, 7, 8 } })
    is(x:narrow(1, 4, 0), "float64", { 0, 4 }, {})
    is(x:narrow(2, torch.tensor(3), 2), "float64", { 3, 2 }, { { 3, 4 }, { 7, 8 }, { 11, 12 } })
    is(x:select(1, 2), "float64", { 4 }, { 5, 6, 7, 8 })
    is(x:select(-1, -1), "float64", { 3 }, { 4, 8, 12 })
    is(count(3):select(1, 3), "float64", {}, 3)
  end)

  it("split, chunk, unbind give one list", function ()
    local x = count(2, 5)
    lists(x:split(2, 2), { { { { 1, 2 }, { 6, 7 } }, { 2, 2 } }, { { { 3, 4 }, { 8, 9 } }, { 2, 2 } }, { { { 5 },
      { 10 } }, { 2, 1 } } })
    lists(x:split({ 1, 4 }, 2), { { { { 1 }, { 6 } }, { 2, 1 } }, { { { 2, 3, 4, 5 }, { 7, 8, 9, 10 } }, { 2, 4 } } })
    lists(x:split_with_sizes({ 3, 0, 2 }, -1), { { { { 1, 2, 3 }, { 6, 7, 8 } }, { 2, 3 } }, { { {}, {} }, { 2, 0 } },
      { { { 4, 5 }, { 9, 10 } }, { 2, 2 } } })
    lists(x:chunk(2, 2), { { { { 1, 2, 3 }, { 6, 7, 8 } }, { 2, 3 } }, { { { 4, 5 }, { 9, 10 } }, { 2, 2 } } })
    lists(x:chunk(4, 2), { { { { 1, 2 }, { 6, 7 } }, { 2, 2 } }, { { { 3, 4 }, { 8, 9 } }, { 2, 2 } }, { { { 5 },
      { 10 } }, { 2, 1 } } })
    lists(x:chunk(3), { { { { 1, 2, 3, 4, 5 } }, { 1, 5 } }, { { { 6, 7, 8, 9, 10 } }, { 1, 5 } } })
    lists(x:unbind(), { { { 1, 2, 3, 4, 5 }, { 5 } }, { { 6, 7, 8, 9, 10 }, { 5 } } })
    lists(x:t():unbind(2), { { { 1, 2, 3, 4, 5 }, { 5 } }, { { 6, 7, 8, 9, 10 }, { 5 } } })
    lists(torch.zeros(0, 2):split(3), { { {}, { 0, 2 } } })
    lists(torch.zeros(0, 2):chunk(2), { { {}, { 0, 2 } }, { {}, { 0, 2 } } })
  end)

  it("diagonal, unfold, as_strided", function ()
    local x = count(3, 4)
    is(x:diagonal(), "float64", { 3 }, { 1, 6, 11 })
    is(x:diagonal(1), "float64", { 3 }, { 2, 7, 12 })
    is(x:diagonal { offset = -2 }, "float64", { 1 }, { 9 })
    is(x:diagonal(9), "float64", { 0 }, {})
    is(count(2, 2, 3):diagonal(0, 1, 3), "float64", { 2, 2 }, { { 1, 8 }, { 4, 11 } })
    is(x:unfold(2, 2, 1), "float64", { 3, 3, 2 }, { { { 1, 2 }, { 2, 3 }, { 3, 4 } }, { { 5, 6 }, { 6, 7 }, { 7,
      8 } }, { { 9, 10 }, { 10, 11 }, { 11, 12 } } })
    is(x:unfold(1, 2, 2), "float64", { 1, 4, 2 }, { { { 1, 5 }, { 2, 6 }, { 3, 7 }, { 4, 8 } } })
    is(torch.tensor(3):unfold(1, 1, 1), "int64", { 1 }, { 3 })
    is(x:as_strided({ 2, 3 }, { 1, 2 }, 1), "float64", { 2, 3 }, { { 2, 4, 6 }, { 3, 5, 7 } })
    is(x:as_strided({ 2, 2 }, { 0, 1 }), "float64", { 2, 2 }, { { 1, 2 }, { 1, 2 } })
    is(x[2]:as_strided({ 2 }, { 1 }), "float64", { 2 }, { 5, 6 })
  end)

  it("looks at the same memory", function ()
    local x = count(2, 3)
    x:narrow(2, 2, 1):fill_(0)
    x:select(1, 1)[3] = 30
    x:diagonal():mul_(2)
    x:unfold(2, 2, 2)[{ 2, 1, 1 }] = 40
    assert.same({ { 2, 0, 30 }, { 40, 0, 6 } }, x:tolist())
    local a, b = table.unpack(x:split({ 1, 2 }, 2))
    a:zero_()
    b[1]:add_(1)
    assert.same({ { 0, 1, 31 }, { 0, 0, 6 } }, x:tolist())
  end)

  it("adds up gradients where pieces overlap", function ()
    local x = count(4):requires_grad_()
    x:unfold(1, 2, 1):sum():backward()
    assert.same({ 1, 2, 2, 1 }, x.grad:tolist())
    x.grad = nil;
    (x:as_strided({ 3, 2 }, { 1, 1 }) * count(3, 2)):sum():backward()
    assert.same({ 1, 5, 9, 6 }, x.grad:tolist())
  end)

  it("sends gradients of pieces to their places", function ()
    local x = count(2, 4):requires_grad_()
    local a, b = table.unpack(x:chunk(2, 2));
    (a * 2 + b[{ {}, { 1, 2 } }] * 3):sum():backward()
    assert.same({ { 2, 2, 3, 3 }, { 2, 2, 3, 3 } }, x.grad:tolist())
    x.grad = nil
    x:diagonal(2):sum():backward()
    assert.same({ { 0, 0, 1, 0 }, { 0, 0, 0, 1 } }, x.grad:tolist())
    x.grad = nil
    x:unbind(2)[4]:sum():backward()
    assert.same({ { 0, 0, 0, 1 }, { 0, 0, 0, 1 } }, x.grad:tolist())
  end)

  it("detaches", function ()
    local x = count(2):requires_grad_()
    local y = (x * 2):detach()
    assert.is_false(y.requires_grad)
    local z = x * 2
    assert.is_true(z:detach_() == z)
    assert.is_true(z.is_leaf)
    assert.is_nil(z.grad_fn)
  end)

  it("refuses in words", function ()
    local x = count(2, 3)
    local zero = torch.tensor(1)
    helper.raises(function () x:narrow(2, 2, 3) end, "start (2) + length (3) exceeds dimension size (3).")
    helper.raises(function () x:narrow(2, 5, 0) end, "start out of range (expected to be in range of [-3, 4], but got 5)")
    helper.raises(function () x:narrow(2, 0, 1) end, "count from 1")
    helper.raises(function () x:narrow(2, 1, -1) end, "length must be non-negative")
    helper.raises(function () x:narrow(1, torch.tensor(0), 1) end, "count from 1")
    helper.raises(function () zero:narrow(1, 1, 1) end, "narrow() cannot be applied to a 0-dim tensor.")
    helper.raises(function () x:select(2, 4) end, "index 4 out of range for tensor of size [2, 3] at dimension 2")
    helper.raises(function () zero:select(1, 1) end, "select() cannot be applied to a 0-dim tensor.")
    helper.raises(function () x:split(0) end, "split_size can only be 0 if dimension size is 0")
    helper.raises(function () x:split(-1) end, "split expects split_size be non-negative, but got split_size=-1")
    helper.raises(function () x:split { 1, 3 } end, "to sum exactly to 2 (input tensor's size at dimension 1), but got a sum of 4")
    helper.raises(function () x:chunk(0) end, "chunk expects `chunks` to be greater than 0, got: 0")
    helper.raises(function () zero:unbind() end, "Dimension specified as 1 but tensor has no dimensions")
    helper.raises(function () x:diagonal(0, 1, -2) end, "diagonal dimensions cannot be identical 1, 1")
    helper.raises(function () x:unfold(2, 4, 1) end, "maximum size for tensor at dimension 2 is 3 but size is 4")
    helper.raises(function () x:unfold(2, 2, 0) end, "step is 0 but must be > 0")
    helper.raises(function () x:as_strided({ 4, 4 }, { 4, 4 }) end, "are out of bounds for storage of size 48")
    helper.raises(function () x:as_strided({ 2 }, { -1 }) end, "Negative strides are not supported")
    helper.raises(function () x:as_strided({ 2 }, { 1, 1 }) end, "mismatch in length of strides and shape")
    local y = x:requires_grad_() * 1
    helper.raises(function () y:unbind()[1]:fill_(2) end, "output of a function that returns multiple views")
  end)
end)
