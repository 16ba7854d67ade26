--- torch.autograd: gradients of given tensors, own differentiable functions, checks of gradients.
--
--    local Square = torch.autograd.Function:extend("Square")
--    function Square.forward(ctx, x)
--      ctx:save_for_backward(x)
--      return x * x
--    end
--    function Square.backward(ctx, g)
--      local x = table.unpack(ctx.saved_tensors)
--      return 2 * x * g
--    end
--    local y = Square.apply(x)

local torch = require "torch"
local compat = require "torch.compat"

local fail = torch._C.fail
local autograd = {}

--------------------------------------------------------------------------------------------- Function

local Function = {__name = "Function"}
autograd.Function = Function

local function bind(class)
  local apply = torch._C.function_apply
  function class.apply(...) return apply(class, ...) end
  return class
end

--- A function of one's own: define `forward(ctx, ...)` and `backward(ctx, ...)`, call `apply(...)`. backward gets one
-- gradient for each result of forward and returns one for each of its arguments (nil: none).
-- ctx has save_for_backward, saved_tensors, needs_input_grad, mark_dirty, mark_non_differentiable,
-- set_materialize_grads, and any fields of your own.
function Function:extend(name)
  if type(self) ~= "table" or type(self.__name) ~= "string" then
    fail('extend: call it with a colon, as in torch.autograd.Function:extend("MyReLU")')
  end
  if name ~= nil and type(name) ~= "string" then
    fail("extend: the name of a function should be a string, got " .. type(name))
  end
  return bind(setmetatable({__name = name or self.__name}, {__index = self, __tostring = function(class)
    return "class " .. class.__name
  end}))
end

function Function.forward()
  fail("You must implement the forward function for custom autograd.Function.")
end

function Function.backward()
  fail("You must implement the backward function for custom autograd.Function.")
end

--------------------------------------------------------------------------------------------- grad, backward

--- backward(tensors, grad_tensors; retain_graph, create_graph, inputs)
autograd.backward = torch._C.autograd.backward

-- A list with one gradient may stand for it in arithmetic: `local g = grad(y, {x})`, `g * g`.
local one = {}
for event, op in pairs{
  __add = function(a, b) return a + b end, __sub = function(a, b) return a - b end,
  __mul = function(a, b) return a * b end, __div = function(a, b) return a / b end,
  __pow = function(a, b) return a ^ b end, __unm = function(a) return -a end,
} do
  local function only(v) return getmetatable(v) == one and v[1] or v end
  one[event] = function(a, b) return op(only(a), only(b)) end
end

local grad = torch._C.autograd.grad

--- grad(outputs, inputs, grad_outputs; retain_graph, create_graph, allow_unused, materialize_grads): the list of the
-- gradients of `inputs`; torch.none for an input that is not used, where allow_unused says that this may be.
function autograd.grad(...)
  local gradients = grad(...)
  return #gradients == 1 and setmetatable(gradients, one) or gradients
end

--- Leaves every gradient alone that its tensor has: `torch.autograd.no_grad` is `torch.no_grad`, and so on.
for _, name in ipairs{"no_grad", "enable_grad", "set_grad_enabled", "inference_mode", "is_grad_enabled"} do
  autograd[name] = rawget(torch, name)
end

autograd.Variable = compat.Variable

return setmetatable(autograd, {
  __index = function(t, name)
    if name == "gradcheck" or name == "gradgradcheck" then
      local checks = require "torch.autograd_check"
      t.gradcheck, t.gradgradcheck = checks.gradcheck, checks.gradgradcheck
      return checks[name]
    end
    if type(name) ~= "string" then return nil end
    fail(torch._C.missing(name, autograd, "torch.autograd"))
  end,
})
