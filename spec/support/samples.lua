-- samples.lua -- arguments for every operation: good ones, and bad ones with a piece of their message.
--
-- A sample is a line of Lua that makes the arguments afresh each time it is read:
--   d(2, 3)  float64 of that size, a gradient is asked for     c(2, 3)  the same without
--   p, u     like d: positive; between 0.1 and 0.9             f(2, 3)  float32
--   i(2, 3)  small int64 numbers, none 0                       b(2, 3)  bool
--   t{...}, ti{...}, tb{...}  float64, int64, bool from a table
-- Numbers come from a fixed sequence, so a line always makes the same arguments.  A table last is keywords.
--
-- samples["name"] or samples["space.name"] = { ok = { line, ... }, bad = { { line, message }, ... },
--   random = true  draws numbers: only seeded calls can be compared
--   loose = true   its result is not defined by its arguments' values: empty, storage layout
--   absent = true  what it needs is not on every machine: only its bad samples are tried }
local torch = require "torch"

local samples, env = {}, { torch = torch, inf = math.huge, nan = 0 / 0 }
local state = 0

-- a number in (0, 1), the next of the sequence
local function draw()
  state = (state * 1103515245 + 12345) % 2147483648
  return (state + 0.5) / 2147483648
end

local function build(sizes, dtype, value)
  local n, list = 1, {}
  for _, s in ipairs(sizes) do n = n * s end
  for k = 1, n do list[k] = value() end
  if #sizes == 0 then return torch.tensor(list[1], { dtype = dtype }) end
  return torch.tensor(list, { dtype = dtype }):reshape(sizes)
end

local function wants(t) return t:requires_grad_() end

-- away from 0 and from whole numbers, where many functions have corners
local function signed()
  local v = 0.15 + 0.7 * draw() + (draw() < 0.3 and 1 or 0)
  return draw() < 0.5 and v or -v
end

function env.d(...) return wants(build({ ... }, torch.float64, signed)) end
function env.c(...) return build({ ... }, torch.float64, signed) end
function env.p(...) return wants(build({ ... }, torch.float64, function () return 0.3 + 1.6 * draw() end)) end
function env.u(...) return wants(build({ ... }, torch.float64, function () return 0.1 + 0.8 * draw() end)) end
function env.f(...) return build({ ... }, torch.float32, signed) end
function env.i(...)
  return build({ ... }, torch.int64, function () return math.floor(1 + 5 * draw()) * (draw() < 0.3 and -1 or 1) end)
end
function env.b(...) return build({ ... }, torch.bool, function () return draw() < 0.5 end) end
function env.t(list) return wants(torch.tensor(list, { dtype = torch.float64 })) end
function env.ti(list) return torch.tensor(list, { dtype = torch.int64 }) end
function env.tb(list) return torch.tensor(list, { dtype = torch.bool }) end

--- the arguments of a line: a packed list, and its keywords or nil
function samples.read(line)
  local arguments, keywords
  state = #line * 7919 + 17
  arguments = table.pack(assert(load("return " .. line, "=(sample)", "t", env))())
  local last = arguments[arguments.n]
  if type(last) == "table" and next(last) ~= nil and #last == 0 then
    keywords = last
    arguments[arguments.n] = nil
    arguments.n = arguments.n - 1
  end
  return arguments, keywords
end

-- the table that an operation's function is in: torch, torch._C, torch.nn.functional ...
local function space_of(op)
  if op.space == "_C" then return torch._C end
  local t = torch
  for name in (op.space or ""):gmatch "[^.]+" do t = t[name] end
  return t
end

--- how an operation is called: as a function if it is one, else as a method
function samples.caller(op)
  if op.inplace_only or not op.func then return torch._C.methods[op.name] end
  return space_of(op)[op.name]
end

--- the entry of an operation, as torch._C.ops() describes it
function samples.of(op)
  local key = op.space ~= "" and op.space and op.space .. "." .. op.name or op.name
  return samples.list[key], key
end

samples.list = {}

local function add(list)
  for name, entry in pairs(list) do
    assert(not samples.list[name], "two entries for " .. name)
    samples.list[name] = entry
  end
end

-- ------------------------------------------------------------------ rows of device/pointwise.def

-- where a function is not defined everywhere: what makes its operands
local DOMAIN = {
  log = "p", log2 = "p", log10 = "p", log1p = "p", sqrt = "p", rsqrt = "p", asin = "u", acos = "u", atanh = "u", pow = "p",
  pow_number = "p",
}
local SHIFT = { acosh = "t{{1.5, 2.25}, {3.5, 1.125}}" }
local WHOLE = { gcd = true, lcm = true, bitwise_not = true, bitwise_and = true, bitwise_or = true, bitwise_xor = true,
  bitwise_left_shift = true, bitwise_right_shift = true }

local function operands(op)
  local n = 0
  for name in op.args:gmatch("(%w+):[TN]") do n = name and n + 1 end
  return n
end

-- numbers after the operands of hidden rows
local NUMBERS = { pow_number = ", 2.5", clamp = ", -0.5, 0.5" }

--- samples for a row that is nothing but its formula
function samples.of_formula(op)
  local n, name = operands(op), op.name
  local make = WHOLE[name] and "i" or DOMAIN[name] or "d"
  local rest = NUMBERS[name] or ""
  local function line(...)
    local parts = {}
    for k = 1, n do parts[k] = select(k, ...) end
    return table.concat(parts, ", ") .. rest
  end
  local entry = { ok = {}, bad = {} }
  if SHIFT[name] then entry.ok = { SHIFT[name], "t{1.5}", "t(2.5)" }
  elseif name == "where" then entry.ok = { "b(2, 3), d(2, 3), d(2, 3)", "b(3), d(2, 3), 1.5", "b(2, 1), d(3), d(2, 3)" }
  else
    entry.ok = {
      line(make .. "(2, 3)", make .. "(2, 3)", make .. "(2, 3)"),
      line(make .. "(3)", make .. "(2, 1)", make .. "(2, 3)"),
      line(make .. "()", make .. "()", make .. "()"),
      line(make .. "(2, 0)", make .. "(1, 1)", make .. "(1)"),
      line(make .. "(2, 3, 2)", make .. "(2)", make .. "(3, 1)"),
    }
    if n > 1 then entry.ok[#entry.ok + 1] = line(make .. "(2, 3)", "2", "2") end
  end
  entry.bad[1] = { "'text'", "must be" }
  entry.bad[2] = { entry.ok[1] .. ", { nonsense = 1 }", "unexpected keyword argument 'nonsense'" }
  if n > 1 then
    entry.bad[3] = { line(make .. "(2, 3)", make .. "(2, 4)", make .. "(2, 3)"), "must match the size of tensor" }
  end
  if WHOLE[name] then entry.bad[4] = { line("d(2)", "d(2)"), "not implemented for 'float64'" } end
  return entry
end

for _, part in ipairs { "arithmetic", "products", "losses", "random", "shapes", "places", "making" } do
  add(require("spec.support.samples_" .. part))
end

local formulas = {}
for _, row in ipairs(torch._C.rows()) do
  if row.which == 0 then formulas[row.name] = true end
end
for _, op in ipairs(torch._C.ops()) do
  local entry, key = samples.of(op)
  if not entry and formulas[op.name] then samples.list[key] = samples.of_formula(op) end
end

return samples
