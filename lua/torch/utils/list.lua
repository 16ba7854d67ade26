--- Lists that are also iterators, and dictionaries that keep their order.
--
--    for p in m:parameters() do ... end              optim.SGD(m:parameters())   #m:parameters()
--    for name, p in m:named_parameters() do ... end
--    for key, value in pairs(state_dict) do ... end

local list = {}

-- where the latest loop over a list stands; loops that nest find their place by a search
local cursor = setmetatable({}, {__mode = "k"})

local iterable = {__name = "list"}

function iterable.__call(values, _, last)
  local i = 0
  if last ~= nil then
    i = cursor[values]
    if not rawequal(values[i], last) then
      i = 1
      while not rawequal(values[i], last) do
        if values[i] == nil then return nil end
        i = i + 1
      end
    end
  end
  cursor[values] = i + 1
  return values[i + 1]
end

--- A list of distinct values that a `for` can call: each value leads to the next.
function list.iterable(values) return setmetatable(values, iterable) end

--- A list of {name, value} pairs that a `for` can call: `for name, value in pairs_list do`.
-- `l.name` finds a value too. Names are distinct.
function list.named(items)
  local place
  local function find(name)
    if not place then
      place = {}
      for i = 1, #items do place[items[i][1]] = i end
    end
    return place[name]
  end
  return setmetatable(items, {
    __name = "list",
    __call = function(_, _, last)
      local item
      if last == nil then item = rawget(items, 1) else item = rawget(items, (find(last) or #items) + 1) end
      if item then return item[1], item[2] end
    end,
    __index = function(_, name)
      local i = type(name) == "string" and find(name)
      return i and items[i][2] or nil
    end,
  })
end

--- An empty dictionary whose `pairs` goes in order of the first assignment.
-- The fields are plain fields: `next`, `d.key` and `d[key] = nil` work as ever.
function list.ordered()
  local order, seen = {}, {}
  local meta = {__name = "ordered dictionary"}
  function meta.__newindex(t, k, v)
    if v == nil then return end
    if not seen[k] then
      seen[k] = true
      order[#order + 1] = k
    end
    rawset(t, k, v)
  end
  function meta.__pairs(t)
    local i = 0
    return function()
      local k, v
      repeat
        i = i + 1
        k = order[i]
        if k ~= nil then v = rawget(t, k) end
      until k == nil or v ~= nil
      return k, v
    end
  end
  return setmetatable({}, meta)
end

return list
