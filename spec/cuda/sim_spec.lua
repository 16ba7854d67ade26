-- The simulator of cuda/sim: it runs kernels rightly, and notices what bugs.cu and its callers do wrong.
local helper = require "spec.support.helper"

local built = {}
local function build(mode)
  if built[mode] == nil then
    local r = helper.sh("env -u MAKEFLAGS -u MAKELEVEL make -s -j2 -f spec/cuda/programs.mk MODE=" .. mode)
    built[mode] = r.code == 0 or r.err
  end
  if built[mode] ~= true then error(built[mode], 0) end
  return "build/sim-spec/" .. mode .. "/"
end

--- a program of programs.mk; env as in a shell, instead of the orders that the specs may be run in
local function run(mode, env, words)
  local without = "-u TLUA_CUDA_SIM_ORDER -u TLUA_CUDA_SIM_BLOCKS -u TLUA_CUDA_SIM_THREADS -u TLUA_CUDA_SIM_SEED"
  return helper.sh(("env %s %s timeout 60 %s%s"):format(without, env, build(mode), words))
end

-- kind = { what is noticed, environment it needs }
local late = "TLUA_CUDA_SIM_ORDER=late"
local bugs = {
  missing_barrier = { "wrong: y%[0%] is %-?nan" },
  global_write = { "IllegalAddress.*written past the end of an allocation of 1024 bytes %(byte 1024%)" },
  global_far = { "IllegalAddress.*a kernel touched .*card 0.*thread %(7, 0, 0%)" },
  shared_write = { "IllegalAddress.*past the end of shared s of k_shared" },
  shared_index = { "IllegalAddress.*index 256 outside 'float %[256%]' at bugs%.cu:%d+" },
  dynamic_write = { "IllegalAddress.*past the end of shared memory given by the launch" },
  fresh_shared = { "is %-?nan" },
  fresh_memory = { "is %-?nan" },
  diverged_barrier = { "LaunchFailure.*two different places, bugs%.cu:%d+ and bugs%.cu:%d+" },
  left_barrier = { "LaunchFailure.*8 threads have left the kernel, 248 threads wait at the barrier of bugs%.cu:%d+" },
  absent_lanes = { "LaunchFailure.*deadlock: 128 threads wait for the lanes of mask 0xffffffff at bugs%.cu" },
  unnamed_lane = { "LaunchFailure.*lane 30 reads lane 31" },
  misaligned = { "MisalignedAddress.*float4' at bugs%.cu:%d+.*not a multiple of 16" },
  block_order = { "wrong: y%[1%]", "TLUA_CUDA_SIM_BLOCKS=reverse" },
  thread_order = { "wrong: y%[0%] is 255 where 1 is expected", "TLUA_CUDA_SIM_THREADS=reverse" },
  lane_order = { "wrong: y%[0%] is 32 where 1 is expected", "TLUA_CUDA_SIM_THREADS=reverse" },
  zero_divide = { "LaunchFailure.*integer division by zero" },
  host_touch = { "host code touched device memory.*byte 0 of an allocation of 1024" },
  host_argument = { "IllegalAddress.*neither memory of its card nor pinned" },
  early_read = { "wrong: the answer is", late },
  early_write = { "wrong: y%[0%] is %-1", late },
  unordered_streams = { "is %-?nan", late },
  capture_sync = { "refused with 900.*StreamCaptureInvalidated" },
  capture_malloc = { "refused with 900.*StreamCaptureInvalidated" },
  capture_pageable = { "refused with 900.*StreamCaptureInvalidated" },
  capture_device = { "refused with 900.*StreamCaptureInvalidated" },
  capture_fork = { "StreamCaptureUnjoined" },
  graph_freed = { "IllegalAddress.*a copy from .*freed" },
  large_block = { "InvalidConfiguration" },
  large_shared = { "InvalidValue" },
  double_free = { "InvalidValue" },
  copy_past = { "InvalidValue" },
}

