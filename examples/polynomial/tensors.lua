-- y = sin(x) by a polynomial of the third degree, on nothing but tensors; gradients by hand.
local torch = require "torch"
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 2000}

local options = {device = run.device}

-- Input and output.
local x = torch.linspace(-math.pi, math.pi, 2000, options)
local y = torch.sin(x)

-- Random coefficients: tensors without dimensions, that is, single numbers.
local a = torch.randn({}, options)
local b = torch.randn({}, options)
local c = torch.randn({}, options)
local d = torch.randn({}, options)

local learning_rate = 1e-6
for t = 0, run.steps - 1 do
  -- Forward pass: compute the predicted y.
  local y_pred = a + b * x + c * x ^ 2 + d * x ^ 3

  local loss = (y_pred - y):pow(2):sum()
  run.report(t, loss)

  -- Backward pass: the gradients of the loss with respect to a, b, c, d.
  local grad_y_pred = 2.0 * (y_pred - y)
  local grad_a = grad_y_pred:sum()
  local grad_b = (grad_y_pred * x):sum()
  local grad_c = (grad_y_pred * x ^ 2):sum()
  local grad_d = (grad_y_pred * x ^ 3):sum()

  -- Gradient descent. A name that ends in _ works in place: this is a -= ...
  a:sub_(learning_rate * grad_a)
  b:sub_(learning_rate * grad_b)
  c:sub_(learning_rate * grad_c)
  d:sub_(learning_rate * grad_d)
end

print(("Result: y = %g + %g x + %g x^2 + %g x^3"):format(a:item(), b:item(), c:item(), d:item()))
