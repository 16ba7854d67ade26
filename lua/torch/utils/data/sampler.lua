--- Samplers: in which order items are visited. `for i in sampler() do`, `#sampler`; positions count from 1.
-- The draws are PyTorch's: without a generator of its own, a random sampler seeds a private one from the global.

local torch = require "torch"
local Class = require "torch.class"
local args = require "torch.utils.args"
local sized = require "torch.utils.data.dataset".sized

local fail = torch._C.fail

--- Own samplers define `iter()`, which returns a function, and `__len`.
local Sampler = Class:extend("Sampler")

function Sampler:__call() return self:iter() end
function Sampler:iter() fail(("%s has no method iter()"):format(Class.of(self).__name)) end

-- an iterator over a list
local function each(list)
  local i = 0
  return function()
    i = i + 1
    return list[i]
  end
end

-- what a sampler gives, one after the other; a plain list is one too
local function visits(sampler)
  if Class.of(sampler) or sampler.iter then return sampler:iter() end
  return each(sampler)
end

local function check_sampler(what, sampler)
  if type(sampler) ~= "table" or not Class.of(sampler) and not sampler.iter and sampler[1] == nil then
    fail(("%s: expected a sampler or a list, got %s"):format(what, torch._C.got(sampler)))
  end
  return sampler
end

-- 63 random bits, as torch.empty((), dtype=torch.int64).random_()
local function random63(generator)
  return torch.empty(1, {dtype = torch.int64}):random_({generator = generator}):item()
end

local function private_generator()
  local g = torch.Generator()
  g:manual_seed(random63())
  return g
end

--------------------------------------------------------------------------------------------- in order

local SequentialSampler = Sampler:extend("SequentialSampler")

function SequentialSampler:init(source) self.data_source = sized("SequentialSampler", source) end
function SequentialSampler:__len() return #self.data_source end

function SequentialSampler:iter()
  local i, n = 0, #self.data_source
  return function()
    i = i + 1
    if i <= n then return i end
  end
end

--------------------------------------------------------------------------------------------- at random

--- RandomSampler(source; replacement=false, num_samples=#source, generator)
local RandomSampler = Sampler:extend("RandomSampler")
local random_args = args("RandomSampler", "data_source", {"replacement", false}, {"num_samples"}, {"generator"})

function RandomSampler:init(...)
  self.data_source, self.replacement, self._num_samples, self.generator = random_args(...)
  if type(self.replacement) ~= "boolean" then
    fail(("replacement should be a boolean value, but got replacement=%s"):format(tostring(self.replacement)))
  end
  sized("RandomSampler", self.data_source)
  local n = #self
  if math.type(n) ~= "integer" or n <= 0 then
    fail(("num_samples should be a positive integer value, but got num_samples=%s"):format(tostring(n)))
  end
end

function RandomSampler:__len() return self._num_samples or #self.data_source end

local function with_replacement(self, generator)
  local n, left = #self.data_source, #self
  local chunk, at = {}, 0
  return function()
    if left == 0 then return nil end
    at = at + 1
    if at > #chunk then
      chunk = torch.randint(0, n, {math.min(32, left)}, {dtype = torch.int64, generator = generator}):tolist()
      at = 1
    end
    left = left - 1
    return chunk[at] + 1
  end
end

-- whole permutations, then a part of one more, which is drawn even when the part is empty
local function permutations(self, generator)
  local n, left = #self.data_source, #self
  local order, at, last = nil, 0, false
  return function()
    if last and at >= left then return nil end
    if not order or at >= n then
      if order then left = left - n end
      order, at = torch.randperm(n, {generator = generator}):tolist(), 0
      last = left < n
      if last and left == 0 then return nil end
    end
    at = at + 1
    return order[at]
  end
end

function RandomSampler:iter()
  local generator = self.generator
  local next_index
  return function()
    if not next_index then
      generator = generator or private_generator()
      next_index = (self.replacement and with_replacement or permutations)(self, generator)
    end
    return next_index()
  end
end

--- The given positions, in random order.
local SubsetRandomSampler = Sampler:extend("SubsetRandomSampler")
local subset_args = args("SubsetRandomSampler", "indices", {"generator"})

function SubsetRandomSampler:init(...)
  self.indices, self.generator = subset_args(...)
  sized("SubsetRandomSampler", self.indices)
end

function SubsetRandomSampler:__len() return #self.indices end

function SubsetRandomSampler:iter()
  local order = torch.randperm(#self.indices, {generator = self.generator}):tolist()
  local i = 0
  return function()
    i = i + 1
    return order[i] and self.indices[order[i]]
  end
end

--- Positions 1..#weights, each with a probability in proportion to its weight.
local WeightedRandomSampler = Sampler:extend("WeightedRandomSampler")
local weighted_args = args("WeightedRandomSampler", "weights", "num_samples", {"replacement", true}, {"generator"})

function WeightedRandomSampler:init(...)
  local weights
  weights, self.num_samples, self.replacement, self.generator = weighted_args(...)
  if math.type(self.num_samples) ~= "integer" or self.num_samples <= 0 then
    fail(("num_samples should be a positive integer value, but got num_samples=%s"):format(tostring(self.num_samples)))
  end
  self.weights = torch.is_tensor(weights) and weights:to(torch.float64)
    or torch.tensor(weights, {dtype = torch.float64})
  if self.weights:dim() ~= 1 then
    fail("weights should be a 1d sequence but given weights have shape " .. tostring(self.weights.shape))
  end
end

function WeightedRandomSampler:__len() return self.num_samples end

function WeightedRandomSampler:iter()
  return each(torch.multinomial(self.weights, self.num_samples, self.replacement, {generator = self.generator})
    :tolist())
end

--------------------------------------------------------------------------------------------- batches

--- BatchSampler(sampler, batch_size, drop_last=false): lists of positions.
local BatchSampler = Sampler:extend("BatchSampler")
local batch_args = args("BatchSampler", "sampler", "batch_size", {"drop_last", false})

function BatchSampler:init(...)
  self.sampler, self.batch_size, self.drop_last = batch_args(...)
  check_sampler("BatchSampler", self.sampler)
  if math.type(self.batch_size) ~= "integer" or self.batch_size <= 0 then
    fail(("batch_size should be a positive integer value, but got batch_size=%s"):format(tostring(self.batch_size)))
  end
  if type(self.drop_last) ~= "boolean" then
    fail(("drop_last should be a boolean value, but got drop_last=%s"):format(tostring(self.drop_last)))
  end
end

function BatchSampler:__len()
  local n, size = #self.sampler, self.batch_size
  return self.drop_last and n // size or (n + size - 1) // size
end

function BatchSampler:iter()
  local next_index = visits(self.sampler)
  return function()
    local batch = {}
    while #batch < self.batch_size do
      local i = next_index()
      if i == nil then break end
      batch[#batch + 1] = i
    end
    if #batch == self.batch_size or #batch > 0 and not self.drop_last then return batch end
  end
end

return {
  Sampler = Sampler, SequentialSampler = SequentialSampler, RandomSampler = RandomSampler,
  SubsetRandomSampler = SubsetRandomSampler, WeightedRandomSampler = WeightedRandomSampler,
  BatchSampler = BatchSampler, random63 = random63, visits = visits, check_sampler = check_sampler,
}
