-- What goes along lines (sums, extremes and their places, norms, variances, running sums, softmax, nll) gives on the card
-- what it gives on the CPU: every dtype, any layout, and shapes that meet each form of the kernels: a thread, a warp and
-- a block a line, lines side by side, lines cut up among blocks.  Runs where there is a card, simulated or not.
local torch = require "torch"

if not torch.cuda.is_available() then return end

local floats = { torch.float32, torch.float64, torch.float16, torch.bfloat16 }
local whole = { torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool }
local both = { table.unpack(floats) }
for _, d in ipairs(whole) do both[#both + 1] = d end
local ordered = { table.unpack(both, 1, #both - 1) }   -- argmax refuses bool

local seed = 1
local function draw(n)                                 -- from 1 to n; the same figures on every run
  seed = (seed * 6364136223846793005 + 1442695040888963407) & -1
  return (seed >> 33) % n + 1
end

local shapes = {
  {}, { 1 }, { 7 }, { 33 }, { 1000 }, { 9001 }, { 40000 }, { 5, 6 }, { 40, 3 }, { 3, 40 }, { 300, 5 }, { 2, 5000 }, { 5000, 4 },
  { 64, 100 }, { 4, 1025 }, { 3, 13000 }, { 7, 1, 9 }, { 6, 20, 11 }, { 3, 600, 8 }, { 2, 3, 4, 5 }, { 5, 17, 6, 7 },
}

--- a tensor on the CPU and the same on the card, perhaps permuted, with gaps or with a broadcast dim
local function pair(shape, dtype, values)
  local n, size = #shape, { table.unpack(shape) }
  local gaps, order = draw(3) == 1, {}
  for d = 1, n do order[d] = d end
  if draw(3) == 1 then for d = n, 2, -1 do local e = draw(d); order[d], order[e] = order[e], order[d] end end
  local back, lie = {}, {}
  for d = 1, n do lie[d], back[order[d]] = size[order[d]] + (gaps and d == n and 3 or 0), d end
  local x = torch.tensor(0.0):expand(lie):clone()
  if values == "ties" then x:random_(0, 4) else x:normal_() end
  if values == "near one" then x = x * 0.05 + 1 end
  if values == "wild" then
    x = x:masked_fill(x:gt(2), math.huge):masked_fill(x:lt(-2.2), -math.huge):masked_fill((x - 1):abs():lt(0.001), 0 / 0)
  end
  if dtype == torch.bool then x = x:gt(0.5) elseif not dtype.is_floating_point then x = (x * 20):abs() end
  x = x:to(dtype)
  local out = {}
  for k, t in ipairs{ x, x:cuda() } do
    if n > 0 and gaps then t = t:narrow(n, 2, lie[n] - 3) end
    if n > 1 then t = t:permute(back) end
    out[k] = t
  end
  return out[1], out[2]
end

local slack = { [torch.float32] = 2e-5, [torch.float64] = 1e-11, [torch.float16] = 2e-3, [torch.bfloat16] = 1.6e-2 }

local function same(want, got, scale, words)
  got = got:cpu()
  assert.equal(want.dtype, got.dtype, words)
  local e = slack[want.dtype]
  local ok = torch.allclose(want:double(), got:double(), { rtol = e or 0, atol = (e or 0) * scale, equal_nan = true })
  if not ok then error(("%s: %s on the CPU, %s on the card"):format(words, tostring(want), tostring(got)), 0) end
end

--- f(x) on both sides for every shape; values by turns
local function compare(name, dtypes, kinds, f, least)
  for k, shape in ipairs(shapes) do
    if #shape >= (least or 0) then
      local dtype, values = dtypes[draw(#dtypes)], kinds[k % #kinds + 1]
      local a, b = pair(shape, dtype, values)
      local dim = #shape > 0 and draw(#shape) or 1
      local want, got = { f(a, dim) }, { f(b, dim) }
      for q = 1, #want do
        local words = { name, table.concat(shape, "x"), tostring(dtype), values, "dim " .. dim, "result " .. q }
        same(want[q], got[q], 1 + math.sqrt(a:numel()), table.concat(words, ", "))
      end
    end
  end
end

local function all_and_along(method, ...)
  local rest = { ... }
  return function (x, dim)
    if x:dim() == 0 then return x[method](x) end
    return x[method](x, dim, table.unpack(rest)), x[method](x, dim, true)
  end
end

describe("lines on the card", function ()
  local default = torch.get_default_device()           -- the specs may run with another one
  setup(function () torch.set_default_device("cpu"); torch.manual_seed(3) end)
  teardown(function () torch.set_default_device(default) end)

  local plain, wild = { "plain", "ties" }, { "plain", "ties", "wild" }

  it("sum and multiply", function ()
    for _ = 1, 3 do
      compare("sum", both, wild, all_and_along("sum"))
      compare("sum of all", both, wild, function (x) return x:sum() end)
      compare("mean of two dims", floats, plain, function (x, d) return x:mean({ d, d % x:dim() + 1 }) end, 2)
      compare("prod", floats, { "near one" }, all_and_along("prod"))
      compare("prod", whole, { "ties" }, all_and_along("prod"))
    end
  end)

  it("find the largest, the smallest and where", function ()
    for _ = 1, 3 do
      for _, name in ipairs{ "amax", "amin", "argmax", "argmin" } do
        compare(name, ordered, wild, all_and_along(name))
        compare(name .. " of all", ordered, wild, function (x) return x[name](x) end)
      end
      compare("max", both, wild, function (x, d) return x:max(d) end)
      compare("min", both, wild, function (x, d) return x:min(d, true) end)
    end
  end)

  it("tell any and all", function ()
    compare("any", both, wild, function (x, d) return x:any(d) end, 1)
    compare("all", both, wild, function (x, d) return x:all(d) end, 1)
  end)

  it("measure: norms, variances, standard deviations", function ()
    for _, p in ipairs{ 0, 1, 2, 3, 0.5, math.huge, -math.huge } do
      compare("norm " .. p, floats, wild, function (x, d) return x:dim() > 0 and x:norm(p, d) or x:norm(p) end)
    end
    for _ = 1, 3 do
      compare("var", floats, wild, function (x, d) return x:var(d) end, 1)
      compare("std", floats, plain, function (x, d) return x:std(d, { correction = 0 }), x:std() end, 1)
    end
  end)

  it("give the start values for nothing", function ()
    local a, b = torch.zeros(3, 0), torch.zeros(3, 0, { device = "cuda" })
    for _, name in ipairs{ "sum", "prod", "mean", "any", "all", "norm" } do
      local f = name == "norm" and function (x) return x:norm(2, 2) end or function (x) return x[name](x, 2) end
      same(f(a), f(b), 1, name)
    end
  end)

  it("run along a dim", function ()
    for _ = 1, 3 do
      compare("cumsum", both, wild, function (x, d) return x:cumsum(d) end)
      compare("cumprod", floats, { "near one" }, function (x, d) return x:cumprod(d) end)
      compare("cummax", both, wild, function (x, d) return x:cummax(d) end)
      compare("cummin", both, wild, function (x, d) return x:cummin(d) end)
    end
  end)

  it("are softmaxed, forwards and backwards", function ()
    for _ = 1, 2 do
      for _, name in ipairs{ "softmax", "log_softmax" } do
        compare(name, floats, wild, function (x, d) return x[name](x, d) end)
        compare(name .. "'s slope", floats, plain, function (x, d)
          x = x:detach():requires_grad_()
          local y = x[name](x, d)
          y:backward(y:detach() * 0.5 + 1)
          return x.grad
        end)
      end
    end
  end)

  it("are softmaxed at every length that has a kernel of its own", function ()
    -- held by a warp, by a block, in shared memory, nowhere; a length of whole 16 bytes and one that is not
    for _, dtype in ipairs(floats) do
      for _, n in ipairs{ 64, 65, 136, 1024, 1001, 9008, 9009, 6144, 12288, 24576, 30008, 30001, 120000, 119999 } do
        local x = torch.randn(2, n):to(dtype)
        if n % 5 == 0 then x[{ 1, n // 2 }] = -math.huge end
        for _, name in ipairs{ "softmax", "log_softmax" } do
          local function f(v)
            v = v:detach():requires_grad_()
            local y = v[name](v, 2)
            y:backward(y:detach() * 0.5 + 1)
            return y:detach(), v.grad
          end
          local want, got = { f(x) }, { f(x:cuda()) }
          for k = 1, 2 do same(want[k], got[k], k == 1 and 1 or math.sqrt(n), ("%s of %d %s, result %d"):format(name, n, dtype, k)) end
        end
        local to = dtype == torch.float64 and torch.float32 or torch.float64
        same(x:softmax(2, { dtype = to }), x:cuda():softmax(2, { dtype = to }), 1, ("softmax of %d %s as %s"):format(n, dtype, to))
      end
    end
    for _, odd in ipairs{ math.huge, 0 / 0 } do
      for _, n in ipairs{ 64, 9009, 120000 } do
        local x = torch.zeros(2, n)
        x[{ 1, n - 1 }] = odd
        same(x:softmax(2), x:cuda():softmax(2), 1, ("softmax of %d with %s"):format(n, odd))
      end
    end
    local none = torch.full({ 2, 9009 }, -math.huge)
    assert.is_true(none:cuda():softmax(2):isnan():all())
  end)

  it("lose by label", function ()
    local F = torch.nn.functional
    for _, n in ipairs{ 1, 30, 300, 5000 } do
      local score, label = torch.randn(n, 5), torch.randint(1, 6, { n })
      local weight = torch.rand(5) + 0.5
      for _, how in ipairs{ "none", "sum", "mean" } do
        for _, w in ipairs{ false, weight } do
          local function f(x, y, c)
            x = x:detach():requires_grad_()
            local loss = F.nll_loss(x, y, { weight = c or nil, reduction = how, ignore_index = 2 })
            loss:sum():backward()
            return loss:detach(), x.grad
          end
          local want, got = { f(score, label, w) }, { f(score:cuda(), label:cuda(), w and w:cuda()) }
          for k = 1, 2 do same(want[k], got[k], n, how) end
        end
      end
      assert.error_matches(function ()
        F.nll_loss(score:cuda(), torch.full({ n }, 9):long():cuda()):item()
      end, "Target 9 is out of bounds %(classes are 1 to 5%)")
    end
  end)
end)
