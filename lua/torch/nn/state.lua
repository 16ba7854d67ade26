--- Modules, parameters and buffers by name ("0.weight"): get_submodule and its like, state_dict, load_state_dict.

local torch = require "torch"
local Class = require "torch.class"
local args = require "torch.utils.args"
local list = require "torch.utils.list"
local Parameter = require "torch.nn.parameter".Parameter

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

-- a tensor's sizes as a checkpoint may have them: one element stands for a tensor without dims
local function fits(given, own)
  return tostring(given.shape) == tostring(own.shape) or own:dim() == 0 and given:dim() == 1 and given:numel() == 1
end

local load_options = {strict = true, assign = true}

return function(Module)
  -- "a.b.weight" -> the module a.b and "weight"
  local function resolve(self, target)
    if type(target) ~= "string" then fail("the target of a module should be a string, got " .. torch._C.got(target)) end
    local m = self
    local path, last = target:match("^(.*)%.([^.]*)$")
    for name in (path or ""):gmatch("[^.]+") do
      local child = m[name]
      if not Module.is_module(child) then
        fail(("%s has no attribute `%s`"):format(m:_get_name(), name))
      end
      m = child
    end
    return m, last or target
  end

  function Module:get_submodule(target)
    if target == "" then return self end
    local m, name = resolve(self, target)
    if not Module.is_module(m[name]) then
      fail(m[name] == nil and ("%s has no attribute `%s`"):format(m:_get_name(), name)
        or "`" .. name .. "` is not an nn.Module")
    end
    return m[name]
  end

  function Module:get_parameter(target)
    local m, name = resolve(self, target)
    if m._kinds[name] ~= "parameter" then
      fail(m[name] == nil and ("%s has no attribute `%s`"):format(m:_get_name(), name)
        or "`" .. name .. "` is not an nn.Parameter")
    end
    return m[name]
  end

  function Module:get_buffer(target)
    local m, name = resolve(self, target)
    if m._kinds[name] ~= "buffer" then
      fail(m[name] == nil and ("%s has no attribute `%s`"):format(m:_get_name(), name)
        or "`" .. name .. "` is not a buffer")
    end
    return m[name]
  end

  -- what is saved, in PyTorch's order: module by module, its parameters, then its buffers
  local function entries(self, prefix)
    local r = {}
    for _, entry in ipairs(Module._walk(self, prefix, true)) do
      local m, path = entry[2], entry[1] == "" and "" or entry[1] .. "."
      for _, item in ipairs(m:_own("parameter")) do r[#r + 1] = {path .. item[1], item[2], m, item[1]} end
      for _, item in ipairs(m:_own("buffer")) do
        if not m._temporary[item[1]] then r[#r + 1] = {path .. item[1], item[2], m, item[1]} end
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
  -- assign: the module takes the given tensors themselves. Returns {missing_keys=, unexpected_keys=}.
  function Module:load_state_dict(state, strict, assign)
    if type(strict) == "table" then
      for k in pairs(strict) do
        if not load_options[k] then args.unexpected("load_state_dict", k, load_options) end
      end
      strict, assign = strict.strict, strict.assign
    end
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
      elseif not fits(given, own) then
        problems[#problems + 1] = ("size mismatch for %s: copying a param with shape %s from checkpoint, "
          .. "the shape in current model is %s."):format(name, tostring(given.shape), tostring(own.shape))
      else
        copies[#copies + 1] = {own, own:dim() == given:dim() and given or given:reshape({}), e[3], e[4]}
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
    for _, c in ipairs(copies) do
      local own, given, m, name = table.unpack(c)
      if not assign then
        own:copy_(given)
      elseif m._kinds[name] == "parameter" then
        m[name] = Parameter.is(given) and given or Parameter(given, own.requires_grad)
      else
        m[name] = given
      end
    end
    if #problems > 0 then
      fail(("Error(s) in loading state_dict for %s:\n\t%s"):format(self:_get_name(), table.concat(problems, "\n\t")))
    end
    local keys = Keys()
    keys.missing_keys, keys.unexpected_keys = missing, unexpected
    return keys
  end
end
