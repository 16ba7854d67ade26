-- nn.init: fans, gains, bounds, and draws that are PyTorch's.
local torch = require "torch"
local helper = require "spec.support.helper"
local init = torch.nn.init

local function spread(t) return t:double():std():item() end

describe("nn.init", function()
  it("fills with what it is told to", function()
    local t = torch.empty(3, 4)
    assert.is_true(rawequal(t, init.constant_(t, 0.5)))
    assert.are.equal(6, t:sum():item())
    assert.are.equal(12, init.ones_(t):sum():item())
    assert.are.equal(0, init.zeros_(t):sum():item())
    assert.are.same({ { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 1, 0 } }, init.eye_(t):tolist())
    local d = init.dirac_(torch.empty(2, 2, 3))
    assert.are.same({ { { 0, 1, 0 }, { 0, 0, 0 } }, { { 0, 0, 0 }, { 0, 1, 0 } } }, d:tolist())
  end)

  it("does not record, also for parameters", function()
    local p = torch.nn.Parameter(torch.empty(4, 4))
    init.normal_(p)
    init.xavier_uniform_(p, { gain = 2 })
    assert.is_true(p.is_leaf and p.requires_grad)
  end)

  it("knows the gains", function()
    for name, gain in pairs { linear = 1, conv2d = 1, sigmoid = 1, tanh = 5 / 3, relu = math.sqrt(2), selu = 0.75 } do
      assert.are.equal(gain, init.calculate_gain(name))
    end
    assert.are.equal(math.sqrt(2 / (1 + 0.01 ^ 2)), init.calculate_gain("leaky_relu"))
    assert.are.equal(math.sqrt(2 / 1.04), init.calculate_gain("leaky_relu", 0.2))
    helper.raises(function() init.calculate_gain("swish") end, "Unsupported nonlinearity swish")
    helper.raises(function() init.calculate_gain("leaky_relu", "x") end, "negative_slope x not a valid number")
  end)

  it("scales by the fans", function()
    torch.manual_seed(0)
    local w = torch.empty(200, 300)
    helper.close_to(spread(init.xavier_normal_(w)), math.sqrt(2 / 500), 0.02)
    helper.close_to(spread(init.kaiming_normal_(w)), math.sqrt(2 / 300), 0.02)
    helper.close_to(spread(init.kaiming_normal_(w, { mode = "fan_out", nonlinearity = "relu" })), math.sqrt(2 / 200), 0.02)
    local bound = math.sqrt(6 / 500)
    local x = init.xavier_uniform_(w):abs():max():item()
    assert.is_true(x <= bound and x > 0.99 * bound)
    bound = math.sqrt(3) * math.sqrt(2 / 6) / math.sqrt(300)
    x = init.kaiming_uniform_(w, { a = math.sqrt(5) }):abs():max():item()
    assert.is_true(x <= bound and x > 0.99 * bound)
    -- a convolution's kernel counts
    assert.are.equal(math.sqrt(2 / (4 * 9)), (function()
      local fan_in = init._calculate_fan_in_and_fan_out(torch.empty(8, 4, 3, 3))
      return math.sqrt(2 / fan_in)
    end)())
  end)

  it("keeps the truncated normal within its bounds", function()
    torch.manual_seed(0)
    local t = init.trunc_normal_(torch.empty(1000))
    assert.is_true(t:abs():max():item() <= 2)
    t = init.trunc_normal_(torch.empty(1000), { mean = 0, std = 1, a = 2, b = 3 })     -- a tail: by proposals
    assert.is_true(t:min():item() >= 2 and t:max():item() <= 3)
    assert.is_true(t:mean():item() < 2.5)
  end)

  it("makes some of every column zero", function()
    local t = init.sparse_(torch.empty(10, 3), 0.35)
    assert.are.same({ 4, 4, 4 }, t:eq(0):sum(1):tolist())
  end)

  it("draws from a generator of one's own", function()
    local g = torch.Generator()
    g:manual_seed(5)
    local a = init.normal_(torch.empty(20), { generator = g })
    torch.manual_seed(5)
    assert.is_true(torch.equal(a, init.normal_(torch.empty(20))))
  end)

  it("has the names without the underscore", function()
    torch.manual_seed(1)
    local a = init.xavier_normal(torch.empty(3, 3))
    torch.manual_seed(1)
    assert.is_true(torch.equal(a, init.xavier_normal_(torch.empty(3, 3))))
    assert.are.equal(require("torch.nn.init"), init)
  end)

  it("refuses what has no fans, and other slips", function()
    helper.raises(function() init.xavier_normal_(torch.empty(3)) end,
      "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    helper.raises(function() init.eye_(torch.empty(3)) end, "Only tensors with 2 dimensions are supported")
    helper.raises(function() init.kaiming_normal_(torch.empty(3, 3), { mode = "fan" }) end,
      "Mode fan not supported, please use one of ['fan_in', 'fan_out']")
    helper.raises(function() init.normal_(3) end, "normal_: expected a tensor, got number")
    helper.raises(function() init.normal_(torch.empty(3), { sdt = 2 }) end, "unexpected keyword argument 'sdt'")
  end)
end)
