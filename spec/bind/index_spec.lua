-- x[...], x[...] = v, #x, pairs(x) and the fields of tensors
local torch = require "torch"
local helper = require "spec.support.helper"
local golden = require "spec.golden.indexing"

local f64 = { dtype = torch.float64 }
local function int(t) return torch.tensor(t, { dtype = torch.int64 }) end
local function bool(t) return torch.tensor(t, { dtype = torch.bool }) end

-- 1, 2, ... of that size
local function count(...)
  local n = 1
  for _, s in ipairs { ... } do n = n * s end
  return torch.arange(1, n + 1, f64):reshape(...)
end

describe("240 indices as PyTorch reads them", function ()
  local env = { I = int, B = bool, N = torch.newaxis }
  local function case(c)
    local index = assert(load("return { " .. c[3] .. " }", c[3], "t", env))()
    local x = count(table.unpack(c[1]))
    if #c[1] > 1 then x = x:permute(c[2]) end
    return x, index, ("%s of [%s] permuted [%s]"):format(c[3], table.concat(c[1], ","), table.concat(c[2], ","))
  end

  local function like(t, shape, values, what)
    assert.same(shape, { table.unpack(t.shape) }, what)
    assert.same(values, t:detach():reshape(-1):tolist(), what)
  end

  -- elements of x, flat, are their own names: where each one went
  local function expected(x, values, f)
    local list = x:detach():reshape(-1):tolist()
    local places = {}
    for k, v in ipairs(values) do
      places[v] = places[v] or {}
      table.insert(places[v], k)
    end
    for k, v in ipairs(list) do list[k] = f(v, places[v] or {}) end
    return list
  end

  it("reads", function ()
    for _, c in ipairs(golden) do
      local x, index, what = case(c)
      like(x[index], c[4], c[5], what)
      like(x:clone():requires_grad_()[index], c[4], c[5], what)
    end
  end)

  it("writes", function ()
    for _, c in ipairs(golden) do
      local x, index, what = case(c)
      local want = expected(x, c[5], function (v, at) return #at > 0 and -7 or v end)
      local shape = { table.unpack(x.shape) }
      local y, z = x:clone(), x:clone():requires_grad_() * 1
      y[index] = -7
      z[index] = torch.full(c[4], -7, f64)
      like(y, shape, want, what)
      like(z, shape, want, what)
    end
  end)

  it("sends gradients back through both", function ()
    for _, c in ipairs(golden) do
      local x, index, what = case(c)
      local leaf = x:clone():requires_grad_()
      local shape = { table.unpack(x.shape) }
      local weights = torch.arange(1, #c[5] + 1, f64):reshape(c[4]);
      (leaf[index] * weights):sum():backward()
      like(leaf.grad, shape, expected(x, c[5], function (_, at)
        local sum = 0
        for _, k in ipairs(at) do sum = sum + k end
        return sum
      end), what)
      leaf.grad = nil
      local y, v = leaf * 1, torch.tensor(2.0, f64):requires_grad_()
      y[index] = v
      y:sum():backward()
      local written = 0
      like(leaf.grad, shape, expected(x, c[5], function (_, at)
        if #at > 0 then written = written + 1 end
        return #at > 0 and 0 or 1
      end), what)
      if #c[5] == written then assert.equal(written, v.grad:item(), what) end
    end
  end)
end)

describe("an index", function ()
  it("of a number is a row, and 0-d for a vector", function ()
    local x = count(2, 3)
    assert.same({ 4, 5, 6 }, x[2]:tolist())
    assert.same({ 4, 5, 6 }, x[-1]:tolist())
    assert.equal(0, x[1][2]:dim())
    assert.equal(2, x[1][2]:item())
    assert.equal(2, x[1][2][1])                          -- loss.data[1]
    assert.equal("float", math.type(x[1][2][1]))
    assert.equal("integer", math.type(int { 5 }[1][1]))
    assert.equal(5, x[{ 2.0, 2 }]:item())
  end)

  it("is a view", function ()
    local x = count(2, 3)
    x[1]:fill_(0)
    x[{ {}, { 2, 3 } }]:add_(1)
    x[{ "...", 1 }]:neg_()
    assert.same({ { 0, 1, 1 }, { -4, 6, 7 } }, x:tolist())
    local y = x[{}]
    y:zero_()
    assert.equal(0, x:abs():sum():item())
  end)

  it("of ranges is cut to the dimension", function ()
    local x = count(5)
    assert.same({ 2, 3 }, x[{ { 2, 3 } }]:tolist())
    assert.same({ 2, 3, 4, 5 }, x[{ { 2, 99 } }]:tolist())
    assert.same({ 4, 5 }, x[{ { -2, -1 } }]:tolist())
    assert.same({ 1, 3, 5 }, x[{ { 1, -1, 2 } }]:tolist())
    assert.same({ 1 }, x[{ { -99, 1 } }]:tolist())
    assert.same({}, x[{ { 3, 2 } }]:tolist())
    assert.same({}, x[{ { 1, 0 } }]:tolist())
    assert.same({}, x[{ { 6, 9 } }]:tolist())
    assert.same({ 2, 3, 4, 5 }, x[{ { 2, torch.none } }]:tolist())
  end)

  it("of masks and tensors copies", function ()
    local x = count(2, 3)
    local y = x[x:gt(2)]
    assert.same({ 3, 4, 5, 6 }, y:tolist())
    y:zero_()
    assert.equal(21, x:sum():item())
    assert.same({ { 4, 5, 6 }, { 1, 2, 3 } }, x[int { 2, 1 }]:tolist())
    assert.same({ 6, 1 }, x[{ int { 2, 1 }, int { -1, 1 } }]:tolist())
    assert.same({ { 3, 1 }, { 6, 4 } }, x[{ {}, int { 3, 1 } }]:tolist())
    assert.same({ { { 1, 2, 3 }, { 4, 5, 6 } } }, x[true]:tolist())
    assert.same({ { { 1 }, { 4 } } }, x[{ torch.newaxis, {}, { 1, 1 } }]:tolist())
  end)
end)

describe("an assignment", function ()
  it("takes numbers, booleans and tensors, and broadcasts", function ()
    local x = torch.zeros(2, 3)
    x[1] = 7
    x[{ 2, 3 }] = true
    x[{ {}, 1 }] = torch.tensor { 1, 2 }
    assert.same({ { 1, 7, 7 }, { 2, 0, 1 } }, x:tolist())
    x[x:eq(7)] = -1
    x[int { 2 }] = torch.tensor { 9.0, 8.0, 7.0 }
    assert.same({ { 1, -1, -1 }, { 9, 8, 7 } }, x:tolist())
    x[{ { 1, 1 }, { 2, 3 } }] = torch.ones(1, 1, 2)      -- dims of 1 in front are let go
    assert.same({ { 1, 1, 1 }, { 9, 8, 7 } }, x:tolist())
    local b = bool { true, true }
    b[1] = false
    assert.same({ false, true }, b:tolist())
    local zero = torch.tensor(1.5)
    zero[1] = 4
    assert.equal(4, zero:item())
    x["..."] = 0
    assert.equal(0, x:sum():item())
    x[1][1] = 5
    x[{ 1, { 2, 3 } }] = x[{ 1, { 1, 2 } }]:clone()
    assert.same({ 5, 5, 0 }, x[1]:tolist())
    assert.has_error(function() x[{ 1, { 2, 3 } }] = x[{ 1, { 1, 2 } }] end)
  end)

  it("is recorded, and leaves alone what may not be written", function ()
    local x = torch.zeros(3, { requires_grad = true })
    helper.raises(function () x[1] = 1 end, "a view of a leaf Variable that requires grad is being used in an in-place operation.")
    do
      local _ <close> = torch.no_grad()
      x[1] = 1
    end
    assert.same({ 1, 0, 0 }, x:tolist())
    local y = x * 2
    local saved = y * y
    y[2] = 3
    assert.equal("<CopySlices object>", tostring(y.grad_fn))
    helper.raises(function () saved:sum():backward() end, "modified by an inplace operation")
    local e = torch.zeros(1):expand(3)
    helper.raises(function () e[{ { 1, 2 } }] = 1 end, "more than one element of the written-to tensor")
  end)

  it("checks values against the dtype", function ()
    local x = torch.zeros(2, { dtype = torch.uint8 })
    x[1] = -1
    x[2] = 2.7
    assert.same({ 255, 2 }, x:tolist())
    helper.raises(function () x[1] = 300 end, "value cannot be converted to type uint8 without overflow")
    helper.raises(function () x[x:gt(0)] = 0 / 0 end, "value cannot be converted to type uint8 without overflow")
    helper.raises(function () x[int { 1 }] = 1e9 end, "value cannot be converted to type uint8 without overflow")
    x[1] = torch.tensor(300)
    assert.equal(44, x[1]:item())
  end)
end)

describe("length and pairs", function ()
  it("are the first dim's", function ()
    local x = count(3, 2)
    assert.equal(3, #x)
    local seen = {}
    for i, row in pairs(x) do seen[i] = row:sum():item() end
    assert.same({ 3, 7, 11 }, seen)
    for i, v in pairs(count(2)) do assert.equal(i, v:item()) end
    for _ in pairs(torch.zeros(0, 2)) do error "no row is there" end
    helper.raises(function () return #torch.tensor(1) end, "len() of a 0-d tensor")
    helper.raises(function () return pairs(torch.tensor(1)) end, "iteration over a 0-d tensor")
  end)
end)

describe("fields", function ()
  it("tell what a tensor is", function ()
    local x = torch.zeros(2, 3, { dtype = torch.float16 })
    assert.equal("torch.Size([2, 3])", tostring(x.shape))
    assert.equal(6, x.shape:numel())
    assert.equal(3, x.shape[-1])
    assert.is_true(x.shape == torch.zeros(2, 3).shape)
    assert.equal(torch.float16, x.dtype)
    assert.equal("cpu", tostring(x.device))
    assert.equal(2, x.ndim)
    assert.equal(2, x.itemsize)
    assert.equal(12, x.nbytes)
    assert.equal("torch.strided", tostring(x.layout))
    assert.is_false(x.is_cuda)
    assert.is_true(x.is_cpu)
    assert.equal(0, x.output_nr)
    assert.equal(0, x._version)
    x:add_(1)
    assert.equal(1, x._version)
    assert.is_nil(x.grad)
    assert.is_nil(x.grad_fn)
    assert.is_true(x.is_leaf)
    assert.is_true(x[1]._base == nil or x[1]._base == x)
  end)

  it("turn matrices", function ()
    local x = count(2, 3)
    assert.same({ { 1, 4 }, { 2, 5 }, { 3, 6 } }, x.T:tolist())
    assert.same(x.T:tolist(), x.mT:tolist())
    assert.same(x.T:tolist(), x.H:tolist())
    assert.same({ 4, 3, 2 }, { table.unpack(torch.zeros(2, 3, 4).T.shape) })
    assert.same({ 2, 4, 3 }, { table.unpack(torch.zeros(2, 3, 4).mT.shape) })
    helper.raises(function () return count(3).mT end, "only supported on matrices or batches of matrices. Got 1-D tensor.")
    helper.raises(function () return torch.zeros(1, 1, 1).H end, "only supported on matrices (2-D tensors). Got 3-D tensor.")
  end)

  it("grad can be read and set", function ()
    local x = count(3):requires_grad_();
    (x * x):sum():backward()
    assert.same({ 2, 4, 6 }, x.grad:tolist())
    assert.is_true(x.grad == x.grad)
    x.grad = torch.ones(3, f64)
    assert.same({ 1, 1, 1 }, x.grad:tolist())
    x.grad = nil
    assert.is_nil(x.grad)
    helper.raises(function () x.grad = torch.ones(2, f64) end, "size")
    helper.raises(function () x.grad = torch.ones(3) end, "type")
    helper.raises(function () x.grad = 1 end, "assigned grad expected to be a Tensor or nil but got int")
  end)

  it("data is the same memory without history; writing it is not counted", function ()
    local x = count(3):requires_grad_()
    local y = x * x
    x.data:mul_(10)
    x.data[1] = 7
    assert.same({ 7, 20, 30 }, x:tolist())
    assert.equal(0, x._version)
    assert.is_false(x.data.requires_grad)
    y:sum():backward()
    assert.same({ 14, 40, 60 }, x.grad:tolist())
    x.data = torch.zeros(2, f64)
    assert.same({ 2 }, { table.unpack(x.shape) })
    assert.is_true(x.requires_grad)
    helper.raises(function () x.data = int { 1 } end, "must be floating point")
    helper.raises(function () (x * 2).data = torch.zeros(2) end, "another type")
    helper.raises(function () x.data = 3 end, "must be a Tensor, not int")
  end)

  it("requires_grad can be set on leaves", function ()
    local x = torch.zeros(2)
    x.requires_grad = true
    assert.is_true(x.requires_grad)
    x.requires_grad = false
    assert.is_false(x.requires_grad)
    helper.raises(function () x.requires_grad = 1 end, "requires_grad must be a bool, not int")
    helper.raises(function () int({ 1 }).requires_grad = true end, "only Tensors of floating point dtype can require gradients")
    local y = torch.zeros(2, { requires_grad = true }) * 1
    helper.raises(function () y.requires_grad = false end, "leaf variables")
  end)

  it("grad_fn is the graph", function ()
    local x = torch.zeros(2, { requires_grad = true })
    local y = x + 1
    local f = y.grad_fn
    assert.equal("<AddBackward0 object>", tostring(f))
    assert.equal("AddBackward0", f:name())
    assert.is_true(f == y.grad_fn)
    local next = f.next_functions
    assert.equal("AccumulateGrad", next[1][1]:name())
    assert.equal(1, next[1][2])
    assert.is_true(next[2][1] == torch.none)
    assert.is_nil(x.grad_fn)
    helper.raises(function () return f.foo end, "has no 'foo'")
  end)
end)

describe("what is no index, field or method", function ()
  local x = count(2, 3)

  it("indices out of range", function ()
    helper.raises(function () return x[3] end, "index 3 is out of bounds for dimension 1 with size 2")
    helper.raises(function () return x[-3] end, "index -3 is out of bounds for dimension 1 with size 2")
    helper.raises(function () return x[0] end, "index 0 is out of bounds for dimension 1 with size 2 (indices count from 1)")
    helper.raises(function () return x[{ 1, 5 }] end, "index 5 is out of bounds for dimension 2 with size 3")
    helper.raises(function () return x[{ {}, int { 1, 4 } }] end, "index 4 is out of bounds for dimension 2 with size 3")
    helper.raises(function () return x[int { 0 }] end, "index 0 is out of bounds for dimension 1 with size 2 (indices count from 1)")
    helper.raises(function () x[{ 2, 4 }] = 1 end, "index 4 is out of bounds for dimension 2 with size 3")
    helper.raises(function () return x[{ 1, 1, 1 }] end, "too many indices for tensor of dimension 2")
    helper.raises(function () return x[{ 1, bool { { true } } }] end, "too many indices for tensor of dimension 2")
    helper.raises(function () return torch.tensor(1)[2] end, "invalid index of a 0-dim tensor")
    helper.raises(function () return torch.tensor(1)[{ 1 }] end, "too many indices for tensor of dimension 0")
  end)

  it("ranges that are none", function ()
    helper.raises(function () return x[{ { 0, 2 } }] end, "starts at 0 in dimension 1 with size 2 (indices count from 1)")
    helper.raises(function () return x[{ { 2, 0 } }] end, "(indices count from 1; {1, 0} is empty)")
    helper.raises(function () return x[{ { 1, 2, 0 } }] end, "slice step must be positive")
    helper.raises(function () return x[{ { 1 } }] end, "a range is {first, last} or {first, last, step}")
    helper.raises(function () return x[{ { 1, "2" } }] end, "a range is made of integers, got string")
  end)

  it("masks and tensors that don't fit", function ()
    helper.raises(function () return x[bool { true, false, true }] end,
      "The shape of the mask [3] at index 1 does not match the shape of the indexed tensor [2, 3] at index 1")
    helper.raises(function () return x[{ int { 1, 2 }, int { 1, 2, 3 } }] end,
      "shape mismatch: indexing tensors could not be broadcast together with shapes [2], [3]")
    helper.raises(function () return x[torch.tensor { 1.5 }] end, "tensors used as indices must be long, int, byte or bool tensors")
    helper.raises(function () return x[{ "...", "..." }] end, "an index can only have a single ellipsis")
    helper.raises(function () return x[1.5] end, "tensors are indexed by integers, got the number 1.5")
    helper.raises(function () return x[nil] end, "are valid indices (got nil)")
    helper.raises(function () return x[print] end, "are valid indices (got function)")
  end)

  it("values that can't be assigned", function ()
    helper.raises(function () x[1] = "a" end, "can't assign a string")
    helper.raises(function () x[1] = nil end, "can't assign a nil")
    helper.raises(function () x[1] = torch.zeros(4, f64) end, "must match the size of tensor b (4)")
    helper.raises(function () x[int { 1 }] = torch.zeros(3) end, "Index put requires the source and destination dtypes match")
  end)

  it("names", function ()
    helper.raises(function () return x.frobnicate end, "'Tensor' object has no attribute 'frobnicate'")
    helper.raises(function () return x:reshpe() end, "'Tensor' object has no attribute 'reshpe'; did you mean 'reshape'?")
    helper.raises(function () return x.shap end, "did you mean 'shape'?")
    helper.raises(function () return x.to_sparse end, "tlua has no sparse tensors")
    helper.raises(function () return x.imag end, "tlua has no complex numbers")
    helper.raises(function () return x.q_scale end, "tlua has no quantized tensors")
    helper.raises(function () x.foo = 1 end, "'Tensor' object has no attribute 'foo'")
    helper.raises(function () x.shape = 1 end, "attribute 'shape' of 'torch.Tensor' objects is not writable")
    helper.raises(function () x.add = 1 end, "'add' is a method")
    helper.raises(function () return x < x end, "a:lt(b)")
    helper.raises(function () return x .. x end, "concatenate")
  end)

  it("leaks nothing", function ()
    local live = torch.memory.allocated()
    for _ = 1, 100 do
      pcall(function () return x[{ int { 1, 9 }, int { 1, 1 } }] end)
      pcall(function () x[int { 1 }] = torch.zeros(3) end)
      pcall(function () return x.frobnicate end)
    end
    assert.is_true(torch.memory.allocated() <= live + 65536)
  end)
end)
