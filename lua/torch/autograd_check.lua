--- gradcheck and gradgradcheck: gradients against differences of the function's values.

local torch = require "torch"
local args = require "torch.utils.args"

local fail = torch._C.fail

local defaults = {eps = 1e-6, atol = 1e-5, rtol = 1e-3, nondet_tol = 0.0, raise_exception = true}

-- accepted as PyTorch's, and always so: checks with undefined gradients, batched and forward-mode checks
local ignored = {check_undefined_grad = true, check_grad_dtypes = true, check_batched_grad = true,
  check_batched_forward_grad = true, check_forward_ad = true, check_backward_ad = true, fast_mode = true, masked = true,
  check_fwd_over_rev = true, check_rev_over_rev = true, gen_non_contig_grad_outputs = true}

local function options_of(what, given)
  local o = {}
  if given ~= nil and type(given) ~= "table" then
    fail(("%s(): the options should be a table, got %s"):format(what, torch._C.got(given)))
  end
  for k, v in pairs(defaults) do o[k] = v end
  for k, v in pairs(given or {}) do
    if defaults[k] == nil and not ignored[k] then
      args.unexpected(what, k, defaults)
    end
    if defaults[k] ~= nil and type(v) ~= type(defaults[k]) then
      fail(("%s(): argument '%s' should be a %s, got %s"):format(what, k, type(defaults[k]), torch._C.got(v)))
    end
    o[k] = v
  end
  return o
end

local function as_list(what, argument, x)
  if torch.is_tensor(x) then return {x} end
  if type(x) == "table" then return x end
  fail(("%s(): argument '%s' should be a tensor or a list of them, got %s"):format(what, argument, torch._C.got(x)))
end

local function check_function(what, func)
  local mt = getmetatable(func)
  if type(func) ~= "function" and not (type(mt) == "table" and mt.__call) then
    fail(("%s(): argument 'func' should be a function, got %s"):format(what, torch._C.got(func)))
  end
end

