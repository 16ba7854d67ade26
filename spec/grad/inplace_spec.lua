-- In-place forms and out=: same numbers and gradients as the plain forms, and what is refused.
local torch = require "torch"
local helper = require "spec.support.helper"

local function list(t) return t:detach():flatten():tolist() end

local function fails(text, f) helper.raises(f, text) end

local function leaf() return torch.tensor({ 0.5, 1.5, 2.5 }, { dtype = torch.float64, requires_grad = true }) end

describe("an in-place operation", function()
  it("has the gradients of the plain one", function()
    local forms = {
      add = { 2 }, sub = { 2 }, mul = { 3 }, div = { 4 }, pow = { 3 }, exp = {}, log = {}, sqrt = {}, sin = {}, cos = {},
      tanh = {}, sigmoid = {}, relu = {}, neg = {}, abs = {}, clamp = { 1, 2 },
    }
    for name, arguments in pairs(forms) do
      local a, b = leaf(), leaf()
      local plain = (a * 1)[name](a * 1, table.unpack(arguments))
      local x = b * 1
      local same = x[name .. "_"](x, table.unpack(arguments))
      assert.is_true(rawequal(same, x) or same == x, name)
      assert.same(list(plain), list(x), name)
      ; (plain * plain):sum():backward()
      ; (x * x):sum():backward()
      assert.same(list(a.grad), list(b.grad), name)
    end
  end)

  it("keeps what it overwrites when that is needed", function()
    local a, b = leaf(), leaf()
    local x = a * 1
    x:mul_(b)
    x:mul_(x)
    x:sum():backward()                                   -- (a b)^2
    local av = list(a)
    for i = 1, 3 do
      assert.near(2 * av[i] ^ 3, list(a.grad)[i], 1e-12)
      assert.near(2 * av[i] ^ 3, list(b.grad)[i], 1e-12)
    end
  end)

  it("may read what it writes itself, but no other part of it", function()
    local x = torch.arange(4, { dtype = torch.float64 })
    for _, write in ipairs{ function() x[{ { 2, 4 } }]:add_(x[{ { 1, 3 } }]) end, function() x:div_(x[2]) end,
                            function() x:view(2, 2):add_(x:view(2, 2):t()) end,
                            function() torch.mul(x[{ { 1, 3 } }], 2, { out = x[{ { 2, 4 } }] }) end } do
      fails("some elements of the input tensor and the written-to tensor refer to a single memory location. Please clone() "
        .. "the tensor before performing the operation.", write)
    end
    assert.same({ 0, 1, 2, 3 }, list(x))
    x:add_(x):add_(x:view(4))
    assert.same({ 0, 4, 8, 12 }, list(x))
    local y = torch.arange(6, { dtype = torch.float64 })
    y[{ { 2, 6, 2 } }]:add_(y[{ { 1, 5, 2 } }])
    assert.same({ 0, 1, 2, 5, 4, 9 }, list(y))
  end)

  it("may not change sizes or lower the class of the dtype", function()
    fails("output with shape [2] doesn't match the broadcast shape [2, 2]", function() torch.ones(2):add_(torch.ones(2, 2)) end)
    fails("result type float32 can't be cast to the desired output type int64", function()
      torch.ones(2, { dtype = torch.int64 }):add_(torch.ones(2))
    end)
    local h = torch.ones(2, { dtype = torch.float32 })
    h:add_(torch.ones(2, { dtype = torch.float64 }))
    assert.equal(torch.float32, h.dtype)
    assert.same({ 2, 2 }, list(h))
  end)

  it("moves retain_grad along", function()
    local a = leaf()
    local h = a * 1
    h:retain_grad()
    h:mul_(2)
    h:sum():backward()
    assert.same({ 1, 1, 1 }, list(h.grad))
  end)

  it("on sizes alone keeps history", function()
    local a = torch.tensor({ { 1, 2, 3 }, { 4, 5, 6 } }, { dtype = torch.float64, requires_grad = true })
    local x = a * 1
    x:t_()
    assert.same({ 3, 2 }, { x:size(1), x:size(2) })
    x[1]:sum():backward()
    assert.same({ 1, 0, 0, 1, 0, 0 }, list(a.grad))
  end)
end)

describe("out=", function()
  it("writes into a tensor of the result's size and resizes others", function()
    local a = torch.tensor { 1.0, 2, 3 }
    local o = torch.zeros(3)
    local r = torch.add(a, a, { out = o })
    assert.is_true(rawequal(r, o))
    assert.same({ 2, 4, 6 }, list(o))
    o = torch.zeros(1)
    torch.mul(a, a, { out = o })
    assert.same({ 1, 4, 9 }, list(o))
    o = torch.zeros(3, { dtype = torch.float64 })
    torch.add(a, 1, { out = o })
    assert.equal(torch.float64, o.dtype)
    assert.same({ 2, 3, 4 }, list(o))
  end)

  it("may be an operand", function()
    local a = torch.tensor { { 1.0, 2 }, { 3, 4 } }
    torch.mm(a, a, { out = a })
    assert.same({ 7, 10, 15, 22 }, list(a))
  end)

  it("doesn't record", function()
    local a = torch.ones(3, { requires_grad = true })
    fails("add(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.",
      function() torch.add(a, a, { out = torch.zeros(3) }) end)
    local o = torch.zeros(3)
    torch.no_grad(function() torch.add(a, a, { out = o }) end)
    assert.same({ 2, 2, 2 }, list(o))
    fails("result type float32 can't be cast to the desired output type int64", function()
      torch.add(torch.ones(2), 1, { out = torch.zeros(2, { dtype = torch.int64 }) })
    end)
  end)
end)
