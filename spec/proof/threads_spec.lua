-- Proof: nothing of tlua is process-wide and mutable (spec/proof/threads.c).
local helper = require "spec.support.helper"

describe("four Lua states in four threads", function ()
  it("give what one gives alone", function ()
    local r = helper.sh(helper.proof "threads")
    assert.equal("4 threads, 0 wrong\n", r.out, r.err)
    assert.equal(0, r.code)
  end)
end)
