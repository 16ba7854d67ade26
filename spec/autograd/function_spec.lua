-- torch.autograd.Function: own functions with forward and backward.
local torch = require "torch"
local helper = require "spec.support.helper"
local Function = torch.autograd.Function

local function leaf(...) return torch.tensor({ ... }, { dtype = torch.float64, requires_grad = true }) end

local Square = Function:extend("Square")
function Square.forward(ctx, x)
  ctx:save_for_backward(x)
  return x * x
end
function Square.backward(ctx, g)
  local x = table.unpack(ctx.saved_tensors)
  return 2 * x * g
end

describe("a function of one's own", function()
  it("is used through apply, and backward gives its gradient", function()
    local x = leaf(1, 2, 3)
    local y = Square.apply(x)
    assert.are.same({ 1, 4, 9 }, y:tolist())
    assert.is_true(y.requires_grad and not y.is_leaf)
    y:sum():backward()
    assert.are.same({ 2, 4, 6 }, x.grad:tolist())
    assert.is_truthy(tostring(y):find("grad_fn=<SquareBackward", 1, true))
  end)

  it("has second derivatives when its backward is made of operations", function()
    local x = leaf(1, 2, 3)
    assert.is_true(torch.autograd.gradcheck(Square.apply, { x }))
    assert.is_true(torch.autograd.gradgradcheck(Square.apply, { x }))
  end)

  it("records nothing when nobody wants a gradient", function()
    assert.is_false(Square.apply(torch.ones(2)).requires_grad)
    torch.no_grad(function() assert.is_false(Square.apply(leaf(1)).requires_grad) end)
  end)

  it("may have several arguments, others than tensors, and several results", function()
    local Two = Function:extend("Two")
    function Two.forward(ctx, a, factor, b)
      ctx.factor = factor
      return a * factor, a + b
    end
    function Two.backward(ctx, g, h) return g * ctx.factor + h, nil, h end
    local a, b = leaf(1, 2), leaf(3, 4)
    local p, s = Two.apply(a, 10, b)
    assert.are.same({ 10, 20 }, p:tolist())
    assert.are.same({ 4, 6 }, s:tolist())
    local loss = p:sum() + 2 * s:sum()
    loss:backward()
    assert.are.same({ 12, 12 }, a.grad:tolist())
    assert.are.same({ 2, 2 }, b.grad:tolist())
    a.grad = nil
    local only = Two.apply(a, 10, b)                      -- the gradient of the result nobody used is zero
    only:sum():backward()
    assert.are.same({ 10, 10 }, a.grad:tolist())
  end)

  it("knows who needs a gradient", function()
    local seen
    local Product = Function:extend("Product")
    function Product.forward(ctx, a, b)
      ctx:save_for_backward(a, b)
      return a * b
    end
    function Product.backward(ctx, g)
      seen = { table.unpack(ctx.needs_input_grad) }
      local a, b = table.unpack(ctx.saved_tensors)
      return g * b, g * a
    end
    local a = leaf(2)
    Product.apply(a, torch.tensor({ 3.0 }, { dtype = torch.float64 })):backward()
    assert.are.same({ true, false }, seen)
    assert.are.equal(3, a.grad:item())
  end)

  it("says where it went wrong", function()
    local Bad = Function:extend("Bad")
    function Bad.forward(_, x) return x * 1 end
    function Bad.backward() error("not today") end
    local text = helper.raises(function() Bad.apply(leaf(1)):backward() end, "not today")
    assert.is_truthy(text:find("function_spec.lua", 1, true))
    assert.is_truthy(text:find("stack traceback", 1, true))
    local Empty = Function:extend("Empty")
    helper.raises(function() Empty.apply(leaf(1)) end, "You must implement the forward function for custom autograd.Function.")
    function Empty.forward(_, x) return x * 1 end
    helper.raises(function() Empty.apply(leaf(1)):backward() end,
      "You must implement the backward function for custom autograd.Function.")
  end)

  it("notices saved tensors that were changed", function()
    local x = leaf(1, 2)
    local z = x * 1
    local y = Square.apply(z)
    z:add_(1)
    helper.raises(function() y:sum():backward() end, "modified by an inplace operation")
  end)

  it("may be extended", function()
    local Cube = Square:extend("Cube")
    function Cube.forward(ctx, x)
      ctx:save_for_backward(x)
      return x * x * x
    end
    function Cube.backward(ctx, g)
      local x = table.unpack(ctx.saved_tensors)
      return 3 * x * x * g
    end
    local x = leaf(2)
    Cube.apply(x):backward()
    assert.are.equal(12, x.grad:item())
    assert.are.equal("class Cube", tostring(Cube))
  end)
end)

describe("autograd", function()
  it("gives the gradients of given tensors as a list and leaves .grad alone", function()
    local x, w = leaf(1, 2), leaf(3, 4)
    local g = torch.autograd.grad((x * w):sum(), { x, w })
    assert.are.same({ 3, 4 }, g[1]:tolist())
    assert.are.same({ 1, 2 }, g[2]:tolist())
    assert.is_nil(x.grad)
    assert.are.same({ 6, 8 }, torch.autograd.grad(x * w, { x }, torch.tensor({ 2.0, 2.0 }, { dtype = torch.float64 }))[1]:tolist())
    helper.raises(function() torch.autograd.grad(x:sum(), { w }) end, "to not have been used in the graph")
    assert.are.equal(torch.none, torch.autograd.grad(x:sum(), { w }, { allow_unused = true })[1])
  end)

  it("a list of one gradient may stand for it in arithmetic", function()
    local x = leaf(1, 2)
    local g = torch.autograd.grad((x ^ 3):sum(), { x }, { create_graph = true })
    assert.are.same({ 9, 144 }, (g * g):tolist())
    assert.are.same({ -3, -12 }, (-g):tolist())
    assert.are.same({ 4, 13 }, (g + 1):tolist())
    assert.are.same({ 36, 288 }, torch.autograd.grad((g * g):sum(), { x })[1]:tolist())
  end)

  it("has backward for several tensors at once", function()
    local x = leaf(1, 2)
    torch.autograd.backward({ (x * x):sum(), x:sum() })
    assert.are.same({ 3, 5 }, x.grad:tolist())
  end)

  it("has Variable, as PyTorch 0.3 had it", function()
    local Variable = torch.autograd.Variable
    local t = torch.ones(2)
    local x = Variable(t, { requires_grad = true })
    assert.is_true(x.requires_grad)
    assert.is_false(t.requires_grad)
    x.data:fill_(5)
    assert.are.equal(5, t[1]:item())
    local loss = (x * x):sum()
    assert.are.equal(50, loss.data[1])
    assert.is_false(Variable(t, { volatile = true }).requires_grad)
    helper.raises(function() Variable(3) end, "Variable data has to be a tensor, but got number")
  end)
end)
