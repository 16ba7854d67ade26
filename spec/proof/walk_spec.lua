-- Proof: the walk against one element at a time (spec/proof/walk.c), at every SIMD level.
local helper = require "spec.support.helper"

local count = helper.mode == "release" and 20000 or 3000

describe("the walk", function ()
  for seed, level in ipairs{"v2", "v3", "v4"} do
    it("of random commands is right element by element at " .. level, function ()
      local r = helper.sh(("TLUA_SIMD=%s %s %d %d"):format(level, helper.proof "walk", seed, count))
      assert.equal(count .. " commands, 0 wrong\n", r.out, r.err)
      assert.equal(0, r.code)
    end)
  end
end)
