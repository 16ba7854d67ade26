-- samples of arith.c, reduce_sum.c, reduce_order.c, scan.c, compare.c
local TWO_BOOLS = "Subtraction, the `-` operator, with two bool tensors is not supported"
local DIM = "Dimension out of range (expected to be in range of [-2, -1] or [1, 2], but got 3)"
local ZERO = "0"                                           -- part of every message about an index 0

local function extreme(name)
  return {
    ok = { "d(2, 3)", "d(2, 3), 1", "d(2, 3), -1, true", "d(2, 3), d(2, 3)", "d(2, 3), d(3)", "d()", "d(), 1", "i(2, 3)",
      "t{{1, 3, 3}, {3, 2, 1}}:detach()" },
    bad = { { "d(2, 3), 3", DIM }, { "c(0)", name .. "(): Expected reduction dim to be specified for input.numel() == 0" },
      { "c(2, 0), 2", "Expected reduction dim 2 to have non-zero size." }, { "d(2), d(3)", "must match the size of tensor" } },
  }
end

local function along(name)
  return {
    ok = { "d(2, 3)", "d(2, 3), 1", "d(2, 3), {1, 2}, true", "d(2, 3, 2), {-1, 1}", "d()", "i(2, 3), 2",
      "t{{1, 3, 3}, {3, 2, 1}}:detach(), 2" },
    bad = { { "d(2, 3), 3", DIM }, { "c(0)", name .. "(): Expected reduction dim" }, { "d(2), {1, 1}", "appears multiple times" } },
  }
end

local function where_is(name)
  return {
    ok = { "c(2, 3)", "c(2, 3), 1", "c(2, 3), 2, true", "c()", "i(4)" },
    bad = { { "c(2, 3), 3", DIM }, { "c(0)", name .. "(): Expected reduction dim" }, { "b(2)", "does not support bool input" } },
  }
end

