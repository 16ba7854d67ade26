-- Proof 4: the argument language carries the worst signatures of PyTorch.  Each row: name, spec, then calls that fit
-- ({arguments, form, values?}); below it the calls that do not, with a piece of what is said.
local x, y, z = torch.zeros(2, 3), torch.ones(2, 3), torch.ones(3)
local none, f64, i32 = torch.none, torch.float64, torch.int32
local gen = torch.Generator()

-- arguments may have holes: {n = 3, x, nil, 3}
local function A(...) return table.pack(...) end

local rows = {
  {"max", "self:T | self:T dim:d keepdim:b=false -> values:T indices:J | self:T other:T",
    good = {{A(x), 1}, {A(x, 2), 2, {dim = 1}}, {A(x, 2, true), 2, {keepdim = true}}, {A(x, y), 3}, {A(x, {dim = -1}), 2, {dim = -1}}},
    bad = {{A(x, 1.5), "but takes one of"}, {A(x, "a"), "(self:T other:T): argument 'other' (position 2) must be Tensor, not string"},
      {A(), "missing required argument 'self' (position 1)"}, {A(x, 0), "Dimension 0"}, {A(x, {dims = 1}), "did you mean 'dim'"},
      {A(x, y, true), "argument 'dim' (position 2) must be int, not Tensor"}}},
  {"sum", "self:T dim:D? keepdim:b=false * dtype:y?",
    good = {{A(x), 1, {keepdim = false}}, {A(x, 1), 1, {dim = {0}}}, {A(x, {1, 2}), 1, {dim = {0, 1}}}, {A(x, {}), 1, {dim = {}}},
      {A(x, {dim = {1}, keepdim = true, dtype = f64}), 1, {dim = {0}, keepdim = true, dtype = f64}}, {A(x, nil, true), 1, {keepdim = true}},
      {A(x, none, true), 1, {keepdim = true}}, {A(x, {axis = 2}), 1, {dim = {1}}}, {A({input = x}), 1}},
    bad = {{A(x, {1, 0}), "Dimension 0"}, {A(x, {1, "a"}), "but element 2 is string"}, {A(x, 1, 2), "argument 'keepdim' (position 3) must be bool, not int"},
      {A(x, 1, true, f64), "takes 3 positional arguments but 4 were given"}, {A(x, {dtype = "float64"}), "argument 'dtype' must be torch.dtype or nil, not string"},
      {A(x, 1, {dim = 2}), "got multiple values for argument 'dim'"}, {A(x, 1.0), "use // or math.tointeger"}}},
  {"clamp", "self:T min:n? max:n? | self:T min:T? max:T?",
    good = {{A(x, 0, 1), 1, {min = 0, max = 1}}, {A(x, {min = 0}), 1, {min = 0}}, {A(x, y, z), 2}, {A(x, nil, 3), 1, {max = 3}}, {A(x, {max = y}), 2},
      {A(x, 0.5, true), 1, {min = 0.5, max = true}}},
    bad = {{A(x, "0"), "must be number or nil, not string"}, {A(x, 0, y), "but takes one of"}, {A(x, {minimum = 0}), "unexpected keyword argument 'minimum'"},
      {A(1), "argument 'self' (position 1) must be Tensor, not int"}}},
  {"where", "condition:T | condition:T self:N other:N",
    good = {{A(x), 1}, {A(x, y, 0), 2, {other = 0}}, {A(x, 1, y), 2, {self = 1}}},
    bad = {{A(x, y), "missing required argument 'other' (position 3)"}, {A(x, y, {}), "argument 'other' (position 3) must be Tensor or number, not table"}}},
  {"norm", "self:T p:n=2 dim:D? keepdim:b=false * dtype:y? | self:T p:s(fro,nuc) dim:D? keepdim:b=false",
    good = {{A(x), 1, {p = 2}}, {A(x, 2, 1), 1, {dim = {0}}}, {A(x, "fro"), 2, {p = 1}}, {A(x, "nuc", {1, 2}), 2, {p = 2, dim = {0, 1}}}},
    bad = {{A(x, "abc"), "must be one of 'fro', 'nuc', not 'abc'"}, {A(x, "fro", {dtype = f64}), "but takes one of"}, {A(x, 2, "1"), "argument 'dim' (position 3)"}}},
  {"std", "self:T unbiased:b | self:T dim:D? unbiased:b=true keepdim:b=false | self:T dim:D? * correction:i? keepdim:b=false",
    good = {{A(x), 2, {unbiased = true}}, {A(x, true), 1, {unbiased = true}}, {A(x, 1, false), 2, {dim = {0}, unbiased = false}},
      {A(x, {dim = 1, correction = 0}), 3, {correction = 0}}},
    bad = {{A(x, true, true), "but takes one of"}, {A(x, {unbiased = 1}), "argument 'unbiased' must be bool, not int"},
      {A(x, {unbiased = true, correction = 1}), "but takes one of"}}},
  {"zeros", "size:S... * dtype:y? device:v? requires_grad:b=false",
    good = {{A(2, 3), 1, {size = {2, 3}}}, {A({2, 3}), 1, {size = {2, 3}}}, {A(2, 3, {dtype = f64}), 1, {size = {2, 3}, dtype = f64}}, {A({}), 1, {size = {}}},
      {A(x.shape), 1, {size = {2, 3}}}, {A({size = {4}, device = "cpu"}), 1, {size = {4}, device = torch.device("cpu")}}},
    bad = {{A(), "missing required argument 'size' (position 1)"}, {A(2, "3"), "takes 1 positional argument but 2 were given"}, {A(2.5), "must be list of ints, not float"},
      {A({2, 2.5}), "element 2 is float"}, {A(2, {dtype = 1}), "argument 'dtype' must be torch.dtype or nil, not int"},
      {A(2, {device = "gpu"}), "Expected one of cpu, cuda device type at start of device string: gpu"}, {A(2, {requires_grad = 1}), "must be bool, not int"},
      {A(2, {dtyp = f64}), "did you mean 'dtype'"}}},
  {"randint", "high:i size:S * generator:g? dtype:y? | low:i high:i size:S * generator:g? dtype:y?",
    good = {{A(10, {2, 3}), 1, {high = 10, size = {2, 3}}}, {A(1, 10, {2, 3}), 2, {low = 1, high = 10}}, {A(10, {2}, {generator = gen}), 1, {generator = true}}},
    bad = {{A(10), "but takes one of"}, {A(1.5, {2}), "argument 'high' (position 1) must be int, not float"}, {A(10, {2}, {generator = 5}), "argument 'generator' must be torch.Generator or nil, not int"}}},
  {"view", "self:T dtype:y | self:T size:S...",
    good = {{A(x, 2, -1), 2, {size = {2, -1}}}, {A(x, {2, 3}), 2, {size = {2, 3}}}, {A(x, i32), 1, {dtype = i32}}},
    bad = {{A(x), "missing required argument 'size' (position 2)"}, {A(x, "int32"), "argument 'dtype' (position 2) must be torch.dtype, not string"}}},
  {"permute", "self:T dims:D...", good = {{A(x, 2, 1), 1, {dims = {1, 0}}}, {A(x, {2, -2}), 1, {dims = {1, -2}}}},
    bad = {{A(x, 0, 1), "Dimension 0"}, {A(x), "missing required argument 'dims' (position 2)"}, {A(x, 1, 2.0), "takes 2 positional arguments but 3 were given"}}},
  {"transpose", "self:T dim0:d dim1:d", good = {{A(x, 1, 2), 1, {dim0 = 0, dim1 = 1}}, {A(x, {dim0 = -1, dim1 = 1}), 1, {dim0 = -1, dim1 = 0}}},
    bad = {{A(x, 1), "missing required argument 'dim1' (position 3)"}, {A(x, 1, 0), "Dimension 0"}, {A(x, 1, 2, 3), "takes 3 positional arguments but 4 were given"},
      {A(x, "1", 2), "argument 'dim0' (position 2) must be int, not string"}}},
  {"cat", "tensors:L dim:d=1", good = {{A({x, y}), 1, {dim = 0}}, {A({x, y}, 2), 1, {dim = 1}}, {A({x, y}, {dim = 2}), 1, {dim = 1}}, {A({}), 1}},
    bad = {{A(x, y), "argument 'tensors' (position 1) must be list of Tensors, not Tensor"}, {A({x, 1}), "but element 2 is int"}, {A({x}, 0), "Dimension 0"}, {A(), "missing"},
      {A({x, y}, "1"), "argument 'dim' (position 2) must be int, not string"}}},
  {"index_put", "self:T indices:X values:T accumulate:b=false", good = {{A(x, {y, false, z}, z), 1}, {A(x, {y}, z, true), 1, {accumulate = true}}, {A(x, {none, y}, z), 1}},
    bad = {{A(x, {y, 1}, z), "but element 2 is int"}, {A(x, y, z), "argument 'indices' (position 2) must be list of Tensors, not Tensor"}, {A(x, {y}, 1), "argument 'values' (position 3) must be Tensor, not int"}}},
  {"add", "self:N other:N * alpha:n=1", good = {{A(x, y), 1, {alpha = 1}}, {A(x, 2), 1, {other = 2}}, {A(2, x), 1, {self = 2}}, {A(x, y, {alpha = 2}), 1, {alpha = 2}}, {A(x, true), 1, {other = true}}},
    bad = {{A(x, "1"), "add(): argument 'other' (position 2) must be Tensor or number, not string"}, {A(x), "add() missing required argument 'other' (position 2)"},
      {A(x, y, 2), "add() takes 2 positional arguments but 3 were given"}, {A(x, y, {alpha = "2"}), "add(): argument 'alpha' must be number, not string"},
      {A(x, y, {alhpa = 2}), "did you mean 'alpha'"}, {A(x, y, {beta = 2}), "unexpected keyword argument 'beta'"}, {A(x, nil), "missing required argument 'other'"},
      {A(x, function() end), "not function"}, {A(x, none), "not none"}, {A(x, f64), "not torch.dtype"}, {A(x, gen), "not torch.Generator"}, {A(x, io.stdout), "not userdata"}}},
  {"div", "self:N other:N * rounding_mode:s(trunc,floor)?", good = {{A(x, y), 1}, {A(x, 2, {rounding_mode = "floor"}), 1, {rounding_mode = 2}}},
    bad = {{A(x, 2, {rounding_mode = "up"}), "argument 'rounding_mode' must be one of 'trunc', 'floor', not 'up'"}, {A(x, 2, {rounding_mode = 1}), "must be string or nil, not int"},
      {A(x, 2, {rounding = "floor"}), "unexpected keyword argument 'rounding'"}}},
  {"addmm", "self:T mat1:T mat2:T * beta:n=1 alpha:n=1", good = {{A(x, y, z), 1, {beta = 1}}, {A(x, y, z, {beta = 0}), 1, {beta = 0}}},
    bad = {{A(x, y), "missing required argument 'mat2' (position 3)"}, {A(x, y, z, 1, 2), "takes 3 positional arguments but 5 were given"}, {A(x, y, 1), "argument 'mat2' (position 3) must be Tensor, not int"}}},
  {"gather", "self:T dim:d index:J * sparse_grad:b=false", good = {{A(x, 1, y), 1, {dim = 0}}}, bad = {{A(x, 1, {1}), "argument 'index' (position 3) must be Tensor, not table"}, {A(x, y, 1), "argument 'dim' (position 2) must be int, not Tensor"}}},
  {"scatter", "self:T dim:d index:J src:T * reduce:s(add,multiply)? | self:T dim:d index:J value:n * reduce:s(add,multiply)?",
    good = {{A(x, 1, y, z), 1}, {A(x, 1, y, 3), 2, {value = 3}}, {A(x, 1, y, 3, {reduce = "add"}), 2, {reduce = 1}}},
    bad = {{A(x, 1, y, "3"), "but takes one of"}, {A(x, 1, y, 3, {reduce = "mul"}), "must be one of 'add', 'multiply', not 'mul'"}, {A(x, 1, y), "missing"}}},
  {"topk", "self:T k:i dim:d=-1 largest:b=true sorted:b=true -> values:T indices:J",
    good = {{A(x, 3), 1, {k = 3, dim = -1, largest = true}}, {A(x, 3, 1, false), 1, {dim = 0, largest = false}}, {A(x, {k = 3, dim = 1}), 1, {k = 3, dim = 0}}},
    bad = {{A(x), "missing required argument 'k' (position 2)"}, {A(x, 2, 0), "Dimension 0"}, {A(x, 2, 1, 1), "argument 'largest' (position 4) must be bool, not int"}}},
  {"sort", "self:T dim:d=-1 descending:b=false * stable:b? -> values:T indices:J", good = {{A(x), 1}, {A(x, 1, true), 1, {descending = true}}, {A(x, {stable = true}), 1, {stable = true}}},
    bad = {{A(x, true), "argument 'dim' (position 2) must be int, not bool"}, {A(x, {stable = 1}), "argument 'stable' must be bool or nil, not int"}}},
  {"unique", "self:T sorted:b=true return_inverse:b=false return_counts:b=false dim:d? -> T inverse:J? counts:T?", good = {{A(x), 1}, {A(x, {return_counts = true}), 1, {return_counts = true}}},
    bad = {{A(x, {return_count = true}), "did you mean 'return_counts'"}, {A(x, 1), "must be bool, not int"}}},
  {"split", "self:T split_size:i dim:d=1 -> L | self:T split_sizes:I dim:d=1 -> L", good = {{A(x, 2), 1, {split_size = 2}}, {A(x, {1, 2}), 2, {split_sizes = {1, 2}}}, {A(x, {1, 2}, 2), 2, {dim = 1}}},
    bad = {{A(x, {1, "2"}), "element 2 is string"}, {A(x), "missing"}, {A(x, 2, 0), "Dimension 0"}}},
  {"conv2d", "input:T weight:T bias:T? stride:I2=1 padding:I2=0 dilation:I2=1 groups:i=1 | input:T weight:T bias:T? stride:I2=1 padding:s(same,valid) dilation:I2=1 groups:i=1",
    good = {{A(x, y), 1, {stride = {1, 1}, padding = {0, 0}}}, {A(x, y, z, 2, {1, 3}), 1, {stride = {2, 2}, padding = {1, 3}}}, {A(x, y, nil, 1, "same"), 2, {padding = 1}},
      {A(x, y, {padding = "valid"}), 2, {padding = 2}}, {A(x, y, none, 2), 1, {stride = {2, 2}}}},
    bad = {{A(x, y, {padding = {1, 2, 3}}), "must be one number or a list of 2, not a list of 3"}, {A(x, y, {padding = "full"}), "must be one of 'same', 'valid', not 'full'"}, {A(x, y, 1), "argument 'bias' (position 3) must be Tensor or nil, not int"}}},
  {"max_pool2d", "self:T kernel_size:I2 stride:I2? padding:I2=0 dilation:I2=1 ceil_mode:b=false return_indices:b=false -> T indices:J?",
    good = {{A(x, 2), 1, {kernel_size = {2, 2}}}, {A(x, {3, 2}, {stride = 2}), 1, {kernel_size = {3, 2}, stride = {2, 2}}}},
    bad = {{A(x), "missing required argument 'kernel_size' (position 2)"}, {A(x, {1, 2, 3}), "a list of 2, not a list of 3"}}},
  {"cross_entropy", "input:T target:T weight:T? * ignore_index:i? reduction:s(mean,sum,none)=mean label_smoothing:n=0",
    good = {{A(x, y), 1, {reduction = 1}}, {A(x, y, {reduction = "sum"}), 1, {reduction = 2}}, {A(x, y, z, {label_smoothing = .1}), 1, {label_smoothing = .1}}},
    bad = {{A(x, y, {reduction = "avg"}), "must be one of 'mean', 'sum', 'none', not 'avg'"}, {A(x, y, {reducton = "sum"}), "did you mean 'reduction'"}, {A(x, y, {ignore_index = 1.5}), "argument 'ignore_index' must be int or nil, not float"}}},
  {"einsum", "equation:s operands:L", good = {{A("ij,jk", {x, y}), 1, {equation = "ij,jk"}}}, bad = {{A({x}, "ij"), "argument 'equation' (position 1) must be string, not table"}, {A("ij", x), "must be list of Tensors, not Tensor"}}},
  {"layer_norm", "input:T normalized_shape:I weight:T? bias:T? eps:n=1e-05", good = {{A(x, {3}), 1, {eps = 1e-5}}, {A(x, 3, y, z, 1e-6), 1, {normalized_shape = {3}, eps = 1e-6}}},
    bad = {{A(x, 3, 1), "argument 'weight' (position 3) must be Tensor or nil, not int"}, {A(x, 3, y, z, "1"), "argument 'eps' (position 5) must be number, not string"}}},
  {"multinomial", "self:T num_samples:i replacement:b=false * generator:g?", good = {{A(x, 2), 1}, {A(x, 2, true, {generator = gen}), 1, {replacement = true, generator = true}}},
    bad = {{A(x, true), "argument 'num_samples' (position 2) must be int, not bool"}, {A(x, 2, true, gen), "takes 3 positional arguments but 4 were given"}}},
  {"interpolate", "input:T size:I? scale_factor:P? mode:s(nearest,linear,bilinear,bicubic,trilinear,area)=nearest align_corners:b? recompute_scale_factor:b?",
    good = {{A(x, {4, 4}), 1, {size = {4, 4}, mode = 1}}, {A(x, nil, 2.0), 1, {scale_factor = {2.0}}}, {A(x, {scale_factor = {2, 1.5}, mode = "bilinear"}), 1, {scale_factor = {2.0, 1.5}, mode = 3}}},
    bad = {{A(x, nil, {2, "a"}), "element 2 is string"}, {A(x, {mode = "cubic"}), "not 'cubic'"}}},
  {"pow", "self:T exponent:N | self:n exponent:T", good = {{A(x, 2), 1, {exponent = 2}}, {A(x, y), 1}, {A(2, x), 2, {self = 2}}}, bad = {{A(2, 3), "but takes one of"}, {A(x), "missing"}, {A("2", x), "not string"}}},
  {"arange", "end:n * dtype:y? | start:n end:n step:n=1 * dtype:y?", good = {{A(5), 1, {["end"] = 5}}, {A(1, 5), 2, {start = 1, ["end"] = 5, step = 1}}, {A(1, 5, .5, {dtype = f64}), 2, {step = .5, dtype = f64}}, {A({stop = 4}), 1, {["end"] = 4}}},
    bad = {{A(), "missing"}, {A(1, 2, 3, 4), "takes 3 positional arguments but 4 were given"}, {A("5"), "not string"}}},
  {"repeat_interleave", "self:T repeats:i dim:d? | self:T repeats:T dim:d? * output_size:i?", good = {{A(x, 2), 1}, {A(x, y, 1), 2, {dim = 0}}}, bad = {{A(x, 2, 0), "Dimension 0"}, {A(x, 2, {output_size = 4}), "but takes one of"}}},
  {"scaled_dot_product_attention", "query:T key:T value:T attn_mask:T? dropout_p:n=0 is_causal:b=false * scale:n?", good = {{A(x, y, z), 1, {is_causal = false}}, {A(x, y, z, nil, 0, true), 1, {is_causal = true}}},
    bad = {{A(x, y, z, {is_casual = true}), "did you mean 'is_causal'"}, {A(x, y), "missing required argument 'value' (position 3)"}}},
  {"lstm", "input:T hx:L params:L has_biases:b num_layers:i dropout:n train:b bidirectional:b batch_first:b -> T T T", good = {{A(x, {y, z}, {x, y, z}, true, 1, 0, true, false, false), 1, {num_layers = 1, train = true}}},
    bad = {{A(x, y, {x}), "argument 'hx' (position 2) must be list of Tensors, not Tensor"}, {A(x, {y}, {x}, 1), "argument 'has_biases' (position 4) must be bool, not int"}}},
  {"nan_to_num", "self:T nan:n? posinf:n? neginf:n?", good = {{A(x), 1}, {A(x, {posinf = 1}), 1, {posinf = 1}}}, bad = {{A(x, {posinff = 1}), "did you mean 'posinf'"}}},
  {"any", "self:T | self:T dim:d keepdim:b=false", good = {{A(x), 1}, {A(x, 1), 2, {dim = 0}}}, bad = {{A(x, nil, true), "but takes one of"}, {A(true), "not bool"}}},
  {"median", "self:T | self:T dim:d keepdim:b=false -> values:T indices:J", good = {{A(x), 1}, {A(x, 1), 2}}, bad = {{A(x, "1"), "must be int, not string"}}},
  {"bucketize", "self:N boundaries:T * out_int32:b=false right:b=false", good = {{A(x, y), 1}, {A(3, y), 1, {self = 3}}}, bad = {{A(x, {1, 2}), "argument 'boundaries' (position 2) must be Tensor, not table"}}},
  {"fft_like", "self:T n:i? dim:d=-1 norm:s(backward,ortho,forward)?", good = {{A(x, nil, 1, "ortho"), 1, {dim = 0, norm = 2}}}, bad = {{A(x, nil, 1, "orto"), "must be one of 'backward', 'ortho', 'forward', not 'orto'"}}},
  {"tensordot", "self:T other:T dims:i=2 | self:T other:T dims_self:I dims_other:I", good = {{A(x, y, 2), 1, {dims = 2}}, {A(x, y, {1}, {2}), 2, {dims_self = {1}}}}, bad = {{A(x, y, {1}), "missing required argument 'dims_other' (position 4)"}}},
  {"select", "self:T dim:d index:e", good = {{A(x, 1, 2), 1, {dim = 0, index = 1}}, {A(x, 1, -1), 1, {index = -1}}}, bad = {{A(x, 1, 0), "index 0 is out of range"}, {A(x, 1), "missing"}}},
}

