-- Memory is not the user's problem: peaks stay near what is alive, counts return to the start, nobody collects by hand.
local helper = require "spec.support.helper"
local torch = require "torch"
local nn = torch.nn

local slow = helper.mode ~= "release"
local MIB = 1 << 20

-- runs a program in a child and reads the numbers it prints
local function child(program)
  local path = helper.write(os.tmpname(), program)
  local r = helper.sh(helper.tlua .. " " .. path)
  os.remove(path)
  assert.equal(0, r.code, r.err)
  local numbers = {}
  for n in r.out:gmatch("%-?%d+%.?%d*") do numbers[#numbers + 1] = tonumber(n) end
  return table.unpack(numbers)
end

describe("peaks", function ()
  it("of 2,000 temporaries of 4 MiB with 10 alive stay under 200 MiB", function ()
    local peak = child(([[
      local alive = {}
      for i = 1, %d do alive[i %% 10] = torch.zeros(1 << 20) end
      print(torch.memory.max_allocated())
    ]]):format(slow and 200 or 2000))
    assert.is_true(peak <= 200 * MIB, peak // MIB .. " MiB")
  end)

  it("of a chain of expressions are a few temporaries", function ()
    local peak = child [[
      local x = torch.ones(1 << 20)
      for _ = 1, 200 do x = (x * 2 + 1 - x):sqrt():clamp{max = 2} end
      print(torch.memory.max_allocated())
    ]]
    assert.is_true(peak <= 64 * MIB, peak // MIB .. " MiB")
  end)

  it("of a deep net's backward are near its activations, not three times them", function ()
    local forward, peak = child [[
      torch.manual_seed(0)
      local ws = {}
      for i = 1, 50 do ws[i] = (torch.randn(256, 256) * 0.06):requires_grad_() end
      local h = torch.randn(64, 256)
      for i = 1, 50 do h = h:mm(ws[i]):tanh() end
      local loss = h:sum()
      local before = torch.memory.allocated()
      torch.memory.reset_peak()
      loss:backward()
      print(before, torch.memory.max_allocated())
    ]]
    assert.is_true(peak - forward <= 15 * MIB, (peak - forward) // MIB .. " MiB above the forward pass")
  end)

  it("respect the limit: an error in words, and the state goes on", function ()
    local before = torch.memory.limit()
    torch.memory.limit(torch.memory.allocated() + 32 * MIB)
    local message = helper.raises(function ()
      local all = {}
      for i = 1, 100 do all[i] = torch.zeros(MIB) end
      return all
    end, "not enough memory")
    torch.memory.limit(before or 0)
    assert.truthy(message:find("of at most", 1, true), message)
    assert.equal(8, torch.ones(8):sum():item())
  end)

  it("of no machine are refused in words", function ()
    torch.ones(100)
    for k = 46, 60 do helper.raises(function () torch.empty(1 << k) end, "memory") end
  end)
end)

describe("counts of what is alive", function ()
  it("are flat over many training steps", function ()
    local early, late, nodes_early, nodes_late, rss = child(([[
      torch.manual_seed(0)
      local nn = torch.nn
      local model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
      local optimizer = torch.optim.SGD(model:parameters(), {lr = 1e-3, momentum = 0.9})
      local x, y = torch.randn(4, 8), torch.randn(4, 1)
      local loss_of = nn.MSELoss()
      local function rss()
        local f = io.open("/proc/self/statm")
        local pages = tonumber(f:read("a"):match("%%d+ (%%d+)"))
        f:close()
        return pages * 4096
      end
      local function highest(steps)
        local tensors, nodes = 0, 0
        for _ = 1, steps do
          optimizer:zero_grad()
          loss_of(model(x), y):backward()
          optimizer:step()
          tensors, nodes = math.max(tensors, torch.memory.tensors()), math.max(nodes, torch.memory.nodes())
        end
        return tensors, nodes
      end
      local steps = %d
      local a, na = highest(steps // 10)
      local r = rss()
      local b, nb = highest(steps)
      print(a, b, na, nb, rss() - r)
    ]]):format(slow and 2000 or 100000))
    assert.is_true(late <= early * 1.5 + 200, ("%d tensors at first, %d later"):format(early, late))
    assert.is_true(nodes_late <= nodes_early * 1.5 + 200, ("%d nodes at first, %d later"):format(nodes_early, nodes_late))
    assert.is_true(slow or rss < 2 * MIB, rss .. " bytes of resident memory more")
  end)

  it("are not held by custom functions, with and without backward", function ()
    local early, late = child [[
      local Keep = torch.autograd.Function:extend("Keep")
      function Keep.forward(ctx, x)
        local y = x * 2
        ctx:save_for_backward(x, y)
        return y
      end
      function Keep.backward(ctx, g) return g * 2 end
      local x = torch.ones(100, {requires_grad = true})
      local function highest(n)
        local most = 0
        for i = 1, n do
          local y = Keep.apply(x):sum()
          if i % 2 == 0 then y:backward() end
          most = math.max(most, torch.memory.tensors())
        end
        return most
      end
      local a = highest(3000)
      print(a, highest(10000))
    ]]
    assert.is_true(late <= early * 1.5 + 200, ("%d tensors at first, %d later"):format(early, late))
  end)

  it("fall when a graph without backward is dropped", function ()
    local x = torch.ones(10, {requires_grad = true})
    local function chain()
      local y = x
      for _ = 1, 1000 do y = y * 1.5 end
      return y:sum()
    end
    chain()
    local most = 0
    for _ = 1, 200 do
      chain()
      most = math.max(most, torch.memory.nodes())
    end
    assert.is_true(most < 60000, most .. " nodes")
  end)
end)

describe("a module", function ()
  it("that is dropped gives its memory back", function ()
    local before = torch.memory.allocated()
    for _ = 1, 50 do nn.Linear(512, 512) end
    assert.is_true(torch.memory.allocated() - before < 24 * MIB)
  end)
end)
