--- torch.utils.data: data sets, samplers, loaders.

local data = {}

for _, part in ipairs{"dataset", "sampler", "loader"} do
  for name, value in pairs(require("torch.utils.data." .. part)) do data[name] = value end
end
data.random63, data.sized = nil, nil

return data
