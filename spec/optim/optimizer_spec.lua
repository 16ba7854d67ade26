-- Optimizer: groups, state, hooks, closures, subclasses.
local torch = require "torch"
local helper = require "spec.support.helper"
local optim, nn = torch.optim, torch.nn

local function parameter(...) return nn.Parameter(torch.tensor { ... }) end

describe("groups", function()
  it("take lists, iterators, and lists of groups with options of their own", function()
    local a, b = parameter(1.0), parameter(2.0)
    assert.are.equal(2, #optim.SGD({ a, b }, { lr = 0.1 }).param_groups[1].params)
    local m = nn.Linear(2, 2)
    assert.are.equal(2, #optim.SGD(m:parameters(), { lr = 0.1 }).param_groups[1].params)
    assert.are.equal(2, #optim.SGD(m:named_parameters(), { lr = 0.1 }).param_groups[1].params)
    local o = optim.SGD({ { params = { a }, lr = 0.5 }, { params = { b } } }, { lr = 0.1, momentum = 0.9 })
    assert.are.equal(0.5, o.param_groups[1].lr)
    assert.are.equal(0.1, o.param_groups[2].lr)
    assert.are.equal(0.9, o.param_groups[1].momentum)
    assert.are.equal(0.1, optim.SGD({ a }, 0.1).param_groups[1].lr)
    o:add_param_group { params = parameter(3.0), lr = 1 }
    assert.are.equal(3, #o.param_groups)
  end)

  it("refuse what PyTorch refuses", function()
    local a = parameter(1.0)
    helper.raises(function() optim.SGD(a, { lr = 0.1 }) end,
      "params argument given to the optimizer should be an iterable of Tensors or dicts, but got torch.FloatTensor")
    helper.raises(function() optim.SGD({}, { lr = 0.1 }) end, "optimizer got an empty parameter list")
    helper.raises(function() optim.SGD({ a * 2 }, { lr = 0.1 }) end, "can't optimize a non-leaf Tensor")
    helper.raises(function() optim.SGD({ { params = { 3 } } }, { lr = 0.1 }) end,
      "optimizer can only optimize Tensors, but one of the params is number")
    helper.raises(function() optim.SGD({ { params = { a } }, { params = { a } } }, { lr = 0.1 }) end,
      "some parameters appear in more than one parameter group")
    helper.raises(function() optim.SGD({ a }, { lr = -1.0 }) end, "Invalid learning rate: -1.0")
    helper.raises(function() optim.SGD({ a }, { lr = 0.1, momentum = -0.5 }) end, "Invalid momentum value: -0.5")
    helper.raises(function() optim.SGD({ a }, { lr = 0.1, weight_decay = -1 }) end, "Invalid weight_decay value: -1")
    helper.raises(function() optim.SGD({ a }, { lr = 0.1, nesterov = true }) end,
      "Nesterov momentum requires a momentum and zero dampening")
    helper.raises(function() optim.Adam({ a }, { betas = { 1.0, 0.999 } }) end, "Invalid beta parameter at index 1: 1.0")
    helper.raises(function() optim.Adam({ a }, { eps = -1e-8 }) end, "Invalid epsilon value: -1e-08")
    helper.raises(function() optim.RMSprop({ a }, { alpha = -1 }) end, "Invalid alpha value: -1")
    helper.raises(function() optim.SGD({ a }, { learning_rate = 0.1 }) end,
      "SGD() got an unexpected keyword argument 'learning_rate'")
    helper.raises(function() return optim.SGDD end, "torch.optim has no 'SGDD'; did you mean 'SGD'?")
  end)
end)

describe("a step", function()
  it("skips parameters without a gradient, and zero_grad makes them so", function()
    local a, b = parameter(1.0), parameter(2.0)
    local o = optim.SGD({ a, b }, { lr = 1 })
    a:sum():backward()
    o:step()
    assert.are.equal(0, a:item())
    assert.are.equal(2, b:item())
    o:zero_grad()
    assert.is_nil(a.grad)
    a:sum():backward()
    o:zero_grad(false)
    assert.are.equal(0, a.grad:item())
  end)

  it("runs a closure with gradients on and returns its loss", function()
    local a = parameter(3.0)
    local o = optim.SGD({ a }, { lr = 0.1 })
    local loss
    torch.no_grad(function()
      loss = o:step(function()
        o:zero_grad()
        local l = (a * a):sum()
        l:backward()
        return l
      end)
    end)
    assert.are.equal(9, loss:item())
    helper.close_to(a:item(), 2.4)
  end)

  it("takes its rate from the group, also as a tensor", function()
    local a = parameter(1.0)
    local o = optim.SGD({ a }, { lr = torch.tensor(0.5) })
    a.grad = torch.ones(1)
    o:step()
    assert.are.equal(0.5, a:item())
    o.param_groups[1].lr = 0.25
    o:step()
    assert.are.equal(0.25, a:item())
  end)

  it("runs hooks before and after", function()
    local a = parameter(1.0)
    local o = optim.SGD({ a }, { lr = 1 })
    local log = {}
    local before = o:register_step_pre_hook(function(x) log[#log + 1] = "before"; assert.are.equal(o, x) end)
    o:register_step_post_hook(function() log[#log + 1] = "after" end)
    o:step()
    before:remove()
    o:step()
    assert.are.same({ "before", "after", "after" }, log)
  end)
end)

describe("state", function()
  for _, make in ipairs {
    function(p) return optim.SGD(p, { lr = 0.1, momentum = 0.9 }) end,
    function(p) return optim.Adam(p, { lr = 0.1, amsgrad = true }) end,
    function(p) return optim.RMSprop(p, { lr = 0.1, momentum = 0.5, centered = true }) end,
  } do
    local name = tostring(make { parameter(1.0) }):match("^%w+")
    it("of " .. name .. " goes over to another optimizer, also through a file", function()
      local grads = { torch.tensor { 1.0, -2.0 }, torch.tensor { 0.5, 0.25 }, torch.tensor { -1.0, 3.0 } }
      local a, b = parameter(1.0, 2.0), parameter(1.0, 2.0)
      local oa, ob = make { a }, make { b }
      for i = 1, 2 do
        a.grad = grads[i]
        oa:step()
      end
      b.data = a:detach():clone()
      local saved = oa:state_dict()
      assert.are.same({ 1 }, saved.param_groups[1].params)
      assert.is_not_nil(saved.state[1])
      local path = os.tmpname()
      torch.save(saved, path)
      ob:load_state_dict(torch.load(path))
      os.remove(path)
      a.grad, b.grad = grads[3], grads[3]:clone()
      oa:step()
      ob:step()
      assert.is_true(torch.equal(a, b))
    end)
  end

  it("is loaded as a copy", function()
    local a, b = parameter(1.0), parameter(1.0)
    local oa, ob = optim.SGD({ a }, { lr = 0.1, momentum = 0.9 }), optim.SGD({ b }, { lr = 0.2, momentum = 0.9 })
    a.grad = torch.ones(1)
    oa:step()
    ob:load_state_dict(oa:state_dict())
    assert.are.equal(0.1, ob.param_groups[1].lr)
    oa.state[a].momentum_buffer:fill_(100)
    assert.are.equal(1, ob.state[b].momentum_buffer:item())
  end)

  it("that does not fit is refused", function()
    local a, b = parameter(1.0), parameter(2.0)
    local one, two = optim.SGD({ a }, { lr = 1 }), optim.SGD({ a, b }, { lr = 1 })
    helper.raises(function() one:load_state_dict(two:state_dict()) end,
      "loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
    local groups = optim.SGD({ { params = { a } }, { params = { b } } }, { lr = 1 })
    helper.raises(function() one:load_state_dict(groups:state_dict()) end,
      "loaded state dict has a different number of parameter groups")
  end)
end)

describe("an optimizer of one's own", function()
  local Signs = optim.Optimizer:extend("Signs")

  function Signs:init(params, options)
    optim.Optimizer.init(self, params, { lr = options and options.lr or optim.Optimizer.required })
  end

  function Signs:step(closure)
    local loss = closure and self:evaluate(closure)
    local _ <close> = torch.no_grad()
    for _, group in ipairs(self.param_groups) do
      for _, p in ipairs(group.params) do
        local state = self.state[p]
        state.count = (state.count or 0) + 1
        if p.grad then p:sub_(group.lr * p.grad:sign()) end
      end
    end
    return loss
  end

  it("works on the same groups and state", function()
    local a = parameter(1.0, 1.0)
    local o = Signs({ a }, { lr = 0.5 })
    a.grad = torch.tensor { 3.0, -4.0 }
    o:step()
    assert.are.same({ 0.5, 1.5 }, a:tolist())
    assert.are.equal(1, o.state[a].count)
    assert.are.equal("Signs (\nParameter Group 1\n    lr: 0.5\n)", tostring(o))
  end)

  it("may demand an option", function()
    helper.raises(function() Signs { parameter(1.0) } end,
      "parameter group didn't specify a value of required optimization parameter lr")
    helper.raises(function() optim.Optimizer:extend("Empty")({ parameter(1.0) }, {}):step() end, "Empty has no method step")
  end)
end)
