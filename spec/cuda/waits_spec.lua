-- Which operations make the host wait for the card: those whose result's size, or whose Lua value, depends on what is in
-- the tensors.  All others, forward and backward, only queue work; and no operation but those is refused inside a plan.
local torch = require "torch"
local samples = require "spec.support.samples"

local WAITS = {
  all = "a Lua boolean", any = "a Lua boolean", allclose = "a Lua boolean", equal = "a Lua boolean",
  nonzero = "as many rows as there are", argwhere = "as many rows as there are", where = "of one argument: nonzero",
  masked_select = "as many elements as are true", masked_scatter = "takes as many elements as are true",
  narrow = "a start that is a tensor", multinomial = "is drawn by the host", cpu = "brings it", to = "to the host",
}

local function arguments_of(line)
  local arguments, keywords = samples.read(line)
  arguments.n = arguments.n + 1
  arguments[arguments.n] = keywords
  if not keywords then arguments.n = arguments.n - 1 end
  return arguments
end

-- forward and, where there is one, backward
local function both(f, arguments)
  local y = f(table.unpack(arguments, 1, arguments.n))
  if torch.is_tensor(y) and y.requires_grad then y:backward(torch.ones_like(y)) end
end

describe("waiting for the card", function ()
  if not torch.cuda.is_available() then return end
  local default = torch.get_default_device()
  setup(function () torch.set_default_device("cuda") end)
  teardown(function ()
    torch.cuda.set_sync_debug_mode("default")
    torch.set_default_device(default)
  end)

  for _, op in ipairs(torch._C.ops()) do
    local entry, key = samples.of(op)
    if entry and not key:find("^_C%._index") then
      it((WAITS[key] and "by " or "not by ") .. key, function ()
        local waited = false
        for _, line in ipairs(entry.ok) do
          local arguments = arguments_of(line)
          torch.cuda.set_sync_debug_mode("error")
          local ok, message = pcall(both, samples.caller(op), arguments)
          torch.cuda.set_sync_debug_mode("default")
          if not ok then
            waited = true
            assert.equal("string", type(message))
            assert.is_truthy(message:find("called a synchronizing CUDA operation", 1, true), line .. ": " .. message)
            assert.is_truthy(WAITS[key], line .. ": " .. message)
          end
          arguments = arguments_of(line)
          ok, message = pcall(torch._C.note, function () both(samples.caller(op), arguments) end, torch.device("cuda"))
          if not ok then
            assert.equal("string", type(message))
            assert.is_truthy(WAITS[key], line .. ": " .. message)
          end
        end
        assert.equal(WAITS[key] ~= nil, waited)
        torch.cuda.synchronize()
      end)
    end
  end
end)
