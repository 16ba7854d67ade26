-- samples of index_get.c, index_put.c, masked.c
local DIM = "Dimension out of range (expected to be in range of [-2, -1] or [1, 2], but got 3)"
local function entry(ok, ...) return { ok = ok, bad = { ... } } end

return {
  gather = entry({ "d(2, 3), 2, ti{{1, 3}, {2, 2}}", "d(3), 1, ti{3, 1}", "d(2, 3), 1, ti{{2, 1, 2}}", "d(3), 1, ti{}" }, { "d(3), 1, ti{4}", "index 4 is out of bounds for dimension 1 with size 3" },
    { "d(3), 1, ti{0}", "index 0 is out of bounds" }, { "d(2, 3), 3, ti{{1}}", DIM }, { "d(3), 1, c(1)", "int64" }),
  index_select = entry({ "d(2, 3), 2, ti{1, 3}", "d(3), 1, ti{3, 1, 1}", "d(2, 3), 1, ti{}" }, { "d(3), 1, ti{4}", "" }, { "d(3), 1, ti{0}", "" }, { "d(2, 3), 3, ti{1}", DIM }),
  take = entry({ "d(2, 3), ti{1, 6}", "d(2, 3), ti{{1, -1}, {2, 3}}", "d(3), ti{}" }, { "d(3), ti{4}", "out of" }, { "d(3), ti{0}", "0" }),
  take_along_dim = entry({ "d(2, 3), ti{{1}, {3}}, 2", "d(2, 3), ti{6, 1}", "d(3), ti{2, 2}, 1" }, { "d(3), ti{4}, 1", "out of bounds" }, { "d(2, 3), ti{{1}}, 3", DIM }),
  masked_select = entry({ "d(2, 3), b(2, 3)", "d(2, 3), b(3)", "d(3), tb{false, false, false}" }, { "d(2), b(3)", "must match the size of tensor" }, { "d(2), c(2)", "" }),
  nonzero = entry({ "i(2, 3)", "b(4)", "b(2, 2), { as_tuple = true }", "ti{0, 0}" }, { "3", "must be Tensor" }, { "i(2), 1", "" }),
  argwhere = entry({ "i(2, 3)", "b(4)", "ti{0, 0}" }, { "3", "must be Tensor" }, { "i(2), 1", "takes 1 positional argument" }),
  scatter = entry({ "d(2, 3), 2, ti{{1, 3}, {2, 1}}, d(2, 2)", "d(3), 1, ti{2}, 1.5", "d(3), 1, ti{1, 1}, c(2), { reduce = 'add' }", "c(3), 1, ti{2}, 3, { reduce = 'multiply' }" },
    { "d(3), 1, ti{4}, d(1)", "out of bounds" }, { "d(3), 1, ti{0}, d(1)", "0" }, { "d(2, 3), 3, ti{{1}}, d(1, 1)", DIM }),
  scatter_add = entry({ "d(2, 3), 2, ti{{1, 3}, {2, 2}}, d(2, 2)", "d(3), 1, ti{2, 2}, d(2)", "d(3), 1, ti{}, d(0)" }, { "d(3), 1, ti{4}, d(1)", "out of bounds" }, { "d(3), 1, ti{1}, f(1)", "dtype" }),
  index_add = entry({ "d(3), 1, ti{1, 1}, d(2)", "d(2, 3), 2, ti{3, 1}, d(2, 2), { alpha = 2 }", "d(3), 1, ti{}, d(0)" }, { "d(3), 1, ti{4}, d(1)", "" }, { "d(2, 3), 3, ti{1}, d(1)", DIM }),
  index_copy = entry({ "d(3), 1, ti{1, 3}, d(2)", "d(2, 3), 2, ti{3, 1}, d(2, 2)", "d(3), 1, ti{}, d(0)" }, { "d(3), 1, ti{4}, d(1)", "" }, { "d(2, 3), 3, ti{1}, d(1)", DIM }),
  index_fill = entry({ "d(3), 1, ti{1, 3}, 2", "d(2, 3), 2, ti{1}, d()", "d(3), 1, ti{}, 1" }, { "d(3), 1, ti{4}, 1", "" }, { "d(2, 3), 3, ti{1}, 1", DIM }),
  index_put = entry({ "d(3), {ti{1, 3}}, d(2)", "d(2, 3), {ti{1, 2}, ti{3, 1}}, d(2), true", "d(2, 3), {b(2, 3)}, 1.5" }, { "d(3), {ti{4}}, d(1)", "out of bounds" }, { "d(3), {ti{1, 2}}, d(3)", "" }),
  put = entry({ "d(2, 3), ti{1, 6}, d(2)", "d(3), ti{2, 2}, d(2), true", "d(3), ti{-1}, d(1)" }, { "d(3), ti{4}, d(1)", "out of" }, { "d(3), ti{1, 2}, d(3)", "" }),
  masked_fill = entry({ "d(2, 3), b(2, 3), 1.5", "d(2, 3), b(3), 0", "d(2, 3), b(2, 1), d()" }, { "d(2), b(3), 1", "must match the size of tensor" }, { "d(2), c(2), 1", "bool" }),
  masked_scatter = entry({ "d(2, 3), b(2, 3), d(6)", "d(3), tb{true, false, true}, d(2)", "d(3), tb{false, false, false}, d(1)" }, { "d(3), tb{true, true, true}, d(1)", "" }, { "d(2), c(2), d(2)", "" }),
  fill = entry({ "d(2, 3), 1.5", "d(3), d()", "i(2), 3" }, { "d(2), d(2)", "0-dim" }, { "d(2)", "missing required argument" }),
  copy_ = entry({ "c(2, 3), d(2, 3)", "c(2, 3), d(3)", "c(2), i(2)", "c(2), 3" }, { "c(2), c(3)", "" }, { "c(2)", "missing required argument" }),
  zero_ = entry({ "c(2, 3)", "i(2)", "c(0)" }, { "3", "must be Tensor" }, { "c(2), 1", "takes 1 positional argument" }),
}
