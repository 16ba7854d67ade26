-- What a card does and in which order: memory, late faults, pinned memory, streams, events, random numbers, graphs.  Runs where
-- there is a card, the simulated one (TLUA_CUDA_SIM=1) included.
local helper = require "spec.support.helper"
local torch = require "torch"
local cuda, nn, raises = torch.cuda, torch.nn, helper.raises

if not cuda.is_available() then return end

local function on(...) return torch.tensor(...):cuda() end

describe("torch.cuda", function ()
  local default = torch.get_default_device()           -- the specs may run with another one
  setup(function () torch.set_default_device("cpu") end)
  teardown(function () torch.set_default_device(default) end)

  it("counts memory, back to the start when tensors die", function ()
    collectgarbage()
    collectgarbage()
    local start = cuda.memory_allocated()
    cuda.reset_peak_memory_stats()
    local x = torch.zeros(1 << 16, { device = "cuda" })
    local y = x + 1
    assert.is_true(cuda.memory_allocated() >= start + 2 * (1 << 18))
    assert.is_true(cuda.max_memory_allocated() >= cuda.memory_allocated())
    assert.is_true(cuda.memory_reserved() >= cuda.memory_allocated())
    assert.equal(cuda.memory_allocated(), cuda.memory_stats()["allocated_bytes.all.current"])
    assert.truthy(cuda.memory_summary():find("allocated"))
    assert.equal(1 << 16, y:sum():item())
    x, y = nil, nil                                                        -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.equal(start, cuda.memory_allocated())
    cuda.empty_cache()
    assert.is_true(cuda.memory_reserved() <= cuda.max_memory_reserved())
    cuda.reset_peak_memory_stats()
    assert.equal(cuda.memory_allocated(), cuda.max_memory_allocated())
  end)

  it("says what is there when memory runs out, and loses nothing", function ()
    collectgarbage()
    collectgarbage()
    local keep = torch.arange(4, { device = "cuda" })
    local start, tensors = cuda.memory_allocated(), torch.memory.tensors()
    local _, total = cuda.mem_get_info()
    local message = raises(function () torch.empty(total, { device = "cuda" }) end, "CUDA out of memory. Tried to allocate")
    for _, words in ipairs{ "total capacity of", "is free", "is allocated", "is reserved", "largest block", "would help" } do
      assert.truthy(message:find(words, 1, true), message)
    end
    collectgarbage()
    assert.equal(start, cuda.memory_allocated())
    assert.equal(tensors, torch.memory.tensors())
    assert.equal(6, keep:sum():item())
    assert.equal(1, torch.ones(1, { device = "cuda" }):item())
  end)

  it("collects what nobody reaches before it gives up", function ()
    local _, total = cuda.mem_get_info()
    local third = total // 3
    collectgarbage("stop")
    local ok, message = pcall(function ()
      for _ = 1, 6 do torch.empty(third, { dtype = torch.uint8, device = "cuda" }) end
    end)
    collectgarbage("restart")
    assert.is_true(ok, message)
  end)

  it("tells a bad index at the next read, with op, dimension, value and size", function ()
    local x, bad = on{ 1.0, 2.0, 3.0 }, on{ 2, 9 }
    local y = x:index_select(1, bad)                                       -- queued: nobody knows yet
    raises(function () y:tolist() end, "index 9 is out of bounds for dimension 1 with size 3 (in index_select on cuda:0)")
    assert.same({ 1, 2, 3 }, x:tolist())                                   -- told once; the device goes on
    local z = on{ 1, 2 } // on{ 1, 0 }
    raises(function () z:tolist() end, "ZeroDivisionError: integer division or modulo by zero")
    x:index_select(1, bad)
    raises(function () cuda.synchronize() end, "index 9 is out of bounds")
    cuda.synchronize()
    raises(function () nn.functional.cross_entropy(torch.zeros(2, 3):cuda(), on{ 1, 7 }):item() end, "Target 7 is out of bounds")
  end)

  it("pins memory, and copies from it without a wait", function ()
    local x = torch.arange(12):view(3, 4):t()
    local p = x:pin_memory()
    assert.same({ false, true, false }, { x:is_pinned(), p:is_pinned(), p.is_cuda })
    assert.is_true(p:is_contiguous())
    assert.same(x:tolist(), p:tolist())
    assert.is_true(rawequal(p, p:pin_memory()))
    assert.is_true(p:view(12):is_pinned())
    assert.is_true(torch.zeros(0):pin_memory():is_pinned())
    local before = cuda.sync_count()
    local y = p:to("cuda", { non_blocking = true })
    local back = torch.empty(4, 3, { dtype = torch.int64 }):pin_memory()
    back:copy_(y * 2, { non_blocking = true })
    assert.equal(before, cuda.sync_count())
    cuda.synchronize()
    assert.same((x * 2):tolist(), back:tolist())
    raises(function () y:pin_memory() end, "only dense CPU tensors can be pinned")
    local loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.arange(6), torch.arange(6):float()),
      { batch_size = 3, pin_memory = true })
    local n = 0
    for a, b in loader do
      n = n + 1
      assert.is_true(a:is_pinned() and b:is_pinned())
    end
    assert.equal(2, n)
  end)

  it("orders streams by events", function ()
    local s, first = cuda.Stream{ priority = -1 }, cuda.current_stream()
    assert.equal(cuda.default_stream(), first)
    assert.not_equal(s, first)
    assert.truthy(tostring(s):find("<torch.cuda.Stream device=cuda:0 cuda_stream=0x", 1, true))
    for _ = 1, 5 do
      local x = torch.zeros(1000, { device = "cuda" })
      for _ = 1, 10 do x:add_(1) end
      s:wait_stream(first)
      local y = cuda.stream(s, function ()
        assert.equal(s, cuda.current_stream())
        x:record_stream(s)
        return x * 2
      end)
      assert.equal(first, cuda.current_stream())
      local event = s:record_event()
      event:wait()
      y:add_(1)
      assert.equal(21000, y:sum():item())
    end
    do
      local _ <close> = cuda.stream(s)
      assert.equal(s, cuda.current_stream())
    end
    assert.equal(first, cuda.current_stream())
    pcall(cuda.stream, s, error)
    assert.equal(first, cuda.current_stream())
    s:synchronize()
    assert.is_true(s:query())
    raises(function () cuda.stream(3) end, "expected a torch.cuda.Stream")
    raises(function () torch.zeros(1, { device = "cuda" }):record_stream(3) end, "must be torch.cuda.Stream, not int")
  end)

  it("keeps a current stream that nobody holds", function ()
    cuda.set_stream(cuda.Stream())
    collectgarbage()
    collectgarbage()
    assert.equal(3, torch.ones(3, { device = "cuda" }):sum():item())
    cuda.set_stream(cuda.default_stream())
    collectgarbage()
  end)

  it("times with events", function ()
    local a, b = cuda.Event{ enable_timing = true }, cuda.Event{ enable_timing = true }
    raises(function () a:elapsed_time(b) end, "Both events must be recorded")
    a:record()
    torch.ones(100, { device = "cuda" }):exp()
    b:record()
    b:synchronize()
    assert.is_true(a:query() and b:query())
    assert.is_true(a:elapsed_time(b) >= 0)
    raises(function () a:elapsed_time(cuda.Event()) end, "must be created with argument 'enable_timing=True'")
  end)

  it("seeds, saves and restores its random numbers", function ()
    local function draw(...) return torch.rand(8, { device = "cuda", ... }):tolist() end
    torch.manual_seed(7)
    local a = draw()
    torch.manual_seed(7)
    assert.same(a, draw())
    cuda.manual_seed(7)
    assert.same(a, draw())
    cuda.manual_seed_all(7)
    local state = cuda.get_rng_state()
    assert.equal("cpu", tostring(state.device))
    assert.equal(16, state:numel())
    assert.same(a, draw())
    local b = draw()
    cuda.set_rng_state(state)
    assert.same(a, draw())
    assert.same(b, draw())
    assert.equal(7, cuda.initial_seed())
    cuda.set_rng_state_all{ state }
    assert.same(a, draw())
    cuda.seed()
    assert.not_same(a, draw())
    local g = torch.Generator("cuda"):manual_seed(7)
    assert.same(a, torch.rand(8, { device = "cuda", generator = g }):tolist())
    local saved = g:get_state()
    local c = torch.rand(8, { device = "cuda", generator = g }):tolist()
    g:set_state(saved)
    assert.same(c, torch.rand(8, { device = "cuda", generator = g }):tolist())
    raises(function () cuda.set_rng_state(torch.zeros(3, { dtype = torch.uint8 })) end, "RNG state is wrong size")
    torch.manual_seed(0)                                                   -- what PyTorch draws on a card
    helper.close_to(torch.rand(8, { device = "cuda" }), { 0.3990, 0.5167, 0.0249, 0.9401, 0.9459, 0.7967, 0.4150, 0.8203 }, 5e-5)
  end)

  if os.getenv("TLUA_CUDA_SIM") == "1" then
    it("steps all parameters of an optimizer by one launch", function ()
      -- the first launch that an injected failure does not meet any more is one past the last
      local function launches(parameters, steps)
        local text = ([[
          local torch, list = require "torch", {}
          torch.set_default_device("cuda")
          for i = 1, %d do
            list[i] = torch.ones(i %% 7):requires_grad_()
            list[i].grad = torch.ones(i %% 7)
          end
          local optimizer = torch.optim.Adam(list, { lr = 0.1 })
          for _ = 1, %d do optimizer:step() end
          torch.cuda.synchronize()
        ]]):format(parameters, steps)
        local low, high = 0, 2048
        while high - low > 1 do
          local n = (low + high) // 2
          local r = helper.run_text(text, { env = { TLUA_CUDA_SIM_FAIL = "cudaLaunchKernel:" .. n } })
          if r.code == 0 then high = n else low = n end
        end
        return low
      end
      for _, parameters in ipairs{ 5, 150 } do
        assert.equal(1, launches(parameters, 3) - launches(parameters, 2))
      end
    end)
  end

  it("replays a graph to the bits of eager running", function ()
    local function training(graph)
      torch.manual_seed(3)
      local net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.25), nn.Linear(8, 1)):cuda()
      local optimizer = torch.optim.Adam(net:parameters(), { lr = 1e-2 })
      local x, y = torch.empty(5, 6, { device = "cuda" }), torch.empty(5, 1, { device = "cuda" })
      local function step()
        optimizer:zero_grad{ set_to_none = false }
        local loss = (net(x) - y):pow(2):mean()
        loss:backward()
        optimizer:step()
        return loss
      end
      local data = torch.arange(300):float():sin():view(10, 5, 6)
      local losses, g, static = {}, nil, nil
      for i = 1, 10 do
        x:copy_(data[i])
        y:copy_(data[i]:sum(2, true))
        if graph and i == 4 then
          g = cuda.CUDAGraph()
          static = cuda.graph(g, function ()
            assert.is_true(cuda.is_current_stream_capturing())
            return step()
          end)
          assert.is_false(cuda.is_current_stream_capturing())
          raises(function () cuda.graph(g, step) end, "already owns a captured graph")
        end
        if g then
          g:replay()
          losses[i] = static:item()
        else
          losses[i] = step():item()
        end
      end
      return losses, net[1].weight:tolist()
    end
    local eager, weights = training(false)
    local replayed, same = training(true)
    assert.same(eager, replayed)
    assert.same(weights, same)
  end)

  it("captures with torch.capture too, which runs the step once", function ()
    local x = on{ 1.0, 2.0 }
    local plan = torch.capture(function () return x:add_(1) end, "cuda")
    assert.same({ 2, 3 }, x:tolist())
    plan()
    assert.same({ 3, 4 }, x:tolist())
    raises(function () torch.capture(function () return x:sum():item() end, "cuda") end, "not inside a captured step")
    assert.same({ 3, 4 }, x:tolist())
    raises(function () torch.capture(function () x:add_(1); error("mine") end, "cuda") end, "mine")
    assert.same({ 3, 4 }, x:tolist())                                      -- written down, never run
  end)
end)
