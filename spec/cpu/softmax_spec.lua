-- Softmax lines of any layout and dtype; the labelled losses that stand on them.
local torch = require "torch"
local helper = require "spec.support.helper"
local F = torch.nn.functional

local function f32(x) return (string.unpack("<f", string.pack("<f", x))) end

-- running lanes, leftovers onto the first ones, then a tree
local function lanes(v, join)
  local n = #v
  if n < 8 then
    local r = v[1]
    for i = 2, n do r = join(r, v[i]) end
    return r
  end
  local lane = { table.unpack(v, 1, 8) }
  for i = 9, n do
    local k = (i - 1) % 8 + 1
    lane[k] = join(lane[k], v[i])
  end
  for _, half in ipairs { 4, 2, 1 } do
    for k = 1, half do lane[k] = join(lane[k], lane[k + half]) end
  end
  return lane[1]
end
local function add(a, b) return f32(a + b) end

describe("softmax", function()
  it("adds up as PyTorch does, bit for bit, over the last dim", function()
    torch.manual_seed(1)
    for _, n in ipairs { 1, 3, 7, 8, 9, 17, 100, 512, 513, 1030 } do
      local x = torch.randn(2, n) * 3
      local soft, log = x:softmax(2):tolist(), x:log_softmax(2):tolist()
      for i, values in ipairs(x:tolist()) do
        local most = lanes(values, math.max)
        local shifted = torch.tensor(values) - most
        local e = shifted:exp()
        local total = lanes(e:tolist(), add)
        local scale, logarithm = f32(1 / total), torch.tensor(total):log():item()
        assert.same((e * scale):tolist(), soft[i])
        assert.same((shifted - logarithm):tolist(), log[i])
      end
    end
  end)

  it("is the same along every dim and in every layout", function()
    torch.manual_seed(2)
    local kinds = { [torch.float32] = 1e-6, [torch.float64] = 1e-14, [torch.float16] = 2e-3, [torch.bfloat16] = 2e-2 }
    for dtype, tol in pairs(kinds) do
      local x = torch.randn(5, 70, 9):to(dtype)
      for d = 1, 3 do
        local y = x:transpose(d, 3):contiguous():softmax(3):transpose(d, 3)
        local l = x:transpose(d, 3):contiguous():log_softmax(3):transpose(d, 3)
        local views = { x, x:transpose(1, 3):contiguous():transpose(1, 3), torch.stack({ x, x }, 4)[{ {}, {}, {}, 1 }] }
        for _, view in ipairs(views) do
          helper.close_to(view:softmax(d):to(torch.float64), y:to(torch.float64), tol)
          helper.close_to(view:log_softmax(d):to(torch.float64), l:to(torch.float64), 10 * tol)
        end
      end
    end
  end)

  it("survives large and missing numbers", function()
    local x = torch.tensor { { 1e30, 1e30, -1e30 }, { -math.huge, 0., 0. } }
    assert.same({ { .5, .5, 0. }, { 0., .5, .5 } }, x:softmax(2):tolist())
    assert.same({ { .5, 1. }, { .5, 0. } }, torch.tensor { { 1e30, 1e30 }, { 1e30, -1e30 } }:softmax(1):tolist())
    assert.is_true(torch.tensor { { 0 / 0, 1. } }:softmax(2):isnan():all())
    assert.is_true(torch.tensor { { -math.huge, -math.huge } }:softmax(2):isnan():all())
  end)

  it("has the same bits for any number of threads", function()
    local before, x = torch.get_num_threads(), torch.randn(300, 1000)
    torch.set_num_threads(1)
    local one, across = x:softmax(2), x:softmax(1)
    torch.set_num_threads(3)
    assert.is_true(torch.equal(one, x:softmax(2)))
    assert.is_true(torch.equal(across, x:softmax(1)))
    torch.set_num_threads(before)
  end)
end)

describe("nll_loss", function()
  it("adds up in PyTorch's cascade", function()
    torch.manual_seed(3)
    for _, n in ipairs { 1, 5, 64, 1000 } do
      local x, t = torch.randn(n, 4), torch.randint(1, 5, { n })
      local level, scores, labels = { 0., 0., 0., 0., 0., 0., 0., 0. }, x:tolist(), t:tolist()
      for b = 0, n - 1 do
        level[1] = f32(level[1] - scores[b + 1][labels[b + 1]])
        for j = 1, 7 do
          if b & (15 << ((j - 1) * 4)) ~= 0 then break end
          level[j + 1] = f32(level[j + 1] + level[j])
          level[j] = 0.
        end
      end
      local total = 0.
      for _, v in ipairs(level) do total = f32(total + v) end
      assert.equal(total, F.nll_loss(x, t, { reduction = "sum" }):item())
      assert.equal(f32(total / n), F.nll_loss(x, t):item())
    end
  end)

  it("names a label that is out of range, and leaves ignored ones out", function()
    local x = torch.randn(3, 4):log_softmax(2)
    for _, bad in ipairs { 0, 5 } do
      local labels = torch.tensor { 1, bad, 2 }
      helper.raises(function() return F.nll_loss(x, labels) end, ("Target %d is out of bounds"):format(bad))
    end
    local all = F.nll_loss(x, torch.tensor { 1, 3, 2 }, { ignore_index = 3 }):item()
    helper.close_to(all, -(x[1][1]:item() + x[3][2]:item()) / 2, 1e-6)
  end)
end)
