--- torch.cuda: the cards of this machine, their memory, their random numbers; streams, events and graphs.
--
--    local device = torch.device(torch.cuda.is_available() and "cuda" or "cpu")
--    torch.cuda.synchronize()
--    print(torch.cuda.max_memory_allocated())
--
-- Cards count from 0, as everywhere in the world of CUDA: "cuda:0" is the first. A device is such a number, a
-- torch.device or a name; nil is the current one. Asking whether there are cards opens none; a machine without them
-- tells why at the first use of one.

local torch = require "torch"
local args = require "torch.utils.args"

local fail, C = torch._C.fail, torch._C.cuda
local cuda = {}

-- the number of a device, nil for the current one
local function ordinal(device)
  if device == nil or math.type(device) == "integer" then return device end
  if type(device) == "string" then device = torch.device(device) end
  if getmetatable(device) ~= "torch.device" then
    fail("Expected a torch.device with a specified index or an integer, but got: " .. torch.typename(device))
  end
  if device.type ~= "cuda" then fail("Expected a cuda device, but got: " .. tostring(device)) end
  return device.index
end

-- a function of one device, given by position or as {device = ...}
local function of_device(name, fn)
  local read = args(name, {"device"})
  cuda[name] = function(...) return fn(ordinal(read(...))) end
end

-- calls fn(...), then closes the guard, whatever happens
local function within(guard, fn, ...)
  local _ <close> = guard
  return fn(...)
end

--------------------------------------------------------------------------------------------- cards

--- Is there a card, with a driver and tlua's plugin for it? The simulated card counts when TLUA_CUDA_SIM is 1.
function cuda.is_available() return C.count() > 0 end

function cuda.device_count() return C.count() end

--- The number of the card that plain "cuda" means.
function cuda.current_device() return C.number() end

--- Makes a card the current one; a negative number changes nothing.
function cuda.set_device(device)
  local n = ordinal(device)
  if n and n >= 0 then C.set_device(n) end
end

local device_guard = {__name = "torch.cuda.device"}
function device_guard.__close(guard) C.set_device(guard.before) end

--- Another current card for a while: torch.cuda.device(1, fn, ...) is fn(...) under it, and
-- `local _ <close> = torch.cuda.device(1)` holds to the end of the block. A negative number changes nothing.
function cuda.device(device, fn, ...)
  local n = ordinal(device)
  local guard = setmetatable({before = C.number()}, device_guard)
  if n and n >= 0 then C.set_device(n) end
  if fn == nil then return guard end
  return within(guard, fn, ...)
end

--- The same with the card that a tensor is on; a tensor on the CPU changes nothing.
function cuda.device_of(tensor, fn, ...) return cuda.device(tensor:get_device(), fn, ...) end

local properties = {__name = "_CudaDeviceProperties"}

function properties.__tostring(p)
  return ("_CudaDeviceProperties(name='%s', major=%d, minor=%d, total_memory=%dMB, multi_processor_count=%d, "
    .. "L2_cache_size=%dMB)"):format(p.name, p.major, p.minor, p.total_memory >> 20, p.multi_processor_count,
      p.L2_cache_size >> 20)
end

--- name, total_memory, major, minor, multi_processor_count, max_threads_per_multi_processor, warp_size,
-- L2_cache_size (bytes), driver_version, runtime_version, simulated, products (after the first product of matrices:
-- which cuBLAS was opened, or why none could be).
of_device("get_device_properties", function(n) return setmetatable(C.facts(n), properties) end)

of_device("get_device_name", function(n) return C.facts(n).name end)

--- The compute capability, two numbers: 9, 0.
of_device("get_device_capability", function(n)
  local facts = C.facts(n)
  return facts.major, facts.minor
end)

--------------------------------------------------------------------------------------------- waiting

--- Waits until a card has done all that was given to it. Errors of its kernels are told here at the latest.
of_device("synchronize", function(n) C.synchronize(n) end)

--- How often this process has waited for a card so far: a training step should not add to it.
of_device("sync_count", function(n) return C.waits(n) end)

local modes = {default = 0, warn = 1, error = 2, [0] = 0, [1] = 1, [2] = 2}