local function same(a, b)
  if type(a) == "table" and type(b) == "table" then
    if #a ~= #b then return false end
    for i = 1, #a do if not same(a[i], b[i]) then return false end end
    return true
  end
  return a == b and math.type(a) == math.type(b)
end

describe("the argument language", function()
  local calls, wrong = 0, 0
  for _, row in ipairs(rows) do
    local name, text = row[1], row[2]
    calls, wrong = calls + #row.good, wrong + #row.bad
    it("reads " .. name, function()
      for k, call in ipairs(row.good) do
        local form, values = torch._C.match(text, name, table.unpack(call[1], 1, call[1].n))
        assert.are.equal(call[2], form, "call " .. k)
        for field, want in pairs(call[3] or {}) do
          assert.is_true(same(want, values[field]), ("call %d: %s is %s, not %s"):format(k, field, values[field], want))
        end
      end
    end)
    it("says what is wrong with " .. name, function()
      for k, call in ipairs(row.bad) do
        local ok, message = pcall(torch._C.match, text, name, table.unpack(call[1], 1, call[1].n))
        assert.is_false(ok, "call " .. k .. " fits")
        assert.truthy(message:find(call[2], 1, true), ("call %d says: %s"):format(k, message))
        assert.truthy(message:find(name, 1, true), "the name is missing: " .. message)
        assert.truthy(message:find("^[^\n]*args_spec.lua:%d+: "), "the line is missing: " .. message)
      end
    end)
  end

  it("is proved by enough calls", function()
    assert.is_true(#rows >= 40 and calls >= 110 and wrong >= 100, ("%d rows, %d calls, %d wrong ones"):format(#rows, calls, wrong))
  end)

  it("leaves nothing behind", function()
    local function all()
      for _, row in ipairs(rows) do
        for _, call in ipairs(row.good) do torch._C.match(row[2], row[1], table.unpack(call[1], 1, call[1].n)) end
        for _, call in ipairs(row.bad) do pcall(torch._C.match, row[2], row[1], table.unpack(call[1], 1, call[1].n)) end
      end
    end
    all()
    local before = table.pack(torch._C.settle())
    for _ = 1, 20 do all() end
    assert.are.same(before, table.pack(torch._C.settle()))
    assert.are.equal(0, torch._C.pooled())
  end)

  it("accepts a 0-d tensor for a number only when nothing else fits", function()
    local _, v = torch._C.match("self:T min:n? max:n? | self:T min:T? max:T?", "clamp", x, torch.tensor(1))
    assert.is_true(torch.is_tensor(v.min))
    _, v = torch._C.match("self:T eps:n=1 k:i=2", "f", x, torch.tensor(0.5), torch.tensor(7))
    assert.are.equal(0.5, v.eps)
    assert.are.equal(7, v.k)
    assert.has_error(function() torch._C.match("self:T k:i", "f", x, torch.tensor(1.5)) end)
    assert.has_error(function() torch._C.match("self:T k:i", "f", x, torch.tensor{1, 2}) end)
  end)

  it("names a mistake in a spec", function()
    for _, text in ipairs{"self", "self:Q", "a:T a:T", "a:b=maybe", "d:d=0", "a:T * b:T * c:T", "a:T=1"} do
      assert.has_error(function() torch._C.match(text, "f") end)
    end
  end)
end)
