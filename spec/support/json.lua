-- json.lua -- reads JSON, for the figures in spec/golden.  null becomes json.null; whole numbers stay integers.
local json = { null = setmetatable({}, { __tostring = function() return "null" end }) }

local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }
local words = { ["true"] = true, ["false"] = false, ["null"] = json.null,
                NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge }

local function fail(text, at, what)
  local _, line = text:sub(1, at):gsub("\n", "")
  error(("json: %s expected at line %d, near '%s'"):format(what, line + 1, text:sub(at, at + 15)), 0)
end

local function skip(text, at) return text:find("[^ \t\r\n]", at) or #text + 1 end

local function utf16(text)                 -- the text of \u escapes; surrogate pairs are one character
  text = text:gsub("\\u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)", function(a, b)
    return utf8.char(0x10000 + ((tonumber(a, 16) - 0xD800) << 10) + (tonumber(b, 16) - 0xDC00))
  end)
  return (text:gsub("\\u(%x%x%x%x)", function(a) return utf8.char(tonumber(a, 16)) end))
end

local function read_string(text, at)
  local stop = at + 1
  while true do
    stop = text:find('["\\]', stop) or fail(text, at, "the end of a string")
    if text:sub(stop, stop) == '"' then break end
    stop = stop + 2
  end
  local inside = text:sub(at + 1, stop - 1)
  if inside:find("\\", 1, true) then inside = utf16(inside):gsub("\\(.)", escapes) end
  return inside, stop + 1
end

local read_value

local function read_list(text, at)
  local list = {}
  at = skip(text, at + 1)
  if text:sub(at, at) == "]" then return list, at + 1 end
  while true do
    list[#list + 1], at = read_value(text, at)
    at = skip(text, at)
    local mark = text:sub(at, at)
    if mark == "]" then return list, at + 1 end
    if mark ~= "," then fail(text, at, "',' or ']'") end
    at = skip(text, at + 1)
  end
end

local function read_object(text, at)
  local object = {}
  at = skip(text, at + 1)
  if text:sub(at, at) == "}" then return object, at + 1 end
  while true do
    if text:sub(at, at) ~= '"' then fail(text, at, "a name") end
    local name
    name, at = read_string(text, at)
    at = skip(text, at)
    if text:sub(at, at) ~= ":" then fail(text, at, "':'") end
    object[name], at = read_value(text, skip(text, at + 1))
    at = skip(text, at)
    local mark = text:sub(at, at)
    if mark == "}" then return object, at + 1 end
    if mark ~= "," then fail(text, at, "',' or '}'") end
    at = skip(text, at + 1)
  end
end

function read_value(text, at)
  local first = text:sub(at, at)
  if first == "{" then return read_object(text, at) end
  if first == "[" then return read_list(text, at) end
  if first == '"' then return read_string(text, at) end
  local word = text:match("^%-?%a+", at)
  if word and words[word] ~= nil then return words[word], at + #word end
  local number = text:match("^%-?%d[%d%.eE+-]*", at)
  if not number or not tonumber(number) then fail(text, at, "a value") end
  return tonumber(number), at + #number
end

--- the value that the text says
function json.decode(text)
  local value, at = read_value(text, skip(text, 1))
  if skip(text, at) <= #text then fail(text, at, "the end") end
  return value
end

--- of a file
function json.read(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read("a")
  f:close()
  return json.decode(text)
end

return json
