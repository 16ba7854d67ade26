-- samples of view_shape.c, view_select.c, view_place.c, join.c
local DIM = "Dimension out of range (expected to be in range of [-2, -1] or [1, 2], but got 3)"
local NO_TENSOR = { "'a'", "must be Tensor" }
local function view(ok, ...) return { ok = ok, bad = { ... } } end

local function joined(ok, bad)
  bad[#bad + 1] = { "{}", "" }
  bad[#bad + 1] = { "3", "must be" }
  return { ok = ok, bad = bad }
end

return {
  t = view({ "d(2, 3)", "d(3)", "d()" }, { "d(2, 2, 2)", "" }, NO_TENSOR),
  transpose = view({ "d(2, 3), 1, 2", "d(2, 3, 4), -1, 1", "d(), 1, 1" }, { "d(2, 3), 1, 3", DIM }, { "d(2), 0, 1", "0" }),
  permute = view({ "d(2, 3), 2, 1", "d(2, 3, 4), {3, 1, 2}", "d(3), -1" }, { "d(2, 3), 1", "" }, { "d(2, 3), 1, 1", "" }),
  ["_C._view"] = view({ "d(2, 3), 6", "d(2, 3), 3, 2", "d(2, 3), {1, 6}" }, { "d(2, 3), 5", "is invalid for input of size 6" },
    NO_TENSOR),
  expand = view({ "d(1, 3), 2, 3", "d(3), 2, 3", "d(2, 1), {-1, 4}" }, { "d(2), 3", "" }, { "d(2, 3), 3", "" }),
  squeeze = view({ "d(1, 3, 1)", "d(1, 3), 1", "d(1, 3, 1), {1, 3}" }, { "d(2, 3), 3", DIM }, { "d(2), 'a'", "must be" }),
  unsqueeze = view({ "d(2, 3), 1", "d(2, 3), -1", "d(), 1" }, { "d(2), 4", "Dimension out of range" }, { "d(2)",
    "missing required argument" }),
  view = view({ "d(2, 3), 6", "d(2, 3), {3, -1}", "d(2, 0), 0, 5", "c(2), torch.int64" }, { "d(2, 3), 5",
    "is invalid for input of size 6" },
    { "d(2, 3), -1, -1", "only one dimension can be inferred" }, { "d(3, 2):t(), 6", "view" }),
  view_as = view({ "d(2, 3), c(6)", "d(4), c(2, 2)", "d(), c(1)" }, { "d(2, 3), c(5)", "is invalid for input of size 6" }, { "d(2), 2",
    "must be Tensor" }),
  reshape = view({ "d(2, 3), 6", "d(3, 2):t(), 6", "d(2, 3), {-1}", "d(2, 0), {0}" }, { "d(2, 3), 5", "is invalid for input of size 6" },
    { "d(2, 3), -1, -1", "only one dimension can be inferred" }),
  reshape_as = view({ "d(2, 3), c(6)", "d(3, 2):t(), c(6)", "d(), c(1)" }, { "d(2, 3), c(5)", "is invalid for input of size 6" },
    { "d(2), 2", "must be Tensor" }),
  flatten = view({ "d(2, 3, 2)", "d(2, 3, 2), 2", "d(2, 3, 2), 1, 2", "d()" }, { "d(2, 3), 3", DIM }, { "d(2, 3), 2, 1", "flatten" }),
  unflatten = view({ "d(6), 1, {2, 3}", "d(2, 6), -1, {-1, 3}", "d(4, 1), 1, {2, 2}" }, { "d(6), 1, {4, 2}", "" },
    { "d(2, 3), 3, {1, 2}", DIM }),
  ravel = view({ "d(2, 3)", "d(3, 2):t()", "d()" }, NO_TENSOR, { "d(2), 1", "takes 1 positional argument" }),
  expand_as = view({ "d(1, 3), c(2, 3)", "d(3), c(2, 3)", "d(), c(2)" }, { "d(2), c(3)", "" }, { "d(2), 2", "must be Tensor" }),
  movedim = view({ "d(2, 3, 4), 1, 3", "d(2, 3, 4), {1, 2}, {2, 1}", "d(2, 3), -1, 1" }, { "d(2, 3), 1, 3", DIM },
    { "d(2, 3), {1, 2}, {1}", "" }),
  select = view({ "d(2, 3), 1, 2", "d(2, 3), -1, -1", "d(3), 1, 1" }, { "d(2, 3), 1, 3", "out of range" }, { "d(2, 3), 1, 0", "0" },
    { "d(2, 3), 3, 1", DIM }),
  ["_C._slice"] = view({ "d(6), 1, 1, 2, 2", "d(2, 6), 2, 0, 3, 1", "d(4), 1, 0, 0, 1" }, { "d(6), 2, 0, 1, 1",
    "Dimension out of range" }, NO_TENSOR),
  narrow = view({ "d(4), 1, 2, 2", "d(2, 3), -1, 1, 2", "d(3), 1, 4, 0", "d(3), 1, -2, 2", "d(4), 1, torch.tensor(2), 2" },
    { "d(3), 1, 3, 2", "" }, { "d(2, 3), 3, 1, 1", DIM },
    { "d(3), 1, 1, -1", "" }),
  split = view({ "d(5), 2", "d(2, 4), 2, 2", "d(5), {2, 3}", "d(0), 2" }, { "d(5), {2, 2}", "" }, { "d(5), -1", "" }),
  split_with_sizes = view({ "d(5), {2, 3}", "d(2, 4), {1, 3}, 2", "d(3), {3}" }, { "d(5), {2, 2}", "" }, { "d(2, 3), {3}, 3", DIM }),
  chunk = view({ "d(5), 2", "d(2, 4), 3, 2", "d(2), 4" }, { "d(5), 0", "" }, { "d(2, 3), 2, 3", DIM }),
  unbind = view({ "d(2, 3)", "d(2, 3), 2", "d(2)" }, { "d(2, 3), 3", DIM }, { "d()", "" }),
  detach = { ok = { "c(2)", "c(2, 3)", "i(2)" }, bad = { NO_TENSOR, { "c(2), 1", "takes 1 positional argument" } } },
  detach_ = { ok = { "c(2)", "c(2, 3)", "i(2)" }, bad = { NO_TENSOR, { "c(2), 1", "takes 1 positional argument" } } },
  diagonal = view({ "d(3, 3)", "d(3, 4), 1", "d(2, 3, 3), -1, 2, 3", "d(2, 2), 5" }, { "d(2)", "Dimension out of range" },
    { "d(2, 2), 0, 1, 1", "" }),
  unfold = view({ "d(5), 1, 3, 1", "d(5), 1, 2, 2", "d(2, 4), 2, 2, 1" }, { "d(3), 1, 4, 1", "" }, { "d(3), 1, 2, 0", "" }),
  as_strided = { ok = { "d(6), {2, 2}, {3, 1}", "d(6), {3}, {2}, 1", "d(4), {2, 2}, {1, 1}" }, bad = { { "d(3), {4}, {1}",
    "out of bounds" }, { "d(3), {2}, {-1}", "egative" } },
    loose = true },
  ["_C._scatter_at"] = { ok = { "d(6), d(2), {2}, {2}, 0, {1}", "d(2, 3), d(2), {2}, {3}, 1, {3, 1}", "d(4), d(4), {4}, {1}, 0, {1}" },
    bad = { { "d(6), d(3), {3}, {-1}, 0, {1}", "" }, NO_TENSOR }, loose = true },
  cat = joined({ "{d(2, 3), d(1, 3)}", "{d(2, 3), d(2, 1)}, 2", "{d(2), i(2)}", "{d(0), d(2, 3)}" }, { { "{d(2, 3), d(2, 2)}",
    "Sizes of tensors must match except in dimension 1" }, { "{d(2, 3)}, 3", DIM } }),
  stack = joined({ "{d(2, 3), d(2, 3)}", "{d(3), d(3)}, 2", "{d(), d()}", "{d(2), i(2)}, -1" }, { { "{d(2), d(3)}",
    "stack expects each tensor to be equal size" } }),
  hstack = joined({ "{d(2), d(3)}", "{d(2, 3), d(2, 1)}", "{d(), d()}" }, { { "{d(2, 3), d(1, 3)}", "Sizes of tensors must match" } }),
  vstack = joined({ "{d(2), d(2)}", "{d(2, 3), d(1, 3)}", "{d(), d()}" }, { { "{d(2, 3), d(2, 1)}", "Sizes of tensors must match" } }),
  dstack = joined({ "{d(2), d(2)}", "{d(2, 3), d(2, 3)}", "{d(), d()}" }, { { "{d(2, 3), d(2, 1)}", "Sizes of tensors must match" } }),
  column_stack = joined({ "{d(2), d(2)}", "{d(2, 3), d(2)}", "{d(), d()}" }, { { "{d(2), d(3)}", "Sizes of tensors must match" } }),
}
