-- torch.save and torch.load: what is written comes back; broken files are refused.
local torch = require "torch"
local helper = require "spec.support.helper"
local nn = torch.nn
local raises = helper.raises

local path

-- what comes back from the file
local function again(value)
  torch.save(value, path)
  return torch.load(path)
end

local function keys(t)
  local r = {}
  for k in pairs(t) do r[#r + 1] = k end
  return r
end

describe("torch.save", function()
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("keeps a state_dict, its order and its bits", function()
    local function net() return nn.Sequential { { "z", nn.Linear(3, 4) }, { "act", nn.ReLU() }, { "a", nn.Linear(4, 2) } } end
    local one, two = net(), net()
    local state = again(one:state_dict())
    assert.same({ "z.weight", "z.bias", "a.weight", "a.bias" }, keys(state))
    assert.equal("<All keys matched successfully>", tostring(two:load_state_dict(state)))
    local x = torch.randn(5, 3)
    assert.same(one(x):tolist(), two(x):tolist())
  end)

  it("keeps all dtypes, sizes and odd values", function()
    for _, name in ipairs { "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool" } do
      local t = torch.tensor({ { 0, 1, 2 }, { 3, 4, 5 } }, { dtype = torch[name] })
      local r = again { t = t }.t
      assert.equal(t.dtype, r.dtype)
      assert.same(t:tolist(), r:tolist())
    end
    local r = again { scalar = torch.tensor(2.5), empty = torch.empty(0, 3), odd = torch.tensor { 0 / 0, 1 / 0, -0.0 } }
    assert.same({}, r.scalar.shape)
    assert.equal(2.5, r.scalar:item())
    assert.same({ 0, 3 }, r.empty.shape)
    local odd = r.odd:tolist()
    assert.is_true(odd[1] ~= odd[1] and odd[2] == 1 / 0 and 1 / odd[3] == -1 / 0)
  end)

  it("writes what a view shows", function()
    local base = torch.arange(1, 7):reshape(2, 3)
    local r = again { t = base:t(), row = base[2], part = base:narrow(2, 2, 1) }
    assert.same({ { 1, 4 }, { 2, 5 }, { 3, 6 } }, r.t:tolist())
    assert.same({ 4, 5, 6 }, r.row:tolist())
    assert.same({ { 2 }, { 5 } }, r.part:tolist())
  end)

  it("keeps nested tables, texts, numbers and booleans", function()
    local r = again { epoch = 3, rate = 0.1, name = "a \"b\"\n\u{e4}", done = false, list = { 1, { 2.5, "x" } },
      model = { w = torch.ones(2) } }
    assert.equal(3, r.epoch)
    assert.equal("integer", math.type(r.epoch))
    assert.equal(0.1, r.rate)
    assert.equal("a \"b\"\n\u{e4}", r.name)
    assert.is_false(r.done)
    assert.equal(2.5, r.list[2][1])
    assert.equal("x", r.list[2][2])
    assert.same({ 1, 1 }, r.model.w:tolist())
  end)

  it("gives leaves: what follows from others has lost its history", function()
    local p = nn.Parameter(torch.ones(2))
    local r = again { p = p, y = p * 2, x = torch.ones(1) }
    assert.same({ true, false, false }, { r.p.requires_grad, r.y.requires_grad, r.x.requires_grad })
    assert.is_true(r.p.is_leaf and r.y.is_leaf)
    assert.same({ 2, 2 }, r.y:tolist())
  end)

  it("keeps what is shared, and circles", function()
    local t, inner = torch.ones(2), { 1 }
    local value = { t, t, inner, inner }
    value.self = value
    local r = again(value)
    assert.equal(r, r.self)
    assert.equal(r[3], r[4])
    assert.equal(r[1]:data_ptr(), r[2]:data_ptr())
  end)

  it("replaces a file only when the new one is whole", function()
    torch.save({ a = 1 }, path)
    raises(function() torch.save({ a = 2, f = print }, path) end)
    assert.equal(1, torch.load(path).a)
    torch.save({ a = 3 }, path)
    assert.equal(3, torch.load(path).a)
  end)

  it("refuses what it cannot keep", function()
    raises(function() torch.save(nn.Linear(1, 1), path) end, "save(): save the object's state_dict()")
    raises(function() torch.save(path, { a = 1 }) end, "save(): the value comes first, then the file name")
    raises(function() torch.save({ a = 1 }, "/no/such/folder/x") end, "/no/such/folder/x")
    raises(function() torch.save({ f = print }, path) end, "function")
  end)
end)

describe("torch.load", function()
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("refuses broken files with a message", function()
    raises(function() torch.load("/no/such/file") end, "/no/such/file")
    raises(function() torch.load(path) end)                                      -- empty
    torch.save({ a = torch.arange(1, 101), b = "text" }, path)
    local whole = helper.read(path)
    for _, n in ipairs { 1, 7, 8, 9, 20, #whole // 2, #whole - 1 } do
      helper.write(path, whole:sub(1, n))
      raises(function() torch.load(path) end)
    end
    for _, text in ipairs { "return 1", "PK\3\4" .. ("\0"):rep(40), string.pack("<I8", 1 << 60) .. "{}",
        string.pack("<I8", 2) .. "[]", string.pack("<I8", 3) .. "{\"a", ("\255"):rep(64) } do
      helper.write(path, text)
      raises(function() torch.load(path) end)
    end
  end)

  it("survives any byte that is changed in the head", function()
    torch.save({ a = torch.arange(1, 5), b = { 1, "x" } }, path)
    local whole = helper.read(path)
    for at = 1, #whole, 3 do
      helper.write(path, whole:sub(1, at - 1) .. string.char(whole:byte(at) ~ 0x15) .. whole:sub(at + 1))
      pcall(torch.load, path)
    end
  end)

  it("reads the safetensors of others", function()
    local head = '{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},'
      .. '"n":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}'
    helper.write(path, string.pack("<I8", #head) .. head .. string.pack("<ffi8", 1.5, -2, 7))
    local r = torch.load(path)
    assert.same({ { 1.5 }, { -2 } }, r.w:tolist())
    assert.equal(7, r.n:item())
    local bad = head:gsub("%[8,16%]", "[8,99]")
    helper.write(path, string.pack("<I8", #bad) .. bad .. string.pack("<ffi8", 1.5, -2, 7))
    raises(function() torch.load(path) end)
  end)
end)
