-- Containers.
local torch = require "torch"
local helper = require "spec.support.helper"
local nn = torch.nn

describe("Sequential", function()
  it("applies its modules one after the other", function()
    local a, b = nn.Linear(2, 3), nn.Tanh()
    local m = nn.Sequential(a, b)
    local x = torch.randn(4, 2)
    assert.is_true(torch.equal(b(a(x)), m(x)))
    assert.is_true(torch.equal(x, nn.Sequential()(x)))
  end)

  it("is indexed from 1, and from the end", function()
    local m = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert.are.equal(3, #m)
    assert.are.equal("ReLU()", tostring(m[2]))
    assert.are.equal(m[3], m[-1])
    assert.is_nil(m[4])
    local n = 0
    for i, layer in ipairs(m) do
      n = n + 1
      assert.are.equal(m[i], layer)
    end
    assert.are.equal(3, n)
    m[2] = nn.Tanh()
    assert.are.equal("Tanh()", tostring(m[2]))
    m[-1] = nn.Identity()
    assert.are.equal("Identity()", tostring(m[3]))
    helper.raises(function() m[4] = nn.ReLU() end, "index 4 is out of range: the container has 3 entries")
    helper.raises(function() m[2] = 3 end, "cannot assign 'number' as child module '1'")
  end)

  it("takes names as a list of pairs", function()
    local m = nn.Sequential { { "fc", nn.Linear(2, 3) }, { "act", nn.ReLU() } }
    assert.are.equal("Sequential(\n  (fc): Linear(in_features=2, out_features=3, bias=True)\n  (act): ReLU()\n)", tostring(m))
    assert.are.equal(m.fc, m[1])
    assert.is_not_nil(m:state_dict()["fc.weight"])
    assert.are.equal(2, #nn.Sequential { nn.ReLU(), nn.Tanh() })
  end)

  it("grows and shrinks", function()
    local m = nn.Sequential(nn.ReLU())
    m:append(nn.Tanh()):insert(1, nn.Sigmoid()):extend { nn.Identity() }
    local text = {}
    for i = 1, #m do text[i] = tostring(m[i]) end
    assert.are.same({ "Sigmoid()", "ReLU()", "Tanh()", "Identity()" }, text)
    assert.are.equal("Tanh()", tostring(m:pop(3)))
    assert.are.equal("Identity()", tostring(m:pop()))
    assert.are.equal(2, #m)
    assert.is_nil(m[3])
    assert.are.equal("Sequential(\n  (0): Sigmoid()\n  (1): ReLU()\n)", tostring(m))
  end)

  it("may be subclassed, and used from init", function()
    local Block = nn.Sequential:extend("Block")
    function Block:init(n)
      self.fc = nn.Linear(n, n)
      self.act = nn.ReLU()
    end
    local m = Block(2)
    assert.are.equal(2, #m)
    assert.are.equal(m.fc, m[1])
    assert.are.equal(2, m(torch.ones(1, 2)):dim())
    assert.are.equal("Block(", tostring(m):match("^Block%("))
  end)

  it("refuses what is no module", function()
    helper.raises(function() nn.Sequential(nn.ReLU(), 3) end, "Sequential: number is not a Module subclass")
    helper.raises(function() nn.Sequential(torch.zeros(1)) end, "Sequential: a tensor is not a Module subclass")
  end)
end)

describe("ModuleList", function()
  it("is a list whose modules are known", function()
    local m = nn.ModuleList { nn.Linear(1, 2), nn.Linear(2, 1) }
    m:append(nn.ReLU())
    assert.are.equal(3, #m)
    assert.are.equal(4, #m:parameters())
    assert.are.same({ "0.weight", "0.bias", "1.weight", "1.bias" }, (function()
      local r = {}
      for name in m:named_parameters() do r[#r + 1] = name end
      return r
    end)())
    m[1] = nn.Tanh()
    assert.are.equal(2, #m:parameters())
    helper.raises(function() m(1) end, 'Module [ModuleList] is missing the required "forward" function')
  end)

  it("prints equal neighbours once", function()
    local m = nn.ModuleList { nn.ReLU(), nn.ReLU(), nn.Tanh() }
    assert.are.equal("ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)", tostring(m))
    assert.are.equal("ModuleList()", tostring(nn.ModuleList()))
  end)
end)

describe("ModuleDict", function()
  it("is an ordered dictionary whose modules are known", function()
    local m = nn.ModuleDict { { "b", nn.Linear(1, 2) }, { "a", nn.ReLU() } }
    assert.are.same({ "b", "a" }, m:keys())
    assert.are.equal(2, #m)
    local order = {}
    for name, module in pairs(m) do
      order[#order + 1] = name
      assert.are.equal(m[name], module)
    end
    assert.are.same({ "b", "a" }, order)
    m.c = nn.Tanh()
    assert.are.same({ "b", "a", "c" }, m:keys())
    assert.are.equal("ReLU()", tostring(m:pop("a")))
    assert.are.same({ "b", "c" }, m:keys())
    helper.raises(function() m:pop("a") end, "no module 'a'")
    assert.are.same({ "x", "y" }, nn.ModuleDict({ y = nn.ReLU(), x = nn.ReLU() }):keys())
  end)
end)

describe("ParameterList and ParameterDict", function()
  it("hold parameters", function()
    local l = nn.ParameterList { torch.zeros(2), nn.Parameter(torch.ones(1, 2)) }
    assert.are.equal(2, #l)
    assert.is_true(l[1].requires_grad)
    l:append(torch.zeros(3))
    assert.are.equal(3, #l:parameters())
    assert.are.equal(3, l[-1]:numel())
    assert.are.equal("ParameterList(\n    (0): Parameter containing: [torch.float32 of size 2]\n"
      .. "    (1): Parameter containing: [torch.float32 of size 1x2]\n"
      .. "    (2): Parameter containing: [torch.float32 of size 3]\n)", tostring(l))
    local d = nn.ParameterDict { { "w", torch.zeros(2, 2) } }
    assert.are.same({ "w" }, d:keys())
    assert.are.equal("ParameterDict(  (w): Parameter containing: [torch.FloatTensor of size 2x2])", tostring(d))
    assert.is_true(rawequal(d.w, d:parameters()[1]))
    helper.raises(function() l:append(3) end, "a list of parameters holds tensors, got number")
  end)
end)
