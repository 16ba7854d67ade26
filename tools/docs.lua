-- docs.lua [--check] FILE -- writes the reference of all operations, as the running program knows them; with --check it
-- only says whether FILE is fresh.   ./tlua tools/docs.lua docs/ops.md
local torch = require "torch"
local check = arg[1] == "--check"
local path = assert(arg[check and 2 or 1], "docs.lua [--check] FILE")

local words = { T = "tensor", N = "tensor|number", n = "number", i = "integer", b = "boolean", s = "string", d = "dim", D = "dims",
  e = "index", S = "size", I = "integers", P = "numbers", J = "index tensor", L = "tensors", X = "tensors", y = "dtype", v = "device",
  g = "generator" }

local function show_type(text)
  local type, tail = text:match("^(%a)(.*)$")
  local choice, rest = tail:match("^(%b())(.*)$")
  local shown = choice and '"' .. choice:sub(2, -2):gsub(",", '"|"') .. '"' or words[type]
  local count, dots, optional, default = (rest or tail):match("^(%d*)(%.*)(%??)=?(.*)$")
  if dots ~= "" then shown = shown .. " ..." end
  if count ~= "" then shown = shown .. " (" .. count .. ")" end
  return shown .. optional .. (default ~= "" and " = " .. default or "")
end

-- "self:T dim:D? * dtype:y?" -> "self: tensor, dim: dims?, { dtype: dtype? }"
local function parameters(text, from)
  local list, named, place = {}, nil, 0
  for word in text:gmatch("%S+") do
    if word == "*" then
      named = {}
    else
      local name, type = word:match("^([%w_]+):(.*)$")
      place = place + 1
      local into = named or list
      if place >= from then into[#into + 1] = name .. ": " .. show_type(type) end
    end
  end
  if named then list[#list + 1] = "{ " .. table.concat(named, ", ") .. " }" end
  return table.concat(list, ", ")
end

local function signatures(op)
  local lines = {}
  for form in (op.args .. "|"):gmatch("([^|]*)|") do
    local args, results = form:match("^(.-)%->(.*)$")
    args = args or form
    local out = {}
    for word in (results or ""):gmatch("%S+") do
      local name, type = word:match("^([%w_]+):(%a)$")
      out[#out + 1] = name or (type or word) == "b" and "boolean" or word == "L" and "list of tensors" or "positions"
    end
    local prefix = op.space and "torch." .. op.space .. "." or op.func and "torch." or "x:"
    local call = prefix .. op.name .. "(" .. parameters(args, prefix == "x:" and 2 or 1) .. ")"
    lines[#lines + 1] = call .. (#out > 0 and "  -->  " .. table.concat(out, ", ") or "")
  end
  return lines
end

local public, spaces, aliases = {}, {}, {}
for alias, name in pairs(torch._C.aliases()) do
  aliases[name] = aliases[name] or {}
  table.insert(aliases[name], alias)
end
for _, op in ipairs(torch._C.ops()) do
  local space = op.space or "torch"
  if space:sub(1, 1) ~= "_" and op.name:sub(1, 1) ~= "_" then
    if not public[space] then
      public[space] = {}
      spaces[#spaces + 1] = space
    end
    table.insert(public[space], op)
  end
end
table.sort(spaces, function (a, b) return #a < #b or #a == #b and a < b end)

local out, total = {}, 0
local function put(...) out[#out + 1] = table.concat({ ... }) end
local function sections()
  for _, space in ipairs(spaces) do
    local list = public[space]
    table.sort(list, function (a, b) return a.name < b.name end)
    put("\n## ", space == "torch" and "torch and tensor methods" or "torch." .. space, "\n")
    for _, op in ipairs(list) do
      total = total + 1
      put("### ", op.name, "\n")
      put("```text\n", table.concat(signatures(op), "\n"), "\n```\n")
      local notes = {}
      if not op.space and op.func and op.method then notes[#notes + 1] = "also a method" end
      if op.inplace and not op.inplace_only then notes[#notes + 1] = "in place: `" .. op.name .. "_`" end
      if op.view then notes[#notes + 1] = "a view" end
      if not op.differentiable and not op.inplace_only then notes[#notes + 1] = "no gradient" end
      local full = op.space and op.space .. "." .. op.name or op.name
      if aliases[full] then
        table.sort(aliases[full])
        notes[#notes + 1] = "alias: `" .. table.concat(aliases[full], "`, `") .. "`"
      end
      put(op.doc or "", #notes > 0 and "  \n*" .. table.concat(notes, " · ") .. "*" or "", "\n")
    end
  end
end
sections()
local head = "# Operations\n\nWritten by `make docs` from the program itself: %d operations. Arguments in `{ }` are given by name in a "
  .. "trailing table, and every other one may be; `?` may be nil. dims, indices and index tensors count from 1.\n"
local text = head:format(total) .. table.concat(out, "\n")

if check then
  local f = io.open(path, "rb")
  local before = f and f:read("a")
  if f then f:close() end
  if before ~= text then
    io.stderr:write(path, " is not what the program says of itself; please run: make docs\n")
    os.exit(1)
  end
else
  local f = assert(io.open(path, "wb"))
  f:write(text)
  assert(f:close())
end
