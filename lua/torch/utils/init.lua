--- torch.utils: data (sets, samplers, loaders) and pyrandom (CPython's random numbers).

return setmetatable({}, {
  __index = function(t, name)
    if name ~= "data" and name ~= "pyrandom" then return nil end
    local value = require("torch.utils." .. name)
    rawset(t, name, value)
    return value
  end,
})
