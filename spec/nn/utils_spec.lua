-- nn.utils: norms of gradients and cuts.
local torch = require "torch"
local helper = require "spec.support.helper"
local nn = torch.nn
local raises = helper.raises

local function parameters(dtype)
  local a, b = nn.Parameter(torch.zeros(3, { dtype = dtype })), nn.Parameter(torch.zeros(2, { dtype = dtype }))
  a.grad, b.grad = torch.tensor({ 3., -4., 0. }, { dtype = dtype }), torch.tensor({ 1., 2. }, { dtype = dtype })
  return a, b
end

describe("clip_grad_norm_", function()
  it("knows every order of norm", function()
    for order, total in pairs { [1] = 10, [0] = 2, [math.huge] = 4, [-math.huge] = 0, [2] = math.sqrt(30) } do
      local a, b = parameters()
      helper.close_to(nn.utils.clip_grad_norm_({ a, b, nn.Parameter(torch.ones(1)) }, 1.0, order):item(), total, 1e-6)
      helper.close_to(b.grad[2]:item(), total > 1 and 2 / total or 2, 1e-5)
    end
    assert.equal(0, nn.utils.clip_grad_norm_({}, 1.0, { foreach = true }):item())
  end)

  it("sums half types in float32", function()
    local a = nn.Parameter(torch.zeros(2, { dtype = torch.float16 }))
    a.grad = torch.tensor({ 300., 400. }, { dtype = torch.float16 })
    assert.equal(500, nn.utils.get_total_norm({ a.grad }):item())
  end)

  it("refuses what is not finite where it is asked to", function()
    local a = parameters()
    a.grad[1] = 0 / 0
    raises(function() nn.utils.clip_grad_norm_({ a }, 1.0, { error_if_nonfinite = true }) end, "is non-finite, so it cannot be clipped")
    raises(function() nn.utils.get_total_norm({ a.grad }, { error_if_nonfinite = true }) end, "is non-finite")
  end)
end)

describe("clip_grad_value_", function()
  it("cuts", function()
    local a = parameters()
    nn.utils.clip_grad_value_(a, 1.5, { foreach = false })
    assert.same({ 1.5, -1.5, 0 }, a.grad:tolist())
  end)
end)
