--- nn.utils: gradients clipped, parameters as one vector.

local torch = require "torch"
local args = require "torch.utils.args"

local utils = {}

local fail, got = torch._C.fail, torch._C.got

-- a tensor, or an iterable of them, as a list
local function listed(what, params)
  if torch.is_tensor(params) then return {params} end
  local r = {}
  if type(params) == "function" then
    for p in params do r[#r + 1] = p end
  elseif type(params) == "table" then
    for i, p in ipairs(params) do r[i] = p end
  else
    fail(("%s(): expected a tensor or a list of tensors, got %s"):format(what, got(params)))
  end
  for i, p in ipairs(r) do
    if not torch.is_tensor(p) then fail(("%s(): element %d must be Tensor, not %s"):format(what, i, got(p))) end
  end
  return r
end

local function number(what, name, value)
  if type(value) ~= "number" then
    fail(("%s(): argument '%s' must be number, not %s"):format(what, name, got(value)))
  end
end

local function gradients(what, params)
  local r = {}
  for _, p in ipairs(listed(what, params)) do
    if p.grad ~= nil then r[#r + 1] = p.grad end
  end
  return r
end

local function norm(t, kind)
  if t:element_size() == 2 then return norm(t:float(), kind):to(t.dtype) end           -- half types are summed in float32
  if kind == math.huge then return t:abs():max() end
  if kind == -math.huge then return t:abs():min() end
  if kind == 2 then return t:mul(t):sum():sqrt() end
  if kind == 0 then return t:ne(0):sum():to(t.dtype) end
  return t:abs():pow(kind):sum():pow(1 / kind)
end

local total_args = args("get_total_norm", "tensors", {"norm_type", 2.0}, {"error_if_nonfinite", false}, {"foreach"})

--- The norm of the norms of some tensors.
function utils.get_total_norm(...)
  local tensors, norm_type, strict = total_args(...)
  number("get_total_norm", "norm_type", norm_type)
  local norms = {}
  for i, t in ipairs(listed("get_total_norm", tensors)) do norms[i] = norm(t:detach(), norm_type) end
  if #norms == 0 then return torch.tensor(0.0) end
  local total = norm(torch.stack(norms), norm_type)
  if strict and not total:isfinite():item() then
    fail(("The total norm of order %s for gradients from `parameters` is non-finite, so it cannot be clipped. To disable "
      .. "this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=false`"):format(norm_type))
  end
  return total
end

local norm_args = args("clip_grad_norm_", "parameters", "max_norm", {"norm_type", 2.0}, {"error_if_nonfinite", false},
  {"foreach"})

--- Scales the gradients so that all of them together have at most that norm; returns the norm before.
function utils.clip_grad_norm_(...)
  local params, max_norm, norm_type, strict = norm_args(...)
  number("clip_grad_norm_", "max_norm", max_norm)
  local _ <close> = torch.no_grad()
  local grads = gradients("clip_grad_norm_", params)
  local total = utils.get_total_norm(grads, norm_type, strict)
  local scale = (max_norm / (total + 1e-6)):clamp{max = 1.0}
  for _, g in ipairs(grads) do g:mul_(scale) end
  return total
end

local value_args = args("clip_grad_value_", "parameters", "clip_value", {"foreach"})

--- Cuts every element of the gradients to +-value.
function utils.clip_grad_value_(...)
  local params, value = value_args(...)
  number("clip_grad_value_", "clip_value", value)
  local _ <close> = torch.no_grad()
  for _, g in ipairs(gradients("clip_grad_value_", params)) do g:clamp_(-value, value) end
end

function utils.parameters_to_vector(params)
  local r = {}
  for i, p in ipairs(listed("parameters_to_vector", params)) do r[i] = p:reshape(-1) end
  return torch.cat(r)
end

--- The contrary: pieces of the vector become the parameters' data.
function utils.vector_to_parameters(vector, params)
  local at = 1
  if not torch.is_tensor(vector) then fail("expected torch.Tensor, but got: " .. got(vector)) end
  for _, p in ipairs(listed("vector_to_parameters", params)) do
    local n = p:numel()
    p.data = vector:narrow(1, at, n):view_as(p):detach()
    at = at + n
  end
end

require "torch.compat".utils(utils)

return utils
