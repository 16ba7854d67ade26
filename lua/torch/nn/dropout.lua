--- Dropout: zeroes elements at random while training.

local torch = require "torch"
local args = require "torch.utils.args"
local Module = require "torch.nn.module"
local F = require "torch.nn.functional"

--- Dropout(p=0.5, inplace=false): in training each element is 0 with probability p, the others grow by 1 / (1 - p).
local Dropout = Module:extend("Dropout")
local read = args("Dropout", {"p", 0.5}, {"inplace", false})

function Dropout:init(...)
  self.p, self.inplace = read(...)
  if type(self.p) ~= "number" or self.p < 0 or self.p > 1 then
    torch._C.fail(("dropout probability has to be between 0 and 1, but got %s"):format(
      type(self.p) == "number" and torch._C.repr(self.p) or tostring(self.p)))
  end
end

function Dropout:forward(x)
  if not self.training then return x end
  local y = F.dropout(x, self.p, true)
  return self.inplace and x:copy_(y) or y
end

function Dropout:extra_repr()
  return ("p=%s, inplace=%s"):format(torch._C.repr(self.p), self.inplace and "True" or "False")
end

return {Dropout = Dropout}
