-- Mistakes: PyTorch's words, the name of the operation, the user's own line, the name that was meant; and afterwards
-- everything is as it was.
local helper = require "spec.support.helper"
local torch = require "torch"

local raises = helper.raises
local x = torch.ones(2, 3)
local F = torch.nn.functional

-- the line of the call that f makes on its own line
local function line_of(f) return debug.getinfo(f, "S").linedefined end

describe("an error", function()
  it("stands at the user's line", function()
    local function at(f)
      local message = raises(f)
      local line = tonumber(message:match("^spec/bind/errors_spec%.lua:(%d+): ")) or error("no line in: " .. message)
      assert.equal(line_of(f) + 1, line)
    end
    at(function()
      local _ = x + torch.ones(4)
    end)
    at(function()
      x:mm(x)
    end)
    at(function()
      torch.zeros(2, { dtyp = torch.float64 })
    end)
    at(function()
      local _ = x[3]
    end)
    at(function()
      x[3] = 1
    end)
    at(function()
      torch.tensor { { 1 }, {} }
    end)
    at(function()
      local _ = x.reshap
    end)
    at(function()
      local _ = torch.zeross
    end)
    at(function()
      x:sum():backward()
    end)
    at(function()
      x:item()
    end)
    at(function()
      torch.load("/nowhere")
    end)
    at(function()
      local _ = x < x
    end)
    at(function()
      F.softmax(x, 5)
    end)
    at(function()
      torch.manual_seed("a")
    end)
  end)

  it("below a function of ours in Lua stands at the user's line too", function()
    local message = helper.run_text('local torch = require "torch"\ntorch.nn.functional.mse_loss(torch.ones(2), torch.ones(2), {\n' ..
      'reduction = "meen"})\n').err
    assert.truthy(message:find("^%S*tlua: %S+:[23]: mse_loss%(%)"), message)
  end)

  it("has a traceback when nobody catches it", function()
    local r = helper.run_text('local torch = require "torch"\nlocal function f() return 1 + (torch.ones(2) + torch.ones(3)) end\nf()\n')
    assert.equal(1, r.code)
    assert.truthy(r.err:find(":2: add: The size of tensor a (2) must match the size of tensor b (3)", 1, true), r.err)
    assert.truthy(r.err:find("stack traceback:", 1, true))
    assert.truthy(r.err:find(":3: in main chunk", 1, true))
  end)

  it("in a coroutine is raised there", function()
    local co = coroutine.create(function() return x + torch.ones(4) end)
    local ok, message = coroutine.resume(co)
    assert.is_false(ok)
    assert.truthy(message:find("errors_spec.lua", 1, true))
    assert.equal("dead", coroutine.status(co))
  end)
end)

describe("a wrong argument", function()
  it("is named, with what it should be and what it is", function()
    raises(function() x:add("a") end, "add(): argument 'other' (position 2) must be Tensor or number, not string")
    raises(function() x:add() end, "add() missing required argument 'other' (position 2)")
    raises(function() x:exp(1) end, "exp() takes 1 positional argument but 2 were given")
    raises(function() x:sum { dim = 1.5 } end, "argument 'dim' must be int or list of ints or nil, not float")
    raises(function() torch.zeros(4 / 2) end, "(a division with / gives a float: use // or math.tointeger)")
    raises(function() torch.zeros(2, "3") end, "zeros()")
    raises(function() torch.cat { x, 3 } end, "argument 'tensors' (position 1) must be list of Tensors, but element 2 is int")
    raises(function() x.sum() end, "sum() missing required argument 'self' (position 1)")
    raises(function() x.sum(3) end, "sum(): argument 'self' (position 1) must be Tensor, not int")
    raises(function() torch.zeros(2, { dtype = "float32" }) end, "argument 'dtype' must be torch.dtype")
    raises(function() torch.zeros(2, { requires_grad = 1 }) end, "argument 'requires_grad' must be bool, not int")
  end)

  it("is shown for each form that it could have been", function()
    local message = raises(function() x:max("a") end, "max(): got (Tensor, string), but takes one of")
    assert.truthy(message:find("argument 'dim' (position 2) must be int, not string", 1, true))
    assert.truthy(message:find("argument 'other' (position 2) must be Tensor, not string", 1, true))
  end)

  it("of a list of words names them", function()
    raises(function() F.mse_loss(x, x, { reduction = "meen" }) end, "must be one of 'mean', 'sum', 'none', not 'meen'")
  end)

  it("given twice is refused", function()
    raises(function() x:sum(1, { dim = 1 }) end, "sum() got multiple values for argument 'dim'")
  end)

  it("in a list with names in it is not lost", function()
    raises(function() torch.zeros { 2, 3, dtype = torch.float64 } end, "not table with names in it (keywords are a table of their own")
    raises(function() x:sum { 1, keepdim = true } end, "with names in it")
    assert.same({ 2, 2 }, torch.stack(table.pack(torch.ones(2), torch.ones(2))).shape)
  end)
end)

