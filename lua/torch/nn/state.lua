--- Module:state_dict and Module:load_state_dict: parameters and persistent buffers by name ("0.weight").

local torch = require "torch"
local Class = require "torch.class"
local list = require "torch.utils.list"

local fail = torch._C.fail

local Keys = Class:extend("IncompatibleKeys")

function Keys:__tostring()
  if #self.missing_keys == 0 and #self.unexpected_keys == 0 then return "<All keys matched successfully>" end
  local function quoted(keys) return "{'" .. table.concat(keys, "', '") .. "'}" end
  return ("IncompatibleKeys(missing_keys=%s, unexpected_keys=%s)"):format(
    quoted(self.missing_keys), quoted(self.unexpected_keys)):gsub("{''}", "{}")
end

-- "a", "b"
local function quoted(keys)
  local r = {}
  for i, k in ipairs(keys) do r[i] = '"' .. k .. '"' end
  return table.concat(r, ", ")
end

local function shape(t) return "[" .. table.concat(t.shape, ", ") .. "]" end

return function(Module)
  -- what is saved, in PyTorch's order: module by module, its parameters, then its buffers
  local function entries(self, prefix)
    local r = {}
    for _, entry in ipairs(self:_walk(prefix, true)) do
      local m, path = entry[2], entry[1] == "" and "" or entry[1] .. "."
      for _, item in ipairs(m:_own("parameter")) do r[#r + 1] = {path .. item[1], item[2]} end
      for _, item in ipairs(m:_own("buffer")) do
        if not m._temporary[item[1]] then r[#r + 1] = {path .. item[1], item[2]} end
      end
    end
    return r
  end

  --- Names to tensors that share the module's memory. `pairs` goes in order of registration.
  -- Keywords: prefix="", keep_vars=false (true: the parameters themselves).
  function Module:state_dict(options)
    options = options or {}
    if type(options) ~= "table" then
      fail("state_dict(): the options are a table, as {prefix = \"\"}, got " .. torch._C.got(options))
    end
    local prefix = options.prefix and options.prefix:gsub("%.$", "") or ""
    local r = list.ordered()
    for _, e in ipairs(entries(self, prefix)) do
      r[e[1]] = options.keep_vars and e[2] or e[2]:detach()
    end
    return r
  end

  --- Copies the tensors of `state` (name -> tensor) in. strict: every name must be there, and no other.
  -- Returns {missing_keys=, unexpected_keys=}.
  function Module:load_state_dict(state, strict)
    if type(strict) == "table" then strict = strict.strict end
    if type(state) ~= "table" then
      fail("Expected state_dict to be dict-like, got " .. (torch.is_tensor(state) and "a tensor" or type(state)) .. ".")
    end
    local problems, missing, unexpected, known = {}, {}, {}, {}
    local copies = {}
    for _, e in ipairs(entries(self)) do
      local name, own = e[1], e[2]
      local given = state[name]
      known[name] = true
      if given == nil then
        missing[#missing + 1] = name
      elseif not torch.is_tensor(given) then
        problems[#problems + 1] = ('While copying the parameter named "%s", expected torch.Tensor or Tensor-like object '
          .. "from checkpoint but received %s"):format(name, type(given))
      elseif shape(given) ~= shape(own) then
        problems[#problems + 1] = ("size mismatch for %s: copying a param with shape %s from checkpoint, "
          .. "the shape in current model is %s."):format(name, shape(given), shape(own))
      else
        copies[#copies + 1] = {own, given}
      end
    end
    for name in pairs(state) do
      if not known[name] then unexpected[#unexpected + 1] = tostring(name) end
    end
    if not getmetatable(state) then table.sort(unexpected) end         -- a plain table has no order
    if strict ~= false then
      if #unexpected > 0 then
        table.insert(problems, 1, ("Unexpected key(s) in state_dict: %s. "):format(quoted(unexpected)))
      end
      if #missing > 0 then
        table.insert(problems, 1, ("Missing key(s) in state_dict: %s. "):format(quoted(missing)))
      end
    end
    local _ <close> = torch.no_grad()
    for _, c in ipairs(copies) do c[1]:copy_(c[2]) end
    if #problems > 0 then
      fail(("Error(s) in loading state_dict for %s:\n\t%s"):format(self:_get_name(), table.concat(problems, "\n\t")))
    end
    local keys = Keys()
    keys.missing_keys, keys.unexpected_keys = missing, unexpected
    return keys
  end
end
