-- gpu_cases.lua -- what tools/gpu_parity.lua asks PyTorch: every sample of every operation (spec/support/samples*.lua), larger
-- ones for kernels that go other ways when there is more to do, and how the arguments look in Python.
local torch = require "torch"
local samples = require "spec.support.samples"
local cases = {}

local is_tensor = torch.is_tensor
local INTEGER = { uint8 = true, int8 = true, int16 = true, int32 = true, int64 = true }
function cases.dtype(t) return (tostring(is_tensor(t) and t.dtype or t):gsub("^torch%.", "")) end

-- ------------------------------------------------------------------ larger samples

local env = setmetatable({ torch = torch }, { __index = _G })
local seeds = 0
-- float64 between -1 and 1 of that size, remembered by its seed; R asks for a gradient
function env.r(...)
  seeds = seeds + 1
  torch.manual_seed(seeds)
  local t = torch.rand({ ... }, { dtype = torch.float64, device = "cpu" }) * 2 - 1
  cases.seed_of[t] = seeds
  return t
end
function env.R(...)
  local t = env.r(...)
  return t:requires_grad_()
end
-- n whole numbers from 1 to k
function env.li(n, k)
  local list = {}
  for i = 1, n do list[i] = i * 7919 % k + 1 end
  return torch.tensor(list, { device = "cpu" })
end
cases.seed_of = setmetatable({}, { __mode = "k" })

local LARGE = {
  { "add", "R(1000, 1), R(1, 777)" }, { "mul", "R(300, 500), R(500)" }, { "div", "R(70001), 3" }, { "exp", "R(100001)" },
  { "tanh", "R(257, 1031)" }, { "sigmoid", "R(65537)" }, { "where", "r(400, 401):gt(0), R(400, 401), R(401)" },
  { "sum", "R(300, 1000)" }, { "sum", "R(300, 1000), 1" }, { "sum", "R(300, 1000), 2" }, { "sum", "R(7, 5, 3001), { 1, 3 }" },
  { "sum", "R(100003)" }, { "mean", "R(1000, 333), 1" }, { "prod", "R(2000, 9), 2" }, { "var", "R(40, 5000), 2" },
  { "std", "R(5000, 40), 1" }, { "norm", "R(100000)" }, { "logsumexp", "R(200, 3000), 2" }, { "amax", "R(3000, 200), 1" },
  { "max", "R(500, 2001), 2" }, { "min", "R(2001, 500), 1" }, { "argmax", "r(100000)" }, { "argmin", "r(300, 1000), 1" },
  { "count_nonzero", "r(100000):gt(0.5)" }, { "cumsum", "R(50, 5000), 2" }, { "cumsum", "R(5000, 50), 1" },
  { "cumsum", "R(30011), 1" }, { "cumprod", "R(300, 40), 2" }, { "cummax", "r(40, 3001), 2" },
  { "softmax", "R(64, 5000), 2" }, { "softmax", "R(1000, 33), 2" }, { "softmax", "R(33, 1000), 1" },
  { "log_softmax", "R(128, 1000), 2" }, { "log_softmax", "R(7, 30001), 2" },
  { "nn.functional.cross_entropy", "R(500, 1000), li(500, 1000)" },
  { "nn.functional.cross_entropy", "R(64, 10, 50), li(3200, 10):reshape(64, 50)" },
  { "nn.functional.nll_loss", "R(2000, 17), li(2000, 17), { weight = r(17):abs() }" },
  { "nn.functional.mse_loss", "R(300, 301), R(300, 301)" },
  { "mm", "R(257, 129), R(129, 300)" }, { "mm", "R(129, 257):t(), R(300, 129):t()" }, { "mm", "R(1, 3000), R(3000, 1)" },
  { "mm", "li(9000, 50):reshape(90, 100), li(7700, 60):reshape(100, 77)" }, { "mv", "R(500, 3000), R(3000)" },
  { "dot", "R(100000), R(100000)" }, { "bmm", "R(33, 17, 40), R(33, 40, 21)" },
  { "matmul", "R(5, 1, 30, 20), R(1, 7, 20, 40)" }, { "addmm", "R(300), R(100, 200), R(200, 300), { beta = 0.5, alpha = 2 }" },
  { "nn.functional.linear", "R(64, 1000), R(100, 1000), R(100)" }, { "outer", "R(700), R(300)" },
  { "gather", "R(300, 400), 2, li(300 * 50, 400):reshape(300, 50)" }, { "index_select", "R(1000, 65), 1, li(5000, 1000)" },
  { "scatter_add", "R(50, 60), 1, li(500 * 60, 50):reshape(500, 60), R(500, 60)" },
  { "index_add", "R(30, 70), 1, li(4000, 30), R(4000, 70)" }, { "take", "R(200, 300), li(9999, 60000)" },
  { "masked_select", "R(300, 301), r(300, 301):gt(0)" }, { "nonzero", "r(100, 101):gt(0)" },
  { "cat", "{ R(300, 200), R(100, 200) }" }, { "stack", "{ R(300, 20), R(300, 20) }, 3" }, { "tril", "R(300, 300)" },
  { "clone", "R(201, 301):t()" }, { "contiguous", "R(20, 30, 401):permute(3, 1, 2)" }, { "clamp", "R(90001), -0.5, 0.5" },
  { "relu", "R(300, 1000)" }, { "nn.functional.gelu", "R(90001)" }, { "pow", "R(300, 301):abs(), 2.5" },
  { "arange", "100000" }, { "linspace", "0, 1, 100000" }, { "eye", "300" },
}

