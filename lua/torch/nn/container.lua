--- Containers: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict.
--
--    nn.Sequential(nn.Linear(4, 8), nn.ReLU())
--    nn.Sequential{{"fc", nn.Linear(4, 8)}, {"act", nn.ReLU()}}          an ordered dictionary: a list of pairs
--
-- m[1] is the first, m[-1] the last; the names in a state_dict are PyTorch's ("0.weight").

local torch = require "torch"
local Class = require "torch.class"
local list = require "torch.utils.list"
local Module = require "torch.nn.module"
local Parameter = require "torch.nn.parameter".Parameter

local fail = torch._C.fail
local is_module = Module.is_module

-- self[i] and self[-i], for every child in order
local function number(self)
  local slots = getmetatable(self).__index
  local items = rawget(slots, "_list") or {}
  for i = 1, #items do
    rawset(slots, i, nil)
    rawset(slots, -i, nil)
    items[i] = nil
  end
  local held = self:_own(self._held)
  for i, item in ipairs(held) do items[i] = item[2] end
  local n = #items
  for i = 1, n do
    rawset(slots, i, items[i])
    rawset(slots, i - n - 1, items[i])
  end
  rawset(slots, "_list", items)
end

local function as_parameter(t)
  if Parameter.is(t) then return t end
  if not torch.is_tensor(t) then fail("a list of parameters holds tensors, got " .. type(t)) end
  return Parameter(t)
end

-- For a class whose instances hold their children by number too.
local function numbered(class, held)
  class._list, class._held = {}, held          -- of an instance without any; what is counted
  function class:__newindex(key, value)
    if math.type(key) == "integer" then
      local n = #self._list
      local i = key < 0 and key + n + 1 or key
      if i < 1 or i > n then fail(("index %d is out of range: the container has %d entries"):format(key, n)) end
      if value == nil then
        self:pop(i)
        return
      end
      key = self:_own(held)[i][1]
    end
    Module._assign(self, key, held == "parameter" and torch.is_tensor(value) and as_parameter(value) or value)
    if self._kinds[key] then number(self) end
  end
  function class:__len() return #self._list end
  function class:__pairs() return ipairs(self._list) end
end

local function check(what, value)
  if not is_module(value) then
    fail(("%s: %s is not a Module subclass"):format(what, torch.is_tensor(value) and "a tensor" or type(value)))
  end
end

local function index(i)
  if math.type(i) ~= "integer" then fail("an index should be an integer, got " .. torch._C.got(i)) end
  return i
end

-- what a container is made of; nothing: an empty list
local function iterable(what, items, of)
  if items ~= nil and type(items) ~= "table" then
    fail(("%s should be called with an iterable%s, but got %s"):format(what, of or "", torch._C.got(items)))
  end
  return items or {}
end

