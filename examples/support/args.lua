--- The command line of the examples, the same for all:
--
--    tlua NAME.lua --seed 0 --steps 500 --losses --device cpu
--
-- An example begins with
--
--    local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 500}
--
-- and gets a table with seed, steps, device (and its own options, given with their defaults), `run.random`, which
-- draws the numbers of CPython's `random` module, and `run.report(t, loss)`, which prints a loss now and then, or
-- with --losses at every step. The seed has been given to torch.

local torch = require "torch"
local pyrandom = require "torch.utils.pyrandom"

local function usage(defaults, problem)
  local names = {}
  for name, value in pairs(defaults) do
    names[#names + 1] = type(value) == "boolean" and ("[--%s]"):format(name)
      or ("[--%s %s]"):format(name, tostring(value))
  end
  table.sort(names)
  io.stderr:write(problem, "\nusage: tlua ", arg[0], " ", table.concat(names, " "), "\n")
  os.exit(2)
end

return function(defaults)
  local run = {seed = 0, device = "cpu", losses = false}
  for name, value in pairs(defaults) do run[name] = value end
  local every = run.every or 100
  run.every = nil
  local known = {}
  for name, value in pairs(run) do known[name] = value end

  local i = 1
  while arg[i] do
    local name = arg[i]:match("^%-%-(%w+)$")
    local default = known[name]
    if default == nil then usage(known, "unknown option " .. arg[i]) end
    if type(default) == "boolean" then
      run[name] = true
    else
      i = i + 1
      local value = arg[i]
      if math.type(default) == "integer" then value = math.tointeger(tonumber(value)) end
      if value == nil then usage(known, ("--%s needs a value"):format(name)) end
      run[name] = value
    end
    i = i + 1
  end

  torch.manual_seed(run.seed)
  run.random = pyrandom(run.seed)

  --- Prints step t (from 0, as in the texts) and its loss: every step with --losses, else each hundredth.
  function run.report(t, loss)
    if run.losses or t % every == every - 1 then
      print(("%d %.9g"):format(t, loss:item()))
    end
  end

  return run
end
