-- samples of softmax.c, loss_class.c, loss_regression.c and of the activations in arith.c
local function activation(more)
  return {
    ok = { "d(2, 3)", "d()", "d(0)", more and "d(3), " .. more or "d(2, 2, 2)" },
    bad = { { "i(2)", "floating point" }, { "'a'", "must be Tensor" } },
  }
end

local DIM = "Dimension out of range (expected to be in range of [-2, -1] or [1, 2], but got 3)"
local function softmax(free)
  local entry = {
    ok = { "d(2, 3), 1", "d(2, 3), -1", "d(), 1", "d(2, 3, 2), 2", "d(2, 0), 2", "f(2), 1, { dtype = torch.float64 }" },
    bad = { { "d(2, 3), 3", DIM }, { "i(3), 1", "not implemented for 'int64'" } },
  }
  if free then entry.ok[6] = "f(2), 1, torch.float64" end
  return entry
end

local LABELS = {
  "d(2, 3), ti{1, 3}", "d(2, 3), ti{1, 3}, p(3):detach()", "d(2, 3), ti{1, 3}, { reduction = 'none' }",
  "d(2, 3), ti{1, 3}, { reduction = 'sum' }",
  "d(2, 3), ti{2, 3}, { ignore_index = 2 }", "d(3), torch.tensor(2)", "d(2, 3, 2), ti{{1, 2}, {3, 1}}",
  "d(2, 3, 2), ti{{1, 2}, {3, 1}}, { reduction = 'none', ignore_index = 1 }", "d(2, 3), ti{1, 3}, { size_average = false }",
}
local BAD_LABELS = {
  { "d(2, 3), ti{1, 2, 3}", "Expected input batch_size (2) to match target batch_size (3)." },
  { "d(2, 3), ti{1, 4}", "Target 4 is out of bounds (classes are 1 to 3)" },
  { "d(2, 3), ti{0, 1}", "Target 0 is out of bounds" },
  { "d(2, 3), ti{1, 2}, p(2):detach()",
    "weight tensor should be defined either for all 3 classes or no classes but got weight tensor of shape: [2]" },
  { "d(2, 3), c(2)", "expected target dtype to be int64 or uint8, but got float64" },
  { "d(2, 3), ti{1, 2}, { reduction = 'most' }", "reduction" },
  { "d(2, 3, 4), ti{1, 2}", "Expected target size [2, 4], got [2]" },
}
local function with(list, more)
  local all = {}
  for _, line in ipairs(list) do all[#all + 1] = line end
  for _, line in ipairs(more) do all[#all + 1] = line end
  return all
end

local function regression(more, bad)
  return {
    ok = with({ "d(2, 3), d(2, 3)", "d(2, 3), d(2, 3), { reduction = 'sum' }", "d(2, 3), d(3), { reduction = 'none' }", "d(), d()" },
      more or {}),
    bad = with({ { "d(2), d(3)", "must match the size of tensor" }, { "i(2), i(2)", "not implemented for 'int64'" } }, bad or {}),
  }
end

return {
  ["nn.functional.hardtanh"] = { ok = { "d(2, 3)", "d(4), -0.5, 0.5", "i(3)" }, bad = { { "b(2)", "not implemented" }, { "'a'",
    "must be Tensor" } } },
  ["nn.functional.leaky_relu"] = activation "0.2", ["nn.functional.elu"] = activation "0.5", ["nn.functional.silu"] = activation(),
  ["nn.functional.softplus"] = activation "2, 0.5", ["nn.functional.gelu"] = activation "{ approximate = 'tanh' }",
  softmax = softmax(), log_softmax = softmax(),
  ["nn.functional.softmax"] = softmax(true), ["nn.functional.log_softmax"] = softmax(true), ["nn.functional.softmin"] = softmax(true),
  ["nn.functional.nll_loss"] = { ok = LABELS, bad = with(BAD_LABELS, { { "i(2, 3), ti{1, 2}", "not implemented for 'int64'" } }) },
  ["nn.functional.cross_entropy"] = {
    ok = with(LABELS, { "d(2, 3), ti{1, 3}, { label_smoothing = 0.25 }", "d(2, 3), u(2, 3)",
      "d(2, 3), ti{1, 3}, p(3):detach(), { label_smoothing = 0.5 }",
      "d(2, 3), u(2, 3), { reduction = 'none', label_smoothing = 0.5 }", "d(3), u(3)",
      "d(2, 3, 2), ti{{1, 2}, {3, 1}}, p(3):detach(), { ignore_index = 3, label_smoothing = 0.125 }" }),
    bad = with(BAD_LABELS, { { "d(2, 3), i(2, 3)", "Expected floating point type for target with class probabilities, got int64" },
      { "d(2, 3), ti{1, 2}, { label_smoothing = 2 }", "label_smoothing must be between 0.0 and 1.0. Got: 2" },
      { "d(2, 3), c(2, 3), { ignore_index = 1 }", "ignore_index is not supported for floating point target" } }),
  },
  ["nn.functional.mse_loss"] = regression { "f(3), d(3)" },
  ["nn.functional.l1_loss"] = regression(),
  ["nn.functional.smooth_l1_loss"] = regression({ "d(5), d(5), { beta = 0.5 }", "d(3), d(3), { beta = 0 }" },
    { { "d(2), d(2), { beta = -1 }", "smooth_l1_loss does not support negative values for beta." } }),
  ["nn.functional.huber_loss"] = regression({ "d(5), d(5), { delta = 0.5 }" },
    { { "d(2), d(2), { delta = 0 }", "huber_loss does not support non-positive values for delta." } }),
  ["nn.functional.binary_cross_entropy"] = {
    ok = { "u(2, 3), u(2, 3)", "u(3), u(3), p(3):detach()", "u(3), u(3), { reduction = 'none' }", "u(2), u(2), { reduction = 'sum' }" },
    bad = { { "t{2, 0.5}, u(2)", "all elements of input should be between 0 and 1" },
      { "t{nan, 0.5}, u(2)", "all elements of input should be between 0 and 1" },
      { "u(2), i(2)", "Found dtype int64 but expected float64" }, { "u(2), u(3)",
      "that is different to the input size" } },
  },
  ["nn.functional.binary_cross_entropy_with_logits"] = {
    ok = { "d(2, 3), u(2, 3)", "d(3), u(3), p(3):detach()", "d(3), u(3), { reduction = 'none', pos_weight = p(3):detach() }" },
    bad = { { "d(2), u(3)", "must be the same as input size" }, { "i(2), i(2)", "not implemented for 'int64'" } },
  },
}