-- after removal or insertion in the middle the names are counted anew
local function rename(self, items)
  local slots = getmetatable(self).__index
  local names = {}
  for _, name in ipairs(self._names) do
    if self._kinds[name] == self._held then
      rawset(slots, name, nil)
      slots._kinds[name] = nil
    else
      names[#names + 1] = name
    end
  end
  slots._names = names
  for i, m in ipairs(items) do self:_put(tostring(i - 1), m) end
  number(self)
end

--------------------------------------------------------------------------------------------- Sequential

local Sequential = Module:extend("Sequential")
numbered(Sequential, "module")
Sequential._put = Module.add_module

--- Sequential(m1, m2, ...), Sequential{m1, m2, ...} or Sequential{{"name", m1}, {"other", m2}}.
function Sequential:init(...)
  local args = table.pack(...)
  if args.n == 1 and type(args[1]) == "table" and not Class.of(args[1]) then args = args[1] end
  for i = 1, args.n or #args do
    local name, m = tostring(i - 1), args[i]
    if type(m) == "table" and not is_module(m) and type(m[1]) == "string" then name, m = m[1], m[2] end
    check("Sequential", m)
    self:add_module(name, m)
  end
  number(self)
end

function Sequential:add_module(name, m)
  Module.add_module(self, name, m)
  number(self)
end

function Sequential:forward(x, ...)
  local items = self._list
  if #items == 0 then return x end
  local first = items[1](x, ...)
  x = first
  for i = 2, #items do x = items[i](x) end
  return x
end

function Sequential:append(m)
  check("append", m)
  self:add_module(tostring(#self._list), m)
  return self
end

--- m becomes self[i].
function Sequential:insert(i, m)
  check("insert", m)
  index(i)
  local items = {table.unpack(self._list)}
  if i < 1 or i > #items + 1 then fail("index out of range: " .. i) end
  table.insert(items, i, m)
  rename(self, items)
  return self
end

--- s:extend{m1, m2} appends; of the class itself, nn.Sequential:extend("Name") makes a subclass.
function Sequential:extend(modules)
  if rawget(self, "__class") == self then return Class.extend(self, modules) end
  for _, m in ipairs(iterable("extend", modules)) do self:append(m) end
  return self
end

--- Removes self[i] and returns it.
function Sequential:pop(i)
  local items = {table.unpack(self._list)}
  i = index(i or -1)
  if i < 0 then i = i + #items + 1 end
  if not items[i] then fail("index out of range: " .. i) end
  local m = table.remove(items, i)
  rename(self, items)
  return m
end

--------------------------------------------------------------------------------------------- ModuleList

local ModuleList = Module:extend("ModuleList")
numbered(ModuleList, "module")
ModuleList._put = Module.add_module

--- ModuleList{m1, m2, ...}; `for i, m in ipairs(l) do`, `#l`, `l[i] = m`, append, insert, extend, pop.
function ModuleList:init(modules)
  for i, m in ipairs(iterable("ModuleList", modules)) do
    check("ModuleList", m)
    Module.add_module(self, tostring(i - 1), m)
  end
  number(self)
end

ModuleList.add_module = Sequential.add_module
ModuleList.append, ModuleList.insert, ModuleList.pop = Sequential.append, Sequential.insert, Sequential.pop
ModuleList.extend = Sequential.extend

-- equal neighbours print once: (0-1): 2 x Linear(...)
function ModuleList:_children_lines()
  local lines, texts = {}, {}
  for i, m in ipairs(self._list) do texts[i] = tostring(m) end
  local i = 1
  while i <= #texts do
    local last = i
    while texts[last + 1] == texts[i] do last = last + 1 end
    local text = texts[i]:gsub("\n", "\n  ")
    lines[#lines + 1] = last == i and ("(%d): %s"):format(i - 1, text)
      or ("(%d-%d): %d x %s"):format(i - 1, last - 1, last - i + 1, text)
    i = last + 1
  end
  return lines
end

--------------------------------------------------------------------------------------------- dictionaries

local ModuleDict = Module:extend("ModuleDict")

--- ModuleDict{{"name", m}, ...}: d.name or d["name"], `for name, m in pairs(d) do`, #d.
-- A plain table {name = m} is taken in order of the names.
function ModuleDict:init(items) self:update(items) end

local function pairs_of(what, items)
  items = iterable(what, items, " of key/value pairs")
  for i, item in ipairs(items) do
    if type(item) ~= "table" or type(item[1]) ~= "string" then
      fail(("%s: element %d should be a {name, value} pair, but got %s"):format(what, i, torch._C.got(item)))
    end
  end
  if items[1] ~= nil then return items end
  local r = {}
  for k, v in pairs(items) do r[#r + 1] = {k, v} end
  table.sort(r, function(a, b) return tostring(a[1]) < tostring(b[1]) end)
  return r
end

function ModuleDict:update(items)
  for _, item in ipairs(pairs_of("ModuleDict", items)) do
    check("ModuleDict", item[2])
    self:add_module(item[1], item[2])
  end
end

-- what the two dictionaries share; `held` is what they register
local function dictionary(class, held)
  local function column(self, k)
    local r = {}
    for i, item in ipairs(self:_own(held)) do r[i] = item[k] end
    return r
  end
  -- nil takes the entry out
  function class:__newindex(name, value)
    Module._assign(self, name, held == "parameter" and torch.is_tensor(value) and as_parameter(value) or value)
    if value == nil and self._kinds[name] == held then self._forget(getmetatable(self).__index, name) end
  end
  function class:__pairs()
    local items, i = self:_own(held), 0
    return function()
      i = i + 1
      if items[i] then return items[i][1], items[i][2] end
    end
  end
  function class:__len() return #self:_own(held) end
  function class:items() return list.named(self:_own(held)) end
  function class:keys() return column(self, 1) end
  function class:values() return list.iterable(column(self, 2)) end

  --- Removes the entry and returns it.
  function class:pop(name)
    local value = self[name]
    if self._kinds[name] ~= held or value == nil then
      fail(("no %s '%s' in the %s"):format(held, tostring(name), Class.of(self).__name))
    end
    self[name] = nil
    return value
  end

  function class:clear()
    for _, name in ipairs(self:keys()) do self:pop(name) end
  end
end

dictionary(ModuleDict, "module")

--------------------------------------------------------------------------------------------- parameters

-- (w): Parameter containing: [torch.float32 of size 2x3]
local function lines(self, typename)
  local r = {}
  for i, item in ipairs(self:_own("parameter")) do
    local t = item[2]
    r[i] = ("  (%s): Parameter containing: [%s of size %s]")
      :format(item[1], typename(t), table.concat(t.shape, "x"))
  end
  return table.concat(r, "\n")
end

local ParameterList = Module:extend("ParameterList")
numbered(ParameterList, "parameter")
ParameterList._put = Module.register_parameter

--- ParameterList{t1, t2, ...}: tensors become parameters; indexed and counted like a list.
function ParameterList:init(tensors)
  for _, t in ipairs(iterable("ParameterList", tensors)) do self:append(t) end
end

function ParameterList:append(t)
  self:register_parameter(tostring(#self._list), as_parameter(t))
  number(self)
  return self
end

ParameterList.extend, ParameterList.pop = Sequential.extend, Sequential.pop

function ParameterList:extra_repr()
  return lines(self, function(t) return tostring(t.dtype) end)
end

local ParameterDict = Module:extend("ParameterDict")

--- ParameterDict{{"name", t}, ...}: d.name, `for name, p in pairs(d) do`, #d.
function ParameterDict:init(items) self:update(items) end

function ParameterDict:update(items)
  for _, item in ipairs(pairs_of("ParameterDict", items)) do self:register_parameter(item[1], as_parameter(item[2])) end
end

dictionary(ParameterDict, "parameter")

function ParameterDict:extra_repr()
  return lines(self, function(t) return t:type() end)
end

return {
  Sequential = Sequential, ModuleList = ModuleList, ModuleDict = ModuleDict,
  ParameterList = ParameterList, ParameterDict = ParameterDict,
}
