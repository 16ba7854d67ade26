-- overhead.lua -- what a small operation costs, its share of the collector's work included: ns per op.
-- The same lines as bench/peers/overhead.py.   tlua bench/overhead.lua [--threads N] [--device cpu|cuda]
local torch = require "torch"
package.path = (arg[0]:match("^(.*)/") or ".") .. "/?.lua;" .. package.path
local timer = require "timer"
torch.set_num_threads(timer.option("threads", 1))
torch.set_default_device(timer.option("device", "cpu"))

local function measure(name, n, loop, wanted)
  timer.report("overhead/" .. name, timer.per_call(loop, n), "ns", wanted)
end

local a, b = torch.ones(8), torch.ones(8)
local x, y = torch.ones(16), torch.ones(16)
local w8 = torch.ones(8, { requires_grad = true })
local w = torch.ones(16, { requires_grad = true })
local z = torch.zeros(8)

measure("a:add(b) 8 floats", 200000, function (n) for _ = 1, n do a:add(b) end end, "250")
measure("x+y 16 floats", 200000, function (n) for _ = 1, n do local _ = x + y end end)
measure("a:add(w) 8 floats, recording", 200000, function (n) for _ = 1, n do a:add(w8) end end, "350")
measure("z:add_(b) 8 floats, in place", 200000, function (n) for _ = 1, n do z:add_(b) end end, "120")
measure("x+1 (a number)", 200000, function (n) for _ = 1, n do local _ = x + 1 end end)
measure("x:clamp{min=0}", 100000, function (n) for _ = 1, n do x:clamp{ min = 0 } end end)
measure("x:view(4, 4)", 100000, function (n) for _ = 1, n do x:view(4, 4) end end)
measure("x[3]:item()", 100000, function (n) for _ = 1, n do x[3]:item() end end)
measure("x.shape", 100000, function (n) for _ = 1, n do local _ = x.shape end end)
measure("w.grad", 100000, function (n) for _ = 1, n do local _ = w.grad end end)
measure("x:sum()", 100000, function (n) for _ = 1, n do x:sum() end end)

local p, q = torch.ones(8, 8), torch.ones(8, 8)
measure("8x8 mm", 100000, function (n) for _ = 1, n do p:mm(q) end end)

local function chain(start, length)
  local s = start
  for _ = 1, length do s = s + w end
  return s
end
local g = torch.ones(16)
measure("chain of adds, forward", 200000, function (n) for _ = 1, n // 100 do chain(x, 100) end end)
measure("chain of adds, forward+backward", 200000, function (n) for _ = 1, n // 100 do chain(x, 100):backward(g) end end, "600")

local linear = torch.nn.Linear(8, 8)
measure("nn.Linear(8, 8)", 50000, function (n) for _ = 1, n do linear(p) end end)
timer.report("overhead/peak memory", timer.peak(), "MB")
