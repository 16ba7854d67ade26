-- What nvcc makes of the kernels: those that stream through memory load and store 16 bytes at a time.  Runs where
-- there is an nvcc.
local helper = require "spec.support.helper"

local nvcc = helper.sh("command -v nvcc || ls /usr/local/cuda/bin/nvcc").out:match("[^\n]+")
local flags = "-std=c++17 -O3 -fmad=false -Isrc -Icuda -arch=compute_80 -ptx"

describe("in PTX", function ()
  if not nvcc then return end
  for _, name in ipairs{ "map_arith", "copy", "softmax", "step" } do
    it(name .. ".cu moves 16 bytes at a time", function ()
      local out = os.tmpname()
      local r = helper.sh(("%s %s -o %s cuda/%s.cu"):format(helper.quote(nvcc), flags, out, name))
      assert.equal(0, r.code, r.err)
      local text = helper.read(out)
      os.remove(out)
      assert.is_truthy(text:find("ld%.global[%w.]*%.v4%."), "no wide loads")
      assert.is_truthy(text:find("st%.global[%w.]*%.v4%."), "no wide stores")
    end)
  end
end)
