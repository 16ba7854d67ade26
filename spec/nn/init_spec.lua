-- nn.init and the first values of layers, bit for bit; and that they draw exactly what PyTorch draws.
local torch = require "torch"
local helper = require "spec.support.helper"
local json = require "spec.support.json"
local sha256 = require "spec.support.sha256"
local init = torch.nn.init
local raises = helper.raises

local function bytes(t)
  local r = t:detach():flatten():tolist()
  for i, v in ipairs(r) do r[i] = string.pack("<f", v) end
  return table.concat(r)
end

describe("layers begin with PyTorch's values:", function()
  for _, case in ipairs(json.read("spec/golden/init_layers.json")) do
    it(case.layer .. " #cpu", function()
      local inputs, outputs = case.layer:match("^Linear%((%d+),(%d+)%)$")
      torch.manual_seed(case.seed)
      local m = torch.nn.Linear(math.tointeger(inputs), math.tointeger(outputs))
      assert.equal(case.next_rand_after_construction, torch.rand(1):item())
      local at = 0
      for name, p in m:named_parameters() do
        at = at + 1
        local want = case.parameters[at]
        assert.equal(want.name, name)
        assert.same(want.shape, p.shape)
        local values = p:detach():flatten():tolist()
        for i = 1, #want.first4 do assert.equal(want.first4[i], values[i]) end
        assert.equal(want.last2[2], values[#values])
        assert.equal(want.sha256_le_bytes, sha256(bytes(p)))
      end
      assert.equal(#case.parameters, at)
    end)
  end
end)

-- name, sizes, keywords, the values, and the draw after them; all from seed 3
local cases = {
  { "xavier_uniform_", { 2, 3 }, {}, { -1.08610427, -0.864154279, -0.469195634, -1.03639007, -0.0621898212, -0.963736951 },
    0.771865845 },
  { "xavier_normal_", { 2, 3 }, { gain = 2.0 }, { 1.01607275, 0.2211487, 0.112549379, -0.776298702, 0.0584166944, -1.73072612 },
    0.149840891 },
  { "kaiming_uniform_", { 2, 3 }, { mode = "fan_out", nonlinearity = "relu" }, { -1.71728146, -1.36634779, -0.74186343,
    -1.63867652, -0.0983307362, -1.5238018 }, 0.771865845 },
  { "kaiming_normal_", { 2, 2, 2 }, { a = 0.5 }, { 0.508036375, 0.11057435, 0.0562746897, -0.388149351, 0.0292083472,
    -0.865363061, 0.21345064, 0.639485836 }, 0.175605237 },
  { "trunc_normal_", { 6 }, {}, { 0.803276062, 0.174833387, 0.0889780968, -0.613718033, 0.0461824499, -1.36825919 }, 0.149840891 },
  { "trunc_normal_", { 6 }, { mean = 0.0, std = 1.0, a = 1.0, b = 2.0 }, { 1.00426352, 1.10556936, 1.28584242, 1.02695489,
    1.47161436, 1.06011629 }, 0.149840891 },
  { "sparse_", { 4, 2 }, { sparsity = 0.5 }, { 0.00803276058, 0, 0, 0, 0.000461824529, -0.0136825917, 0, 0.0101111587 },
    0.949304998 },
  { "normal_", { 3 }, { mean = 1.0, std = 0.5 }, { 1.40163803, 1.08741665, 1.04448903 }, 0.594421208 },
  { "uniform_", { 3 }, { a = -2.0, b = 2.0 }, { -1.98294592, -1.57772255, -0.856630087 }, 0.0269548297 },
}

describe("nn.init", function()
  local function float(v) return (string.unpack("<f", string.pack("<f", v))) end

  for _, case in ipairs(cases) do
    local name, sizes, keywords, values, after = table.unpack(case)
    it(name .. " of " .. table.concat(sizes, "x") .. " #cpu", function()
      torch.manual_seed(3)
      local t = torch.nn.Parameter(torch.empty(sizes))
      assert.equal(t, init[name](t, keywords))
      for i, v in ipairs(t:detach():flatten():tolist()) do assert.equal(float(values[i]), v) end
      assert.equal(float(after), torch.rand(1):item())
      assert.is_true(t.requires_grad and t.is_leaf)
    end)
  end

  it("draws from a generator of one's own #cpu", function()
    local g = torch.Generator()
    g:manual_seed(3)
    torch.manual_seed(8)
    local before = torch.rand(1):item()
    torch.manual_seed(8)
    local t = init.xavier_uniform_(torch.empty(2, 3), { generator = g })
    assert.equal(float(-1.08610427), t[{ 1, 1 }]:item())
    assert.equal(before, torch.rand(1):item())
  end)

  it("constant_, ones_, zeros_, eye_, dirac_", function()
    assert.same({ 7, 7 }, init.constant_(torch.empty(2), 7):tolist())
    assert.same({ 1, 1 }, init.ones_(torch.empty(2)):tolist())
    assert.same({ 0, 0 }, init.zeros_(torch.empty(2)):tolist())
    assert.same({ { 1, 0, 0 }, { 0, 1, 0 } }, init.eye_(torch.empty(2, 3)):tolist())
    assert.same({ 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 }, init.dirac_(torch.empty(2, 2, 3)):flatten():tolist())
    assert.same({ 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 },
      init.dirac_(torch.empty(4, 2, 3), 2):flatten():tolist())
    local base = torch.zeros(2, 3)                        -- a view: only what it shows is filled
    init.ones_(base:t():narrow(1, 2, 1))
    assert.same({ { 0, 1, 0 }, { 0, 1, 0 } }, base:tolist())
  end)

  it("gains", function()
    assert.equal(1, init.calculate_gain("linear"))
    assert.equal(5 / 3, init.calculate_gain("tanh"))
    assert.equal(math.sqrt(2), init.calculate_gain("relu"))
    assert.equal(math.sqrt(2 / (1 + 0.2 ^ 2)), init.calculate_gain("leaky_relu", 0.2))
    assert.equal(math.sqrt(2 / (1 + 0.01 ^ 2)), init.calculate_gain("leaky_relu"))
  end)

  it("refuses what it cannot fill", function()
    raises(function() init.xavier_uniform_(torch.empty(3)) end,
      "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    raises(function() init.kaiming_normal_(torch.empty(3, 3), { mode = "x" }) end,
      "Mode x not supported, please use one of ['fan_in', 'fan_out']")
    raises(function() init.calculate_gain("foo") end, "Unsupported nonlinearity foo")
    raises(function() init.eye_(torch.empty(3)) end, "Only tensors with 2 dimensions are supported")
    raises(function() init.dirac_(torch.empty(3, 3)) end, "Only tensors with 3, 4, or 5 dimensions are supported")
    raises(function() init.dirac_(torch.empty(3, 3, 3), 2) end, "must be divisible by groups")
    raises(function() init.normal_(3) end, "normal_: expected a tensor, got number")
  end)
end)
