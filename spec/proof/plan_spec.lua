-- Proof: a step that is written down and replayed gives the same bits as eager running, with everything that could
-- come apart in it: random numbers, an optimizer that counts, a write through a view, and memory that is reused.
local helper = require "spec.support.helper"
local torch = require "torch"
local nn = torch.nn

-- a network, its data and one training step of it
local function setup()
  torch.manual_seed(5)
  local model = nn.Sequential(nn.Linear(20, 32), nn.Tanh(), nn.Dropout(0.3), nn.Linear(32, 4))
  local x, y = torch.randn(16, 20), torch.randint(1, 5, {16})
  local noise = torch.zeros(16, 20)
  local optimizer = torch.optim.Adam(model:parameters(), {lr = 1e-2})
  local criterion = nn.CrossEntropyLoss()
  local function step()
    noise:uniform_(-0.1, 0.1)
    noise:t()[1]:mul_(2)                                   -- a write through a view of a view
    optimizer:zero_grad()
    local loss = criterion(model(x + noise), y)
    loss:backward()
    optimizer:step()
    return loss
  end
  return model, step
end

local function bits(model)
  local r = {}
  for name, p in model:named_parameters() do r[#r + 1] = name .. " " .. table.concat(p:detach():reshape(-1):tolist(), " ") end
  return table.concat(r, "\n")
end

describe("a captured step", function ()
  it("replayed 100 times is eager running, to the last bit and the state of the generator", function ()
    local eager, step = setup()
    local losses = {}
    for i = 1, 101 do losses[i] = step():item() end
    local state = torch.get_rng_state()

    local model, again = setup()
    again()                                                -- the first step makes the optimizer's state
    local plan = torch.capture(again)                      -- the second is written down
    local loss
    for i = 3, 101 do
      loss = plan()
      assert.equal(losses[i], loss:item())
    end
    assert.equal(bits(eager), bits(model))
    assert.is_true(torch.equal(state, torch.get_rng_state()))
  end)

  it("of the two-layer net gives eager's bits", function ()
    local function net()
      torch.manual_seed(0)
      local x, y = torch.randn(64, 1000), torch.randn(64, 10)
      local w1, w2 = torch.randn(1000, 100), torch.randn(100, 10)
      return function ()
        local h = x:mm(w1)
        local relu = h:clamp{min = 0}
        local d = relu:mm(w2) - y
        local g = 2.0 * d
        local g2 = relu:t():mm(g)
        local gh = g:mm(w2:t()):clone()
        gh[h:lt(0)] = 0
        w1:sub_(1e-6 * x:t():mm(gh))
        w2:sub_(1e-6 * g2)
        return d:pow(2):sum()
      end
    end
    local eager, plan = net(), torch.capture(net())        -- a number into a mask: no count has to be read
    eager()
    for _ = 1, 20 do assert.equal(eager():item(), plan():item()) end
  end)

  it("bumps versions: a stale saved tensor is noticed after a replay too", function ()
    local w = torch.ones(3, {requires_grad = true})
    local x = torch.ones(3)
    local plan = torch.capture(function () x:mul_(2) end)
    local y = (w * x):sum()
    plan()
    helper.raises(function () y:backward() end, "modified by an inplace operation")
  end)

  it("refuses what would have to be read", function ()
    local x = torch.ones(4)
    for name, f in pairs{
      item = function () return x:sum():item() end, tolist = function () return x:tolist() end,
      nonzero = function () return x:nonzero() end, print = function () return tostring(x) end,
      masked_select = function () return x:masked_select(x:gt(0)) end,
    } do
      local message = helper.raises(function () torch.capture(f) end, "not inside a captured step")
      assert.is_string(message, name)
    end
    assert.equal(4, x:sum():item())                        -- and the state goes on
  end)

  it("keeps an error of the function, and can be tried again", function ()
    helper.raises(function () torch.capture(function () error("mine") end) end, "mine")
    helper.raises(function () torch.capture(function () return torch.capture(function () end) end) end, "captured already")
    local x = torch.zeros(2)
    local plan = torch.capture(function () x:add_(1) end)
    plan() plan()
    assert.same({3, 3}, x:tolist())
    assert.equal(1, #plan)
  end)

  it("reuses the memory that is free inside the step", function ()
    local x = torch.zeros(1 << 18)
    local before = torch.memory.allocated()
    torch.memory.reset_peak()
    local plan = torch.capture(function ()
      for _ = 1, 50 do x:copy_((x + 1) * 2 - 1) end
    end)
    assert.is_true(torch.memory.max_allocated() - before < 16 << 20, "200 temporaries of 1 MiB")
    x:fill_(0)
    plan()
    assert.equal(2.0 ^ 50, x[1]:item())                     -- 2^50 - 1 in float32
    assert.is_true(x:eq(x[1]):all())
  end)

  it("that runs out of memory gives every block back once", function ()
    local x = torch.ones(4096)
    for n = 1, 200, 3 do
      pcall(torch.capture, function ()
        do
          local dead = {}
          for i = 1, 40 do dead[i] = x + i end
          assert.equal(40, #dead)
        end
        collectgarbage()
        torch._C.fail_allocation(n)
        local kept = {}
        for i = 1, 40 do kept[i] = x * i end
        return table.unpack(kept)
      end)
      torch._C.fail_allocation(0)
      collectgarbage()
    end
    local all = {}
    for i = 1, 60 do all[i] = torch.full({ 4096 }, i) end
    for i = 1, 60 do assert.equal(4096 * i, all[i]:sum():item()) end
  end)

  it("refuses an optimizer's first step, which would make its state at every replay", function ()
    for _, kind in ipairs { torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop } do
      local w = torch.tensor({ 1., 2. }, { requires_grad = true })
      local optimizer = kind({ w }, { lr = 0.1, momentum = kind ~= torch.optim.Adam and 0.9 or nil })
      local function step()
        optimizer:zero_grad()
        w:square():sum():backward()
        optimizer:step()
      end
      helper.raises(function () torch.capture(step) end, "the first step makes the optimizer's state")
      step()
      torch.capture(step)()
    end
  end)
end)
