-- The face of the second device: torch.device, torch.cuda, what tensors and modules say of it.  The first part needs no card
-- and no plugin; the second runs where there is a card, the simulated one (TLUA_CUDA_SIM=1) included.  Its work is in work_spec.lua.
local helper = require "spec.support.helper"
local torch = require "torch"
local cuda, nn, raises = torch.cuda, torch.nn, helper.raises

-- the specs may run with another default device; here it is the CPU
local default = torch.get_default_device()
local function on_cpu() torch.set_default_device("cpu") end
local function as_before() torch.set_default_device(default) end

describe("torch.device", function ()
  setup(on_cpu)
  teardown(as_before)

  it("is a name, whether the card is there or not", function ()
    assert.equal("cuda", tostring(torch.device("cuda")))
    assert.equal("cuda:1", tostring(torch.device("cuda:1")))
    assert.equal(torch.device("cuda:1"), torch.device("cuda", 1))
    assert.equal(torch.device("cuda:1"), torch.device(1))
    assert.equal(torch.device("cuda:1"), torch.device{ type = "cuda", index = 1 })
    assert.equal(torch.device("cuda:1"), torch.device(torch.device("cuda:1")))
    assert.not_equal(torch.device("cuda"), torch.device("cuda:0"))
    assert.not_equal(torch.device("cpu"), torch.device("cpu:0"))
    assert.equal(torch.zeros(1).device, torch.device("cpu"))
    local d = torch.device("cuda:2")
    assert.same({ "cuda", 2 }, { d.type, d.index })
    assert.is_nil(torch.device("cuda").index)
    assert.is_nil(torch.device("cpu").index)
  end)

  it("refuses what is none in PyTorch's words", function ()
    for text, words in pairs{ ["cuda:01"] = "Invalid device string: 'cuda:01'", ["cuda:-1"] = "Invalid device string: 'cuda:-1'",
        ["cuda:"] = "Invalid device string: 'cuda:'", ["cuda:x"] = "Invalid device string: 'cuda:x'",
        tpu = "Expected one of cpu, cuda device type at start of device string: tpu",
        cudax = "Expected one of cpu, cuda device type at start of device string: cudax" } do
      raises(function () torch.device(text) end, words)
      raises(function () torch.zeros(1, { device = text }) end, words:match("^%w+ %w+"))
    end
    raises(function () torch.device("cuda", -1) end, "Device index must not be negative")
    raises(function () torch.device("cuda:1", 1) end, "must not include an index")
    raises(function () torch.device("cuda", true) end, "argument 'index' (position 2) must be int, not bool")
    raises(function () torch.device() end, "argument 'type' (position 1) must be string")
  end)
end)

-- runs a script in a tlua that finds no plugin
local function without(text)
  local r = helper.run_text("local torch = require 'torch'\n" .. text, { env = { TLUA_CUDA = "/nowhere/tlua_cuda.so", TLUA_CUDA_SIM = "0" } })
  assert.equal("", r.err)
  assert.equal(0, r.code)
  return r.out
end

