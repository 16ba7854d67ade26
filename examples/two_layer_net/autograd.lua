-- The same network; autograd finds the gradients.
local torch = require "torch"
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 500}

local N, D_in, H, D_out = 64, 1000, 100, 10

-- Nobody asks for gradients of the data ...
local x = torch.randn(N, D_in, {device = run.device})
local y = torch.randn(N, D_out, {device = run.device})

-- ... but of the weights: requires_grad makes torch record what is done with them.
local w1 = torch.randn(D_in, H, {device = run.device, requires_grad = true})
local w2 = torch.randn(H, D_out, {device = run.device, requires_grad = true})

local learning_rate = 1e-6
for t = 0, run.steps - 1 do
  -- Forward pass: the same operations as with plain tensors. The values in between
  -- need no names, as we do not write the backward pass.
  local y_pred = x:mm(w1):clamp{min = 0}:mm(w2)

  local loss = (y_pred - y):pow(2):sum()
  run.report(t, loss)

  -- Backward pass: afterwards w1.grad and w2.grad hold the gradients of the loss.
  loss:backward()

  -- Gradient descent, which must not be recorded itself.
  torch.no_grad(function()
    w1:sub_(learning_rate * w1.grad)
    w2:sub_(learning_rate * w2.grad)

    -- backward() adds to the gradients, so they start again from zero.
    w1.grad:zero_()
    w2.grad:zero_()
  end)
end
