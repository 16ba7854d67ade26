-- Values between Lua and tensors: torch.tensor and its like, item, tolist, storages, memory from strings.
local helper = require "spec.support.helper"
local torch = require "torch"

local same = function(want, x) assert.same(want, x:tolist()) end
local raises = helper.raises

describe("torch.tensor", function()
  it("finds shape and dtype", function()
    local x = torch.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
    assert.same({ 2, 3 }, x.shape)
    assert.equal(torch.int64, x.dtype)
    same({ { 1, 2, 3 }, { 4, 5, 6 } }, x)
    assert.equal(torch.float32, torch.tensor { 1, 2.5 }.dtype)
    assert.equal(torch.float32, torch.tensor { 1.0 }.dtype)
    assert.equal(torch.bool, torch.tensor { true, false }.dtype)
    assert.equal(torch.int64, torch.tensor { true, 2 }.dtype)
    assert.equal(torch.float32, torch.tensor { 1.5, true, 2 }.dtype)
    same({ 1.5, 1, 2 }, torch.tensor { 1.5, true, 2 })
  end)

  it("takes single values", function()
    assert.equal(0, torch.tensor(7).ndim)
    assert.equal(torch.int64, torch.tensor(7).dtype)
    assert.equal(torch.float32, torch.tensor(7.0).dtype)
    assert.equal(torch.bool, torch.tensor(true).dtype)
    assert.equal(math.maxinteger, torch.tensor(math.maxinteger):item())
    assert.equal(math.mininteger, torch.tensor(math.mininteger):item())
  end)

  it("takes empty lists", function()
    assert.same({ 0 }, torch.tensor({}).shape)
    assert.equal(torch.float32, torch.tensor({}).dtype)
    assert.same({ 2, 0 }, torch.tensor({ {}, {} }).shape)
    assert.equal(torch.int64, torch.tensor({}, { dtype = torch.int64 }).dtype)
  end)

  it("takes tensors of one element among the numbers", function()
    same({ 2, 3.5 }, torch.tensor { torch.tensor(2), 3.5 })
    same({ 2, 3 }, torch.tensor { torch.tensor { 2 }, torch.tensor(3) })
    raises(function() torch.tensor { torch.ones(2), torch.ones(2) } end, "only one element tensors can be converted")
  end)

  it("copies a tensor, without its history", function()
    local w = torch.ones(2, { requires_grad = true })
    local y = torch.tensor(w)
    assert.is_false(y.requires_grad)
    y:add_(1)
    same({ 1, 1 }, w)
  end)

  it("takes dtype, device and requires_grad", function()
    for _, dtype in ipairs { torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.int16, torch.int8, torch.uint8 } do
      local x = torch.tensor({ 1, 2 }, { dtype = dtype, device = "cpu" })
      assert.equal(dtype, x.dtype)
      same({ 1, 2 }, x)
    end
    same({ 1, 1, 2 }, torch.tensor({ 1.5, true, 2 }, { dtype = torch.int32 }))
    same({ true, false }, torch.tensor({ 5, 0 }, { dtype = torch.bool }))
    assert.is_true(torch.tensor({ 1. }, { requires_grad = true }).requires_grad)
    raises(function() torch.tensor({ 1 }, { requires_grad = true }) end, "only Tensors of floating point dtype can require gradients")
  end)

  it("follows the default dtype", function()
    torch.set_default_dtype(torch.float64)
    local dtype = torch.tensor { 1.5 }.dtype
    torch.set_default_dtype(torch.float32)
    assert.equal(torch.float64, dtype)
  end)

  it("doesn't let numbers overflow whole dtypes", function()
    local function overflows(v, name)
      raises(function() torch.tensor(v, { dtype = torch[name] }) end, "value cannot be converted to type " .. name .. " without overflow")
    end
    overflows(300, "uint8")
    overflows({ 1, 256 }, "uint8")
    overflows(-129, "int8")
    overflows(128, "int8")
    overflows(1e30, "int64")
    overflows(2 ^ 63, "int64")
    overflows(0 / 0, "int32")
    overflows(2 ^ 31, "int32")
    same({ 127, -128 }, torch.tensor({ 127, -128 }, { dtype = torch.int8 }))
    same({ 127, -128 }, torch.tensor({ 127.9, -128.9 }, { dtype = torch.int8 }))
    assert.equal(math.mininteger, torch.tensor(-2. ^ 63, { dtype = torch.int64 }):item())
    assert.equal(255, torch.tensor(-1, { dtype = torch.uint8 }):item())
    assert.equal(math.huge, torch.tensor(1e60):item())
  end)

  it("refuses lists that are no box of numbers", function()
    raises(function() torch.tensor { { 1, 2 }, { 3 } } end, "tensor(): expected sequence of length 2 at dim 2 (got 1)")
    raises(function() torch.tensor { { 1, 2 }, 3 } end, "expected a list of length 2 at dim 2 (got int)")
    raises(function() torch.tensor { 1, { 2 } } end, "the lists have different depths")
    raises(function() torch.tensor { 1, nil, 3 } end, "can't hold a nil")
    raises(function() torch.tensor { "a" } end, "can't hold a string")
    raises(function() torch.tensor { print } end, "can't hold a function")
    raises(function() torch.tensor { a = 1 } end, "a table with names in it is no list of numbers")
    raises(function() torch.tensor { { a = 1 } } end, "a table with names in it")
  end)

  it("refuses lists that contain themselves", function()
    local a = {}
    a[1] = a
    raises(function() torch.tensor(a) end, "nested deeper than 8, or contain themselves")
    local b = { { 1 } }
    b[2] = b
    raises(function() torch.tensor(b) end, "tensor()")
    local deep = 1
    for _ = 1, 100000 do deep = { deep } end
    raises(function() torch.tensor(deep) end, "nested deeper than 8")
  end)

  it("refuses other values and arguments", function()
    raises(function() torch.tensor() end, "tensor() missing required argument 'data' (position 1)")
    raises(function() torch.tensor(nil) end, "must be a number, a boolean, a list or a Tensor, not nil")
    raises(function() torch.tensor("12") end, "not string")
    raises(function() torch.tensor(1, 2) end, "tensor() takes 1 positional argument but 2 were given")
    raises(function() torch.tensor(1, { dtyp = torch.float64 }) end, "did you mean 'dtype'?")
    raises(function() torch.tensor(1, { dtype = "float32" }) end, "argument 'dtype' must be torch.dtype")
    raises(function() torch.tensor(1, { device = "gpu" }) end, "gpu")
  end)

  it("leaves nothing behind after a mistake", function()
    local before = { torch._C.live() }
    for _ = 1, 100 do pcall(torch.tensor, { { 1, 2 }, { 3 } }) pcall(torch.tensor, { 300 }, { dtype = torch.uint8 }) end
    assert.is_true(select(3, torch._C.live()) <= before[3])
    assert.equal(0, torch._C.pooled())
  end)
end)

