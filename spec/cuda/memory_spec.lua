-- Memory of the second device as programs meet it: counts come back, the collector is part of the way out of memory,
-- a refusal says all figures and loses nothing, moves and pinned memory, faults that are told late, a context that is lost.
local helper = require "spec.support.helper"
local torch = require "torch"
local cuda, raises = torch.cuda, helper.raises

local MIB = 1 << 20
local simulated = os.getenv("TLUA_CUDA_SIM") == "1"

describe("memory on a card", function ()
  if not cuda.is_available() then
    pending("no card, and no simulated one (TLUA_CUDA_SIM=1)")
    return
  end

  local function settled()
    collectgarbage()
    collectgarbage()
    return cuda.memory_allocated()
  end

  -- runs a program in a child of its own environment
  local function child(program, env) return helper.run_text("local torch = require 'torch'\nlocal MIB = 1 << 20\n" .. program, { env = env }) end

  local function passes(program, env)
    local r = child(program, env)
    assert.equal(0, r.code, r.err .. r.out)
    return r.out
  end

  it("is counted in blocks of 512 bytes and given back", function ()
    torch.zeros(1, { device = "cuda" })
    local start = settled()
    local held = { torch.zeros(1000, { device = "cuda" }) }
    assert.equal(start + 4096, cuda.memory_allocated())
    held[2] = torch.zeros(1001, { device = "cuda" })
    assert.equal(start + 4096 + 4096, cuda.memory_allocated())
    cuda.reset_peak_memory_stats()
    assert.equal(cuda.memory_allocated(), cuda.max_memory_allocated())
    assert.equal(2, #held)
    held = nil -- luacheck: ignore 311
    assert.equal(start, settled())
    assert.is_true(cuda.max_memory_allocated() >= start + 8192)
    assert.is_true(cuda.memory_reserved() >= start)
    cuda.empty_cache()
    assert.is_true(cuda.memory_reserved() % 512 == 0)
  end)

  it("that a captured step works in is its own, whatever is freed beside it", function ()
    local x = torch.randn(5000, { device = "cuda" })
    local places, none = torch.randint(1, 5001, { 5000 }, { device = "cuda" }), torch.zeros(5000, { device = "cuda" })
    local function step() return none:index_add(1, places, x), x:cumsum(1), x:mul(2):sum() end
    step()
    local before = {}
    for k = 1, 40 do before[k] = torch.zeros(300 * k, { device = "cuda" }) end
    local g = cuda.CUDAGraph()
    local results = { cuda.graph(g, step) }
    assert.equal(40, #before)
    before = nil                                       -- luacheck: ignore 311
    collectgarbage()
    local others = {}
    for k = 1, 200 do others[k] = torch.full({ 20 * k }, k, { device = "cuda" }) end
    x:fill_(1)
    g:replay()
    for k = 1, 200 do assert.is_true(torch.equal(others[k], torch.full({ 20 * k }, k, { device = "cuda" })), k) end
    assert.same({ 5000, 5000, 10000 }, { results[1]:sum():item(), results[2][5000]:item(), results[3]:item() })
    others, g, results = nil, nil, nil                 -- luacheck: ignore 311
    collectgarbage()
    assert.equal(3, torch.ones(3, { device = "cuda" }):sum():item())
  end)

  it("of one branch of a captured step is not used by another that runs beside it", function ()
    passes([[
      torch.set_default_device("cuda")
      local a, b = torch.randn(100, 64), torch.randn(100, 64)
      local want = { (a * 2 + 1):tanh(), (b * 3):exp(), (b * 2 + 1):tanh() }
      local s, g, got = torch.cuda.Stream(), torch.cuda.CUDAGraph(), {}
      torch.cuda.graph(g, function ()
        local main = torch.cuda.current_stream()
        do
          local t = b * 2
          s:wait_stream(main)
          t:record_stream(s)
          torch.cuda.stream(s, function () got[1], got[3] = (a * 2 + 1):tanh(), (t + 1):tanh() end)
        end
        collectgarbage()
        got[2] = (b * 3):exp()
        main:wait_stream(s)
      end)
      for _ = 1, 50 do
        g:replay()
        torch.cuda.synchronize()
        for k = 1, 3 do assert(torch.equal(want[k], got[k]), k) end
      end
    ]], { TLUA_CUDA_SIM_ORDER = "shuffle" })
  end)

  it("of a generator that a captured step makes is nobody else's", function ()
    local s = torch.ones(2, { dtype = torch.float64, device = "cuda" })
    local step = torch.capture(function ()
      do local _ = s + 1 end
      collectgarbage()
      local generator = torch.Generator("cuda")
      return torch.rand(4, { generator = generator, device = "cuda" })
    end)
    assert.not_same(step():tolist(), step():tolist())
  end)

  it("of no card is refused in words", function ()
    for k = 46, 60 do raises(function () torch.empty(1 << k, { device = "cuda" }) end, "CUDA out of memory") end
  end)

  it("comes back after a training loop, and the loop reaches a steady size", function ()
    local nn = torch.nn
    local net = nn.Sequential(nn.Linear(50, 40), nn.ReLU(), nn.Linear(40, 10)):to("cuda")
    local optimizer = torch.optim.Adam(net:parameters())
    local x, y = torch.randn(16, 50):to("cuda"), torch.randint(1, 11, { 16 }):to("cuda")
    local function step()
      optimizer:zero_grad()
      local loss = nn.functional.cross_entropy(net:forward(x), y)
      loss:backward()
      optimizer:step()
    end
    for _ = 1, 3 do step() end
    local before, waits, segments = settled(), cuda.sync_count(), cuda.memory_stats()["segment.all.allocated"]
    for _ = 1, 20 do step() end
    assert.equal(waits, cuda.sync_count())
    assert.equal(segments, cuda.memory_stats()["segment.all.allocated"])
    assert.equal(before, settled())
  end)

  it("moves both ways unharmed, small and large, pinned and not", function ()
    for _, n in ipairs{ 1, 1000, 16384, 16385, 100000, 1200000 } do
      local x = torch.arange(n, { dtype = torch.float32 })
      local there = x:to("cuda")
      local again = x:pin_memory():to("cuda", { non_blocking = true })
      x:zero_()
      local want = torch.arange(n, { dtype = torch.float32 })
      assert.is_true(torch.equal(want, there:cpu()))
      assert.is_true(torch.equal(want, again:cpu()))
    end
  end)

  if not simulated then return end
  local small = { TLUA_CUDA_SIM_MEM = tostring(48 * MIB) }

  it("is had again when the collector finds it", function ()
    for _, order in ipairs{ "now", "late" } do
      passes([[
        collectgarbage("stop")
        for i = 1, 40 do
          local x = torch.full({ MIB }, i, { device = "cuda" })
          assert(x[5]:item() == i)
        end
        assert(torch.cuda.max_memory_allocated() <= 48 * MIB)
      ]], { TLUA_CUDA_SIM_MEM = small.TLUA_CUDA_SIM_MEM, TLUA_CUDA_SIM_ORDER = order })
    end
  end)

  it("is refused with all figures, and nothing is lost by it", function ()
    passes([[
      local held, e = {}
      local ok, message = pcall(function ()
        for i = 1, 40 do held[i] = torch.full({ MIB }, i + 0.0, { device = "cuda" }) end
      end)
      message = tostring(message)
      assert(not ok)
      for _, words in ipairs{ "CUDA out of memory", "Tried to allocate 4.00 MiB", "total capacity of 48.00 MiB", "is free",
          "allocated by tensors", "reserved", "largest block", "empty_cache" } do
        assert(message:find(words, 1, true), message)
      end
      assert(#held >= 8, #held)
      for i = 1, #held do assert(held[i][1]:item() == i) end
      held = nil
      collectgarbage()
      local x = torch.ones(10 * MIB, { device = "cuda" })       -- 40 MiB: only whole
      assert(x:sum():item() == 10 * MIB)
      x = nil
      collectgarbage()
      torch.cuda.empty_cache()
      assert(torch.cuda.memory_allocated() == 0 or torch.cuda.memory_allocated() <= 4096)
    ]], small)
  end)

  it("does the same with every block from the driver", function ()
    passes([[
      for i = 1, 30 do
        local x = torch.full({ 1000 * i }, i, { device = "cuda" }) * 2
        assert(x[1000]:item() == 2 * i)
      end
      collectgarbage()
      assert(torch.cuda.memory_reserved() == torch.cuda.memory_allocated())
    ]], { TLUA_CUDA_ALLOC = "none" })
  end)

  it("holds no number that was not written", function ()
    local out = passes([[
      local x = torch.empty(1000, { device = "cuda" })
      print(x:isnan():all())
    ]], { TLUA_CUDA_ALLOC = "hostile" })
    assert.matches("true", out)
  end)

  it("tells a bad index at the next read, once, and goes on", function ()
    for _, order in ipairs{ "now", "late" } do
      passes([[
        local w, at = torch.ones(10, 4, { device = "cuda" }), torch.tensor({ 1, 12 }):to("cuda")
        local y
        local ok, message = pcall(function () y = w:index_select(1, at) return y:sum():item() end)
        assert(not ok and tostring(message):find("12"), message)
        assert(w:sum():item() == 40)
      ]], { TLUA_CUDA_SIM_ORDER = order })
    end
  end)

  it("ends in peace when the context is lost: first cause for every call, silence from finalisers", function ()
    local out = passes([[
      local x = torch.ones(100, { device = "cuda" })
      local first, second
      local ok
      for i = 1, 50 do
        ok, first = pcall(function () return (x * 2):sum():item() end)
        if not ok then break end
      end
      assert(not ok and tostring(first):find("CUDA error"), first)
      ok, second = pcall(function () return x:fill_(1) end)
      local function cause(e) return tostring(e):match("CUDA error.*in this process") end
      assert(not ok and cause(first) == cause(second), tostring(second))
      ok, second = pcall(torch.ones, 100000, { device = "cuda" })        -- no word of memory: the cause
      assert(not ok and cause(first) == cause(second), tostring(second))
      x = nil
      collectgarbage()
      assert((torch.ones(3) + 1):sum():item() == 6)
      print("on the CPU all is well")
    ]], { TLUA_CUDA_SIM_FAIL = "cudaLaunchKernel:4=719" })
    assert.matches("all is well", out)
  end)

  it("refuses to be captured into a dead end, and later captures work", function ()
    passes([[
      local x = torch.ones(100, { device = "cuda" })
      local ok, message = pcall(torch.capture, function () return (x * 2):sum():item() end, "cuda")
      assert(not ok, "reading inside a captured step")
      assert((x * 2):sum():item() == 200)
    ]])
  end)

  it("names the cards that there are when another is wanted", function ()
    raises(function () torch.zeros(1, { device = "cuda:63" }) end, "there is no such card: this machine has")
  end)
end)