local names = {}
for name in pairs(bugs) do names[#names + 1] = name end
table.sort(names)

local has_compiler = helper.sh("g++ --version").code == 0
local test = has_compiler and it or pending

describe("the simulated card", function()
  test("has every mistake of bugs.cu in this list", function()
    local listed = {}
    for name in run("plain", "", "bugs").out:gmatch("%S+") do listed[#listed + 1] = name end
    table.sort(listed)
    assert.same(listed, names)
  end)

  for _, name in ipairs(names) do
    test("notices " .. name:gsub("_", " "), function()
      local r = run("plain", bugs[name][2] or "", "bugs " .. name)
      assert.is_truthy((r.out .. r.err):find(bugs[name][1]), r.out .. r.err)
      assert.is_nil(r.out:find("fine"))
    end)
  end

  test("needs another order for what only an order shows", function()
    for _, name in ipairs { "block_order", "thread_order", "lane_order" } do
      assert.equal("fine\n", run("plain", "", "bugs " .. name).out)
    end
    for seed = 1, 3 do
      local r = run("plain", "TLUA_CUDA_SIM_THREADS=shuffle TLUA_CUDA_SIM_SEED=" .. seed, "bugs thread_order")
      assert.is_truthy(r.out:find("wrong"), r.out)
    end
  end)

  test("lets the right twins pass, in every order of streams, blocks and threads", function()
    for _, env in ipairs { "TLUA_CUDA_SIM_ORDER=now", late, "TLUA_CUDA_SIM_ORDER=shuffle",
                           "TLUA_CUDA_SIM_ORDER=shuffle TLUA_CUDA_SIM_SEED=7",
                           "TLUA_CUDA_SIM_BLOCKS=reverse TLUA_CUDA_SIM_THREADS=reverse",
                           "TLUA_CUDA_SIM_BLOCKS=shuffle TLUA_CUDA_SIM_THREADS=shuffle" } do
      for _, name in ipairs(names) do
        local r = run("plain", env, "bugs " .. name .. " right")
        assert.equal("fine\n", r.out, name .. " with " .. env .. ": " .. r.err)
        assert.equal(0, r.code)
      end
    end
  end)

  test("says where a kernel wrote past an array, under the address sanitizer", function()
    for _, name in ipairs { "global_write", "shared_write", "dynamic_write" } do
      local r = run("asan", "", "bugs " .. name)
      local report = "AddressSanitizer: use%-after%-poison.*WRITE of size 4.*in k_%w+ .*bugs%.cu:%d+"
      assert.is_truthy(r.err:find(report), r.out .. r.err)
    end
    for _, name in ipairs(names) do
      local r = run("asan", late, "bugs " .. name .. " right")
      assert.equal("fine\n", r.out, name .. ": " .. r.err)
    end
    local r = run("asan", "", "bugs diverged_barrier")
    assert.equal(1, r.code)                  -- fibres left behind are no leak and no error
    assert.equal("", r.err)
  end)

  test("gives kernels CUDA's functions", function()
    for _, env in ipairs { "TLUA_CUDA_SIM_ORDER=now", "TLUA_CUDA_SIM_BLOCKS=shuffle TLUA_CUDA_SIM_THREADS=reverse",
                           "TLUA_CUDA_SIM_THREADS=shuffle" } do
      local r = run("plain", env, "functions")
      assert.is_truthy(r.out:find("^Simulated"), r.out)
      assert.is_truthy(r.out:find("fine\n$"), r.out .. r.err)
    end
    assert.is_truthy(run("asan", "", "functions").out:find("fine"))
  end)

  test("fails on demand", function()
    local function says(env, what)
      local r = run("plain", env, "bugs global_write right")
      assert.is_truthy(r.out:find(what), r.out)
    end
    says("TLUA_CUDA_SIM_FAIL=cudaMalloc:2", "^malloc: cudaErrorMemoryAllocation %(2%)")
    says("TLUA_CUDA_SIM_FAIL=cudaMalloc:3", "^fine")
    says("TLUA_CUDA_SIM_FAIL=cudaMalloc:3,cudaMemcpy:1+", "^copy: cudaErrorUnknown")
    says("TLUA_CUDA_SIM_FAIL=cudaLaunchKernel:1", "^k_past: cudaErrorLaunchOutOfResources")
    says("TLUA_CUDA_SIM_FAIL=cudaLaunchKernel:1=719", "^k_past: cudaErrorLaunchFailure.*injected")
    says("TLUA_CUDA_SIM_MEM=2048", "^fine")
    says("TLUA_CUDA_SIM_MEM=2047", "^malloc: cudaErrorMemoryAllocation")
    says("TLUA_CUDA_SIM_CARDS=0", "^stream: cudaErrorNoDevice")
    says("TLUA_CUDA_SIM_DRIVER=0", "^stream: cudaErrorInsufficientDriver")
    says("TLUA_CUDA_SIM_DRIVER=12080", "^stream: cudaErrorInsufficientDriver")
  end)
end)
