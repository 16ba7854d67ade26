-- RMSprop: bit for bit, and in float64.
local torch = require "torch"
local steps = require "spec.support.optim_steps"
local run = require "spec.support.optim_run"

describe("RMSprop", function()
  steps(it, "RMSprop")

  it("in float64", function()
    local o, p = run("RMSprop", { lr = 0.1, momentum = 0.9, centered = true },
      { -4.670006665346471, -10.646787813192148, 9.5068750725679 })
    local s = o.state[p]
    assert.same({ { 3 }, { 3 }, { 3 } }, { s.square_avg.shape, s.grad_avg.shape, s.momentum_buffer.shape })
  end)

  it("has PyTorch's defaults", function()
    local p = torch.ones(1, { requires_grad = true })
    local g = torch.optim.RMSprop({ p }).param_groups[1]
    assert.same({ 1e-2, 0.99, 1e-8, 0, 0, false }, { g.lr, g.alpha, g.eps, g.weight_decay, g.momentum, g.centered })
  end)
end)
