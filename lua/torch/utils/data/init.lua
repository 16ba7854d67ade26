--- torch.utils.data: data sets, samplers, loaders.

local data = {}

for _, part in ipairs{"dataset", "sampler", "loader"} do
  for name, value in pairs(require("torch.utils.data." .. part)) do data[name] = value end
end
for _, own in ipairs{"random63", "visits", "check_sampler", "sized"} do data[own] = nil end

return data
