-- The tape: who gets which gradient, what is freed when, and what is refused.
local torch = require "torch"
local helper = require "spec.support.helper"

local function list(t) return t:detach():flatten():tolist() end

local function leaf(values, options)
  options = options or {}
  return torch.tensor(values, { dtype = options.dtype or torch.float64, requires_grad = true })
end

local function fails(text, f) helper.raises(f, text) end

describe("backward", function()
  it("gives to leaves and accumulates", function()
    local a, b = leaf { 1, 2, 3 }, leaf { 4, 5, 6 }
    local y = (a * b + a):sum()
    y:backward()
    assert.same({ 5, 6, 7 }, list(a.grad))
    assert.same({ 1, 2, 3 }, list(b.grad))
    local kept = a.grad
    ; (a * 2):sum():backward()
    assert.same({ 7, 8, 9 }, list(a.grad))
    assert.same({ 7, 8, 9 }, list(kept))                 -- the same tensor, added to in place
    a.grad = nil
    assert.is_nil(a.grad)
  end)

  it("sums what flows in from several uses", function()
    local x = leaf { 2 }
    local y = x * x * x + x
    y:backward()
    assert.same({ 13 }, list(x.grad))
  end)

  it("sums broadcast dims and casts to the input's dtype", function()
    local w, b = leaf { { 1, 2, 3 }, { 4, 5, 6 } }, leaf({ 1, 1, 1 }, { dtype = torch.float32 })
    local s = leaf(2)
    ; ((w + b) * s):sum():backward()
    assert.equal(torch.float32, b.grad.dtype)
    assert.same({ 4, 4, 4 }, list(b.grad))
    assert.same({ 27 }, list(s.grad))
    assert.same({}, s.grad.shape)
  end)

  it("takes a gradient for results that are no scalar", function()
    local x = leaf { 1, 2 }
    ; (x * 3):backward(torch.tensor({ 1, 10 }, { dtype = torch.float64 }))
    assert.same({ 3, 30 }, list(x.grad))
    fails("grad can be implicitly created only for scalar outputs", function() (x * 3):backward() end)
    fails("Mismatch in shape: grad_output[0] has a shape of [3] and output[0] has a shape of [2]", function()
      (x * 3):backward(torch.ones(3))
    end)
    fails("element 0 of tensors does not require grad and does not have a grad_fn", function() torch.ones(1):backward() end)
  end)

  it("of a leaf gives it one", function()
    local x = leaf(3)
    x:backward()
    assert.same({ 1 }, list(x.grad))
  end)

  it("takes several roots", function()
    local x = leaf { 1, 2 }
    torch.autograd.backward({ (x * 2):sum(), (x * x):sum() })
    assert.same({ 4, 6 }, list(x.grad))
  end)

  it("gives x.grad its own dense memory", function()
    local x, y = leaf { { 1, 2 }, { 3, 4 } }, leaf { { 1, 2 }, { 3, 4 } }
    ; (x + y):sum():backward()
    assert.is_true(x.grad:is_contiguous())
    x.grad:fill_(7)
    assert.same({ 1, 1, 1, 1 }, list(y.grad))
    local g = torch.ones(2, 2, { dtype = torch.float64 })
    x.grad = nil
    x:backward(g)
    g:fill_(9)
    assert.same({ 1, 1, 1, 1 }, list(x.grad))
  end)

  it("does nothing to what wants none", function()
    local x, c = leaf { 1 }, torch.ones(1)
    local d = (x * c):detach()
    assert.is_false(d.requires_grad)
    ; (x * c):sum():backward()
    assert.is_nil(c.grad)
    local y = torch.no_grad(function() return x * 2 end)
    assert.is_false(y.requires_grad)
  end)

  it("of integers is never asked", function()
    local x = leaf { 3, 1, 2 }
    assert.is_false((x:argmax()).requires_grad)
    assert.is_false(x:gt(1).requires_grad)
    fails("only Tensors of floating point dtype can require gradients", function() torch.arange(3):requires_grad_() end)
    local values, where = x:max(1)
    assert.is_true(values.requires_grad)
    assert.is_false(where.requires_grad)
    values:backward()
    assert.same({ 1, 0, 0 }, list(x.grad))
  end)

  it("knows leaves", function()
    local x = leaf { 1 }
    local y = x * 2
    assert.is_true(x.is_leaf)
    assert.is_false(y.is_leaf)
    fails("you can only change requires_grad flags of leaf variables", function() y:requires_grad_(false) end)
    x:requires_grad_(false)
    assert.is_false((x * 2).requires_grad)
  end)
end)

