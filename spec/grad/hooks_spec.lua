-- Hooks: on results, on leaves, after accumulation; retain_grad; backward inside them.
local torch = require "torch"

local function list(t) return t:detach():flatten():tolist() end
local function leaf(...) return torch.tensor({ ... }, { dtype = torch.float64, requires_grad = true }) end

describe("a hook", function()
  it("sees and may replace the gradient of a result", function()
    local x = leaf(1, 2)
    local y = x * 3
    local seen
    local h = y:register_hook(function(g) seen = list(g); return g * 2 end)
    ; (y * y):sum():backward(nil, { retain_graph = true })
    assert.same({ 6, 12 }, seen)
    assert.same({ 36, 72 }, list(x.grad))
    h:remove()
    x.grad = nil
    ; (y * y):sum():backward()
    assert.same({ 18, 36 }, list(x.grad))
  end)

  it("on a leaf runs once, with the whole sum, before it is accumulated", function()
    local x = leaf(1)
    local calls, seen = 0, nil
    x:register_hook(function(g) calls = calls + 1; seen = g:item(); return g * 10 end)
    ; (x * 2 + x * 3 + x):backward()
    assert.equal(1, calls)
    assert.equal(6, seen)
    assert.same({ 60 }, list(x.grad))
  end)

  it("order is that of registration; one may remove itself", function()
    local x = leaf(1)
    local order, first = {}, nil
    first = x:register_hook(function() order[#order + 1] = "a"; first:remove() end)
    x:register_hook(function() order[#order + 1] = "b" end)
    ; (x * 2):backward()
    ; (x * 2):backward()
    assert.same({ "a", "b", "b" }, order)
  end)

  it("after accumulation gets the leaf", function()
    local x = leaf(2)
    local got
    x:register_post_accumulate_grad_hook(function(p) got = list(p.grad); p.grad = nil end)
    ; (x * x):backward()
    assert.same({ 4 }, got)
    assert.is_nil(x.grad)
  end)

  it("in autograd.grad changes the answer", function()
    local x = leaf(3)
    x:register_hook(function(g) return g * 2 end)
    assert.same({ 12 }, list(torch.autograd.grad(x * x, { x })[1]))
  end)

  it("may call backward itself", function()
    local x, w = leaf(3), leaf(5)
    local y = x * 2
    y:register_hook(function(g)
      local inner
      torch.enable_grad(function() inner = w * w * x:detach() end)
      inner:backward()
      return g + w.grad
    end)
    ; (y * y):backward()
    assert.same({ 30 }, list(w.grad))
    assert.same({ 2 * (12 + 30) }, list(x.grad))
  end)

  it("may run a backward through nodes that wait for the outer one", function()
    local x = leaf(2)
    local a = x * x                                      -- waits with one gradient when the hook runs
    local b = a * 3
    b:register_hook(function()
      local g = torch.autograd.grad(a, { x }, { retain_graph = true })[1]
      assert.same({ 4 }, list(g))
    end)
    local c = a * 5                                      -- newer than b: runs first, gives to a
    ; (b + c):backward()
    assert.same({ 32 }, list(x.grad))
  end)

  it("that fails leaves the leaves as they were", function()
    local x = leaf(2)
    local h = x:register_hook(function() error({ code = 7 }) end)
    local ok, e = pcall(function() (x * x):backward() end)
    assert.is_false(ok)
    assert.truthy(type(e) == "table" and e.code == 7 or tostring(e) ~= "")
    assert.is_nil(x.grad)
    h:remove()
    ; (x * x):backward()
    assert.same({ 4 }, list(x.grad))
  end)
end)

describe("retain_grad", function()
  it("keeps the gradient of a result", function()
    local x = leaf(1, 2)
    local y = x * 3
    y:retain_grad()
    y:retain_grad()
    assert.is_nil(y.grad)
    ; (y * y):sum():backward()
    assert.same({ 6, 12 }, list(y.grad))
  end)

  it("sees what hooks made of it", function()
    local x = leaf(1)
    local y = x * 3
    y:retain_grad()
    y:register_hook(function(g) return g * 100 end)
    y:backward()
    assert.same({ 100 }, list(y.grad))
    assert.same({ 300 }, list(x.grad))
  end)
end)
