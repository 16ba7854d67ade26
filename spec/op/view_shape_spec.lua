-- transpose, permute, view, reshape, flatten, expand, squeeze and kin; the figures are PyTorch's
local torch = require "torch"
local helper = require "spec.support.helper"
local tensors = require "spec.support.tensors"
local count, is = tensors.count, tensors.is

describe("other shapes of the same memory", function ()
  it("transposes and permutes", function ()
    local x = count(2, 3, 2)
    is(count(2, 3):t(), "float64", { 3, 2 }, { { 1, 4 }, { 2, 5 }, { 3, 6 } })
    is(count(3):t(), "float64", { 3 }, { 1, 2, 3 })
    is(x:transpose(1, -1), "float64", { 2, 3, 2 }, { { { 1, 7 }, { 3, 9 }, { 5, 11 } }, { { 2, 8 }, { 4, 10 }, { 6,
      12 } } })
    is(x:permute(3, 1, 2), "float64", { 2, 2, 3 }, { { { 1, 3, 5 }, { 7, 9, 11 } }, { { 2, 4, 6 }, { 8, 10, 12 } } })
    is(x:permute { 2, 3, 1 }, "float64", { 3, 2, 2 }, { { { 1, 7 }, { 2, 8 } }, { { 3, 9 }, { 4, 10 } }, { { 5, 11 },
      { 6, 12 } } })
    is(x:swapaxes(1, 2), "float64", { 3, 2, 2 }, { { { 1, 2 }, { 7, 8 } }, { { 3, 4 }, { 9, 10 } }, { { 5, 6 }, { 11,
      12 } } })
    is(x:movedim(1, 3), "float64", { 3, 2, 2 }, { { { 1, 7 }, { 2, 8 } }, { { 3, 9 }, { 4, 10 } }, { { 5, 11 }, { 6,
      12 } } })
    is(x:movedim({ 1, 2 }, { 3, 1 }), "float64", { 3, 2, 2 }, { { { 1, 7 }, { 2, 8 } }, { { 3, 9 }, { 4, 10 } },
      { { 5, 11 }, { 6, 12 } } })
    is(torch.tensor(5):transpose(1, 1), "int64", {}, 5)
  end)

  it("views, reshapes, flattens", function ()
    local x = count(2, 3, 2)
    is(x:view(4, -1), "float64", { 4, 3 }, { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 }, { 10, 11, 12 } })
    is(x:view { 12 }, "float64", { 12 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 })
    is(x:transpose(1, 2):reshape(-1), "float64", { 12 }, { 1, 2, 7, 8, 3, 4, 9, 10, 5, 6, 11, 12 })
    is(x:reshape(3, 2, 2), "float64", { 3, 2, 2 }, { { { 1, 2 }, { 3, 4 } }, { { 5, 6 }, { 7, 8 } }, { { 9, 10 },
      { 11, 12 } } })
    is(x:view_as(count(6, 2)), "float64", { 6, 2 }, { { 1, 2 }, { 3, 4 }, { 5, 6 }, { 7, 8 }, { 9, 10 }, { 11, 12 } })
    is(x:reshape_as(count(12)), "float64", { 12 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 })
    is(x:flatten(), "float64", { 12 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 })
    is(x:flatten(2), "float64", { 2, 6 }, { { 1, 2, 3, 4, 5, 6 }, { 7, 8, 9, 10, 11, 12 } })
    is(x:flatten { start_dim = 1, end_dim = 2 }, "float64", { 6, 2 }, { { 1, 2 }, { 3, 4 }, { 5, 6 }, { 7, 8 }, { 9,
      10 }, { 11, 12 } })
    is(torch.tensor(3):flatten(), "int64", { 1 }, { 3 })
    is(x:unflatten(2, { 3, 1 }), "float64", { 2, 3, 1, 2 }, { { { { 1, 2 } }, { { 3, 4 } }, { { 5, 6 } } }, { { { 7,
      8 } }, { { 9, 10 } }, { { 11, 12 } } } })
    is(x:unflatten(-1, { -1, 2 }), "float64", { 2, 3, 1, 2 }, { { { { 1, 2 } }, { { 3, 4 } }, { { 5, 6 } } }, { { { 7,
      8 } }, { { 9, 10 } }, { { 11, 12 } } } })
    is(x:ravel(), "float64", { 12 }, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 })
    is(torch.zeros(0, 3):reshape(3, 0), "float32", { 3, 0 }, { {}, {}, {} })
    is(torch.zeros(2, 0):flatten(), "float32", { 0 }, {})
  end)

  it("expands", function ()
    local x = count(2, 1)
    is(x:expand(2, 3), "float64", { 2, 3 }, { { 1, 1, 1 }, { 2, 2, 2 } })
    is(x:expand(2, -1, 2), "float64", { 2, 2, 2 }, { { { 1, 1 }, { 2, 2 } }, { { 1, 1 }, { 2, 2 } } })
    is(x:expand_as(count(3, 2, 2)), "float64", { 3, 2, 2 }, { { { 1, 1 }, { 2, 2 } }, { { 1, 1 }, { 2, 2 } }, { { 1,
      1 }, { 2, 2 } } })
    is(torch.tensor(7):expand(2), "int64", { 2 }, { 7, 7 })
    is(torch.broadcast_to(x, { 2, 2 }), "float64", { 2, 2 }, { { 1, 1 }, { 2, 2 } })
    is(x:expand(0, 2, 1), "float64", { 0, 2, 1 }, {})
  end)

  it("squeezes and unsqueezes", function ()
    local x = count(2, 3):reshape(1, 2, 1, 3)
    is(x:squeeze(), "float64", { 2, 3 }, { { 1, 2, 3 }, { 4, 5, 6 } })
    is(x:squeeze(1), "float64", { 2, 1, 3 }, { { { 1, 2, 3 } }, { { 4, 5, 6 } } })
    is(x:squeeze(2), "float64", { 1, 2, 1, 3 }, { { { { 1, 2, 3 } }, { { 4, 5, 6 } } } })
    is(x:squeeze { 1, 3 }, "float64", { 2, 3 }, { { 1, 2, 3 }, { 4, 5, 6 } })
    is(x:squeeze(-2), "float64", { 1, 2, 3 }, { { { 1, 2, 3 }, { 4, 5, 6 } } })
    is(count(2):unsqueeze(1), "float64", { 1, 2 }, { { 1, 2 } })
    is(count(2):unsqueeze(2), "float64", { 2, 1 }, { { 1 }, { 2 } })
    is(count(2):unsqueeze(-1), "float64", { 2, 1 }, { { 1 }, { 2 } })
    is(torch.tensor(1):unsqueeze(1), "int64", { 1 }, { 1 })
  end)

  it("reads the bytes as another dtype", function ()
    local x = torch.tensor { { 1.0, -2.0 } }
    is(x:view(torch.int32), "int32", { 1, 2 }, { { 1065353216, -1073741824 } })
    is(x:view(torch.int16), "int16", { 1, 4 }, { { 0, 16256, 0, -16384 } })
    is(x:view(torch.int64), "int64", { 1, 1 }, { { -4611686017362034688 } })
    is(x:view(torch.uint8), "uint8", { 1, 8 }, { { 0, 0, 128, 63, 0, 0, 0, 192 } })
  end)

  it("shares memory, and copies only where it must", function ()
    local x = count(2, 3)
    x:t()[{ 3, 2 }] = 60
    x:view(-1)[1] = 10
    x:unsqueeze(1):squeeze():permute(2, 1)[2][1] = 20
    assert.same({ { 10, 20, 3 }, { 4, 5, 60 } }, x:tolist())
    local y = x:t():reshape(-1)
    y[1] = 0
    assert.equal(10, x[1][1]:item())
    assert.is_true(x:contiguous() == x)
    assert.is_false(x:t():contiguous() == x)
    local e = count(1, 2):expand(3, 2)
    helper.raises(function () e:add_(1) end, "more than one element of the written-to tensor refers to a single memory location")
  end)

  it("turns tensors themselves", function ()
    local x = count(2, 3)
    assert.is_true(x:t_() == x)
    assert.same({ 3, 2 }, { table.unpack(x.shape) })
    assert.same({ { { 1, 4 } }, { { 2, 5 } }, { { 3, 6 } } }, x:unsqueeze_(2):tolist())
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, x:squeeze_(2):transpose_(1, 2):tolist())
    x:requires_grad_()
    helper.raises(function () x:t_() end, "leaf Variable that requires grad")
  end)

  it("sends gradients back in the old shape", function ()
    local x = count(2, 3):requires_grad_()
    local w = count(3, 2);
    ((x:t() * w):reshape(-1):view(2, 3):unsqueeze(1):expand(2, 2, 3) * 2):sum():backward()
    assert.same({ { 4, 12, 20 }, { 8, 16, 24 } }, x.grad:tolist())
    assert.equal("<TBackward0 object>", tostring(x:t().grad_fn))
    assert.equal("<ViewBackward0 object>", tostring(x:view(6).grad_fn))
    assert.equal("<ExpandBackward0 object>", tostring(x:expand(4, 2, 3).grad_fn))
  end)

  it("refuses in words", function ()
    local x = count(2, 3)
    helper.raises(function () x:view(4) end, "shape '[4]' is invalid for input of size 6")
    helper.raises(function () x:reshape(4, -1) end, "shape '[4, -1]' is invalid for input of size 6")
    helper.raises(function () x:view(-1, -1) end, "only one dimension can be inferred")
    helper.raises(function () torch.zeros(0):reshape(0, -1) end, "the unspecified dimension size -1 can be any value and is ambiguous")
    helper.raises(function () x:t():view(6) end, "view size is not compatible with input tensor's size and stride")
    helper.raises(function () x:transpose(1, 3) end,
      "Dimension out of range (expected to be in range of [-2, -1] or [1, 2], but got 3)")
    helper.raises(function () x:transpose(0, 1) end, "count from 1")
    helper.raises(function () x:permute(1) end, "input.dim() = 2 is not equal to len(dims) = 1")
    helper.raises(function () x:permute(1, 1) end, "duplicate dims are not allowed")
    helper.raises(function () x:expand(3, 3) end, "The expanded size of the tensor (3) must match the existing size (2) at " ..
      "non-singleton dimension 1.  Target sizes: [3, 3].  Tensor sizes: [2, 3]")
    helper.raises(function () x:expand(3) end, "must be greater or equal to the number of dimensions in the tensor (2)")
    helper.raises(function () x:expand(-1, 2, 3) end, "isn't allowed in a leading, non-existing dimension 1")
    helper.raises(function () x:flatten(2, 1) end, "start_dim cannot come after end_dim")
    helper.raises(function () x:unflatten(2, { 2, 2 }) end, "Provided sizes [2, 2] don't multiply up to the size of dim 2 (3)")
    helper.raises(function () count(2, 2, 2):t() end, "t() expects a tensor with <= 2 dimensions, but self is 3D")
    helper.raises(function () x:squeeze { 1, 1 } end, "dim 1 appears multiple times in the list of dims")
    helper.raises(function () x:movedim({ 1, 1 }, { 1, 2 }) end, "repeated dim in `source`")
    helper.raises(function () x:t():view(torch.float32) end, "self.stride(-1) must be 1 to view float64 as float32")
    helper.raises(function () torch.zeros(3):view(torch.float64) end, "must be divisible by 2")
    helper.raises(function () torch.zeros(1, 1, 1, 1, 1, 1, 1, 1):unsqueeze(1) end, "at most 8 dimensions")
  end)
end)
