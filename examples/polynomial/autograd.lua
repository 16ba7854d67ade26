-- The same polynomial; autograd finds the gradients.
local torch = require "torch"
local run = dofile((arg[0]:match("^.*/") or "./") .. "../support/args.lua") {steps = 2000}

-- Nobody asks for gradients of the data ...
local x = torch.linspace(-math.pi, math.pi, 2000, {device = run.device})
local y = torch.sin(x)

-- ... but of the coefficients: requires_grad makes torch record what is done with them.
local a = torch.randn({}, {device = run.device, requires_grad = true})
local b = torch.randn({}, {device = run.device, requires_grad = true})
local c = torch.randn({}, {device = run.device, requires_grad = true})
local d = torch.randn({}, {device = run.device, requires_grad = true})

local learning_rate = 1e-6
for t = 0, run.steps - 1 do
  -- Forward pass: the same operations as with plain tensors.
  local y_pred = a + b * x + c * x ^ 2 + d * x ^ 3

  local loss = (y_pred - y):pow(2):sum()
  run.report(t, loss)

  -- Backward pass: afterwards a.grad, b.grad, c.grad and d.grad hold the gradients of the loss.
  loss:backward()

  -- Gradient descent, which must not be recorded itself.
  torch.no_grad(function()
    a:sub_(learning_rate * a.grad)
    b:sub_(learning_rate * b.grad)
    c:sub_(learning_rate * c.grad)
    d:sub_(learning_rate * d.grad)

    -- backward() adds to the gradients, so they are thrown away.
    a.grad, b.grad, c.grad, d.grad = nil, nil, nil, nil
  end)
end

print(("Result: y = %g + %g x + %g x^2 + %g x^3"):format(a:item(), b:item(), c:item(), d:item()))
