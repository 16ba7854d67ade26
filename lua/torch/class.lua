--- Classes in one page: single inheritance, callable classes, no registry.
--
--    local Animal = Class:extend("Animal")
--    function Animal:init(name) self.name = name end
--    function Animal:speak() return self.name end
--    local Dog = Animal:extend("Dog")
--    print(Dog("Rex"):speak(), Dog:is(Animal))
--
-- A class is the metatable of its instances. Metamethods (`__call`, `__len`, ...) are looked up raw by Lua,
-- so `extend` copies the base's. `init` of the base is called only where the subclass has none of its own.

local Class = {__name = "Object"}
Class.__index = Class

local meta = {}                                -- of every class

--- Class(...): a new instance, through `create` (which Module replaces) and `init`.
function meta.__call(class, ...)
  local object = class.create(class)
  class.init(object, ...)
  return object
end

function meta.__tostring(class) return "class " .. class.__name end

--- Allocates an instance; `init` fills it.
function Class.create(class) return setmetatable({}, class) end

function Class.init() end

--- A subclass. `name` is for printing only: two classes may share it.
function Class:extend(name)
  if name ~= nil and type(name) ~= "string" then
    error("extend: the name of the class should be a string, got " .. type(name), 2)
  end
  local sub = {}
  for k, v in pairs(self) do
    if k:sub(1, 2) == "__" then sub[k] = v end
  end
  sub.__index, sub.__name, sub.super = sub, name or self.__name, self
  return setmetatable(sub, {__index = self, __call = meta.__call, __tostring = meta.__tostring})
end

--- Is this class, or the class of this instance, `class` or below it?
function Class:is(class)
  local c = rawget(self, "__name") and self or self.class
  while c do
    if c == class then return true end
    c = rawget(c, "super")
  end
  return false
end

function Class:__tostring() return self.class.__name end

setmetatable(Class, meta)
return Class
