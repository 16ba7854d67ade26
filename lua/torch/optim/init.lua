--- torch.optim: optimizers.

local torch = require "torch"
local nearest = require "torch.utils.nearest"

local adam = require "torch.optim.adam"

local optim = {
  Optimizer = require "torch.optim.optimizer",
  SGD = require "torch.optim.sgd",
  Adam = adam.Adam,
  AdamW = adam.AdamW,
  RMSprop = require "torch.optim.rmsprop",
}

return setmetatable(optim, {
  __index = function(_, name)
    if type(name) ~= "string" then return nil end
    local names = {}
    for k in pairs(optim) do names[#names + 1] = k end
    local guess = nearest(name, names)
    torch._C.fail(("torch.optim has no '%s'%s"):format(name, guess and "; did you mean '" .. guess .. "'?" or ""))
  end,
})
