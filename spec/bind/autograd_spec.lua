-- Modes and gradients as a script sees them: no_grad and its like in their two forms and in coroutines, hooks, fields,
-- arguments of backward and grad. The tape itself is held by spec/grad.
local helper = require "spec.support.helper"
local torch = require "torch"

local raises = helper.raises
local enabled = torch.is_grad_enabled
local function leaf(...) return torch.tensor({ ... }, { requires_grad = true }) end
local function list(x) return x:tolist() end

describe("the function form", function()
  it("runs a function in a mode and gives what it gives", function()
    assert.same({ 3, 1 }, { torch.no_grad(function(...) return select("#", ...), (...) end, 1, nil, nil) })
    assert.is_false(torch.no_grad(enabled))
    assert.is_true(enabled())
    local x = leaf(1.)
    assert.is_false(torch.no_grad(function() return x * 2 end).requires_grad)
    assert.is_true((x * 2).requires_grad)
  end)

  it("nests", function()
    local seen = {}
    torch.no_grad(function()
      seen[1] = enabled()
      torch.enable_grad(function()
        seen[2] = enabled()
        torch.no_grad(function() seen[3] = enabled() end)
        seen[4] = enabled()
      end)
      seen[5] = enabled()
    end)
    assert.same({ false, true, false, true, false }, seen)
    assert.is_true(enabled())
  end)

  it("goes back after an error, which stays the object it is", function()
    local object = {}
    local ok, e = pcall(torch.no_grad, function() error(object) end)
    assert.is_false(ok)
    assert.is_true(rawequal(e, object))
    assert.is_true(enabled())
    pcall(torch.inference_mode, function() return torch.ones(2) + torch.ones(3) end)
    assert.is_true(enabled())
    assert.is_false(torch.is_inference_mode_enabled())
  end)

  it("can't be left by a yield", function()
    local co = coroutine.create(function() torch.no_grad(function() coroutine.yield() end) end)
    local ok, e = coroutine.resume(co)
    assert.is_false(ok)
    assert.truthy(tostring(e):find("yield across a C-call boundary", 1, true))
    assert.is_true(enabled())
  end)

  it("takes callable tables", function()
    local f = setmetatable({}, { __call = function(_, a) return a, enabled() end })
    assert.same({ 5, false }, { torch.no_grad(f, 5) })
  end)

  it("refuses other things", function()
    raises(function() torch.no_grad(3) end, "no_grad(): argument 1 must be a function, not int")
    raises(function() torch.enable_grad {} end, "enable_grad(): argument 1 must be a function")
    raises(function() torch.set_grad_enabled() end, "argument 'mode' (position 1) must be bool")
  end)

  it("torch.no_grad()(f) gives f in that mode, as a decorator would", function()
    local f = torch.no_grad()(function(a) return a, enabled() end)
    assert.is_true(enabled())
    assert.same({ 7, false }, { f(7) })
    assert.is_true(enabled())
  end)
end)

describe("the <close> form", function()
  it("holds until the block ends", function()
    do
      local _ <close> = torch.no_grad()
      assert.is_false(enabled())
      do
        local _ <close> = torch.enable_grad()
        assert.is_true(enabled())
      end
      assert.is_false(enabled())
    end
    assert.is_true(enabled())
  end)

  it("holds until an error leaves the block", function()
    pcall(function()
      local _ <close> = torch.no_grad()
      error("away")
    end)
    assert.is_true(enabled())
    pcall(function()
      local _ <close> = torch.inference_mode()
      return torch.ones(2) + torch.ones(3)
    end)
    assert.is_true(enabled())
    assert.is_false(torch.is_inference_mode_enabled())
  end)

  it("of set_grad_enabled takes a value", function()
    do
      local _ <close> = torch.set_grad_enabled(false)
      assert.is_false(enabled())
      torch.set_grad_enabled(true)
      assert.is_true(enabled())
    end
    assert.is_true(enabled())
    torch.set_grad_enabled(false)
    assert.is_false(enabled())
    torch.set_grad_enabled(true)
    assert.is_false(torch.set_grad_enabled(false, enabled))
    assert.is_true(enabled())
  end)
end)

