-- Proof: type promotion and the dtype rules of operations, against figures drawn from PyTorch
-- (spec/golden/promotion.txt; half types are allowed on the CPU everywhere, so "refused" of those is not asked for).
local torch = require "torch"

local golden, section = { pairs = {}, ops = {}, inplace = {} }, nil
for line in io.lines("spec/golden/promotion.txt") do
  local name = line:match("^%[(%w+)%]$")
  if name then section = golden[name]
  elseif section then
    local fields = {}
    for f in (line .. "|"):gmatch("([^|]*)|") do fields[#fields + 1] = f end
    section[#section + 1] = fields
  end
end

local function operand(text)
  local name, kind = text:match("^(%S+) (%S+)$")
  if kind == "number" then
    if name == "true" then return true end
    return math.type(tonumber(name)) == "integer" and math.tointeger(tonumber(name)) or tonumber(name)
  end
  local dtype = torch[name]
  return kind == "dims" and torch.ones(2, { dtype = dtype }) or torch.ones({}, { dtype = dtype })
end

local function name_of(t) return (tostring(t.dtype):gsub("^torch%.", "")) end
local HALF = { float16 = true, bfloat16 = true }
local WITH_DIM = { cumsum = true, cumprod = true, logsumexp = true, softmax = true, log_softmax = true }
-- a Lua boolean where PyTorch gives a 0-d bool tensor; and what differs on purpose (docs/differences.md)
local TRUTH = { any = true, all = true }

describe("promotion", function ()
  it("of every pair of dtypes and kinds is PyTorch's", function ()
    local wrong = {}
    for _, c in ipairs(golden.pairs) do
      local a, b = operand(c[1]), operand(c[2])
      -- `maximum` takes tensors only, `eq`'s result is bool: `where` shows the promoted dtype of any two operands
      local ok, r = pcall(torch.where, torch.tensor(true), a, b)
      local got = ok and name_of(r) or r
      if got ~= c[3] then wrong[#wrong + 1] = c[1] .. " with " .. c[2] .. ": " .. tostring(got) .. ", not " .. c[3] end
    end
    assert.are.equal("", table.concat(wrong, "\n"))
    assert.are.equal(520, #golden.pairs)
  end)

  it("rules of operations are PyTorch's", function ()
    local wrong, asked = {}, 0
    for _, c in ipairs(golden.ops) do
      local op, d, e, want = c[1], c[2], c[3], c[4]
      local f = torch[op]
      local x = torch.ones(2, { dtype = torch[d] })
      local ok, r
      if e ~= "" then ok, r = pcall(f, x, torch.ones(2, { dtype = torch[e] }))
      elseif WITH_DIM[op] then ok, r = pcall(f, x, 1)
      else ok, r = pcall(f, x) end
      local got = not ok and "refused" or type(r) == "boolean" and "bool" or name_of(r)
      if TRUTH[op] and want == "uint8" then want = "bool" end
      if not (want == "refused" and (HALF[d] or HALF[e])) then
        asked = asked + 1
        if got ~= want then
          wrong[#wrong + 1] = ("%s(%s %s): %s, not %s%s"):format(op, d, e, got, want, ok and "" or ": " .. tostring(r))
        end
      end
    end
    assert.are.equal("", table.concat(wrong, "\n"))
    assert.is_true(asked > 2500)
  end)

  it("in place, the result must be castable to what it is written to", function ()
    local wrong = {}
    for _, c in ipairs(golden.inplace) do
      local x, y = torch.ones(2, { dtype = torch[c[2]] }), torch.ones(2, { dtype = torch[c[3]] })
      local ok, r = pcall(x[c[1]], x, y)
      local got = ok and name_of(r) or "refused"
      if got ~= c[4] then wrong[#wrong + 1] = ("%s.%s(%s): %s, not %s"):format(c[2], c[1], c[3], got, c[4]) end
      if not ok and tostring(r):find("result type", 1, true) then
        assert.truthy(tostring(r):find("can't be cast to the desired output type", 1, true))
      end
    end
    assert.are.equal("", table.concat(wrong, "\n"))
  end)
end)
