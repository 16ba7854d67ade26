-- gpu.lua -- a card's work and what it costs from Lua: microseconds, the same lines as bench/peers/gpu.py.
--   tlua bench/gpu.lua [--scale full|small]        small: for the simulator, where no figure means anything
-- The wanted figures: 90 % of the copy rate for what only moves memory, PyTorch's time or less for the rest.
local torch = require "torch"
package.path = (arg[0]:match("^(.*)/") or ".") .. "/?.lua;" .. package.path
local timer = require "timer"
local nn, F = torch.nn, torch.nn.functional

local small = timer.option("scale", "full") == "small"
local MANY = small and 2000 or 100000000
local ROWS = small and 16 or 8192
local CLASSES = small and 20 or 32768
local ROUNDS, BATCH = small and 1 or 9, small and 0 or 0.03

torch.set_default_device("cuda")
torch.manual_seed(0)

-- microseconds a call: the median over rounds of calls that together take BATCH seconds, waited for once
local function measure(f)
  local function batch(n)
    torch.cuda.synchronize()
    local start = timer.now()
    for _ = 1, n do f() end
    torch.cuda.synchronize()
    return (timer.now() - start) / n
  end
  batch(small and 1 or 3)
  local n = math.max(1, math.min(20000, BATCH / batch(small and 1 or 5) // 1 | 0))
  local times = {}
  for i = 1, ROUNDS do times[i] = batch(n) end
  table.sort(times)
  return times[(#times + 1) // 2] * 1e6
end

local function report(name, f, wanted)
  local t = measure(f)
  timer.report("gpu/" .. name, t, "us", wanted)
  return t
end

-- ---- memory: bytes moved in a time, as a share of the copy's rate

local x, y = torch.randn(MANY), torch.empty(MANY)
local rate = 8 * MANY / report("copy", function () y:copy_(x) end)
local shares = {}
local function moves(name, bytes, f)
  local t = report(name, f)
  shares[#shares + 1] = { name, bytes / t / rate * 100 }
end
moves("add, in place", 12 * MANY, function () y:add_(x) end)
moves("multiply by a number", 8 * MANY, function () torch.mul(x, 2, { out = y }) end)
moves("exp", 8 * MANY, function () torch.exp(x, { out = y }) end)
moves("tanh", 8 * MANY, function () torch.tanh(x, { out = y }) end)
moves("relu", 8 * MANY, function () torch.relu(x, { out = y }) end)
moves("sum", 4 * MANY, function () x:sum() end)
moves("max", 4 * MANY, function () x:max() end)
local width = small and 100 or 10000
local wide, tall = x:view(-1, width), x:view(width, -1)
moves("sum of rows", 4 * wide:numel(), function () wide:sum(2) end)
moves("sum of columns", 4 * tall:numel(), function () tall:sum(1) end)
x, y, wide, tall = nil, nil, nil, nil          -- luacheck: ignore
collectgarbage()

-- ---- lines

local scores = torch.randn(ROWS, CLASSES)
report("softmax", function () scores:softmax(2) end, "PyTorch's or less")
report("log_softmax", function () scores:log_softmax(2) end, "PyTorch's or less")
local labels = torch.randint(1, CLASSES + 1, { ROWS })
report("cross_entropy", function () F.cross_entropy(scores, labels) end, "PyTorch's or less")
scores:requires_grad_()
report("cross_entropy, forward and backward", function ()
  scores.grad = nil
  F.cross_entropy(scores, labels):backward()
end, "PyTorch's or less")
scores, labels = nil, nil
collectgarbage()

-- ---- products

for _, kind in ipairs { "float32", "bfloat16", "float16" } do
  local n = small and 16 or kind == "float32" and 4096 or 8192
  local a, b = torch.randn(n, n):to(torch[kind]), torch.randn(n, n):to(torch[kind])
  local t = report(("product of %s"):format(kind), function () a:mm(b) end, "PyTorch's, within 2 %")
  timer.report("gpu/rate of " .. kind, 2 * n ^ 3 / t / 1e6, "TFLOP/s")
end
collectgarbage()

-- ---- from Lua

local one, other = torch.ones(1), torch.ones(1)
report("add of one element", function () one:add(other) end, "at most 4")
report("item", function () one:item() end)

-- ---- optimizer: all parameters in one launch

local function parameters()
  local list = {}
  for i = 1, small and 4 or 148 do
    list[i] = torch.randn(small and 10 or 800000):requires_grad_()
    list[i].grad = torch.randn(small and 10 or 800000)
  end
  return list
end
local adam = torch.optim.Adam(parameters(), { lr = 1e-4 })
report("Adam, 148 parameters of 800,000", function () adam:step() end)
adam = nil
collectgarbage()

-- ---- the two-layer step

local model = nn.Sequential(nn.Linear(1000, 100), nn.ReLU(), nn.Linear(100, 10))
local optimizer, criterion = torch.optim.Adam(model:parameters(), { lr = 1e-4 }), nn.MSELoss{ reduction = "sum" }
local input, target = torch.randn(64, 1000), torch.randn(64, 10)
local function step()
  local loss = criterion(model(input), target)
  optimizer:zero_grad()
  loss:backward()
  optimizer:step()
  return loss
end
report("two-layer step, eager", step, "a third of PyTorch's")
for _ = 1, 3 do step() end
local plan = torch.capture(step, "cuda")
report("two-layer step, replayed", function () plan() end, "PyTorch's CUDA graph or less")

for _, s in ipairs(shares) do timer.report("gpu/share of the copy rate: " .. s[1], s[2], "%", "90 or more") end
timer.report("gpu/most memory", torch.cuda.max_memory_allocated() / 2 ^ 20, "MB")
