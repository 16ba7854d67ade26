-- The plugin's host side without Lua between: spec/cuda/host*.c ask the plugin's one symbol. The allocator's invariants under
-- a storm of sizes, the way out of memory, moves, streams, plans, faults, lost contexts, failing CUDA calls, the exit.
local helper = require "spec.support.helper"

local simulated = os.getenv("TLUA_CUDA_SIM") == "1" or not os.getenv("TLUA_CUDA")
local plugin = os.getenv("TLUA_CUDA") or "build/cuda-sim/release/tlua_cuda.so"
local program = os.tmpname()

local function run(test, env)
  local words = { "env", "TLUA_CUDA_SIM=" .. (simulated and 1 or 0) }
  for name, value in pairs(env or {}) do words[#words + 1] = helper.quote(name .. "=" .. value) end
  words[#words + 1] = ("timeout 120 %s %s %s"):format(program, helper.quote(plugin), test)
  return helper.sh(table.concat(words, " "))
end

local function passes(test, env)
  local r = run(test, env)
  assert.equal(0, r.code, test .. ": " .. r.out .. r.err)
  return r.out
end

local function there()
  local f = io.open(plugin, "rb")
  if f then f:close() end
  return f ~= nil
end

describe("the plugin's host side", function ()
  if not there() then
    pending("there is no plugin to ask: `make cuda-sim` builds one")
    return
  end

  setup(function ()
    local sanitize = helper.mode == "asan" and "-fsanitize=address,undefined" or ""  -- as the plugin's, which is loaded late
    local r = helper.sh(("cc -std=gnu11 -O1 -g -Wall -Wextra %s -Isrc spec/cuda/host.c spec/cuda/host_memory.c -o %s -ldl -lpthread")
      :format(sanitize, program))
    assert.equal(0, r.code, r.err)
  end)
  teardown(function () os.remove(program) end)

  for _, test in ipairs{ "doors", "fuzz", "sizes", "moves", "pinned", "streams", "plans", "faults", "threads", "exit", "injected" } do
    it("passes: " .. test, function ()
      passes(test)
      if not simulated then return end
      for _, order in ipairs{ "late", "shuffle" } do passes(test, { TLUA_CUDA_SIM_ORDER = order }) end
    end)
  end

  it("is the same with every block from the driver, and with poisoned ones", function ()
    for _, way in ipairs{ "none", "hostile" } do
      for _, test in ipairs{ "fuzz", "moves", "streams", "plans", "faults" } do
        passes(test, { TLUA_CUDA_ALLOC = way })
        if simulated then passes(test, { TLUA_CUDA_ALLOC = way, TLUA_CUDA_SIM_ORDER = "late" }) end
      end
    end
  end)

  it("tells a fault where it arose when it may not run ahead", function ()
    passes("faults", { CUDA_LAUNCH_BLOCKING = 1 })
    passes("plans", { CUDA_LAUNCH_BLOCKING = 1 })
  end)

  it("refuses an allocator that it does not have", function ()
    local said = passes("refused", { TLUA_CUDA_ALLOC = "async" })
    assert.equal("TLUA_CUDA_ALLOC is cache, none or hostile, not 'async'\n", said)
  end)

  if not simulated then return end

  it("finds memory on a small card as long as there is any", function ()
    for _, order in ipairs{ "now", "late" } do
      passes("ladder", { TLUA_CUDA_SIM_MEM = 32 << 20, TLUA_CUDA_SIM_ORDER = order })
      passes("fuzz", { TLUA_CUDA_SIM_MEM = 32 << 20, TLUA_CUDA_SIM_ORDER = order })
    end
  end)

  it("says in one sentence why there is no card", function ()
    local function why(env) return (passes("refused", env):gsub("\n$", "")) end
    assert.equal("there is no NVIDIA driver on this machine (libcuda.so.1 was not found)", why{ TLUA_CUDA_SIM_DRIVER = 0 })
    assert.equal("the NVIDIA driver is too old: it is for CUDA 12.2, and this plugin needs 13.0 or later",
      why{ TLUA_CUDA_SIM_DRIVER = 12020 })
    assert.matches("^the card 'Simulated.*' is the simulator, for tests only; set TLUA_CUDA_SIM=1$", why{ TLUA_CUDA_SIM = 0 })
    assert.matches("^CUDA can't be used: .*%(cudaErrorDevicesUnavailable, 46%)$",
      why{ TLUA_CUDA_SIM_FAIL = "cudaGetDeviceCount:1=46" })
  end)

  it("answers every call with the first cause when a context is lost", function ()
    for _, order in ipairs{ "now", "late" } do
      for _, fail in ipairs{ "cudaStreamSynchronize:3=700", "cudaLaunchKernel:2=719", "cudaLaunchKernel:1=710" } do
        local said = passes("sticky", { TLUA_CUDA_SIM_FAIL = fail, TLUA_CUDA_SIM_ORDER = order })
        assert.matches("^CUDA error: .*CUDA_LAUNCH_BLOCKING=1 shows which%. Nothing more can be done", said)
      end
    end
    assert.not_matches("BLOCKING", passes("sticky", { TLUA_CUDA_SIM_FAIL = "cudaLaunchKernel:2=719", CUDA_LAUNCH_BLOCKING = 1 }))
  end)

  -- each call that the host side makes fails: the first time, the second time for good, and in its own way
  it("stays honest while CUDA's calls fail", function ()
    local calls, n = {}, 0
    for _, file in ipairs{ "error", "graph", "memory", "move", "pinned", "plugin", "stream" } do
      for name in helper.read("cuda/" .. file .. ".c"):gmatch("(cuda%u%w+) ?%(") do calls[name] = { ":1", ":2=700" } end
    end
    calls.cudaLaunchKernel = { ":1", ":2=700", ":3=701" }
    calls.cudaMalloc = { ":1=2", ":2=2", ":1+=2", ":2+=2", ":1=700" }
    calls.cudaHostAlloc = { ":1=2", ":2=2", ":2+=2", ":3+=2" }
    for name, ways in pairs(calls) do
      for _, how in ipairs(ways) do
        passes("injected", { TLUA_CUDA_SIM_FAIL = name .. how })
        n = n + 1
      end
    end
    assert.is_true(n > 60)
  end)
end)
