-- torch.autograd.Function: forward and backward written in Lua.
local helper = require "spec.support.helper"
local torch = require "torch"

local Function, raises = torch.autograd.Function, helper.raises
local function leaf(...) return torch.tensor({ ... }, { dtype = torch.float64, requires_grad = true }) end
local function list(x) return x:tolist() end

local Square = Function:extend("Square")
function Square.forward(ctx, x)
  ctx:save_for_backward(x)
  return x * x
end
function Square.backward(ctx, g)
  local x = table.unpack(ctx.saved_tensors)
  return 2 * x * g
end

describe("a custom Function", function()
  it("is differentiated by its own backward", function()
    local x = leaf(1, -2, 3)
    local y = Square.apply(x)
    assert.same({ 1, 4, 9 }, list(y))
    assert.equal("SquareBackward", y.grad_fn:name())
    y:sum():backward()
    assert.same({ 2, -4, 6 }, list(x.grad))
    assert.is_true(torch.autograd.gradcheck(Square.apply, { x }))
  end)

  it("is differentiated twice where backward is made of operations", function()
    local x = leaf(3)
    local g = torch.autograd.grad(Square.apply(x):sum(), x, { create_graph = true })[1]
    assert.same({ 2 }, list(torch.autograd.grad(g:sum(), x)[1]))
    assert.is_true(torch.autograd.gradgradcheck(Square.apply, { x }))
  end)

  it("runs forward without recording, and unrecorded where nobody wants it", function()
    local seen
    local F = Function:extend("F")
    function F.forward(_, x)
      seen = torch.is_grad_enabled()
      return x + 1
    end
    function F.backward(_, g) return g end
    assert.is_true(F.apply(leaf(1)).requires_grad)
    assert.is_false(seen)
    assert.is_false(F.apply(torch.ones(1)).requires_grad)
    assert.is_false(torch.no_grad(F.apply, leaf(1)).requires_grad)
    assert.is_true(torch.is_grad_enabled())
  end)

  it("has several inputs and results, tensors and others", function()
    local F = Function:extend("F")
    function F.forward(ctx, a, factor, b)
      ctx.factor = factor
      ctx:save_for_backward(a, b)
      return a * b * factor, a + b, "a word"
    end
    function F.backward(ctx, g1, g2)
      local a, b = table.unpack(ctx.saved_tensors)
      return g1 * b * ctx.factor + g2, nil, g1 * a * ctx.factor + g2
    end
    local a, b = leaf(2), leaf(5)
    local product, sum, word = F.apply(a, 10, b)
    assert.equal("a word", word)
    assert.same({ { 100 }, { 7 } }, { list(product), list(sum) })
    ; (product + 3 * sum):sum():backward()
    assert.same({ 53 }, list(a.grad))
    assert.same({ 23 }, list(b.grad))
  end)

  it("gets zeros for results nobody used, or nil when it asks for that", function()
    local seen = {}
    local function class(zeros)
      local F = Function:extend("F")
      function F.forward(ctx, x)
        ctx:set_materialize_grads(zeros)
        return x + 1, x + 2
      end
      function F.backward(_, g1, g2)
        seen[#seen + 1] = g2 == nil and "nil" or g2:item()
        return g1
      end
      return F
    end
    ; (class(true).apply(leaf(1))):sum():backward()
    ; (class(false).apply(leaf(1))):sum():backward()
    assert.same({ 0, "nil" }, seen)
  end)

  it("knows which inputs need a gradient", function()
    local needs
    local F = Function:extend("F")
    function F.forward(ctx, a, b, c)
      needs = ctx.needs_input_grad
      return a + b + (c or 0)
    end
    function F.backward(_, g) return g, g end
    F.apply(leaf(1), torch.ones(1), 3)
    assert.same({ true, false, false }, needs)
  end)

  it("marks results as not differentiable, inputs as written", function()
    local Sort = Function:extend("Sort")
    function Sort.forward(ctx, x)
      local mask = x:gt(0):double()
      ctx:mark_non_differentiable(mask)
      return x * 2, mask
    end
    function Sort.backward(_, g) return g * 2 end
    local y, mask = Sort.apply(leaf(1, -1))
    assert.is_true(y.requires_grad)
    assert.is_false(mask.requires_grad)

    local Triple = Function:extend("Triple")
    function Triple.forward(ctx, x)
      ctx:mark_dirty(x)
      return x:mul_(3)
    end
    function Triple.backward(_, g) return g * 3 end
    local x = leaf(2)
    local z = x * 1
    local w = Triple.apply(z)
    assert.same({ 6 }, list(z))
    ; (w * w):sum():backward()
    assert.same({ 36 }, list(x.grad))
    raises(function() Triple.apply(leaf(1)) end, "a leaf Variable that requires grad is being used in an in-place operation")
  end)

  it("may return an input as it is", function()
    local Same = Function:extend("Same")
    function Same.forward(_, x) return x end
    function Same.backward(_, g) return g * 10 end
    local x = leaf(1)
    local y = Same.apply(x)
    assert.is_true(x.is_leaf)
    assert.is_false(y.is_leaf)
    y:sum():backward()
    assert.same({ 10 }, list(x.grad))
  end)

  it("notices that a saved tensor was written", function()
    local x = leaf(1)
    local z = x * 1
    local y = Square.apply(z)
    z:add_(1)
    raises(function() y:sum():backward() end, "modified by an inplace operation")
  end)

  it("is freed by backward, unless the graph is kept", function()
    local x = leaf(1)
    local y = Square.apply(x)
    y:sum():backward { retain_graph = true }
    y:sum():backward()
    assert.same({ 4 }, list(x.grad))
    raises(function() y:sum():backward() end, "second time")
  end)

  it("inherits", function()
    local Twice = Square:extend("Twice")
    function Twice.forward(ctx, x) return 2 * Square.forward(ctx, x) end
    function Twice.backward(ctx, g) return 2 * Square.backward(ctx, g) end
    local x = leaf(3)
    Twice.apply(x):sum():backward()
    assert.same({ 12 }, list(x.grad))
    assert.equal("class Twice", tostring(Twice))
  end)

  it("may use backward inside its backward", function()
    local F = Function:extend("F")
    function F.forward(ctx, x)
      ctx:save_for_backward(x)
      return x ^ 3
    end
    function F.backward(ctx, g)
      local x = ctx.saved_tensors[1]:detach():requires_grad_()
      torch.enable_grad(function() (x ^ 3):sum():backward() end)
      return g * x.grad
    end
    local x = leaf(2)
    F.apply(x):sum():backward()
    assert.same({ 12 }, list(x.grad))
  end)
end)

describe("10,000 custom Functions in a chain", function()
  it("need no deep stack", function()
    local Next = Function:extend("Next")
    function Next.forward(_, x) return x + 1 end
    function Next.backward(_, g) return g end
    local x = leaf(0)
    local y = x
    for _ = 1, 10000 do y = Next.apply(y) end
    y:sum():backward()
    assert.same({ 10000 }, list(y))
    assert.same({ 1 }, list(x.grad))
  end)

  it("are let go without a deep stack", function()
    local result = helper.run_text([[
      local torch = require "torch"
      local x = torch.ones(1, { requires_grad = true })
      local Next = torch.autograd.Function:extend("Next")
      function Next.forward(ctx, a) ctx:save_for_backward(a) return a + 1 end
      function Next.backward(_, g) return g end
      local y = x
      for _ = 1, 10000 do y = Next.apply(y) end
      y = nil
      print "alive"
    ]], { before = "ulimit -s 256;" })
    assert.equal("", result.err)
    assert.equal("alive\n", result.out)
  end)
end)

describe("errors of a custom Function", function()
  local F, x
  before_each(function()
    F, x = Function:extend("Boom"), leaf(1, 2)
    function F.forward(ctx, a)
      ctx:save_for_backward(a)
      return a * 2
    end
  end)
  local function run() F.apply(x):sum():backward() end

  it("in backward add a traceback to a message", function()
    function F.backward() error("something is wrong") end
    local message = raises(run, "something is wrong")
    assert.truthy(message:find("function_spec.lua:%d+: something is wrong\nstack traceback:"))
    assert.truthy(message:find("in method 'backward'", 1, true))
  end)

  it("keep an object that was raised", function()
    local object = setmetatable({}, { __tostring = function() return "an object" end })
    function F.backward() error(object) end
    local ok, e = pcall(run)
    assert.is_false(ok)
    assert.is_true(rawequal(e, object))
    function F.forward() error(object) end
    ok, e = pcall(run)
    assert.is_false(ok)
    assert.is_true(rawequal(e, object))
    function F.backward() error(nil) end
    assert.is_false(pcall(run))
  end)

  it("in an operation inside backward name their line", function()
    function F.backward(_, g) return g + torch.ones(3) end
    raises(run, "function_spec%.lua:%d+: add: The size of tensor a %(2%) must match.-stack traceback:", true)
  end)

  it("in forward leave the mode as it was", function()
    function F.forward() error("in forward") end
    raises(run, "in forward")
    assert.is_true(torch.is_grad_enabled())
  end)

  it("are told for wrong gradients", function()
    function F.backward() end
    raises(run, "function BoomBackward returned an incorrect number of gradients (expected 1, got 0)")
    function F.backward(_, g) return g, g end
    raises(run, "returned an incorrect number of gradients (expected 1, got 2)")
    function F.backward() return 3 end
    raises(run, "returned an invalid gradient at index 1: expected Tensor or nil, got int")
    function F.backward() return torch.ones(3) end
    raises(run, "Function BoomBackward returned an invalid gradient at index 1")
    function F.backward(_, g) return g, nil, nil end
    run()
  end)

  it("are told for what is missing", function()
    raises(run, "You must implement the backward function for custom autograd.Function.")
    local Empty = Function:extend("Empty")
    raises(function() Empty.apply(x) end, "You must implement the forward function")
    raises(function() Function:extend(3) end, "the name of a function should be a string, got number")
    raises(function() torch._C.function_apply(3) end, "the class of a Function was expected, not int")
  end)

  it("are told for wrong calls of ctx", function()
    function F.forward(ctx, a)
      ctx:save_for_backward(a, 3)
      return a
    end
    raises(run, "save_for_backward can only save tensors, but argument 2 is of type int")
    function F.forward(ctx, a)
      ctx:save_for_backward(a, nil)
      return a * 1
    end
    local saved
    function F.backward(ctx, g)
      saved = ctx.saved_tensors
      return g
    end
    run()
    assert.equal(2, #saved)
    assert.equal(torch.none, saved[2])
  end)

  it("leave nothing behind", function()
    function F.backward() error("again") end
    for _ = 1, 20 do pcall(run) end
    local before = { torch._C.live() }
    for _ = 1, 20 do pcall(run) end
    assert.equal(0, torch._C.pooled())
    assert.is_true(select(3, torch._C.live()) - before[3] < 64 * 1024)
  end)
end)
