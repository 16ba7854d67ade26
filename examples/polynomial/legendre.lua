-- sin(x) by a + b P3(c + d x), where P3 is the Legendre polynomial (5 x^3 - 3 x) / 2: a function of our own for autograd.
local torch = require "torch"
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 2000}

-- A new function is a subclass of torch.autograd.Function with two passes that work on tensors.
local LegendrePolynomial3 = torch.autograd.Function:extend("LegendrePolynomial3")

-- Forward gets the input and returns the output. ctx carries what backward will need.
function LegendrePolynomial3.forward(ctx, input)
  ctx:save_for_backward(input)
  return 0.5 * (5 * input ^ 3 - 3 * input)
end

-- Backward gets the gradient of the loss with respect to the output
-- and returns the gradient with respect to the input.
function LegendrePolynomial3.backward(ctx, grad_output)
  local input = table.unpack(ctx.saved_tensors)
  return grad_output * 1.5 * (5 * input ^ 2 - 1)
end

local x = torch.linspace(-math.pi, math.pi, 2000, {device = run.device})
local y = torch.sin(x)

-- These coefficients must start not too far from the right ones, so they are given.
local function number(value)
  return torch.full({}, value, {device = run.device, requires_grad = true})
end
local a = number(0.0)
local b = number(-1.0)
local c = number(0.0)
local d = number(0.3)

local learning_rate = 5e-6
for t = 0, run.steps - 1 do
  -- The function is used through its apply.
  local P3 = LegendrePolynomial3.apply

  local y_pred = a + b * P3(c + d * x)

  local loss = (y_pred - y):pow(2):sum()
  run.report(t, loss)

  loss:backward()

  torch.no_grad(function()
    a:sub_(learning_rate * a.grad)
    b:sub_(learning_rate * b.grad)
    c:sub_(learning_rate * c.grad)
    d:sub_(learning_rate * d.grad)

    a.grad, b.grad, c.grad, d.grad = nil, nil, nil, nil
  end)
end

print(("Result: y = %g + %g * P3(%g + %g x)"):format(a:item(), b:item(), c:item(), d:item()))
