-- Views and writing through them.  The figures are PyTorch's.
local torch = require "torch"
local helper = require "spec.support.helper"

local function list(t) return t:detach():flatten():tolist() end

local function count(first, n, ...)
  return torch.arange(first, first + n, { dtype = torch.float64 }):reshape(...):clone():requires_grad_()
end

local function square(f) return count(f or 1, 9, 3, 3) end
local function row(f) return count(f, 3, 3) end

local function fails(text, f) helper.raises(f, text) end

describe("in place through a view", function()
  local w = square():detach()
  local function loss(x) return (x * x * w):sum() end

  it("1: a row", function()
    local a = square()
    local x = a:clone()
    x[2]:mul_(2)
    loss(x):backward()
    assert.same({ 2, 8, 18, 128, 200, 288, 98, 128, 162 }, list(a.grad))
  end)

  it("2: a transposed whole, adding what wants a gradient", function()
    local a, b = square(), square(2)
    local x = a:clone()
    x:t():add_(b)
    loss(x):backward()
    assert.same({ 6, 28, 66, 56, 110, 180, 154, 240, 342 }, list(a.grad))
    assert.same({ 6, 56, 154, 28, 110, 240, 66, 180, 342 }, list(b.grad))
  end)

  it("3: a diagonal", function()
    local a, c = square(), row(5)
    local x = a:clone()
    x:diagonal():mul_(c)
    loss(x):backward()
    assert.same({ 50, 8, 18, 32, 1800, 72, 98, 128, 7938 }, list(a.grad))
    assert.same({ 10, 1500, 10206 }, list(c.grad))
  end)

  it("4: a view of a view, read through the first view", function()
    local a, c = square(), row(5)
    local x = a:clone()
    local u = x:t()
    u[3]:mul_(c)
    loss(u):backward()
    assert.same({ 2, 16, 1050, 16, 50, 3456, 42, 96, 7938 }, list(a.grad))
    assert.same({ 630, 3456, 10206 }, list(c.grad))
  end)

  it("5: the base after the view was made", function()
    local a = square()
    local x = a:clone()
    local v = x[1]
    x:mul_(3)
    ; (v * v):sum():backward()
    assert.same({ 18, 36, 54, 0, 0, 0, 0, 0, 0 }, list(a.grad))
  end)

  it("6: a twin view", function()
    local a = square()
    local x = a:clone()
    local v, u = x[1], x[1]
    v:mul_(3)
    ; (u * u):sum():backward()
    assert.same({ 18, 36, 54, 0, 0, 0, 0, 0, 0 }, list(a.grad))
  end)

  it("7: refused for a view made in no_grad", function()
    local x = square():clone()
    local v = torch.no_grad(function() return x[1] end)
    fails("A view was created in no_grad mode and is being modified inplace with grad mode enabled", function() v:mul_(2) end)
    torch.no_grad(function() v:mul_(2) end)
    local plain = torch.ones(2, 2)
    local p = torch.no_grad(function() return plain[1] end)
    p:mul_(2)                                            -- nothing is recorded: fine
    fails("A view was created in no_grad mode", function() p:mul_(torch.ones(2, { requires_grad = true })) end)
  end)

  it("8: refused for leaves and views of leaves", function()
    local a = square()
    fails("a leaf Variable that requires grad is being used in an in-place operation.", function() a:mul_(2) end)
    fails("a view of a leaf Variable that requires grad is being used in an in-place operation.", function() a[1]:mul_(2) end)
    fails("a leaf Variable that requires grad is being used in an in-place operation.", function() a:t_() end)
    torch.no_grad(function() a[1]:mul_(2) end)
    assert.same({ 2, 4, 6, 4, 5, 6, 7, 8, 9 }, list(a))
  end)

  it("9: makes saved tensors stale", function()
    local x = square():clone()
    local b = x * x
    x[1]:mul_(2)
    fails("has been modified by an inplace operation", function() b:sum():backward() end)
  end)

  it("10: into a base without history", function()
    local x, c = square():detach(), row(5)
    x[2]:mul_(c)
    assert.is_true(x.requires_grad)
    loss(x):backward()
    assert.same({ 640, 1500, 3024 }, list(c.grad))
  end)

  it("11: twice, nested", function()
    local a, c = square(), row(5)
    local x = a:clone()
    x[2]:mul_(c)
    x[2][{ { 3, 3 } }]:mul_(4)
    loss(x):backward()
    assert.same({ 2, 8, 18, 800, 1800, 56448, 98, 128, 162 }, list(a.grad))
    assert.same({ 640, 1500, 48384 }, list(c.grad))
  end)

  it("12: second order", function()
    local a, c = square(), row(5)
    local x = a:clone()
    x[2]:mul_(c)
    local g = torch.autograd.grad((x * x * (x * w)):sum(), { a, c }, { create_graph = true })
    local s = (g[1] * g[1]):sum() + (g[2] * g[2]):sum()
    local d = torch.autograd.grad(s, { a, c })
    -- by hand: L = sum w (a m)^3 with m = c in row 2 and 1 elsewhere
    local da, dc = {}, { 0, 0, 0 }
    local av, cv = a:detach():flatten():tolist(), c:detach():tolist()
    for i = 1, 9 do
      local m = (i >= 4 and i <= 6) and cv[i - 3] or 1
      local wi, ai = i, av[i]
      local ga = 3 * wi * ai ^ 2 * m ^ 3
      da[i] = 2 * ga * 6 * wi * ai * m ^ 3
      if i >= 4 and i <= 6 then
        local gc = 3 * wi * ai ^ 3 * m ^ 2
        da[i] = da[i] + 2 * gc * 9 * wi * ai ^ 2 * m ^ 2
        dc[i - 3] = 2 * ga * 9 * wi * ai ^ 2 * m ^ 2 + 2 * gc * 6 * wi * ai ^ 3 * m
      end
    end
    for i = 1, 9 do assert.near(1, list(d[1])[i] / da[i], 1e-12) end
    for i = 1, 3 do assert.near(1, list(d[2])[i] / dc[i], 1e-12) end
  end)

  it("kills the gradient of what was overwritten", function()
    local a, b = square(), row(2)
    local x = a:clone()
    x[1]:copy_(b)
    x[{ 3 }]:fill_(1)
    x:sum():backward()
    assert.same({ 0, 0, 0, 1, 1, 1, 0, 0, 0 }, list(a.grad))
    assert.same({ 1, 1, 1 }, list(b.grad))
    local y = a * 2
    y:zero_()
    assert.is_true(y.requires_grad)
    a.grad = nil
    ; (y * 3):sum():backward()
    assert.same({ 0, 0, 0, 0, 0, 0, 0, 0, 0 }, list(a.grad))
  end)

  it("is refused for views that come several at a time", function()
    local x = square() * 1
    fails("This view is the output of a function that returns multiple views", function() x:chunk(3)[1]:mul_(2) end)
    fails("This view is the output of a function that returns multiple views", function() x:unbind()[1]:mul_(2) end)
    fails("This view is the output of a function that returns multiple views", function() x:split(1)[2]:mul_(2) end)
    local plain = torch.ones(3, 3)
    plain:chunk(3)[1]:mul_(2)
    assert.same({ 2, 2, 2, 1, 1, 1, 1, 1, 1 }, list(plain))
  end)

  it("makes views that it can't follow unreadable", function()
    local x = square() * 1
    local part = x:chunk(3)[1]
    local shadow = torch.no_grad(function() return x[1] end)
    x:mul_(2)
    fails("is a view and its base or another view of its base has been modified inplace", function() return part * 2 end)
    fails("A view was created in no_grad mode and its base or another view of its base has been modified inplace",
      function() return shadow * 2 end)
    assert.same({ 4, 8, 12 }, list(torch.no_grad(function() return shadow * 2 end)))
  end)

  it("is refused where elements overlap", function()
    fails("more than one element of the written-to tensor refers to a single memory location", function()
      torch.zeros(1):expand(3):add_(1)
    end)
    assert.same({ 5, 5, 5 }, list(torch.zeros(1):expand(3):fill_(5)))    -- one value fits all
  end)

  it("survives retain_graph", function()
    local a, c = square(), row(5)
    local x = a:clone()
    x[2]:mul_(c)
    local l = loss(x)
    l:backward(nil, { retain_graph = true })
    local first = list(c.grad)
    c.grad = nil
    l:backward()
    assert.same(first, list(c.grad))
    fails("Trying to backward through the graph a second time", function() l:backward() end)
  end)

  it("keeps layouts: an expanded gradient, a transposed base", function()
    local a, c = square(), row(5)
    local x = a:t():clone()                              -- column-major in memory
    x[2]:mul_(c)
    x:sum():backward()
    assert.same({ 1, 5, 1, 1, 6, 1, 1, 7, 1 }, list(a.grad))
    assert.same({ 2, 5, 8 }, list(c.grad))
  end)
end)

describe("views", function()
  it("share memory, versions and history", function()
    local a = square()
    local x = a * 1
    local v = x:t()[{ {}, { 1, 2 } }]
    assert.is_true(v.requires_grad)
    ; (v * v):sum():backward()
    assert.same({ 2, 4, 6, 8, 10, 12, 0, 0, 0 }, list(a.grad))
  end)

  it("of an expanded tensor add up", function()
    local b = row(1)
    local e = b:expand(4, 3)
    ; (e * e):sum():backward()
    assert.same({ 8, 16, 24 }, list(b.grad))
  end)

  it("stay right when the root is written in no_grad", function()
    local a = square()
    local v = a[1]
    torch.no_grad(function() a:add_(1) end)
    ; (v * v):sum():backward()
    assert.same({ 4, 6, 8, 0, 0, 0, 0, 0, 0 }, list(a.grad))
  end)

  it("of detached tensors have no history but the same memory", function()
    local a = square()
    local d = a:detach()
    d[1]:fill_(0)
    assert.same({ 0, 0, 0, 4, 5, 6, 7, 8, 9 }, list(a))
    assert.is_false(d.requires_grad)
  end)
end)