local function read_large(line)
  seeds = #line * 37                         -- a line always makes the same arguments
  local arguments = table.pack(assert(load("return " .. line, "=(large)", "t", env))())
  local last, keywords = arguments[arguments.n], nil
  if type(last) == "table" and next(last) ~= nil and #last == 0 then
    keywords = last
    arguments[arguments.n] = nil
    arguments.n = arguments.n - 1
  end
  return arguments, keywords
end

-- ------------------------------------------------------------------ forms

local function parse(text)
  local left, right = text:match "^(.-)%->(.*)$"
  local form, keyword = { results = right or "" }, false
  for word in (left or text):gmatch "%S+" do
    if word == "*" then keyword = true
    else
      local name, kind, after = word:match "^([%w_]+):(%a)(.*)$"
      form[#form + 1] = { name = name, kind = kind, keyword = keyword, rest = after:find("...", 1, true) ~= nil,
        may_be_nil = after:find("?", 1, true) ~= nil or after:find("=", 1, true) ~= nil }
    end
  end
  return form
end

local function is_list(v) return type(v) == "table" and getmetatable(v) == nil end
local FITS = {
  T = is_tensor, J = is_tensor, N = function (v) return is_tensor(v) or type(v) == "number" or type(v) == "boolean" end,
  n = function (v) return type(v) == "number" or type(v) == "boolean" end, b = function (v) return type(v) == "boolean" end,
  i = math.tointeger, d = math.tointeger, e = math.tointeger, s = function (v) return type(v) == "string" end,
  L = is_list, X = is_list,
  y = function (v) return type(v) ~= "number" and not is_list(v) and not is_tensor(v) and torch[cases.dtype(v)] ~= nil end,
}
for kind in ("DSIP"):gmatch "." do FITS[kind] = function (v) return is_list(v) or type(v) == "number" end end

local function fits(p, v)
  if v == nil then return p.may_be_nil end
  return not FITS[p.kind] or FITS[p.kind](v)
end

-- the first form that takes these arguments, and its parameters' values by name
local function bind(op, arguments, keywords)
  for text in (op.args .. "|"):gmatch "([^|]*)|" do
    local form, values, good = parse(text), {}, true
    local at = 1
    for _, p in ipairs(form) do
      if p.rest and at <= arguments.n and not is_list(arguments[at]) then
        values[p.name] = { table.unpack(arguments, at, arguments.n) }
        at = arguments.n + 1
      elseif not p.keyword and at <= arguments.n then
        values[p.name] = arguments[at]
        good = good and fits(p, arguments[at])
        at = at + 1
      elseif keywords and keywords[p.name] ~= nil then
        values[p.name] = keywords[p.name]
        good = good and fits(p, values[p.name])
      else good = good and (p.may_be_nil or p.rest) end
    end
    if at <= arguments.n then good = false end
    for name in pairs(keywords or {}) do good = good and values[name] ~= nil end
    if good then return form, values end
  end
end

-- ------------------------------------------------------------------ to Python's way of counting

local function down(n) return n > 0 and n - 1 or n end
local function each(v, f)
  if not is_list(v) then return f(v) end
  local r = {}
  for i, x in ipairs(v) do r[i] = f(x) end
  return r
end

-- classes and positions in tensors of plain type, and results that are positions
local COUNTED = { ["nn.functional.cross_entropy"] = "target", ["nn.functional.nll_loss"] = "target", narrow = "start" }
local POSITIONS = { nonzero = true, argwhere = true }
local SKIP = { to = true, type = true, cpu = true, cuda = true, is_same_size = true, multinomial = true }

