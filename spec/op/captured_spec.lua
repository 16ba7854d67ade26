-- Every operation, over its samples, inside a captured step: the replay gives the bits of a second eager run, results and
-- gradients; what can't be captured is refused in words.
local torch = require "torch"
local samples = require "spec.support.samples"

local function is_list(v) return type(v) == "table" and not getmetatable(v) end

local function leaves_of(v, leaves)
  if torch.is_tensor(v) then
    if v.requires_grad then leaves[#leaves + 1] = v end
  elseif is_list(v) then
    for _, e in pairs(v) do leaves_of(e, leaves) end
  end
  return leaves
end

-- the operation on a line's arguments, made afresh: its results, then the gradients of the first
local function step_of(f, line)
  local arguments, keywords = samples.read(line)
  if keywords then
    arguments.n = arguments.n + 1
    arguments[arguments.n] = keywords
  end
  local leaves = leaves_of(arguments, {})
  torch.manual_seed(7)
  return function ()
    local r = table.pack(f(table.unpack(arguments, 1, arguments.n)))
    local out = is_list(r[1]) and { table.unpack(r[1]) } or { table.unpack(r, 1, r.n) }
    if torch.is_tensor(out[1]) and out[1].requires_grad and #leaves > 0 then
      local g = torch.autograd.grad(out[1], leaves, torch.ones_like(out[1]), { allow_unused = true })
      for k = 1, #leaves do if g[k] then out[#out + 1] = g[k] end end
    end
    return table.unpack(out)
  end
end

local function same(a, b)
  if not torch.is_tensor(a) then return a == b end
  if a.dtype ~= b.dtype or table.concat(a.shape, ",") ~= table.concat(b.shape, ",") then return false end
  a, b = a:detach():cpu(), b:detach():cpu()
  if not a:is_floating_point() or a:numel() == 0 then return torch.equal(a, b) end
  return torch.allclose(a, b, { rtol = 0, atol = 0, equal_nan = true })
end

describe("captured", function ()
  for _, op in ipairs(torch._C.ops()) do
    local entry, key = samples.of(op)
    if entry and not entry.loose and not entry.absent and not key:find("^_C%._index") then
      it(key, function ()
        for _, line in ipairs(entry.ok) do
          local eager = step_of(samples.caller(op), line)
          eager()
          local want = table.pack(eager())
          local captured, plan = pcall(torch.capture, step_of(samples.caller(op), line))
          if not captured then
            assert.is_truthy(plan:find("must be read", 1, true) or plan:find("can't stand inside a captured step", 1, true),
              line .. ": " .. plan)
          else
            local got = table.pack(plan())
            assert.equal(want.n, got.n, line)
            for k = 1, want.n do assert.is_true(same(want[k], got[k]), ("%s: result %d"):format(line, k)) end
          end
        end
      end)
    end
  end
end)
