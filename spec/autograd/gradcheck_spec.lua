-- gradcheck and gradgradcheck.
local torch = require "torch"
local helper = require "spec.support.helper"
local autograd = torch.autograd
local raises = helper.raises

local function leaf(...) return torch.tensor({ ... }, { dtype = torch.float64, requires_grad = true }) end

local Wrong = autograd.Function:extend("Wrong")
function Wrong.forward(_, x) return x * 2 end
function Wrong.backward(_, g) return g * 3 end

describe("gradcheck", function()
  it("passes what is right", function()
    assert.is_true(autograd.gradcheck(function(x) return x:sin() * x end, { leaf(0.5, -1, 2) }))
    assert.is_true(autograd.gradcheck(torch.tanh, leaf(0.5)))
    local w, v = torch.randn(2, 3, { dtype = torch.float64 }), leaf(1, 2)
    assert.is_true(autograd.gradcheck(function(a, b) return a:t():mv(b), a:sum() end, { w:requires_grad_(), v }))
    local scalar = torch.tensor(0.3, { dtype = torch.float64, requires_grad = true })
    assert.is_true(autograd.gradcheck(function(x) return x:exp() end, { scalar }))
    assert.equal(0.3, scalar:item())
  end)

  it("leaves its inputs as they were, whatever their strides", function()
    local base = torch.arange(1, 7, { dtype = torch.float64 }):reshape(2, 3)
    local x = base:t():requires_grad_()
    assert.is_true(autograd.gradcheck(function(t) return t:pow(3) end, { x }))
    assert.same({ { 1, 4 }, { 2, 5 }, { 3, 6 } }, x:tolist())
    assert.is_nil(x.grad)
  end)

  it("hands on inputs that want no gradient", function()
    assert.is_true(autograd.gradcheck(function(x, k, t) return x * k + t end, { leaf(1, 2), 3, torch.ones(2) }))
  end)

  it("shows both Jacobians of what is wrong", function()
    local text = raises(function() autograd.gradcheck(Wrong.apply, { leaf(1, 2) }) end,
      "Jacobian mismatch for output 1 with respect to input 1,\nnumerical:tensor([[2.0000, 0.0000],")
    assert.truthy(text:find("analytical:tensor([[3., 0.],", 1, true), text)
    assert.is_false(autograd.gradcheck(Wrong.apply, { leaf(1, 2) }, { raise_exception = false }))
    assert.is_true(autograd.gradcheck(Wrong.apply, { leaf(1, 2) }, { atol = 2 }))
  end)

  it("notices a backward that answers differently each time", function()
    local Moody = autograd.Function:extend("Moody")
    local n = 0
    function Moody.forward(_, x) return x * 2 end
    function Moody.backward(_, g)
      n = n + 1
      return g * (2 + 1e-8 * n)
    end
    raises(function() autograd.gradcheck(Moody.apply, { leaf(1) }) end, "Backward is not reentrant")
    assert.is_true(autograd.gradcheck(Moody.apply, { leaf(1) }, { nondet_tol = 1e-5 }))
  end)

  it("notices a backward that forgets its gradient", function()
    local Constant = autograd.Function:extend("Constant")
    function Constant.forward(_, x) return x * 2 end
    function Constant.backward(_, g) return torch.full_like(g, 2) end
    raises(function() autograd.gradcheck(Constant.apply, { leaf(1) }) end, "backward not multiplied by grad_output")
  end)

  it("notices a function that hides its dependence", function()
    assert.is_true(autograd.gradcheck(function(x) return torch.ones_like(x:detach()) end, { leaf(1) }))
    raises(function() autograd.gradcheck(function(x) return x:detach() * 2 end, { leaf(1) }) end,
      "Numerical gradient for function expected to be zero")
  end)

  it("refuses inputs without gradients and unknown options", function()
    raises(function() autograd.gradcheck(torch.sin, { torch.ones(2) }) end,
      "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True.")
    raises(function() autograd.gradcheck(torch.sin, { leaf(1) }, { epsilon = 1 }) end,
      "gradcheck() got an unexpected keyword argument 'epsilon'")
    assert.is_true(autograd.gradcheck(torch.sin, { leaf(1) }, { fast_mode = true }))
  end)
end)

describe("gradgradcheck", function()
  it("passes what is right", function()
    assert.is_true(autograd.gradgradcheck(function(x, y) return x:pow(3) * y:exp() end, { leaf(0.5, -1), leaf(1, 2) }))
    assert.is_true(autograd.gradgradcheck(torch.sin, { leaf(0.5) }, { leaf(2) }))
    assert.is_true(autograd.gradgradcheck(torch.sigmoid, { leaf(0.5) }, { atol = 1e-4 }))
  end)

  it("notices a wrong second derivative", function()
    local Stiff = autograd.Function:extend("Stiff")
    function Stiff.forward(ctx, x)
      ctx:save_for_backward(x)
      return x * x
    end
    function Stiff.backward(ctx, g) return 2 * ctx.saved_tensors[1]:detach() * g end
    assert.is_true(autograd.gradcheck(Stiff.apply, { leaf(1, 2) }))
    assert.is_false(autograd.gradgradcheck(Stiff.apply, { leaf(1, 2) }, { raise_exception = false }))
  end)
end)
