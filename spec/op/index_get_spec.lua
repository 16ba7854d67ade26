-- gather, index_select, masked_select, take, nonzero and kin; the figures are PyTorch's
local torch = require "torch"
local helper = require "spec.support.helper"
local tensors = require "spec.support.tensors"
local count, int, is = tensors.count, tensors.int, tensors.is

describe("reading by index", function ()
  it("gather, take_along_dim", function ()
    local x = count(2, 3)
    is(x:gather(2, int { { 1, 1, 3 }, { 3, 2, 1 } }), "float64", { 2, 3 }, { { 1, 1, 3 }, { 6, 5, 4 } })
    is(x:gather(1, torch.zeros(0, { dtype = torch.int64 })), "float64", { 0 }, {})      -- of any number of dims
    is(x:gather(1, int { { 2, 1 } }), "float64", { 1, 2 }, { { 4, 2 } })
    is(x:t():gather(2, int { { 2 }, { 1 } }), "float64", { 2, 1 }, { { 4 }, { 2 } })
    is(torch.tensor(5):gather(1, int { 1, 1 }), "int64", { 2 }, { 5, 5 })
    is(x:gather(1, torch.zeros(0, 3, { dtype = torch.int64 })), "float64", { 0, 3 }, {})
    is(x:gather(2, torch.zeros(0, { dtype = torch.int64 })), "float64", { 0 }, {})
    is(x:gather(1, torch.zeros(5, 0, 9, { dtype = torch.int64 })), "float64", { 5, 0, 9 }, { {}, {}, {}, {}, {} })
    is(x:take_along_dim(int { { 3 }, { 1 } }, 2), "float64", { 2, 1 }, { { 3 }, { 4 } })
    is(x:take_along_dim(int { 6, 1 }), "float64", { 2 }, { 6, 1 })
    is(x:take_along_dim(int { { -1 }, { -2 } }, 2), "float64", { 2, 1 }, { { 3 }, { 5 } })
  end)

  it("index_select, take, masked_select", function ()
    local x = count(2, 3)
    is(x:index_select(2, int { 3, 1, 3 }), "float64", { 2, 3 }, { { 3, 1, 3 }, { 6, 4, 6 } })
    is(x:t():index_select(1, int { 2 }), "float64", { 1, 2 }, { { 2, 5 } })
    is(x:index_select(1, torch.tensor({ 2 }, { dtype = torch.int32 })), "float64", { 1, 3 }, { { 4, 5, 6 } })
    is(x:index_select(1, int {}), "float64", { 0, 3 }, {})
    is(torch.tensor(5):index_select(1, int { 1 }), "int64", {}, 5)
    is(x:take(int { { 6, 1 }, { -1, -6 } }), "float64", { 2, 2 }, { { 6, 1 }, { 6, 1 } })
    is(x:t():take(int { 2 }), "float64", { 1 }, { 4 })
    is(x:masked_select(x:gt(2)), "float64", { 4 }, { 3, 4, 5, 6 })
    is(x:masked_select(torch.tensor { true, false, true }), "float64", { 4 }, { 1, 3, 4, 6 })
    is(count(3, 1):masked_select(torch.tensor { true, false }), "float64", { 3 }, { 1, 2, 3 })
  end)

  it("nonzero gives positions from 1", function ()
    local x = torch.tensor { { 0.0, 2.0 }, { 0 / 0, 0.0 } }
    is(x:nonzero(), "int64", { 2, 2 }, { { 1, 2 }, { 2, 1 } })
    is(x:t():nonzero(), "int64", { 2, 2 }, { { 1, 2 }, { 2, 1 } })
    is(x:argwhere(), "int64", { 2, 2 }, { { 1, 2 }, { 2, 1 } })
    is(torch.tensor(3):nonzero(), "int64", { 1, 0 }, { {} })
    is(torch.tensor(0):nonzero(), "int64", { 0, 0 }, {})
    is(torch.zeros(2, 0):nonzero(), "int64", { 0, 2 }, {})
    is(torch.tensor({ 0, 1, 2 }, { dtype = torch.float16 }):nonzero(), "int64", { 2, 1 }, { { 2 }, { 3 } })
  end)

  it("nonzero as columns, as where(condition) gives them", function ()
    local x = int { { 0, 2 }, { 3, 0 } }
    for _, columns in ipairs { x:nonzero { as_tuple = true }, torch.where(x) } do
      assert.equal(2, #columns)
      assert.same({ 1, 2 }, columns[1]:tolist())
      assert.same({ 2, 1 }, columns[2]:tolist())
    end
    assert.same({ 1 }, torch.tensor(3):nonzero({ as_tuple = true })[1]:tolist())
    assert.same({ { 1, 2 }, { 2, 1 } }, x:nonzero({ as_tuple = false }):tolist())
  end)

  it("adds gradients at the places that were read", function ()
    local x = count(2, 3):requires_grad_()
    local function gradient(y, w)
      x.grad = nil;
      (y * w):sum():backward()
      return x.grad:tolist()
    end
    assert.same({ { 3, 0, 0 }, { 0, 0, 7 } }, gradient(x:gather(2, int { { 1, 1 }, { 3, 3 } }), count(2, 2)))
    assert.same({ { 2, 0, 4 }, { 5, 0, 10 } }, gradient(x:index_select(2, int { 3, 1, 3 }),
      torch.tensor({ { 1.0, 2, 3 }, { 4, 5, 6 } }, { dtype = torch.float64 })))
    assert.same({ { 0, 0, 0 }, { 1, 0, 5 } }, gradient(x:take(int { 4, -1, 6 }), count(3)))
    assert.same({ { 0, 0, 1 }, { 2, 3, 4 } }, gradient(x:masked_select(x:gt(2)), count(4)))
  end)

  it("every dtype", function ()
    for _, name in ipairs { "float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "bool" } do
      local x = torch.tensor({ 0, 1, 2 }):to(torch[name])
      local want = name == "bool" and { true, false, true } or { 2, 0, 1 }
      assert.same(want, x:index_select(1, int { 3, 1, 2 }):tolist())
      assert.same(want, x:gather(1, int { 3, 1, 2 }):tolist())
      assert.same(want, x[int { 3, 1, 2 }]:tolist())
      assert.same({ want[1], want[3] }, x[int { -1, -2 }]:tolist())
    end
  end)

  it("refuses in words", function ()
    local x = count(2, 3)
    helper.raises(function () x:gather(2, int { { 4 } }) end, "index 4 is out of bounds for dimension 2 with size 3")
    helper.raises(function () x:gather(2, int { { 0 } }) end, "index 0 is out of bounds for dimension 2 with size 3 (indices count from 1)")
    helper.raises(function () x:gather(2, int { { -1 } }) end, "index -1 is out of bounds")
    helper.raises(function () x:gather(1, int { 1 }) end, "Index tensor must have the same number of dimensions as input tensor")
    helper.raises(function () x:gather(1, int { { 1, 1, 1, 1 } }) end, "Size does not match at dimension 2 expected index [1, 4] " ..
      "to be no larger than self [2, 3] apart from dimension 1")
    helper.raises(function () x:gather(1, count(1, 1)) end, "Expected dtype int32/int64 for index")
    helper.raises(function () x:index_select(1, int { { 1 } }) end, "Index is supposed to be a vector")
    helper.raises(function () x:index_select(1, int { 3 }) end, "index 3 is out of bounds for dimension 1 with size 2")
    helper.raises(function () x:take(int { 7 }) end, "index 7 is out of bounds for dimension 1 with size 6")
    helper.raises(function () torch.zeros(0):take(int { 1 }) end, "tried to take from an empty tensor")
    helper.raises(function () x:masked_select(x) end, "expected BoolTensor for mask")
    helper.raises(function () x:masked_select(torch.tensor { true, false }) end, "must match the size of tensor b (2)")
  end)
end)
