-- Losses as modules. The figures are PyTorch's in float64; classes count from 1.
local torch = require "torch"
local helper = require "spec.support.helper"
local nn = torch.nn
local raises = helper.raises

local function d(values, options)
  options = options or {}
  options.dtype = torch.float64
  return torch.tensor(values, options)
end

local function check(loss, input, target, value, gradient)
  input.grad = nil
  local y = loss(input, target)
  y:sum():backward()
  helper.close_to(y:detach():flatten():tolist(), value, 1e-12)
  helper.close_to(input.grad:flatten():tolist(), gradient, 1e-12)
end

describe("losses of classes", function()
  local logits = d({ { 1, 2, 3 }, { 1, -1, 0 }, { 0.5, 0.5, -2 } }, { requires_grad = true })
  local target = torch.tensor { 3, 1, 2 }
  local w = d { 1, 2, 0.5 }

  it("CrossEntropyLoss", function()
    check(nn.CrossEntropyLoss(), logits, target, { 0.516193907905324 }, { 0.030010191056793478, 0.08157615701826587,
      -0.1115863480750594, -0.1115863480750594, 0.030010191056793478, 0.08157615701826587, 0.1600959295867563,
      -0.173237403746577, 0.013141474159820688 })
    check(nn.CrossEntropyLoss(w), logits, target, { 0.5937567246631409 }, { 0.01286151045291149, 0.03496121015068537,
      -0.04782272060359689, -0.09564544120719377, 0.02572302090582298, 0.06992242030137075, 0.27445016500586794,
      -0.29697840642270346, 0.022528241416835466 })
    check(nn.CrossEntropyLoss { ignore_index = 1 }, logits, target, { 0.5704878796357958 }, { 0.04501528658519022,
      0.12236423552739882, -0.1673795221125891, 0, 0, 0, 0.24014389438013448, -0.2598561056198655, 0.019712211239731034 })
    check(nn.CrossEntropyLoss { label_smoothing = 0.1 }, logits, target, { 0.6106383523497685 }, { 0.018899079945682365,
      0.07046504590715476, -0.0893641258528372, -0.08936412585283716, 0.01889907994568237, 0.07046504590715477,
      0.14898481847564524, -0.15101518152435478, 0.002030363048709579 })
    check(nn.CrossEntropyLoss { weight = w, label_smoothing = 0.1, reduction = "sum" }, logits, target, { 2.3760015504557574 },
      { 0.01768399146321558, 0.07201280026438532, -0.089696791727601, -0.2570050282955979, 0.024864416056553436,
        0.23214061223904425, 0.8872182617905155, -0.9461150715428178, 0.0588968097523023 })
    check(nn.CrossEntropyLoss { reduction = "none" }, logits, target,
      { 0.4076059644443804, 0.4076059644443804, 0.7333697948272112 }, { 0.09003057317038043, 0.24472847105479764,
        -0.3347590442251782, -0.3347590442251782, 0.09003057317038043, 0.24472847105479764, 0.48028778876026895,
        -0.519712211239731, 0.03942442247946207 })
  end)

  it("CrossEntropyLoss of probabilities", function()
    local p = d { { 0.2, 0.3, 0.5 }, { 1, 0, 0 }, { 0, 0.5, 0.5 } }
    check(nn.CrossEntropyLoss(), logits, p, { 1.166193907905324 }, { -0.03665647560987319, -0.018423842981734117,
      0.05508031859160726, -0.1115863480750594, 0.030010191056793478, 0.08157615701826587, 0.1600959295867563,
      -0.006570737079910349, -0.15352519250684596 })
    check(nn.CrossEntropyLoss(w), logits, p, { 1.1257681568816647 }, { -0.035155966057033514, -0.11434503513082081,
      0.14950100118785428, -0.1115863480750594, 0.030010191056793478, 0.08157615701826587, 0.2001199119834454,
      -0.13321342134988792, -0.06690649063355747 })
  end)

  it("NLLLoss", function()
    check(nn.NLLLoss { weight = w }, logits, target, { -1 },
      { 0, 0, -0.14285714285714285, -0.2857142857142857, 0, 0, 0, -0.5714285714285714, 0 })
    local t = logits:detach():t():contiguous():t():requires_grad_()            -- in the other order in memory
    check(nn.NLLLoss { weight = w }, t, target, { -1 },
      { 0, 0, -0.14285714285714285, -0.2857142857142857, 0, 0, 0, -0.5714285714285714, 0 })
  end)

  it("is NaN where nothing counts", function()
    local y = nn.CrossEntropyLoss { ignore_index = 2 }(logits[{ { 1, 1 } }], torch.tensor { 2 }):item()
    assert.are_not.equal(y, y)
  end)

  it("refuses wrong targets", function()
    local x = torch.zeros(2, 3)
    raises(function() nn.CrossEntropyLoss()(x, torch.tensor { 1, 4 }) end, "Target 4 is out of bounds")
    raises(function() nn.CrossEntropyLoss()(x, torch.tensor { 0, 1 }) end, "Target 0 is out of bounds")
    raises(function() nn.CrossEntropyLoss()(x, torch.tensor { 1 }) end, "Expected input batch_size (2) to match target batch_size (1)")
    raises(function() nn.NLLLoss()(x, torch.zeros(2)) end, "expected")
  end)
end)

