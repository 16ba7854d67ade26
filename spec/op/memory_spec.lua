-- Every operation, forward, backward and twice backward, when the n-th allocation of tensors' memory fails: it says so,
-- nothing is left behind, and the next call works.  In a program of its own: each failure first collects all garbage.
local helper = require "spec.support.helper"

local starving = [[
local torch = require "torch"
local samples = require "spec.support.samples"
local C = torch._C

local function caller(op)
  if op.inplace_only or not op.func then return C.methods[op.name] end
  local t = op.space == "_C" and C or torch
  if op.space ~= "_C" then for name in (op.space or ""):gmatch "[^.]+" do t = t[name] end end
  return t[op.name]
end

-- f once per n while the n-th allocation fails, until it needs fewer; calls wrong with what went otherwise
local function starve(f, limit, wrong)
  for n = 1, limit do
    C.fail_allocation(n)
    local r = table.pack(pcall(f))
    C.fail_allocation(0)
    if r[1] then return table.unpack(r, 2, r.n) end
    if not tostring(r[2]):find("not enough memory", 1, true) then wrong(n, r[2]) end
  end
end

local report = {}
for _, op in ipairs(C.ops()) do
  local entry, key = samples.of(op)
  if entry and not entry.absent then
    local f = caller(op)
    for k = 1, math.min(2, #entry.ok) do
      local line = entry.ok[k]
      local arguments, keywords, list
      local function wrong(n, message) report[#report + 1] = ("%s: %s: at %d: %s"):format(key, line, n, message) end
      local y = starve(function ()
        local left = C.fail_allocation(0)
        arguments, keywords = samples.read(line)
        list = table.pack(table.unpack(arguments, 1, arguments.n))
        if keywords then
          list.n = list.n + 1
          list[list.n] = keywords
        end
        C.fail_allocation(left)
        return f(table.unpack(list, 1, list.n))
      end, 40, wrong)
      if torch.is_tensor(y) and y.requires_grad then
        starve(function () y:sum():backward(nil, true) end, 12, wrong)
        starve(function () y:sum():backward(nil, true, true) end, 12, wrong)
      end
    end
  end
end
print(table.concat(report, "\n"))
print(C.pooled() .. " left in the pool")
]]

describe("without memory", function ()
  it("every operation fails in words", function ()
    local r = helper.run_text(starving)
    assert.are.equal("", r.err)
    assert.are.equal("\n0 left in the pool\n", r.out)
  end)
end)
