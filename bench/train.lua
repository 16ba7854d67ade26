-- train.lua -- the tutorials' training loops, timed: milliseconds for 2000 steps of the polynomial fits and for 500 of the
-- two-layer nets, and how much of the latter is not matrix product.  The same programs as bench/peers/{poly,two_layer}.py.
--   tlua bench/train.lua [--threads N] [--only NAME] [--reps N] [--device cpu|cuda]
local torch = require "torch"
package.path = (arg[0]:match("^(.*)/") or ".") .. "/?.lua;" .. package.path
local timer = require "timer"
local nn = torch.nn

local threads, only, reps = timer.option("threads", 1), timer.option("only"), timer.option("reps", 5)
torch.set_num_threads(threads)
torch.set_default_device(timer.option("device", "cpu"))
torch.manual_seed(0)
math.randomseed(0)

-- the polynomial: y = sin(x) fitted by a + b x + c x^2 + d x^3 -------------------------------------

local poly = {}

local function sine()
  local x = torch.linspace(-math.pi, math.pi, 2000)
  return x, torch.sin(x)
end

function poly.tensors(steps)
  local x, y = sine()
  local a, b, c, d = torch.randn({}), torch.randn({}), torch.randn({}), torch.randn({})
  local rate, loss = 1e-6, nil
  for _ = 1, steps do
    local fit = a + b * x + c * x ^ 2 + d * x ^ 3
    loss = (fit - y):pow(2):sum():item()
    local g = 2.0 * (fit - y)
    local ga, gb, gc, gd = g:sum(), (g * x):sum(), (g * x ^ 2):sum(), (g * x ^ 3):sum()
    a:sub_(rate * ga)
    b:sub_(rate * gb)
    c:sub_(rate * gc)
    d:sub_(rate * gd)
  end
  return loss
end

local function descend(rate, ...)
  for i = 1, select("#", ...) do
    local p = select(i, ...)
    p:sub_(rate * p.grad)
    p.grad = nil
  end
end

function poly.autograd(steps)
  local x, y = sine()
  local function scalar() return torch.randn({}, { requires_grad = true }) end
  local a, b, c, d = scalar(), scalar(), scalar(), scalar()
  for _ = 1, steps do
    local loss = (a + b * x + c * x ^ 2 + d * x ^ 3 - y):pow(2):sum()
    loss:backward()
    torch.no_grad(function () descend(1e-6, a, b, c, d) end)
  end
end

local Legendre = torch.autograd.Function:extend("Legendre")
function Legendre.forward(ctx, input)
  ctx:save_for_backward(input)
  return 0.5 * (5 * input ^ 3 - 3 * input)
end
function Legendre.backward(ctx, g)
  local input = ctx.saved_tensors[1]
  return g * 1.5 * (5 * input ^ 2 - 1)
end

poly["function"] = function (steps)
  local x, y = sine()
  local function scalar(v) return torch.full({}, v, { requires_grad = true }) end
  local a, b, c, d = scalar(0.0), scalar(-1.0), scalar(0.0), scalar(0.3)
  for _ = 1, steps do
    local loss = (a + b * Legendre.apply(c + d * x) - y):pow(2):sum()
    loss:backward()
    torch.no_grad(function () descend(5e-6, a, b, c, d) end)
  end
end

local function cubic()
  local x, y = sine()
  return x:unsqueeze(-1):pow(torch.tensor{ 1, 2, 3 }), y,
    nn.Sequential(nn.Linear(3, 1), nn.Flatten(1, 2)), nn.MSELoss{ reduction = "sum" }
end

function poly.nn(steps)
  local xx, y, model, criterion = cubic()
  for _ = 1, steps do
    local loss = criterion(model(xx), y)
    model:zero_grad()
    loss:backward()
    torch.no_grad(function ()
      for _, p in ipairs(model:parameters()) do p:sub_(1e-6 * p.grad) end
    end)
  end
end

function poly.rmsprop(steps)
  local xx, y, model, criterion = cubic()
  local optimizer = torch.optim.RMSprop(model:parameters(), { lr = 1e-3 })
  for _ = 1, steps do
    local loss = criterion(model(xx), y)
    optimizer:zero_grad()
    loss:backward()
    optimizer:step()
  end
end

-- the two-layer net: 64 rows, 1000 inputs, 100 hidden, 10 outputs ----------------------------------

local two = {}
local N, D_in, H, D_out = 64, 1000, 100, 10

local function pair() return torch.randn(N, D_in), torch.randn(N, D_out) end

function two.tensors(steps)
  local x, y = pair()
  local w1, w2 = torch.randn(D_in, H), torch.randn(H, D_out)
  for _ = 1, steps do
    local h = x:mm(w1)
    local relu = h:clamp{ min = 0 }
    local fit = relu:mm(w2)
    local _ = (fit - y):pow(2):sum():item()
    local g = 2.0 * (fit - y)
    local gw2 = relu:t():mm(g)
    local gh = g:mm(w2:t()):clone()
    gh[h:lt(0)] = 0
    local gw1 = x:t():mm(gh)
    w1:sub_(1e-6 * gw1)
    w2:sub_(1e-6 * gw2)
  end
end

