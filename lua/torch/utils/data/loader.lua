--- DataLoader: a data set in batches.
--
--    local loader = DataLoader(ds, {batch_size = 64, shuffle = true})
--    for x, y in loader do ... end
--    for i, x, y in loader:enumerate() do ... end
--    for i, batch in pairs(loader) do ... end           batch is the list {x, y}
--
-- pin_memory puts the batches' tensors into memory that moves to a card without a wait; without a card it does nothing.
-- Batches are made in this process, one when it is asked for. num_workers and its companions are accepted, as the
-- batches would be the same. Shuffling draws what PyTorch draws: 63 bits from the generator at the start of every
-- epoch, and then the sampler's.

local torch = require "torch"
local Class = require "torch.class"
local args = require "torch.utils.args"
local S = require "torch.utils.data.sampler"
local sized = require "torch.utils.data.dataset".sized

local fail = torch._C.fail

--------------------------------------------------------------------------------------------- collate

--- A list of samples as one batch: tensors are stacked, numbers become a tensor, lists and dictionaries are
-- collated field by field.
local function default_collate(samples)
  local first = sized("default_collate", samples)[1]
  if torch.is_tensor(first) then return torch.stack(samples) end
  local kind = math.type(first) or type(first)
  if kind == "integer" or kind == "boolean" then return torch.tensor(samples) end
  if kind == "float" then return torch.tensor(samples, {dtype = torch.float64}) end
  if kind == "string" then return samples end
  if kind ~= "table" then
    fail(("default_collate: batch must contain tensors, numbers, booleans, strings, lists or dictionaries; found %s")
      :format(type(first)))
  end
  local batch = {}
  for k in pairs(first) do
    local column = {}
    for i, sample in ipairs(samples) do
      if sample[k] == nil or #sample ~= #first then fail("each element in list of batch should be of equal size") end
      column[i] = sample[k]
    end
    batch[k] = default_collate(column)
  end
  return batch
end

--------------------------------------------------------------------------------------------- DataLoader

local DataLoader = Class:extend("DataLoader")

local read = args("DataLoader", "dataset", {"batch_size"}, {"shuffle"}, {"sampler"}, {"batch_sampler"},
  {"num_workers", 0}, {"collate_fn"}, {"pin_memory", false}, {"drop_last", false}, {"timeout", 0}, {"worker_init_fn"},
  {"multiprocessing_context"}, {"generator"}, {"prefetch_factor"}, {"persistent_workers", false}, {"pin_memory_device"})

function DataLoader:init(...)
  local dataset, batch_size, shuffle, sampler, batch_sampler, workers, collate, pin, drop_last, _, _, _, generator =
    read(...)
  if math.type(workers) ~= "integer" or workers < 0 then
    fail("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
  end
  sized("DataLoader", dataset)
  if sampler and shuffle then fail("sampler option is mutually exclusive with shuffle") end
  if batch_sampler then
    if batch_size ~= nil and batch_size ~= 1 or shuffle or sampler or drop_last then
      fail("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last")
    end
  else
    sampler = sampler or (shuffle and S.RandomSampler(dataset, {generator = generator}) or S.SequentialSampler(dataset))
    batch_size = batch_size == nil and 1 or batch_size
    if batch_size == torch.none then
      if drop_last then fail("batch_size=None option disables auto-batching and is mutually exclusive with drop_last") end
    else
      batch_sampler = S.BatchSampler(sampler, batch_size, drop_last)
    end
  end
  S.check_sampler("DataLoader", batch_sampler or sampler)
  self.dataset, self.sampler, self.batch_sampler = dataset, sampler, batch_sampler
  self.batch_size, self.drop_last, self.generator = batch_size, drop_last, generator
  self.num_workers, self.collate_fn, self.pin_memory = workers, collate, pin
  self._running = setmetatable({}, {__mode = "k"})
end

function DataLoader:__len() return #(self.batch_sampler or self.sampler) end

-- a batch with its tensors in pinned memory
local function pinned(value)
  if torch.is_tensor(value) then return value.is_cuda and value or value:pin_memory() end
  if type(value) ~= "table" then return value end
  if value.pin_memory then return value:pin_memory() end
  local r = setmetatable({}, getmetatable(value))
  for k, v in pairs(value) do r[k] = pinned(v) end
  return r
end

-- the batch at a list of positions
local function fetch(self, positions)
  local dataset, collate = self.dataset, self.collate_fn
  if not collate and Class.of(dataset) and dataset.batch then
    local batch = dataset:batch(positions)
    if batch ~= nil then return batch end
  end
  local samples = {}
  for i, k in ipairs(positions) do samples[i] = dataset[k] end
  return (collate or default_collate)(samples)
end

-- a function that gives batch after batch
local function batches(self)
  S.random63(self.generator)                   -- what PyTorch seeds its workers with
  if not self.batch_sampler then               -- batch_size = torch.none: sample by sample
    local next_index = S.visits(self.sampler)
    return function()
      local k = next_index()
      if k == nil then return nil end
      local sample = self.dataset[k]
      if self.collate_fn then return self.collate_fn(sample) end
      return sample
    end
  end
  local next_batch = S.visits(self.batch_sampler)
  return function()
    local positions = next_batch()
    return positions and fetch(self, positions)
  end
end

-- a list as several values
local function spread(batch)
  if type(batch) == "table" and getmetatable(batch) == nil and batch[1] ~= nil then return table.unpack(batch) end
  return batch
end

local function epoch(self)
  local next_batch = batches(self)
  if not (self.pin_memory and torch.cuda.is_available()) then return next_batch end
  return function()
    local batch = next_batch()
    if batch ~= nil then return pinned(batch) end
  end
end

--- A function for `for x, y in loader:iter() do`.
function DataLoader:iter()
  local next_batch = epoch(self)
  return function() return spread(next_batch()) end
end

-- `for x, y in loader do` calls this with the x of the batch before, which finds the epoch again: loops over one
-- loader may nest
function DataLoader:__call(_, last)
  local running = self._running
  local step
  if last == nil then
    step = self:iter()
  else
    step = running[last]
    running[last] = nil
  end
  if not step then fail("DataLoader: two loops have met the same value; use `for i, x in loader:enumerate() do`") end
  local function keep(first, ...)
    if first ~= nil then running[first] = step end
    return first, ...
  end
  return keep(step())
end

--- `for i, x, y in loader:enumerate() do`
function DataLoader:enumerate()
  local step, i = self:iter(), 0
  local function count(first, ...)
    if first == nil then return nil end
    i = i + 1
    return i, first, ...
  end
  return function() return count(step()) end
end

--- `for i, batch in pairs(loader) do`
function DataLoader:__pairs()
  local next_batch, i = epoch(self), 0
  return function()
    local batch = next_batch()
    if batch == nil then return nil end
    i = i + 1
    return i, batch
  end
end

return {DataLoader = DataLoader, default_collate = default_collate}
