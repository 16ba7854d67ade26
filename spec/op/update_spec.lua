-- Optimizer steps: the fused command and the basic ones give the same bits, state is written in place, and a plan
-- can replay them.  The figures of whole optimizers are those of spec/optim.
local torch = require "torch"
local helper = require "spec.support.helper"
local raises = helper.raises
local C = torch._C

-- a parameter, its gradient and state: packed, or transposed in memory
local function tensors(n, packed)
  torch.manual_seed(3)
  local r = {}
  for k = 1, n do
    local x = torch.rand(5, 4) + 0.1
    r[k] = packed and x or x:t():contiguous():t()
    assert(packed == r[k]:is_contiguous())
  end
  return r
end

-- runs step(list of tensors) twice on both layouts and compares everything
local function both(n, step)
  local packed, strided = tensors(n, true), tensors(n, false)
  for _ = 1, 2 do
    step(packed)
    step(strided)
  end
  for k = 1, n do
    assert.is_true(torch.allclose(packed[k], strided[k], { rtol = 2e-7, atol = 1e-9 }), "tensor " .. k .. " differs")
  end
end

describe("update", function ()
  it("SGD", function ()
    for _, o in ipairs { {}, { weight_decay = 0.1 }, { maximize = true, weight_decay = 0.1 } } do
      o.lr = 0.1
      both(2, function (t) C._sgd({ t[1] }, { t[2] }, {}, o) end)
    end
    for _, o in ipairs { {}, { nesterov = true }, { dampening = 0.5, weight_decay = 0.1 } } do
      o.lr, o.momentum = 0.1, 0.9
      both(3, function (t) C._sgd({ t[1] }, { t[2] }, { t[3] }, o) end)
      both(2, function (t) t.buf = C._sgd({ t[1] }, { t[2] }, { t.buf or false }, o)[1] end)
    end
  end)

  it("SGD makes the momentum on the first step", function ()
    local p, g = torch.ones(3), torch.tensor { 1., 2., 3. }
    local bufs = C._sgd({ p }, { g }, { false }, { lr = 0.5, momentum = 0.9 })
    helper.close_to(bufs[1], { 1, 2, 3 })
    helper.close_to(p, { 0.5, 0, -0.5 })
    bufs = C._sgd({ p }, { g }, bufs, { lr = 0.5, momentum = 0.9 })
    helper.close_to(bufs[1], { 1.9, 3.8, 5.7 }, 1e-6)
  end)

  it("Adam and AdamW", function ()
    for _, o in ipairs { {}, { weight_decay = 0.1 }, { weight_decay = 0.1, decoupled = true, maximize = true } } do
      o.lr, o.beta1, o.beta2, o.eps = 0.1, 0.9, 0.99, 1e-8
      both(4, function (t)
        t.step = t.step or torch.zeros({})
        C._adam({ t[1] }, { t[2] }, { t[3] }, { t[4] }, nil, { t.step }, o)
      end)
      o.amsgrad = true
      both(5, function (t)
        t.step = t.step or torch.zeros({})
        C._adam({ t[1] }, { t[2] }, { t[3] }, { t[4] }, { t[5] }, { t.step }, o)
        assert.is_true(t.step:item() >= 1)
      end)
    end
  end)

  it("RMSprop", function ()
    local o = { lr = 0.01, alpha = 0.9, eps = 1e-8, weight_decay = 0.1 }
    both(3, function (t) C._rmsprop({ t[1] }, { t[2] }, { t[3] }, o) end)
    o.momentum = 0.9
    both(4, function (t) C._rmsprop({ t[1] }, { t[2] }, { t[3] }, nil, { t[4] }, o) end)
    o.centered = true
    both(5, function (t)
      t[4]:mul_(0.01)
      t[3]:add_(3)
      C._rmsprop({ t[1] }, { t[2] }, { t[3] }, { t[4] }, { t[5] }, o)
    end)
  end)

  it("a plan replays whole steps, with the generator's stream", function ()
    local nn, F = torch.nn, torch.nn.functional
    local function train(captured)
      torch.manual_seed(0)
      local model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 4))
      local optimizer = torch.optim.Adam(model:parameters(), { lr = 0.01 })
      local x, y = torch.randn(10, 8), torch.randint(1, 5, { 10 })
      local function step()
        optimizer:zero_grad { set_to_none = false }
        F.cross_entropy(model(x), y):backward()
        optimizer:step()
      end
      step()
      step()
      local again = captured and torch.capture(step) or step
      for _ = 1, captured and 8 or 9 do again() end
      local list = {}
      for _, p in ipairs(model:parameters()) do list[#list + 1] = p:detach():reshape(-1) end
      return torch.cat(list)
    end
    assert.is_true(torch.equal(train(false), train(true)))
  end)

  it("says that it wrote: a graph that needs the old values refuses", function ()
    local p, x = torch.ones(2, { requires_grad = true }), torch.ones(2, { requires_grad = true })
    local y = (p * x):sum()
    C._sgd({ p:detach() }, { torch.ones(2) }, {}, { lr = 0.1 })
    raises(function () y:backward() end, "has been modified by an inplace operation")
  end)

  it("refuses in words", function ()
    raises(function () C._sgd({ torch.ones(2) }, { torch.ones(3) }, {}, { lr = 1 }) end,
      "grads 1 differs from its parameter in size, dtype or device")
    raises(function () C._sgd({ torch.ones(1):expand(3) }, { torch.ones(3) }, {}, { lr = 1 }) end, "parameter 1 is an expanded tensor")
    raises(function () C._sgd({ torch.tensor { 1 } }, { torch.tensor { 1 } }, {}, { lr = 1 }) end, "parameter 1 is not floating point")
  end)
end)
