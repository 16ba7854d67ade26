-- Every operation has samples, bad samples, a doc and a gradient check; its spellings agree; its results do not
-- depend on how its inputs lie in memory; bad input is refused in words, and nothing leaks from it.
local torch = require "torch"
local helper = require "spec.support.helper"
local samples = require "spec.support.samples"

-- their arguments are written by the code behind x[...]; the specs of indexing call them thousands of times
local PRIVATE = { ["_C._index"] = true, ["_C._index_put_"] = true }

local CLASS = { bool = 1, uint8 = 2, int8 = 2, int16 = 2, int32 = 2, int64 = 2, float16 = 3, bfloat16 = 3, float32 = 3, float64 = 3 }
local function class_of(t) return CLASS[(tostring(t.dtype):gsub("^torch%.", ""))] end
local is_tensor = torch.is_tensor
local function is_float64(v) return is_tensor(v) and v.dtype == torch.float64 end

local function same_shape(a, b) return table.concat(a.shape, ",") == table.concat(b.shape, ",") end

-- results as a list, lists of tensors taken apart
local function flat(...)
  local r = {}
  for k = 1, select("#", ...) do
    local v = select(k, ...)
    if type(v) == "table" then for _, t in ipairs(v) do r[#r + 1] = t end else r[#r + 1] = v end
  end
  return r
end

local function same_value(a, b, tolerance)
  if not is_tensor(a) or not is_tensor(b) then return a == b end
  if a.dtype ~= b.dtype or not same_shape(a, b) then return false end
  if a:numel() == 0 then return true end
  a, b = a:detach(), b:detach()
  if class_of(a) < 3 then return torch.equal(a, b) end
  if tolerance and a.dtype ~= torch.float64 then tolerance = 1e-6 end
  return torch.allclose(a, b, { rtol = tolerance or 0, atol = tolerance or 0, equal_nan = true })
end

local function same(a, b, tolerance)
  if #a ~= #b then return false end
  for k = 1, #a do if not same_value(a[k], b[k], tolerance) then return false end end
  return true
end

local function with(arguments, keywords)
  local list = table.pack(table.unpack(arguments, 1, arguments.n))
  if keywords then
    list.n = list.n + 1
    list[list.n] = keywords
  end
  return list
end

local function call(f, line, entry)
  local arguments, keywords = samples.read(line)
  local list = with(arguments, keywords)
  if entry.random then torch.manual_seed(7) end
  return flat(f(table.unpack(list, 1, list.n))), arguments, keywords
end

local caller = samples.caller
local function method(name) return function (x, ...) return x[name](x, ...) end end

local ops, done = {}, {}
for _, op in ipairs(torch._C.ops()) do
  local entry, key = samples.of(op)
  if not PRIVATE[key] then ops[#ops + 1] = { op = op, entry = entry, key = key } end
end

describe("every operation", function ()
  it("has three samples, two bad ones and a doc", function ()
    local lacking = {}
    for _, o in ipairs(ops) do
      local e = o.entry
      if not e then lacking[#lacking + 1] = o.key .. ": no entry in spec/support/samples*.lua"
      else
        if #e.ok < 3 then lacking[#lacking + 1] = ("%s: %d samples"):format(o.key, #e.ok) end
        if #e.bad < 2 then lacking[#lacking + 1] = ("%s: %d bad samples"):format(o.key, #e.bad) end
      end
      if not o.op.doc or #o.op.doc == 0 then lacking[#lacking + 1] = o.key .. ": no doc" end
    end
    assert.are.equal("", table.concat(lacking, "\n"))
  end)

  it("has no entry without an operation", function ()
    local known, left = {}, {}
    for _, o in ipairs(ops) do known[o.key] = true end
    for key in pairs(samples.list) do if not known[key] then left[#left + 1] = key end end
    assert.are.equal("", table.concat(left, " "))
  end)
end)

-- the positional parameters of a form by name
local function names_of(form)
  local names = {}
  for word in form:gsub("%->.*$", ""):gmatch "%S+" do
    if word == "*" then break end
    names[#names + 1] = word:match "^([%w_]+)"
  end
  return names
end

-- strided copies of tensors: every element apart by one, the last two dims swapped in memory
local function strided(v)
  if type(v) == "table" and not getmetatable(v) then
    local t = {}
    for k, x in pairs(v) do t[k] = strided(x) end
    return t
  end
  if not is_tensor(v) or v:dim() == 0 then return v end
  local x = v:detach()
  if x:dim() > 1 then x = x:transpose(-1, -2):contiguous():transpose(-1, -2) end
  return torch.stack({ x, x }, -1):select(-1, 1)
end

-- gradients of float64 results with respect to the float64 arguments that ask for one
local function check_gradients(f, line, entry)
  local arguments, keywords = samples.read(line)
  local leaves, place = {}, {}
  for k = 1, arguments.n do
    local v = arguments[k]
    if type(v) == "table" then
      for i, t in ipairs(v) do if is_float64(t) and t.requires_grad then leaves[#leaves + 1] = t; place[#leaves] = { k, i } end end
    elseif is_float64(v) and v.requires_grad then leaves[#leaves + 1] = v; place[#leaves] = { k } end
  end
  if #leaves == 0 then return false end
  local checked = false
  local function run(...)
    local list = with(arguments, keywords)
    for k = 1, #leaves do
      local at, t = place[k], (select(k, ...))
      if at[2] then
        list[at[1]] = { table.unpack(list[at[1]]) }
        list[at[1]][at[2]] = t
      else list[at[1]] = t end
    end
    if entry.random then torch.manual_seed(7) end
    local r = {}
    for _, t in ipairs(flat(f(table.unpack(list, 1, list.n)))) do
      if is_float64(t) and t.requires_grad then r[#r + 1] = t end
    end
    checked = #r > 0
    return table.unpack(r)
  end
  run(table.unpack(leaves))
  if not checked then return false end
  assert.is_true(torch.autograd.gradcheck(run, leaves))
  assert.is_true(torch.autograd.gradgradcheck(run, leaves))
  return true
end

for _, o in ipairs(ops) do
  local op, entry, key = o.op, o.entry, o.key
  if entry then
    describe(key, function ()
      local f = caller(op)
      if entry.absent then entry = setmetatable({ ok = {}, loose = true }, { __index = entry }) end

      it("gives the same as function and as method", function ()
        for _, line in ipairs(entry.ok) do
          local want = call(f, line, entry)
          if op.method and not entry.loose and is_tensor((samples.read(line))[1]) then
            assert.is_true(same(call(method(op.name), line, entry), want), line)
          end
        end
      end)

      if op.inplace and not op.inplace_only and not entry.loose then
        it("gives the same in place", function ()
          local tried = 0
          for _, line in ipairs(entry.ok) do
            local want = call(f, line, entry)[1]
            local first = (samples.read(line))[1]
            if is_tensor(first) and is_tensor(want) and (op.view or same_shape(first, want)) and class_of(want) <= class_of(first) then
              local got = call(function (x, ...)
                x = x:detach():clone()
                local y = x[op.name .. "_"](x, ...)
                assert(y == x, "the result is not self")
                return x
              end, line, entry)
              assert.is_true(same(got, { want:detach():to(first.dtype) }), line)
              tried = tried + 1
            end
          end
          assert.is_true(tried > 0)
        end)
      end

      if not entry.loose then
        it("takes its arguments by name", function ()
          for _, line in ipairs(entry.ok) do
            local want, arguments, keywords = call(f, line, entry)
            local agrees, reason = arguments.n <= 1, ""
            for form in (op.args .. "|"):gmatch "([^|]*)|" do
              local names = names_of(form)
              if not agrees and #names >= arguments.n then
                local named = {}
                for k, v in pairs(keywords or {}) do named[k] = v end
                for k = 2, arguments.n do named[names[k]] = arguments[k] end
                if entry.random then torch.manual_seed(7) end
                local first = op.inplace_only and arguments[1]:clone() or arguments[1]
                local list = table.pack(pcall(f, first, named))
                reason = tostring(list[2])
                agrees = list[1] and same(flat(table.unpack(list, 2, list.n)), want)
              end
            end
            -- a list that takes the rest of the arguments has no single name for each of them
            if not op.args:find("...", 1, true) then assert.is_true(agrees, line .. ": " .. reason) end
          end
        end)
      end

      if not entry.loose and not entry.random then
        it("does not mind how its inputs lie in memory", function ()
          for _, line in ipairs(entry.ok) do
            local want = call(f, line, entry)
            local list = with(samples.read(line))
            for k = 1, list.n do list[k] = strided(list[k]) end
            local ok, r = pcall(function () return flat(f(table.unpack(list, 1, list.n))) end)
            -- views of memory may refuse what does not lie suitably
            if ok or not op.view then assert.is_true(ok and same(r, want, 1e-12), line .. ": " .. tostring(r)) end
          end
        end)
      end

      if op.differentiable and not op.inplace_only and not entry.loose then
        it("has right gradients, also of its gradients", function ()
          local checked = 0
          for _, line in ipairs(entry.ok) do
            local ok, why = pcall(check_gradients, f, line, entry)
            if not ok then error(line .. ": " .. tostring(why), 0) end
            if why then checked = checked + 1 end
          end
          done[key] = checked
        end)
      end

      it("refuses bad input in words, and nothing leaks from it", function ()
        for _, bad in ipairs(entry.bad) do
          local arguments, keywords = samples.read(bad[1])
          local list = with(arguments, keywords)
          local late = 0                                 -- a fault told late leaves results behind, for the collector
          local function attempt ()
            local ok, message = pcall(f, table.unpack(list, 1, list.n))
            if ok then
              ok, message = pcall(helper.settle)
              late = 65536
            end
            return ok, message
          end
          local ok, message = attempt()
          assert.is_false(ok, bad[1] .. " is accepted")
          assert.is_truthy(tostring(message):find(bad[2], 1, true), bad[1] .. " says: " .. tostring(message))
          local before = torch.memory.allocated()
          for _ = 1, 100 do attempt() end
          assert.is_true(torch.memory.allocated() <= before + late, bad[1] .. " leaks")
        end
      end)
    end)
  end
end

-- gradients that differences can't show: conversions that round, results that are integers, and operations whose
-- gradient is zero or nothing by definition
local UNSEEN = { normal = true, bernoulli = true, detach = true }
for _, name in ipairs { "float", "half", "bfloat16", "byte", "char", "short", "int", "long", "bool" } do UNSEEN[name] = true end
describe("every differentiable operation", function ()
  it("had its gradient checked", function ()
    local left = {}
    for _, o in ipairs(ops) do
      local wanted = o.entry and o.op.differentiable and not o.op.inplace_only and not o.entry.loose
      if wanted and not UNSEEN[o.key] and not o.entry.absent and (done[o.key] or 0) == 0 then left[#left + 1] = o.key end
    end
    assert.are.equal("", table.concat(left, " "))
  end)
end)
