-- Proof: whichever allocation fails, the program gets an error in words, the state goes on, and nothing is lost.
-- torch._C.fail_allocation(n) makes the n-th allocation from now on fail, once; a second time it is tried again
-- after the collector has run, so what is asked for twice is failed twice.
local helper = require "spec.support.helper"
local torch = require "torch"
local nn = torch.nn

local PROGRAMS = {
  ["views and in-place writes"] = function ()
    local a = torch.ones(3, 3, {requires_grad = true})
    local x = a:clone()
    x:t()[2]:mul_(3)
    x[1]:add_(torch.ones(3, {requires_grad = true}))
    ;(x * x):sum():backward()
    return a.grad
  end,
  ["a graph of second order"] = function ()
    local x = torch.randn(4, {requires_grad = true})
    local g = torch.autograd.grad((x:exp() * x):sum(), {x}, {create_graph = true})[1]
    return torch.autograd.grad((g * g):sum(), {x})[1]
  end,
  ["a network, its optimizer and data"] = function ()
    local model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Dropout(0.5), nn.Linear(7, 3))
    local optimizer = torch.optim.Adam(model:parameters(), {lr = 0.1})
    local loss = nn.CrossEntropyLoss()(model(torch.randn(6, 5)), torch.randint(1, 4, {6}))
    loss:backward()
    optimizer:step()
    return loss
  end,
  ["indexing, joining, printing"] = function ()
    local x = torch.arange(300.0):reshape(20, 15)
    local y = torch.cat({x, x[{{2, 5}}]}, 1)
    y[y:gt(100)] = 0
    return y[{torch.tensor{1, 3}, {}}]:softmax(2), tostring(y), y:nonzero()
  end,
  ["a custom function with hooks"] = function ()
    local Twice = torch.autograd.Function:extend("Twice")
    function Twice.forward(ctx, x) ctx:save_for_backward(x) return x * 2, x + 1 end
    function Twice.backward(ctx, g, h) return g * 2 + h * ctx.saved_tensors[1]:sign():abs() end
    local x = torch.ones(300, {requires_grad = true})
    x:register_hook(function (g) return g * 2 end)
    local a, b = Twice.apply(x)
    ;(a + b):sum():backward()
    return x.grad
  end,
  ["a captured step"] = function ()
    local x = torch.zeros(400)
    local plan = torch.capture(function () x:add_(torch.rand(400)):mul_(2) return x:sum() end)
    plan()
    return plan()
  end,
}

-- everything that can be freed is: temporaries of the specs before, boxes that wait for the collector
local function settle()
  for _ = 1, 60 do torch.empty(1 << 19) end
end

local step = helper.mode == "release" and 1 or 7

describe("with the n-th allocation failing,", function ()
  for name, program in pairs(PROGRAMS) do
    it(name .. ": an error in words, no loss", function ()
      torch.manual_seed(1)
      assert(pcall(program))
      settle()
      local failed, sites = 0, 0
      for n = 1, 4000, step do
        torch._C.fail_allocation(n)
        local ok, why = pcall(program)
        local left = torch._C.fail_allocation(0)
        if not ok then
          failed = failed + 1
          assert.truthy(tostring(why):find("memory", 1, true), tostring(why))
        end
        assert.equal(0, torch._C.pooled())
        assert.is_true(torch.is_grad_enabled())
        if left > 0 then sites = n break end                -- the program got through before the n-th
      end
      assert.is_true(sites > 10, sites .. " allocations")
      assert.is_true(failed > 0, "some of them are noticed")
      assert(pcall(program))                                 -- as if nothing had been
      settle()
      local before = {torch.memory.allocated(), torch.memory.tensors(), torch.memory.nodes()}
      for n = 1, sites, step do
        torch._C.fail_allocation(n)
        pcall(program)
      end
      torch._C.fail_allocation(0)
      settle()
      -- temporaries of settle itself wait for the collector, a few of 2 MiB; a leak would be one for each failure
      assert.is_true(torch.memory.allocated() - before[1] < 16 << 20, "bytes alive grew")
      assert.is_true(torch.memory.tensors() - before[2] < 12, "tensors alive grew to " .. torch.memory.tensors())
      assert.is_true(torch.memory.nodes() - before[3] < 6, "nodes alive grew to " .. torch.memory.nodes())
    end)
  end
end)
