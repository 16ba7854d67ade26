--- nearest(name, names): the entry of the list `names` most like `name`, or nil when none is close.

-- how many letters must be inserted, dropped, changed or swapped to make a of b; gives up above `limit`
local function distance(a, b, limit)
  if math.abs(#a - #b) > limit then return limit + 1 end
  local before, row = {}, {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local new, best = {[0] = i}, i
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local d = math.min(row[j] + 1, new[j - 1] + 1, row[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        d = math.min(d, before[j - 2] + 1)
      end
      new[j] = d
      if d < best then best = d end
    end
    if best > limit then return best end
    before, row = row, new
  end
  return row[#b]
end

return function(name, names)
  local limit = math.max(1, #name // 3)
  local best, found = limit + 1, nil
  local low = name:lower()
  for _, n in ipairs(names) do
    local d = distance(low, n:lower(), limit)
    if d < best or d == best and found and n < found then best, found = d, n end
  end
  return found
end
