-- Every operation, over its samples, with one operand on the other device at a time: an error in words, or a right answer
-- (0-d tensors and indices of the host may stand beside a card's); never a crash, and everything works afterwards.
local torch = require "torch"
local samples = require "spec.support.samples"

local card = torch.cuda.is_available()

-- v, with its tensors moved
local function moved(v, device)
  if torch.is_tensor(v) then return v:detach():to(device) end
  if type(v) ~= "table" or getmetatable(v) then return v end
  local r = {}
  for k, e in pairs(v) do r[k] = moved(e, device) end
  return r
end

local function has_tensor(v)
  if torch.is_tensor(v) then return true end
  if type(v) ~= "table" or getmetatable(v) then return false end
  for _, e in pairs(v) do if has_tensor(e) then return true end end
  return false
end

describe("operands on two devices", function ()
  if not card then return end
  local default = torch.get_default_device()
  setup(function () torch.set_default_device("cpu") end)
  teardown(function () torch.set_default_device(default) end)

  -- tensors that may be elsewhere: what an operation copies from, or asks only the type of
  local FREE = { copy_ = true, to = true, type_as = true }
  for _, op in ipairs(torch._C.ops()) do
    local entry, key = samples.of(op)
    if entry then
      it("are refused or right: " .. key, function ()
        local f = samples.caller(op)
        for _, line in ipairs(entry.ok) do
          local arguments, keywords = samples.read(type(line) == "table" and line[1] or line)
          local places = {}
          for k = 1, arguments.n do if has_tensor(arguments[k]) then places[#places + 1] = k end end
          for name, v in pairs(keywords or {}) do if has_tensor(v) then places[#places + 1] = name end end
          for _, odd in ipairs(#places > 1 and places or {}) do
            local list = { n = arguments.n }
            for k = 1, arguments.n do list[k] = moved(arguments[k], k == odd and "cpu" or "cuda") end
            if keywords then
              local kw = {}
              for name, v in pairs(keywords) do kw[name] = moved(v, name == odd and "cpu" or "cuda") end
              list.n = list.n + 1
              list[list.n] = kw
            end
            local ok, message = pcall(f, table.unpack(list, 1, list.n))
            if ok then ok, message = pcall(torch.cuda.synchronize) end
            if not ok then
              assert.is_truthy(tostring(message):find("device", 1, true), line .. " says: " .. tostring(message))
            elseif not FREE[op.name] then
              local v = arguments[odd]
              if type(odd) == "string" then v = keywords[odd] end
              assert.is_truthy(torch.is_tensor(v) and (v:dim() == 0 or key:find("index", 1, true)) or key:find("index", 1, true),
                line .. " takes a whole tensor of another device")
            end
          end
        end
        assert.equal(6, (torch.ones(3, { device = "cuda" }) * 2):sum():item())
      end)
    end
  end
end)