describe("losses of regression", function()
  local a = d({ 0, 0.5, -1, 3 }, { requires_grad = true })
  local b = d { 0, 1, 1, -1 }

  it("follow PyTorch's figures", function()
    check(nn.MSELoss(), a, b, { 5.0625 }, { 0, -0.25, -1, 2 })
    check(nn.MSELoss { reduction = "sum" }, a, b, { 20.25 }, { 0, -1, -4, 8 })
    check(nn.MSELoss { reduction = "none" }, a, b, { 0, 0.25, 4, 16 }, { 0, -1, -4, 8 })
    check(nn.L1Loss(), a, b, { 1.625 }, { 0, -0.25, -0.25, 0.25 })
    check(nn.SmoothL1Loss(), a, b, { 1.28125 }, { 0, -0.125, -0.25, 0.25 })
    check(nn.SmoothL1Loss { beta = 0.25 }, a, b, { 1.53125 }, { 0, -0.25, -0.25, 0.25 })
    check(nn.HuberLoss { delta = 0.5 }, a, b, { 0.71875 }, { 0, -0.125, -0.125, 0.125 })
  end)

  it("know the words of PyTorch 0.3", function()
    check(nn.MSELoss { size_average = false }, a, b, { 20.25 }, { 0, -1, -4, 8 })
    check(nn.MSELoss(true), a, b, { 5.0625 }, { 0, -0.25, -1, 2 })
    check(nn.MSELoss { reduce = false }, a, b, { 0, 0.25, 4, 16 }, { 0, -1, -4, 8 })
  end)

  it("of nothing", function()
    local e = torch.empty(0)
    local mean = nn.MSELoss()(e, e):item()
    assert.are_not.equal(mean, mean)
    assert.equal(0, nn.MSELoss { reduction = "sum" }(e, e):item())
  end)

  it("refuse what is no reduction", function()
    raises(function() nn.MSELoss { reduction = "foo" }(a, b) end, "argument 'reduction' must be one of 'mean', 'sum', 'none', not 'foo'")
  end)
end)

describe("losses of yes and no", function()
  local t = d { 0, 1, 0, 1 }

  it("BCELoss", function()
    local p = d({ 0.1, 0.5, 1, 0 }, { requires_grad = true })
    check(nn.BCELoss(), p, t, { 50.19962692405444 }, { 0.27777777777777773, -0.5, 250000000998.9507, -250000000998.9507 })
    check(nn.BCELoss { weight = d { 1, 2, 3, 4 }, reduction = "sum" }, p, t, { 701.4916548767777 },
      { 1.111111111111111, -4, 3000000011987.4087, -4000000015983.2114 })
    raises(function() nn.BCELoss()(torch.tensor { 2.0 }, torch.tensor { 1.0 }) end, "all elements of input should be between 0 and 1")
    raises(function() nn.BCELoss()(torch.zeros(2), torch.zeros(3)) end, "Please ensure they have the same size")
  end)

  it("BCEWithLogitsLoss", function()
    local x = d({ 0, 0.5, -1, 3 }, { requires_grad = true })
    check(nn.BCEWithLogitsLoss(), x, t, { 0.3822683009580042 },
      { 0.125, -0.09438516719953635, 0.06723535534249878, -0.011856468294391659 })
    check(nn.BCEWithLogitsLoss { pos_weight = d(3) }, x, t, { 0.6436004688349286 },
      { 0.125, -0.283155501598609, 0.06723535534249878, -0.03556940488317495 })
  end)
end)

describe("a loss", function()
  it("is a module: it prints, and its weights are buffers", function()
    assert.equal("CrossEntropyLoss()", tostring(nn.CrossEntropyLoss()))
    assert.equal("MSELoss()", tostring(nn.MSELoss()))
    assert.same({ 1, 1 }, nn.NLLLoss(torch.ones(2)):state_dict().weight:tolist())
    assert.same({ 1, 1 }, nn.BCEWithLogitsLoss { pos_weight = torch.ones(2) }:state_dict().pos_weight:tolist())
    assert.is_nil(next(nn.CrossEntropyLoss():state_dict()))
    assert.equal(torch.float64, nn.NLLLoss(torch.ones(2)):double().weight.dtype)
  end)
end)
