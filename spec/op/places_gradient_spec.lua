-- First and second derivatives of views, pieces, joins and writes by index, against differences
local torch = require "torch"

local function leaf (...)
  local n, list = 1, {}
  for _, s in ipairs { ... } do n = n * s end
  for k = 1, n do list[k] = math.sin(k * 1.7) + 0.1 * k end
  return torch.tensor(list, { dtype = torch.float64 }):reshape { ... }:requires_grad_()
end
local function int (t) return torch.tensor(t, { dtype = torch.int64 }) end
local function bool (t) return torch.tensor(t, { dtype = torch.bool }) end

local cases = {
  { "t", function (x) return x:t() end, leaf(2, 3) },
  { "transpose", function (x) return x:transpose(1, 3) end, leaf(2, 3, 2) },
  { "permute", function (x) return x:permute(3, 1, 2) end, leaf(2, 3, 2) },
  { "movedim", function (x) return x:movedim(1, 3) end, leaf(2, 3, 2) },
  { "view", function (x) return x:view(3, -1) end, leaf(2, 3, 2) },
  { "reshape t", function (x) return x:t():reshape(-1) end, leaf(2, 3) },
  { "flatten", function (x) return x:flatten(2) end, leaf(2, 3, 2) },
  { "unflatten", function (x) return x:unflatten(1, {2, 2}) end, leaf(4, 2) },
  { "squeeze", function (x) return x:squeeze(2) end, leaf(2, 1, 2) },
  { "unsqueeze", function (x) return x:unsqueeze(2) end, leaf(2, 2) },
  { "expand", function (x) return x:expand(3, 2, 4) end, leaf(2, 1) },
  { "expand_as", function (x) return x:expand_as(torch.zeros(3, 2, 4)) end, leaf(2, 1) },
  { "contiguous", function (x) return x:t():contiguous() end, leaf(2, 3) },
  { "ravel", function (x) return x:t():ravel() end, leaf(2, 3) },
  { "narrow", function (x) return x:narrow(2, 2, 2) end, leaf(2, 3) },
  { "select", function (x) return x:select(2, -1) end, leaf(2, 3) },
  { "slice", function (x) return x[{{}, {1, -1, 2}}] end, leaf(2, 3) },
  { "slice t", function (x) return x:t()[{{2, 3}, {1, -1, 2}}] end, leaf(2, 3) },
  { "split", function (x) return table.unpack(x:split(2, 2)) end, leaf(2, 3) },
  { "chunk", function (x) return table.unpack(x:chunk(2, 2)) end, leaf(2, 3) },
  { "unbind", function (x) return table.unpack(x:unbind(2)) end, leaf(2, 3) },
  { "diagonal", function (x) return x:diagonal{offset=1} end, leaf(3, 4) },
  { "diagonal3", function (x) return x:diagonal(-1, 1, 3) end, leaf(3, 2, 3) },
  { "unfold", function (x) return x:unfold(1, 3, 1) end, leaf(5, 2) },
  { "unfold2", function (x) return x:unfold(1, 2, 2) end, leaf(5, 2) },
  { "as_strided", function (x) return x:as_strided({2, 2}, {3, 1}, 1) end, leaf(3, 3) },
  { "as_strided overlap", function (x) return x:as_strided({3, 3}, {1, 1}, 1) end, leaf(3, 3) },
  { "as_strided zero", function (x) return x:as_strided({3, 3}, {0, 1}, 1) end, leaf(3, 3) },
  { "as_strided of t", function (x) return x:t():as_strided({3, 2}, {2, 1}, 0) end, leaf(3, 3) },
  { "cat", function (x, y) return torch.cat({x, y * y, x}, 2) end, leaf(2, 3), leaf(2, 1) },
  { "cat legacy", function (x) return torch.cat({torch.zeros(0, {dtype=torch.float64}), x, x}) end, leaf(2, 3) },
  { "stack", function (x, y) return torch.stack({x, y}, 2) end, leaf(2, 3), leaf(2, 3) },
  { "hstack", function (x, y) return torch.hstack{x, y} end, leaf(2), leaf(2) },
  { "vstack", function (x, y) return torch.vstack{x, y} end, leaf(2), leaf(3, 2) },
  { "dstack", function (x, y) return torch.dstack{x, y} end, leaf(2), leaf(2) },
  { "column_stack", function (x, y) return torch.column_stack{x, y} end, leaf(2), leaf(2, 2) },
  { "gather", function (x) return x:gather(2, int {{1, 1}, {3, 2}}) end, leaf(2, 3) },
  { "take_along_dim", function (x) return x:take_along_dim(int {{1}, {3}}, 2) end, leaf(2, 3) },
  { "index_select", function (x) return x:index_select(2, int {3, 1, 3}) end, leaf(2, 3) },
  { "masked_select", function (x) return x:masked_select(bool {true, false, true}) end, leaf(2, 3) },
  { "take", function (x) return x:take(int {{1, -1}, {1, 5}}) end, leaf(2, 3) },
  { "index", function (x) return x[{int {1, 2, 2}, {}, int {3, 3, 1}}] end, leaf(2, 2, 3) },
  { "index t", function (x) return x:t()[{int {1, 2, 2}}] end, leaf(2, 3) },
  { "mask", function (x) return x[bool {true, false}] end, leaf(2, 3) },
  { "index_put", function (x, v) return x:index_put({int {1, 2}}, v) end, leaf(2, 3), leaf(3) },
  { "index_put acc", function (x, v) return x:index_put({int {1, 2, 2}}, v, true) end, leaf(2, 3), leaf(3, 3) },
  { "scatter", function (x, v) return x:scatter(2, int {{1, 2}, {3, 1}}, v) end, leaf(2, 3), leaf(2, 2) },
  { "scatter big src", function (x, v) return x:scatter(2, int {{1, 2}, {3, 1}}, v) end, leaf(2, 3), leaf(3, 4) },
  { "scatter value", function (x) return x:scatter(2, int {{1, 2}, {3, 1}}, 2.5) end, leaf(2, 3) },
  { "scatter add", function (x, v)
    return x:scatter(2, int {{1, 1}, {3, 1}}, v, {reduce="add"})
  end, leaf(2, 3), leaf(2, 2) },
  { "scatter_add", function (x, v) return x:scatter_add(2, int {{1, 1}, {3, 1}}, v) end, leaf(2, 3), leaf(2, 2) },
  { "index_add", function (x, v) return x:index_add(2, int {1, 1}, v, {alpha=2.5}) end, leaf(2, 3), leaf(2, 2) },
  { "index_copy", function (x, v) return x:index_copy(2, int {1, 3}, v) end, leaf(2, 3), leaf(2, 2) },
  { "index_fill", function (x, v) return x:index_fill(2, int {1, -1, 1}, v) end, leaf(2, 3), leaf() },
  { "masked_fill", function (x, v) return x:masked_fill(bool {true, false, true}, v) end, leaf(2, 3), leaf() },
  { "masked_scatter", function (x, v) return x:masked_scatter(bool {true, false, true}, v) end, leaf(2, 3), leaf(6) },
  { "put", function (x, v) return x:put(int {1, -1}, v) end, leaf(2, 3), leaf(2) },
  { "fill", function (x, v) return x:fill(v) end, leaf(2, 3), leaf() },
  { "tril", function (x) return x:tril(1) end, leaf(2, 3, 4) },
  { "triu", function (x) return x:triu(-1) end, leaf(4, 3) },
  { "clone", function (x) return x:t():clone() end, leaf(2, 3) },
  { "to", function (x) return x:to(torch.float32):to(torch.float64)*0 + x:double() end, leaf(2, 3) },
  { "copy_", function (x, v) local y = x * 1; y:copy_(v); return y end, leaf(2, 3), leaf(3) },
  { "copy_ slice", function (x, v)
    local y = x * 1
    y[{{}, 2}] = v
    y[1] = y[2]:clone()*v:sum()
    return y * y
  end, leaf(2, 3), leaf(2) },
  { "fill_ view", function (x, v) local y = x * 1; y:t()[2]:fill_(v); return y * y end, leaf(2, 3), leaf() },
  { "zero_", function (x) local y = x * 1; y[2]:zero_(); return y * y end, leaf(2, 3) },
  { "masked_fill_ view", function (x, v)
    local y = x * 1
    y:t():masked_fill_(bool {true, false}, v)
    return y * y
  end, leaf(2, 3), leaf() },
  { "index_put view", function (x, v)
    local y = x * 1
    y:t()[int {1, 3}] = v
    return y * y
  end, leaf(2, 3), leaf(2, 2) },
  { "scatter_ view", function (x, v)
    local y = x * 1
    y:t():scatter_(1, int {{1, 2}, {3, 1}}, v)
    return y * y
  end, leaf(2, 3), leaf(2, 2) },
  { "put_ t", function (x, v) local y = x * 1; y:t():put_(int {1, 2}, v); return y * y end, leaf(2, 3), leaf(2) },
  { "masked_scatter_", function (x, v)
    local y = x * 1
    y:t():masked_scatter_(bool {{true, false}, {true, true}, {false, false}}, v)
    return y * y
  end, leaf(2, 3), leaf(6) },
  { "t_", function (x) local y = x * 1; y:t_(); return y * y end, leaf(2, 3) },
  { "squeeze_", function (x) local y = x * 1; y:squeeze_():unsqueeze_(1); return y * y end, leaf(2, 1, 3) },
  { "transpose_ write", function (x, v)
    local y = x * 1
    local z = y:t()
    z:transpose_(1, 2)
    z[1] = v
    return y * y
  end, leaf(2, 3), leaf(3) },
  { "T", function (x) return x.T * x.mT end, leaf(2, 3) },
  { "where", function (x, v) return torch.where(x:gt(0.5), x, v) end, leaf(2, 3), leaf(3) },
  { "newaxis bool", function (x) return x[{torch.newaxis, true, 1}] end, leaf(2, 3) },
}

describe("derivatives of", function ()
  for _, c in ipairs(cases) do
    it(c[1], function ()
      -- squares, so that the second derivative is not zero
      local function squares (...)
        local r = table.pack(c[2](...))
        for k = 1, r.n do r[k] = r[k] * r[k] end
        return table.unpack(r, 1, r.n)
      end
      local leaves = { table.unpack(c, 3) }
      assert.is_true(torch.autograd.gradcheck(squares, leaves))
      assert.is_true(torch.autograd.gradgradcheck(squares, leaves))
    end)
  end
end)
