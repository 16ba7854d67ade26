-- whatever a function of the Lua layer is called with, its error is in its own words, never the interpreter's

local torch = require "torch"

local garbage = {
  {}, { 3 }, { -1, 2 }, { 1.5 }, { "x" }, { true }, { function () end }, { {} }, { { 1, 2 } }, { { zz = 1 } }, { 2, 3, "z" },
  { torch.ones(2) }, { torch.ones(2), "y" }, { torch.ones(2), torch.ones(2) }, { torch.ones(2, 2), torch.ones(3) },
  { torch.ones(2, 2), { a = 1 } },
}

-- each call in a coroutine of its own: a gradient mode that it switches ends with it
local function try (path, f, found)
  for i, values in ipairs(garbage) do
    local ok, e = coroutine.wrap(pcall)(f, table.unpack(values))
    if ok then ok, e = pcall(tostring, e) end           -- a module prints
    e = tostring(e)
    if not ok and (e:find("attempt to", 1, true) or e:find("bad argument", 1, true)) then
      found[#found + 1] = ("%s, call %d: %s"):format(path, i, e)
    end
  end
end

local function sweep (path, space, found)
  local n = 0
  for name, v in pairs(space) do
    if type(name) == "string" and name:sub(1, 1) ~= "_" then
      local mt = type(v) == "table" and getmetatable(v)
      if type(v) == "function" or mt and mt.__call then
        try(path .. "." .. name, v, found)
        n = n + 1
      elseif type(v) == "table" then
        n = n + sweep(path .. "." .. name, v, found)
      end
    end
  end
  return n
end

-- every method of a fresh object, and the object called
local function methods (make, found)
  local name, n, class = getmetatable(make()).__name, 0, getmetatable(make()).__class
  while class do
    for key, v in pairs(class) do
      if type(key) == "string" and key:sub(1, 1) ~= "_" and type(v) == "function" and key ~= "create" and key ~= "check" then
        try(name .. ":" .. key, function (...)
          local object = make()
          return object[key](object, ...)
        end, found)
        n = n + 1
      end
    end
    local mt = getmetatable(class)
    class = mt and mt.__index
  end
  if getmetatable(make()).__call then try(name, make(), found) end
  return n
end

describe("garbage", function ()
  for name, least in pairs { nn = 80, optim = 5, ["utils.data"] = 5, autograd = 5 } do
    it("is refused in words by torch." .. name, function ()
      local found = {}
      local space = require("torch." .. name)
      if name == "autograd" then assert(space.gradcheck) end        -- comes when first asked for
      assert.is_true(sweep(name, space, found) >= least)
      assert.equal("", table.concat(found, "\n"))
    end)
  end

  it("is refused in words by methods and modules", function ()
    local nn, found, n = torch.nn, {}, 0
    local function linear () return nn.Linear(2, 2) end
    for _, make in ipairs {
      linear, function () return nn.Sequential(linear(), nn.ReLU()) end, function () return nn.ModuleList { linear() } end,
      function () return nn.ModuleDict { { "a", linear() } } end, function () return nn.ParameterList { torch.ones(2) } end,
      nn.CrossEntropyLoss, nn.MSELoss, nn.Dropout, nn.Flatten, nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softmax, nn.PReLU, nn.GELU,
      function () return torch.optim.SGD(linear():parameters(), { lr = 0.1 }) end,
      function () return torch.optim.Adam(linear():parameters()) end,
      function () return torch.utils.data.DataLoader { 1, 2, 3 } end,
      function () return torch.utils.data.TensorDataset(torch.ones(3)) end,
    } do n = n + methods(make, found) end
    assert.is_true(n > 300, n .. " methods")
    assert.equal("", table.concat(found, "\n"))
  end)
end)
