-- samples of create.c, cast.c
local NEGATIVE = "negative dimension -1"
local NO_TENSOR = { "'a'", "must be Tensor" }
local function entry(ok, ...) return { ok = ok, bad = { ... } } end
local function sized() return entry({ "2, 3", "{2, 3}", "0", "2, { dtype = torch.int64 }" }, { "-1", NEGATIVE }, { "'a'", "must be" }) end
local function like() return entry({ "c(2, 3)", "i(2)", "c(0), { dtype = torch.float32 }" }, NO_TENSOR,
  { "i(2), { requires_grad = true }", "" }) end
local function new() return entry({ "c(2), 2, 3", "i(2), {3}", "c(0), 0" }, { "c(2), -1", NEGATIVE }, { "3, 3", "must be Tensor" }) end
local function conversion() return entry({ "d(2, 3)", "i(2)", "f(2)" }, NO_TENSOR, { "d(2), 1", "takes 1 positional argument" }) end
local function loose(e) e.loose = true; return e end

return {
  zeros = sized(), ones = sized(), empty = loose(sized()),
  zeros_like = like(), ones_like = like(), empty_like = loose(like()),
  full_like = entry({ "c(2, 3), 2", "i(2), 3", "c(2), 1, { dtype = torch.int64 }" }, { "'a', 1", "must be" }, { "c(2), c(2)", "0-dim" }),
  full = entry({ "{2, 3}, 1.5", "{2}, 3", "{}, true" }, { "{-1}, 1", NEGATIVE }, { "{2}, 'a'", "must be" }),
  empty_strided = loose(entry({ "{2, 3}, {3, 1}", "{2}, {2}", "{0}, {1}" }, { "{2, 3}, {1}", "must match dimensionality of strides" },
    { "{2}, {-1}", "negative" })),
  new_zeros = new(), new_ones = new(), new_empty = loose(new()),
  new_full = entry({ "c(2), {2, 3}, 1.5", "i(2), {3}, 2", "c(2), {0}, 1" }, { "c(2), {-1}, 1", NEGATIVE }, { "3, {3}, 1",
    "must be Tensor" }),
  arange = entry({ "5", "1, 4", "0, 1, 0.25", "5, 1, -2" }, { "1, 5, -1", "upper bound and lower bound inconsistent with step sign" },
    { "1, 2, 0", "step must be nonzero" }),
  linspace = entry({ "0, 1, 5", "1, 0, 3, { dtype = torch.float64 }", "2, 3, 1" }, { "0, 1, -1", "" }, { "0, 1",
    "missing required argument 'steps'" }),
  eye = entry({ "3", "2, 3", "0", "2, { dtype = torch.int64 }" }, { "-1", "" }, { "'a'", "must be" }),
  tril = entry({ "d(3, 3)", "d(2, 3), 1", "d(2, 3, 2), -1" }, { "d(2)", "" }, { "d(2, 2), 'a'", "must be" }),
  triu = entry({ "d(3, 3)", "d(2, 3), 1", "d(2, 3, 2), -1" }, { "d(2)", "" }, { "d(2, 2), 'a'", "must be" }),
  ["_C._to_copy"] = entry({ "d(2), { dtype = torch.float64 }", "i(2), { dtype = torch.float32 }", "d(2, 3)" }, NO_TENSOR,
    { "d(2), { dtype = 'a' }", "must be" }),
  clone = entry({ "d(2, 3)", "i(2)", "d(3, 2):t()" }, NO_TENSOR, { "d(2), { memory_format = 'a' }", "memory_format" }),
  contiguous = entry({ "d(2, 3)", "d(3, 2):t()", "d()" }, NO_TENSOR, { "d(2), { nonsense = 1 }", "unexpected keyword argument" }),
  to = entry({ "d(2), torch.float64", "i(2), torch.float32", "d(2), 'cpu'", "d(2), c(3)" }, { "d(2), 'nowhere'", "" },
    { "3, torch.float32", "must be Tensor" }),
  type = entry({ "d(2), torch.float64", "i(2), torch.float32", "f(2), 'torch.DoubleTensor'" }, { "d(2), 3", "must be" },
    { "d(2), 'nothing'", "" }),
  type_as = entry({ "d(2), c(3)", "i(2), c(3)", "f(2), i(2)" }, NO_TENSOR, { "d(2), 3", "must be Tensor" }),
  cpu = conversion(), cuda = { ok = { "d(2)", "i(2)", "d(0)" }, bad = { NO_TENSOR, { "d(2), 'a'", "" } }, absent = true },
  float = conversion(), double = conversion(), half = conversion(), bfloat16 = conversion(), byte = conversion(), char = conversion(),
  short = conversion(), int = conversion(), long = conversion(), bool = conversion(),
}