describe("coroutines", function()
  it("have a mode of their own in the <close> form", function()
    local co = coroutine.wrap(function()
      local _ <close> = torch.no_grad()
      coroutine.yield(enabled())
      coroutine.yield(enabled())
      return "end"
    end)
    assert.is_false(co())
    assert.is_true(enabled())
    assert.is_true((leaf(1.) * 2).requires_grad)
    assert.is_false(co())
    assert.equal("end", co())
    assert.is_true(enabled())
  end)

  it("that stand in a block don't touch each other", function()
    local function worker(mode)
      return coroutine.wrap(function()
        local _ <close> = mode()
        for _ = 1, 3 do coroutine.yield((leaf(1.) * 2).requires_grad) end
      end)
    end
    local off, on = worker(torch.no_grad), worker(torch.enable_grad)
    for _ = 1, 3 do
      assert.is_false(off())
      assert.is_true(on())
      assert.is_true((leaf(1.) * 2).requires_grad)
    end
  end)

  it("that are dropped in a block take their mode along", function()
    for _ = 1, 50 do
      coroutine.wrap(function()
        local _ <close> = torch.no_grad()
        coroutine.yield()
      end)()
    end
    assert.is_true(enabled())
  end)

  it("closed from outside leave the block", function()
    local co = coroutine.create(function()
      local _ <close> = torch.no_grad()
      coroutine.yield()
    end)
    coroutine.resume(co)
    assert.is_true(coroutine.close(co))
    assert.is_true(enabled())
  end)

  it("may close each other's blocks, and one twice", function()
    local guard, seen
    local co = coroutine.wrap(function()
      guard = torch.no_grad()
      coroutine.yield(enabled())
      seen = enabled()
    end)
    assert.is_false(co())
    do local _ <close> = guard end
    do local _ <close> = guard end
    assert.is_true(enabled())
    assert.is_false(torch.is_inference_mode_enabled())
    co()
    assert.is_true(seen)
    guard = torch.no_grad()
    coroutine.wrap(function() do local _ <close> = guard end end)()
    assert.is_true(enabled())
  end)

  it("have the decorator's form", function()
    coroutine.wrap(function()
      local f = torch.no_grad()(enabled)
      assert.is_true(enabled())
      assert.is_false(f())
      assert.is_true(enabled())
    end)()
  end)

  it("inherit the mode of the function form around them", function()
    local inside, outside
    local co = coroutine.wrap(function()
      inside = enabled()
      coroutine.yield()
      outside = enabled()
    end)
    torch.no_grad(co)
    co()
    assert.is_false(inside)
    assert.is_true(outside)
  end)
end)

describe("inference mode", function()
  it("makes tensors that autograd leaves alone", function()
    local x = leaf(1., 2.)
    local y = torch.inference_mode(function()
      assert.is_true(torch.is_inference_mode_enabled())
      assert.is_false(enabled())
      return x * 2
    end)
    assert.is_true(y:is_inference())
    assert.is_false(x:is_inference())
    assert.is_false(y.requires_grad)
    raises(function() y:add_(1) end, "Inplace update to inference tensor outside InferenceMode is not allowed")
    raises(function() return y * x end, "Inference tensors cannot be saved for backward")
    raises(function() y:requires_grad_() end, "inference tensor outside InferenceMode is not allowed")
    assert.is_false(y:clone():is_inference())
    assert.is_false(torch.inference_mode(false, function() return torch.ones(1) end):is_inference())
  end)

  it("has a <close> form", function()
    do
      local _ <close> = torch.inference_mode()
      assert.is_true(torch.ones(1):is_inference())
    end
    assert.is_false(torch.ones(1):is_inference())
  end)
end)

describe("backward", function()
  it("accumulates, takes a gradient, keeps the graph when told", function()
    local x = leaf(1., 2.)
    local y = x * x
    y:backward(torch.tensor { 1., 10. }, { retain_graph = true })
    assert.same({ 2, 40 }, list(x.grad))
    y:backward { gradient = torch.ones(2) }
    assert.same({ 4, 44 }, list(x.grad))
    raises(function() y:sum():backward() end, "Trying to backward through the graph a second time")
  end)

  it("into chosen inputs only", function()
    local a, b = leaf(2.), leaf(3.)
    ; (a * b):sum():backward { inputs = { a } }
    assert.same({ 3 }, list(a.grad))
    assert.is_nil(b.grad)
    raises(function() (a * b):sum():backward { inputs = {} } end, "cannot be empty")
  end)

  it("of several roots", function()
    local x = leaf(1., 2.)
    torch.autograd.backward({ (x * 2):sum(), x * 3 }, { torch.none, torch.ones(2) })
    assert.same({ 5, 5 }, list(x.grad))
  end)

  it("says what is wrong", function()
    local x = leaf(1., 2.)
    raises(function() (x * 2):backward() end, "grad can be implicitly created only for scalar outputs")
    raises(function() torch.ones(1):backward() end, "does not require grad and does not have a grad_fn")
    raises(function() (x * 2):backward(torch.ones(3)) end, "Mismatch in shape")
    raises(function() (x * 2):sum():backward { retain_grph = true } end, "did you mean 'retain_graph'?")
    raises(function() (x * 2):sum():backward(3) end, "argument 'gradient' (position 2) must be Tensor or nil, not int")
    raises(function() x:add_(1) end, "a leaf Variable that requires grad is being used in an in-place operation")
  end)
end)

