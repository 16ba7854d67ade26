-- embed.lua DIR OUT.c -- writes every DIR/**.lua into one C array, so that the program needs no Lua files beside it.
-- lua/torch/init.lua becomes "torch", lua/torch/nn/module.lua "torch.nn.module".
local dir, out = assert(arg[1]), assert(arg[2])

local files = {}
for path in assert(io.popen("find '" .. dir .. "' -name '*.lua' | LC_ALL=C sort")):lines() do
  files[#files + 1] = path
end

local function module_name(path)
  local name = path:sub(#dir + 2, -5):gsub("/", ".")
  return (name:gsub("%.init$", ""))
end

-- a C string literal: octal escapes, since a hexadecimal one swallows the digits that follow it
local escapes = { ["\n"] = "\\n", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\", ["?"] = "\\?" }
local function quote(text)
  return (text:gsub("[%c\"\\?\128-\255]", function (c)
    return escapes[c] or string.format("\\%03o", c:byte())
  end))
end

local w = assert(io.open(out, "w"))
w:write("/* written by tools/embed.lua */\n#include \"bind/sources.h\"\n\n")
for i, path in ipairs(files) do
  local f = assert(io.open(path, "rb"))
  local text = f:read("a")
  f:close()
  assert(load(text, "@" .. path, "t"))            -- a syntax error stops the build, not the user
  w:write("/* ", path, " */\nstatic const char text", i, "[] =")
  for line in (text == "" and "\n" or text):gmatch("[^\n]*\n?") do
    if line ~= "" then w:write("\n  \"", quote(line), "\"") end
  end
  w:write(";\n\n")
  files[i] = { name = module_name(path), size = #text }
end
w:write("const tl_LuaSource tl_lua_sources[] = {\n")
for i, f in ipairs(files) do
  w:write(string.format("  {%q, text%d, %d},\n", f.name, i, f.size))
end
w:write("  {NULL, NULL, 0}\n};\n")
assert(w:close())