local Case = {}
Case.__index = Case

--- a tensor as JSON has it; counted: its whole numbers are positions
function Case:tensor(t, counted)
  local dtype = cases.dtype(t)
  if dtype == "float64" and self.float then dtype = self.float end
  local r = { dtype = dtype, shape = each(t.shape, function (n) return n end), grad = t.requires_grad or false, is_tensor = true }
  if cases.seed_of[t] then
    r.seed = cases.seed_of[t]
    return r
  end
  local values = t:detach():reshape(-1)
  if counted and INTEGER[dtype] then values = torch.where(values:gt(0), values - 1, values) end
  r.values = values:tolist()
  return r
end

function Case:value(p, v)
  local k = p.kind
  local counted = k == "J" or k == "X" or COUNTED[self.key] == p.name
  if is_tensor(v) then return self:tensor(v, counted) end
  if k == "L" or k == "X" then return each(v, function (t) return is_tensor(t) and self:tensor(t, counted) or t end) end
  if k == "d" or k == "D" or k == "e" then return each(v, down) end
  if p.name == "ignore_index" then return down(v) end
  if k == "y" then return { is_dtype = cases.dtype(v) } end
  return v
end

--- what Python is to be asked
function Case:question()
  local q = { id = self.id, key = self.key, args = {}, kw = {}, inplace = self.op.inplace_only }
  local by_name = false                      -- what follows an argument that was left out has to say its name
  for i, p in ipairs(self.form) do
    local v = self.values[p.name]
    by_name = by_name or p.keyword or v == nil or p.kind == "y"
    if v ~= nil and p.kind ~= "v" then
      if by_name then q.kw[p.name] = self:value(p, v) else q.args[i] = self:value(p, v) end
    end
  end
  return q
end

--- is result number k a list of positions, counted from 1 here?
function Case:counts(k)
  if POSITIONS[self.op.name] or self.op.name == "where" and #self.form == 1 then return true end
  local n = 0
  for word in self.form.results:gmatch "%S+" do
    n = n + 1
    if n == k or word == "L" then return word:match "J$" ~= nil end
  end
  return false
end

--- the arguments afresh, on a device, as the case's float dtype; and the leaves that want a gradient
function Case:arguments(device)
  local arguments, keywords = self.read(self.line)
  local leaves = {}
  local function move(v)
    if is_list(v) then
      local r = {}
      for k, x in pairs(v) do r[k] = move(x) end
      return r
    end
    if not is_tensor(v) then return v end
    local wants = v.requires_grad
    v = v:detach():to(device)
    if v.dtype == torch.float64 and self.float then v = v:to(torch[self.float]) end
    if wants and not self.op.inplace_only then
      v:requires_grad_()
      leaves[#leaves + 1] = v
    end
    return v
  end
  for k = 1, arguments.n do arguments[k] = move(arguments[k]) end
  if keywords then
    arguments.n = arguments.n + 1
    arguments[arguments.n] = move(keywords)
  end
  return arguments, leaves
end

local function space_of(op)
  local t = torch
  for name in (op.space or ""):gmatch "[^.]+" do t = t[name] end
  return t
end
function Case:call(arguments)
  local op = self.op
  local f = (op.inplace_only or not op.func) and torch._C.methods[op.name] or space_of(op)[op.name]
  return f(table.unpack(arguments, 1, arguments.n))
end

--- all cases, in an order that is always the same; few: only a part of them
function cases.all(few)
  local list, by_key = {}, {}
  local function add(op, key, line, read, float)
    local arguments, keywords = read(line)
    local form, values = bind(op, arguments, keywords)
    local case = setmetatable({ id = #list + 1, op = op, key = key, line = line, read = read, float = float, form = form,
      values = values }, Case)
    if form then list[#list + 1] = case end
  end
  for _, op in ipairs(torch._C.ops()) do
    local entry, key = samples.of(op)
    by_key[key] = op
    if op.space ~= "_C" and entry and not entry.random and not entry.loose and not entry.absent and not SKIP[op.name] then
      for i, line in ipairs(entry.ok) do
        if not few or i == 1 then add(op, key, line, samples.read) end
        if not few and line:find "%f[%w][dcput][%({]" then
          add(op, key, line, samples.read, "float32")
          add(op, key, line, samples.read, "float16")
        end
      end
    end
  end
  for i, large in ipairs(LARGE) do
    if not few or i % 12 == 1 then
      add(by_key[large[1]], large[1], large[2], read_large, "float32")
      if not few then add(by_key[large[1]], large[1], large[2], read_large) end
    end
  end
  return list
end

return cases
