--- Data sets: `#ds` and `ds[i]`, i from 1.
--
--    local Squares = torch.utils.data.Dataset:extend("Squares")
--    function Squares:init(n) self.n = n end
--    function Squares:__len() return self.n end
--    function Squares:get(i) return torch.tensor(i), torch.tensor(i * i) end
--
-- `ds[i]` is what `get(i)` returns, several values as one list. A plain Lua list is a data set too.

local torch = require "torch"
local Class = require "torch.class"
local args = require "torch.utils.args"

local fail = torch._C.fail

local Dataset = Class:extend("Dataset")

-- the field k of a class's instance, or item k
local function indexer(class)
  return function(self, k)
    if math.type(k) == "integer" then
      local r = table.pack(self:get(k))
      if r.n == 1 then return r[1] end
      r.n = nil
      return r
    end
    return class[k]
  end
end

function Dataset.create(class)
  local meta = {}
  for k, v in pairs(class) do
    if type(k) == "string" and k:sub(1, 2) == "__" then meta[k] = v end
  end
  meta.__index = indexer(class)
  return setmetatable({}, meta)
end

function Dataset:get() fail(("%s has no method get(i)"):format(Class.of(self).__name)) end

function Dataset:__len() fail(("%s has no method __len()"):format(Class.of(self).__name)) end

-- `for i, item in pairs(ds) do`
function Dataset:__pairs()
  local i, n = 0, #self
  return function()
    i = i + 1
    if i <= n then return i, self[i] end
  end
end

-- what has a length and items: a data set, a list, a tensor, an object of the host's
local function sized(what, value)
  if type(value) ~= "table" and type(value) ~= "userdata" then
    fail(("%s: expected a data set or a list, got %s"):format(what, torch._C.got(value)))
  end
  return value
end

local function check(self, i)
  local n = #self
  if math.type(i) ~= "integer" then
    fail(("%s: an index should be an integer, got %s"):format(Class.of(self).__name, torch._C.got(i)))
  end
  if i < 0 then i = i + n + 1 end
  if i < 1 or i > n then fail(("%s: index %d is out of range: there are %d items, counted from 1")
    :format(Class.of(self).__name, i, n)) end
  return i
end

--------------------------------------------------------------------------------------------- TensorDataset

--- TensorDataset(x, y, ...): item i is the list of the i-th rows. All have the same first size.
local TensorDataset = Dataset:extend("TensorDataset")

function TensorDataset:init(...)
  self.tensors = {...}
  if #self.tensors == 0 then fail("TensorDataset: expected at least one tensor") end
  for i, t in ipairs(self.tensors) do
    if not torch.is_tensor(t) then fail(("TensorDataset: argument %d should be a tensor, got %s"):format(i, type(t))) end
    if t:dim() == 0 or t:size(1) ~= self.tensors[1]:size(1) then fail("Size mismatch between tensors") end
  end
end

function TensorDataset:__len() return self.tensors[1]:size(1) end

function TensorDataset:get(i)
  i = check(self, i)
  local r = {}
  for k, t in ipairs(self.tensors) do r[k] = t[i] end
  return r
end

--- The rows `indices` (a list) of every tensor, at once.
function TensorDataset:batch(indices)
  local r, at = {}, torch.tensor(indices, {dtype = torch.int64})
  for k, t in ipairs(self.tensors) do
    r[k] = t:index_select(1, t.device == at.device and at or at:to(t.device))
  end
  return r
end

--------------------------------------------------------------------------------------------- Subset, Concat

--- Subset(ds, indices): the items at those places.
local Subset = Dataset:extend("Subset")

function Subset:init(dataset, indices)
  if torch.is_tensor(indices) then indices = indices:tolist() end
  self.dataset, self.indices = sized("Subset", dataset), sized("Subset", indices)
end

function Subset:__len() return #self.indices end
function Subset:get(i) return self.dataset[self.indices[check(self, i)]] end

--- As TensorDataset's, where the whole has it; else nil.
function Subset:batch(positions)
  local whole, indices = self.dataset, {}
  if not Class.of(whole) or not whole.batch then return nil end
  for k, i in ipairs(positions) do indices[k] = self.indices[i] end
  return whole:batch(indices)
end

--- Two data sets, one behind the other; ConcatDataset{a, b, ...}.
local ConcatDataset = Dataset:extend("ConcatDataset")

function ConcatDataset:init(datasets)
  if #sized("ConcatDataset", datasets) == 0 then fail("datasets should not be an empty iterable") end
  self.datasets, self.cumulative_sizes = datasets, {}
  local n = 0
  for i, d in ipairs(datasets) do
    n = n + #sized("ConcatDataset", d)
    self.cumulative_sizes[i] = n
  end
end

function ConcatDataset:__len() return self.cumulative_sizes[#self.cumulative_sizes] end

function ConcatDataset:get(i)
  i = check(self, i)
  local before = 0
  for k, upto in ipairs(self.cumulative_sizes) do
    if i <= upto then return self.datasets[k][i - before] end
    before = upto
  end
end

--------------------------------------------------------------------------------------------- random_split

local split_args = args("random_split", "dataset", "lengths", {"generator"})

--- random_split(ds, {80, 20}) or (ds, {0.8, 0.2}): a list of Subsets, cut from one random permutation.
-- Fractions are rounded down; what remains goes to the first ones, one each.
local function random_split(...)
  local dataset, lengths, generator = split_args(...)
  local n, sum = #sized("random_split", dataset), 0
  for i, l in ipairs(sized("random_split", lengths)) do
    if type(l) ~= "number" then
      fail(("random_split: the length at index %d must be number, not %s"):format(i, torch._C.got(l)))
    end
    sum = sum + l
  end
  if math.abs(sum - 1) <= 1e-9 and sum <= 1 then
    local sizes, total = {}, 0
    for i, l in ipairs(lengths) do
      if l < 0 or l > 1 then fail(("Fraction at index %d is not between 0 and 1"):format(i)) end
      sizes[i] = math.floor(n * l)
      total = total + sizes[i]
    end
    for k = 0, n - total - 1 do
      local i = k % #sizes + 1
      sizes[i] = sizes[i] + 1
    end
    for i, l in ipairs(sizes) do
      if l == 0 then warn(("Length of split at index %d is 0. This might result in an empty dataset."):format(i)) end
    end
    lengths, sum = sizes, n
  end
  if sum ~= n then fail("Sum of input lengths does not equal the length of the input dataset!") end
  local order = torch.randperm(n, {generator = generator}):tolist()
  local r, at = {}, 0
  for i, l in ipairs(lengths) do
    l = math.tointeger(l) or fail(("random_split: the length at index %d should be an integer"):format(i))
    r[i] = Subset(dataset, table.move(order, at + 1, at + l, 1, {}))
    at = at + l
  end
  return r
end

return {
  Dataset = Dataset, TensorDataset = TensorDataset, Subset = Subset, ConcatDataset = ConcatDataset,
  random_split = random_split, sized = sized,
}
