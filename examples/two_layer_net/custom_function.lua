-- The same network with a function of our own for autograd: ReLU.
local torch = require "torch"
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 500}

-- A new function is a subclass of torch.autograd.Function with two passes that work on tensors.
local MyReLU = torch.autograd.Function:extend("MyReLU")

-- Forward gets the input and returns the output. ctx carries what backward will need.
function MyReLU.forward(ctx, input)
  ctx:save_for_backward(input)
  return input:clamp{min = 0}
end

-- Backward gets the gradient of the loss with respect to the output
-- and returns the gradient with respect to the input.
function MyReLU.backward(ctx, grad_output)
  local input = table.unpack(ctx.saved_tensors)
  local grad_input = grad_output:clone()
  grad_input[input:lt(0)] = 0
  return grad_input
end

local N, D_in, H, D_out = 64, 1000, 100, 10

local x = torch.randn(N, D_in, {device = run.device})
local y = torch.randn(N, D_out, {device = run.device})
local w1 = torch.randn(D_in, H, {device = run.device, requires_grad = true})
local w2 = torch.randn(H, D_out, {device = run.device, requires_grad = true})

local learning_rate = 1e-6
for t = 0, run.steps - 1 do
  -- The function is used through its apply.
  local relu = MyReLU.apply

  local y_pred = relu(x:mm(w1)):mm(w2)

  local loss = (y_pred - y):pow(2):sum()
  run.report(t, loss)

  loss:backward()

  torch.no_grad(function()
    w1:sub_(learning_rate * w1.grad)
    w2:sub_(learning_rate * w2.grad)
    w1.grad:zero_()
    w2.grad:zero_()
  end)
end
