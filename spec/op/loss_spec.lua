-- Losses: PyTorch's figures and gradients; class labels count from 1.
local torch = require "torch"
local helper = require "spec.support.helper"
local close_to, raises = helper.close_to, helper.raises
local F = torch.nn.functional
local nan, inf = 0 / 0, math.huge

local function double(list) return torch.tensor(list, { dtype = torch.float64 }) end
local x, w = double { { 1, -2, 3 }, { 4, 0, -6 } }, double { 0.5, 1, 2 }
local labels = torch.tensor { 3, 1 }

local function entropy(value, gradient, target, options)
  local z = x:clone():requires_grad_()
  local l = F.cross_entropy(z, target, options)
  close_to(l, value, 1e-13)
  l:sum():backward()
  close_to(z.grad, gradient, 1e-13)
end

local function pair(value, ga, gb, f, a, b)
  a, b = double(a):requires_grad_(), double(b):requires_grad_()
  local l = f(a, b)
  close_to(l, value, 1e-13)
  l:backward()
  close_to(a.grad, ga, 1e-12)
  close_to(b.grad, gb, 1e-12)
end

describe("losses", function ()
  it("nll_loss", function ()
    close_to(F.nll_loss(x, labels), -3.5)
    close_to(F.nll_loss(x, labels, w), -3.2, 1e-14)
    close_to(F.nll_loss(x, labels, { reduction = "none" }), { -3, -4 })
    close_to(F.nll_loss(x, labels, { ignore_index = 1 }), -3)
    close_to(F.nll_loss(x, labels, { size_average = false }), -7)
    close_to(F.nll_loss(double { 1, 2, 3 }, torch.tensor(2)), -2)
    close_to(F.nll_loss(double { { { 1, 2 }, { 3, 4 } } }, torch.tensor { { 2, 1 } }), -2.5)
  end)

  it("cross_entropy of labels", function ()
    entropy(0.07551987200433527, { { 0.05924982726750479, 0.00294987520095139, -0.062199702468456186 },
      { -0.009014994740862814, 0.008992704056109609, 2.2290684753198085e-05 } }, labels)
    entropy(0.10991508903827944, { { 0.09479972362800766, 0.004719800321522224, -0.0995195239495299 },
      { -0.003605997896345126, 0.0035970816224438437, 8.916273901279233e-06 } }, labels, { weight = w })
    entropy(0.13284523372757556, { { 0.11849965453500957, 0.00589975040190278, -0.12439940493691237 }, { 0, 0, 0 } }, labels,
      { ignore_index = 1 })
    entropy(0.15103974400867054, { { 0.11849965453500957, 0.00589975040190278, -0.12439940493691237 },
      { -0.018029989481725628, 0.017985408112219218, 4.458136950639617e-05 } }, labels, { reduction = "sum" })
    entropy({ 0.13284523372757556, 0.01819451028109497 }, { { 0.11849965453500957, 0.00589975040190278, -0.12439940493691237 },
      { -0.018029989481725628, 0.017985408112219218, 4.458136950639617e-05 } }, labels, { reduction = "none" })
    entropy(nan, { { 0, 0, 0 }, { 0, 0, 0 } }, torch.tensor { -100, -100 }, { reduction = "mean" })
  end)

  it("cross_entropy with smoothing and of probabilities", function ()
    entropy(0.4255198720043353, { { 0.042583160600838124, -0.013716791465715276, -0.02886636913512286 },
      { 0.024318338592470512, -0.0076739626105570575, -0.016644375981913467 } }, labels, { label_smoothing = 0.1 })
    entropy(0.5059721015215227, { { 0.08418306847684066, -0.008810191358541202, -0.07537287711829946 },
      { 0.0359132023841422, -0.009256640827896977, -0.026656561556245215 } }, labels, { label_smoothing = 0.1, weight = w })
    entropy(8.751831325828574, { { 0.028233928871598257, -0.14760567180669026, 0.11937174293509199 },
      { 0.7997496338967072, -0.046454008971747916, -0.7532956249249593 } }, double { { 0.2, 0.3, 0.5 }, { 0.1, 0.1,
        0.8 } }, { weight = w, label_smoothing = 0.1 })
  end)

  it("regression", function ()
    pair(5 / 3, { 2 / 3, -4 / 3, 0 }, { -2 / 3, 4 / 3, 0 }, F.mse_loss, { 1, 2, 4 }, { 0, 4, 4 })
    pair(1, { 1 / 3, -1 / 3, 0 }, { -1 / 3, 1 / 3, 0 }, F.l1_loss, { 1, 2, 4 }, { 0, 4, 4 })
    pair(0.5277777777777778, { 2 / 9, -1 / 3, 0 }, { -2 / 9, 1 / 3, 0 }, function (a, b) return F.smooth_l1_loss(a, b,
      { beta = 1.5 }) end, { 1, 2, 4 }, { 0, 4, 4 })
    pair(0.7916666666666666, { 1 / 3, -0.5, 0 }, { -1 / 3, 0.5, 0 }, function (a, b) return F.huber_loss(a, b, { delta = 1.5 }) end, { 1,
      2, 4 }, { 0, 4, 4 })
    pair(0.8154753764066455, { 0, -2 / 3, 2.407407407407408 }, { inf, 0, -0.7324081924454066 }, F.binary_cross_entropy, { 0, 0.5, 0.9 },
      { 0, 1, 0.25 })
    pair(7.773358397201004, { 0.03973430734070585, -1 / 6, 0.24999999999996883 }, { 2 / 3, 0, -10 }, F.binary_cross_entropy_with_logits,
      { -2, 0, 30 }, { 0, 1, 0.25 })
    close_to(F.mse_loss(torch.zeros(0), torch.zeros(0)), nan)
    for _, name in ipairs { "smooth_l1_loss", "huber_loss" } do
      pair(inf, { 1, -0.5 }, { -1, 0.5 }, function (a, b) return F[name](a, b, { reduction = "sum" }) end, { inf, 0.5 }, { 0, 1 })
    end
  end)

  it("mse_loss has the bits of its parts", function ()
    local a, b = torch.randn(64, 10, { requires_grad = true }), torch.randn(64, 10)
    assert.is_true(torch.equal(F.mse_loss(a, b, { reduction = "sum" }), (a - b):pow(2):sum()))
    F.mse_loss(a, b):backward()
    local d = a:detach() - b
    assert.is_true(torch.equal(a.grad, d * (2 / 640)))
  end)

  it("refuses in words", function ()
    raises(function () F.nll_loss(x, torch.tensor { 1, 4 }) end, "Target 4 is out of bounds")
    raises(function () F.nll_loss(x, torch.tensor { 0, 1 }) end, "Target 0 is out of bounds")
    raises(function () F.cross_entropy(x, torch.tensor { 1, 2, 3 }) end, "Expected input batch_size (2) to match target batch_size (3).")
    raises(function () F.cross_entropy(x, labels, double { 1, 2 }) end,
      "weight tensor should be defined either for all 3 classes or no classes but got weight tensor of shape: [2]")
    raises(function () F.binary_cross_entropy(torch.tensor { 2. }, torch.tensor { 1. }) end,
      "all elements of input should be between 0 and 1")
  end)

  -- figures of PyTorch 2.15
  it("take a weight for each element", function ()
    local input, y = torch.tensor{ { 1., -2. }, { 0.5, 3. } }, torch.tensor{ { 0., 1. }, { 2., -1. } }
    local factors = torch.tensor{ { 1., 2. }, { 0.5, 3. } }
    assert.equal(68.125, F.mse_loss(input, y, { reduction = "sum", weight = factors }):item())
    assert.is_true(math.abs(F.mse_loss(input, y, { weight = factors }):item() - 10.4808) < 1e-4)
    assert.equal(19.75, F.l1_loss(input, y, nil, nil, "sum", factors):item())
    assert.equal(4.125, F.huber_loss(input, y, { weight = factors }):item())
    assert.equal(9.0625, F.huber_loss(input, y, "sum", 0.5, factors):item())
    raises(function () F.mse_loss(input, y, { weight = factors[1] }) end, "Weights and input must have the same size.")
  end)

  it("pass NaN on to the gradient", function ()
    for _, loss in ipairs { F.huber_loss, F.smooth_l1_loss } do
      local v = torch.tensor({ 0 / 0, 1, -3, 0.25, math.huge }, { requires_grad = true })
      loss(v, torch.zeros(5), { reduction = "sum" }):backward()
      assert.is_true(v.grad[1]:isnan():item())
      assert.same({ 1, -1, 0.25, 1 }, v.grad[{ { 2, -1 } }]:tolist())
    end
  end)
end)
