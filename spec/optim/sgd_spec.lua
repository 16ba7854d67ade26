-- SGD: bit for bit, and in float64.
local torch = require "torch"
local steps = require "spec.support.optim_steps"
local run = require "spec.support.optim_run"

describe("SGD", function()
  steps(it, "SGD")

  it("in float64", function()
    run("SGD", { lr = 0.1, momentum = 0.9, nesterov = true, weight_decay = 0.01 },
      { -0.44846946400610865, -137.62370082473723, 3.3667607224421463 })
  end)

  it("begins its buffer as a copy of the gradient", function()
    local p = torch.ones(2, { requires_grad = true })
    local o = torch.optim.SGD({ p }, 0.1, { momentum = 0.9, dampening = 0.5 })
    p.grad = torch.tensor { 1.0, 2.0 }
    o:step()
    assert.same({ 1, 2 }, o.state[p].momentum_buffer:tolist())
    p.grad:fill_(0)
    assert.same({ 1, 2 }, o.state[p].momentum_buffer:tolist())
    assert.is_nil(next(torch.optim.SGD({ p }, 0.1).state))
  end)

  it("has PyTorch's defaults, and takes the rate as a tensor", function()
    local p = torch.ones(1, { requires_grad = true })
    local g = torch.optim.SGD({ p }).param_groups[1]
    assert.same({ 1e-3, 0, 0, 0, false, false }, { g.lr, g.momentum, g.dampening, g.weight_decay, g.nesterov, g.maximize })
    p.grad = torch.ones(1)
    torch.optim.SGD({ p }, torch.tensor(0.5)):step()
    assert.equal(0.5, p:item())
  end)

  it("steps through parameters of several dtypes, and empty ones", function()
    local ps = {}
    for i, name in ipairs { "float32", "float64", "float16", "bfloat16" } do
      ps[i] = torch.ones(2, { dtype = torch[name], requires_grad = true })
      ps[i].grad = torch.ones_like(ps[i]):detach()
    end
    ps[5] = torch.empty(0, { requires_grad = true })
    ps[5].grad = torch.empty(0)
    torch.optim.SGD(ps, 0.5, { momentum = 0.5 }):step()
    for i = 1, 4 do assert.same({ 0.5, 0.5 }, ps[i]:tolist()) end
  end)
end)
