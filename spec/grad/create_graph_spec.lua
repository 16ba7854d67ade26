-- Derivatives of derivatives: rules recorded through create_graph, formulas run on tensors.
local torch = require "torch"

local function list(t) return t:detach():flatten():tolist() end
local function leaf(...) return torch.tensor({ ... }, { dtype = torch.float64, requires_grad = true }) end

local function near(want, got, tolerance)
  for i = 1, #want do assert.near(want[i], got[i], tolerance or 1e-12 * math.max(1, math.abs(want[i]))) end
end

describe("create_graph", function()
  it("goes through saved inputs and saved results", function()
    local x = leaf(0.5, 2)
    local y = (x * x * x):sum()
    local g = torch.autograd.grad(y, { x }, { create_graph = true })[1]
    near({ 0.75, 12 }, list(g))
    local h = torch.autograd.grad(g:sum(), { x }, { create_graph = true })[1]
    near({ 3, 12 }, list(h))
    local t = torch.autograd.grad(h:sum(), { x })[1]
    near({ 6, 6 }, list(t))
  end)

  it("of formulas equals the derivative by hand", function()
    -- name, second derivative in Lua, points
    local rows = {
      { "exp", function(v) return math.exp(v) end, 0.3, -1 },
      { "log", function(v) return -1 / v ^ 2 end, 0.3, 2 },
      { "sqrt", function(v) return -0.25 * v ^ -1.5 end, 0.3, 2 },
      { "sin", function(v) return -math.sin(v) end, 0.3, 2 },
      { "cos", function(v) return -math.cos(v) end, 0.3, 2 },
      { "tanh", function(v) local y = (math.exp(2 * v) - 1) / (math.exp(2 * v) + 1); return -2 * y * (1 - y * y) end, 0.3, -2 },
      { "sigmoid", function(v) local y = 1 / (1 + math.exp(-v)); return y * (1 - y) * (1 - 2 * y) end, 0.3, -2 },
      { "square", function() return 2 end, 0.3, -2 },
      { "reciprocal", function(v) return 2 / v ^ 3 end, 0.3, -2 },
      { "relu", function() return 0 end, 0.3, -2 },
      { "abs", function() return 0 end, 0.3, -2 },
    }
    for _, r in ipairs(rows) do
      local x = leaf(r[3], r[4])
      local g = torch.autograd.grad(x[r[1]](x):sum(), { x }, { create_graph = true })[1]
      local got = g.requires_grad and list(torch.autograd.grad(g:sum(), { x })[1]) or { 0, 0 }
      assert.near(r[2](r[3]), got[1], 1e-10, r[1])
      assert.near(r[2](r[4]), got[2], 1e-10, r[1])
    end
  end)

  it("of powers", function()
    local x = leaf(1.5, 2)
    for n = 0, 4 do
      local g = torch.autograd.grad(x:pow(n):sum(), { x }, { create_graph = true })[1]
      near({ n * 1.5 ^ (n - 1), n * 2 ^ (n - 1) }, list(g))
      local got = g.requires_grad and list(torch.autograd.grad(g:sum(), { x })[1]) or { 0, 0 }
      near({ n * (n - 1) * 1.5 ^ (n - 2), n * (n - 1) * 2 ^ (n - 2) }, got)
    end
    local a, b = leaf(1.5), leaf(2.5)
    local g = torch.autograd.grad(a:pow(b), { a, b }, { create_graph = true })
    local mixed = torch.autograd.grad(g[1], { b })[1]
    near({ 1.5 ^ 1.5 * (1 + 2.5 * math.log(1.5)) }, list(mixed))
    local base = torch.autograd.grad(2.5 ^ a, { a }, { create_graph = true })[1]         -- the number's log is a double
    assert.is_true(math.abs(base:item() - 2.5 ^ 1.5 * math.log(2.5)) < 1e-14)
  end)

  it("gives gradients that know their history, and backward of them", function()
    local x = leaf(2)
    ; (x * x * x):backward(nil, { create_graph = true })
    assert.is_true(x.grad.requires_grad)
    local g = x.grad
    x.grad = nil
    g:backward()
    near({ 12 }, list(x.grad))
    x.grad = nil
  end)

  it("of a gradient penalty", function()
    local w, x = leaf(0.5, -1, 2), leaf(1, 2, 3)
    local y = (w * x):tanh():sum()
    local g = torch.autograd.grad(y, { x }, { create_graph = true })[1]
    local penalty = (g * g):sum()
    local got = list(torch.autograd.grad(penalty, { w })[1])
    local h = 1e-6
    local wv, xv = list(w), list(x)
    local function value(i, d)
      local s = 0
      for k = 1, 3 do
        local v = wv[k] + (k == i and d or 0)
        local t = v * (1 - ((math.exp(2 * v * xv[k]) - 1) / (math.exp(2 * v * xv[k]) + 1)) ^ 2)
        s = s + t * t
      end
      return s
    end
    for i = 1, 3 do assert.near((value(i, h) - value(i, -h)) / (2 * h), got[i], 1e-6) end
  end)

  it("through matrix products, sums and views", function()
    local a = torch.tensor({ { 1, 2 }, { 3, 4 } }, { dtype = torch.float64, requires_grad = true })
    local b = torch.tensor({ { 0.5, -1 }, { 2, 0.25 } }, { dtype = torch.float64, requires_grad = true })
    local y = (a:mm(b):t()[1] * a:sum(2)):sum()
    local g = torch.autograd.grad(y, { a }, { create_graph = true })[1]
    local second = torch.autograd.grad((g * g):sum(), { a, b })
    -- y = sum_i (a_i . b_1) (sum_k a_ik), with b_1 the first column of b
    local av, b1 = { { 1, 2 }, { 3, 4 } }, { 0.5, 2 }
    local G, da, db = {}, {}, { 0, 0 }
    for i = 1, 2 do
      local dot, s = av[i][1] * b1[1] + av[i][2] * b1[2], av[i][1] + av[i][2]
      G[i] = { b1[1] * s + dot, b1[2] * s + dot }
      for k = 1, 2 do
        da[#da + 1] = 2 * (G[i][1] * (b1[1] + b1[k]) + G[i][2] * (b1[2] + b1[k]))
        db[k] = db[k] + 2 * (G[i][k] * s + (G[i][1] + G[i][2]) * av[i][k])
      end
    end
    near(da, list(second[1]))
    near({ db[1], 0, db[2], 0 }, list(second[2]))
  end)
end)
