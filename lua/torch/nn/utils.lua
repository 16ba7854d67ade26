--- nn.utils: gradients clipped, parameters as one vector.

local torch = require "torch"
local args = require "torch.utils.args"

local utils = {}

-- a tensor, or an iterable of them, as a list
local function listed(params)
  if torch.is_tensor(params) then return {params} end
  local r = {}
  if type(params) == "function" then
    for p in params do r[#r + 1] = p end
  else
    for _, p in ipairs(params) do r[#r + 1] = p end
  end
  return r
end

local function gradients(params)
  local r = {}
  for _, p in ipairs(listed(params)) do
    if p.grad ~= nil then r[#r + 1] = p.grad end
  end
  return r
end

local function norm(t, kind)
  if kind == math.huge then return t:abs():max() end
  if kind == 2 then return t:mul(t):sum():sqrt() end
  if kind == 0 then return t:ne(0):sum():to(t.dtype) end
  return t:abs():pow(kind):sum():pow(1 / kind)
end

--- The norm of the norms of some tensors.
function utils.get_total_norm(tensors, norm_type)
  norm_type = norm_type or 2.0
  local norms = {}
  for i, t in ipairs(listed(tensors)) do norms[i] = norm(t:detach(), norm_type) end
  if #norms == 0 then return torch.tensor(0.0) end
  return norm(torch.stack(norms), norm_type)
end

local norm_args = args("clip_grad_norm_", "parameters", "max_norm", {"norm_type", 2.0}, {"error_if_nonfinite", false})

--- Scales the gradients so that all of them together have at most that norm; returns the norm before.
function utils.clip_grad_norm_(...)
  local params, max_norm, norm_type, strict = norm_args(...)
  local _ <close> = torch.no_grad()
  local grads = gradients(params)
  local total = utils.get_total_norm(grads, norm_type)
  if strict and not total:isfinite():item() then
    torch._C.fail(("The total norm of order %s for gradients from `parameters` is non-finite, so it cannot be clipped.")
      :format(norm_type))
  end
  local scale = (max_norm / (total + 1e-6)):clamp{max = 1.0}
  for _, g in ipairs(grads) do g:mul_(scale) end
  return total
end

--- Cuts every element of the gradients to +-value.
function utils.clip_grad_value_(params, value)
  if type(value) == "table" then value = value.clip_value end
  local _ <close> = torch.no_grad()
  for _, g in ipairs(gradients(params)) do g:clamp_(-value, value) end
end

function utils.parameters_to_vector(params)
  local r = {}
  for i, p in ipairs(listed(params)) do r[i] = p:reshape(-1) end
  return torch.cat(r)
end

--- The contrary: pieces of the vector become the parameters' data.
function utils.vector_to_parameters(vector, params)
  local at = 1
  for _, p in ipairs(listed(params)) do
    local n = p:numel()
    p.data = vector:narrow(1, at, n):view_as(p):detach()
    at = at + n
  end
end

require "torch.compat".utils(utils)

return utils
