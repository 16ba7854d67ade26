-- nn.Module: registration, walking, modes, conversion, state, hooks, text.
local torch = require "torch"
local helper = require "spec.support.helper"
local nn = torch.nn

local function names(named)
  local r = {}
  for name in named do r[#r + 1] = name end
  return r
end

local function net()
  local Net = nn.Module:extend("Net")
  function Net:init()
    self.first = nn.Linear(2, 3)
    self.scale = nn.Parameter(torch.ones(3))
    self:register_buffer("count", torch.zeros(1))
    self.second = nn.Linear(3, 1, false)
    self.size = 3
  end
  function Net:forward(x) return self.second(self.first(x):tanh() * self.scale) end
  return Net(), Net
end

describe("registration", function()
  it("goes in order of assignment, a module's own parameters first", function()
    local m = net()
    assert.are.same({ "scale", "first.weight", "first.bias", "second.weight" }, names(m:named_parameters()))
    assert.are.same({ "count" }, names(m:named_buffers()))
    assert.are.same({ "first", "second" }, names(m:named_children()))
    assert.are.same({ "", "first", "second" }, names(m:named_modules()))
    assert.are.equal(3, m.size)
  end)

  it("follows reassignment, removal, and a change of kind", function()
    local m = net()
    local other = nn.Linear(2, 3)
    m.first = other
    assert.are.equal(other, m.first)
    m.scale = nil
    assert.are.same({ "first.weight", "first.bias", "second.weight" }, names(m:named_parameters()))
    m.scale = nn.Parameter(torch.zeros(3))
    assert.are.equal("scale", m:named_parameters()[1][1])
    m.size = nn.Linear(1, 1)                              -- was a number
    assert.are.same({ "first", "second", "size" }, names(m:named_children()))
    m.size = nn.Parameter(torch.zeros(1))                 -- and is a parameter now
    assert.are.same({ "first", "second" }, names(m:named_children()))
  end)

  it("refuses what PyTorch refuses", function()
    local m = net()
    helper.raises(function() m.scale = torch.zeros(3) end,
      "cannot assign 'torch.FloatTensor' as parameter 'scale' (torch.nn.Parameter or nil expected)")
    helper.raises(function() m.first = 3 end, "cannot assign 'number' as child module 'first'")
    helper.raises(function() m.count = "x" end, "cannot assign 'string' as buffer 'count'")
    helper.raises(function() m:register_parameter("a.b", nil) end, "parameter name can't contain \".\"")
    helper.raises(function() m:register_parameter("", nil) end, "parameter name can't be empty string")
    helper.raises(function() m:register_buffer("scale", torch.zeros(1)) end, "attribute 'scale' already exists")
    helper.raises(function() m:register_buffer("b", 3) end, "cannot assign 'number' object to buffer 'b'")
    helper.raises(function() m:add_module("x", 3) end, "number is not a Module subclass")
    helper.raises(function() m:register_parameter("p", torch.zeros(1)) end, "object to parameter 'p'")
  end)

  it("takes a plain tensor for a buffer, and nn.Buffer as one", function()
    local m = net()
    m.count = torch.ones(1)
    assert.are.equal(1, m:state_dict().count:item())
    m.extra = nn.Buffer(torch.zeros(2))
    m.hidden = nn.Buffer(torch.zeros(2), false)
    assert.are.same({ "count", "extra", "hidden" }, names(m:named_buffers()))
    assert.is_nil(m:state_dict().hidden)
    assert.is_not_nil(m:state_dict().extra)
  end)

  it("keeps the names of parameters that are nil", function()
    local l = nn.Linear(2, 2, { bias = false })
    assert.is_nil(l.bias)
    l.bias = nn.Parameter(torch.zeros(2))
    assert.are.same({ "weight", "bias" }, names(l:named_parameters()))
  end)

  it("needs no call of the base's init, which may be made all the same", function()
    local Net = nn.Module:extend("Net")
    function Net:init()
      nn.Module.init(self)
      self.p = nn.Parameter(torch.zeros(1))
    end
    assert.are.equal(1, #Net():parameters())
    local Deeper = Net:extend("Deeper")                   -- inherits init and the rest
    assert.are.equal(1, #Deeper():parameters())
    assert.are.equal("Deeper()", tostring(Deeper()))
    assert.is_true(Deeper():is(Net) and Deeper():is(nn.Module) and not Deeper():is(nn.Linear))
  end)
end)

describe("walking", function()
  it("gives lists that loops can call, also loops within loops", function()
    local m = net()
    local ps = m:parameters()
    assert.are.equal(4, #ps)
    local n = 0
    for a in ps do
      for b in ps do n = n + (rawequal(a, b) and 1 or 0) end
    end
    assert.are.equal(4, n)
    for i, p in ipairs(ps) do assert.is_true(rawequal(p, m:named_parameters()[i][2])) end
    assert.is_true(rawequal(m.scale, m:named_parameters().scale))
    for _ in nn.ReLU():parameters() do error("no parameters here") end
  end)

  it("counts what is shared once", function()
    local l = nn.Linear(2, 2)
    local m = nn.Sequential(l, nn.ReLU(), l)
    assert.are.equal(2, #m:parameters())
    assert.are.same({ "0.weight", "0.bias" }, names(m:named_parameters()))
    assert.are.same({ "0.weight", "0.bias", "2.weight", "2.bias" },
      names(m:named_parameters { remove_duplicate = false }))
    assert.are.equal(3, #m:modules())                     -- m, l, ReLU
    local a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    b.weight = a.weight
    assert.are.equal(3, #nn.Sequential(a, b):parameters())
  end)

  it("takes a prefix, and stays in the module itself with recurse=false", function()
    local m = net()
    assert.are.same({ "net.scale" }, names(m:named_parameters { prefix = "net", recurse = false }))
    assert.are.equal(1, #m:parameters(false))
  end)

  it("finds parts by name", function()
    local m = nn.Sequential((net()))
    assert.are.equal(m[1].first, m:get_submodule("0.first"))
    assert.is_true(rawequal(m[1].first.weight, m:get_parameter("0.first.weight")))
    assert.is_true(rawequal(m[1].count, m:get_buffer("0.count")))
    helper.raises(function() m:get_submodule("0.third") end, "Net has no attribute `third`")
    helper.raises(function() m:get_parameter("0.first") end, "`first` is not an nn.Parameter")
  end)

  it("applies a function to every module, children first", function()
    local seen = {}
    local m = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU()))
    assert.are.equal(m, m:apply(function(x) seen[#seen + 1] = x:_get_name() end))
    assert.are.same({ "Linear", "ReLU", "Sequential", "Sequential" }, seen)
  end)
end)

describe("modes", function()
  it("train and eval reach every module", function()
    local m = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)))
    assert.is_true(m.training)
    assert.are.equal(m, m:eval())
    assert.is_false(m[2][1].training)
    m[2]:train()
    assert.is_false(m[1].training)
    assert.is_true(m[2][1].training)
    helper.raises(function() m:train(1) end, "training mode is expected to be boolean")
  end)

  it("zero_grad forgets gradients, or fills them with zeros", function()
    local m = net()
    m(torch.ones(1, 2)):sum():backward()
    assert.is_not_nil(m.scale.grad)
    m:zero_grad(false)
    assert.are.equal(0, m.scale.grad:abs():sum():item())
    m:zero_grad()
    assert.is_nil(m.scale.grad)
    m:requires_grad_(false)
    assert.is_false(m(torch.ones(1, 2)).requires_grad)
  end)
end)

describe("conversion", function()
  it("keeps the parameters' identity, converts gradients, and leaves integers alone", function()
    local m = net()
    m:register_buffer("index", torch.tensor { 1, 2 })
    local p = m.first.weight
    m(torch.ones(1, 2)):sum():backward()
    assert.are.equal(m, m:to(torch.float64))
    assert.is_true(rawequal(p, m.first.weight))
    assert.are.equal(torch.float64, p.dtype)
    assert.are.equal(torch.float64, p.grad.dtype)
    assert.are.equal(torch.float64, m.count.dtype)
    assert.are.equal(torch.int64, m.index.dtype)
    assert.is_true(p.requires_grad and p.is_leaf)
    assert.are.equal(torch.float32, m:float().scale.dtype)
    assert.are.equal(torch.float64, m:double().scale.dtype)
    assert.are.equal(torch.float16, m:half().scale.dtype)
    assert.are.equal(torch.float32, m:to("cpu", torch.float32).scale.dtype)
    assert.are.equal(torch.float64, m:to(torch.zeros(1, { dtype = torch.float64 })).scale.dtype)
    assert.are.equal(torch.float32, m:to { dtype = torch.float32 }.scale.dtype)
    assert.are.equal(torch.int64, m.index.dtype)
    helper.raises(function() m:to(torch.int32) end, "nn.Module.to only accepts floating point or complex dtypes")
  end)
end)

describe("state", function()
  it("is a dictionary in order, of tensors that share memory", function()
    local m = net()
    local order = {}
    for name in pairs(m:state_dict()) do order[#order + 1] = name end
    assert.are.same({ "scale", "count", "first.weight", "first.bias", "second.weight" }, order)
    m:state_dict().scale:fill_(7)
    assert.are.equal(7, m.scale[1]:item())
    assert.is_false(m:state_dict().scale.requires_grad)
    assert.is_true(rawequal(m.scale, m:state_dict { keep_vars = true }.scale))
    assert.is_not_nil(m:state_dict { prefix = "net." }["net.first.weight"])
  end)

  it("loads into another module", function()
    local a, Net = net()
    local b = Net()
    local answer = b:load_state_dict(a:state_dict())
    assert.are.equal("<All keys matched successfully>", tostring(answer))
    assert.is_true(torch.equal(a.first.weight, b.first.weight))
    assert.is_false(rawequal(a.first.weight, b.first.weight))
    local x = torch.randn(4, 2)
    assert.is_true(torch.equal(a(x), b(x)))
  end)

  it("names what does not fit", function()
    local l = nn.Linear(2, 3)
    local text = helper.raises(function()
      l:load_state_dict { weight = torch.zeros(3, 3), bais = torch.zeros(3) }
    end, 'Error(s) in loading state_dict for Linear:\n\tMissing key(s) in state_dict: "bias". \n\t'
      .. 'Unexpected key(s) in state_dict: "bais". \n\tsize mismatch for weight: copying a param with shape [3, 3] '
      .. "from checkpoint, the shape in current model is [3, 2].")
    assert.is_truthy(text:find("module_spec.lua:", 1, true))
    local keys = l:load_state_dict({ weight = torch.ones(3, 2), other = torch.zeros(1) }, false)
    assert.are.same({ "bias" }, keys.missing_keys)
    assert.are.same({ "other" }, keys.unexpected_keys)
    assert.are.equal(1, l.weight[{ 1, 1 }]:item())
    helper.raises(function() l:load_state_dict(3) end, "Expected state_dict to be dict-like, got number.")
    helper.raises(function() l:load_state_dict({ weight = 3 }, false) end, 'While copying the parameter named "weight"')
  end)
end)

describe("hooks", function()
  it("see and change what goes in and comes out", function()
    local m = nn.Identity()
    local pre = m:register_forward_pre_hook(function(module, args)
      assert.are.equal(m, module)
      return args[1] + 1
    end)
    local post = m:register_forward_hook(function(_, args, out) return out * args[1] end)
    assert.are.equal(9, m(torch.tensor(2.0)):item())
    pre:remove()
    assert.are.equal(4, m(torch.tensor(2.0)):item())
    post:remove()
    assert.are.equal(2, m(torch.tensor(2.0)):item())
    assert.is_false(m._hooks)
  end)

  it("see and change what flows back", function()
    local m = nn.Linear(2, 1)
    local seen = {}
    local handle = m:register_full_backward_hook(function(_, grad_input, grad_output)
      seen.input, seen.output = grad_input[1], grad_output[1]
      return grad_input[1] * 10
    end)
    m:register_full_backward_pre_hook(function(_, grad_output) return grad_output[1] * 2 end)
    local x = torch.ones(1, 2, { requires_grad = true })
    m(x):sum():backward()
    assert.are.equal(2, seen.output:item())
    assert.is_true(torch.equal(seen.input, 2 * m.weight))
    assert.is_true(torch.equal(x.grad, 20 * m.weight))
    handle:remove()
  end)

  it("of the way back also serve a module whose input wants no gradient", function()
    local m, calls = nn.Linear(2, 1), 0
    m:register_full_backward_hook(function(_, grad_input) calls = calls + 1; assert.are.equal(0, grad_input.n) end)
    m(torch.ones(1, 2)):sum():backward()
    assert.are.equal(1, calls)
  end)

  it("should be functions", function()
    helper.raises(function() nn.Identity():register_forward_hook(3) end, "a hook should be a function, got number")
  end)
end)

describe("a module", function()
  it("prints as PyTorch's", function()
    local m = net()
    assert.are.equal("Net(\n  (first): Linear(in_features=2, out_features=3, bias=True)\n"
      .. "  (second): Linear(in_features=3, out_features=1, bias=False)\n)", tostring(m))
    local Own = nn.Module:extend("Own")
    function Own:extra_repr() return "a=1\nb=2" end
    assert.are.equal("Own(\n  a=1\n  b=2\n)", tostring(Own()))
    assert.are.equal("Parameter containing:\ntensor([1., 1., 1.], requires_grad=True)", tostring(m.scale))
  end)

  it("without forward says so", function()
    helper.raises(function() nn.Module:extend("Empty")()(1) end,
      'Module [Empty] is missing the required "forward" function')
  end)

  it("may have several arguments and results, and metamethods of its own", function()
    local Pair = nn.Module:extend("Pair")
    function Pair:forward(a, b, c) return b, a, c end
    function Pair:__len() return 2 end
    local m = Pair()
    assert.are.same({ 2, 1 }, { m(1, 2) })
    assert.are.equal(2, #m)
  end)

  it("takes its arguments by name when it is one of ours", function()
    local x = torch.ones(1, 2)
    local l = nn.Linear(2, 1)
    assert.is_true(torch.equal(l(x), l { input = x }))
    assert.are.equal(0, nn.MSELoss() { input = x, target = x }:item())
    helper.raises(function() l { inputs = x } end, "forward() got an unexpected keyword argument 'inputs'; did you mean 'input'?")
  end)

  it("refuses wrong arguments of the constructor by name", function()
    helper.raises(function() nn.Linear(2) end, "Linear() missing required argument 'out_features'")
    helper.raises(function() nn.Linear(2, 3, { biass = false }) end,
      "Linear() got an unexpected keyword argument 'biass'; did you mean 'bias'?")
    helper.raises(function() nn.Linear(2, 3, { out_features = 3 }) end,
      "Linear() got multiple values for argument 'out_features'")
    helper.raises(function() nn.Dropout(0.5, true, 3) end, "Dropout() takes at most 2 arguments but 3 were given")
    helper.raises(function() return nn.Linaer end, "torch.nn has no 'Linaer'; did you mean 'Linear'?")
  end)
end)
