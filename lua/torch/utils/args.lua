--- Arguments of the Lua layer: positional as in PyTorch, keywords in a trailing table.
--
--    local read = args("Linear", "in_features", "out_features", {"bias", true})
--    local n, m, bias = read(...)             Linear(3, 2), Linear(3, 2, false), Linear(3, 2, {bias = false})
--
-- args.unexpected(what, key, known) raises for a keyword that is not in the table `known`.
--
-- A name is required, a {name, default} is not ({name} alone: nil). A table is keywords when it has no metatable
-- and no list part.

local torch = require "torch"

local fail = torch._C.fail

local function is_keywords(t)
  return type(t) == "table" and t[1] == nil and getmetatable(t) == nil
end

local function unexpected(what, key, known)
  local guess = type(key) == "string" and torch._C.missing(key, known):match("; did you mean '.*'%?$") or ""
  fail(("%s() got an unexpected keyword argument '%s'%s"):format(what, tostring(key), guess))
end

local function args(_, what, ...)
  local spec, place = {...}, {}
  for i, p in ipairs(spec) do
    if type(p) == "string" then p = {p, required = true} end
    spec[i], place[p[1]] = p, i
  end
  local n = #spec

  local function keywords(values, given, kw)
    for k, v in pairs(kw) do
      local i = place[k]
      if not i then
        unexpected(what, k, place)
      elseif i <= given then
        fail(("%s() got multiple values for argument '%s'"):format(what, k))
      end
      values[i] = v
    end
  end

  return function(...)
    local values, given = {...}, select("#", ...)
    local kw = values[given]
    -- an empty table in a required place is a value: no parameters, no items
    if given > 0 and is_keywords(kw) and not (next(kw) == nil and given <= n and spec[given].required) then
      given = given - 1
      values[given + 1] = nil
      keywords(values, given, kw)
    end
    if given > n then
      fail(("%s() takes at most %d argument%s but %d were given"):format(what, n, n == 1 and "" or "s", given))
    end
    for i = 1, n do
      if values[i] == nil then
        if spec[i].required then fail(("%s() missing required argument '%s'"):format(what, spec[i][1])) end
        values[i] = spec[i][2]
      end
    end
    return table.unpack(values, 1, n)
  end
end

return setmetatable({unexpected = unexpected, is_keywords = is_keywords}, {__call = args})
