--- nn.Module: what layers and networks are made of.
--
--    local Net = nn.Module:extend("Net")
--    function Net:init(n) self.fc = nn.Linear(n, 1) end
--    function Net:forward(x) return self.fc(x):tanh() end
--    local net = Net(3); local y = net(torch.randn(2, 3))
--
-- Assigning a Parameter, a Buffer or a Module to a field registers it, in order of assignment.
-- An instance is an empty proxy: its fields live in a table behind its metatable ("slots"), whose own
-- metatable is the class. A read is two raw look-ups; every write passes `assign` below, which keeps
--    _names   names of what is registered, in order        _kinds   name -> "parameter" | "buffer" | "module"

local torch = require "torch"
local Class = require "torch.class"
local args = require "torch.utils.args"
local list = require "torch.utils.list"
local P = require "torch.nn.parameter"

local fail = torch._C.fail

local Parameter, Buffer = P.Parameter, P.Buffer
local Module = Class:extend("Module")
Module.__module = true

--------------------------------------------------------------------------------------------- instances

local function is_module(value)
  if type(value) ~= "table" then return false end
  local mt = getmetatable(value)
  return type(mt) == "table" and rawget(mt, "__module") == true
end
Module.is_module = is_module

local function typename(value)
  if torch.is_tensor(value) then return value:type() end
  local class = Class.of(value)
  return class and class.__name or type(value)
end

local expected = {
  parameter = "as parameter '%s' (torch.nn.Parameter or nil expected)",
  module = "as child module '%s' (torch.nn.Module or nil expected)",
  buffer = "as buffer '%s' (torch.Tensor, torch.nn.Buffer or nil expected)",
}

local function kind_of(value)
  if Parameter.is(value) then return "parameter" end
  if Buffer.is(value) then return "buffer" end
  if is_module(value) then return "module" end
end

-- a parameter may take any name over; a module any but a parameter's; a buffer, or a tensor, a buffer's
local function may_replace(old, kind, value)
  if value == nil or kind == "parameter" then return true end
  if kind == "module" then return old ~= "parameter" end
  return old == "buffer" and torch.is_tensor(value)
end

local function forget(slots, name)
  for i, n in ipairs(slots._names) do
    if n == name then table.remove(slots._names, i) end
  end
  slots._kinds[name], slots._temporary[name] = nil, nil
end
Module._forget = forget

