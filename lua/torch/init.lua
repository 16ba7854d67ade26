--- torch: what C opened, completed. C runs this file with the torch table; parts that are big are loaded when
-- they are first named.

local torch = ...

torch.__version__ = "0.1.0"

-- C keeps the operations of a space in a table of that name; torch.nn itself is Lua.
torch._C.functional = torch._C.functional or {}
torch.nn = nil

--------------------------------------------------------------------------------------------- small things

local dtypes = {}
for _, name in ipairs{"float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"} do
  if torch[name] ~= nil then dtypes[torch[name]] = true end
end

function torch.is_dtype(value) return value ~= nil and dtypes[value] == true end

--- "torch.FloatTensor" of a tensor, the name of the class of an object, else Lua's type.
function torch.typename(value)
  if torch.is_tensor(value) then return value:type() end
  local class = require "torch.class".of(value)
  return class and class.__name or type(value)
end

--------------------------------------------------------------------------------------------- parts

local parts = {
  autograd = "torch.autograd", nn = "torch.nn", optim = "torch.optim", utils = "torch.utils",
  cuda = "torch.cuda", progress = "torch.progress", tqdm = "torch.progress",
}

-- what may be required though no file has that name
package.preload["torch.nn.init"] = function() return torch.nn.init end

-- the sentence for a name that is not there, with the nearest that is
local function unknown(name)
  local names = {}
  for k in pairs(torch) do names[k] = true end
  for k in pairs(parts) do names[k] = true end
  torch._C.fail(torch._C.missing(name, names, "torch"))
end

setmetatable(torch, {
  __name = "torch",
  __index = function(t, name)
    if type(name) ~= "string" then return nil end
    local part = parts[name]
    if part then
      local value = require(part)
      rawset(t, name, value)
      return value
    end
    unknown(name)
  end,
})

--------------------------------------------------------------------------------------------- files

function torch.save(...) return require "torch.files".save(...) end
function torch.load(...) return require "torch.files".load(...) end

--------------------------------------------------------------------------------------------- names of old

require "torch.compat".install()
