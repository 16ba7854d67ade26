--- torch.info: versions and machine, what a report of a bug needs.   tlua -m torch.info

local torch = require "torch"

local info = {}

local function first_match(path, pattern)
  local f = io.open(path)
  if not f then return nil end
  local found = f:read("a"):match(pattern)
  f:close()
  return found
end

local function cards()
  local names = {}
  for i = 1, torch.cuda.device_count() do
    local card = torch.cuda.get_device_properties(i - 1)
    names[i] = ("%s (%d.%d, %d MB, driver %d, runtime %d)"):format(card.name, card.major, card.minor,
      card.total_memory >> 20, card.driver_version, card.runtime_version)
  end
  return names[1] and table.concat(names, "; ") or "none"
end

--- a list of { name, value }
function info.collect()
  return {
    { "version", "tlua " .. torch.__version__ },
    { "Lua", _VERSION },
    { "system", first_match("/etc/os-release", 'PRETTY_NAME="([^"]*)"') or "unknown" },
    { "processor", first_match("/proc/cpuinfo", "model name%s*:%s*([^\n]*)") or "unknown" },
    { "threads", torch.get_num_threads() },
    { "SIMD level asked for", os.getenv("TLUA_SIMD") or "none: the best there is" },
    { "OpenBLAS kernel asked for", os.getenv("OPENBLAS_CORETYPE") or "none: by the processor" },
    { "default dtype", tostring(torch.get_default_dtype()) },
    { "CUDA", cards() },
  }
end

function info.main()
  for _, line in ipairs(info.collect()) do print(("%-26s %s"):format(line[1], tostring(line[2]))) end
end

return info