local function with_weights(forward)
  return function (steps)
    local x, y = pair()
    local w1 = torch.randn(D_in, H, { requires_grad = true })
    local w2 = torch.randn(H, D_out, { requires_grad = true })
    for _ = 1, steps do
      local loss = (forward(x, w1, w2) - y):pow(2):sum()
      local _ = loss:item()
      loss:backward()
      torch.no_grad(function ()
        w1:sub_(1e-6 * w1.grad)
        w2:sub_(1e-6 * w2.grad)
        w1.grad:zero_()
        w2.grad:zero_()
      end)
    end
  end
end

two.autograd = with_weights(function (x, w1, w2) return x:mm(w1):clamp{ min = 0 }:mm(w2) end)

local MyReLU = torch.autograd.Function:extend("MyReLU")
function MyReLU.forward(ctx, input)
  ctx:save_for_backward(input)
  return input:clamp{ min = 0 }
end
function MyReLU.backward(ctx, g)
  local input = ctx.saved_tensors[1]
  local r = g:clone()
  r[input:lt(0)] = 0
  return r
end
two["function"] = with_weights(function (x, w1, w2) return MyReLU.apply(x:mm(w1)):mm(w2) end)

local function layers() return nn.Sequential(nn.Linear(D_in, H), nn.ReLU(), nn.Linear(H, D_out)) end

function two.nn(steps)
  local x, y = pair()
  local model, criterion = layers(), nn.MSELoss{ reduction = "sum" }
  for _ = 1, steps do
    local loss = criterion(model(x), y)
    local _ = loss:item()
    model:zero_grad()
    loss:backward()
    torch.no_grad(function ()
      for _, p in ipairs(model:parameters()) do p:sub_(1e-4 * p.grad) end
    end)
  end
end

local function with_optimizer(make_model, make_optimizer)
  return function (steps)
    local x, y = pair()
    local model, criterion = make_model(), nn.MSELoss{ reduction = "sum" }
    local optimizer = make_optimizer(model:parameters())
    for _ = 1, steps do
      local loss = criterion(model(x), y)
      local _ = loss:item()
      optimizer:zero_grad()
      loss:backward()
      optimizer:step()
    end
  end
end

two.adam = with_optimizer(layers, function (p) return torch.optim.Adam(p, { lr = 1e-4 }) end)

local Dynamic = nn.Module:extend("Dynamic")
function Dynamic:init()
  self.first, self.middle, self.last = nn.Linear(D_in, H), nn.Linear(H, H), nn.Linear(H, D_out)
end
function Dynamic:forward(x)
  local h = self.first(x):clamp{ min = 0 }
  for _ = 1, math.random(0, 3) do h = self.middle(h):clamp{ min = 0 } end
  return self.last(h)
end
two.dynamic = with_optimizer(function () return Dynamic() end,
  function (p) return torch.optim.SGD(p, { lr = 1e-4, momentum = 0.9 }) end)

-- the bare products of one step, into tensors that are there already: with weights as the tensors form has them, or, for
-- nn.Linear, as (out, in), which is another kernel's work; `dynamic` has 1.5 middle layers on average
local function products(kind)
  local linear = kind == "nn" or kind == "adam" or kind == "dynamic"
  local function weight(from, to) return linear and torch.randn(to, from):t() or torch.randn(from, to) end
  local function gradient_of(w) return linear and torch.empty(w:size(2), w:size(1)) or torch.empty(w:size(1), w:size(2)) end
  local function into(gw, x, g)
    if linear then torch.mm(g:t(), x, { out = gw }) else torch.mm(x:t(), g, { out = gw }) end
  end
  return function (steps)
    local x, gy = pair()
    local w1, w2, wm = weight(D_in, H), weight(H, D_out), weight(H, H)
    local h, y, gh = x:mm(w1), gy:clone(), torch.empty(N, H)
    local gw1, gw2, gwm = gradient_of(w1), gradient_of(w2), gradient_of(wm)
    local middle = kind == "dynamic" and 3 or 0
    for i = 1, steps do
      torch.mm(x, w1, { out = h })
      torch.mm(h, w2, { out = y })
      into(gw2, h, gy)
      torch.mm(gy, w2:t(), { out = gh })
      into(gw1, x, gh)
      for _ = 1, middle > 0 and i % 4 or 0 do
        torch.mm(h, wm, { out = gh })
        into(gwm, h, gh)
        torch.mm(gh, wm:t(), { out = h })
      end
    end
  end
end

-- -------------------------------------------------------------------------------------------------

local wanted = { tensors = 25, autograd = 25, ["function"] = 25, nn = 15, adam = 25, dynamic = 25 }

local function run(group, name, steps, f)
  if only and only ~= name and only ~= group .. "/" .. name then return end
  f(20)
  local median = timer.times(function () f(steps) end, reps)
  timer.report(group .. "/" .. name, median * 1e3, "ms")
  return median
end

for _, name in ipairs{ "tensors", "autograd", "function", "nn", "rmsprop" } do run("poly", name, 2000, poly[name]) end
for _, name in ipairs{ "tensors", "autograd", "function", "nn", "adam", "dynamic" } do
  local t = run("two_layer", name, 500, two[name])
  if t then
    local bare = products(name)
    bare(20)
    local p = timer.times(function () bare(500) end, reps)
    timer.report("two_layer/" .. name .. " products", p * 1e3, "ms")
    timer.report("two_layer/" .. name .. " rest", (1 - p / t) * 100, "%", "at most " .. wanted[name] .. " %")
  end
end
timer.report("train/peak memory", timer.peak(), "MB")
