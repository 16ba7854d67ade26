-- SGD: PyTorch's numbers, bit for bit, step by step.
local steps = require "spec.support.optim_steps"

describe("SGD", function()
  steps("^SGD%(", it)
end)
