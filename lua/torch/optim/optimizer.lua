--- torch.optim.Optimizer: parameter groups, their options, and the state of each parameter.
--
--    local Mine = torch.optim.Optimizer:extend("Mine")
--    function Mine:init(params, options)
--      torch.optim.Optimizer.init(self, params, {lr = options.lr})
--    end
--    function Mine:step(closure)
--      local loss = closure and self:evaluate(closure)
--      local _ <close> = torch.no_grad()
--      for _, group in ipairs(self.param_groups) do
--        for _, p in ipairs(group.params) do
--          if p.grad then p:sub_(group.lr * p.grad) end
--        end
--      end
--      return loss
--    end
--
-- params: a list of tensors (or {name, tensor} pairs), or a list of groups {params = {...}, lr = ...}.
-- self.state[p] is a table, made when it is first asked for. Groups and ids in a state_dict count from 1.

local torch = require "torch"
local Class = require "torch.class"

local fail, repr = torch._C.fail, torch._C.repr

local Optimizer = Class:extend("Optimizer")

--- Stands in `defaults` for an option that every group must give.
Optimizer.required = setmetatable({}, {__tostring = function() return "<required parameter>" end})

local by_tensor = {
  __index = function(state, p)
    if torch._C.noting() then      -- a replay would begin with fresh state each time
      torch._C.fail("step(): the first step makes the optimizer's state; run it once before the step is captured")
    end
    local s = {}
    rawset(state, p, s)
    return s
  end,
}

