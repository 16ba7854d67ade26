-- gradcheck finds right gradients right and wrong ones wrong.
local torch = require "torch"
local helper = require "spec.support.helper"
local autograd = torch.autograd

local function leaf(...) return torch.tensor({ ... }, { dtype = torch.float64, requires_grad = true }) end

-- x^2 whose backward is off by a factor
local function wrong(factor)
  local F = autograd.Function:extend("Wrong")
  function F.forward(ctx, x)
    ctx:save_for_backward(x)
    return x * x
  end
  function F.backward(ctx, g)
    local x = table.unpack(ctx.saved_tensors)
    return factor * x * g
  end
  return F.apply
end

describe("gradcheck", function()
  it("passes right gradients, of one and of several inputs and outputs", function()
    assert.is_true(autograd.gradcheck(torch.sin, leaf(0.5, 1.5)))
    assert.is_true(autograd.gradcheck(function(a, b) return a * b, a / b end, { leaf(1, 2), leaf(3, 4) }))
    assert.is_true(autograd.gradcheck(function(a) return { a:exp(), a:sum() } end, { leaf(1, 2) }))
    assert.is_true(autograd.gradcheck(function(a, b) return a * b end, { leaf(1), torch.tensor({ 2.0 }, { dtype = torch.float64 }) }))
    local scalar = torch.tensor(0.7, { dtype = torch.float64, requires_grad = true })
    assert.is_true(autograd.gradcheck(torch.tanh, { scalar }))
    local m = torch.randn(2, 3, { dtype = torch.float64 }):t():requires_grad_()
    assert.is_true(autograd.gradcheck(function(x) return x:mm(x:t()) end, { m }))
  end)

  it("leaves its inputs as they were", function()
    local x = leaf(1.25, -2.5)
    autograd.gradcheck(torch.exp, { x })
    assert.are.same({ 1.25, -2.5 }, x:tolist())
    assert.is_nil(x.grad)
  end)

  it("fails wrong ones, with both Jacobians, or says false", function()
    local text = helper.raises(function() autograd.gradcheck(wrong(3), { leaf(1, 2) }) end,
      "Jacobian mismatch for output 1 with respect to input 1,\nnumerical:tensor([[2.0000, 0.0000],")
    assert.is_truthy(text:find("analytical:tensor([[3., 0.],", 1, true))
    assert.is_false(autograd.gradcheck(wrong(3), { leaf(1, 2) }, { raise_exception = false }))
    assert.is_true(autograd.gradcheck(wrong(2.001), { leaf(1, 2) }, { rtol = 1e-2 }))
  end)

  it("notices gradients that change from call to call", function()
    local n = 0
    local F = autograd.Function:extend("Nervous")
    function F.forward(_, x) return x * 1 end
    function F.backward(_, g)
      n = n + 1
      return g * (1 + 1e-7 * n)
    end
    helper.raises(function() autograd.gradcheck(F.apply, { leaf(1) }) end, "Backward is not reentrant")
    assert.is_true(autograd.gradcheck(F.apply, { leaf(1) }, { nondet_tol = 1e-3 }))
  end)

  it("wants an input that wants a gradient", function()
    helper.raises(function() autograd.gradcheck(torch.sin, { torch.ones(1, { dtype = torch.float64 }) }) end,
      "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True.")
    helper.raises(function() autograd.gradcheck(function(x) return x:detach() * 2 end, { leaf(1) }) end,
      "Numerical gradient for function expected to be zero")
    helper.raises(function() autograd.gradcheck(torch.sin, { leaf(1) }, { epsilon = 1 }) end,
      "gradcheck() got an unexpected keyword argument 'epsilon'")
  end)
end)

describe("gradgradcheck", function()
  it("passes right second derivatives and fails wrong ones", function()
    assert.is_true(autograd.gradgradcheck(torch.sin, { leaf(0.5, 1.5) }))
    assert.is_true(autograd.gradgradcheck(function(a, b) return a * a * b end, { leaf(1, 2), leaf(3, 4) }))
    assert.is_true(autograd.gradgradcheck(torch.exp, { leaf(0.5) }, leaf(2.0)))
    -- a backward that hides from the tape has no second derivative
    local F = autograd.Function:extend("Hidden")
    function F.forward(ctx, x)
      ctx:save_for_backward(x)
      return x * x * x
    end
    function F.backward(ctx, g)
      local x = table.unpack(ctx.saved_tensors)
      return 3 * x:detach() * x:detach() * g
    end
    assert.is_true(autograd.gradcheck(F.apply, { leaf(1.0) }))
    assert.is_false(autograd.gradgradcheck(F.apply, { leaf(1.0) }, { raise_exception = false }))
  end)
end)
