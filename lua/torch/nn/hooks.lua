--- Hooks of modules: functions that see what goes in, what comes out, and what flows back.
--
--    m:register_forward_pre_hook(function(m, args) return new_args or nil end)
--    m:register_forward_hook(function(m, args, output) return new_output or nil end)
--    m:register_full_backward_pre_hook(function(m, grad_output) return new or nil end)
--    m:register_full_backward_hook(function(m, grad_input, grad_output) return new_grad_input or nil end)
--
-- `args` and the gradients are lists. A hook of forward that returns one value replaces the one output; a module
-- with several outputs gets and returns a list. Each call returns a handle; `handle:remove()` undoes it.
-- The backward hooks stand on two custom Functions that pass everything through: one before the module, whose
-- backward sees the gradients of its inputs, one behind it, whose backward sees those of its outputs.

local torch = require "torch"
local Class = require "torch.class"
local unexpected = require "torch.utils.args".unexpected

local Hooks = Class:extend("Hooks")

function Hooks:init()
  self.pre, self.post, self.back_pre, self.back = {}, {}, {}, {}
end

local function add(module, kind, hook, options)
  if options ~= nil and type(options) ~= "table" then
    torch._C.fail("the options of a hook are a table, as {prepend = true}, got " .. torch._C.got(options))
  end
  for k in pairs(options or {}) do
    if k ~= "prepend" then unexpected("register hook", k, {prepend = true}) end
  end
  if type(hook) ~= "function" then torch._C.fail("a hook should be a function, got " .. type(hook)) end
  if not module._hooks then module._hooks = Hooks() end
  local hooks = module._hooks
  local l = {table.unpack(hooks[kind])}        -- a copy: a running call keeps the list it began with
  if options and options.prepend then table.insert(l, 1, hook) else l[#l + 1] = hook end
  hooks[kind] = l
  local handle = {}
  function handle.remove()
    local kept = {}
    for _, h in ipairs(hooks[kind]) do
      if h == hook and hook then hook = nil else kept[#kept + 1] = h end
    end
    hooks[kind] = kept
    if #hooks.pre + #hooks.post + #hooks.back_pre + #hooks.back == 0 then module._hooks = false end
  end
  return handle
end

-- a hook's answer as a list
local function as_list(answer)
  if type(answer) == "table" and not torch.is_tensor(answer) then return answer end
  return {answer, n = 1}
end

-- a backward hook's answer, which stands for n gradients
local function gradients(answer, n, what)
  local r = as_list(answer)
  local given = r.n or #r
  if given ~= n then
    torch._C.fail(("Backward hook returned an invalid number of %s, got %d, but expected %d"):format(what, given, n))
  end
  r.n = n
  return r
end

local function one_or_list(values)
  if values.n == 1 then return values[1] end
  return values
end

-- fn(...) on the tensors of a packed list, in place; the other values stay
local function through(values, fn)
  local tensors, place = {}, {}
  for i = 1, values.n do
    local v = values[i]
    if torch.is_tensor(v) and (v:is_floating_point() or v.requires_grad) then
      tensors[#tensors + 1], place[#place + 1] = v, i
    end
  end
  if #tensors == 0 then return end
  local passed = table.pack(fn(table.unpack(tensors)))
  for i = 1, #place do values[place[i]] = passed[i] end
  return #tensors
end

local function views(...)
  local r = table.pack(...)
  for i = 1, r.n do r[i] = r[i]:view_as(r[i]) end
  return table.unpack(r, 1, r.n)
end

-- the two pass-through Functions of one call; they meet in `outputs`
local function backward_pair(hooks, module)
  local Function = torch.autograd.Function
  local Before, Behind = Function:extend("BackwardHook"), Function:extend("BackwardHook")
  local outputs
  local pair = {}

  local function run(inputs)
    for _, hook in ipairs(hooks.back) do
      local answer = hook(module, inputs, outputs)
      if answer ~= nil then inputs = gradients(answer, inputs.n, "grad_input") end
    end
    return inputs
  end

  -- nil, not zeros, for what has no gradient
  local function pass(ctx, ...)
    ctx:set_materialize_grads(false)
    return views(...)
  end

  Before.forward, Behind.forward = pass, pass
  function Before.backward(_, ...)
    local g = table.pack(...)
    local r = run(g)
    return table.unpack(r, 1, g.n)
  end

  function Behind.backward(_, ...)
    outputs = table.pack(...)
    for _, hook in ipairs(hooks.back_pre) do
      local answer = hook(module, outputs)
      if answer ~= nil then outputs = gradients(answer, outputs.n, "grad_output") end
    end
    if not pair.has_inputs then run({n = 0}) end
    return table.unpack(outputs, 1, outputs.n)
  end
  pair.before, pair.behind = Before.apply, Behind.apply
  return pair
end

--- module(...) with everything that hangs on it.
function Hooks:call(module, ...)
  local args = table.pack(...)
  for _, hook in ipairs(self.pre) do
    local answer = hook(module, args)
    if answer ~= nil then
      args = as_list(answer)
      args.n = args.n or #args
    end
  end
  local watched = (#self.back > 0 or #self.back_pre > 0) and torch.is_grad_enabled()
  local pair
  if watched then
    pair = backward_pair(self, module)
    for i = 1, args.n do
      if torch.is_tensor(args[i]) and args[i].requires_grad then pair.has_inputs = true end
    end
    if pair.has_inputs then through(args, pair.before) end
  end
  local out = table.pack(module:forward(table.unpack(args, 1, args.n)))
  for _, hook in ipairs(self.post) do
    local answer = hook(module, args, one_or_list(out))
    if answer ~= nil then
      out = as_list(answer)
      out.n = out.n or #out
    end
  end
  if watched then through(out, pair.behind) end
  return table.unpack(out, 1, out.n)
end

return function(Module)
  function Module:register_forward_pre_hook(hook, options)
    return add(self, "pre", hook, options)
  end
  function Module:register_forward_hook(hook, options)
    return add(self, "post", hook, options)
  end
  function Module:register_full_backward_hook(hook, options)
    return add(self, "back", hook, options)
  end
  function Module:register_full_backward_pre_hook(hook, options)
    return add(self, "back_pre", hook, options)
  end
  Module.register_backward_hook = Module.register_full_backward_hook
end
