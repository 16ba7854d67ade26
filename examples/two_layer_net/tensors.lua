-- A network of two layers on nothing but tensors; the gradients are written out by hand.
local torch = require "torch"
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 500}

-- N is the batch size, D_in the size of the input,
-- H that of the hidden layer, D_out that of the output.
local N, D_in, H, D_out = 64, 1000, 100, 10
local options = {device = run.device}

-- Random input and output.
local x = torch.randn(N, D_in, options)
local y = torch.randn(N, D_out, options)

-- Random weights.
local w1 = torch.randn(D_in, H, options)
local w2 = torch.randn(H, D_out, options)

local learning_rate = 1e-6
for t = 0, run.steps - 1 do
  -- Forward pass: compute the predicted y.
  local h = x:mm(w1)
  local h_relu = h:clamp{min = 0}
  local y_pred = h_relu:mm(w2)

  -- The loss, a tensor with one number.
  local loss = (y_pred - y):pow(2):sum()
  run.report(t, loss)

  -- Backward pass: the gradients of the loss with respect to w1 and w2.
  local grad_y_pred = 2.0 * (y_pred - y)
  local grad_w2 = h_relu:t():mm(grad_y_pred)
  local grad_h_relu = grad_y_pred:mm(w2:t())
  local grad_h = grad_h_relu:clone()
  grad_h[h:lt(0)] = 0
  local grad_w1 = x:t():mm(grad_h)

  -- Gradient descent. A name that ends in _ works in place: this is w1 -= ...
  w1:sub_(learning_rate * grad_w1)
  w2:sub_(learning_rate * grad_w2)
end