describe("as_tensor and new_tensor", function()
  it("as_tensor gives a tensor itself, converts when told", function()
    local x = torch.ones(2)
    assert.is_true(rawequal(x, torch.as_tensor(x)))
    assert.equal(torch.float64, torch.as_tensor(x, { dtype = torch.float64 }).dtype)
    assert.equal(torch.float64, torch.as_tensor(x, torch.float64).dtype)
    same({ 1, 2 }, torch.as_tensor { 1, 2 })
    raises(function() torch.as_tensor(x, 3) end, "argument 'dtype' (position 2) must be torch.dtype")
  end)

  it("new_tensor has the dtype of self", function()
    local x = torch.ones(2, { dtype = torch.float64 })
    assert.equal(torch.float64, x:new_tensor({ 1, 2 }).dtype)
    assert.equal(torch.int32, x:new_tensor({ 1, 2 }, { dtype = torch.int32 }).dtype)
    raises(function() x:new_tensor() end, "missing required argument 'data'")
  end)
end)

describe("item", function()
  it("gives Lua's own kinds of number", function()
    assert.equal("integer", math.type(torch.tensor(3):item()))
    assert.equal("float", math.type(torch.tensor(3.0):item()))
    assert.equal(true, torch.tensor(true):item())
    assert.equal(2.5, torch.tensor({ { 2.5 } }):item())
    assert.equal(1.5, torch.tensor(1.5, { dtype = torch.bfloat16 }):item())
    assert.equal(255, torch.tensor(255, { dtype = torch.uint8 }):item())
    local x = torch.tensor(1. / 3)
    assert.equal(string.unpack("f", string.pack("f", 1 / 3)), x:item())
  end)

  it("is for one element only", function()
    raises(function() torch.ones(2):item() end, "a Tensor with 2 elements cannot be converted to a number")
    raises(function() torch.ones(0):item() end, "a Tensor with 0 elements")
  end)
end)

