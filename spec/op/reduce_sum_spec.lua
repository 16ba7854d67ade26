-- Reductions that add: PyTorch's figures, gradients and refusals.
local torch = require "torch"
local helper = require "spec.support.helper"
local close_to, raises = helper.close_to, helper.raises
local nan, inf = 0 / 0, math.huge

local function double(list) return torch.tensor(list, { dtype = torch.float64 }) end
local function check(value, gradient, f, list)
  local x = double(list):requires_grad_()
  local y = f(x)
  close_to(y, value, 1e-12)
  y:sum():backward()
  close_to(x.grad, gradient, 1e-12)
end
local x = double { { 1, -2, 3 }, { 4, 0, -6 } }

describe("reduce_sum", function ()
  it("sums over dims", function ()
    close_to(x:sum(), 0)
    close_to(x:sum(1), { 5, -2, -3 })
    close_to(x:sum(2, true), { { 2 }, { -2 } })
    close_to(x:sum { 1, 2 }, 0)
    close_to(x:mean(2), { 2 / 3, -2 / 3 }, 1e-12)
    close_to(torch.tensor({ 1., nan, 2. }):nansum(), 3)
    close_to(torch.count_nonzero(x), 5)
    close_to(torch.count_nonzero(x, 1), { 2, 1, 2 })
    close_to(x:t():sum(2), { 5, -2, -3 })
  end)

  it("counts integers in int64, or in the dtype asked for", function ()
    assert.are.equal(300, torch.tensor({ 200, 100 }, { dtype = torch.uint8 }):sum():item())
    assert.are.equal(2, torch.tensor({ true, true }):sum():item())
    assert.are.equal(torch.int64, torch.tensor({ 3 }, { dtype = torch.int8 }):sum().dtype)
    assert.are.equal(torch.float64, torch.tensor({ 3 }):sum { dtype = torch.float64 }.dtype)
    assert.are.equal(torch.int64, torch.tensor({ true }):prod().dtype)
  end)

  it("has values for nothing at all", function ()
    close_to(torch.zeros(0):sum(), 0)
    close_to(torch.zeros(0):prod(), 1)
    close_to(torch.zeros(0):mean(), nan)
    close_to(torch.zeros(0, 3):sum(1), { 0, 0, 0 })
    close_to(torch.zeros(2, 0):mean(2), { nan, nan })
    close_to(torch.logsumexp(torch.zeros(0), 1), -inf)
  end)

  it("measures spread", function ()
    close_to(x:var(), 13.2, 1e-12)
    close_to(x:var(2, false), { 4.222222222222222, 16.88888888888889 }, 1e-12)
    close_to(x:std(1), { 2.1213203435596424, 1.4142135623730951, 6.363961030678928 }, 1e-12)
    close_to(x:std { dim = 1, correction = 0 }, { 1.5, 1, 4.5 }, 1e-12)
    close_to(torch.tensor({ 5. }):std(), nan)
    close_to(torch.tensor({ 5. }):var(false), 0)
    raises(function () torch.tensor({ 1, 2 }):std() end, "std and var only support floating point and complex dtypes")
  end)

  it("has norms", function ()
    close_to(x:norm(), 8.12403840463596, 1e-12)
    close_to(x:norm(1), 16)
    close_to(x:norm(inf), 6)
    close_to(x:norm(-inf), 0)
    close_to(x:norm(0), 5)
    close_to(x:norm(3, 2), { 3.3019272488946263, 6.542132620377179 }, 1e-12)
    close_to(x:norm("fro"), 8.12403840463596, 1e-12)
  end)

  it("sums exponentials without overflow", function ()
    close_to(torch.logsumexp(x, 2), { 3.1328452337275756, 4.018194510281095 }, 1e-12)
    close_to(torch.logsumexp(double { -inf, -inf }, 1), -inf)
    close_to(torch.logsumexp(double { 1000, 1000 }, 1), 1000.6931471805599, 1e-12)
    close_to(torch.logsumexp(torch.tensor { 1, 1 }, 1), 1.6931471824645996, 1e-6)
  end)

  it("has right gradients, also where zeros meet", function ()
    local function prod(a) return a:prod() end
    check(24, { 12, 8, 6 }, prod, { 2, 3, 4 })
    check(0, { 0, 8, 0 }, prod, { 2, 0, 4 })
    check(0, { 0, 0, 0 }, prod, { 0, 0, 4 })
    check({ 0, 6 }, { { 0, 2 }, { 3, 2 } }, function (a) return a:prod(2) end, { { 2, 0 }, { 2, 3 } })
    check(1.5275252316519465, { -0.43643578047198484, -0.10910894511799625, 0.5455447255899809 }, function (a) return a:std() end, { 1,
      2, 4 })
    check(2.333333333333333, { -1.3333333333333335, -0.3333333333333335, 1.6666666666666665 }, function (a) return a:var() end, { 1, 2,
      4 })
    check(0, { 0, 0 }, function (a) return a:std() end, { 2, 2 })
    check(2, { 1 / 3, 1 / 3, 1 / 3 }, function (a) return a:mean() end, { 1, 2, 3 })
    check(5, { 0.6, 0.8 }, function (a) return a:norm() end, { 3, 4 })
    check(0, { 0, 0 }, function (a) return a:norm() end, { 0, 0 })
    check(7, { 1, 0, -1 }, function (a) return a:norm(1) end, { 3, 0, -4 })
    check(3, { 0.5, -0.5, 0 }, function (a) return a:norm(inf) end, { 3, -3, 1 })
    check(2.080083823051904, { 0.2311204247835449, -0.9244816991341795 }, function (a) return a:norm(3) end, { 1, -2 })
    check(2.313261687518223, { 0.26894142136999505, 0.7310585786300048, 0 }, function (a) return torch.logsumexp(a, 1) end, { 1, 2,
      -inf })
  end)

  it("differentiates a product with zeros twice", function ()
    local a = double({ 0, 3, 0 }):requires_grad_()
    local g = torch.autograd.grad(a:prod(), a, { create_graph = true })[1]
    local h = torch.autograd.grad(g:sum(), a)[1]
    close_to(h, { 3, 0, 3 })                               -- d2/dx1dx3 = x2, d2/dx1dx2 = x3 = 0
  end)

  it("gives back a view over the summed dims: no memory", function ()
    local a = torch.ones(64, 64, { requires_grad = true })
    local g = torch.autograd.grad(a:sum(), a)[1]
    assert.are.same({ 0, 0 }, { g:stride(1), g:stride(2) })
  end)

  it("adds in PyTorch's cascade", function ()
    -- one thread or many, the same bits
    local y = torch.arange(100000.):mul_(0.1)
    local threads = torch.get_num_threads()
    torch.set_num_threads(1)
    local one = y:sum():item()
    torch.set_num_threads(2)
    local two = y:sum():item()
    torch.set_num_threads(threads)
    assert.are.equal(one, two)
  end)

  it("refuses in words", function ()
    raises(function () x:sum(3) end, "sum: Dimension out of range (expected to be in range of [-2, -1] or [1, 2], but got 3)")
    raises(function () x:sum { 1, 1 } end, "dim 1 appears multiple times in the list of dims")
    raises(function () torch.tensor({ 1 }):mean() end,
      "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: int64")
  end)
end)
