--- torch.save and torch.load: nested tables of tensors, numbers, strings and booleans in a safetensors file, never
-- code. Weights that others wrote as .safetensors load too.

local torch = require "torch"
local args = require "torch.utils.args"
local list = require "torch.utils.list"

local fail = torch._C.fail
local files = {}

-- PyTorch's order: the value first; the other one is a slip worth a word
local function checked(value, path)
  if type(path) ~= "string" then fail("save(): the value comes first, then the file name, which is a " .. type(path)) end
  return value, path
end

--- Writes `value` to the file `path`: a new file beside it first, flushed, then renamed over it, so that a reader sees
-- the old file or the new one. Modules are saved through their state_dict().
function files.save(value, path)
  value, path = checked(value, path)
  if type(value) == "table" and type(value.state_dict) == "function" then
    fail("save(): save the object's state_dict(), and load it into an object of the same class")
  end
  return torch._C.save_file(path, value)
end

-- where tensors of the file, which are on the CPU, go: a function of a tensor
local function mover(where)
  if type(where) == "function" then
    return function(t) return where(t, "cpu") or t end
  elseif type(where) == "table" then                   -- {cpu = "cuda:1"}
    return where.cpu and mover(where.cpu)
  end
  return function(t)
    local moved = t:detach():to(where)
    return t.requires_grad and moved:requires_grad_() or moved
  end
end

-- value with every tensor t in it replaced by move(t); tables are changed in place, each once
local function moved(value, move, seen)
  if torch.is_tensor(value) then
    seen[value] = seen[value] or move(value)
    return seen[value]
  elseif type(value) == "table" and not seen[value] then
    seen[value] = true
    for k, v in pairs(value) do value[k] = moved(v, move, seen) end
  end
  return value
end

local load_args = args("load", "f", {"map_location"})

--- What the file holds. Tables come back as tables that keep the order they were saved in. Tensors are on the CPU,
-- whatever they were saved from, or where map_location says: a device, {cpu = device}, or a function of a tensor and
-- "cpu" that returns the tensor to have.
function files.load(...)
  local path, where = load_args(...)
  local value = torch._C.load_file(path, list.ordered)
  local move = where ~= nil and mover(where)
  return move and moved(value, move, {}) or value
end

return files