-- the tensors among several values or in one list, in order
local function tensors_of(...)
  local values = table.pack(...)
  if values.n == 1 and type(values[1]) == "table" and not torch.is_tensor(values[1]) then
    values = values[1]
    values.n = #values
  end
  local r = {}
  for i = 1, values.n do
    if torch.is_tensor(values[i]) then r[#r + 1] = values[i] end
  end
  return r
end

local function wants(t) return torch.is_tensor(t) and t.requires_grad end

-- fn for every element of t: fn(number, old value, write)
local function each_element(t, fn)
  local data, shape = t.data, t.shape
  local place, n = {}, t:numel()
  for i = 1, #shape do place[i] = 1 end
  for k = 1, n do
    local at = {table.unpack(place)}
    local function write(v)
      if #shape == 0 then data:fill_(v) else data[at] = v end
    end
    fn(k, (#shape == 0 and data or data[at]):item(), write)
    for d = #shape, 1, -1 do
      place[d] = place[d] + 1
      if place[d] <= shape[d] then break end
      place[d] = 1
    end
  end
end

-- numerical[i][o]: rows of d output o / d element of input i, each a flat list
local function numerical_jacobians(func, inputs, eps)
  local _ <close> = torch.no_grad()
  local function values()
    local outputs = tensors_of(func(table.unpack(inputs, 1, inputs.n or #inputs)))
    for i, o in ipairs(outputs) do outputs[i] = o:detach():clone() end
    return outputs
  end
  local r = {}
  for i = 1, inputs.n or #inputs do
    if wants(inputs[i]) then
      local rows = {}
      each_element(inputs[i], function(k, x, write)
        write(x - eps)
        local below = values()
        write(x + eps)
        local above = values()
        write(x)
        for o = 1, #above do
          rows[o] = rows[o] or {}
          rows[o][k] = ((above[o] - below[o]) / (2 * eps)):reshape(-1):tolist()
        end
      end)
      r[i] = rows
    end
  end
  return r
end

-- analytical[i]: rows of d output / d element of input i
local function analytical_jacobians(output, inputs)
  local chosen, place, r = {}, {}, {}
  for i = 1, inputs.n or #inputs do
    if wants(inputs[i]) then
      chosen[#chosen + 1], place[#place + 1] = inputs[i], i
      r[i] = {}
      for k = 1, inputs[i]:numel() do r[i][k] = {} end
    end
  end
  local seed = torch.zeros_like(output):detach()
  each_element(seed, function(o, _, write)
    write(1)
    local g = torch.autograd.grad(output, chosen, seed:clone(), {retain_graph = true, allow_unused = true})
    write(0)
    for c, i in ipairs(place) do
      if torch.is_tensor(g[c]) then
        if g[c].dtype ~= chosen[c].dtype then fail("Gradient has dtype mismatch") end
        local flat = g[c]:reshape(-1):tolist()
        if #flat ~= #r[i] then fail("Analytical gradient has incorrect size") end
        for k, v in ipairs(flat) do r[i][k][o] = v end
      else
        for k = 1, #r[i] do r[i][k][o] = 0.0 end
      end
    end
  end)
  return r
end

local function close(a, b, rtol, atol)
  if a ~= a or b ~= b then return false end
  return a == b or math.abs(a - b) <= atol + rtol * math.abs(b)
end

local function all_close(a, b, rtol, atol)
  for k = 1, #a do
    for o = 1, #a[k] do
      if not close(a[k][o], b[k][o], rtol, atol) then return false end
    end
  end
  return true
end

local function matrix(rows) return tostring(torch.tensor(rows, {dtype = torch.float64})) end

local function check(func, inputs, o)
  local any = false
  for i = 1, inputs.n or #inputs do
    if wants(inputs[i]) then
      any = true
      if inputs[i].dtype ~= torch.float64 then
        warn(("Input #%d requires gradient and is not a double precision floating point or complex. This check will "
          .. "likely fail if all the inputs are not of double precision floating point or complex. "):format(i))
      end
    end
  end
  if not any then
    fail("gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True.")
  end
  local function outputs_of()
    local all, r = tensors_of(func(table.unpack(inputs, 1, inputs.n or #inputs))), {}
    for i, t in ipairs(all) do
      if t.requires_grad then r[#r + 1] = {i, t} end
    end
    return r
  end
  local outputs = outputs_of()
  local numerical = numerical_jacobians(func, inputs, o.eps)
  if #outputs == 0 then
    for _, per_output in pairs(numerical) do
      for _, rows in ipairs(per_output) do
        for _, row in ipairs(rows) do
          for _, v in ipairs(row) do
            if v ~= 0 then fail("Numerical gradient for function expected to be zero") end
          end
        end
      end
    end
    return true
  end
  for _, entry in ipairs(outputs) do
    local number, output = entry[1], entry[2]
    local analytical = analytical_jacobians(output, inputs)
    local again = analytical_jacobians(output, inputs)
    for i = 1, inputs.n or #inputs do
      local a, n = analytical[i], numerical[i] and numerical[i][number]
      if a and n and not all_close(a, n, o.rtol, o.atol) then
        fail(("Jacobian mismatch for output %d with respect to input %d,\nnumerical:%s\nanalytical:%s\n")
          :format(number, i, matrix(n), matrix(a)))
      end
      if a and not all_close(a, again[i], 0, o.nondet_tol) then
        fail(("Backward is not reentrant, i.e., running backward with same input and grad_output multiple times "
          .. "gives different values, although analytical gradient matches numerical gradient."
          .. "The tolerance for nondeterminism was %s."):format(o.nondet_tol))
      end
    end
  end
  -- a gradient of zeros must give zeros
  local tensors, zeros, chosen = {}, {}, {}
  for i, entry in ipairs(outputs_of()) do
    tensors[i], zeros[i] = entry[2], torch.zeros_like(entry[2])
  end
  for i = 1, inputs.n or #inputs do
    if wants(inputs[i]) then chosen[#chosen + 1] = inputs[i] end
  end
  for _, g in ipairs(torch.autograd.grad(tensors, chosen, zeros, {allow_unused = true})) do
    if torch.is_tensor(g) and g:ne(0):any() then fail("backward not multiplied by grad_output") end
  end
  return true
end

local checks = {}

--- gradcheck(func, inputs; eps=1e-6, atol=1e-5, rtol=1e-3, nondet_tol=0, raise_exception=true): true, or an error.
-- inputs: a tensor or a list; func gets them one by one.
function checks.gradcheck(func, inputs, given)
  check_function("gradcheck", func)
  inputs = as_list("gradcheck", "inputs", inputs)
  local o = options_of("gradcheck", given)
  if o.raise_exception then return check(func, inputs, o) end
  return (pcall(check, func, inputs, o))
end

--- gradgradcheck(func, inputs, grad_outputs; ...): gradcheck of the gradients. Without grad_outputs they are drawn.
function checks.gradgradcheck(func, inputs, grad_outputs, given)
  if type(grad_outputs) == "table" and grad_outputs[1] == nil and next(grad_outputs) ~= nil then
    grad_outputs, given = nil, grad_outputs
  end
  check_function("gradgradcheck", func)
  inputs = as_list("gradgradcheck", "inputs", inputs)
  local o = options_of("gradgradcheck", given)
  local count = inputs.n or #inputs
  local function run(...)
    local r = {}
    for _, t in ipairs(tensors_of(func(...))) do
      if t.requires_grad then r[#r + 1] = t end
    end
    return r
  end
  if grad_outputs == nil then
    grad_outputs = {}
    for i, t in ipairs(run(table.unpack(inputs, 1, count))) do
      grad_outputs[i] = torch.rand(t.shape, {dtype = t.dtype}):mul(2):sub(1):requires_grad_()
    end
  else
    grad_outputs = as_list("gradgradcheck", "grad_outputs", grad_outputs)
  end
  local all = {n = count + #grad_outputs}
  for i = 1, count do all[i] = inputs[i] end
  for i, g in ipairs(grad_outputs) do all[count + i] = g end
  local function gradients(...)
    local values = {...}
    local chosen = {}
    for i = 1, count do
      if wants(values[i]) then chosen[#chosen + 1] = values[i] end
    end
    local _ <close> = torch.enable_grad()
    local outputs = run(table.unpack(values, 1, count))
    local g = torch.autograd.grad(outputs, chosen, {table.unpack(values, count + 1, all.n)},
      {create_graph = true, allow_unused = true})
    local r = {}
    for _, t in ipairs(g) do
      if torch.is_tensor(t) then r[#r + 1] = t end
    end
    return r
  end
  if o.raise_exception then return check(gradients, all, o) end
  return (pcall(check, gradients, all, o))
end

return checks
