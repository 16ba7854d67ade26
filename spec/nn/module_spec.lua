-- nn.Module: registration, walking, printing, modes, hooks, conversion, state_dict. Texts are PyTorch's.
local torch = require "torch"
local helper = require "spec.support.helper"
local nn = torch.nn
local raises = helper.raises

local Net = nn.Module:extend("Net")
function Net:init()
  self.fc = nn.Linear(3, 2)
  self.act = nn.ReLU()
  self.out = nn.Sequential(nn.Linear(2, 2, false), nn.Dropout(0.1))
  self:register_buffer("steps", torch.zeros(2, { dtype = torch.int64 }))
  self:register_buffer("tmp", torch.zeros(1), false)
end
function Net:forward(x) return self.out(self.act(self.fc(x))) end

local function names(items)
  local r = {}
  for name in items do r[#r + 1] = name end
  return r
end

local function keys(dictionary)
  local r = {}
  for name in pairs(dictionary) do r[#r + 1] = name end
  return r
end

describe("a module", function()
  it("lists what it holds in the order of registration", function()
    local n = Net()
    assert.same({ "steps", "fc.weight", "fc.bias", "out.0.weight" }, keys(n:state_dict()))
    assert.same({ "fc.weight", "fc.bias", "out.0.weight" }, names(n:named_parameters()))
    assert.same({ "", "fc", "act", "out", "out.0", "out.1" }, names(n:named_modules()))
    assert.same({ "fc", "act", "out" }, names(n:named_children()))
    assert.same({ "steps", "tmp" }, names(n:named_buffers()))
    assert.same({}, names(n:named_parameters("", false)))
    assert.same({ "net.fc.weight", "net.fc.bias", "net.out.0.weight" }, names(n:named_parameters("net")))
    local count = 0
    for p in n:parameters() do count = count + p:numel() end
    assert.equal(12, count)
    assert.equal(3, #n:parameters())
  end)

  it("prints as PyTorch does", function()
    assert.equal([[
Net(
  (fc): Linear(in_features=3, out_features=2, bias=True)
  (act): ReLU()
  (out): Sequential(
    (0): Linear(in_features=2, out_features=2, bias=False)
    (1): Dropout(p=0.1, inplace=False)
  )
)]], tostring(Net()))
    local Two = nn.Module:extend("Two")
    function Two:extra_repr() return "a=1\nb=2" end
    assert.equal("Two(\n  a=1\n  b=2\n)", tostring(Two()))
    assert.equal("Parameter containing:\ntensor([0., 0.], requires_grad=True)", tostring(nn.Parameter(torch.zeros(2, { device = "cpu" }))))
  end)

  it("counts a shared parameter and a shared module once", function()
    local m = nn.Module()
    m.a = nn.Linear(2, 2)
    m.b = m.a
    m.w = m.a.weight
    assert.same({ "w", "a.bias" }, names(m:named_parameters()))
    assert.equal(2, #m:modules())
    assert.same({ "w", "a.weight", "a.bias", "b.weight", "b.bias" }, keys(m:state_dict()))
    assert.same({ "w", "a.weight", "a.bias", "b.weight", "b.bias" }, names(m:named_parameters { remove_duplicate = false }))
  end)

  it("unregisters what becomes nil and keeps the place", function()
    local m = nn.Linear(2, 2)
    m.bias = nil
    assert.same({ "weight" }, names(m:named_parameters()))
    assert.equal("Linear(in_features=2, out_features=2, bias=False)", tostring(m))
    assert.same({ 1, 2 }, m(torch.ones(1, 2)).shape)
    m.bias = nn.Parameter(torch.zeros(2))
    assert.same({ "weight", "bias" }, names(m:named_parameters()))
  end)

  it("refuses what does not fit", function()
    local n = Net()
    raises(function() n.fc = 3 end, "cannot assign 'number' as child module 'fc' (torch.nn.Module or nil expected)")
    raises(function() n.fc.weight = torch.zeros(2) end,
      ("cannot assign '%s' as parameter 'weight' (torch.nn.Parameter or nil expected)"):format(torch.zeros(1):type()))
    raises(function() n.steps = 3 end, "cannot assign 'number' as buffer 'steps'")
    n.steps = torch.ones(2)
    assert.same({ 1, 1 }, n:state_dict().steps:tolist())
    raises(function() n:register_parameter("a.b", nil) end, 'parameter name can\'t contain "."')
    raises(function() n:register_buffer("", nil) end, 'buffer name can\'t be empty string ""')
    raises(function() n:register_buffer("act", nil) end, "attribute 'act' already exists")
    raises(function() n:add_module("x", 3) end, "number is not a Module subclass")
    raises(function() n:register_buffer("q", 3) end, "cannot assign 'number' object to buffer 'q' (torch Tensor or nil required)")
    raises(function() n:register_parameter("q", torch.zeros(1)) end,
      ("cannot assign '%s' object to parameter 'q' (torch.nn.Parameter or nil required)"):format(torch.zeros(1):type()))
    raises(function() nn.Module()(1) end, 'Module [Module] is missing the required "forward" function')
    raises(function() n:train(3) end, "training mode is expected to be boolean")
    raises(function() n:get_submodule("fc.x") end, "Linear has no attribute `x`")
    raises(function() n:get_parameter("fc.x") end, "Linear has no attribute `x`")
    raises(function() n:get_buffer("fc.weight") end, "`weight` is not a buffer")
    assert.equal(n.out[1].weight, n:get_parameter("out.0.weight"))
    assert.equal(n.out, n:get_submodule("out"))
  end)

  it("is trained or evaluated with all below", function()
    local n = Net()
    assert.is_true(n.training)
    assert.equal(n, n:eval())
    for m in n:modules() do assert.is_false(m.training) end
    n:train()
    assert.is_true(n.out[2].training)
  end)

  it("applies a function to the children first", function()
    local order = {}
    Net():apply(function(m) order[#order + 1] = m:_get_name() end)
    assert.same({ "Linear", "ReLU", "Linear", "Dropout", "Sequential", "Net" }, order)
  end)

  it("clears and freezes gradients", function()
    local n = nn.Linear(2, 1)
    n(torch.ones(1, 2)):sum():backward()
    n:zero_grad { set_to_none = false }
    assert.same({ { 0, 0 } }, n.weight.grad:tolist())
    n:zero_grad()
    assert.is_nil(n.weight.grad)
    n:requires_grad_(false)
    assert.is_false(n.bias.requires_grad)
    assert.is_false(n(torch.ones(1, 2)).requires_grad)
  end)

  it("changes its dtype in place: floats only, gradients too, the same parameters", function()
    local n = Net():eval()
    local w = n.fc.weight
    n(torch.ones(1, 3)):sum():backward()
    assert.equal(n, n:to(torch.float64))
    assert.equal(w, n.fc.weight)
    assert.equal(torch.float64, w.dtype)
    assert.equal(torch.float64, w.grad.dtype)
    assert.is_true(w.requires_grad and w.is_leaf)
    assert.equal(torch.int64, n.steps.dtype)
    assert.equal(torch.float64, n.tmp.dtype)
    assert.equal(torch.float64, n(torch.ones(1, 3, { dtype = torch.float64 })).dtype)
    assert.same({ "steps", "fc.weight", "fc.bias", "out.0.weight" }, keys(n:state_dict()))
    assert.equal(torch.float32, n:float().fc.bias.dtype)
    assert.equal(torch.bfloat16, n:to { dtype = torch.bfloat16 }.fc.bias.dtype)
    assert.equal(torch.float64, n:double().fc.bias.dtype)
    raises(function() n:to(torch.int64) end,
      "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.int64")
  end)

  it("with one class made from another inherits and overrides", function()
    local Loud = Net:extend("Loud")
    function Loud:init() Net.init(self); self.gain = nn.Parameter(torch.tensor(2.0)) end
    function Loud:forward(x) return Net.forward(self, x) * self.gain end
    local m = Loud():eval()
    assert.is_true(m:is(Net) and m:is(nn.Module))
    assert.is_false(m:is(nn.Linear))
    local x = torch.randn(2, 3)
    assert.same((Net.forward(m, x) * 2):tolist(), m(x):tolist())
  end)

  it("of the library takes its input by name", function()
    local m = nn.Linear(2, 1)
    local x = torch.ones(1, 2)
    assert.same(m(x):tolist(), m { input = x }:tolist())
    assert.same({ 0, 1 }, nn.ReLU() { input = torch.tensor { -1, 1 } }:tolist())
    assert.equal(4, nn.MSELoss() { target = torch.tensor(1.0), input = torch.tensor(3.0) }:item())
    local Own = nn.Linear:extend("Own")
    function Own:forward(t) return t.left + t.right end
    assert.equal(3, Own(2, 1) { left = 1, right = 2 })
    local same = nn.Linear:extend("Same")(2, 1)
    same:load_state_dict(m:state_dict())
    assert.same(m(x):tolist(), same { input = x }:tolist())
    raises(function() m { inptu = x } end, "forward() got an unexpected keyword argument 'inptu'")
  end)
end)

describe("state_dict", function()
  it("shares memory and has no history", function()
    local n = nn.Linear(2, 1)
    local s = n:state_dict()
    assert.is_false(s.weight.requires_grad)
    s.weight:fill_(7)
    assert.same({ { 7, 7 } }, n.weight:tolist())
    assert.equal(n.weight, n:state_dict { keep_vars = true }.weight)
    assert.same({ "x.weight", "x.bias" }, keys(n:state_dict { prefix = "x." }))
  end)

  it("is loaded: copied, cast, in place", function()
    local a, b = Net(), Net()
    local w = b.fc.weight
    assert.equal("<All keys matched successfully>", tostring(b:load_state_dict(a:state_dict())))
    assert.equal(w, b.fc.weight)
    assert.same(a.fc.weight:tolist(), w:tolist())
    a.fc.weight.data:fill_(1)
    assert.are_not.same(a.fc.weight:tolist(), w:tolist())
    local l = nn.Linear(2, 1)
    l:load_state_dict { weight = torch.tensor({ { 1 }, { 2 } }, { dtype = torch.int64 }):t(), bias = torch.tensor { 0.5 } }
    assert.same({ { 1, 2 } }, l.weight:tolist())
    assert.equal(torch.float32, l.weight.dtype)
    assert.is_true(l.weight.requires_grad and l.weight.is_leaf)
  end)

  it("takes one element for a tensor without dims, and with assign the tensors themselves", function()
    local m = nn.Module()
    m.s = nn.Parameter(torch.tensor(0.))
    m:register_buffer("b", torch.zeros(2))
    m:load_state_dict { s = torch.tensor { 5. }, b = torch.ones(2) }
    assert.equal(5, m.s:item())
    local given = { s = torch.tensor(7., { dtype = torch.float64 }), b = torch.ones(2) }
    m:load_state_dict(given, { assign = true })
    assert.equal(given.b, m.b)
    assert.equal(torch.float64, m.s.dtype)
    assert.is_true(m.s.requires_grad and m.s:data_ptr() == given.s:data_ptr())
    raises(function() m:load_state_dict(given, { strikt = false }) end,
      "load_state_dict() got an unexpected keyword argument 'strikt'; did you mean 'strict'?")
  end)

  it("that does not fit says all that is wrong", function()
    local n = Net()
    local s = {}
    for k, v in pairs(n:state_dict()) do s[k] = v end
    s["fc.bias"], s.extra, s["fc.weight"] = nil, torch.zeros(1), torch.zeros(3, 3)
    local text = raises(function() n:load_state_dict(s) end)
    assert.truthy(text:find('Error(s) in loading state_dict for Net:\n\tMissing key(s) in state_dict: "fc.bias". \n\t'
      .. 'Unexpected key(s) in state_dict: "extra". \n\tsize mismatch for fc.weight: copying a param with shape '
      .. "torch.Size([3, 3]) from checkpoint, the shape in current model is torch.Size([2, 3]).", 1, true), text)
    s["fc.weight"] = nil
    local r = n:load_state_dict(s, { strict = false })
    assert.same({ "fc.weight", "fc.bias" }, r.missing_keys)
    assert.same({ "extra" }, r.unexpected_keys)
    assert.equal("IncompatibleKeys(missing_keys={'fc.weight', 'fc.bias'}, unexpected_keys={'extra'})", tostring(r))
    s.b, s.a = torch.zeros(1), torch.zeros(1)             -- a plain table has no order: by name
    assert.same({ "a", "b", "extra" }, n:load_state_dict(s, false).unexpected_keys)
    raises(function() n:load_state_dict(3) end, "Expected state_dict to be dict-like, got number.")
    raises(function() n:load_state_dict({ steps = 1 }, false) end, 'While copying the parameter named "steps"')
  end)
end)

describe("hooks of a module", function()
  local function layer()
    local m = nn.Linear(1, 1, false)
    m:load_state_dict { weight = torch.tensor { { 2.0 } } }
    return m
  end

  it("see and may replace what goes in and what comes out", function()
    local m, x = layer(), torch.tensor { { 3.0 } }
    local seen
    local before = m:register_forward_pre_hook(function(_, args) return args[1] + 1 end)
    local after = m:register_forward_hook(function(module, args, y)
      seen = { module == m, args[1]:item(), y:item() }
      return y * 10
    end)
    assert.equal(80, m(x):item())
    assert.same({ true, 4, 8 }, seen)
    before:remove()
    assert.equal(60, m(x):item())
    after:remove()
    after:remove()
    assert.equal(6, m(x):item())
  end)

  it("run in order; one may be put first", function()
    local m, order = layer(), {}
    m:register_forward_hook(function() order[#order + 1] = "a" end)
    m:register_forward_hook(function() order[#order + 1] = "b" end, { prepend = true })
    m(torch.ones(1, 1))
    assert.same({ "b", "a" }, order)
  end)

  it("see and may replace gradients", function()
    local m = layer()
    local seen
    local h = m:register_full_backward_hook(function(_, grad_input, grad_output)
      seen = { grad_input[1]:item(), grad_output[1]:item() }
      return { grad_input[1] * 100 }
    end)
    local x = torch.tensor({ { 3.0 } }, { requires_grad = true })
    ; (m(x) * 5):sum():backward()
    assert.same({ 10, 5 }, seen)
    assert.equal(1000, x.grad:item())
    assert.equal(15, m.weight.grad:item())
    h:remove()
    x.grad = nil
    ; (m(x) * 5):sum():backward()
    assert.equal(10, x.grad:item())
    local first = m:register_full_backward_pre_hook(function(_, grad_output) return { grad_output[1] * 3 } end)
    x.grad = nil
    ; (m(x) * 5):sum():backward()
    assert.equal(30, x.grad:item())
    first:remove()
    raises(function() m:register_forward_hook(3) end, "a hook should be a function, got number")
    raises(function() m:register_forward_hook(print, { with_kwargs = true }) end, "unexpected keyword argument 'with_kwargs'")
    local Two = nn.Module:extend("Two")
    function Two:forward(a, b) return a * b, a + b end
    local two, unused = Two(), "not called"
    two:register_full_backward_hook(function(_, _, grad_output) unused = grad_output[2] end)
    local y = torch.ones({}, { requires_grad = true });
    (two(y, y)):backward()
    assert.is_nil(unused)
    two:register_full_backward_hook(function(_, grad_input) return { grad_input[1] } end)
    raises(function() (two(y, y)):backward() end,
      "Backward hook returned an invalid number of grad_input, got 1, but expected 2")
  end)
end)

describe("what can't be walked", function()
  it("is said", function()
    local m = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    for _, method in ipairs { "parameters", "named_parameters", "buffers", "modules", "state_dict", "zero_grad", "train", "eval" } do
      helper.raises(function() m[method]() end, "write model:parameters(), with a colon")
    end
    m[1].all = m
    helper.raises(function() m:state_dict() end, "RecursionError: the module '0.all' contains itself")
    assert.equal(3, #m:modules())
  end)
end)

describe("a name that is taken", function()
  local function net()
    local m = nn.Module()
    m.a = nn.ReLU()
    m.w = nn.Parameter(torch.ones(1))
    m.c = nn.Tanh()
    m:register_buffer("b", torch.ones(1))
    return m
  end
  it("passes to a parameter, which comes last", function()
    local m = net()
    m.a = nn.Parameter(torch.ones(1))
    m.b = nn.Parameter(torch.ones(1))
    assert.same({ "w", "a", "b" }, keys(m:state_dict()))
    assert.equal("Module(\n  (c): Tanh()\n)", tostring(m))
  end)

  it("stays with a parameter or a module", function()
    local m = net()
    raises(function() m.w = nn.ReLU() end, "cannot assign 'ReLU' as parameter 'w' (torch.nn.Parameter or nil expected)")
    raises(function() m.w = nn.Buffer(torch.ones(1)) end, "as parameter 'w'")
    raises(function() m.a = nn.Buffer(torch.ones(1)) end, "as child module 'a'")
    m.b = nn.ReLU()
    assert.same({ "w" }, keys(m:state_dict()))
  end)

  it("is kept by nil", function()
    local m = net()
    m.a, m.w = nil, nil
    assert.equal("Module(\n  (a): None\n  (c): Tanh()\n)", tostring(m))
    m.w = nn.Parameter(torch.ones(1))
    assert.same({ "w", "b" }, keys(m:state_dict()))
  end)

  it("may be a second name", function()
    local m = net()
    m.again = m.a
    assert.equal(3, #m:named_modules())
    assert.equal("x.again", m:named_modules { prefix = "x", remove_duplicate = false }[4][1])
  end)
end)
