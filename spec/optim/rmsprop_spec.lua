-- RMSprop: PyTorch's numbers, bit for bit, step by step.
local steps = require "spec.support.optim_steps"

describe("RMSprop", function()
  steps("^RMSprop%(", it)
end)
