-- Gathers and scatters: every dtype, any layout, and nothing written before all indices are known to be good.
local torch = require "torch"
local helper = require "spec.support.helper"

local dtypes = { torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.int8, torch.int16,
                 torch.int32, torch.int64, torch.bool }

describe("gather", function()
  it("moves elements of every dtype along every dim", function()
    torch.manual_seed(1)
    local source = torch.randint(0, 100, { 4, 5, 6 })
    for _, dtype in ipairs(dtypes) do
      local x = source:to(dtype)
      local values = x:tolist()
      for _, view in ipairs { x, x:transpose(1, 3):contiguous():transpose(1, 3) } do
        for d = 1, 3 do
          local index = torch.randint(1, x:size(d) + 1, { 4, 5, 6 })
          local y, at = view:gather(d, index):tolist(), index:tolist()
          for i = 1, 4 do for j = 1, 5 do for k = 1, 6 do
            local p = { i, j, k }
            p[d] = at[i][j][k]
            assert.equal(values[p[1]][p[2]][p[3]], y[i][j][k])
          end end end
        end
      end
    end
  end)

  it("takes smaller integers as indices", function()
    local x = torch.arange(10)
    for _, dtype in ipairs { torch.uint8, torch.int32, torch.int64 } do
      assert.same({ 9, 0, 4 }, x:index_select(1, torch.tensor({ 10, 1, 5 }, { dtype = dtype })):tolist())
    end
  end)

  it("is right for lines and rows of any length, packed or not", function()
    torch.manual_seed(5)
    for _, shape in ipairs { { 3, 1500 }, { 1500, 3 }, { 40, 50 }, { 2100, 1 }, { 2, 70000 }, { 700, 20 } } do
      local r, c = shape[1], shape[2]
      local number = torch.arange(r * c):view(r, c)
      local row, column = torch.arange(r):view(r, 1) * c, torch.arange(c):view(1, c)
      for _, dtype in ipairs { torch.float64, torch.int32, torch.int16, torch.uint8 } do
        local x = number:to(dtype)
        for _, view in ipairs { x, x:t():contiguous():t() } do
          local index = torch.randint(1, c + 1, { r, c })
          assert.truthy(torch.equal(view:gather(2, index), (row + index - 1):to(dtype)))
          assert.truthy(torch.equal(view:gather(2, index:narrow(2, 1, (c + 1) // 2)),
                                    (row + index - 1):to(dtype):narrow(2, 1, (c + 1) // 2)))
          assert.truthy(torch.equal(view:index_select(2, index[1]), (row + index[1] - 1):to(dtype)))
          index = torch.randint(1, r + 1, { c, r }):t()
          assert.truthy(torch.equal(view:gather(1, index), ((index - 1) * c + column):to(dtype)))
          local rows = index:select(2, 1)
          assert.truthy(torch.equal(view:index_select(1, rows), ((rows:view(r, 1) - 1) * c + column):to(dtype)))
          assert.truthy(torch.equal(view[rows], ((rows:view(r, 1) - 1) * c + column):to(dtype)))
        end
      end
    end
  end)
end)

describe("scatter", function()
  it("adds whole rows as it adds elements", function()
    torch.manual_seed(6)
    for _, width in ipairs { 1, 3, 17, 1100 } do
      local rows, src = torch.randint(1, 6, { 1300 }), torch.randn(1300, width)
      local want = torch.zeros(5, width):scatter_add(1, rows:view(1300, 1):expand(1300, width):contiguous(), src)
      assert.truthy(torch.equal(want, torch.zeros(5, width):index_add(1, rows, src)))
      assert.truthy(torch.equal(want:t(), torch.zeros(width, 5):index_add(2, rows, src:t())))
    end
  end)

  it("adds in order, so that sums are the same every time", function()
    torch.manual_seed(2)
    local index, src = torch.randint(1, 8, { 3000 }), torch.randn(3000)
    local want, at, values = {}, index:tolist(), src:tolist()
    for i = 1, 7 do want[i] = 0 end
    for i = 1, 3000 do want[at[i]] = (string.unpack("<f", string.pack("<f", want[at[i]] + values[i]))) end
    local before = torch.get_num_threads()
    for _, threads in ipairs { 1, 3 } do
      torch.set_num_threads(threads)
      assert.same(want, torch.zeros(7):scatter_add(1, index, src):tolist())
    end
    torch.set_num_threads(before)
  end)

  it("the last of equal indices wins", function()
    local x = torch.zeros(4)
    x[{ torch.tensor { 2, 2, 3, 2 } }] = torch.tensor { 1., 2., 3., 4. }
    assert.same({ 0., 4., 3., 0. }, x:tolist())
  end)

  it("rounds half types at every addition, and wraps integers", function()
    local ones = torch.ones(3000, { dtype = torch.float16 })
    local index = torch.ones(3000):to(torch.int64)
    assert.equal(2048, torch.zeros(1, { dtype = torch.float16 }):index_add(1, index, ones):item())
    local bytes = torch.full({ 3 }, 100, { dtype = torch.uint8 })
    index = torch.ones(3):to(torch.int64)
    assert.equal(44, torch.zeros(1, { dtype = torch.uint8 }):index_add(1, index, bytes):item())
  end)

  it("writes nothing when one index is bad", function()
    local x = torch.arange(6):to(torch.float32)
    for _, bad in ipairs { 0, 7 } do
      local index = torch.tensor { 1, 2, bad }
      local message = helper.raises(function() x:scatter_add_(1, index, torch.ones(3)) end, "out of bounds")
      assert.truthy(message:find(tostring(bad), 1, true))
      assert.same({ 0., 1., 2., 3., 4., 5. }, x:tolist())
      helper.raises(function() return x:gather(1, torch.tensor { 1, bad }) end, "out of bounds")
      helper.raises(function() x[{ torch.tensor { 3, bad } }] = 1 end, "out of bounds")
      assert.same({ 0., 1., 2., 3., 4., 5. }, x:tolist())
    end
  end)
end)

describe("nonzero", function()
  it("lists positions row by row, for any layout", function()
    local x = torch.tensor { { 0, 3, 0 }, { 4, 0, 5 } }
    assert.same({ { 1, 2 }, { 2, 1 }, { 2, 3 } }, x:nonzero():tolist())
    assert.same({ { 1, 2 }, { 2, 1 }, { 3, 2 } }, x:t():nonzero():tolist())
    assert.same({ 0, 2 }, { torch.zeros(3, 4):nonzero():size(1), torch.zeros(3, 4):nonzero():size(2) })
    for _, dtype in ipairs(dtypes) do assert.equal(3, x:to(dtype):nonzero():size(1)) end
    assert.same({ { 1 } }, torch.tensor { 0 / 0, 0. }:nonzero():tolist())
  end)
end)
