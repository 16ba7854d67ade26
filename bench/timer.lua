-- timer.lua -- wall-clock time and the loops that measure with it.
local torch = require "torch"
local timer = {}

timer.now = torch._C.clock                            -- wall-clock seconds

--- the median and the least seconds of f(), called `reps` times
function timer.times(f, reps)
  local t = {}
  for i = 1, reps or 5 do
    local start = timer.now()
    f()
    t[i] = timer.now() - start
  end
  table.sort(t)
  return t[(#t + 1) // 2], t[1]
end

--- nanoseconds per call: median over batches of n calls made by loop(n)
function timer.per_call(loop, n, reps)
  loop(n // 10 + 1)
  return timer.times(function () loop(n) end, reps or 7) / n * 1e9
end

--- peak resident memory of this process in MB
function timer.peak()
  for line in io.lines("/proc/self/status") do
    local kb = line:match("^VmHWM:%s+(%d+)")
    if kb then return tonumber(kb) / 1024 end
  end
end

--- resident memory now, in MB
function timer.resident()
  for line in io.lines("/proc/self/status") do
    local kb = line:match("^VmRSS:%s+(%d+)")
    if kb then return tonumber(kb) / 1024 end
  end
end

--- value of --NAME in the arguments, or the default
function timer.option(name, default)
  for i, a in ipairs(arg) do
    if a == "--" .. name then return tonumber(arg[i + 1]) or arg[i + 1] end
  end
  return default
end

--- a line that people and bench/compare.sh read: group/name, number, unit, and what is wanted
function timer.report(name, value, unit, wanted)
  print(string.format("%-44s %10.1f %-6s %s", name, value, unit, wanted and "(wanted: " .. wanted .. ")" or ""))
end

return timer
