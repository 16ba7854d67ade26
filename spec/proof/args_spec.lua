-- Proof: the argument language carries PyTorch's worst signatures: which form a call fits, how it is read, and what is
-- said of calls that fit none. `torch._C.match(text, name, ...)` reads arguments exactly as an operation with that text.
local helper = require "spec.support.helper"
local torch = require "torch"
local match = torch._C.match

local x, y, z = torch.ones(2), torch.zeros(2), torch.ones(3)
local f64, f32, gen = torch.float64, torch.float32, torch.Generator()

-- name, text, then calls { form, arguments... } and wrong calls { "what is said", arguments... }
local SIGNATURES = {
  { "max", "self:T | self:T dim:d keepdim:b=false -> values:T indices:J | self:T other:T",
    {1, x}, {2, x, 2}, {2, x, 2, true}, {3, x, y}, {2, x, {dim = 1}}, {2, x, {dim = 1, keepdim = true}}, {3, x, {other = y}},
    {"dim", x, 1.5}, {"0", x, 0}, {"must be", x, "a"}, {"keepdim", x, 1, 2} },
  { "sum", "self:T dim:D? keepdim:b=false * dtype:y?",
    {1, x}, {1, x, 1}, {1, x, {1, 2}}, {1, x, {dim = {1}, keepdim = true, dtype = f64}}, {1, x, nil, true},
    {"dim", x, "a"}, {"positional argument", x, 1, true, f64}, {"dtype", x, {dtype = 3}}, {"dims", x, {dims = 1}} },
  { "clamp", "self:T min:n? max:n? | self:T min:T? max:T?",
    {1, x, 0, 1}, {1, x, {min = 0}}, {2, x, y, z}, {1, x, nil, 3}, {2, x, {max = y}}, {1, x, 0.5},
    {"min", x, "a"}, {"minimum", x, {minimum = 1}}, {"self", 3}, {"self"} },
  { "where", "condition:T | condition:T self:N other:N", {1, x}, {2, x, y, 0}, {2, x, 1, y}, {2, x, 1, 2.5},
    {"other", x, y}, {"condition", 1, x, y}, {"must be", x, {}, y} },
  { "norm", "self:T p:n=2 dim:D? keepdim:b=false * dtype:y? | self:T p:s(fro,nuc) dim:D? keepdim:b=false",
    {1, x}, {1, x, 2, 1}, {2, x, "fro"}, {2, x, "nuc", {1, 2}}, {1, x, 1.5, {dim = 1}}, {"abc", x, "abc"}, {"p", x, y} },
  { "std", "self:T unbiased:b | self:T dim:D? unbiased:b=true keepdim:b=false | self:T dim:D? * correction:i? keepdim:b=false",
    {2, x}, {1, x, true}, {2, x, 1, false}, {3, x, {dim = 1, correction = 0}}, {2, x, {keepdim = true}},
    {"correction", x, {correction = 1.5}}, {"unbiased", x, 1, 1} },
  { "zeros", "size:S... * dtype:y? device:v? requires_grad:b=false",
    {1, 2, 3}, {1, {2, 3}}, {1, 2, 3, {dtype = f64}}, {1, {}}, {1, {2}, {requires_grad = true}}, {1, 2, {device = "cpu"}},
    {"size", "a"}, {"size", 2.5}, {"requires_grad", 2, {requires_grad = 1}}, {"dtyp", 2, {dtyp = f64}}, {"size", {2, "b"}} },
  { "randint", "high:i size:S * generator:g? dtype:y? | low:i high:i size:S * generator:g? dtype:y?",
    {1, 10, {2, 3}}, {2, 1, 10, {2, 3}}, {1, 10, {2}, {generator = gen}}, {2, 0, 5, {}, {dtype = f32}},
    {"size", 10}, {"high", 1.5, {2}}, {"generator", 10, {2}, {generator = 3}} },
  { "view", "self:T dtype:y | self:T size:S...", {2, x, 2, -1}, {2, x, {2, 3}}, {1, x, torch.int32}, {2, x, -1},
    {"size", x, "a"}, {"size", x}, {"must be", x, 1.5} },
  { "permute", "self:T dims:D...", {1, x, 2, 1}, {1, x, {2, 1}}, {1, x, {}}, {"dims", x, "a"}, {"0", x, 0, 1}, {"dims", x, {1, 0.5}} },
  { "transpose", "self:T dim0:d dim1:d", {1, x, 1, 2}, {1, x, -1, 1}, {1, x, {dim0 = 1, dim1 = 2}},
    {"dim1", x, 1}, {"0", x, 0, 1}, {"dim0", x, "a", 1}, {"positional argument", x, 1, 2, 3} },
  { "cat", "tensors:L dim:d=1", {1, {x, y}}, {1, {x, y}, 2}, {1, {x, y}, {dim = 2}}, {1, {}}, {"tensors", x}, {"element 2", {x, 3}}, {"dim", {x}, "a"} },
  { "index_put", "self:T indices:X values:T accumulate:b=false", {1, x, {y, false, z}, z}, {1, x, {y}, z, true},
    {"values", x, {y}}, {"element 1", x, {3}, z}, {"indices", x, y, z} },
  { "add", "self:N other:N * alpha:n=1", {1, x, y}, {1, x, 2}, {1, 2, x}, {1, x, y, {alpha = 2}}, {1, x, true},
    {"other", x}, {"other", x, "a"}, {"positional argument", x, y, 2}, {"alpha", x, y, {alpha = "b"}}, {"alpah", x, y, {alpah = 2}} },
  { "div", "self:N other:N * rounding_mode:s(trunc,floor)?", {1, x, y}, {1, x, 2, {rounding_mode = "floor"}},
    {"rounding_mode", x, 2, {rounding_mode = "up"}}, {"rounding_mode", x, 2, {rounding_mode = 1}} },
  { "addmm", "self:T mat1:T mat2:T * beta:n=1 alpha:n=1", {1, x, y, z}, {1, x, y, z, {beta = 0}}, {"mat2", x, y}, {"mat1", x, 2, z}, {"gamma", x, y, z, {gamma = 1}} },
  { "gather", "self:T dim:d index:J * sparse_grad:b=false", {1, x, 1, y}, {1, x, {dim = 1, index = y}}, {"index", x, 1}, {"index", x, 1, 2}, {"dim", x, y, 1} },
  { "scatter", "self:T dim:d index:J src:T * reduce:s(add,multiply)? | self:T dim:d index:J value:n * reduce:s(add,multiply)?",
    {1, x, 1, y, z}, {2, x, 1, y, 3}, {2, x, 1, y, 3, {reduce = "add"}}, {1, x, 1, y, {src = z}}, {"reduce", x, 1, y, z, {reduce = "max"}}, {"src", x, 1, y} },
  { "topk", "self:T k:i dim:d=-1 largest:b=true sorted:b=true -> values:T indices:J", {1, x, 3}, {1, x, 3, 1, false}, {1, x, {k = 3, dim = 1}},
    {"k", x}, {"k", x, 1.5}, {"largest", x, 1, 1, 1} },
  { "sort", "self:T dim:d=-1 descending:b=false * stable:b? -> values:T indices:J", {1, x}, {1, x, 1, true}, {1, x, {stable = true}}, {"descending", x, 1, 2}, {"positional argument", x, 1, true, true} },
  { "unique", "self:T sorted:b=true return_inverse:b=false return_counts:b=false dim:d? -> T inverse:J? counts:T?", {1, x}, {1, x, {return_counts = true}}, {"sorted", x, 1} },
  { "split", "self:T split_size:i dim:d=1 -> L | self:T split_sizes:I dim:d=1 -> L", {1, x, 2}, {2, x, {1, 2}}, {2, x, {1, 2}, 2}, {"split", x}, {"split", x, "a"} },
  { "conv2d", "input:T weight:T bias:T? stride:I2=1 padding:I2=0 dilation:I2=1 groups:i=1 | " ..
      "input:T weight:T bias:T? stride:I2=1 padding:s(same,valid) dilation:I2=1 groups:i=1",
    {1, x, y}, {1, x, y, z, 2, {1, 1}}, {2, x, y, nil, 1, "same"}, {2, x, y, {padding = "same"}}, {1, x, y, {padding = {1, 2}, groups = 2}},
    {"stride", x, y, z, {1, 2, 3}}, {"padding", x, y, z, 1, "full"}, {"weight", x} },
  { "max_pool2d", "self:T kernel_size:I2 stride:I2? padding:I2=0 dilation:I2=1 ceil_mode:b=false return_indices:b=false -> T indices:J?",
    {1, x, 2}, {1, x, {3, 2}, {stride = 2}}, {1, x, 2, nil, 1}, {"kernel_size", x}, {"kernel_size", x, {1, 2, 3}} },
  { "cross_entropy", "input:T target:T weight:T? * ignore_index:i? reduction:s(mean,sum,none)=mean label_smoothing:n=0",
    {1, x, y}, {1, x, y, {reduction = "sum"}}, {1, x, y, z, {label_smoothing = .1}}, {"reduction", x, y, {reduction = "avg"}}, {"target", x} },
  { "einsum", "equation:s operands:L", {1, "ij,jk", {x, y}}, {"equation", x, {y}}, {"operands", "ij", x} },
  { "layer_norm", "input:T normalized_shape:I weight:T? bias:T? eps:n=1e-05", {1, x, {3}}, {1, x, 3, y, z, 1e-6}, {"normalized_shape", x}, {"eps", x, 3, y, z, "a"} },
  { "multinomial", "self:T num_samples:i replacement:b=false * generator:g?", {1, x, 2}, {1, x, 2, true, {generator = gen}}, {"num_samples", x, y}, {"replacement", x, 1, 1} },
  { "interpolate", "input:T size:I? scale_factor:P? mode:s(nearest,linear,bilinear,bicubic,trilinear,area)=nearest align_corners:b? recompute_scale_factor:b?",
    {1, x, {4, 4}}, {1, x, nil, 2.0}, {1, x, {scale_factor = {2, 1.5}, mode = "bilinear"}}, {"mode", x, 4, nil, "cubic"}, {"scale_factor", x, nil, "a"} },
  { "pow", "self:T exponent:N | self:n exponent:T", {1, x, 2}, {1, x, y}, {2, 2, x}, {"exponent", x}, {"exponent", 2, 3} },
  { "arange", "end:n * dtype:y? | start:n end:n step:n=1 * dtype:y?", {1, 5}, {2, 1, 5}, {2, 1, 5, .5, {dtype = f64}}, {1, {["end"] = 4}}, {"end", "a"}, {"positional argument", 1, 2, 3, 4} },
  { "repeat_interleave", "self:T repeats:i dim:d? | self:T repeats:T dim:d? * output_size:i?", {1, x, 2}, {2, x, y, 1}, {2, x, y, {output_size = 4}}, {"repeats", x}, {"repeats", x, "a"} },
  { "attention", "query:T key:T value:T attn_mask:T? dropout_p:n=0 is_causal:b=false * scale:n?", {1, x, y, z}, {1, x, y, z, nil, 0, true}, {1, x, y, z, {scale = 2}}, {"value", x, y}, {"is_causal", x, y, z, nil, 0, 1} },
  { "lstm", "input:T hx:L params:L has_biases:b num_layers:i dropout:n train:b bidirectional:b batch_first:b -> T T T",
    {1, x, {y, z}, {x, y, z}, true, 1, 0, true, false, false}, {"params", x, {y}}, {"element 2", x, {y, 1}, {}, true, 1, 0, true, false, false} },
  { "nan_to_num", "self:T nan:n? posinf:n? neginf:n?", {1, x}, {1, x, {posinf = 1}}, {1, x, 0, nil, 2}, {"nan", x, "a"} },
  { "any", "self:T | self:T dim:d keepdim:b=false", {1, x}, {2, x, 1}, {2, x, -1, true}, {"dim", x, "a"}, {"0", x, 0} },
  { "median", "self:T | self:T dim:d keepdim:b=false -> values:T indices:J", {1, x}, {2, x, 1}, {"dim", x, "a"} },
  { "bucketize", "self:N boundaries:T * out_int32:b=false right:b=false", {1, x, y}, {1, 3, y}, {1, 3, y, {right = true}}, {"boundaries", x, 3}, {"right", x, y, {right = 1}} },
  { "fft", "self:T n:i? dim:d=-1 norm:s(backward,ortho,forward)?", {1, x, nil, 1, "ortho"}, {1, x, 8}, {"norm", x, nil, 1, "none"} },
  { "tensordot", "self:T other:T dims:i=2 | self:T other:T dims_self:I dims_other:I", {1, x, y, 2}, {2, x, y, {1}, {2}}, {1, x, y}, {"other", x}, {"dims", x, y, "a"} },
}

