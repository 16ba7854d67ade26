-- torch.save and torch.load: what goes in comes out; files that others wrote; files that are broken in every way that
-- the format allows to say.
local helper = require "spec.support.helper"
local torch = require "torch"

local raises = helper.raises
local path

before_each(function() path = os.tmpname() end)
after_each(function() os.remove(path) end)

local function back(value)
  torch.save(value, path)
  return torch.load(path)
end

describe("torch.save and torch.load", function()
  it("keep tensors of every dtype, bit for bit", function()
    for _, name in ipairs { "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool" } do
      local x = torch.tensor({ { 0, 1, 2 }, { 3, 100, 0 } }, { dtype = torch[name] })
      local y = back(x)
      assert.equal(torch[name], y.dtype)
      assert.is_true(torch.equal(x, y))
    end
    local x = torch.tensor({ 0 / 0, math.huge, -0.0, 1e-45 })
    assert.equal(table.concat(torch.from_buffer(x:storage(), { dtype = torch.uint8 }):tolist(), " "),
                 table.concat(torch.from_buffer(back(x):storage(), { dtype = torch.uint8 }):tolist(), " "))
  end)

  it("keep shapes, also empty ones, whatever the strides were", function()
    assert.same({}, back(torch.tensor(7)).shape)
    assert.equal(7, back(torch.tensor(7)):item())
    assert.same({ 2, 0, 3 }, back(torch.empty(2, 0, 3)).shape)
    local x = torch.arange(6):reshape(2, 3)
    assert.same({ { 0, 3 }, { 1, 4 }, { 2, 5 } }, back(x:t()):tolist())
    assert.same({ { 7, 7 } }, back(torch.tensor { { 7 } }:expand(1, 2)):tolist())
    assert.is_true(back(x:t()):is_contiguous())
  end)

  it("keep tables of everything", function()
    local v = back { 1, 2.5, "text", true, false, torch.none, torch.float64, nested = { deep = { torch.ones(2) } },
                     [3.5] = "float key", [true] = "boolean key", ["a\0b"] = "\0\255", size = torch.ones(2, 3).shape }
    assert.equal(1, v[1])
    assert.equal("integer", math.type(v[1]))
    assert.equal(2.5, v[2])
    assert.equal("text", v[3])
    assert.is_true(v[4])
    assert.is_false(v[5])
    assert.equal(torch.none, v[6])
    assert.equal(torch.float64, v[7])
    assert.same({ 1, 1 }, v.nested.deep[1]:tolist())
    assert.equal("float key", v[3.5])
    assert.equal("boolean key", v[true])
    assert.equal("\0\255", v["a\0b"])
    assert.equal("torch.Size([2, 3])", tostring(v.size))
    assert.equal(math.mininteger, back(math.mininteger))
    assert.is_nil(back(nil))
    local nan = back(0 / 0)
    assert.is_true(nan ~= nan)
  end)

  it("keep what is shared and what contains itself", function()
    local t = torch.ones(2)
    local part = { t }
    local v = { a = part, b = part, t = t }
    v.me = v
    v = back(v)
    assert.is_true(rawequal(v.a, v.b))
    assert.is_true(rawequal(v, v.me))
    v.t:fill_(5)
    assert.same({ 5, 5 }, v.a[1]:tolist())
  end)

  it("keep requires_grad of leaves, not history", function()
    local w = torch.ones(2, { requires_grad = true })
    local v = back { w = w, y = w * 2 }
    assert.is_true(v.w.requires_grad)
    assert.is_false(v.y.requires_grad)
  end)

  it("keep the order of a state_dict, and load into the module", function()
    torch.manual_seed(0)
    local function model() return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)) end
    local a, b = model(), model()
    local names = {}
    local state = back(a:state_dict())
    for name in pairs(state) do names[#names + 1] = name end
    assert.equal("0.weight 0.bias 2.weight 2.bias", table.concat(names, " "))
    b:load_state_dict(state)
    local x = torch.randn(5, 3)
    assert.is_true(torch.equal(a(x), b(x)))
  end)

  it("make equal files of equal values", function()
    local function text(v)
      torch.save(v, path)
      return helper.read(path)
    end
    assert.equal(text { b = 1, a = torch.ones(2), c = { 1, 2 } }, text { c = { 1, 2 }, a = torch.ones(2), b = 1 })
  end)

  it("refuse what a file can't hold, and leave the old file alone", function()
    torch.save("old", path)
    raises(function() torch.save({ a = { f = print } }, path) end, "save(): a.f: can't save function")
    raises(function() torch.save({ co = coroutine.create(print) }, path) end, "co: can't save thread")
    raises(function() torch.save(torch.nn.Linear(2, 2), path) end, "state_dict()")
    raises(function() torch.save({ m = torch.nn.Linear(2, 2) }, path) end, "m: can't save an object")
    raises(function() torch.save({ [{}] = 1 }, path) end, "whose keys are not numbers, strings or booleans")
    raises(function() torch.save({ g = torch.Generator() }, path) end, "can't save")
    local deep = {}
    for _ = 1, 200 do deep = { deep } end
    raises(function() torch.save(deep, path) end, "tables nested deeper than 100")
    assert.equal("old", torch.load(path))
  end)

  it("say what is wrong with the file's name", function()
    raises(function() torch.save("a", {}) end, "the value comes first, then the file name")
    raises(function() torch.save({}, "/nowhere/x.pt") end, "save(): /nowhere/x.pt: No such file or directory")
    raises(function() torch.load("/nowhere/x.pt") end, "load(): /nowhere/x.pt: No such file or directory")
    raises(function() torch.load("/tmp") end, "not a regular file")
    raises(function() torch.save({}, "/tmp") end, "not a regular file")
    raises(function() torch.load(3) end, "the file name (argument 1) must be string, not int")
    raises(function() torch.load("a\0b") end, "has a zero byte")
    raises(function() torch.load("") end, "is empty")
  end)

  it("keep a key that safetensors has for itself", function()
    local name = os.tmpname()
    torch.save({ __metadata__ = torch.ones(1) }, name)
    assert.are.same({ 1 }, torch.load(name).__metadata__:tolist())
    os.remove(name)
  end)

  it("leave no temporary file", function()
    local dir = path .. ".d"
    assert(os.execute("mkdir " .. helper.quote(dir)))
    torch.save({ torch.ones(3) }, dir .. "/x.pt")
    pcall(torch.save, { print }, dir .. "/y.pt")
    assert.equal("x.pt\n", helper.sh("ls -A " .. helper.quote(dir)).out)
    os.execute("rm -r " .. helper.quote(dir))
  end)
