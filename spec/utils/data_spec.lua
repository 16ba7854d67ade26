-- Data sets, samplers and loaders. The orders and the draws after them are PyTorch's.
local torch = require "torch"
local helper = require "spec.support.helper"
local D = torch.utils.data
local raises = helper.raises

local function float(v) return (string.unpack("<f", string.pack("<f", v))) end
local function draw(g) return torch.rand(1, { generator = g }):item() end

local function numbers(n)
  local r = {}
  for i = 1, n do r[i] = i end
  return r
end

local function order(loader)
  local r = {}
  for batch in loader do r[#r + 1] = batch:tolist() end
  return r
end

local function list(sampler)
  local r = {}
  for i in sampler() do r[#r + 1] = i end
  return r
end

describe("DataLoader", function()
  it("shuffles as PyTorch does, epoch after epoch", function()
    torch.manual_seed(5)
    local loader = D.DataLoader(numbers(7), { batch_size = 3, shuffle = true })
    assert.same({ { 1, 4, 7 }, { 3, 2, 5 }, { 6 } }, order(loader))
    assert.same({ { 2, 3, 6 }, { 4, 7, 5 }, { 1 } }, order(loader))
    assert.equal(float(0.033264637), draw())
    assert.equal(3, #loader)
  end)

  it("draws its seed even when it does not shuffle", function()
    torch.manual_seed(5)
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 }, { 7 } }, order(D.DataLoader(numbers(7), 3)))
    assert.equal(float(0.90746969), draw())
  end)

  it("draws from a generator of one's own", function()
    local g = torch.Generator()
    g:manual_seed(2)
    torch.manual_seed(5)
    local loader = D.DataLoader(numbers(6), { batch_size = 4, shuffle = true, drop_last = true, generator = g })
    assert.equal(1, #loader)
    assert.same({ { 6, 1, 5, 4 } }, order(loader))
    assert.same({ { 4, 5, 6, 3 } }, order(loader))
    assert.equal(float(0.452465236), draw(g))
    assert.equal(float(0.830251873), draw())
  end)

  it("gives the tensors of a batch as several values, in loops of all kinds", function()
    local x, y = torch.arange(1, 11.0):reshape(5, 2), torch.arange(1, 6)
    local loader = D.DataLoader(D.TensorDataset(x, y), { batch_size = 2 })
    local n = 0
    for a, b in loader do
      n = n + 1
      assert.equal(a:size(1), b:size(1))
      assert.equal(2 * b[1]:item() - 1, a[{ 1, 1 }]:item())
    end
    assert.equal(3, n)
    for i, a, b in loader:enumerate() do assert.same({ i < 3 and 2 or 1, i * 2 - 1 }, { a:size(1), b[1]:item() }) end
    for i, batch in pairs(loader) do assert.same({ 2, i * 2 - 1 }, { #batch, batch[2][1]:item() }) end
    local seen = {}
    for a in loader do
      for b in loader do seen[#seen + 1] = a:size(1) * 10 + b:size(1) end
    end
    assert.same({ 22, 22, 21, 22, 22, 21, 12, 12, 11 }, seen)
  end)

  it("starts anew after a loop that was left", function()
    local loader = D.DataLoader(numbers(4), { batch_size = 2 })
    for batch in loader do
      assert.same({ 1, 2 }, batch:tolist())
      if batch[1]:item() == 1 then break end
    end
    assert.same({ { 1, 2 }, { 3, 4 } }, order(loader))
  end)

  it("says so where two loops over plain values cannot be told apart", function()
    local loader = D.DataLoader({ 1, 2 }, { collate_fn = function(b) return b[1] end })
    local seen = {}
    for v in loader do seen[#seen + 1] = v end
    assert.same({ 1, 2 }, seen)
    raises(function()
      for _ in loader do
        for _ in loader do seen[#seen + 1] = 0 end
      end
    end, "two loops have met the same value")
  end)

  it("gives single samples without a batch size", function()
    local seen = {}
    for v in D.DataLoader({ "a", "b" }, { batch_size = torch.none }) do seen[#seen + 1] = v end
    assert.same({ "a", "b" }, seen)
  end)

  it("takes samplers and a function that collates", function()
    local loader = D.DataLoader(numbers(5), { batch_sampler = D.BatchSampler(D.SequentialSampler(numbers(5)), 2, true),
      collate_fn = function(b) return table.concat(b, "+") end })
    local seen = {}
    for text in loader do seen[#seen + 1] = text end
    assert.same({ "1+2", "3+4" }, seen)
    assert.same({ { 1, 2 }, { 3 } }, order(D.DataLoader(numbers(3), { batch_size = 2, sampler = D.SequentialSampler(numbers(3)) })))
  end)

  it("has nothing to give of nothing", function()
    assert.same({}, order(D.DataLoader({}, { batch_size = 2 })))
    assert.same({}, order(D.DataLoader(numbers(1), { batch_size = 2, drop_last = true })))
  end)

  it("refuses what is wrong", function()
    local sampler = D.SequentialSampler(numbers(3))
    raises(function() D.DataLoader(numbers(3), { shuffle = true, sampler = sampler }) end,
      "sampler option is mutually exclusive with shuffle")
    raises(function() D.DataLoader(numbers(3), { batch_size = 2, batch_sampler = sampler }) end,
      "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last")
    raises(function() D.DataLoader(numbers(3), { num_workers = -1 }) end, "num_workers option should be non-negative")
    raises(function() D.DataLoader(numbers(3), { batch_size = 0 }) end,
      "batch_size should be a positive integer value, but got batch_size=0")
    raises(function() D.DataLoader(numbers(3), { batchsize = 1 }) end, "did you mean 'batch_size'?")
    raises(function() D.DataLoader({}, { shuffle = true }) end, "num_samples should be a positive integer value, but got num_samples=0")
  end)
end)

describe("samplers", function()
  it("with replacement", function()
    torch.manual_seed(6)
    local s = D.RandomSampler(numbers(5), { replacement = true, num_samples = 40 })
    assert.equal(40, #s)
    assert.same({ 2, 1, 2, 4, 2, 5, 5, 4, 5, 5, 1, 3, 5, 4, 1, 1, 1, 1, 4, 2, 2, 2, 4, 4, 1, 2, 1, 2, 4, 1, 5, 2, 1, 2, 2, 4, 3, 5, 1, 2 },
      list(s))
    assert.equal(float(0.986829937), draw())
  end)

  it("with more samples than items", function()
    torch.manual_seed(6)
    assert.same({ 2, 5, 1, 4, 3, 2, 3, 5, 4, 1, 5, 2 }, list(D.RandomSampler(numbers(5), { num_samples = 12 })))
  end)

  it("of subsets and by weight", function()
    torch.manual_seed(6)
    assert.same({ 6, 8, 9, 7, 4, 10, 5 }, list(D.SubsetRandomSampler { 4, 5, 6, 7, 8, 9, 10 }))
    assert.same({ 2, 2, 3, 1, 3, 3 }, list(D.WeightedRandomSampler({ 0.1, 0.5, 0.4 }, 6)))
    assert.same({ 3, 2, 4, 1 }, list(D.WeightedRandomSampler({ 0.1, 0.5, 0.4, 1 }, 4, false)))
  end)

  it("in batches", function()
    local s = D.SequentialSampler(numbers(5))
    assert.same({ { 1, 2 }, { 3, 4 }, { 5 } }, list(D.BatchSampler(s, 2)))
    assert.same({ { 1, 2 }, { 3, 4 } }, list(D.BatchSampler(s, 2, true)))
    assert.same({ 3, 2 }, { #D.BatchSampler(s, 2), #D.BatchSampler(s, 2, true) })
  end)

  it("of one's own", function()
    local Odd = D.Sampler:extend("Odd")
    function Odd:__len() return 2 end
    function Odd:iter()
      local i = -1
      return function()
        i = i + 2
        return i < 4 and i or nil
      end
    end
    assert.same({ { 10, 30 } }, order(D.DataLoader({ 10, 20, 30 }, { batch_size = 2, sampler = Odd() })))
    raises(function() D.Sampler:extend("Bare")():iter() end, "Bare has no method iter()")
  end)

  it("refuse what is wrong", function()
    local s = D.SequentialSampler(numbers(3))
    raises(function() D.RandomSampler(numbers(5), 3) end, "replacement should be a boolean value, but got replacement=3")
    raises(function() D.RandomSampler(numbers(5), { num_samples = 0 }) end,
      "num_samples should be a positive integer value, but got num_samples=0")
    raises(function() D.BatchSampler(s, 0) end, "batch_size should be a positive integer value, but got batch_size=0")
    raises(function() D.BatchSampler(s, 2, 3) end, "drop_last should be a boolean value, but got drop_last=3")
    raises(function() D.WeightedRandomSampler({ 1 }, 0) end, "num_samples should be a positive integer value, but got num_samples=0")
  end)
end)

describe("data sets", function()
  it("of tensors", function()
    local ds = D.TensorDataset(torch.arange(1, 7):reshape(3, 2), torch.tensor { 10, 20, 30 })
    assert.equal(3, #ds)
    assert.same({ 3, 4 }, ds[2][1]:tolist())
    assert.equal(30, ds[-1][2]:item())
    local n = 0
    for i, item in pairs(ds) do
      n = n + 1
      assert.equal(i * 10, item[2]:item())
    end
    assert.equal(3, n)
    raises(function() return ds[4] end, "TensorDataset: index 4 is out of range: there are 3 items, counted from 1")
    raises(function() return ds[0] end, "index 0 is out of range")
    raises(function() return D.TensorDataset(torch.zeros(2), torch.zeros(3)) end, "Size mismatch between tensors")
  end)

  it("of one's own", function()
    local Squares = D.Dataset:extend("Squares")
    function Squares:init(n) self.n = n end
    function Squares:__len() return self.n end
    function Squares:get(i) return torch.tensor(i), i * i end
    local xs, ys = {}, {}
    for x, y in D.DataLoader(Squares(5), 2) do
      xs[#xs + 1], ys[#ys + 1] = x:tolist(), y:tolist()
    end
    assert.same({ { 1, 2 }, { 3, 4 }, { 5 } }, xs)
    assert.same({ { 1, 4 }, { 9, 16 }, { 25 } }, ys)
    raises(function() return D.Dataset:extend("Bare")()[1] end, "Bare has no method get(i)")
  end)

  it("as parts and joined", function()
    local ds = D.TensorDataset(torch.arange(1, 11))
    local part = D.Subset(ds, { 9, 2 })
    assert.same({ 2, 9, 2 }, { #part, part[1][1]:item(), part[-1][1]:item() })
    local both = D.ConcatDataset { part, D.Subset(ds, torch.tensor { 5 }) }
    assert.same({ 3, 2, 5 }, { #both, both[2][1]:item(), both[3][1]:item() })
    raises(function() return both[4] end, "index 4 is out of range")
    raises(function() return D.ConcatDataset {} end, "datasets should not be an empty iterable")
    local got
    for x in D.DataLoader(part, 2) do got = x:tolist() end
    assert.same({ 9, 2 }, got)
  end)

  it("split at random as PyTorch splits", function()
    torch.manual_seed(6)
    local function indices(parts)
      local r = {}
      for i, p in ipairs(parts) do r[i] = p.indices end
      return r
    end
    assert.same({ { 1, 8, 6, 2, 9, 4, 10 }, { 3, 5, 7 } }, indices(D.random_split(numbers(10), { 7, 3 })))
    assert.same({ { 9, 7, 4, 6 }, { 10, 8, 1 }, { 3, 5, 2 } }, indices(D.random_split(numbers(10), { 0.35, 0.35, 0.3 })))
    raises(function() D.random_split(numbers(10), { 3, 3 }) end,
      "Sum of input lengths does not equal the length of the input dataset!")
    raises(function() D.random_split(numbers(10), { 1.5, -0.5 }) end, "Fraction at index 1 is not between 0 and 1")
  end)
end)

describe("a plain list", function()
  it("is a sampler", function()
    local function visited(options)
      local r = {}
      for x in D.DataLoader({ 10, 20, 30, 40 }, options) do r[#r + 1] = x:tolist() end
      return r
    end
    assert.same({ { 30, 10 }, { 20 } }, visited { sampler = { 3, 1, 2 }, batch_size = 2 })
    assert.same({ { 10, 20 }, { 40 } }, visited { batch_sampler = { { 1, 2 }, { 4 } } })
    raises(function() visited { sampler = {} } end, "expected a sampler or a list, got table")
  end)

  it("of weights has one dim, and no last batch is dropped where there are none", function()
    raises(function() D.WeightedRandomSampler({ { 1. } }, 1) end, "weights should be a 1d sequence")
    raises(function() D.DataLoader({ 1 }, { batch_size = torch.none, drop_last = true }) end, "mutually exclusive with drop_last")
  end)
end)

describe("default_collate", function()
  it("makes batches of tensors, numbers, texts, lists and dictionaries", function()
    local b = D.default_collate { { a = 1, b = { 1.5, "x" } }, { a = 2, b = { 2.5, "y" } } }
    assert.same({ 1, 2 }, b.a:tolist())
    assert.equal(torch.int64, b.a.dtype)
    assert.same({ 1.5, 2.5 }, b.b[1]:tolist())
    assert.equal(torch.float64, b.b[1].dtype)
    assert.same({ "x", "y" }, b.b[2])
    assert.same({ 2, 3 }, D.default_collate { torch.zeros(3), torch.ones(3) }.shape)
    assert.same({ true, false }, D.default_collate { true, false }:tolist())
    raises(function() D.default_collate { { 1, 2 }, { 1 } } end, "each element in list of batch should be of equal size")
    raises(function() D.default_collate { print } end, "found function")
  end)
end)
