-- Random commands on the simulated card's kernels and on the CPU device: pointwise_fuzz.cpp and places_fuzz.cpp (`make cuda-fuzz`).
local helper = require "spec.support.helper"

local folder = os.getenv("TLUA_FUZZ")        -- where the makefile has put them; without one they are made here
local seed = 20

describe("random commands", function ()
  if os.getenv("TLUA_CUDA") and os.getenv("TLUA_CUDA_SIM") ~= "1" then
    pending("are compared with the simulated card's kernels only")
    return
  end
  if not folder and helper.sh("g++ --version").code ~= 0 then
    pending("need a compiler")
    return
  end

  setup(function ()
    if folder then return end
    folder = "build/cuda-sim/release"
    local r = helper.sh("env -u MAKEFLAGS -u MAKELEVEL make -s cuda-fuzz")
    assert.equal(0, r.code, r.out .. r.err)
  end)

  local function passes(words, said)
    local r = helper.sh(("timeout 120 %s/%s %d"):format(folder, words, seed))
    assert.equal(0, r.code, r.out .. r.err)
    assert.matches(said, r.out)
    assert.equal("", r.err)
    return r.out
  end

  it("give the same on both: pointwise, copies, fills, ranges", function ()
    passes("pointwise_fuzz 10000", "10000 commands on .* 0 failures")
  end)

  it("give the same on both: gathers, scatters, offsets, non-zeros, steps", function ()
    local out = passes("places_fuzz 150", "150 rounds, 0 bad")
    for _, dtype in ipairs{ "f32", "f64", "f16", "bf16" } do
      local error = tonumber(out:match("([%d.e+-]+) " .. dtype))
      assert.is_true(error > 0, "no long sums of " .. dtype .. ": " .. out)
    end
  end)
end)
