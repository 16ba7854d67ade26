-- torch.autograd.Function: functions of one's own.
local torch = require "torch"
local helper = require "spec.support.helper"
local Function = torch.autograd.Function
local raises = helper.raises

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

describe("a Function", function()
  it("computes and gives gradients", function()
    local x = leaf(1, 2, 3)
    local y = Square.apply(x)
    assert.same({ 1, 4, 9 }, y:tolist())
    assert.is_true(y.requires_grad)
    assert.truthy(tostring(y):find("grad_fn=<SquareBackward", 1, true), tostring(y))
    y:sum():backward()
    assert.same({ 2, 4, 6 }, x.grad:tolist())
  end)

  it("is not recorded inside: its backward alone counts", function()
    local Odd = Function:extend("Odd")
    local recording
    function Odd.forward(_, x)
      recording = torch.is_grad_enabled()
      return x * 2
    end
    function Odd.backward(_, g) return g * 100 end
    local x = leaf(1)
    Odd.apply(x):sum():backward()
    assert.is_false(recording)
    assert.equal(100, x.grad:item())
  end)

  it("has second derivatives", function()
    local x = leaf(1, 2)
    local g = torch.autograd.grad(Square.apply(Square.apply(x)):sum(), { x }, nil, { create_graph = true })[1]
    assert.same({ 4, 32 }, g:tolist())
    assert.same({ 12, 48 }, torch.autograd.grad(g:sum(), { x })[1]:tolist())
  end)

  it("takes and gives several values; nil is no gradient", function()
    local Two = Function:extend("Two")
    local needs
    function Two.forward(ctx, x, k, y)
      ctx.k, needs = k, ctx.needs_input_grad
      return x * k, x + y
    end
    function Two.backward(ctx, a, b) return a * ctx.k + b, nil, b end
    local x, y = leaf(1, 2), torch.ones(2, { dtype = torch.float64 })
    local a, b = Two.apply(x, 3, y)
    assert.same({ { 3, 6 }, { 2, 3 } }, { a:tolist(), b:tolist() })
    assert.same({ true, false, false }, { needs[1], needs[2], needs[3] })
    ; (a + 10 * b):sum():backward()
    assert.same({ 13, 13 }, x.grad:tolist())
    assert.is_nil(y.grad)
    x.grad = nil
    local only = Two.apply(x, 3, y)                       -- the other result has no gradient: zeros
    only:sum():backward()
    assert.same({ 3, 3 }, x.grad:tolist())
  end)

  it("may leave missing gradients missing", function()
    local Two = Function:extend("Two")
    local seen
    function Two.forward(ctx, x)
      ctx:set_materialize_grads(false)
      return x * 1, x * 2
    end
    function Two.backward(_, a, b)
      seen = { a == nil, b == nil }
      return a
    end
    local x = leaf(1)
    local a = Two.apply(x)
    a:sum():backward()
    assert.same({ false, true }, seen)
  end)

  it("may say that a result has no gradient", function()
    local Both = Function:extend("Both")
    function Both.forward(ctx, x)
      local i = x:gt(1)
      ctx:mark_non_differentiable(i)
      return x * 3, i
    end
    function Both.backward(_, g) return g * 3 end
    local x = leaf(1, 2)
    local y, i = Both.apply(x)
    assert.is_true(y.requires_grad)
    assert.is_false(i.requires_grad)
    assert.same({ false, true }, i:tolist())
    y:sum():backward()
    assert.same({ 3, 3 }, x.grad:tolist())
  end)

  it("may change its input in place", function()
    local Triple = Function:extend("Triple")
    function Triple.forward(ctx, x)
      x:mul_(3)
      ctx:mark_dirty(x)
      return x
    end
    function Triple.backward(_, g) return g * 3 end
    local x = leaf(1, 2)
    local z = x * 1
    local y = Triple.apply(z)
    assert.same({ 3, 6 }, z:tolist())
    y:sum():backward()
    assert.same({ 3, 3 }, x.grad:tolist())
  end)

  it("is not recorded without gradients", function()
    local _ <close> = torch.no_grad()
    assert.is_false(Square.apply(leaf(1)).requires_grad)
    assert.is_false(Square.apply(torch.ones(2)).requires_grad)
  end)

  it("forgets what it saved after backward", function()
    local x = leaf(2)
    local y = Square.apply(x)
    y:sum():backward()
    raises(function() y:sum():backward() end, "backward through the graph a second time")
  end)

  it("notices that what it saved was changed", function()
    local x = leaf(2)
    local z = x * 1
    local y = Square.apply(z)
    z:mul_(2)
    raises(function() y:sum():backward() end, "modified by an inplace operation")
  end)

  it("may be made from another", function()
    local Cube = Square:extend("Cube")
    function Cube.forward(ctx, x) return Square.forward(ctx, x) * x end
    function Cube.backward(ctx, g) return Square.backward(ctx, g) * 1.5 * ctx.saved_tensors[1] end
    local x = leaf(2)
    Cube.apply(x):sum():backward()
    assert.equal(12, x.grad:item())
    assert.equal("class Cube", tostring(Cube))
  end)

  it("says what is missing or wrong", function()
    raises(function() Function:extend("Bare").apply(leaf(1)) end,
      "You must implement the forward function for custom autograd.Function.")
    local Half = Function:extend("Half")
    function Half.forward(_, x) return x * 2 end
    raises(function() Half.apply(leaf(1)):sum():backward() end,
      "You must implement the backward function for custom autograd.Function.")
    function Half.backward() error("my own words") end
    raises(function() Half.apply(leaf(1)):sum():backward() end, "my own words")
    function Half.backward() return torch.ones(5) end
    raises(function() Half.apply(leaf(1, 2)):sum():backward() end, "invalid gradient")
    function Half.backward(_, g) return g, g end
    raises(function() Half.apply(leaf(1)):sum():backward() end, "gradients")
    raises(function() Function:extend(3) end, "the name of a function should be a string, got number")
  end)
end)

describe("autograd.grad", function()
  it("of one input may stand in arithmetic", function()
    local x = leaf(3)
    local g = torch.autograd.grad(x ^ 2, { x })
    assert.equal(6, g[1]:item())
    assert.same({ 12 }, (g * 2):tolist())
    assert.same({ 36 }, (g * g):tolist())
    assert.same({ -6 }, (-g):tolist())
    assert.is_nil(x.grad)
  end)
end)

describe("grad and backward", function()
  it("take a list of one gradient for one tensor", function()
    local x = torch.ones(2, { requires_grad = true })
    local g = torch.tensor { 3., 4. }
    assert.same({ 6, 8 }, torch.autograd.grad(x * 2, { x }, { g })[1]:tolist())
    assert.same({ 6, 8 }, torch.autograd.grad(x * 2, x, { grad_outputs = { g } })[1]:tolist())
    torch.autograd.backward(x * 2, { g })
    assert.same({ 6, 8 }, x.grad:tolist())
  end)
end)
