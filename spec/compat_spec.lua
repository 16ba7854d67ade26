-- The names of older PyTorch and Lua Torch, and the classes below everything.
local torch = require "torch"
local helper = require "spec.support.helper"
local Class = require "torch.class"

describe("typed tensors", function()
  it("are made by sizes, from lists, and from tensors", function()
    assert.are.same({ 2, 3 }, { table.unpack(torch.FloatTensor(2, 3).shape) })
    assert.are.equal(torch.float64, torch.DoubleTensor { 1, 2 }.dtype)
    local l = torch.LongTensor { 1, 0, 1 }
    assert.are.equal(torch.int64, l.dtype)
    assert.are.same({ 1, 0, 1 }, l:tolist())
    assert.are.equal(torch.uint8, torch.ByteTensor(2).dtype)
    assert.are.equal(torch.bool, torch.BoolTensor { true }.dtype)
    assert.are.equal(torch.float32, torch.Tensor(5, 3).dtype)
    assert.are.equal(0, torch.Tensor():numel())
    assert.are.equal(torch.int32, torch.IntTensor(torch.zeros(2)).dtype)
    assert.are.equal("torch.FloatTensor", tostring(torch.FloatTensor))
  end)

  it("name a type to convert to", function()
    local x = torch.zeros(2)
    assert.are.equal(torch.float64, x:type(torch.DoubleTensor).dtype)
    assert.are.equal(torch.int64, x:type("torch.LongTensor").dtype)
    assert.are.equal("torch.FloatTensor", x:type())
    assert.are.equal("torch.LongTensor", torch.typename(torch.tensor(1)))
  end)
end)

describe("Lua Torch's names", function()
  it("are methods", function()
    local x = torch.zeros(2, 3)
    assert.are.equal(6, x:nElement())
    assert.are.equal(2, x:nDimension())
    assert.are.same({ 4, 3 }, { table.unpack(x:repeatTensor(2, 1).shape) })
    assert.are.same({ { 1, 2, 1, 2 } }, torch.tensor({ 1, 2 }):repeatTensor(1, 2):tolist())
    assert.are.same({ 0, 3 }, { table.unpack(x:repeatTensor(0, 1).shape) })
    assert.are.same({ { 1, 2, 1, 2 }, { 3, 4, 3, 4 } }, torch.tensor({ { 1, 3 }, { 2, 4 } }):t():repeatTensor(1, 2):tolist())
    local v = torch.ones(1, { requires_grad = true })
    v:repeatTensor(100000):sum():backward()
    assert.are.equal(100000, v.grad:item())
    for _, counts in ipairs { { 1 }, { 3 }, { 1, 1 }, { 2, 1 } } do              -- memory of its own, an element each
      local one = torch.ones(1)
      local r = one:repeatTensor(table.unpack(counts)):reshape(-1)
      r[1] = 5
      assert.are.equal(1, one:item())
      assert.are.equal(4 + r:numel(), r:sum():item())
    end
    helper.raises(function() x:repeatTensor(1 << 40, 1 << 40) end, "repeat(): Storage size calculation overflowed")
    helper.raises(function() x:repeatTensor(2) end, "Number of dimensions of repeat dims can not be smaller")
    assert.are.same({ 4, 3 }, { table.unpack(x["repeat"](x, 2, 1).shape) })
  end)
end)

describe("torch", function()
  it("says what it has not", function()
    helper.raises(function() return torch.randnn end, "torch has no 'randnn'; did you mean 'randn'?")
    helper.raises(function() return torch.optimm end, "torch has no 'optimm'; did you mean 'optim'?")
    helper.raises(function() return torch.complex64 end, "tlua has no complex numbers")
    helper.raises(function() return torch.sparse_coo_tensor end, "tlua has no sparse tensors")
    helper.raises(function() return torch.quantize_per_tensor end, "tlua has no quantized tensors")
    helper.raises(function() return torch.nn.functional.relu7 end, "did you mean 'relu")
    helper.raises(function() return torch.autograd.gradd end, "did you mean 'grad'?")
    assert.is_nil(torch[1])
  end)

  it("has its version and its parts", function()
    assert.are.equal("0.1.0", torch.__version__)
    assert.are.equal(require "torch.nn", torch.nn)
    assert.are.equal(require "torch.optim", torch.optim)
    assert.are.equal(require "torch.utils.data", torch.utils.data)
    assert.are.equal(require "torch.nn.functional", torch.nn.functional)
    assert.is_true(torch.is_dtype(torch.float32))
    assert.is_false(torch.is_dtype("float32"))
  end)

  it("leaves no globals behind", function()
    local r = helper.run_text [[
      local before = {}
      for k in pairs(_G) do before[k] = true end
      local torch = require "torch"
      local m = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
      torch.optim.Adam(m:parameters()):step()
      for _ in torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(2))) do end
      torch.autograd.gradcheck(torch.sin, torch.ones(1, {dtype = torch.float64, requires_grad = true}))
      for k in pairs(_G) do if not before[k] and k ~= "torch" then print(k) end end
    ]]
    assert.are.equal("", r.out .. r.err)
  end)
end)

describe("classes", function()
  it("inherit, are callable, and know each other", function()
    local Animal = Class:extend("Animal")
    function Animal:init(name) self.name = name end
    function Animal:speak() return self.name end
    function Animal:__len() return #self.name end
    local Dog = Animal:extend("Dog")
    function Dog:speak() return Animal.speak(self) .. "!" end
    local d = Dog("Rex")
    assert.are.equal("Rex!", d:speak())
    assert.are.equal(3, #d)
    assert.is_true(d:is(Animal) and Dog:is(Animal) and Class.is(d, Class))
    assert.is_false(Animal("x"):is(Dog) or Class.is(3, Animal) or Class.is({}, Animal))
    assert.are.equal("Dog", tostring(d))
    assert.are.equal("class Dog", tostring(Dog))
    assert.are.equal(Dog, Class.of(d))
    helper.raises(function() Class:extend(3) end, "extend: the name of a class should be a string, got number")
  end)
end)
