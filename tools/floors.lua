-- floors.lua OBJECTS... -- the house stands only while its floors do.  Checks, and fails the build:
--   a file includes from its own floor or a lower one; lua.h stays in bind and main, cblas.h in src/cpu/blas.c;
--   a backward rule (a function of src/op that is given a node) calls operations, not tl_run, tl_map and the like, so that
--   the tape can record it; the objects below bind reference no lua_*, exit, abort or printf;
--   the CUDA plugin stands beside the house: cuda/ includes device/ and itself, cuda/sim itself and cuda/, and nothing of
--   src/ includes them; nor does the plugin call exit, abort or printf, or know of its simulator but in launch.h;
--   a file over 400 lines says in a line why ("Longer than 400 lines because ...").
local floor_of = { device = 1, cpu = 1, core = 2, grad = 3, op = 4, bind = 5, main = 6 }
local limit = 400
local problems = {}

local function problem(where, ...)
  problems[#problems + 1] = where .. ": " .. string.format(...)
end

local function files_of(command)
  local list = {}
  for path in assert(io.popen(command)):lines() do list[#list + 1] = path end
  table.sort(list)
  return list
end

local function read(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read("a")
  f:close()
  return text
end

-- blanks out comments and strings, keeping line numbers
local function code_of(text)
  text = text:gsub("/%*.-%*/", function (c) return (c:gsub("[^\n]", " ")) end)
  text = text:gsub("//[^\n]*", "")
  return (text:gsub('"[^"\n]*"', '""'))
end

-- includes --------------------------------------------------------------------------------------

local function check_include(path, line, place, name, ours)
  local where = path .. ":" .. line
  local to = name:match("^(%w+)/")
  if to and floor_of[to] then
    if place == "cpu" and to ~= "cpu" and to ~= "device" then
      problem(where, "the CPU device includes %s; it may see device/ and cpu/ only", name)
    elseif to == "cpu" and place ~= "cpu" then
      problem(where, "%s includes %s; only the CPU device may", place, name)
    elseif floor_of[to] > floor_of[place] then
      problem(where, "%s includes %s, which is on a higher floor", place, name)
    end
  elseif to == "cuda" or to == "sim" or name:match("^cu[bd][la][^/]*%.h$") then
    problem(where, "%s includes %s; a device that is a plugin is reached by device/device.h", place, name)
  elseif to and ours then
    problem(where, "no such floor: %s", name)
  elseif name:match("^lua") or name == "lauxlib.h" then
    if floor_of[place] < floor_of.bind then problem(where, "%s below the bind floor", name) end
  elseif name == "cblas.h" then
    if path ~= "src/cpu/blas.c" then problem(where, "cblas.h belongs to src/cpu/blas.c") end
  elseif ours then
    problem(where, "includes name their floor: \"floor/file\", not %s", name)
  end
end

-- the plugin: its includes name its own files plainly

local function exists(path)
  local f = io.open(path, "rb")
  if f then f:close() end
  return f ~= nil
end

local function check_plugin_include(path, line, name, ours)
  local where = path .. ":" .. line
  local simulator = path:match("^cuda/sim/")
  if name:match("^lua") or name == "lauxlib.h" or name == "cblas.h" then
    problem(where, "the plugin includes %s; commands carry all that it needs", name)
  elseif not ours then
    return                                   -- <...>: the system's, CUDA's, or the simulator's in its place
  elseif exists("cuda/sim/" .. name) then
    if not simulator and path ~= "cuda/launch.h" then problem(where, "only cuda/launch.h knows of the simulator") end
  elseif name:find("/") or not exists("cuda/" .. name) then
    if simulator or not name:match("^device/[%w_]+%.%w+$") or not exists("src/" .. name) then
      problem(where, "%s includes %s; it may see %s only", simulator and "the simulator" or "the plugin", name,
        simulator and "cuda/sim and cuda" or "device/ and its own files")
    end
  end
end

local function check_includes(path, text)
  local place = path:match("^src/(%w+)/")
  local line = 0
  for l in text:gmatch("([^\n]*)\n?") do
    line = line + 1
    local mark, name = l:match('^%s*#%s*include%s*([<"])([^>"]+)[>"]')
    if name and place then check_include(path, line, place, name, mark == '"')
    elseif name then check_plugin_include(path, line, name, mark == '"') end
  end
end

-- backward rules --------------------------------------------------------------------------------

-- what runs commands; tl_derivative is a rule's one way to a kernel: it records the formula when second derivatives are wanted
local forbidden = { "tl_run", "tl_map", "tl_reduce", "tl_gemm", "tl_product", "tl_fill", "tl_copy", "tl_cast", "tl_contiguous", "tl_clone",
  "tl_to_device" }

-- a backward rule, or a part of one, is a function that is given the node
local function check_backward(path, text)
  for name, parameters, body in code_of(text):gmatch("([%w_]+)%s*(%b())%s*(%b{})") do
    if parameters:find("tl_Node %*") then
      for _, call in ipairs(forbidden) do
        if body:find("%f[%w_]" .. call .. "%s*%(") then
          problem(path, "%s calls %s; a backward rule calls operations, so that the tape can record it", name, call)
        end
      end
    end
  end
end

-- length ----------------------------------------------------------------------------------------

local function check_length(path, text)
  local _, lines = text:gsub("\n", "")
  if lines > limit and not text:find("Longer than " .. limit .. " lines because", 1, true) then
    problem(path, "%d lines; the limit is %d (split it by idea, or say in it: Longer than %d lines because ...)",
      lines, limit, limit)
  end
end

-- symbols ---------------------------------------------------------------------------------------

local banned = {}
for word in ([[exit _exit _Exit quick_exit abort __assert_fail printf fprintf vprintf vfprintf dprintf sprintf vsprintf puts fputs
  putchar fputc perror __printf_chk __fprintf_chk __vfprintf_chk __sprintf_chk __vsprintf_chk]]):gmatch("%S+") do
  banned[word] = true
end

local function check_symbols(objects)
  if #objects == 0 then return end
  local object
  for l in assert(io.popen("nm -u -A " .. table.concat(objects, " "))):lines() do
    local symbol
    object, symbol = l:match("^(.-):%s+[Uw]%s+([%w_]+)")
    if symbol and (banned[symbol] or symbol:match("^luaL?_")) then
      problem(object, "references %s below the bind floor", symbol)
    end
  end
end

-- where the plugin says what it must not
local function check_plugin(path, text)
  local code = code_of(text)
  for name in code:gmatch("%f[%w_]([%w_]+)%s*%(") do
    if banned[name] then problem(path, "calls %s", name) end
  end
  if path ~= "cuda/launch.h" and (code:find("TL_CUDA_SIM", 1, true) or code:find("%f[%w_]sim_")) then
    problem(path, "only cuda/launch.h knows of the simulator")
  end
end

for _, path in ipairs(files_of("find src | grep -E '\\.([ch]|def|inc)$'")) do
  local text = read(path)
  check_includes(path, text)
  if path:match("^src/op/") then check_backward(path, text) end
end
for _, path in ipairs(files_of("find cuda | grep -E '\\.([ch]|cpp|cuh?|def|inc)$'")) do
  local text = read(path)
  check_includes(path, text)
  if not path:match("^cuda/sim/") then check_plugin(path, text) end
end
for _, path in ipairs(files_of("find src cuda lua tools spec examples bench 2>/dev/null | grep -E '\\.([ch]|cpp|cuh?|def|inc|lua)$'")) do
  check_length(path, read(path))
end
check_symbols({ table.unpack(arg) })

if #problems > 0 then
  io.stderr:write("floors: ", table.concat(problems, "\nfloors: "), "\n")
  os.exit(1)
end