describe("tolist", function()
  it("gives nested lists whatever the strides", function()
    local x = torch.arange(6):reshape(2, 3)
    same({ { 0, 3 }, { 1, 4 }, { 2, 5 } }, x:t())
    same({ { 1, 1 }, { 2, 2 } }, torch.tensor { { 1 }, { 2 } }:expand(2, 2))
    same({ 1, 4 }, x[{ {}, 2 }])
    same({ {}, {} }, torch.empty(2, 0))
    same({}, torch.empty(0))
    assert.equal(7, torch.tensor(7):tolist())
    same({ true, false }, torch.tensor { true, false })
    same({ 1.5, 2 }, torch.tensor({ 1.5, 2 }, { dtype = torch.float16 }))
    assert.equal("integer", math.type(x:tolist()[1][1]))
  end)

  it("and back is the same for every dtype", function()
    for _, name in ipairs { "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool" } do
      local x = torch.tensor({ { 0, 1 }, { 1, 0 } }, { dtype = torch[name] })
      assert.is_true(torch.equal(x, torch.tensor(x:tolist(), { dtype = torch[name] })))
    end
  end)
end)

describe("a storage", function()
  it("is all the memory of a tensor and its views", function()
    local x = torch.arange(6):reshape(2, 3)
    local s = x:storage()
    assert.equal(6, #s)
    assert.equal(6, s:size())
    assert.equal(48, s:nbytes())
    assert.equal(6, #x[2]:storage())
    assert.equal(s:data_ptr(), x[2]:storage():data_ptr())
    assert.equal(0, s[1])
    assert.equal(5, s[6])
    s[1] = 9
    assert.equal(9, x[{ 1, 1 }]:item())
    assert.is_true(torch.is_storage(s))
    assert.is_false(torch.is_storage(x))
    assert.equal("torch.Storage of 6 int64 elements", tostring(s))
  end)

  it("lives as long as anybody holds it", function()
    local s = torch.tensor({ 1., 2. }):storage()
    local junk
    for _ = 1, 200 do junk = torch.ones(2) end
    assert.equal(1, junk[1]:item())
    assert.equal(2, s[2])
  end)

  it("checks indices and values", function()
    local s = torch.ones(2):storage()
    raises(function() return s[0] end, "index 0 is out of range for 2 elements (they count from 1)")
    raises(function() return s[3] end, "out of range")
    raises(function() return s[1.5] end, "an index must be int")
    raises(function() s[1] = "x" end, "a value must be number, not string")
    raises(function() s.foo = 1 end, "an index must be int, not string")
  end)

  it("counts writes, so that backward notices them", function()
    local w = torch.ones(2, { requires_grad = true })
    local y = w * 1
    local z = y * y
    y:detach():storage()[1] = 3
    raises(function() z:sum():backward() end, "modified by an inplace operation")
  end)
end)

describe("from_buffer", function()
  it("reads a string's bytes", function()
    same({ 1, 2, 3 }, torch.from_buffer(string.pack("<fff", 1, 2, 3)))
    same({ 2 }, torch.from_buffer(string.pack("<fff", 1, 2, 3), { offset = 4, count = 1 }))
    same({ 97, 98 }, torch.from_buffer("ab", { dtype = torch.uint8 }))
    same({ -1 }, torch.from_buffer(string.pack("<i8", -1), { dtype = torch.int64 }))
    same({ true, false }, torch.from_buffer("\2\0", { dtype = torch.bool }))
    same({}, torch.frombuffer("", { dtype = torch.int8 }))
  end)

  it("shares a storage's memory", function()
    local x = torch.zeros(4)
    torch.from_buffer(x:storage(), { offset = 4, count = 2 }):fill_(7)
    same({ 0, 7, 7, 0 }, x)
    same({ 0, 0, 128, 63 }, torch.from_buffer(torch.ones(1):storage(), { dtype = torch.uint8 }))
    raises(function()
      torch.from_buffer(torch.zeros(8, { dtype = torch.uint8 }):storage(), { dtype = torch.float32, offset = 1, count = 1 })
    end, "must be a multiple of element size")
  end)

  it("never reads past the end", function()
    raises(function() torch.from_buffer("abc") end, "must be a multiple of element size (4)")
    raises(function() torch.from_buffer("abcd", { offset = 9 }) end, "no greater than buffer length (4)")
    raises(function() torch.from_buffer("abcd", { offset = -1 }) end, "must be non-negative")
    raises(function() torch.from_buffer("abcd", { count = 2 }) end, "must not be greater than actual buffer length (4 bytes)")
    raises(function() torch.from_buffer("abcd", { count = math.maxinteger }) end, "must not be greater")
    raises(function() torch.from_buffer(3) end, "must be string or torch.Storage, not int")
  end)
end)