local function assign(self, name, value)
  local slots = getmetatable(self).__index
  local kinds = slots._kinds
  local kind, old = value ~= nil and kind_of(value) or nil, kinds[name]
  if old and not may_replace(old, kind, value) then
    fail(("cannot assign '%s' " .. expected[old]):format(typename(value), name))
  end
  if kind and kind ~= old then
    if old then forget(slots, name) end
    slots._names[#slots._names + 1], kinds[name] = name, kind
  end
  if kind == "buffer" then slots._temporary[name] = Buffer.is(value) == "temporary" or nil end
  rawset(slots, name, value)
end

Module.__newindex, Module._assign = assign, assign

-- m{input = x}: the layers of this library name the arguments of their forward in `forward_args`; a class made from
-- one, with a forward of its own, takes the table as it is
local function by_name(self, given)
  local values, names, known = {}, self.forward_args, {}
  for i, name in ipairs(names) do values[i], known[name] = given[name], true end
  for k in pairs(given) do
    if not known[k] then args.unexpected("forward", k, known) end
  end
  return self(table.unpack(values, 1, #names))
end

function Module:__call(...)
  local first = ...
  if type(first) == "table" then
    local names = self.forward_args
    if names and names.of == self.forward and args.is_keywords(first) then return by_name(self, first) end
  end
  if self._hooks then return self._hooks:call(self, ...) end
  return self:forward(...)
end

function Module:__pairs() return next, getmetatable(self).__index end

function Module.create(class)
  local slots = setmetatable({_names = {}, _kinds = {}, _temporary = {}, _hooks = false, training = true}, class)
  local meta = {}
  for k, v in pairs(class) do
    if type(k) == "string" and k:sub(1, 2) == "__" then meta[k] = v end
  end
  meta.__index = slots
  return setmetatable({}, meta)
end

--- In `init` of a subclass `nn.Module.init(self)` is allowed; it is not needed.
function Module.init() end

function Module:forward()
  fail(("Module [%s] is missing the required \"forward\" function"):format(self:_get_name()))
end

-- Python's spellings: x._get_name()
function Module:_get_name() return Class.of(self).__name end

--------------------------------------------------------------------------------------------- registration

local function check_name(self, what, name, kind)
  if type(name) ~= "string" then
    fail(what .. " name should be a string. Got " .. type(name))
  elseif name:find(".", 1, true) then
    fail(what .. " name can't contain \".\"" .. (what == "module" and ", got: " .. name or ""))
  elseif name == "" then
    fail(what .. " name can't be empty string \"\"")
  elseif self[name] ~= nil and self._kinds[name] ~= kind then
    fail(("attribute '%s' already exists"):format(name))
  end
end

local function register(self, kind, name, value)
  local slots = getmetatable(self).__index
  if not slots._kinds[name] then slots._names[#slots._names + 1] = name end
  slots._kinds[name] = kind
  rawset(slots, name, value)
end

function Module:register_parameter(name, param)
  check_name(self, "parameter", name, "parameter")
  if param ~= nil and not Parameter.is(param) then
    fail(("cannot assign '%s' object to parameter '%s' (torch.nn.Parameter or nil required)")
      :format(typename(param), name))
  end
  register(self, "parameter", name, param)
end

--- A tensor that is state but no parameter. persistent=false keeps it out of the state_dict.
function Module:register_buffer(name, tensor, persistent)
  if type(persistent) == "table" then persistent = persistent.persistent end
  check_name(self, "buffer", name, "buffer")
  if tensor ~= nil and not torch.is_tensor(tensor) then
    fail(("cannot assign '%s' object to buffer '%s' (torch Tensor or nil required)")
      :format(typename(tensor), name))
  end
  register(self, "buffer", name, tensor)
  self._temporary[name] = persistent == false or nil
end

function Module:add_module(name, module)
  check_name(self, "module", name, "module")
  if module ~= nil and not is_module(module) then
    fail(typename(module) .. " is not a Module subclass")
  end
  register(self, "module", name, module)
end
Module.register_module = Module.add_module

--------------------------------------------------------------------------------------------- walking

-- {name, value} pairs of one kind that this module itself holds
local function own(self, kind)
  local names, kinds, r = self._names, self._kinds, {}
  for i = 1, #names do
    local name = names[i]
    if kinds[name] == kind then
      local value = self[name]
      if value ~= nil then r[#r + 1] = {name, value} end
    end
  end
  return r
end

-- the commonest slip of who comes from Python
local function here(self)
  if self == nil then fail("a method of a module was called without it: write model:parameters(), with a colon") end
  return self
end

-- every module below self, itself first, as {prefix, module}; each once unless `all`; recurse false: itself alone
local function walk(self, prefix, all, recurse)
  if prefix ~= nil and type(prefix) ~= "string" then fail("prefix should be a string, got " .. torch._C.got(prefix)) end
  if recurse == false then return {{prefix or "", here(self)}} end
  local out, seen, above = {}, {}, {}
  local function visit(m, path)
    if seen[m] and not all then return end
    if above[m] then fail(("RecursionError: the module '%s' contains itself"):format(path)) end
    seen[m], above[m] = true, true
    out[#out + 1] = {path, m}
    for _, child in ipairs(own(m, "module")) do
      visit(child[2], path == "" and child[1] or path .. "." .. child[1])
    end
    above[m] = nil
  end
  visit(here(self), prefix or "")
  return out
end

-- parameters or buffers below self, as {name, tensor}; each tensor once unless `all`
local function collect(self, kind, prefix, recurse, all)
  local out, seen = {}, {}
  for _, entry in ipairs(walk(self, prefix, all, recurse)) do
    local path = entry[1] == "" and "" or entry[1] .. "."
    for _, item in ipairs(own(entry[2], kind)) do
      if all or not seen[item[2]] then
        seen[item[2]] = true
        out[#out + 1] = {path .. item[1], item[2]}
      end
    end
  end
  return out
end
Module._own, Module._walk, Module._collect = own, walk, collect

local function values(items)
  local r = {}
  for i = 1, #items do r[i] = items[i][2] end
  return list.iterable(r)
end

local function options(prefix, recurse, remove_duplicate)
  if type(prefix) == "table" then
    return prefix.prefix, prefix.recurse, prefix.remove_duplicate == false
  end
  return prefix, recurse, remove_duplicate == false
end

-- the parameters below m, without their names
local function gather(m, out, seen)
  seen[m] = true
  local slots = getmetatable(m).__index
  local names, kinds = slots._names, slots._kinds
  local children
  for i = 1, #names do
    local name = names[i]
    local kind, value = kinds[name], rawget(slots, name)
    if value ~= nil and not seen[value] then
      if kind == "parameter" then
        seen[value] = true
        out[#out + 1] = value
      elseif kind == "module" then
        children = true
      end
    end
  end
  if children then
    for i = 1, #names do
      local child = rawget(slots, names[i])
      if kinds[names[i]] == "module" and child ~= nil and not seen[child] then gather(child, out, seen) end
    end
  end
  return out
end

--- Lists that a `for` can call too: `for p in m:parameters() do`. Shared parameters come once.
function Module:parameters(recurse)
  if type(recurse) == "table" then recurse = recurse.recurse end
  if recurse == false then return values(collect(self, "parameter", nil, false)) end
  return list.iterable(gather(here(self), {}, {}))
end

function Module:buffers(recurse)
  if type(recurse) == "table" then recurse = recurse.recurse end
  return values(collect(self, "buffer", nil, recurse))
end

--- `for name, p in m:named_parameters() do`; also a list of {name, p}.
function Module:named_parameters(...)
  local prefix, recurse, all = options(...)
  return list.named(collect(self, "parameter", prefix, recurse, all))
end

function Module:named_buffers(...)
  local prefix, recurse, all = options(...)
  return list.named(collect(self, "buffer", prefix, recurse, all))
end

function Module:named_children()
  local seen, r = {}, {}
  for _, child in ipairs(own(self, "module")) do
    if not seen[child[2]] then
      seen[child[2]] = true
      r[#r + 1] = child
    end
  end
  return list.named(r)
end

function Module:children() return values(self:named_children()) end

function Module:named_modules(prefix, remove_duplicate)
  local start, _, all = options(prefix, nil, remove_duplicate)
  return list.named(walk(self, start, all))
end

function Module:modules() return values(walk(self)) end

--- fn(module) for every module below, then for this one. Returns self.
function Module:apply(fn)
  if type(fn) ~= "function" then fail("apply(): argument 'fn' must be function, not " .. torch._C.got(fn)) end
  for m in self:children() do m:apply(fn) end
  fn(self)
  return self
end

--------------------------------------------------------------------------------------------- modes

function Module:train(mode)
  if mode == nil then mode = true end
  if type(mode) ~= "boolean" then fail("training mode is expected to be boolean") end
  here(self).training = mode
  for m in self:children() do m:train(mode) end
  return self
end

function Module:eval() return here(self):train(false) end

function Module:requires_grad_(on)
  for p in self:parameters() do p:requires_grad_(on ~= false) end
  return self
end

--- Gradients become nil; with set_to_none=false they are filled with zeros.
function Module:zero_grad(set_to_none)
  if type(set_to_none) == "table" then set_to_none = set_to_none.set_to_none end
  local ps = gather(here(self), {}, {})
  for i = 1, #ps do
    local p = ps[i]
    if set_to_none ~= false then
      p.grad = nil
    elseif p.grad ~= nil then
      p.grad:detach_():zero_()
    end
  end
end

--------------------------------------------------------------------------------------------- printing

local function indent(text) return (text:gsub("\n", "\n  ")) end

--- What a layer prints between its brackets; may have several lines.
function Module:extra_repr() return "" end

function Module:_children_lines()
  local lines = {}
  for _, name in ipairs(self._names) do
    local child = self[name]
    if self._kinds[name] == "module" then
      lines[#lines + 1] = ("(%s): %s"):format(name, child == nil and "None" or indent(tostring(child)))
    end
  end
  return lines
end

function Module:__tostring()
  local extra, lines = self:extra_repr(), self:_children_lines()
  local name = self:_get_name()
  if #lines == 0 and not extra:find("\n", 1, true) then return name .. "(" .. extra .. ")" end
  if extra ~= "" then table.insert(lines, 1, indent(extra)) end
  return name .. "(\n  " .. table.concat(lines, "\n  ") .. "\n)"
end

require "torch.nn.convert"(Module)
require "torch.nn.state"(Module)
require "torch.nn.hooks"(Module)

return Module
