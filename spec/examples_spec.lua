-- The examples give PyTorch's losses: bit for bit where the product of matrices is the one the figures were made with
-- (OpenBLAS's kernel for AVX-512), within the spread of PyTorch's own configurations elsewhere.
local helper = require "spec.support.helper"
local json = require "spec.support.json"

local programs = {
  { "two_layer_net/tensors", "two_layer_tensors" },
  { "two_layer_net/autograd", "two_layer_autograd" },
  { "two_layer_net/custom_function", "two_layer_custom_function" },
  { "two_layer_net/nn", "two_layer_nn" },
  { "two_layer_net/optim", "two_layer_optim" },
  { "two_layer_net/module", "two_layer_module" },
  { "two_layer_net/dynamic", "two_layer_dynamic_set_to_none" },
  { "polynomial/tensors", "poly_tensors" },
  { "polynomial/autograd", "poly_autograd" },
  { "polynomial/legendre", "poly_legendre" },
  { "polynomial/nn", "poly_nn" },
  { "polynomial/optim", "poly_optim", exact_below = 1000 },   -- RMSprop amplifies the last bit near its minimum
  { "polynomial/module", "poly_module" },
  { "polynomial/dynamic", "poly_dynamic_set_to_none" },
  { "softmax_net", "softmax_ce" },
}

local function golden(name) return json.decode(helper.read("spec/golden/" .. name .. ".json")) end

local function has_avx512()
  local f = io.open("/proc/cpuinfo")
  if not f then return false end
  local text = f:read("a")
  f:close()
  return text:find("avx512f", 1, true) and text:find("avx512vl", 1, true) and text:find("avx512dq", 1, true) and true or false
end

-- a slow build runs the first steps only
local slow = helper.mode ~= "release"

local function losses(example, steps, more)
  local args = { "examples/" .. example .. ".lua", "--seed", "0", "--steps", tostring(steps), "--losses" }
  for _, a in ipairs(more or {}) do args[#args + 1] = a end
  local r = helper.run(args, { env = { OPENBLAS_CORETYPE = has_avx512() and "SkylakeX" or "Haswell", TLUA_NUM_THREADS = "1" } })
  assert.are.equal(0, r.code, r.err)
  local found = {}
  for t, loss in ("\n" .. r.out):gmatch("%f[^\n](%d+) (%S+)\n") do found[math.tointeger(tonumber(t))] = tonumber(loss) end
  return found, r.out
end

local function single(x) return string.unpack("f", string.pack("f", x)) end

describe("an example gives PyTorch's losses:", function()
  for _, p in ipairs(programs) do
    it(p[1], function()
      local g = golden(p[2])
      local steps = slow and math.min(g.steps, 40) or g.steps
      local got = losses(p[1], steps)
      local exact, compared = has_avx512(), 0
      for key, want in pairs(g.losses) do
        local t = math.tointeger(tonumber(key))
        if t < steps and (not p.exact_below or t < p.exact_below) then
          local have = got[t]
          assert.is_not_nil(have, "no loss of step " .. key)
          if exact then
            assert.are.equal(single(want), single(have), "step " .. key)
          else
            local tolerance = math.max(1e-6, 4 * (g.envelope_rel[key] or 0))
            assert.is_true(math.abs(have - want) <= tolerance * math.abs(want), "step " .. key)
          end
          compared = compared + 1
        end
      end
      assert.is_true(compared > 9)
    end)
  end
end)

describe("the Legendre example", function()
  it("gives the table that the text prints", function()
    if slow then return end
    local printed = {
      [99] = 209.95834350585938, [199] = 144.66018676757812, [299] = 100.70249938964844, [399] = 71.03520202636719,
      [499] = 50.978515625, [599] = 37.40313720703125, [699] = 28.20686912536621, [799] = 21.973186492919922,
      [899] = 17.745729446411133, [999] = 14.877889633178711, [1099] = 12.931766510009766, [1199] = 11.610918998718262,
      [1299] = 10.714248657226562, [1399] = 10.105474472045898, [1499] = 9.692106246948242, [1599] = 9.411375045776367,
      [1699] = 9.220745086669922, [1799] = 9.091285705566406, [1899] = 9.003361701965332, [1999] = 8.943639755249023,
    }
    local got, text = losses("polynomial/legendre", 2000)
    for t, want in pairs(printed) do
      assert.is_true(math.abs(got[t] - want) <= 2e-6 * want, ("step %d: %.9g"):format(t, got[t]))
    end
    local b, d = text:match("%+ (%S+) %* P3%(%S+ %+ (%S+) x%)")
    assert.is_true(math.abs(tonumber(b) + 2.208526849746704) < 1e-4)
    assert.is_true(math.abs(tonumber(d) - 0.2554861009120941) < 1e-4)
  end)
end)

describe("the options of the examples", function()
  it("print each hundredth loss without --losses", function()
    local r = helper.run { "examples/polynomial/tensors.lua", "--steps", "250" }
    assert.are.equal(0, r.code, r.err)
    local steps = {}
    for t in ("\n" .. r.out):gmatch("%f[^\n](%d+) %S+\n") do steps[#steps + 1] = t end
    assert.are.same({ "99", "199" }, steps)
    assert.is_truthy(r.out:find("Result: y = ", 1, true))
  end)

  it("give other losses for another seed, and the same for the same", function()
    local function first(seed)
      local r = helper.run { "examples/polynomial/tensors.lua", "--steps", "1", "--losses", "--seed", seed }
      return r.out:match("0 (%S+)")
    end
    assert.are.equal(first("3"), first("3"))
    assert.are_not.equal(first("3"), first("4"))
  end)

  it("are refused in words when they are unknown or want a value", function()
    local r = helper.run { "examples/polynomial/tensors.lua", "--stepz", "1" }
    assert.are.equal(2, r.code)
    assert.is_truthy(r.err:find("unknown option --stepz", 1, true))
    r = helper.run { "examples/polynomial/tensors.lua", "--steps" }
    assert.are.equal(2, r.code)
    assert.is_truthy(r.err:find("--steps needs a value", 1, true))
  end)
end)

describe("the digits", function()
  it("are told apart, drawn, saved and loaded again", function()
    local epochs = slow and "2" or "40"
    local r = helper.run { "examples/digits.lua", "--seed", "1", "--epochs", epochs }
    assert.are.equal(0, r.code, r.err)
    assert.is_truthy(r.out:find("1438 digits to learn from, 359 to be tested on", 1, true))
    local best = tonumber(r.out:match("saved, reloaded and checked: test accuracy (%S+) %%"))
    assert.is_true(best > (slow and 85 or 96.5), "accuracy " .. tostring(best))
    assert.is_truthy(r.out:find("█", 1, true))
  end)
end)
