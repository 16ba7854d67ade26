--- torch.optim: optimizers.

local torch = require "torch"

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
    torch._C.fail(torch._C.missing(name, optim, "torch.optim"))
  end,
})