describe("the graph", function()
  it("is freed by backward and kept by retain_graph", function()
    local x = leaf { 2 }
    local y = x * x
    y:backward(nil, { retain_graph = true })
    y:backward()
    assert.same({ 8 }, list(x.grad))
    fails("Trying to backward through the graph a second time", function() y:backward() end)
    fails("Trying to backward through the graph a second time", function() torch.autograd.grad(y, x) end)
    assert.same({ 8 }, list(x.grad))
  end)

  it("without saved tensors may be run again", function()
    local x = leaf { 2 }
    local y = (x + 1):sum()
    y:backward()
    y:backward()
    assert.same({ 2 }, list(x.grad))
  end)

  it("may be dropped while parts of it live", function()
    local x = leaf { 1 }
    local y
    do
      local t = x
      for _ = 1, 100 do t = t * 1.01 end
      y = t
    end
    local z = y * 2
    z:backward()
    assert.near(2 * 1.01 ^ 100, x.grad:item(), 1e-12)
  end)

  it("refuses saved tensors that were changed since", function()
    local a = torch.ones(3, 3, { requires_grad = true })
    local y = a * 2
    local z = (y * y):sum()
    y:add_(1)
    fails("one of the variables needed for gradient computation has been modified by an inplace operation: [float32 [3, 3]], " ..
      "which is output 0 of MulBackward0, is at version 1; expected version 0 instead.", function() z:backward() end)
    local e = a:exp()
    e:add_(1)
    fails("which is output 0 of ExpBackward0, is at version 1", function() e:sum():backward() end)
    local w = torch.ones(2, { requires_grad = true })
    z = (w * torch.ones(2, { requires_grad = true })):sum()
    torch.no_grad(function() w:add_(1) end)
    fails("[float32 [2]] is at version 1; expected version 0 instead.", function() z:backward() end)
  end)

  it("survives an error in the middle", function()
    local x = leaf { 1, 2 }
    local y = x * 2
    local h = y:register_hook(function() error("from the hook") end)
    local z = (y * y):sum()
    fails("from the hook", function() z:backward(nil, { retain_graph = true }) end)
    assert.is_true(torch.is_grad_enabled())
    assert.is_nil(x.grad)
    h:remove()
    z = (y * y):sum()
    z:backward()
    assert.same({ 8, 16 }, list(x.grad))
  end)
end)

describe("autograd.grad", function()
  it("answers for leaves and for results, and accumulates nothing", function()
    local x = leaf { 1, 2 }
    local y = x * x
    local z = (y * 3):sum()
    local g = torch.autograd.grad(z, { x, y, z })
    assert.same({ 6, 12 }, list(g[1]))
    assert.same({ 3, 3 }, list(g[2]))
    assert.same({ 1 }, list(g[3]))
    assert.is_nil(x.grad)
  end)

  it("runs only what leads to the inputs", function()
    local x, w = leaf { 1 }, leaf { 2 }
    local called = 0
    local side = w * w
    side:register_hook(function() called = called + 1 end)
    local z = x * x + side
    assert.same({ 2 }, list(torch.autograd.grad(z, { x })[1]))
    assert.equal(0, called)
    side:sum():backward()                                -- that side was not freed
    assert.same({ 4 }, list(w.grad))
  end)

  it("refuses inputs that were not used", function()
    local x, u = leaf { 1 }, leaf { 2 }
    fails("appears to not have been used in the graph", function() torch.autograd.grad((x * x):sum(), { u }) end)
    fails("One of the differentiated Tensors does not require grad", function()
      torch.autograd.grad((x * x):sum(), { torch.ones(1) })
    end)
    local g = torch.autograd.grad((x * x):sum(), { x, u }, { allow_unused = true })
    assert.same({ 2 }, list(g[1]))
    assert.equal(torch.none, g[2])
  end)

  it("takes gradients of the outputs", function()
    local x = leaf { 1, 2 }
    local g = torch.autograd.grad({ x * 2, x * x }, { x }, {
      grad_outputs = { torch.tensor({ 1, 0 }, { dtype = torch.float64 }), torch.tensor({ 0, 1 }, { dtype = torch.float64 }) },
    })
    assert.same({ 2, 4 }, list(g[1]))
  end)
end)

describe("inference mode", function()
  it("makes tensors that can't be recorded", function()
    local i = torch.inference_mode(function() return torch.ones(3) end)
    local a = torch.ones(3, { requires_grad = true })
    fails("Inference tensors cannot be saved for backward", function() return a * i end)
    fails("Inplace update to inference tensor outside InferenceMode is not allowed", function() i:add_(1) end)
    fails("Setting requires_grad=true on inference tensor", function() i:requires_grad_() end)
    assert.is_true((a + i).requires_grad)
    assert.is_true((a * i:clone()).requires_grad)
  end)
end)