--- What an operation does that must wait for a card (item, printing, nonzero, a copy to the CPU): "default" waits,
-- "warn" says so first (and turns Lua's warnings on), "error" refuses.
function cuda.set_sync_debug_mode(mode)
  local n = modes[mode]
  if not n then fail("invalid value of debug_mode, expected one of `default`, `warn`, `error`") end
  if n == 1 then warn("@on") end
  C.sync_mode(n)
end

--- 0, 1 or 2.
function cuda.get_sync_debug_mode() return C.sync_mode() end

--------------------------------------------------------------------------------------------- memory

local nothing = setmetatable({}, {__index = function() return 0 end})

-- the counters of a card; those of one that was never used are 0 and open nothing
local function memory(n)
  if not C.opened(n) then return nothing end
  return C.memory(n)
end

--- Bytes of the blocks that tensors have now.
of_device("memory_allocated", function(n) return memory(n).allocated end)
of_device("max_memory_allocated", function(n) return memory(n).peak_allocated end)

--- Bytes taken from the card, in use or kept for reuse.
of_device("memory_reserved", function(n) return memory(n).reserved end)
of_device("max_memory_reserved", function(n) return memory(n).peak_reserved end)

--- The peaks start over from what is in use now.
of_device("reset_peak_memory_stats", function(n)
  if C.opened(n) then C.reset_peaks(n) end
end)

--- Gives memory that is kept for reuse back to the cards. Frees nothing that a tensor has.
function cuda.empty_cache()
  for n = 0, 63 do
    if C.opened(n) then C.trim(n) end
  end
end

--- Free and total bytes of the card itself, other programs' use included.
of_device("mem_get_info", function(n)
  local m = C.memory(n)
  return m.free, m.total
end)

--- PyTorch's names for the counters: "allocated_bytes.all.current", "num_ooms" ...; empty before the card is used.
of_device("memory_stats", function(n)
  if not C.opened(n) then return {} end
  local m = C.memory(n)
  return {
    ["allocated_bytes.all.current"] = m.allocated, ["allocated_bytes.all.peak"] = m.peak_allocated,
    ["reserved_bytes.all.current"] = m.reserved, ["reserved_bytes.all.peak"] = m.peak_reserved,
    ["segment.all.current"] = m.segments, ["segment.all.allocated"] = m.segment_allocations,
    ["segment.all.freed"] = m.segment_frees, ["allocation.all.allocated"] = m.allocations,
    ["largest_free_block"] = m.largest, ["num_alloc_retries"] = m.retries, ["num_ooms"] = m.failures,
  }
end)

local function show_bytes(n)
  local units, k = {"B", "KiB", "MiB", "GiB", "TiB"}, 1
  while n >= 1024 * 768 and k < #units do n, k = n / 1024, k + 1 end
  return ("%10.0f %-3s"):format(n, units[k])
end

--- The counters as a table to print.
of_device("memory_summary", function(n)
  local m = memory(n)
  local index, rule = n or (C.opened() and C.number() or 0), ("-"):rep(52)
  local function bytes(name, now, peak)
    return ("| %-18s | %s | %s |"):format(name, show_bytes(now), show_bytes(peak))
  end
  local function counts(a, x, b, y) return ("| %-18s %5d | %-17s %5d |"):format(a, x, b, y) end
  return table.concat({
    ("memory of cuda:%d"):format(index), rule,
    ("| %-18s | %-14s | %-14s |"):format("", "           now", "          peak"), rule,
    bytes("allocated", m.allocated, m.peak_allocated), bytes("reserved", m.reserved, m.peak_reserved),
    ("| %-18s | %s | %14s |"):format("largest free block", show_bytes(m.largest), ""),
    ("| %-18s | %s | %s |"):format("card: free, total", show_bytes(m.free), show_bytes(m.total)), rule,
    counts("segments", m.segments, "out of memory", m.failures),
    counts("taken from card", m.segment_allocations, "given back", m.segment_frees),
    counts("blocks given", m.allocations, "retries", m.retries), rule,
  }, "\n")
end)

--------------------------------------------------------------------------------------------- random numbers

--- Seeds the current card's generator; silently nothing without a card. torch.manual_seed seeds all cards already.
function cuda.manual_seed(seed)
  if math.type(seed) ~= "integer" and (math.type(seed) ~= "float" or seed % 1 ~= 0) then
    fail("manual_seed(): argument 'seed' must be int, not " .. torch.typename(seed))
  end
  if C.count() > 0 then C.seed(nil, seed) end
end

--- Seeds the generators of all cards, also of those not used yet.
function cuda.manual_seed_all(seed) C.seed_all(seed == nil and torch.none or seed) end

--- A seed from the system for the current card, or for all.
function cuda.seed()
  if C.count() > 0 then C.seed() end
end
function cuda.seed_all() C.seed_all() end

--- The seed that the current card's generator started from.
function cuda.initial_seed() return C.initial_seed() end

--- The generator's state: 16 bytes (seed and offset), a uint8 tensor on the CPU.
of_device("get_rng_state", function(n) return C.get_state(n) end)

local set_state_args = args("set_rng_state", "new_state", {"device"})

function cuda.set_rng_state(...)
  local state, device = set_state_args(...)
  C.set_state(ordinal(device), state)
end

--- A list, one state for each card: states[1] is that of card 0.
function cuda.get_rng_state_all()
  local states = {}
  for n = 0, C.count() - 1 do states[n + 1] = C.get_state(n) end
  return states
end

function cuda.set_rng_state_all(states)
  for i, state in ipairs(states) do C.set_state(i - 1, state) end
end

--------------------------------------------------------------------------------------------- streams, events, graphs

require "torch.cuda_streams"(cuda, ordinal, within)

-- FloatTensor and its like, as older texts have them
require "torch.compat".cuda(cuda)

return setmetatable(cuda, {
  __name = "torch.cuda",
  __index = function(_, name)
    if type(name) ~= "string" then return nil end
    torch._C.fail(torch._C.missing(name, cuda, "torch.cuda"))
  end,
})
