-- samples of matmul.c, linear.c, contract.c
local CANNOT = "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"
return {
  mm = {
    ok = { "d(2, 3), d(3, 4)", "d(3, 2):t(), d(3, 4)", "d(2, 0), d(0, 3)", "i(2, 2), i(2, 2)", "f(1, 3), f(3, 1)" },
    bad = { { "d(2, 3), d(4, 5)", "mm: " .. CANNOT }, { "d(2), d(2, 2)", "mm: self must be a matrix, got 1-D tensor" },
      { "d(2, 2), f(2, 2)", "expected m1 and m2 to have the same dtype, but got: float64 != float32" } },
  },
  mv = {
    ok = { "d(2, 3), d(3)", "d(3, 2):t(), d(3)", "d(2, 0), d(0)", "i(2, 2), i(2)" },
    bad = { { "d(2, 3), d(2)", "size mismatch, got input (2), mat (2x3), vec (2)" }, { "d(2), d(2)",
      "vector + matrix @ vector expected, got 1, 1, 1" } },
  },
  dot = {
    ok = { "d(3), d(3)", "i(4), i(4)", "d(0), d(0)", "f(5), f(5)" },
    bad = { { "d(2, 2), d(2)", "1D tensors expected, but got 2D and 1D tensors" }, { "d(3), d(4)",
      "inconsistent tensor size, expected tensor [3] and src [4]" },
      { "d(3), f(3)", "expected both vectors to have same dtype, but found float64 and float32" } },
  },
  bmm = {
    ok = { "d(2, 2, 3), d(2, 3, 2)", "d(1, 2, 2), d(1, 2, 2)", "d(0, 2, 2), d(0, 2, 3)", "i(2, 2, 2), i(2, 2, 2)" },
    bad = { { "d(2, 2), d(2, 2, 2)", "batch1 must be a 3D tensor" },
      { "d(2, 3, 4), d(2, 3, 4)", "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 3]." } },
  },
  addmm = {
    ok = { "d(2, 4), d(2, 3), d(3, 4)", "d(4), d(2, 3), d(3, 4), { beta = 0.5, alpha = 2 }", "d(), d(2, 3), d(3, 4)",
      "d(2, 2), d(2, 0), d(0, 2)",
      "i(2, 2), i(2, 2), i(2, 2), { alpha = 2 }" },
    bad = { { "d(2, 5), d(2, 3), d(4, 5)", "addmm: " .. CANNOT }, { "d(3, 3), d(2, 3), d(3, 2)",
      "The expanded size of the tensor (2) must match the existing size (3)" },
      { "d(2, 2), f(2, 2), f(2, 2)", "self and mat2 must have the same dtype, but got float64 and float32" } },
  },
  addmv = {
    ok = { "d(2), d(2, 3), d(3)", "d(), d(2, 3), d(3), { beta = 0.5, alpha = 2 }", "d(2), d(2, 0), d(0)" },
    bad = { { "d(2), d(2, 3), d(2)", "size mismatch, got input (2), mat (2x3), vec (2)" }, { "d(3), d(2, 3), d(3)", "expanded size" } },
  },
  baddbmm = {
    ok = { "d(2, 2, 2), d(2, 2, 3), d(2, 3, 2)", "d(2), d(2, 2, 3), d(2, 3, 2), { beta = 2, alpha = 0.5 }",
      "d(1, 2, 2), d(1, 2, 0), d(1, 0, 2)" },
    bad = { { "d(2, 2, 2), d(2, 2, 3), d(2, 2, 3)", "Expected size for first two dimensions of batch2 tensor" },
      { "d(3, 2, 2), d(2, 2, 2), d(2, 2, 2)",
        "The expanded size of the tensor (2) must match the existing size (3) at non-singleton dimension 1" } },
  },
  addbmm = {
    ok = { "d(2, 2), d(3, 2, 3), d(3, 3, 2)", "d(2), d(2, 2, 3), d(2, 3, 2), { beta = 2, alpha = 0.5 }",
      "d(2, 2), d(0, 2, 3), d(0, 3, 2)" },
    bad = { { "d(2, 2), d(2, 2, 3), d(2, 2, 3)", "Expected size for first two dimensions" }, { "d(3, 3), d(2, 2, 2), d(2, 2, 2)",
      "expanded size" } },
  },
  ["nn.functional.linear"] = {
    ok = { "d(2, 3), d(4, 3), d(4)", "d(2, 3), d(4, 3)", "d(3), d(4, 3), d(4)", "d(2, 2, 3), d(4, 3), d(4)", "d(2, 3), d(3)",
      "d(0, 3), d(2, 3), d(2)",
      "d(3, 2):t(), d(3, 2):t(), d(2)" },
    bad = { { "d(2, 3), d(5, 4)", "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)" }, { "d(2, 3), d(4, 3), d(5)",
      "expanded size" },
      { "d(2, 3), f(4, 3)", "same dtype" } },
  },
  matmul = {
    ok = { "d(3), d(3)", "d(2, 3), d(3)", "d(3), d(3, 2)", "d(2, 3), d(3, 2)", "d(2, 2, 3), d(3, 2)", "d(2, 2, 3), d(3)",
      "d(3), d(2, 3, 2)",
      "d(2, 1, 2, 3), d(2, 3, 2)", "d(2, 3), d(2, 3, 2)", "d(2, 2, 3), d(2, 3, 2)" },
    bad = { { "d(), d(2)", "both arguments to matmul need to be at least 1D, but they are 0D and 1D" }, { "d(2, 3), d(4, 5)", CANNOT },
      { "d(2, 3, 4), d(3, 4, 5)", "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 1" } },
  },
  outer = {
    ok = { "d(2), d(3)", "i(2), d(3)", "d(0), d(2)" },
    bad = { { "d(2, 2), d(2)", "outer: Expected 1-D argument self, but got 2-D" }, { "d(2), d(2, 2)", "Expected 1-D argument vec2" } },
  },
  inner = {
    ok = { "d(3), d(3)", "d(2, 3), d(3)", "d(2, 3), d(4, 3)", "d(), d(2)" },
    bad = { { "d(2, 2), d(3)", "inner() the last dimension must match on both input tensors but got shapes [2, 2] and [3]" },
      { "d(2), 3", "must be Tensor" } },
  },
  addr = {
    ok = { "d(2, 3), d(2), d(3)", "d(3), d(2), d(3), { beta = 0.5, alpha = 2 }", "d(2, 3), d(2), d(3), { beta = 0 }",
      "b(2, 2), b(2), b(2)" },
    bad = { { "d(2, 2), d(2, 2), d(2)", "addr: Expected 1-D argument vec1, but got 2-D" }, { "d(3, 3), d(2), d(2)",
      "can be expanded to [2, 2]" } },
  },
}