describe("a wrong name", function()
  it("of an argument gives the nearest", function()
    raises(function() torch.zeros(2, { dtyp = torch.float64 }) end,
           "zeros() got an unexpected keyword argument 'dtyp'; did you mean 'dtype'?")
    raises(function() x:sum { dim = 1, keepdm = true } end, "'keepdm'; did you mean 'keepdim'?")
    raises(function() x:sum { dims = 1 } end, "did you mean 'dim'?")
    raises(function() x:clamp { minimum = 0 } end, "clamp() got an unexpected keyword argument 'minimum'")
    raises(function() torch.randn(2, { require_grad = true }) end, "did you mean 'requires_grad'?")
    local message = raises(function() x:sum { completely_different = 1 } end, "unexpected keyword argument 'completely_different'")
    assert.is_nil(message:find("did you mean", 1, true))
  end)

  it("of a function or method gives the nearest", function()
    raises(function() return torch.zeross end, "torch has no 'zeross'; did you mean 'zeros'?")
    raises(function() return torch.Tenser end, "torch has no 'Tenser'")
    raises(function() return x.reshap end, "'Tensor' object has no attribute 'reshap'; did you mean 'reshape'?")
    raises(function() return F.sofmax end, "torch.nn.functional has no 'sofmax'; did you mean 'softmax'?")
    raises(function() return torch.nn.Linera end, "torch.nn has no 'Linera'; did you mean 'Linear'?")
    raises(function() return torch.optim.Adm end, "did you mean 'Adam'?")
    raises(function() return torch.autograd.grd end, "did you mean 'grad'?")
    local message = raises(function() return torch.some_thing_else end, "torch has no 'some_thing_else'")
    assert.is_nil(message:find("did you mean", 1, true))
    raises(function() return torch.float32.foo end, "torch.dtype has no field 'foo'")
    raises(function() return torch.device("cpu").foo end, "torch.device has no field 'foo'")
  end)
end)

describe("names PyTorch has and tlua has not", function()
  local REFUSED = {
    ["complex numbers"] = { "complex64", "cfloat", "view_as_complex", "polar", "complex" },
    ["sparse tensors"] = { "sparse", "sparse_coo_tensor", "sparse_csr_tensor", "sparse_coo" },
    ["quantized tensors"] = { "quantize_per_tensor", "quantize_per_channel", "qint8", "quint8", "ao" },
    ["TorchScript"] = { "jit" }, ["ONNX export"] = { "onnx" }, ["nested tensors"] = { "nested" },
    ["memory formats other than contiguous"] = { "channels_last" }, ["torch.hub"] = { "hub" },
  }

  for what, names in pairs(REFUSED) do
    it("are refused in a sentence: " .. what, function()
      for _, name in ipairs(names) do
        raises(function() return torch[name] end, ("torch.%s is not supported: tlua has no %s"):format(name, what))
      end
    end)
  end

  it("as methods too", function()
    raises(function() return x.to_sparse end, "tlua has no sparse tensors")
    raises(function() return x.dequantize end, "tlua has no quantized tensors")
    raises(function() return x.imag end, "tlua has no complex numbers")
    raises(function() return x.numpy end, "there is no NumPy here; use tolist()")
    raises(function() return x.names end, "tlua has no named dimensions")
  end)

  it("as devices too", function()
    if not torch.cuda.is_available() then
      raises(function() torch.zeros(1, { device = "cuda" }) end, "device 'cuda:0': ")
      raises(function() x:cuda() end, "device 'cuda:0': ")
    end
    raises(function() torch.zeros(1, { device = "tpu" }) end, "Expected one of cpu, cuda device type at start of device string: tpu")
  end)
end)

