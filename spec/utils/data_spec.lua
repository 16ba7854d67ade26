-- Data sets, samplers, loaders. The orders are those that PyTorch draws.
local torch = require "torch"
local helper = require "spec.support.helper"
local data = torch.utils.data

local function set(n) return data.TensorDataset(torch.arange(1, n + 1)) end

local function collect(loader)
  local r = {}
  for x in loader do r[#r + 1] = x:tolist() end
  return r
end

describe("a data set", function()
  it("of tensors gives rows", function()
    local ds = data.TensorDataset(torch.tensor { { 1, 2 }, { 3, 4 }, { 5, 6 } }, torch.tensor { 7, 8, 9 })
    assert.are.equal(3, #ds)
    assert.are.same({ 3, 4 }, ds[2][1]:tolist())
    assert.are.equal(8, ds[2][2]:item())
    assert.are.equal(9, ds[-1][2]:item())
    helper.raises(function() return ds[4] end, "TensorDataset: index 4 is out of range: there are 3 items, counted from 1")
    helper.raises(function() return ds[0] end, "index 0 is out of range")
    helper.raises(function() data.TensorDataset(torch.zeros(2), torch.zeros(3)) end, "Size mismatch between tensors")
    helper.raises(function() data.TensorDataset(3) end, "TensorDataset: argument 1 should be a tensor, got number")
    local n = 0
    for i, item in pairs(ds) do
      n = n + 1
      assert.are.equal(6 + i, item[2]:item())
    end
    assert.are.equal(3, n)
  end)

  it("of one's own has get(i) and a length", function()
    local Squares = data.Dataset:extend("Squares")
    function Squares:init(n) self.n = n end
    function Squares:__len() return self.n end
    function Squares:get(i) return torch.tensor(i * 1.0), i * i end
    local ds = Squares(5)
    assert.are.equal(9, ds[3][2])
    local got = {}
    for x, y in data.DataLoader(ds, { batch_size = 2 }) do
      got[#got + 1] = { x:tolist(), y:tolist() }
      assert.are.equal(torch.int64, y.dtype)
    end
    assert.are.same({ { { 1, 2 }, { 1, 4 } }, { { 3, 4 }, { 9, 16 } }, { { 5 }, { 25 } } }, got)
    helper.raises(function() return data.Dataset:extend("None")()[1] end, "None has no method get(i)")
  end)

  it("may be a part of another, or two of them", function()
    local s = data.Subset(set(6), { 2, 5, 1 })
    assert.are.equal(3, #s)
    assert.are.equal(5, s[2][1]:item())
    assert.are.same({ { 2, 5 }, { 1 } }, collect(data.DataLoader(s, { batch_size = 2 })))
    assert.are.same({ { 5, 1 } }, collect(data.DataLoader(data.Subset(s, { 2, 3 }), { batch_size = 2 })))
    local c = data.ConcatDataset { set(2), s }
    assert.are.equal(5, #c)
    assert.are.same({ { 1, 2 }, { 2, 5 }, { 1 } }, collect(data.DataLoader(c, { batch_size = 2 })))
  end)
end)

describe("random_split", function()
  it("cuts PyTorch's permutation", function()
    torch.manual_seed(0)
    local parts = data.random_split(set(10), { 6, 4 })
    assert.are.same({ 5, 2, 8, 6, 4, 10 }, parts[1].indices)
    assert.are.same({ 1, 9, 7, 3 }, parts[2].indices)
    torch.manual_seed(0)
    parts = data.random_split(set(11), { 0.5, 0.3, 0.2 })
    assert.are.same({ 6, 3, 2 }, { #parts[1], #parts[2], #parts[3] })
    assert.are.same({ 11, 1, 5, 4, 6, 9 }, parts[1].indices)
    local g = torch.Generator()
    g:manual_seed(0)
    assert.are.same({ 5, 2, 8, 6, 4, 10 }, data.random_split(set(10), { 6, 4 }, { generator = g })[1].indices)
    helper.raises(function() data.random_split(set(10), { 6, 5 }) end,
      "Sum of input lengths does not equal the length of the input dataset!")
  end)
end)

describe("a sampler", function()
  local function all(sampler)
    local r = {}
    for i in sampler() do r[#r + 1] = i end
    return r
  end

  it("goes in order, at random, by weight, in batches", function()
    assert.are.same({ 1, 2, 3 }, all(data.SequentialSampler(set(3))))
    torch.manual_seed(0)
    assert.are.same({ 2, 1, 5, 4, 5 }, all(data.RandomSampler(set(5), { replacement = true })))
    torch.manual_seed(99)
    assert.are.same({ 3, 4, 2, 5, 1, 5, 1, 4, 3, 2, 4, 5, 1 }, all(data.RandomSampler(set(5), { num_samples = 13 })))
    torch.manual_seed(0)
    assert.are.same({ 6, 5, 5, 6, 5, 5 }, all(data.WeightedRandomSampler({ 0.1, 0.9, 0.4, 0.7, 3.0, 0.6 }, 6)))
    local subset = all(data.SubsetRandomSampler { 4, 7, 9 })
    table.sort(subset)
    assert.are.same({ 4, 7, 9 }, subset)
    local batches = data.BatchSampler(data.SequentialSampler(set(5)), 2, false)
    assert.are.same({ { 1, 2 }, { 3, 4 }, { 5 } }, all(batches))
    assert.are.equal(3, #batches)
    assert.are.equal(2, #data.BatchSampler(data.SequentialSampler(set(5)), 2, true))
  end)

  it("refuses wrong numbers", function()
    helper.raises(function() data.RandomSampler(set(3), { replacement = 1 }) end,
      "replacement should be a boolean value, but got replacement=1")
    helper.raises(function() data.RandomSampler(set(3), { num_samples = 0 }) end,
      "num_samples should be a positive integer value, but got num_samples=0")
    helper.raises(function() data.BatchSampler(data.SequentialSampler(set(3)), 0) end,
      "batch_size should be a positive integer value, but got batch_size=0")
  end)
end)

describe("a loader", function()
  it("shuffles as PyTorch does and leaves the generator as PyTorch does", function()
    torch.manual_seed(0)
    local loader = data.DataLoader(set(10), { batch_size = 3, shuffle = true })
    assert.are.same({ { 7, 8, 2 }, { 5, 3, 1 }, { 10, 9, 4 }, { 6 } }, collect(loader))
    assert.are.same({ { 3, 5, 8 }, { 1, 9, 10 }, { 6, 4, 7 }, { 2 } }, collect(loader))
    assert.are.equal(tonumber("0x1.d29024p-2"), torch.rand(1):item())
  end)

  it("goes in order otherwise, and may drop the short batch", function()
    assert.are.same({ { 1, 2 }, { 3, 4 }, { 5 } }, collect(data.DataLoader(set(5), { batch_size = 2 })))
    local loader = data.DataLoader(set(5), { batch_size = 2, drop_last = true })
    assert.are.same({ { 1, 2 }, { 3, 4 } }, collect(loader))
    assert.are.equal(2, #loader)
    assert.are.equal(5, #data.DataLoader(set(5)))
    assert.are.same({}, collect(data.DataLoader(data.Subset(set(5), {}), { batch_size = 2 })))
  end)

  it("draws from a generator of its own", function()
    local function order()
      local g = torch.Generator()
      g:manual_seed(3)
      return collect(data.DataLoader(set(20), { batch_size = 5, shuffle = true, generator = g }))
    end
    torch.manual_seed(1)
    local a = order()
    torch.manual_seed(2)
    assert.are.same(a, order())
  end)

  it("loops in every way", function()
    local ds = data.TensorDataset(torch.arange(1, 6), torch.arange(11, 16))
    local loader = data.DataLoader(ds, { batch_size = 2 })
    local seen = {}
    for i, x, y in loader:enumerate() do seen[#seen + 1] = { i, x[1]:item(), y[1]:item() } end
    assert.are.same({ { 1, 1, 11 }, { 2, 3, 13 }, { 3, 5, 15 } }, seen)
    seen = {}
    for i, batch in pairs(loader) do seen[#seen + 1] = { i, #batch, batch[2][1]:item() } end
    assert.are.same({ { 1, 2, 11 }, { 2, 2, 13 }, { 3, 2, 15 } }, seen)
    local pairs_seen = 0
    for x in loader do
      for _ in loader do pairs_seen = pairs_seen + 1 end
      assert.are.equal(1, x:dim())
    end
    assert.are.equal(9, pairs_seen)
    for x in loader do                                    -- left early, begun anew
      if x[1]:item() == 3 then break end
    end
    assert.are.equal(3, #collect(loader))
  end)

  it("takes samplers and a collate function", function()
    local ds = set(6)
    local loader = data.DataLoader(ds, { sampler = data.Subset(ds, { 1, 2 }) and data.SequentialSampler(ds), batch_size = 4 })
    assert.are.same({ { 1, 2, 3, 4 }, { 5, 6 } }, collect(loader))
    local batches = data.DataLoader(ds, { batch_sampler = data.BatchSampler(data.SequentialSampler(ds), 5, true) })
    assert.are.same({ { 1, 2, 3, 4, 5 } }, collect(batches))
    local counted = data.DataLoader(ds, { batch_size = 4, collate_fn = function(samples) return #samples end })
    local sizes = {}
    for n in counted do sizes[#sizes + 1] = n end
    assert.are.same({ 4, 2 }, sizes)
  end)

  it("collates numbers, texts, lists and dictionaries", function()
    local c = data.default_collate
    assert.are.equal(torch.int64, c({ 1, 2 }).dtype)
    assert.are.equal(torch.float64, c({ 1.0, 2.0 }).dtype)
    assert.are.same({ "a", "b" }, c { "a", "b" })
    local d = c { { x = 1, name = "a" }, { x = 2, name = "b" } }
    assert.are.same({ 1, 2 }, d.x:tolist())
    assert.are.same({ "a", "b" }, d.name)
    local l = c { { torch.zeros(2), 1 }, { torch.ones(2), 2 } }
    assert.are.same({ { 0, 0 }, { 1, 1 } }, l[1]:tolist())
    helper.raises(function() c { { 1, 2 }, { 1 } } end, "each element in list of batch should be of equal size")
    helper.raises(function() c { print } end, "default_collate: batch must contain tensors")
  end)

  it("refuses options that contradict each other", function()
    helper.raises(function() data.DataLoader(set(3), { batch_size = 0 }) end,
      "batch_size should be a positive integer value, but got batch_size=0")
    helper.raises(function()
      data.DataLoader(set(3), { shuffle = true, sampler = data.SequentialSampler(set(3)) })
    end, "sampler option is mutually exclusive with shuffle")
    helper.raises(function()
      data.DataLoader(set(3), { batch_size = 2, batch_sampler = data.BatchSampler(data.SequentialSampler(set(3)), 2) })
    end, "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last")
    helper.raises(function() data.DataLoader(set(3), { num_workers = -1 }) end, "num_workers option should be non-negative")
    helper.raises(function() data.DataLoader(set(3), { batchsize = 2 }) end,
      "DataLoader() got an unexpected keyword argument 'batchsize'; did you mean 'batch_size'?")
  end)
end)