end)

-- a safetensors file of a header and data, written by hand
local function file(header, data, length)
  return helper.write(path, string.pack("<I8", length or #header) .. header .. (data or ""))
end

local ENTRY = '{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
local DATA = string.pack("<ff", 1.5, -2)

describe("a safetensors file", function()
  it("of other programs loads as tensors by name", function()
    file('{"__metadata__":{"format":"pt"}, "w" : ' .. ENTRY .. ',"b\\u00e9\\n":{"shape":[],"data_offsets":[8,16],"dtype":"I64"}}   ',
         DATA .. string.pack("<i8", -5))
    local v = torch.load(path)
    assert.same({ 1.5, -2 }, v.w:tolist())
    assert.equal(-5, v["bé\n"]:item())
    local tensors, metadata = torch._C.load_safetensors(path)
    assert.same({ 1.5, -2 }, tensors.w:tolist())
    assert.same({ format = "pt" }, metadata)
  end)

  it("may be empty, or have its tensors in any order", function()
    file("{}")
    assert.is_nil(next(torch.load(path)))
    file('{"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}', "\7\9")
    local v = torch.load(path)
    assert.is_true(v.a:item())
    assert.equal(9, v.b:item())
  end)

  it("is written for them, and read again", function()
    local x = torch.arange(3)
    torch._C.save_safetensors(path, { ['a "quoted"\\ name'] = x, w = torch.ones(2, 2) }, { author = "nobody" })
    local tensors, metadata = torch._C.load_safetensors(path)
    assert.is_true(torch.equal(x, tensors['a "quoted"\\ name']))
    assert.same({ { 1, 1 }, { 1, 1 } }, tensors.w:tolist())
    assert.same({ author = "nobody" }, metadata)
    assert.equal(0, string.unpack("<I8", helper.read(path)) % 8)
    raises(function() torch._C.save_safetensors(path, { x, x }) end, "a table of tensors by name was expected")
    raises(function() torch._C.save_safetensors(path, { __metadata__ = x }) end, "is no name of a tensor")
    raises(function() torch._C.save_safetensors(path, { x = x }, { a = 1 }) end, "metadata must be strings by name")
  end)
end)

describe("a broken safetensors file", function()
  local function broken(what, header, data, length)
    file(header, data, length)
    raises(function() torch.load(path) end, what)
  end
  local function with(entry) return '{"w":' .. entry .. "}" end

  it("is too short, or its header is", function()
    helper.write(path, "")
    raises(function() torch.load(path) end, "it is too short")
    helper.write(path, "1234567")
    raises(function() torch.load(path) end, "it is too short")
    broken("its header is longer than the file", "{}", "", 3)
    broken("its header is longer than the file", "{}", "", -1)
    broken("its header is longer than the file", "{}", "", math.maxinteger)
    broken("its header does not begin with '{'", "")
    broken("its header does not begin with '{'", " {}")
    broken("its header does not begin with '{'", "[]")
    broken("'\"' is missing", "{")
    broken("its header goes on after its end", "{}x")
  end)

  it("has JSON that is none", function()
    broken("'\"' is missing", "{,}")
    broken("'\"' is missing", '{"w":' .. ENTRY .. ",}", DATA)
    broken("':' is missing", '{"w"' .. ENTRY .. "}", DATA)
    broken("'}' is missing", '{"w":' .. ENTRY, DATA)
    broken("'{' is missing", '{"w":3}')
    broken("a string ends too early", '{"w')
    broken("a string ends too early", '{"w\\')
    broken("a string ends too early", '{"\\u12')
    broken("a \\u escape is wrong", '{"\\u12g4":1}')
    broken("an unknown escape", '{"\\x":1}')
    broken("half a surrogate pair", '{"\\ud800":1}')
    broken("half a surrogate pair", '{"\\udc00":1}')
    broken("half a surrogate pair", '{"\\ud800\\u0041":1}')
    broken("a control character in a string", '{"a\nb":1}')
    broken("its header is not UTF-8", '{"\255":1}')
    broken("its header is not UTF-8", '{"\xc0\x80":1}')
    broken("its header is not UTF-8", '{"\xed\xa0\x80":1}')
    broken("its header is not UTF-8", '{"\xe2\x82')
  end)

  it("has wrong fields", function()
    broken("a field of a tensor is missing", with '{"dtype":"F32","shape":[2]}', DATA)
    broken("a field is there twice", with '{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}', DATA)
    broken("an unknown field", with '{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}', DATA)
    broken("'\"' is missing", with "{}")
    broken("dtype 'F8_E4M3' is not supported", with '{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}', "ab")
    broken("'\"' is missing", with '{"dtype":3,"shape":[2],"data_offsets":[0,8]}', DATA)
    broken("a name is there twice", '{"w":' .. ENTRY .. ',"w":' .. ENTRY .. "}", DATA)
    broken("a name is there twice", '{"__metadata__":{"a":"1","a":"2"}}')
    broken("a name is there twice", '{"__metadata__":{},"__metadata__":{}}')
    broken("'\"' is missing", '{"__metadata__":{"a":1}}')
  end)

  it("has wrong numbers", function()
    local function shape(s) return with('{"dtype":"F32","shape":[' .. s .. '],"data_offsets":[0,8]}') end
    broken("a whole number is missing", shape "-2", DATA)
    broken("a whole number is missing", shape '"2"', DATA)
    broken("a whole number is missing", shape "2,", DATA)
    broken("a number with a fraction", shape "2.0", DATA)
    broken("a number with a fraction", shape "2e0", DATA)
    broken("a number with a leading zero", shape "02", DATA)
    broken("a number is too large", shape "99999999999999999999999", DATA)
    broken("a number is too large", shape "9223372036854775808", DATA)
    broken("a shape is too large", shape "9223372036854775807,9223372036854775807", DATA)
    broken("a tensor has more than 8 dimensions", shape "1,1,1,1,1,1,1,1,2", DATA)
    broken("load", shape "4294967296,4294967296", DATA)
  end)

  it("has tensors in the wrong places", function()
    local function offsets(a, b) return with(('{"dtype":"F32","shape":[2],"data_offsets":[%d,%d]}'):format(a, b)) end
    broken("there is a hole", offsets(4, 12), DATA .. "1234")
    broken("offsets are reversed", offsets(8, 0), DATA)
    broken("shape and offsets don't agree", offsets(0, 4), "1234")
    broken("shape and offsets don't agree", offsets(0, 12), DATA .. "1234")
    broken("tensors reach past its end", offsets(0, 8), "1234")
    broken("there are bytes behind the last tensor", offsets(0, 8), DATA .. "1")
    broken("there are bytes behind the last tensor", "{}", "1")
    broken("tensors overlap", '{"a":' .. ENTRY .. ',"b":' .. ENTRY .. "}", DATA)
    broken("tensors reach past its end", with '{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}', DATA)
  end)

  it("is one of ours with a damaged tree", function()
    torch.save({ w = torch.ones(2), n = 3, s = "text" }, path)
    local good = helper.read(path)
    local start = 8 + string.unpack("<I8", good) + 8
    local damaged = 0
    for at = start + 1, #good do
      for _, byte in ipairs { 0, 255, ("R"):byte() } do
        helper.write(path, good:sub(1, at - 1) .. string.char(byte) .. good:sub(at + 1))
        local ok, message = pcall(torch.load, path)
        if not ok then
          damaged = damaged + 1
          assert.truthy(message:find("the tree of the file is damaged", 1, true), message)
        end
      end
    end
    assert.is_true(damaged > 50)
    assert.equal(0, torch._C.pooled())
  end)

  it("cut at any place is refused", function()
    torch.save({ w = torch.ones(2), n = 3 }, path)
    local good = helper.read(path)
    for n = 0, #good - 1 do
      helper.write(path, good:sub(1, n))
      raises(function() torch.load(path) end, "load(): " .. path .. ": not a valid safetensors file")
    end
  end)

  it("leaves nothing behind", function()
    file('{"a":' .. ENTRY .. ',"b":' .. ENTRY .. "}", DATA)
    local _, _, before = torch._C.live()
    for _ = 1, 100 do pcall(torch.load, path) end
    assert.is_true(select(3, torch._C.live()) <= before)
    assert.equal(0, torch._C.pooled())
  end)
end)