local function sums(more)
  local entry = {
    ok = { "d(2, 3)", "d(2, 3), 1", "d(2, 3), {1, 2}, true", "d(2, 3, 2), {-1, 1}", "d()",
      "d(2, 3), { dtype = torch.float64, dim = 2 }" },
    bad = { { "d(2, 3), 3", DIM }, { "d(2), {1, 1}", "dim 1 appears multiple times in the list of dims" }, { "d(2), 'a'", "must be int" },
      { "d(2, 3), 0", ZERO } },
  }
  for _, line in ipairs(more or {}) do entry.ok[#entry.ok + 1] = line end
  return entry
end

local function deviation()
  return {
    ok = { "d(2, 3)", "d(2, 3), 1", "d(2, 3), false", "d(2, 3), 2, false, true", "d(4), { correction = 2 }", "d(2, 3, 2), {1, 3}",
      "d(2, 3), { dim = 1, correction = 0, keepdim = true }" },
    bad = { { "i(3)", "std and var only support floating point" }, { "d(2, 3), 3", DIM }, { "d(3), { correction = 'a' }", "must be" } },
  }
end

local function running()
  return {
    ok = { "d(2, 3), 1", "d(2, 3), -1", "d(), 1", "d(4), 1", "i(2, 2), 1", "d(2, 0), 2", "d(2, 3), 2, { dtype = torch.float64 }" },
    bad = { { "d(2, 3), 3", DIM }, { "d(2)", "missing required argument 'dim'" }, { "d(2), 0", ZERO } },
  }
end

local function last_of()
  return {
    ok = { "d(2, 3), 1", "d(2, 3), -1", "d(), 1", "d(2, 0), 2", "i(5), 1" },
    bad = { { "d(2, 3), 3", DIM }, { "d(2), 'a'", "must be int" } },
  }
end

local function truths()
  return {
    ok = { "b(2, 3)", "b(2, 3), 1", "b(2, 3), {1, 2}, true", "c(3)", "i(2, 2), -1", "b(2, 0)" },
    bad = { { "b(2, 3), 3", DIM }, { "b(2), {1, 1}", "multiple times" } },
  }
end

return {
  add = {
    ok = { "d(2, 3), d(2, 3)", "d(2, 3), d(3), { alpha = 2 }", "d(2, 1), d(3)", "d(2), 2.5", "2, d(2)", "i(3), i(3), { alpha = 3 }",
      "b(3), b(3)",
      "d(0), d(1)", "f(3), d(3)" },
    bad = { { "d(2, 3), d(4)", "add: The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 2" },
      { "i(3), 1, { alpha = 0.5 }", "For integral input tensors, argument alpha must not be a floating point number." },
      { "d(2), 'a'", "must be Tensor or number" }, { "d(2), 1, { beta = 2 }", "unexpected keyword argument 'beta'" } },
  },
  sub = {
    ok = { "d(2, 3), d(2, 3)", "d(2, 3), d(3), { alpha = 2 }", "d(2), 2.5", "2, d(2)", "i(3), i(3)" },
    bad = { { "b(2), b(2)", TWO_BOOLS }, { "b(2), c(2)", "with a bool tensor is not supported" }, { "d(2), d(3)", "must match" } },
  },
  rsub = {
    ok = { "d(2, 3), d(2, 3)", "d(2, 3), d(3), { alpha = 2 }", "d(2), 2.5", "i(3), i(3)" },
    bad = { { "b(2), b(2)", TWO_BOOLS }, { "d(2), d(3)", "must match the size of tensor" } },
  },
  neg = {
    ok = { "d(2, 3)", "i(3)", "d()", "f(2)" },
    bad = { { "b(2)", "Negation, the `-` operator, on a bool tensor is not supported" }, { "d(2), 1", "takes 1 positional argument" } },
  },
  div = {
    ok = { "d(2, 3), p(2, 3)", "d(2, 3), p(3)", "d(2, 3), 2", "1, p(3)", "i(3), i(3)", "d(5), p(5), { rounding_mode = 'floor' }",
      "i(5), i(5), { rounding_mode = 'trunc' }" },
    bad = { { "d(2), d(3)", "must match the size of tensor" }, { "i(2), 0, { rounding_mode = 'floor' }", "ZeroDivisionError" },
      { "d(2), d(2), { rounding_mode = 'up' }", "rounding_mode" } },
  },
  __rdiv__ = {
    ok = { "p(2, 3), 7", "p(3), p(2, 3)", "p(0), 2", "i(3), 2" },
    bad = { { "p(2), p(3)", "must match the size of tensor" }, { "p(2), 'a'", "must be Tensor or number" } },
  },
  floor_divide = {
    ok = { "d(2, 3), p(2, 3)", "d(4), 0.7", "i(4), i(4)", "7, p(3)" },
    bad = { { "i(2), 0", "ZeroDivisionError" }, { "d(2), d(3)", "must match the size of tensor" } },
  },
  square = {
    ok = { "d(2, 3)", "i(3)", "b(3)", "d()" },
    bad = { { "'a'", "must be Tensor" }, { "d(2), 2", "takes 1 positional argument" } },
  },
  pow = {
    ok = { "d(2, 3), 2", "d(2, 3), 3", "p(2, 3), 0.5", "p(2, 3), -1", "p(3), -2", "p(2, 3), p(3)", "2.5, d(3)", "i(3), 2", "i(3), 0.5",
      "p(3), 0", "p(3), 1", "b(3), 2" },
    bad = { { "i(2), -1", "Integers to negative integer powers are not allowed." }, { "p(2), p(3)", "must match the size of tensor" },
      { "b(2), b(2)", "not implemented for" } },
  },
  clamp = {
    ok = { "d(2, 3), -0.5, 0.5", "d(2, 3), { min = 0 }", "d(2, 3), { max = 0 }", "d(2, 3), c(2, 3), p(2, 3)", "d(2, 3), { max = d(3) }",
      "d(2, 3), { min = d(3) }", "i(5), -1, 2", "i(5), 0.5", "d(4), d(4), d(4)" },
    bad = { { "d(2)", "At least one of 'min' or 'max' must not be None" }, { "d(2), d(3)", "must match the size of tensor" },
      { "d(2), 'a'", "must be" } },
  },
  clamp_min = {
    ok = { "d(2, 3), 0", "d(2, 3), d(2, 3)", "d(2, 3), d(3)", "i(3), 1.5", "b(2), b(2)" },
    bad = { { "d(2), d(3)", "must match the size of tensor" }, { "d(2)", "missing required argument 'min'" } },
  },
  clamp_max = {
    ok = { "d(2, 3), 0", "d(2, 3), d(2, 3)", "d(2, 3), d(3)", "i(3), 1.5", "b(2), b(2)" },
    bad = { { "d(2), d(3)", "must match the size of tensor" }, { "d(2)", "missing required argument 'max'" } },
  },
  where = {
    ok = { "b(2, 3), d(2, 3), d(2, 3)", "b(2, 3), d(3), 2", "b(2), 1, 2.5", "b(2, 1), d(3), d(2, 3)", "b(2, 3)", "b()" },
    bad = { { "c(2), d(2), d(2)", "where expected condition to be a boolean tensor" }, { "b(2), d(2), d(3)",
      "must match the size of tensor" } },
  },
  addcmul = {
    ok = { "d(2, 3), d(2, 3), d(2, 3)", "d(2, 3), d(3), d(2, 1), { value = 0.5 }", "i(3), i(3), i(3), { value = 2 }" },
    bad = { { "d(2), d(3), d(2)", "must match the size of tensor" }, { "d(2), d(2)", "missing required argument 'tensor2'" } },
  },
  addcdiv = {
    ok = { "d(2, 3), d(2, 3), p(2, 3)", "d(2, 3), d(3), p(2, 1), { value = 0.5 }", "d(), d(), p()" },
    bad = { { "i(2), i(2), i(2)", "Integer division with addcdiv is no longer supported" }, { "d(2), d(3), d(2)", "must match" } },
  },
  lerp = {
    ok = { "d(2, 3), d(2, 3), 0.25", "d(2, 3), d(2, 3), u(2, 3)", "d(3), d(2, 3), 0.75" },
    bad = { { "d(2), f(2), 0.5", "expected dtype float64 for `end` but got dtype float32" }, { "i(2), i(2), 1", "floating point" },
      { "d(2), d(2), f(2)", "expected dtype float64 for `weight`" } },
  },
  round = {
    ok = { "d(2, 3)", "d(2, 3), { decimals = 1 }", "d(3), { decimals = -1 }", "i(3)" },
    bad = { { "i(2), { decimals = 1 }", "not implemented for 'int64'" }, { "b(2)", "not implemented" } },
  },
  bitwise_not = {
    ok = { "i(2, 3)", "b(3)", "ti{-1, 0, 7}" },
    bad = { { "d(2)", "not implemented for 'float64'" }, { "i(2), 1", "takes 1 positional argument" } },
  },
  sum = sums { "i(2, 3)", "b(4)", "d(0)", "i(2, 3), 1, { dtype = torch.float64 }" },
  mean = { ok = sums().ok, bad = { { "d(2, 3), 3", DIM }, { "i(3)", "mean(): could not infer output dtype. Input dtype must be" },
    { "d(3), { dtype = torch.int64 }", "Optional dtype must be either" } } },
  nansum = sums { "t{1, nan, 3}", "i(3)" },
  prod = {
    ok = { "d(2, 3)", "d(2, 3), 1", "d(2, 3), 2, true", "d()", "t{2, 0, 3}", "t{0, 0, 3}", "t{{1, 0}, {2, 3}}, 2", "i(3)", "d(0)" },
    bad = { { "d(2, 3), 3", DIM }, { "d(2), 'a'", "must be int" } },
  },
  var = deviation(), std = deviation(),
  norm = {
    ok = { "d(2, 3)", "d(2, 3), 1, 1", "d(2, 3), inf, 2, true", "d(2, 3), 3", "p(3), 0.5", "d(2, 3), 'fro', {1, 2}", "d(3), 1.5",
      "d(4), -inf",
      "d(3), 0", "d()" },
    bad = { { "i(3)", "Expected a floating point or complex tensor as input. Got int64" }, { "d(2, 3), 2, 3", DIM }, { "d(2), 'nuc'",
      "nuclear norm" },
      { "d(2), 'max'", "must be" } },
  },
  count_nonzero = { ok = { "i(2, 3)", "ti{0, 1, 0}", "c(2, 3), 1", "b(2, 3), {1, 2}" }, bad = { { "c(2, 3), 3", DIM }, { "c(2), 'a'",
    "must be" } } },
  logsumexp = {
    ok = { "d(2, 3), 1", "d(2, 3), {1, 2}, true", "d(), 1", "i(3), 1", "t{1000, 1000.5}, 1" },
    bad = { { "d(2, 3), 3", DIM }, { "d(2)", "missing required argument 'dim'" } },
  },
  max = extreme "max", min = extreme "min",
  amax = along "amax", amin = along "amin",
  aminmax = {
    ok = { "d(2, 3)", "d(2, 3), { dim = 1 }", "d(2, 3), { dim = 2, keepdim = true }", "d()" },
    bad = { { "c(0)", "cannot compute aminmax over an empty dimension as the operation has no identity" }, { "d(2, 3), { dim = 3 }",
      DIM } },
  },
  argmax = where_is "argmax", argmin = where_is "argmin",
  any = truths(), all = truths(),
  cumsum = running(), cumprod = running(),
  ["_C._cumsum_reverse"] = { ok = { "d(2, 3), 1", "d(4), 1", "d(), 1" }, bad = { { "d(2, 3), 3", DIM }, { "d(2), 'a'",
    "must be int" } } },
  cummax = last_of(), cummin = last_of(),
  isclose = {
    ok = { "c(2, 3), c(2, 3)", "c(3), c(3), { rtol = 1 }", "c(2, 3), c(3), 0.5, 0.5", "i(3), i(3)" },
    bad = { { "c(2), f(2)", "float64 did not match float32" }, { "c(2), c(2), { rtol = -1 }",
      "rtol must be greater than or equal to zero, but got -1" },
      { "c(2), c(3)", "must match the size of tensor" } },
  },
  allclose = {
    ok = { "c(2, 3), c(2, 3)", "c(3), c(3), { atol = 5 }", "c(2, 3), c(3)" },
    bad = { { "c(2), f(2)", "float64 did not match float32" }, { "c(2), c(2), { atol = -1 }",
      "atol must be greater than or equal to zero" } },
  },
  equal = { ok = { "c(2, 3), c(2, 3)", "c(2), c(3)", "i(2), i(2)" }, bad = { { "c(2), 1", "must be Tensor" }, { "c(2)",
    "missing required argument" } } },
  is_same_size = { ok = { "c(2, 3), i(2, 3)", "c(2), c(3)", "c(), c()" }, bad = { { "c(2), 1", "must be Tensor" }, { "c(2)",
    "missing required" } } },
}
