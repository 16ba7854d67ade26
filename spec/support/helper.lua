-- helper.lua -- what many specs need: comparing numbers, catching errors, running another tlua.
local helper = {}

helper.tlua = os.getenv("TLUA") or "./tlua"          -- the program under test, whatever mode it was built in
helper.device = os.getenv("TLUA_DEVICE") or "cpu"    -- where the specs' tensors are (spec/support/device.lua)
helper.mode = os.getenv("TLUA_MODE") or "release"    -- release, debug, asan, hostile

--- the program made from spec/proof/NAME.c
function helper.proof(name)
  return (os.getenv("TLUA_PROOF") or "build/proof") .. "/" .. name
end

--- a as close to b as tol says (absolute or relative, whichever is wider); NaN is close to NaN
function helper.is_close(a, b, tol)
  tol = tol or 1e-6
  if a ~= a or b ~= b then return a ~= a and b ~= b end
  if a == b then return true end
  return math.abs(a - b) <= tol * math.max(1, math.abs(b))
end

--- numbers, or nested lists of numbers and booleans of the same form; tensors are read with tolist
function helper.close_to(a, b, tol, path)
  if type(a) == "userdata" then a = a:tolist() end
  if type(b) == "userdata" then b = b:tolist() end
  path = path or "value"
  if type(a) ~= type(b) then
    error(("%s: %s is not like %s"):format(path, tostring(a), tostring(b)), 0)
  elseif type(a) == "table" then
    if #a ~= #b then error(("%s: %d entries where %d are expected"):format(path, #a, #b), 0) end
    for i = 1, #b do helper.close_to(a[i], b[i], tol, path .. "[" .. i .. "]") end
  elseif type(a) == "number" then
    if not helper.is_close(a, b, tol) then
      error(("%s: %.9g where %.9g is expected"):format(path, a, b), 0)
    end
  elseif a ~= b then
    error(("%s: %s where %s is expected"):format(path, tostring(a), tostring(b)), 0)
  end
  return true
end

--- waits for the device, which tells faults of kernels late
function helper.settle()
  if helper.device ~= "cpu" then require("torch").cuda.synchronize() end
end

--- calls f and demands an error whose text has `pattern` in it (plain text unless `is_pattern`); returns the text
function helper.raises(f, pattern, is_pattern)
  local ok, message = pcall(f)
  if ok then ok, message = pcall(helper.settle) end
  if ok then error("no error was raised", 2) end
  message = tostring(message)
  if pattern and not message:find(pattern, 1, not is_pattern) then
    error(("the message is\n  %s\nwithout\n  %s"):format(message, pattern), 2)
  end
  return message
end

--- one word of a shell command
function helper.quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

function helper.read(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read("a")
  f:close()
  return text
end

function helper.write(path, text)
  local f = assert(io.open(path, "wb"))
  f:write(text)
  assert(f:close())
  return path
end

--- runs a shell command: { code =, signal =, out =, err = }
function helper.sh(command, input)
  local base = os.tmpname()
  local files = { out = base .. ".out", err = base .. ".err", input = base .. ".in" }
  local from = "/dev/null"
  if input then from = helper.write(files.input, input) end
  local _, how, n = os.execute(("{ %s\n} <%s >%s 2>%s"):format(command, from, files.out, files.err))
  local result = { out = helper.read(files.out), err = helper.read(files.err), code = how == "exit" and n, signal = how == "signal" and n }
  -- the shell speaks of a signal as 128 + its number
  if result.code and result.code > 128 then result.signal = result.code - 128 end
  os.remove(base)
  for _, path in pairs(files) do os.remove(path) end
  return result
end

--- runs tlua with a list of arguments; options: input = text of stdin, env = { NAME = value }, before = a shell prefix
function helper.run(args, options)
  options = options or {}
  local words = {}
  if options.before then words[#words + 1] = options.before end
  if options.env then
    words[#words + 1] = "env"
    for name, value in pairs(options.env) do words[#words + 1] = helper.quote(name .. "=" .. value) end
  end
  words[#words + 1] = helper.quote(helper.tlua)
  for _, a in ipairs(args) do words[#words + 1] = helper.quote(a) end
  return helper.sh(table.concat(words, " "), options.input)
end

--- runs a piece of Lua in another tlua
function helper.run_text(text, options)
  local path = os.tmpname()
  helper.write(path, text)
  local result = helper.run({ path, table.unpack(options and options.args or {}) }, options)
  os.remove(path)
  return result
end

return helper
