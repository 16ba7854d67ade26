--- torch.nn: modules, their parameters and losses. `nn.functional` and `nn.init` are loaded when first named.

local torch = require "torch"

local nn = {}

local P = require "torch.nn.parameter"
nn.Parameter, nn.Buffer = P.Parameter, P.Buffer
nn.Module = require "torch.nn.module"

for _, part in ipairs{"container", "linear", "activation", "dropout", "loss"} do
  for name, class in pairs(require("torch.nn." .. part)) do nn[name] = class end
end

-- m{input = x} for the layers, loss{input = x, target = y} for the losses
for part, names in pairs{
  linear = {"input"}, activation = {"input"}, dropout = {"input"}, loss = {"input", "target"},
} do
  for _, class in pairs(require("torch.nn." .. part)) do
    class.forward_args = {of = class.forward, table.unpack(names)}
  end
end

nn.functional = require "torch.nn.functional"
nn.init = require "torch.nn.initializers"
nn.utils = require "torch.nn.utils"

return setmetatable(nn, {
  __index = function(_, name)
    if type(name) ~= "string" then return nil end
    torch._C.fail(torch._C.missing(name, nn, "torch.nn"))
  end,
})