describe("the argument language", function ()
  local calls, wrong = 0, 0
  for _, s in ipairs(SIGNATURES) do
    for k = 3, #s do
      if type(s[k][1]) == "number" then calls = calls + 1 else wrong = wrong + 1 end
    end
    it("reads " .. s[1], function ()
      for k = 3, #s do
        local c, n = s[k], 0
        for i in pairs(s[k]) do if math.type(i) == "integer" and i > n then n = i end end
        if type(c[1]) == "number" then
          local ok, form = pcall(match, s[2], s[1], table.unpack(c, 2, n))
          assert.is_true(ok, ("call %d: %s"):format(k - 2, tostring(form)))
          assert.equal(c[1], form, "call " .. k - 2)
        else
          local message = helper.raises(function () match(s[2], s[1], table.unpack(c, 2, n)) end, c[1])
          assert.truthy(message:find(s[1], 1, true), message)
        end
      end
    end)
  end

  it("is asked enough", function ()
    assert.equal(40, #SIGNATURES)
    assert.is_true(calls >= 110, calls .. " calls")
    assert.is_true(wrong >= 100, wrong .. " wrong calls")
  end)

  it("hands dims on from 0, fills defaults, repeats one number", function ()
    local _, v = match("self:T dim:d=-1 size:I2=3 p:n? keep:b=false", "op", x, 2)
    assert.equal(1, v.dim)
    assert.same({3, 3}, v.size)
    assert.is_false(v.keep)
  end)
end)