describe("torch.autograd.grad", function()
  it("gives a list and leaves .grad alone", function()
    local a, b = leaf(2.), leaf(3.)
    local g = torch.autograd.grad((a * a * b):sum(), { a, b })
    assert.same({ { 12 }, { 4 } }, { list(g[1]), list(g[2]) })
    assert.is_nil(a.grad)
  end)

  it("differentiates again", function()
    local x = leaf(3.)
    local g = torch.autograd.grad((x ^ 3):sum(), x, { create_graph = true })[1]
    assert.same({ 27 }, list(g))
    assert.same({ 18 }, list(torch.autograd.grad(g:sum(), { x })[1]))
  end)

  it("knows unused inputs", function()
    local a, b = leaf(2.), leaf(3.)
    raises(function() torch.autograd.grad((a * 2):sum(), { b }) end, "appears to not have been used in the graph")
    assert.equal(torch.none, torch.autograd.grad((a * 2):sum(), { b }, { allow_unused = true })[1])
    assert.same({ 0 }, list(torch.autograd.grad((a * 2):sum(), { b }, { materialize_grads = true })[1]))
    raises(function() torch.autograd.grad((a * 2):sum(), {}) end, "grad requires non-empty inputs")
    raises(function() torch.autograd.grad((a * 2):sum()) end, "missing required argument 'inputs' (position 2)")
  end)
end)

describe("hooks from Lua", function()
  it("replace the gradient, are removed, or closed with the block", function()
    local x = leaf(1.)
    local y = x * 3
    do
      local _ <close> = y:register_hook(function(g) return g * 2 end)
      y:backward(nil, { retain_graph = true })
    end
    assert.same({ 6 }, list(x.grad))
    local handle = y:register_hook(function() error("never") end)
    handle:remove()
    handle:remove()
    y:backward()
    assert.same({ 9 }, list(x.grad))
  end)

  it("outlive their handle", function()
    local x, calls = leaf(1.), 0
    x:register_hook(function() calls = calls + 1 end)
    for _ = 1, 20 do (x * torch.ones(1)):backward() end
    assert.equal(20, calls)
  end)

  it("after accumulation run on leaves only", function()
    local x = leaf(2.)
    local got
    x:register_post_accumulate_grad_hook(function(p) got = p.grad:item() end)
    ; (x * x):backward()
    assert.equal(4, got)
    raises(function() (x * 2):register_post_accumulate_grad_hook(print) end, "cannot be registered on non-leaf tensors")
  end)

  it("are checked", function()
    local x = leaf(1., 2.)
    raises(function() torch.ones(2):register_hook(print) end, "doesn't require gradient")
    raises(function() x:register_hook(3) end, "argument 'hook' (position 2) must be function, not int")
    local function backward_with(hook)
      local y = x * 2
      y:register_hook(hook)
      y:sum():backward()
    end
    raises(function() backward_with(function() return 3 end) end, "a hook must return a Tensor or nil, not int")
    raises(function() backward_with(function() return torch.ones(3) end) end, "hook has changed the size of value")
    raises(function() backward_with(function() return torch.ones(2):double() end) end, "hook has changed the type of value")
    local message = raises(function() backward_with(function() error("from the hook") end) end, "from the hook")
    assert.truthy(message:find("stack traceback:", 1, true))
    local object = {}
    local _, e = pcall(backward_with, function() error(object) end)
    assert.is_true(rawequal(object, e))
    assert.equal(0, torch._C.pooled())
  end)
end)

describe("fields about gradients", function()
  it("can be read and set", function()
    local x = torch.ones(2)
    assert.is_true(rawequal(x, x:requires_grad_()))
    x.requires_grad = false
    assert.is_false(x.requires_grad)
    x.requires_grad = true
    local y = x * 2
    assert.is_false(y.is_leaf)
    assert.is_nil(y.grad)
    y:retain_grad()
    y:sum():backward()
    assert.same({ 1, 1 }, list(y.grad))
    x.grad = nil
    assert.is_nil(x.grad)
    x.grad = torch.ones(2)
    assert.same({ 1, 1 }, list(x.grad))
    raises(function() x.grad = torch.ones(3) end, "attempting to assign a gradient of size '[3]' to a tensor of size '[2]'")
    raises(function() x.grad = torch.ones(2):double() end, "gradient")
    raises(function() y.requires_grad = false end, "you can only change requires_grad flags of leaf variables")
    raises(function() torch.arange(2):requires_grad_() end, "only Tensors of floating point dtype can require gradients")
  end)

  it("data shares memory and is not recorded", function()
    local x = leaf(1., 2.)
    x.data:mul_(3)
    assert.same({ 3, 6 }, list(x))
    x.data = torch.tensor { 7., 8., 9. }
    assert.same({ 7, 8, 9 }, list(x))
    assert.is_true(x.requires_grad)
    raises(function() x.data = 3 end, "x.data must be a Tensor, not int")
  end)

  it("grad_fn leads through the graph", function()
    local x = leaf(1.)
    local y = (x * 2 + 1):sum()
    local add = y.grad_fn.next_functions[1][1]
    assert.equal("SumBackward0", y.grad_fn:name())
    assert.equal("AddBackward0", add:name())
    assert.equal("MulBackward0", add.next_functions[1][1]:name())
    assert.equal("AccumulateGrad", add.next_functions[1][1].next_functions[1][1]:name())
    assert.equal(torch.none, add.next_functions[2] and add.next_functions[2][1] or torch.none)
    assert.equal(y.grad_fn, y.grad_fn)
  end)
end)
