-- Adam and AdamW: PyTorch's numbers, bit for bit, step by step.
local steps = require "spec.support.optim_steps"

describe("Adam and AdamW", function()
  steps("^AdamW?%(", it)
end)
