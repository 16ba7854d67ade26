--- Classes in one page: single inheritance, callable classes, no registry.
--
--    local Animal = Class:extend("Animal")
--    function Animal:init(name) self.name = name end
--    function Animal:speak() return self.name end
--    local Dog = Animal:extend("Dog")
--    print(Dog("Rex"):speak(), Dog:is(Animal))
--
-- A class is the metatable of its instances. Metamethods (`__call`, `__len`, ...) are looked up raw by Lua,
-- so `extend` copies the base's.

local Class = {__name = "Object"}
Class.__index, Class.__class = Class, Class

local meta = {}                                -- of every class

--- Class(...): a new instance, made by `create` and filled by `init`.
function meta.__call(class, ...)
  local object = class.create(class)
  class.init(object, ...)
  return object
end

function meta.__tostring(class) return "class " .. class.__name end

function Class.create(class) return setmetatable({}, class) end

function Class.init() end

--- A subclass. `name` is for printing only: two classes may share it.
function Class:extend(name)
  if type(self) ~= "table" or not rawget(self, "__class") then
    error('extend: call it with a colon, as in nn.Module:extend("Net")', 2)
  end
  if name ~= nil and type(name) ~= "string" then
    error("extend: the name of a class should be a string, got " .. type(name), 2)
  end
  local sub = {}
  for k, v in pairs(self) do
    if type(k) == "string" and k:sub(1, 2) == "__" then sub[k] = v end
  end
  sub.__index, sub.__class, sub.__name, sub.super = sub, sub, name or self.__name, self
  return setmetatable(sub, {__index = self, __call = meta.__call, __tostring = meta.__tostring})
end

--- The class of an instance (of a class: itself); nil for anything else.
function Class.of(value)
  if type(value) ~= "table" then return nil end
  if rawget(value, "__class") == value then return value end
  local mt = getmetatable(value)
  return type(mt) == "table" and rawget(mt, "__class") or nil
end

--- Is `value` an instance of `class`, or of a class below it? A method too: `m:is(nn.Linear)`.
function Class.is(value, class)
  local c = Class.of(value)
  while c and c ~= class do c = rawget(c, "super") end
  return c ~= nil
end

function Class:__tostring() return Class.of(self).__name end

setmetatable(Class, meta)
return Class
