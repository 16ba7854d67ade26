--- torch.save and torch.load: nested tables of tensors, numbers, strings and booleans in a safetensors file, never
-- code. Weights that others wrote as .safetensors load too.

local torch = require "torch"
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

--- What the file holds. Tables come back as tables that keep the order they were saved in; tensors are on the CPU.
function files.load(path) return (torch._C.load_file(path, list.ordered)) end

return files