describe("PyTorch's words", function()
  local CASES = {
    { "add: The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 2",
      function() return x + torch.ones(4) end },
    { "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", function() return x:mm(x) end },
    { "Dimension out of range (expected to be in range of [-2, -1] or [1, 2], but got 5)", function() return x:sum(5) end },
    { "dimensions count from 1", function() return x:sum(0) end },
    { "index 3 is out of bounds for dimension 1 with size 2", function() return x[3] end },
    { "indices count from 1", function() return x[0] end },
    { "shape '[4, -1]' is invalid for input of size 6", function() return x:view(4, -1) end },
    { "The expanded size of the tensor (4) must match the existing size (3)", function() return x:expand(2, 4) end },
    { "stack expects each tensor to be equal size, but got [2] at entry 1 and [3] at entry 2",
      function() return torch.stack { torch.ones(2), torch.ones(3) } end },
    { "Trying to create tensor with negative dimension -1", function() return torch.zeros(-1) end },
    { "Storage size calculation overflowed", function() return torch.zeros(1 << 40, 1 << 40) end },
    { "at most 8 dimensions", function() return torch.zeros(1, 1, 1, 1, 1, 1, 1, 1, 1) end },
    { "not enough memory: tried to allocate 140737488355328 bytes", function() return torch.zeros(1 << 45) end },
    { "only floating-point types are supported as the default type", function() torch.set_default_dtype(torch.int32) end },
    { "set_num_threads expects a positive integer", function() torch.set_num_threads(0) end },
    { "torch.finfo() requires a floating point input type", function() torch.finfo(torch.int32) end },
    { "torch.iinfo() requires an integer input type", function() torch.iinfo(torch.float32) end },
    { "Target 4 is out of bounds", function() return F.cross_entropy(x, torch.tensor { 1, 4 }) end },
    { "result type float32 can't be cast to the desired output type int64", function() return torch.arange(2):add_(0.5) end },
  }

  for _, case in ipairs(CASES) do
    it("say: " .. case[1], function() raises(case[2], case[1]) end)
  end

  it("leave nothing behind, however often they are said", function()
    local most = 0
    for _ = 1, 300 do
      for _, case in ipairs(CASES) do
        pcall(case[2])
        assert.equal(0, torch._C.pooled())
      end
      most = math.max(most, (torch._C.live()))
    end
    assert.is_true(most < 2000, most .. " tensors alive")          -- what the collector has not yet seen, no more
    assert.equal(torch.float32, torch.get_default_dtype())
  end)
end)

describe("memory that runs out", function()
  after_each(function() torch.memory.limit(0) end)

  it("is an error like any other", function()
    torch.memory.limit(torch.memory.allocated() + 10000)
    raises(function() torch.zeros(10000) end, "not enough memory: tried to allocate 40000 bytes")
    assert.equal(6, torch.ones(2, 3):sum():item())
    torch.memory.limit(0)
    assert.equal(10000, torch.zeros(10000):numel())
    raises(function() torch.memory.limit(-1) end, "must be a number of bytes")
  end)

  it("at any allocation of a step leaves everything usable", function()
    torch._C.fail_allocation(0)
    local function step()
      local w = torch.ones(3, 3, { requires_grad = true })
      local y = (torch.cat { w:mm(w), w * 2 }):relu():sum()
      y:backward()
      return w.grad:sum():item()
    end
    local want, failures = step(), 0
    for n = 1, 200 do
      torch._C.fail_allocation(n)
      local ok, got = pcall(step)
      local left = torch._C.fail_allocation(0)
      assert.equal(0, torch._C.pooled())
      if ok then
        assert.equal(want, got)
        if left > 0 then break end
      else
        failures = failures + 1
        assert.truthy(tostring(got):find("not enough memory", 1, true), tostring(got))
      end
    end
    assert.is_true(failures > 3)
    assert.equal(want, step())
  end)
end)