describe("without a plugin", function ()
  setup(on_cpu)
  teardown(as_before)

  it("asking is allowed, and answers no", function ()
    assert.equal("false 0 0 0 false -1 false\n", without[[
      torch.manual_seed(1); torch.cuda.manual_seed(1); torch.cuda.manual_seed_all(1); torch.cuda.seed(); torch.cuda.empty_cache()
      torch.cuda.reset_peak_memory_stats(); torch.cuda.set_device(-1); torch.cuda.stream(nil)
      assert(next(torch.cuda.memory_stats()) == nil and #torch.cuda.memory_summary() > 0 and #torch.cuda.get_rng_state_all() == 0)
      local x = torch.zeros(2)
      io.write(table.concat({ tostring(torch.cuda.is_available()), torch.cuda.device_count(), torch.cuda.memory_allocated(),
        torch.cuda.max_memory_reserved(0), tostring(x:is_pinned()), x:get_device(), tostring(x.is_cuda) }, " "), "\n")
    ]])
  end)

  it("says in one sentence what is missing, at the first use", function ()
    local out = without[[
      local function try(f, ...) print(select(2, pcall(f, ...))) end
      try(torch.zeros, 2, { device = "cuda" })
      try(torch.zeros(2).cuda, torch.zeros(2))
      try(torch.zeros(2).to, torch.zeros(2), torch.device("cuda:1"))
      try(torch.zeros(2).pin_memory, torch.zeros(2))
      try(torch.cuda.synchronize)
      try(torch.cuda.Stream)
      try(torch.cuda.get_device_name, 0)
      try(torch.nn.Linear(2, 2).cuda, torch.nn.Linear(2, 2))
      try(torch.Generator, "cuda")
      try(torch.set_default_device, "cuda")
      print(torch.ones(3):sum():item())]]
    local n = 0
    for line in out:gmatch("[^\n]+") do
      n = n + 1
      if n <= 10 then
        assert.truthy(line:find("device 'cuda:%d': .*/nowhere/tlua_cuda%.so"), line)
      end
    end
    assert.truthy(out:find("\n3.0\n$"))
    assert.equal(11, n)
  end)

  it("asking a driver that is too old answers no, and the first use says why", function ()
    local plugin = os.getenv("TLUA_CUDA")
    if os.getenv("TLUA_CUDA_SIM") ~= "1" or not plugin then return pending("only the simulator has such a driver") end
    local r = helper.run_text([[local torch = require "torch"
      print(torch.cuda.is_available(), torch.cuda.device_count(), select(2, pcall(torch.ones, 1, { device = "cuda" })))]],
      { env = { TLUA_CUDA = plugin, TLUA_CUDA_SIM = "1", TLUA_CUDA_SIM_DRIVER = "12020" } })
    assert.equal(0, r.code, r.err)
    assert.matches("^false\t0\t.*the NVIDIA driver is too old", r.out)
  end)

  it("knows the names of torch.cuda", function ()
    raises(function () return cuda.syncronize end, "torch.cuda has no 'syncronize'; did you mean 'synchronize'?")
    raises(function () cuda.set_device("cpu") end, "Expected a cuda device, but got: cpu")
    raises(function () cuda.set_sync_debug_mode("loud") end, "expected one of `default`, `warn`, `error`")
    raises(function () cuda.manual_seed("a") end, "must be int, not string")
    raises(function () cuda.CUDAGraph():replay() end, "without a preceding successful capture")
    raises(function () torch.zeros(1):record_stream() end, "record_stream(): the tensor is on cpu")
    assert.is_true(cuda.Event():query())
  end)
end)

if not cuda.is_available() then return end

local function on(...) return torch.tensor(...):cuda() end

describe("torch.cuda", function ()
  setup(on_cpu)
  teardown(as_before)
  after_each(function ()
    cuda.set_sync_debug_mode("default")
    cuda.set_device(0)
  end)

  it("knows its cards", function ()
    assert.is_true(cuda.device_count() >= 1)
    assert.equal(0, cuda.current_device())
    local p = cuda.get_device_properties(0)
    assert.equal(cuda.get_device_name(), p.name)
    assert.equal(os.getenv("TLUA_CUDA_SIM") == "1", p.simulated)
    if p.simulated then assert.truthy(p.name:lower():find("simulated")) end
    assert.same({ p.major, p.minor }, { cuda.get_device_capability("cuda:0") })
    assert.truthy(tostring(p):find("total_memory=" .. (p.total_memory >> 20) .. "MB", 1, true))
    local free, total = cuda.mem_get_info()
    assert.is_true(free <= total and total > 0)
    raises(function () cuda.get_device_name(99) end, "device 'cuda:99': ")
    raises(function () torch.zeros(1, { device = "cuda:99" }) end, "device 'cuda:99': ")
  end)

  it("moves tensors there and back", function ()
    local x = torch.arange(6):view(2, 3)
    local y = x:cuda()
    assert.same({ true, false, 0 }, { y.is_cuda, y.is_cpu, y:get_device() })
    assert.equal(torch.device("cuda:0"), y.device)
    assert.same(x:tolist(), y:tolist())
    assert.same(x:tolist(), y:cpu():tolist())
    assert.equal("torch.cuda.LongTensor", y:type())
    assert.is_true(rawequal(y, y:cuda()))
    assert.is_true(rawequal(y, y:to("cuda:0")))
    assert.is_false(rawequal(y, y:to("cuda", { copy = true })))
    assert.equal("cuda:0", tostring(x:to(0).device))
    assert.equal("cuda:0", tostring(x:to(y).device))
    assert.equal(torch.float32, x:to("cuda", torch.float32).dtype)
    assert.same(x:t():tolist(), x:t():cuda():tolist())
    assert.same({ { 1, 1 }, { 1, 1 } }, torch.ones_like(on{ { 1, 2 }, { 3, 4 } }):tolist())
    assert.truthy(tostring(torch.ones(2, { device = "cuda" })):find("tensor([1., 1.], device='cuda:0')", 1, true))
    assert.equal("torch.cuda.DoubleTensor", x:type(cuda.DoubleTensor):type())
    assert.equal("torch.DoubleTensor", y:type(torch.DoubleTensor):type())
    assert.equal("cuda:0", tostring(cuda.FloatTensor{ 1, 2 }.device))
    assert.equal("torch.cuda.HalfTensor", tostring(cuda.HalfTensor))
    local w = torch.ones(2, { requires_grad = true })
    w:cuda():mul(3):sum():backward()
    assert.equal("cpu", tostring(w.grad.device))
    assert.same({ 3, 3 }, w.grad:tolist())
  end)

  it("refuses to mix devices in PyTorch's words", function ()
    local a, b = torch.ones(2), torch.ones(2, { device = "cuda" })
    local words = "Expected all tensors to be on the same device, but found at least two devices, %s and %s!"
    raises(function () return a + b end, words:format("cpu", "cuda:0"))
    raises(function () return b + a end, words:format("cuda:0", "cpu"))
    raises(function () torch.cat{ a, b } end, "Expected all tensors to be on the same device")
    raises(function () torch.rand(2, { device = "cuda", generator = torch.Generator() }) end,
      "Expected a 'cuda:0' device type for generator but found 'cpu'")
    assert.same({ 3, 3 }, (b + 2):tolist())                                -- a number goes anywhere
    assert.same({ 2, 2 }, (b + torch.tensor(1.0)):tolist())                -- and so does a 0-d tensor
    a:copy_(b)
    b:copy_(a)
  end)

  it("has modules, optimizers, generators and defaults there", function ()
    local m = nn.Linear(3, 2):cuda()
    assert.equal("cuda:0", tostring(m.weight.device))
    assert.equal("cuda:0", tostring(nn.Linear(3, 2, { device = "cuda" }).bias.device))
    assert.equal("cpu", tostring(m:cpu().weight.device))
    assert.equal("cuda:0", tostring(m:to("cuda").weight.device))
    local o = torch.optim.Adam(m:parameters())
    m(torch.ones(1, 3, { device = "cuda" })):sum():backward()
    o:step()
    local path = os.tmpname()
    torch.save({ model = m:state_dict(), optimizer = o:state_dict() }, path)
    local saved, there = torch.load(path), torch.load(path, { map_location = "cuda:0" })
    os.remove(path)
    assert.equal("cpu", tostring(saved.model.weight.device))
    assert.equal("cuda:0", tostring(there.model.weight.device))
    m:load_state_dict(saved.model)
    o:load_state_dict(saved.optimizer)
    m(torch.ones(1, 3, { device = "cuda" })):sum():backward()
    o:step()
    torch.set_default_device("cuda")
    local ok, device = pcall(function () return torch.zeros(2).device end)
    torch.set_default_device("cpu")
    assert.is_true(ok)
    assert.equal("cuda:0", tostring(device))
    assert.equal("torch.Generator(device='cuda:0')", tostring(torch.Generator("cuda")))
  end)

  it("makes no synchronisation in a training step", function ()
    for _, make in ipairs{ torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop } do
      local net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 4)):cuda()
      local optimizer, loss_of = make(net:parameters(), { lr = 1e-2 }), nn.CrossEntropyLoss()
      local x, y = torch.randn(4, 8):cuda(), on{ 1, 4, 2, 3 }
      local total = torch.zeros({}, { device = "cuda" })
      local function step()
        local loss = loss_of(net(x), y)
        optimizer:zero_grad()
        loss:backward()
        nn.utils.clip_grad_norm_(net:parameters(), 1.0)
        optimizer:step()
        total:add_(loss:detach())
      end
      step()
      local before = cuda.sync_count()
      cuda.set_sync_debug_mode("error")
      for _ = 1, 3 do step() end
      cuda.set_sync_debug_mode("default")
      assert.equal(before, cuda.sync_count())
      assert.is_true(total:item() > 0)
      assert.is_true(cuda.sync_count() > before)
    end
  end)

  it("says who waits, in debug modes", function ()
    local x = torch.ones(2, { device = "cuda" })
    cuda.set_sync_debug_mode("error")
    assert.equal(2, cuda.get_sync_debug_mode())
    for name, f in pairs{ item = function () x:sum():item() end, tolist = function () x:tolist() end,
        nonzero = function () x:nonzero() end, copy_ = function () x:cpu() end } do
      raises(f, name .. ": called a synchronizing CUDA operation")
    end
    cuda.synchronize()                                                     -- asked for
    cuda.set_sync_debug_mode(0)
    assert.equal(2, x:sum():item())
    local r = helper.run_text[[
      local torch = require "torch"
      local x = torch.ones(2, { device = "cuda" })
      torch.cuda.set_sync_debug_mode("warn")
      print(x:sum():item())]]
    assert.equal("2.0\n", r.out)
    assert.truthy(r.err:find(":4: item: called a synchronizing CUDA operation", 1, true))
  end)

  it("has a current card", function ()
    if cuda.device_count() < 2 then return end
    local here = cuda.device(1, function () return torch.zeros(1, { device = "cuda" }).device end)
    assert.equal("cuda:1", tostring(here))
    assert.equal(0, cuda.current_device())
    do
      local _ <close> = cuda.device("cuda:1")
      assert.equal(1, cuda.current_device())
    end
    assert.equal(0, cuda.current_device())
    local x = torch.ones(2, { device = "cuda:1" })
    assert.equal(1, cuda.device_of(x, cuda.current_device))
    raises(function () return x + torch.ones(2, { device = "cuda:0" }) end, "two devices, cuda:1 and cuda:0!")
    assert.same({ 1, 1 }, x:to("cuda:0"):tolist())
    cuda.set_device(1)
    assert.equal("cuda:1", tostring(torch.ones(1):cuda().device))
  end)
end)

describe("the examples", function ()
  for _, name in ipairs{ "tensors", "autograd", "custom_function", "nn", "optim", "module", "dynamic" } do
    it("run on a card: two_layer_net/" .. name, function ()
      local r = helper.run{ "examples/two_layer_net/" .. name .. ".lua", "--steps", "2", "--losses", "--device", "cuda" }
      assert.equal("", r.err)
      assert.equal(0, r.code)
      assert.truthy(r.out:find("^0 %d+"))
      assert.is_nil(r.out:find("nan"))
    end)
  end
end)
