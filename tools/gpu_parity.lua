-- gpu_parity.lua -- our results on a device beside PyTorch's on the same one.  tools/gpu_parity.py is the other half:
--   tlua tools/gpu_parity.lua ask DIR [few]               writes DIR/cases.jsonl, what PyTorch is to be asked
--   python3 tools/gpu_parity.py DIR DEVICE                writes DIR/answers.jsonl and DIR/answers.bin
--   tlua tools/gpu_parity.lua compare DIR DEVICE [few]    prints what differs, and a summary; DIR/parity.json
--   tlua tools/gpu_parity.lua run - DEVICE [few]          only runs it all, for compute-sanitizer to watch
-- Three parts: every operation, forward and gradients, with the same arguments; random numbers, bit for bit; the losses of
-- training runs that start alike.
local torch = require "torch"
local json = require "spec.support.json"
local cases = require "tools.gpu_cases"

local verb, dir, device, few = arg[1], arg[2], arg[3] or "cuda", arg[4] == "few" or arg[3] == "few"
local is_tensor = torch.is_tensor

-- ------------------------------------------------------------------ asking

local function encode(v)
  if type(v) == "table" then
    local parts = {}
    if #v > 0 or next(v) == nil then
      for i, x in ipairs(v) do parts[i] = encode(x) end
      return "[" .. table.concat(parts, ",") .. "]"
    end
    for name, x in pairs(v) do parts[#parts + 1] = ("%q:%s"):format(name, encode(x)) end
    return "{" .. table.concat(parts, ",") .. "}"
  elseif type(v) == "string" then return '"' .. v:gsub('[%c"\\]', function (c) return ("\\u%04x"):format(c:byte()) end) .. '"'
  elseif math.type(v) == "float" then
    return v ~= v and "NaN" or v == math.huge and "Infinity" or v == -math.huge and "-Infinity" or ("%.17g"):format(v)
  else return tostring(v) end
end

local function ask()
  local out = assert(io.open(dir .. "/cases.jsonl", "w"))
  for _, case in ipairs(cases.all(few)) do out:write(encode(case:question()), "\n") end
  out:close()
end

-- ------------------------------------------------------------------ comparing

local blob, failures, worst, counts = "", {}, {}, { cases = 0, compared = 0, refused = 0, gradients = 0 }

local function fail(what, ...)
  failures[#failures + 1] = what .. ": " .. string.format(...)
  print("  differs: " .. failures[#failures])
end

-- { dtype, shape, offset in the file, count }: float64 for floats, int64 for the rest
local function stored(a)
  local real = a.dtype:find "float" ~= nil
  local text = blob:sub(a.offset + 1, a.offset + 8 * a.count)
  local dtype = real and torch.float64 or torch.int64
  if a.count == 0 then return torch.empty(0, { dtype = dtype, device = "cpu" }) end
  return torch.from_buffer(text, { dtype = dtype }), real
end

local TOLERANCE = { float64 = 1e-9, float32 = 5e-5, float16 = 4e-3, bfloat16 = 3e-2 }

-- the widest distance, absolute below 1 and relative above; huge where one is NaN or infinite and the other isn't
local function distance(a, b)
  local same = a:eq(b):logical_or(a:isnan():logical_and(b:isnan()))
  local d = torch.where(same, torch.zeros_like(a), (a - b):abs() / b:abs():clamp_min(1))
  d = torch.where(d:isfinite(), d, torch.full_like(d, math.huge))
  return d:max():item()
end

local function compare(what, mine, theirs, position, float)
  local dtype, want, real
  if type(mine) == "boolean" or type(mine) == "number" then mine = torch.tensor(mine, { device = "cpu" }) end
  dtype = cases.dtype(mine)
  if dtype ~= theirs.dtype then return fail(what, "dtype %s, PyTorch %s", dtype, theirs.dtype) end
  if table.concat(mine.shape, ",") ~= table.concat(theirs.shape, ",") then
    return fail(what, "shape %s, PyTorch %s", table.concat(mine.shape, ","), table.concat(theirs.shape, ","))
  end
  if theirs.count == 0 then return end
  want, real = stored(theirs)
  mine = mine:detach():cpu():reshape(-1)
  if not real then
    mine = mine:to(torch.int64)
    if position then mine = mine - 1 end
    if not torch.equal(mine, want) then fail(what, "%d of %d differ", mine:ne(want):sum():item(), want:numel()) end
    return
  end
  local d = distance(mine:to(torch.float64), want)
  local least = float or dtype
  worst[dtype] = math.max(worst[dtype] or 0, d)
  if d > (TOLERANCE[least] or TOLERANCE[dtype]) then fail(what, "off by %.3g", d) end
end

local function flat(...)
  local r = {}
  for k = 1, select("#", ...) do
    local v = select(k, ...)
    if type(v) == "table" then for _, t in ipairs(v) do r[#r + 1] = t end else r[#r + 1] = v end
  end
  return r
end

-- what the gradients are taken of: results weighted by 0.25, 0.5, ... so that no two places are alike
local function weighted(results)
  local sum
  for _, t in ipairs(results) do
    if is_tensor(t) and t.requires_grad and cases.dtype(t):find "float" then
      local w = (torch.arange(0, t:numel(), { device = t.device }) * 7 % 5 + 1):to(t.dtype):reshape(t.shape) / 4
      local s = (t * w):sum()
      sum = sum and sum + s or s
    end
  end
  return sum
end

local function compare_case(case, answer)
  local what = ("%s(%s)%s"):format(case.key, case.line, case.float and " " .. case.float or "")
  counts.cases = counts.cases + 1
  if answer.refused then
    counts.refused = counts.refused + 1
    return
  end
  local arguments, leaves = case:arguments(device)
  local results = flat(case:call(arguments))
  if #results ~= #answer.out then return fail(what, "%d results, PyTorch %d", #results, #answer.out) end
  for k, t in ipairs(results) do compare(what .. " result " .. k, t, answer.out[k], case:counts(k), case.float) end
  counts.compared = counts.compared + 1
  if not answer.grad then return end
  local sum = weighted(results)
  if not sum then return fail(what, "no gradient, PyTorch has one") end
  sum:backward()
  for k, leaf in ipairs(leaves) do
    local theirs = answer.grad[k]
    if theirs == json.null or theirs == nil then
      if leaf.grad and leaf.grad:ne(0):any() then fail(what .. " gradient " .. k, "PyTorch has none") end
    elseif not leaf.grad then
      if theirs.count > 0 and stored(theirs):ne(0):any() then fail(what .. " gradient " .. k, "none") end
    else compare(what .. " gradient " .. k, leaf.grad, theirs, false, case.float) end
  end
  counts.gradients = counts.gradients + 1
end

-- ------------------------------------------------------------------ random numbers, the same list as in gpu_parity.py

local function fresh(n, dtype) return torch.empty(n, { dtype = dtype }) end
local RANDOM = {
  { "rand 8", function () return torch.rand(8) end }, { "rand 1000", function () return torch.rand(1000) end },
  { "randn 1000", function () return torch.randn(1000) end, 2 },
  { "rand 300000", function () return torch.rand(300000) end },
  { "randn 300001", function () return torch.randn(300001) end, 2 },
  { "rand float64", function () return torch.rand(777, { dtype = torch.float64 }) end },
  { "uniform_", function () return fresh(5001):uniform_(-2, 3) end },
  { "normal_", function () return fresh(5001):normal_(1, 2) end, 4 },
  { "randint 10", function () return torch.randint(0, 10, { 4001 }) end },
  { "randint 2^40", function () return torch.randint(0, 2 ^ 40 | 0, { 4001 }) end },
  { "bernoulli_", function () return fresh(9001):bernoulli_(0.3) end },
  { "bernoulli", function () return torch.full({ 3003 }, 0.25):bernoulli() end },
  { "dropout", function () return torch.nn.functional.dropout(torch.ones(10007), 0.4) end },
  { "dropout twice", function () return torch.nn.functional.dropout(torch.ones(64, 100), 0.5) end },
  { "exponential_", function () return fresh(2003):exponential_(1.5) end, 4 },
  { "rand float16", function () return torch.rand(1003, { dtype = torch.float16 }) end },
}

local function compare_random(answers)
  local equal, n = 0, 0
  for _, seed in ipairs { 0, 1234567 } do
    torch.manual_seed(seed)
    for _, r in ipairs(RANDOM) do
      local name = ("seed %d %s"):format(seed, r[1])
      local theirs = answers[name]
      local mine = r[2]()
      if theirs then
        local want = stored(theirs)
        mine = mine:cpu():reshape(-1):to(want.dtype)
        n = n + 1
        if torch.equal(mine, want) then equal = equal + 1
        elseif not r[3] then fail("random " .. name, "%d of %d differ", mine:ne(want):sum():item(), want:numel())
        elseif distance(mine, want) > r[3] * 2 ^ -23 * 4 then fail("random " .. name, "off by %.3g", distance(mine, want)) end
      end
    end
  end
  return equal, n
end

-- ------------------------------------------------------------------ training, the same programs as in gpu_parity.py

local nn, optim = torch.nn, torch.optim
-- from the CPU's generator, which is PyTorch's
local function draw(...) return torch.randn({ ... }, { device = "cpu" }):to(device) end

local TRAIN = {}
function TRAIN.tensors()
  local x, y, w1, w2 = draw(64, 1000), draw(64, 10), draw(1000, 100), draw(100, 10)
  return function ()
    local h = x:mm(w1)
    local relu = h:clamp{ min = 0 }
    local fit = relu:mm(w2)
    local g = 2.0 * (fit - y)
    local gw2, gh = relu:t():mm(g), g:mm(w2:t())
    gh[h:lt(0)] = 0
    local gw1 = x:t():mm(gh)
    w1:sub_(1e-6 * gw1)
    w2:sub_(1e-6 * gw2)
    return (fit - y):pow(2):sum()
  end
end
function TRAIN.autograd()
  local x, y, w1, w2 = draw(64, 1000), draw(64, 10), draw(1000, 100):requires_grad_(), draw(100, 10):requires_grad_()
  return function ()
    local loss = (x:mm(w1):clamp{ min = 0 }:mm(w2) - y):pow(2):sum()
    loss:backward()
    torch.no_grad(function ()
      for _, w in ipairs { w1, w2 } do
        w:sub_(1e-6 * w.grad)
        w.grad = nil
      end
    end)
    return loss
  end
end
local function trained(make, criterion, labels)
  return function ()
    local x = draw(64, 1000)
    local y = labels and (torch.arange(0, 64, { device = "cpu" }) % 10 + 1):to(device) or draw(64, 10)
    local default = torch.get_default_device()
    torch.set_default_device("cpu")          -- first weights from the CPU's generator too
    local model = nn.Sequential(nn.Linear(1000, 100), nn.ReLU(), nn.Linear(100, 10)):to(device)
    torch.set_default_device(default)
    local optimizer = make(model:parameters())
    return function ()
      local loss = criterion(model(x), y)
      optimizer:zero_grad()
      loss:backward()
      optimizer:step()
      return loss
    end
  end
end
TRAIN.sgd = trained(function (p) return optim.SGD(p, { lr = 1e-4, momentum = 0.9 }) end, nn.MSELoss{ reduction = "sum" })
TRAIN.adam = trained(function (p) return optim.Adam(p, { lr = 1e-4 }) end, nn.MSELoss{ reduction = "sum" })
TRAIN.rmsprop = trained(function (p) return optim.RMSprop(p, { lr = 1e-4 }) end, nn.MSELoss{ reduction = "sum" })
TRAIN.classes = trained(function (p) return optim.Adam(p, { lr = 1e-3 }) end, nn.CrossEntropyLoss(), true)

local function compare_training(answers)
  local r = {}
  for _, name in ipairs { "tensors", "autograd", "sgd", "adam", "rmsprop", "classes" } do
    local theirs = answers["train " .. name]
    if theirs then
      torch.manual_seed(0)
      local step, far, last = TRAIN[name](), 0, nil
      for i, want in ipairs(theirs.losses) do
        last = step():item()
        local d = math.abs(last - want) / math.max(math.abs(want), 1e-6)
        far = math.max(far, d)
        if i == 1 and d > 1e-5 then fail("training " .. name, "first loss %.9g, PyTorch %.9g", last, want) end
      end
      if far > 0.02 then fail("training " .. name, "losses part by %.3g", far) end
      r[#r + 1] = { name = name, steps = #theirs.losses, furthest = far, last = last, theirs = theirs.losses[#theirs.losses] }
    end
  end
  return r
end

-- ------------------------------------------------------------------ all of it

local function read_all()
  local answers, extra, first = {}, {}, nil
  for line in io.lines(dir .. "/answers.jsonl") do
    local a = json.decode(line)
    if a.id then answers[a.id] = a elseif a.name then extra[a.name] = a else first = a end
  end
  local f = assert(io.open(dir .. "/answers.bin", "rb"))
  blob = f:read "a"
  f:close()
  return answers, extra, first
end

local function main()
  local answers, extra, first = read_all()
  torch.set_default_device(device)
  for _, case in ipairs(cases.all(few)) do
    local answer = answers[case.id]
    if answer then
      local ok, why = pcall(compare_case, case, answer)
      if not ok then fail(case.key .. "(" .. case.line .. ")", "%s", tostring(why)) end
    end
  end
  local equal, n = compare_random(extra)
  local curves = compare_training(extra)
  print(("operations: %d cases, %d compared, %d with gradients, %d that PyTorch does not take; random: %d of %d equal"):format(
    counts.cases, counts.compared, counts.gradients, counts.refused, equal, n))
  for dtype, d in pairs(worst) do print(("furthest %-9s %.3g"):format(dtype, d)) end
  for _, c in ipairs(curves) do
    print(("training %-9s %d steps, losses within %.2g; last %.6g, PyTorch %.6g"):format(c.name, c.steps, c.furthest, c.last, c.theirs))
  end
  print(("parity with PyTorch %s on %s: %d differ"):format(first.version, first.device, #failures))
  local out = assert(io.open(dir .. "/parity.json", "w"))
  out:write(encode{ pytorch = first.version, device = first.device, counts = counts, furthest = worst, random_equal = equal,
    random = n, training = curves, failures = failures }, "\n")
  out:close()
  os.exit(#failures == 0, true)
end

local function run()
  local n = 0
  torch.set_default_device(device)
  for _, case in ipairs(cases.all(few)) do
    local ok, why = pcall(function ()
      local sum = weighted(flat(case:call((case:arguments(device)))))
      if sum then sum:backward() end
    end)
    if not ok then fail(case.key .. "(" .. case.line .. ")", "%s", tostring(why)) end
    n = n + 1
  end
  for _, r in ipairs(RANDOM) do r[2]() end
  torch.cuda.synchronize()
  print(("%d cases ran, %d failed"):format(n, #failures))
  os.exit(#failures == 0, true)
end

if verb == "ask" then ask() elseif verb == "compare" then main() elseif verb == "run" then run()
else
  io.stderr:write("usage: gpu_parity.lua ask|compare|run DIR [DEVICE] [few]\n")
  os.exit(2)
end
