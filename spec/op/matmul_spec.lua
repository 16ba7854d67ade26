-- Matrix products: PyTorch's figures, gradients as products, refusals.
local torch = require "torch"
local helper = require "spec.support.helper"
local close_to, raises = helper.close_to, helper.raises
local F = torch.nn.functional
local nan = 0 / 0

local A, B = torch.arange(6.):reshape(2, 3), torch.arange(12.):reshape(3, 4)

describe("matmul", function ()
  it("multiplies", function ()
    close_to(A:mm(B), { { 20, 23, 26, 29 }, { 56, 68, 80, 92 } })
    close_to(A:mv(torch.arange(3.)), { 5, 14 })
    close_to(A:matmul(torch.arange(3.)), { 5, 14 })
    close_to(torch.arange(3.):dot(torch.arange(3.)), 5)
    close_to(torch.addmm(torch.ones(4), A, B, { beta = 2, alpha = 0.5 }), { { 12, 13.5, 15, 16.5 }, { 30, 36, 42, 48 } })
    close_to(torch.inner(A, torch.ones(2, 3)), { { 3, 3 }, { 12, 12 } })
    close_to(torch.outer(torch.tensor { 1., 2. }, torch.tensor { 3., 4. }), { { 3, 4 }, { 6, 8 } })
    close_to(torch.addr(torch.ones(2, 2), torch.tensor { 1., 2. }, torch.tensor { 3., 4. }, { beta = 2, alpha = 10 }), { { 32, 42 },
      { 62, 82 } })
    close_to(F.linear(A, B:t(), torch.tensor { 1., 2., 3., 4. }), { { 21, 25, 29, 33 }, { 57, 70, 83, 96 } })
  end)

  it("beta 0 does not read self", function ()
    close_to(torch.addmm(torch.full({ 2, 4 }, nan), A, B, { beta = 0 }), { { 20, 23, 26, 29 }, { 56, 68, 80, 92 } })
    close_to(torch.addmv(torch.full({ 2 }, nan), A, torch.arange(3.), { beta = 0 }), { 5, 14 })
    close_to(torch.baddbmm(torch.full({ 1, 2, 4 }, nan), A[{ torch.newaxis }], B[{ torch.newaxis }], { beta = 0 }), { { { 20, 23, 26,
      29 }, { 56, 68, 80, 92 } } })
  end)

  it("scales self by beta where there is nothing to multiply", function ()
    local none = function (...) return torch.zeros(..., { dtype = torch.int64 }) end
    close_to(torch.addbmm(torch.tensor { { 3, 4 } }, none { 5, 1, 0 }, none { 5, 0, 2 }, { beta = 2 }), { { 6, 8 } })
    close_to(torch.addmm(torch.tensor { { 3., 4. } }, torch.zeros(1, 0), torch.zeros(0, 2), { beta = 0.5 }), { { 1.5, 2 } })
  end)

  it("reads any layout and every dtype", function ()
    for _, d in ipairs { "float16", "bfloat16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64" } do
      local a, b = torch.tensor({ { 1, 2 }, { 3, 4 } }):to(torch[d]), torch.tensor({ { 1, 0 }, { 2, 1 } }):to(torch[d])
      close_to(a:mm(b):to(torch.float64), { { 5, 2 }, { 11, 4 } })
      close_to(a:t():mm(b:t()):to(torch.float64), { { 1, 5 }, { 2, 8 } })
      assert.are.equal(torch[d], a:mm(b).dtype)
    end
    local big = torch.arange(24.):reshape(2, 3, 4)
    local left, right = big:select(3, 2), big:select(2, 1):t():narrow(1, 1, 3)       -- strides 12, 4 and 1, 12
    close_to(left:mm(right), left:contiguous():mm(right:contiguous()))
    close_to(left:mm(right), { { 23, 203 }, { 59, 671 } })
    raises(function () torch.tensor({ { true } }):mm(torch.tensor { { true } }) end, "not implemented for 'bool'")
  end)

  it("works on nothing", function ()
    close_to(torch.zeros(2, 0):mm(torch.zeros(0, 2)), { { 0, 0 }, { 0, 0 } })
    close_to(torch.zeros(0):dot(torch.zeros(0)), 0)
    close_to(torch.addmm(torch.ones(2, 2), torch.zeros(2, 0), torch.zeros(0, 2), { beta = 3 }), { { 3, 3 }, { 3, 3 } })
    local int = { dtype = torch.int64 }
    close_to(torch.addmm(torch.ones(2, 2, int), torch.zeros(2, 0, int), torch.zeros(0, 2, int), { beta = 3 }), { { 3, 3 }, { 3, 3 } })
    assert.are.same({ 0, 4 }, { table.unpack(torch.zeros(0, 3):mm(torch.zeros(3, 4)).shape) })
  end)

  it("matmul folds and broadcasts by the number of dims", function ()
    local function shape(...) return { table.unpack(torch.matmul(...).shape) } end
    assert.are.same({ 2, 5, 4 }, shape(torch.ones(2, 5, 3), torch.ones(3, 4)))
    assert.are.same({ 2, 5 }, shape(torch.ones(2, 5, 3), torch.ones(3)))
    assert.are.same({ 2, 4 }, shape(torch.ones(3), torch.ones(2, 3, 4)))
    assert.are.same({ 2, 5, 4 }, shape(torch.ones(5, 3), torch.ones(2, 3, 4)))
    assert.are.same({ 6, 2, 5, 4 }, shape(torch.ones(2, 5, 3), torch.ones(6, 1, 3, 4)))
    assert.are.same({ 4 }, shape(torch.ones(3), torch.ones(3, 4)))
    local a, b = torch.randn(2, 5, 3, { dtype = torch.float64 }), torch.randn(2, 3, 4, { dtype = torch.float64 })
    for k = 1, 2 do assert.is_true(torch.allclose(torch.matmul(a, b)[k], a[k]:mm(b[k]))) end
  end)

  it("gradients are the products of the others", function ()
    local x, w = torch.randn(4, 3, { requires_grad = true }), torch.randn(5, 3, { requires_grad = true })
    local b = torch.randn(5, { requires_grad = true })
    local g = torch.randn(4, 5)
    F.linear(x, w, b):backward(g)
    assert.is_true(torch.equal(x.grad, g:mm(w:detach())))
    assert.is_true(torch.equal(w.grad, g:t():mm(x:detach())))
    assert.is_true(torch.equal(b.grad, g:sum(1)))
    assert.is_truthy(tostring(F.linear(x, w, b)):find("grad_fn=<AddmmBackward0>", 1, true))
  end)

  it("may write over an operand", function ()
    local x = torch.tensor { { 1., 2. }, { 3., 4. } }
    x:addmm_(x, x)
    close_to(x, { { 8, 12 }, { 18, 26 } })
  end)

  it("refuses in words", function ()
    raises(function () torch.ones(2, 3):mm(torch.ones(4, 5)) end, "mm: mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)")
    raises(function () torch.ones(2):mm(torch.ones(2, 2)) end, "mm: self must be a matrix, got 1-D tensor")
    raises(function () torch.ones(2, 3):mv(torch.ones(2)) end, "size mismatch, got input (2), mat (2x3), vec (2)")
    raises(function () torch.ones(3):dot(torch.ones(4)) end,
      "inconsistent tensor size, expected tensor [3] and src [4] to have the same number of elements, " ..
      "but got 3 and 4 elements respectively")
    raises(function () torch.ones(2, 3, 4):bmm(torch.ones(2, 3, 4)) end,
      "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 3].")
    raises(function () torch.matmul(torch.tensor(1.), torch.ones(2)) end,
      "both arguments to matmul need to be at least 1D, but they are 0D and 1D")
    raises(function () torch.ones(2, 2):mm(torch.ones(2, 2, { dtype = torch.float64 })) end,
      "expected m1 and m2 to have the same dtype, but got: float32 != float64")
    raises(function () torch.addmm(torch.ones(3, 3), torch.ones(2, 3), torch.ones(3, 2)) end,
      "The expanded size of the tensor (2) must match the existing size (3) at non-singleton dimension 2.  " ..
      "Target sizes: [2, 2].  Tensor sizes: [3, 3]")
    raises(function () torch.ones(2):addmm_(torch.ones(2, 2), torch.ones(2, 2)) end,
      "output with shape [2] doesn't match the broadcast shape [2, 2]")
  end)
end)
