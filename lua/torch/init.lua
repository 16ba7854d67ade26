--- torch: what C opened, completed. C runs this file with the torch table; parts that are big are loaded when
-- they are first named.

local torch = ...

torch.__version__ = "0.1.0"

-- C keeps the operations of a space in a table of that name; torch.nn itself is Lua.
torch._C.functional = torch._C.functional or {}
torch.nn = nil

--------------------------------------------------------------------------------------------- small things

local dtypes = {}
for _, name in ipairs{"float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"} do
  if torch[name] ~= nil then dtypes[torch[name]] = true end
end

function torch.is_dtype(value) return value ~= nil and dtypes[value] == true end

--- "torch.FloatTensor" of a tensor, the name of the class of an object, else Lua's type.
function torch.typename(value)
  if torch.is_tensor(value) then return value:type() end
  local class = require "torch.class".of(value)
  return class and class.__name or type(value)
end

--------------------------------------------------------------------------------------------- parts

local parts = {
  autograd = "torch.autograd", nn = "torch.nn", optim = "torch.optim", utils = "torch.utils",
  progress = "torch.progress", tqdm = "torch.progress",
}

-- what may be required though no file has that name
package.preload["torch.nn.init"] = function() return torch.nn.init end

-- Families of PyTorch that are not here, and what to say of them.
local refused = {
  {"tlua has no complex numbers", "complex64 complex128 complex32 cfloat cdouble chalf complex polar view_as_complex "
    .. "view_as_real real imag conj angle is_conj resolve_conj"},
  {"tlua has no sparse tensors; use dense ones", "sparse sparse_coo_tensor sparse_csr_tensor sparse_csc_tensor "
    .. "sparse_bsr_tensor sparse_bsc_tensor sparse_compressed_tensor sparse_coo sparse_csr to_sparse"},
  {"tlua has no quantized tensors; float16, bfloat16 and int8 are the small types", "quantization ao qint8 quint8 qint32 "
    .. "quantize_per_tensor quantize_per_channel quantized_batch_norm dequantize fake_quantize_per_tensor_affine"},
  {"TorchScript and its tracers belong to Python; a tlua program is compiled as it is", "jit fx export package onnx _dynamo"},
  {"tlua computes on the CPU in this version", "mps xpu mtia xla hip vulkan"},
  {"tlua has no named dimensions", "Names refine_names align_tensors"},
}

local reasons = {}
for _, family in ipairs(refused) do
  for name in family[2]:gmatch("%S+") do reasons[name] = family[1] end
end

local function unknown(name)
  if reasons[name] then
    torch._C.fail(("torch.%s is not here: %s"):format(name, reasons[name]))
  end
  local names = {}
  for k in pairs(torch) do
    if type(k) == "string" then names[#names + 1] = k end
  end
  for k in pairs(parts) do names[#names + 1] = k end
  local guess = require "torch.utils.nearest"(name, names)
  torch._C.fail(("torch has no '%s'%s"):format(name, guess and "; did you mean '" .. guess .. "'?" or ""))
end

setmetatable(torch, {
  __name = "torch",
  __index = function(t, name)
    if type(name) ~= "string" then return nil end
    local part = parts[name]
    if part then
      local value = require(part)
      rawset(t, name, value)
      return value
    end
    unknown(name)
  end,
})

--------------------------------------------------------------------------------------------- files

function torch.save(...) return require "torch.files".save(...) end
function torch.load(...) return require "torch.files".load(...) end

--------------------------------------------------------------------------------------------- names of old

require "torch.compat".install()
