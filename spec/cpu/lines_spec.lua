-- Lines that are reduced, scanned or softmaxed together have the figures that each has alone, to the bit.
local torch = require "torch"
local helper = require "spec.support.helper"

local lengths = { 1, 3, 31, 32, 33, 63, 64, 65, 130, 513, 1100 }
local counts = { 1, 3, 4, 5, 15, 16, 17, 300 }

-- packed, every other column, every other line, one line for all; integers with ties, and some nan
local function layouts (count, n, dtype)
  local values = torch.randint(-3, 4, { count * 2, n * 2 }):to(torch[dtype])
  local x = values[{ { 1, count }, { 1, n } }]
  local of = { x:contiguous(), values[{ { 1, count }, { 1, -1, 2 } }], values[{ { 1, -1, 2 }, { 1, n } }],
               x[{ { 1, 1 } }]:expand(count, n), torch.randn(n, count):to(torch[dtype]):t() }
  if dtype:match "float" then of[#of + 1] = torch.where(x:eq(2), 0 / 0, x) end
  return of
end

-- f of all lines against f of each
local function alone (x, f)
  local all = table.pack(f(x, 2))
  for i = 1, x:size(1), math.max(1, x:size(1) // 5) do
    for k, part in ipairs(table.pack(f(x[i]:clone(), 1))) do
      assert(torch.allclose(all[k][i], part, { rtol = 0, atol = 0, equal_nan = true }))
    end
  end
end

local function each_layout (dtypes, f)
  torch.manual_seed(1)
  for _, dtype in ipairs(dtypes) do
    for _, n in ipairs(lengths) do
      for _, count in ipairs(counts) do
        if n * count < 20000 then for _, x in ipairs(layouts(count, n, dtype)) do f(x) end end
      end
    end
  end
end

describe("lines together", function ()
  it("reduce as alone", function ()
    each_layout({ "float32", "float64", "int64", "int8", "float16" }, function (x)
      for _, op in ipairs { "amax", "amin", "argmax", "any", "all", "max", "min" } do alone(x, x[op]) end
      if x:stride(1) < x:stride(2) then return end         -- side by side: added up in another order
      alone(x, x.prod)
      if tostring(x.dtype):find "float" then
        alone(x, function (y, d) return y:norm(2, d) end)
        if x:size(2) > 1 then alone(x, x.var) end
      else alone(x, x.sum) end
    end)
  end)

  it("scan as alone, in place too, and from the end", function ()
    each_layout({ "float32", "int64", "float16" }, function (x)
      alone(x, x.cumsum)
      alone(x, x.cummax)
      assert(torch.allclose(x:clone():cumsum_(2), x:cumsum(2), { rtol = 0, atol = 0, equal_nan = true }))
      if x.dtype ~= torch.int64 then
        local leaf = x:clone():requires_grad_()
        leaf:cumsum(2):backward(x)
        local back = torch.arange(x:size(2), 0, -1)
        local want = x:index_select(2, back):cumsum(2):index_select(2, back)
        assert(torch.allclose(leaf.grad, want, { rtol = 0, atol = 0, equal_nan = true }))
      end
    end)
  end)

  it("name the first place in the flattened whole", function ()
    local x = torch.zeros(300, 7, 11)
    x[217][3][5] = 4
    x[217][3][6] = 4
    assert.are.equal(216 * 77 + 2 * 11 + 5, x:argmax():item())
    assert.are.equal(4 * 2100 + 2 * 300 + 217, x:permute(3, 2, 1):argmax():item())
  end)

  it("are the same in slabs as in short lines, with one thread and two", function ()
    torch.manual_seed(3)
    local n, threads = 700001, torch.get_num_threads()
    local x = torch.randint(-1000, 1000, { n }, { dtype = torch.float64 })
    x[650000], x[300], x[40] = 2000, 2000, -2000
    local function of_all (v)
      local most, at = v:max(1)
      local least, place = v:min(1)
      return { v:amax():item(), v:amin():item(), most:item(), at:item(), least:item(), place:item(), v:argmax():item(),
        v:argmin():item(), v:any(), v:all(), v:long():sum():item(), (v * 0 + 1.00001):prod():item(), v:norm():item(),
        v:norm(1):item(), v:norm(math.huge):item(), v:var():item(), v:std():item() }
    end
    torch.set_num_threads(1)
    local one = of_all(x)
    torch.set_num_threads(2)
    local two = of_all(x)
    torch.set_num_threads(threads)
    assert.are.same(one, two)
    assert.are.same({ 2000, -2000, 2000, 300, -2000, 40, 300, 40, true, false, x:sum():item() }, { table.unpack(one, 1, 11) })
    local mean = x:sum():item() / n
    local square = x:pow(2):sum():item()
    for i, want in ipairs { 1.00001 ^ n, square ^ 0.5, x:abs():sum():item(), 2000, (square - n * mean ^ 2) / (n - 1),
      ((square - n * mean ^ 2) / (n - 1)) ^ 0.5 } do
      assert.is_true(math.abs(one[11 + i] / want - 1) < 1e-9, i .. ": " .. one[11 + i] .. " instead of " .. want)
    end
    x[650001], x[77] = 0 / 0, 0 / 0
    assert.are.equal(77, x:argmax():item())
    assert.is_true(x:amax():isnan():item() and x:norm(math.huge):isnan():item())
  end)

  it("add up a broadcast column once", function ()
    for _, n in ipairs { 1, 3, 4, 5, 300 } do
      assert.are.same(torch.full({ n }, 2000.):tolist(), torch.full({}, 2.):expand(1000, n):sum(1):tolist())
    end
  end)

  it("have the losses of each", function ()
    torch.manual_seed(2)
    local F, x, y = torch.nn.functional, torch.randn(1100, 5), torch.randint(1, 6, { 1100 })
    y[700] = -100
    local each = F.nll_loss(x, y, { reduction = "none" })
    for i = 1, 1100, 37 do assert.are.equal(-x[i][y[i]:item()]:item(), each[i]:item()) end
    assert.are.equal(0, each[700]:item())
    assert.is_true(math.abs(F.nll_loss(x, y):item() - each:sum():item() / 1099) < 1e-5)
    y[1099] = 6
    helper.raises(function () F.nll_loss(x, y) end, "6")
  end)
end)
