-- gpu_smoke.lua -- a look at a card that takes seconds: the first things that would be wrong.  tools/gpu-check.sh runs it.
--   tlua tools/gpu_smoke.lua
local torch = require "torch"
local bad = 0

local function check(what, f)
  local ok, why = pcall(f)
  if ok and why ~= false then return print("ok    " .. what) end
  bad = bad + 1
  print("WRONG " .. what .. (ok and "" or ": " .. tostring(why)))
end

local function close(a, b, tolerance)
  return torch.allclose(a:cpu(), b:cpu(), { rtol = tolerance or 1e-5, atol = tolerance or 1e-5 })
end

if not torch.cuda.is_available() then
  local _, why = pcall(torch.empty, 1, { device = "cuda" })
  print("no card can be used here: " .. tostring(why))
  os.exit(1, true)
end
local facts = torch.cuda.get_device_properties(0)
print(("%s, %d.%d, %.1f GiB, %d processors, driver %s, runtime %s%s"):format(facts.name, facts.major, facts.minor,
  facts.total_memory / 2 ^ 30, facts.multi_processor_count, facts.driver_version, facts.runtime_version,
  facts.simulated and ", simulated" or ""))

local device = torch.device("cuda")
torch.manual_seed(0)
local a, b = torch.randn(300, 200), torch.randn(200, 100)
local x, y = a:to(device), b:to(device)

check("there and back", function () return torch.equal(x:cpu(), a) end)
check("pointwise", function () return close((x * 2 + 1):tanh(), (a * 2 + 1):tanh()) end)
check("sum", function () return close(x:sum(2), a:sum(2), 1e-4) end)
check("products", function () return close(x:mm(y), a:mm(b), 1e-3) end)
print("      " .. torch.cuda.get_device_properties(0).products)
check("products of whole numbers", function ()
  local n = torch.arange(0, 600):reshape(20, 30)
  return torch.equal(n:to(device):mm(n:to(device):t()):cpu(), n:mm(n:t()))
end)
check("softmax and its gradient", function ()
  local p, q = a:clone():requires_grad_(), x:clone():requires_grad_()
  p:softmax(2):pow(2):sum():backward()
  q:softmax(2):pow(2):sum():backward()
  return close(q.grad, p.grad)
end)
check("random numbers are PyTorch's", function ()
  torch.manual_seed(0)
  local want = torch.tensor{ 0.3990, 0.5167, 0.0249, 0.9401, 0.9459, 0.7967, 0.4150, 0.8203 }
  return close(torch.rand(8, { device = device }), want, 1e-4)
end)
check("a bad index is told, and the card lives", function ()
  local ok, why = pcall(function () return x:index_select(1, torch.tensor({ 301 }):to(device)):cpu() end)
  return not ok and tostring(why):find("301", 1, true) ~= nil and close(x + 1, a + 1)
end)
check("too much memory is told, and nothing is lost", function ()
  local before = torch.cuda.memory_allocated()
  local ok, why = pcall(torch.empty, 1 << 44, { device = device })
  return not ok and tostring(why):find "memory" ~= nil and torch.cuda.memory_allocated() <= before
end)

local nn = torch.nn
local function trainer()
  torch.manual_seed(3)
  local model = nn.Sequential(nn.Linear(200, 64), nn.ReLU(), nn.Linear(64, 10)):to(device)
  local optimizer = torch.optim.Adam(model:parameters(), { lr = 1e-3 })
  local labels = (torch.arange(0, 300) % 10 + 1):to(device)
  return function ()
    local loss = nn.functional.cross_entropy(model(x), labels)
    optimizer:zero_grad()
    loss:backward()
    optimizer:step()
    return loss
  end
end
check("a training step waits for nothing", function ()
  local step = trainer()
  for _ = 1, 3 do step() end
  local before = torch.cuda.sync_count()
  for _ = 1, 5 do step() end
  return torch.cuda.sync_count() == before
end)
check("a replayed step has the bits of an eager one", function ()
  local step = trainer()
  local losses = {}
  for i = 1, 20 do losses[i] = step():item() end
  local again = trainer()
  if again():item() ~= losses[1] then return false end
  local plan = torch.capture(again, device)
  for i = 3, 20 do
    if plan():item() ~= losses[i] then return false end
  end
end)

print(bad == 0 and "all right" or bad .. " wrong")
os.exit(bad == 0, true)
