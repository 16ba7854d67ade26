-- Proof 5, the tape: nodes with several results, undefined gradients, second derivatives through saved
-- inputs and results, a chain of a million nodes under a small stack, and the peak of a deep net.
local torch = require "torch"
local helper = require "spec.support.helper"

local function list(t) return t:detach():flatten():tolist() end
local function leaf(...) return torch.tensor({ ... }, { dtype = torch.float64, requires_grad = true }) end

describe("a node with three results", function()
  local Powers = torch.autograd.Function:extend("Powers")
  local seen

  function Powers.forward(ctx, x)
    local square = x * x
    local cube = square * x
    ctx:save_for_backward(x, square)
    return x * 1, square, cube
  end

  function Powers.backward(ctx, g1, g2, g3)
    local x, square = table.unpack(ctx.saved_tensors)
    seen = { g1, g2, g3 }
    return g1 + g2 * 2 * x + g3 * 3 * square
  end

  it("sums what its results get", function()
    local x = leaf(1, 2)
    local a, b, c = Powers.apply(x)
    ; (a + b * 10 + c * 100):sum():backward()
    assert.same({ 1 + 20 + 300, 1 + 40 + 1200 }, list(x.grad))
  end)

  it("takes unused results for zero", function()
    local x = leaf(1, 2)
    local _, b = Powers.apply(x)
    b:sum():backward()
    assert.same({ 2, 4 }, list(x.grad))
    for _, g in ipairs { seen[1], seen[3] } do assert.same({ 0, 0 }, list(g)) end
  end)

  it("has second derivatives through what it saved, inputs and results", function()
    local x = leaf(1, 2)
    local _, b, c = Powers.apply(x)
    local g = torch.autograd.grad((b + c):sum(), { x }, { create_graph = true })[1]
    assert.same({ 5, 16 }, list(g))
    local second = torch.autograd.grad(g:sum(), { x })[1]
    assert.same({ 2 + 6, 2 + 12 }, list(second))
  end)
end)

describe("undefined gradients", function()
  it("stop where a rule gives none", function()
    local Stop = torch.autograd.Function:extend("Stop")
    function Stop.forward(_, x, y) return x + y end
    function Stop.backward(_, g) return g, nil end
    local x, y = leaf(1), leaf(2)
    local z = y * 3
    local called = false
    z:register_hook(function() called = true end)
    Stop.apply(x, z):backward()
    assert.same({ 1 }, list(x.grad))
    assert.is_nil(y.grad)
    assert.is_false(called)
  end)

  it("are errors of the right kind", function()
    local Bad = torch.autograd.Function:extend("Bad")
    function Bad.forward(_, x) return x * 2 end
    function Bad.backward() return torch.ones(5) end
    local x = leaf(1, 2, 3)
    helper.raises(function() Bad.apply(x):sum():backward() end, "returned an invalid gradient at index 1 - got [5] but expected " ..
      "shape compatible with [3]")
    assert.is_nil(x.grad)
  end)
end)

describe("a million nodes", function()
  -- the stack holds a few frames of C only if nothing recurses over the graph
  local function child(text)
    local r = helper.run_text(text, { before = "ulimit -s 256;" })
    assert.equal(0, r.code or -1, r.err .. r.out)
    return r.out
  end

  it("in a chain go backward", function()
    assert.equal("1\n", child [[
      local torch = require "torch"
      local x = torch.ones(1, { requires_grad = true })
      local y = x
      for _ = 1, 1000000 do y = y + 0.5 end
      y:backward()
      print(x.grad:item() == 1 and 1 or x.grad:item())
    ]])
  end)

  it("in a chain with saved tensors go backward", function()
    assert.equal("1\n", child [[
      local torch = require "torch"
      local x = torch.ones(1, { requires_grad = true })
      local y = x
      local one = torch.ones(1, { requires_grad = true })
      for _ = 1, 300000 do y = y * one end
      y:backward()
      print(x.grad:item() == 1 and one.grad:item() == 300000 and 1 or 0)
    ]])
  end)

  it("in a chain are dropped without backward", function()
    assert.equal("1\n", child [[
      local torch = require "torch"
      local x = torch.ones(1, { requires_grad = true })
      local y = x
      for _ = 1, 1000000 do y = y * 1 end
      y = nil
      print(1)
    ]])
  end)

  it("in a chain are searched for a leaf", function()
    assert.equal("1\n", child [[
      local torch = require "torch"
      local x = torch.ones(1, { requires_grad = true })
      local y = x
      for _ = 1, 300000 do y = y + 1 end
      print(torch.autograd.grad(y, { x })[1]:item() == 1 and 1 or 0)
    ]])
  end)
end)

describe("a deep net", function()
  it("frees activations while gradients grow", function()
    local layers, width, batch = 50, 256, 64
    local weights = {}
    for i = 1, layers do
      weights[i] = torch.randn(width, width):mul_(0.05):requires_grad_()
    end
    local x = torch.randn(batch, width)
    local h = x
    for i = 1, layers do h = h:mm(weights[i]):tanh() end
    local loss = h:sum()
    h = nil                                              -- luacheck: ignore
    local gradients = layers * width * width * 4
    local activation = batch * width * 4
    torch.memory.reset_peak()
    local before = torch.memory.allocated()
    loss:backward()
    local grown = torch.memory.max_allocated() - before
    -- freed only at the end it would be all gradients and three temporaries a layer more
    assert.is_true(grown <= gradients + 4 * activation, ("peak %d above %d"):format(grown, gradients))
    assert.is_not_nil(weights[1].grad)
  end)

  it("drains while the graph is retained", function()
    local layers, width, batch = 20, 64, 256
    local weights = {}
    for i = 1, layers do weights[i] = torch.randn(width, width):mul_(0.1):requires_grad_() end
    local h = torch.randn(batch, width)
    for i = 1, layers do h = h:mm(weights[i]):tanh() end
    local loss = h:sum()
    h = nil                                              -- luacheck: ignore
    torch.memory.reset_peak()
    local before = torch.memory.allocated()
    loss:backward(nil, { retain_graph = true })
    local grown = torch.memory.max_allocated() - before
    assert.is_true(grown <= layers * width * width * 4 + 5 * batch * width * 4, "peak " .. grown)
  end)
end)
