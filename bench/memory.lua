-- memory.lua -- does the collector keep up with tensors?  Five loops, each with a small Lua heap and with 200,000 live tables:
-- most tensor bytes alive at once, and time.
--   A  y = x + y on 4 MiB, 400 times           B  10 parameters of 4 MiB, 20 recorded temporaries, 40 steps
--   C  a million small recorded additions      D  a window of 20 tensors of 1 MiB, each living 20 rounds
--   E  30 temporaries of 256 KiB, 1000 rounds
local torch = require "torch"
package.path = (arg[0]:match("^(.*)/") or ".") .. "/?.lua;" .. package.path
local timer = require "timer"
torch.set_num_threads(1)

local MiB = 2 ^ 20
local function floats(bytes) return torch.zeros(bytes // 4 | 0) end

local loops = {}
function loops.A()
  local x, y = floats(4 << 20), floats(4 << 20)
  for _ = 1, 400 do y = x + y end
end
function loops.B()
  local parameters = {}
  for i = 1, 10 do parameters[i] = floats(4 << 20):requires_grad_() end
  for _ = 1, 40 do
    local s = parameters[1]
    for i = 1, 20 do s = s + parameters[i % 10 + 1] end
    s:sum():backward()
    for i = 1, 10 do parameters[i].grad = nil end
  end
end
function loops.C()
  local a, w = torch.zeros(8), torch.zeros(8, { requires_grad = true })
  for _ = 1, 1000000 do a:add(w) end
end
function loops.D()
  local window = {}
  for i = 1, 2000 do window[i % 20 + 1] = floats(1 << 20) end
  assert(#window == 20)
end
function loops.E()
  local x = floats(256 << 10)
  for _ = 1, 1000 do
    local s = x
    for _ = 1, 30 do s = s + x end
  end
end

local function round(title)
  for _, name in ipairs{ "A", "B", "C", "D", "E" } do
    torch.memory.reset_peak()
    local before = torch.memory.allocated()
    local seconds = timer.times(loops[name], 1)
    print(string.format("%s  %-22s peak %8.1f MB   %8.0f ms   resident %6.0f MB", name, title,
      (torch.memory.max_allocated() - before) / MiB, seconds * 1e3, timer.resident()))
  end
end

round("small heap")
local tables = {}
for i = 1, 200000 do tables[i] = { i } end
round("200,000 live tables")
assert(#tables == 200000)

-- flat memory: the same training step 100,000 times
local model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
local optimizer = torch.optim.SGD(model:parameters(), { lr = 1e-3 })
local x, y = torch.randn(16, 8), torch.randn(16, 1)
local function steps(n)
  for _ = 1, n do
    optimizer:zero_grad()
    torch.nn.functional.mse_loss(model(x), y):backward()
    optimizer:step()
  end
end
steps(1000)
local before = timer.resident()
local seconds = timer.times(function () steps(100000) end, 1)
print(string.format("100,000 training steps: %.1f s, resident %.1f MB before, %.1f MB after", seconds, before, timer.resident()))
