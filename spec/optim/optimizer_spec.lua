-- What all optimizers share: groups, zero_grad, closures, hooks, state_dict, texts.
local torch = require "torch"
local helper = require "spec.support.helper"
local optim = torch.optim
local raises = helper.raises

local function leaf(values)
  return torch.tensor(values, { dtype = torch.float64, requires_grad = true })
end

-- some steps down p^3 * {1, 0.5, -1}
local function run(o, p, n)
  local k = torch.tensor({ 1, 0.5, -1 }, { dtype = torch.float64 })
  for _ = 1, n do
    o:zero_grad()
    ; (p ^ 3 * k):sum():backward()
    o:step()
  end
end

describe("an optimizer", function()
  it("has groups with options of their own", function()
    local a, b = leaf { 1 }, leaf { 1 }
    local o = optim.SGD({ { params = { a } }, { params = { b }, lr = 0.5 } }, { lr = 0.1 })
    o:add_param_group { params = leaf { 2 }, momentum = 0.9 }
    assert.same({ 0.1, 0.5, 0.1 }, { o.param_groups[1].lr, o.param_groups[2].lr, o.param_groups[3].lr })
    assert.same({ 0, 0.9 }, { o.param_groups[1].momentum, o.param_groups[3].momentum })
    ; (a + b):sum():backward()
    o:step()
    assert.same({ 0.9, 0.5 }, { a:item(), b:item() })
    o.param_groups[1].lr = 1
    o:step()
    helper.close_to(a:item(), -0.1, 1e-15)
  end)

  it("takes lists, iterators and named parameters", function()
    local m = torch.nn.Linear(2, 1)
    assert.equal(2, #optim.SGD(m:parameters(), 0.1).param_groups[1].params)
    assert.equal(m.weight, optim.SGD(m:named_parameters(), 0.1).param_groups[1].params[1])
    assert.equal(2, #optim.SGD({ m.weight, m.bias }, 0.1).param_groups[1].params)
  end)

  it("leaves alone what has no gradient", function()
    for _, name in ipairs { "SGD", "Adam", "AdamW", "RMSprop" } do
      local a, b = leaf { 1 }, leaf { 1 }
      local o = optim[name]({ a, b }, { lr = 0.1, weight_decay = 0.5 })
      a:sum():backward()
      o:step()
      assert.equal(1, b:item())
      assert.are_not.equal(1, a:item())
      assert.is_nil(rawget(o.state, b))
    end
  end)

  it("clears gradients to nil or to zeros", function()
    local p = leaf { 1 }
    local o = optim.SGD({ p }, 0.1)
    p:sum():backward()
    o:zero_grad { set_to_none = false }
    assert.same({ 0 }, p.grad:tolist())
    o:zero_grad()
    assert.is_nil(p.grad)
  end)

  it("steps through a closure, with gradients recorded, and returns its loss", function()
    for _, name in ipairs { "SGD", "Adam", "AdamW", "RMSprop" } do
      local p = leaf { 3 }
      local o = optim[name]({ p }, { lr = 0.1 })
      local _ <close> = torch.no_grad()
      local loss = o:step(function()
        o:zero_grad()
        local l = (p * p):sum()
        l:backward()
        return l
      end)
      assert.equal(9, loss:item())
      assert.is_true(p:item() < 3)
      assert.is_true(p.requires_grad and p.is_leaf)
    end
  end)

  it("calls hooks around a step", function()
    local p = leaf { 1 }
    local o, order = optim.SGD({ p }, 0.1), {}
    local h = o:register_step_pre_hook(function(opt) order[#order + 1] = opt == o and "before" end)
    o:register_step_post_hook(function() order[#order + 1] = "after" end)
    o:step()
    h:remove()
    o:step()
    assert.same({ "before", "after", "after" }, order)
  end)

  it("may be written in Lua", function()
    local Mine = optim.Optimizer:extend("Mine")
    function Mine:init(params, options) optim.Optimizer.init(self, params, { lr = options.lr or optim.Optimizer.required }) end
    function Mine:step(closure)
      local loss = closure and self:evaluate(closure)
      local _ <close> = torch.no_grad()
      for _, group in ipairs(self.param_groups) do
        for _, p in ipairs(group.params) do
          local s = self.state[p]
          s.n = (s.n or 0) + 1
          if p.grad then p:sub_(group.lr * p.grad) end
        end
      end
      return loss
    end
    local p = leaf { 1 }
    local o = Mine({ p }, { lr = 0.5 })
    p:sum():backward()
    o:step()
    assert.equal(0.5, p:item())
    assert.equal(1, o:state_dict().state[1].n)
    raises(function() return Mine({ leaf { 1 } }, {}) end,
      "parameter group didn't specify a value of required optimization parameter lr")
    raises(function() optim.Optimizer:extend("Empty")({ leaf { 1 } }, {}):step() end, "Empty has no method step(closure)")
  end)

  it("goes on where another stopped, through its state_dict", function()
    for name, options in pairs { SGD = { lr = 0.1, momentum = 0.9 }, Adam = { lr = 0.1, amsgrad = true }, AdamW = { lr = 0.1 },
        RMSprop = { lr = 0.1, momentum = 0.9, centered = true } } do
      local p = leaf { 1, -2, 0.5 }
      local o = optim[name]({ p }, options)
      run(o, p, 3)
      local q = p:detach():clone():requires_grad_()
      local other = optim[name]({ q }, { lr = 7 })
      local path = os.tmpname()
      torch.save(o:state_dict(), path)
      other:load_state_dict(torch.load(path))
      os.remove(path)
      assert.equal(0.1, other.param_groups[1].lr)
      run(o, p, 3)
      run(other, q, 3)
      assert.same(p:tolist(), q:tolist())
    end
  end)

  it("copies the state it loads, in the dtype of the parameter", function()
    local p, q = leaf { 1, -2, 0.5 }, torch.ones(3, { requires_grad = true })
    local o, other = optim.Adam({ p }, 0.1), optim.Adam({ q }, 0.1)
    run(o, p, 1)
    other:load_state_dict(o:state_dict())
    assert.equal(torch.float32, other.state[q].exp_avg.dtype)
    local kept = other.state[q].step:item()
    run(o, p, 1)
    assert.same({ 1, kept }, { kept, other.state[q].step:item() })
    raises(function() o:load_state_dict(optim.Adam({ leaf { 1 }, leaf { 2 } }):state_dict()) end,
      "loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
    raises(function() o:load_state_dict(optim.Adam({ { params = { leaf { 1 } } }, { params = { leaf { 1 } } } }):state_dict()) end,
      "loaded state dict has a different number of parameter groups")
  end)

  it("prints its groups", function()
    assert.equal([[
SGD (
Parameter Group 1
    dampening: 0
    lr: 0.1
    maximize: False
    momentum: 0.9
    nesterov: False
    weight_decay: 0
)]], tostring(optim.SGD({ leaf { 1 } }, 0.1, 0.9)))
  end)

  it("refuses what is wrong, in PyTorch's words", function()
    local p = leaf { 1 }
    for text, f in pairs {
      ["Invalid learning rate: -1.0"] = function() optim.SGD({ p }, -1.0) end,
      ["Invalid momentum value: -1"] = function() optim.SGD({ p }, 0.1, -1) end,
      ["Nesterov momentum requires a momentum and zero dampening"] = function() optim.SGD({ p }, 0.1, { nesterov = true }) end,
      ["Invalid beta parameter at index 1: 1.0"] = function() optim.Adam({ p }, { betas = { 1.0, 0.9 } }) end,
      ["Invalid beta parameter at index 2: -1"] = function() optim.AdamW({ p }, { betas = { 0.9, -1 } }) end,
      ["Invalid epsilon value: -1"] = function() optim.Adam({ p }, { eps = -1 }) end,
      ["Invalid weight_decay value: -1"] = function() optim.Adam({ p }, { weight_decay = -1 }) end,
      ["Invalid alpha value: -1"] = function() optim.RMSprop({ p }, { alpha = -1 }) end,
      ["optimizer got an empty parameter list"] = function() optim.Adam {} end,
      ["params argument given to the optimizer should be an iterable of Tensors or dicts, but got " .. p:type()] =
        function() optim.Adam(p) end,
      ["can't optimize a non-leaf Tensor"] = function() optim.Adam { p * 2 } end,
      ["some parameters appear in more than one parameter group"] =
        function() optim.Adam { { params = { p } }, { params = { p } } } end,
      ["optimizer can only optimize Tensors, but one of the params is number"] = function() optim.SGD({ 3 }, 0.1) end,
      ["SGD() got an unexpected keyword argument 'learning_rate'"] = function() optim.SGD({ p }, { learning_rate = 1 }) end,
      ["betas should be a list of two numbers, got float"] = function() optim.Adam({ p }, { betas = 0.9 }) end,
      ["Invalid dampening value: expected a number"] = function() optim.SGD({ p }, { dampening = "x" }) end,
      ["torch.optim has no 'Adm'"] = function() return optim.Adm end,
    } do
      raises(f, text)
    end
  end)
end)
