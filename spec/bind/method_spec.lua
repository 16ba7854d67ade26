-- the spellings of an operation: method, function, in place, operator, keywords, out=
local helper = require "spec.support.helper"

local function list(t) return t:tolist() end

describe("an operation", function()
  local a, b
  before_each(function() a, b = torch.tensor{1., 2, 3}, torch.tensor{4., 5, 6} end)

  it("is a method, a function and an in-place method", function()
    assert.are.same({5, 7, 9}, list(a:add(b)))
    assert.are.same({5, 7, 9}, list(torch.add(a, b)))
    assert.are.equal(a, a:add_(b))
    assert.are.same({5, 7, 9}, list(a))
  end)

  it("takes keywords in a trailing table, with or without positions", function()
    assert.are.same({9, 12, 15}, list(a:add(b, {alpha = 2})))
    assert.are.same({9, 12, 15}, list(torch.add{self = a, other = b, alpha = 2}))
    assert.are.same({2, 2, 3}, list(a:clamp{min = 2}))
    assert.are.same({1, 2, 2}, list(a:clamp(nil, 2)))
    assert.are.same({1, 2, 2}, list(a:clamp(torch.none, 2)))
  end)

  it("has operators in both orders", function()
    local i = torch.tensor{6, 7, 8}
    for _, c in ipairs{
      {a + 1, {2, 3, 4}}, {1 + a, {2, 3, 4}}, {a - 1, {0, 1, 2}}, {1 - a, {0, -1, -2}}, {a * 2, {2, 4, 6}}, {2 * a, {2, 4, 6}},
      {a / 2, {.5, 1, 1.5}}, {6 / a, {6, 3, 2}}, {b // 2, {2, 2, 3}}, {7 // a, {7, 3, 2}}, {b % 4, {0, 1, 2}}, {7 % a, {0, 1, 1}},
      {a ^ 2, {1, 4, 9}}, {2 ^ a, {2, 4, 8}}, {-a, {-1, -2, -3}}, {i & 3, {2, 3, 0}}, {i | 1, {7, 7, 9}}, {i ~ 1, {7, 6, 9}},
      {i << 1, {12, 14, 16}}, {i >> 1, {3, 3, 4}}, {~i, {-7, -8, -9}}, {a + b, {5, 7, 9}},
    } do assert.are.same(c[2], list(c[1])) end
  end)

  it("keeps the kinds of Lua's numbers apart", function()
    local i = torch.tensor{1, 2}
    assert.are.equal(torch.int64, (i + 2).dtype)
    assert.are.equal(torch.float32, (i + 2.0).dtype)
    assert.are.equal(torch.int64, (i + true).dtype)
    assert.are.equal(9007199254740993, (torch.tensor(0) + 9007199254740993):item())
  end)

  it("refuses an order of tensors", function()
    assert.error_matches(function() return a < b end, "a:lt%(b%)")
    assert.error_matches(function() return a <= 1 end, "a:lt%(b%)")
    assert.error_matches(function() return 1 > a end, "a:lt%(b%)")
  end)

  it("compares boxes by the tensor they hold", function()
    local w = torch.ones(2, {requires_grad = true})
    w:sum():backward()
    assert.is_true(w.grad == w.grad)
    assert.is_false(a == b)
    assert.is_true(rawequal(a, a:contiguous()))
    assert.is_true(a:contiguous() == a)
  end)

  it("gives several results as several values", function()
    local v, i, more = torch.tensor{{1., 5}, {7, 2}}:max(2)
    assert.are.same({5, 7}, list(v))
    assert.are.same({2, 1}, list(i))
    assert.is_nil(more)
  end)

  it("gives a list as one table and a truth as a boolean", function()
    local parts = torch.arange(5):split(2)
    assert.are.equal(3, #parts)
    assert.are.same({4}, list(parts[3]))
    assert.is_true(torch.equal(a, a:clone()))
    assert.is_false(torch.equal(a, b))
  end)

  it("writes into out=, converting and resizing", function()
    local o = torch.empty(3)
    assert.are.equal(o, torch.add(a, b, {out = o}))
    assert.are.same({5, 7, 9}, list(o))
    local d = torch.empty(0, {dtype = torch.float64})
    torch.mul(a, b, {out = d})
    assert.are.same({4, 10, 18}, list(d))
    local v, i = torch.empty(0), torch.empty(0, {dtype = torch.int64})
    local rv, ri = torch.max(torch.tensor{{1., 5}, {7, 2}}, 1, {out = {v, i}})
    assert.is_true(rv == v and ri == i)
    assert.are.same({7, 5}, list(v))
    assert.are.same({2, 1}, list(i))
  end)

  it("refuses a bad out=", function()
    helper.raises(function() torch.add(a, b, {out = 1}) end, "add(): argument 'out' must be Tensor, not int")
    helper.raises(function() torch.add(a, b, {out = {a, b}}) end, "argument 'out' must be Tensor")
    helper.raises(function() torch.max(a, 1, {out = a}) end, "out= must be a list of 2 Tensors")
    helper.raises(function() torch.max(a, 1, {out = {a}}) end, "out' must be a list of 2 Tensors")
    helper.raises(function() torch.equal(a, b, {out = a}) end, "takes no out=")
    helper.raises(function() a:add_(b, {out = a}) end, "add_(): takes no out=")
    helper.raises(function() a:zero_{out = a} end, "zero_(): takes no out=")
    helper.raises(function() torch.add(a, b, {out = torch.empty(3, {dtype = torch.int64})}) end, "result type float32 can't be cast")
  end)

  it("refuses to write into a number", function()
    helper.raises(function() return a.add_(1, a) end, "must be a Tensor")
  end)

  it("has the aliases of its name", function()
    assert.are.same({1, 2}, list(torch.tensor{-1, 2}:absolute()))
    assert.are.same({1, 2}, list(torch.concat{torch.tensor{1}, torch.tensor{2}}))
    local t = torch.tensor{-1.5}
    t:absolute_()
    assert.are.same({1.5}, list(t))
  end)

  it("is told of by torch.help", function()
    local text = torch._C.help_text("add")
    assert.truthy(text:find("torch.add(self:N other:N * alpha:n=1)", 1, true), text)
    assert.truthy(torch._C.help_text("add_"):find("in place: x:add_", 1, true))
    helper.raises(function() torch.help "ad_d" end, "did you mean 'add'")
  end)

  it("is listed with its facts", function()
    local by_name = {}
    for _, op in ipairs(torch._C.ops()) do by_name[(op.space and op.space .. "." or "") .. op.name] = op end
    assert.is_true(by_name.add.inplace and by_name.add.differentiable and by_name.add.method and by_name.add.func)
    assert.is_true(by_name.transpose.view)
    assert.is_false(by_name.eq.differentiable)
    for name, op in pairs(by_name) do
      assert.truthy(op.args and op.doc, name .. " has no doc")
    end
    local rows = torch._C.rows()
    assert.is_true(#rows > 50)
    for name, op in pairs(torch._C.aliases()) do assert.truthy(by_name[op], name) end
  end)
end)

describe("a call from a coroutine", function()
  it("raises in the coroutine", function()
    local co = coroutine.create(function() return torch.ones(2) + torch.ones(3) end)
    local ok, message = coroutine.resume(co)
    assert.is_false(ok)
    assert.truthy(message:find("must match the size of tensor b", 1, true))
    assert.are.same({2, 2}, (torch.ones(2) + 1):tolist())
  end)

  it("gives tensors that outlive it", function()
    local made = {}
    for k = 1, 50 do
      coroutine.wrap(function() made[k] = torch.full({3}, k) + 0.5 end)()
    end
    for k = 1, 50 do assert.are.same({k + .5, k + .5, k + .5}, made[k]:tolist()) end
  end)
end)
