--- torch.nn: modules, their parameters and losses. `nn.functional` and `nn.init` are loaded when first named.

local torch = require "torch"
local nearest = require "torch.utils.nearest"

local nn = {}

local P = require "torch.nn.parameter"
nn.Parameter, nn.Buffer = P.Parameter, P.Buffer
nn.Module = require "torch.nn.module"

for _, part in ipairs{"container", "linear", "activation", "dropout", "loss"} do
  for name, class in pairs(require("torch.nn." .. part)) do nn[name] = class end
end

nn.functional = require "torch.nn.functional"
nn.init = require "torch.nn.initializers"
nn.utils = require "torch.nn.utils"

return setmetatable(nn, {
  __index = function(_, name)
    if type(name) ~= "string" then return nil end
    local names = {}
    for k in pairs(nn) do names[#names + 1] = k end
    local guess = nearest(name, names)
    torch._C.fail(("torch.nn has no '%s'%s"):format(name, guess and "; did you mean '" .. guess .. "'?" or ""))
  end,
})