-- the items of a list, an iterator or one tensor
local function listed(params)
  if torch.is_tensor(params) then return {params} end
  local r = {}
  if type(params) == "function" then
    for p in params do r[#r + 1] = p end
  elseif type(params) == "table" then
    for i, p in ipairs(params) do
      -- a pair of named_parameters: the tensor counts
      if type(p) == "table" and type(p[1]) == "string" and torch.is_tensor(p[2]) then p = p[2] end
      r[i] = p
    end
  else
    fail("params argument given to the optimizer should be an iterable of Tensors or dicts, but got " .. type(params))
  end
  return r
end

function Optimizer:init(params, defaults)
  self.defaults, self.param_groups = defaults or {}, {}
  self.state = setmetatable({}, by_tensor)
  if torch.is_tensor(params) then
    fail("params argument given to the optimizer should be an iterable of Tensors or dicts, but got " .. params:type())
  end
  local items = listed(params)
  if #items == 0 then fail("optimizer got an empty parameter list") end
  if type(items[1]) ~= "table" then items = {{params = items}} end
  for _, group in ipairs(items) do self:add_param_group(group) end
end

--- {params = {...}, lr = ...}: parameters that come later, or have options of their own.
function Optimizer:add_param_group(group)
  if type(group) ~= "table" then fail("param_group must be a dict, but got " .. torch.typename(group)) end
  local g = {}
  for k, v in pairs(group) do g[k] = v end
  g.params = listed(g.params)
  local before, seen = {}, {}
  for _, other in ipairs(self.param_groups) do
    for _, p in ipairs(other.params) do before[p] = true end
  end
  for _, p in ipairs(g.params) do
    if not torch.is_tensor(p) then
      fail("optimizer can only optimize Tensors, but one of the params is " .. torch.typename(p))
    elseif not p.is_leaf then
      fail("can't optimize a non-leaf Tensor")
    elseif before[p] then
      fail("some parameters appear in more than one parameter group")
    elseif seen[p] then
      warn("optimizer contains a parameter group with duplicate parameters")
    end
    seen[p] = true
  end
  for name, value in pairs(self.defaults) do
    if g[name] == nil then
      if value == Optimizer.required then
        fail("parameter group didn't specify a value of required optimization parameter " .. name)
      end
      g[name] = value
    end
  end
  self.param_groups[#self.param_groups + 1] = g
end

--- Gradients become nil; with set_to_none=false they are filled with zeros.
function Optimizer:zero_grad(set_to_none)
  if type(set_to_none) == "table" then set_to_none = set_to_none.set_to_none end
  for _, group in ipairs(self.param_groups) do
    local params = group.params
    for i = 1, #params do
      local p = params[i]
      if set_to_none ~= false then
        p.grad = nil
      elseif p.grad ~= nil then
        p.grad:detach_():zero_()
      end
    end
  end
end

function Optimizer:step() fail(Class.of(self).__name .. " has no method step(closure)") end

--- closure() with gradients recorded; for the `step` of subclasses.
function Optimizer:evaluate(closure) -- luacheck: no self
  if type(closure) ~= "function" then fail("step(): the closure must be function, not " .. torch._C.got(closure)) end
  local _ <close> = torch.enable_grad()
  return closure()
end

-- a number that may be given as a tensor of one element
function Optimizer.number(value)
  if torch.is_tensor(value) then return value:item() end
  return value
end

--- Raises "Invalid learning rate: -1.0" unless low <= value (< below).
function Optimizer.check(what, value, low, below)
  if torch.is_tensor(value) then
    if value:numel() ~= 1 then fail("Tensor lr must be 1-element") end
    value = value:item()
  end
  if type(value) ~= "number" then fail(("%s: expected a number, got %s"):format(what, torch.typename(value))) end
  if not (value >= low and (not below or value < below)) then fail(what .. ": " .. repr(value)) end
end

--------------------------------------------------------------------------------------------- hooks

-- `step` of the instance: hooks around that of the class
local function stepping(self)
  local class = Class.of(self)
  return function(optimizer, ...)
    for _, hook in ipairs(optimizer._before) do hook(optimizer, ...) end
    local loss = class.step(optimizer, ...)
    for _, hook in ipairs(optimizer._after) do hook(optimizer, ...) end
    return loss
  end
end

local function register(self, list, hook)
  if type(hook) ~= "function" then fail("a hook should be a function, got " .. type(hook)) end
  self._before, self._after = self._before or {}, self._after or {}
  self.step = stepping(self)
  table.insert(self[list], hook)
  local handle = {}
  function handle.remove()
    for i, h in ipairs(self[list]) do
      if h == hook then return table.remove(self[list], i) end
    end
  end
  return handle
end

--- hook(optimizer, closure) before and after every step; returns a handle with remove().
function Optimizer:register_step_pre_hook(hook) return register(self, "_before", hook) end
function Optimizer:register_step_post_hook(hook) return register(self, "_after", hook) end

--------------------------------------------------------------------------------------------- state

local function copied(value)
  if torch.is_tensor(value) then return value:detach():clone() end
  if type(value) ~= "table" then return value end
  local r = {}
  for k, v in pairs(value) do r[k] = copied(v) end
  return r
end

--- {state = {[id] = {...}}, param_groups = {{lr = ..., params = {ids}}}}; the tensors are the optimizer's own.
function Optimizer:state_dict()
  local id, n = {}, 0
  local r = {state = {}, param_groups = {}}
  for i, group in ipairs(self.param_groups) do
    local g = {params = {}}
    for k, v in pairs(group) do
      if k ~= "params" then g[k] = v end
    end
    for j, p in ipairs(group.params) do
      if not id[p] then
        n = n + 1
        id[p] = n
      end
      g.params[j] = id[p]
      local s = rawget(self.state, p)
      if s and next(s) ~= nil then
        local own = {}
        for k, v in pairs(s) do own[k] = v end
        r.state[id[p]] = own
      end
    end
    r.param_groups[i] = g
  end
  return r
end

--- Takes the options and the state over, by position in the groups. Tensors of the state are copied, in the dtype and
-- on the device of their parameter.
function Optimizer:load_state_dict(saved)
  local groups = type(saved) == "table" and saved.param_groups
  if type(groups) ~= "table" then
    fail("load_state_dict(): expected what state_dict() returned, got " .. torch._C.got(saved))
  end
  if #groups ~= #self.param_groups then fail("loaded state dict has a different number of parameter groups") end
  for i, group in ipairs(self.param_groups) do
    if #group.params ~= #groups[i].params then
      fail("loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
    end
  end
  local state = setmetatable({}, by_tensor)
  for i, group in ipairs(self.param_groups) do
    for k, v in pairs(groups[i]) do
      if k ~= "params" then group[k] = copied(v) end
    end
    for j, p in ipairs(group.params) do
      local s = saved.state[groups[i].params[j]]
      if s then
        s = copied(s)
        for k, v in pairs(s) do
          if k == "step" and torch.is_tensor(v) then
            s[k] = v:to(p.device)
          elseif torch.is_tensor(v) and v:is_floating_point() then
            s[k] = v:to(p.device, p.dtype)
          end
        end
        state[p] = s
      end
    end
  end
  self.state = state
end

local function show(v)
  if type(v) == "number" then return repr(v) end
  if type(v) == "boolean" then return v and "True" or "False" end
  if type(v) == "table" then
    local r = {}
    for i, x in ipairs(v) do r[i] = show(x) end
    return "(" .. table.concat(r, ", ") .. ")"
  end
  return tostring(v)
end

function Optimizer:__tostring()
  local lines = {Class.of(self).__name .. " ("}
  for i, group in ipairs(self.param_groups) do
    lines[#lines + 1] = "Parameter Group " .. i
    local keys = {}
    for k in pairs(group) do
      if k ~= "params" then keys[#keys + 1] = k end
    end
    table.sort(keys)
    for _, k in ipairs(keys) do lines[#lines + 1] = ("    %s: %s"):format(k, show(group[k])) end
    lines[#lines + 1] = ""
  end
  lines[#lines] = ")"
  return table.concat(lines, "\n")
end

return Optimizer
