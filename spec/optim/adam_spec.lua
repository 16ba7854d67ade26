-- Adam and AdamW: bit for bit, and in float64.
local torch = require "torch"
local steps = require "spec.support.optim_steps"
local run = require "spec.support.optim_run"

describe("Adam", function()
  steps(it, "Adam")

  it("in float64", function()
    run("Adam", { lr = 0.1, weight_decay = 0.1 }, { 0.6098734279078523, -2.401164275496752, 0.8963582599496095 })
    run("Adam", { lr = 0.1, maximize = true }, { 1.4006101824577493, -1.603580994872173, 0.13167263877336938 })
    local o, p = run("Adam", { lr = 0.1, amsgrad = true }, { 0.610132834470109, -2.401161272589992, 0.8967105468105837 })
    local s = o.state[p]
    assert.equal(4, s.step:item())
    assert.equal(torch.float32, s.step.dtype)
    assert.same({ 3 }, s.max_exp_avg_sq.shape)
    assert.is_false(s.exp_avg.requires_grad)
  end)

  it("has PyTorch's defaults", function()
    local p = torch.ones(1, { requires_grad = true })
    local g = torch.optim.Adam({ p }).param_groups[1]
    assert.same({ 1e-3, { 0.9, 0.999 }, 1e-8, 0, false, false, false },
      { g.lr, g.betas, g.eps, g.weight_decay, g.amsgrad, g.maximize, g.decoupled_weight_decay })
  end)

  it("counts the steps of each parameter by itself", function()
    local a, b = torch.ones(1, { requires_grad = true }), torch.ones(1, { requires_grad = true })
    local o = torch.optim.Adam({ a, b }, 0.1)
    a.grad = torch.ones(1)
    o:step()
    b.grad = torch.ones(1)
    o:step()
    assert.same({ 2, 1 }, { o.state[a].step:item(), o.state[b].step:item() })
    assert.is_true(math.abs(b:item() - 0.9) < 1e-6)
  end)
end)

describe("AdamW", function()
  steps(it, "AdamW")

  it("in float64", function()
    local want = { 0.6068860821744335, -2.3925687300268232, 0.8941733082874193 }
    run("AdamW", { lr = 0.1 }, want)
    run("Adam", { lr = 0.1, weight_decay = 1e-2, decoupled_weight_decay = true }, want)
  end)
end)
