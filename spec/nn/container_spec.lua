-- Containers: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict. Texts are PyTorch's.
local torch = require "torch"
local helper = require "spec.support.helper"
local nn = torch.nn
local raises = helper.raises

local function names(items)
  local r = {}
  for name in items do r[#r + 1] = name end
  return r
end

describe("Sequential", function()
  it("passes its input from child to child", function()
    local m = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Softmax(2))
    assert.same({ { 0.5, 0.5 }, { 0.5, 0.5 } }, m(torch.tensor { { { -1.0 }, { -3.0 } }, { { 2.0 }, { 2.0 } } }):tolist())
    local x = torch.ones(2)
    assert.equal(x, nn.Sequential()(x))
  end)

  it("is indexed from 1 and from the end; its names count from 0", function()
    local a, b, c = nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)
    local m = nn.Sequential(a, b, c)
    assert.equal(3, #m)
    assert.equal(a, m[1])
    assert.equal(c, m[-1])
    assert.is_nil(m[4])
    assert.same({ "0.weight", "0.bias", "2.weight", "2.bias" }, names(m:named_parameters()))
    m[2] = nn.Tanh()
    assert.equal("Tanh()", tostring(m[-2]))
    m[-1] = nn.Identity()
    assert.same({ "0.weight", "0.bias" }, names(m:named_parameters()))
    raises(function() m[4] = b end, "index 4 is out of range")
    raises(function() m[1] = 3 end, "cannot assign 'number' as child module '0' (torch.nn.Module or nil expected)")
    local seen = {}
    for i, child in ipairs(m) do seen[i] = tostring(child) end
    assert.equal(3, #seen)
  end)

  it("takes names", function()
    local m = nn.Sequential { { "fc", nn.Linear(2, 2) }, { "act", nn.ReLU() } }
    assert.same({ "fc.weight", "fc.bias" }, names(m:named_parameters()))
    assert.equal(m[2], m.act)
    assert.equal("Sequential(\n  (fc): Linear(in_features=2, out_features=2, bias=True)\n  (act): ReLU()\n)", tostring(m))
  end)

  it("grows and shrinks", function()
    local m = nn.Sequential(nn.ReLU()):append(nn.Tanh()):insert(1, nn.Sigmoid())
    m:extend { nn.GELU(), nn.ELU() }
    assert.equal([[
Sequential(
  (0): Sigmoid()
  (1): ReLU()
  (2): Tanh()
  (3): GELU(approximate='none')
  (4): ELU(alpha=1.0)
)]], tostring(m))
    assert.equal("ELU(alpha=1.0)", tostring(m:pop()))
    assert.equal("Sigmoid()", tostring(m:pop(1)))
    m[1] = nil
    assert.equal("Sequential(\n  (0): Tanh()\n  (1): GELU(approximate='none')\n)", tostring(m))
    assert.equal(2, #m)
    raises(function() m:insert(5, nn.ReLU()) end, "index out of range: 5")
    raises(function() m:append(3) end, "number is not a Module subclass")
    raises(function() return nn.Sequential(3) end, "number is not a Module subclass")
  end)

  it("may be the base of a class that holds parameters too", function()
    local Scaled = nn.Sequential:extend("Scaled")
    function Scaled:init()
      self.scale = nn.Parameter(torch.tensor(3.0))
      nn.Sequential.init(self, nn.ReLU())
      self:append(nn.Identity())
    end
    function Scaled:forward(x) return nn.Sequential.forward(self, x) * self.scale end
    local m = Scaled()
    assert.equal(2, #m)
    assert.same({ 0, 6 }, m(torch.tensor { -1.0, 2.0 }):tolist())
    m:pop(1)
    assert.same({ "scale" }, names(m:named_parameters()))
    assert.same({ -3, 6 }, m(torch.tensor { -1.0, 2.0 }):tolist())
  end)

  it("prints when it is empty or nested", function()
    assert.equal("Sequential()", tostring(nn.Sequential()))
    assert.equal("Sequential(\n  (0): Sequential(\n    (0): ReLU()\n  )\n)", tostring(nn.Sequential(nn.Sequential(nn.ReLU()))))
  end)
end)

describe("ModuleList", function()
  it("is a list", function()
    local l = nn.ModuleList { nn.Linear(2, 2), nn.Linear(2, 2) }
    l:append(nn.ReLU())
    assert.equal([[
ModuleList(
  (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)
  (2): ReLU()
)]], tostring(l))
    local n = 0
    for i, m in ipairs(l) do
      assert.equal(l[i], m)
      n = n + 1
    end
    assert.equal(3, n)
    assert.equal("ReLU()", tostring(l:pop()))
    assert.same({ "0.weight", "0.bias", "1.weight", "1.bias" }, names(l:named_parameters()))
    assert.equal("ModuleList()", tostring(nn.ModuleList()))
    assert.equal(0, #nn.ModuleList())
    raises(function() l(1) end, 'Module [ModuleList] is missing the required "forward" function')
  end)
end)

describe("ModuleDict", function()
  it("keeps its order", function()
    local d = nn.ModuleDict { { "b", nn.ReLU() }, { "a", nn.Linear(1, 1) } }
    d.c = nn.Tanh()
    assert.same({ "b", "a", "c" }, d:keys())
    assert.equal(3, #d)
    assert.equal([[
ModuleDict(
  (b): ReLU()
  (a): Linear(in_features=1, out_features=1, bias=True)
  (c): Tanh()
)]], tostring(d))
    local seen = {}
    for name, m in pairs(d) do
      seen[#seen + 1] = name
      assert.equal(d[name], m)
    end
    assert.same({ "b", "a", "c" }, seen)
    assert.equal("ReLU()", tostring(d:pop("b")))
    assert.same({ "a", "c" }, d:keys())
    raises(function() d:pop("b") end, "no module 'b' in the ModuleDict")
    assert.same({ "a.weight", "a.bias" }, names(d:named_parameters()))
    d.b = nn.ReLU()
    assert.equal("b", d:keys()[#d])
    d.b = nil
    assert.is_nil(tostring(d):find("None", 1, true))
    d:clear()
    assert.equal(0, #d)
    raises(function() nn.Sequential(nn.ReLU) end, "Sequential: table is not a Module subclass")
    assert.same({ "x", "y" }, nn.ModuleDict { y = nn.ReLU(), x = nn.Tanh() }:keys())
  end)
end)

describe("lists and dictionaries of parameters", function()
  it("make parameters of tensors", function()
    local l = nn.ParameterList { torch.zeros(2, 3), torch.zeros {} }
    assert.equal(2, #l)
    assert.is_true(l[1].requires_grad)
    assert.equal("ParameterList(\n    (0): Parameter containing: [torch.float32 of size 2x3]\n"
      .. "    (1): Parameter containing: [torch.float32 of size ]\n)", tostring(l))
    l:append(nn.Parameter(torch.ones(1)))
    assert.same({ "0", "1", "2" }, names(l:named_parameters()))
    l:pop(1)
    assert.same({ "0", "1" }, names(l:named_parameters()))
    raises(function() l:append(3) end, "a list of parameters holds tensors, got number")
    local d = nn.ParameterDict { { "w", torch.zeros(2) } }
    assert.equal(("ParameterDict(  (w): Parameter containing: [%s of size 2])"):format(torch.zeros(1):type()), tostring(d))
    d.v = torch.ones(1)
    assert.same({ "w", "v" }, d:keys())
    assert.same({ "w", "v" }, names(d:named_parameters()))
    assert.is_true(d:pop("w").requires_grad)
    d.v, d.w = nil, torch.ones(1)
    assert.same({ "w" }, d:keys())
    d:clear()
    assert.equal("ParameterDict()", tostring(d))
    l[1] = torch.ones(4)
    assert.is_true(l[1].requires_grad)
  end)
end)
