-- CPython's random, number for number. The figures are from Python 3.11.
local pyrandom = require "torch.utils.pyrandom"

local function take(n, f)
  local r = {}
  for i = 1, n do r[i] = f() end
  return r
end

describe("pyrandom", function()
  it("draws Python's randint", function()
    local r = pyrandom(0)
    assert.are.same({ 3, 3, 0, 2, 3, 3, 2, 3, 2, 1, 1, 2, 1, 0, 2, 1, 2, 0, 0, 2 }, take(20, function() return r:randint(0, 3) end))
    r = pyrandom(0)
    assert.are.same({ 5, 5, 4, 5, 6, 5, 5, 5, 5, 5, 6, 4, 6, 4, 5, 4, 4, 6, 5, 6 }, take(20, function() return r:randint(4, 6) end))
    r = pyrandom(12345678901234)
    assert.are.same(
      { 614287875196, 906862273767, 581651090665, 544250998398, 472320119599 },
      take(5, function() return r:randint(-5, 1000000000000) end))
  end)

  it("draws Python's floats", function()
    local r = pyrandom(42)
    assert.are.same(
      { 0.6394267984578837, 0.025010755222666936, 0.27502931836911926, 0.22321073814882275 },
      take(4, function() return r:random() end))
    r = pyrandom(-42)                                     -- the sign does not count
    assert.are.same(
      { 0.6394267984578837, 0.025010755222666936, 0.27502931836911926, 0.22321073814882275 },
      take(4, function() return r:random() end))
  end)

  it("goes on alike after the state is renewed", function()
    local r = pyrandom(1)
    for _ = 1, 1000 do r:random() end
    assert.are.equal(0.4116430517162146, r:random())
  end)

  it("shuffles, samples and chooses as Python does", function()
    local r, l = pyrandom(7), {}
    for i = 1, 10 do l[i] = i end
    assert.are.same({ 9, 4, 2, 5, 8, 1, 10, 7, 3, 6 }, r:shuffle(l))
    assert.are.same({ 3, 5, 9, 7 }, r:sample(l, 4))
    assert.are.same({ 8, 9, 9, 8, 3 }, r:choices(l, nil, 5))
    assert.are.same({ 1, 2, 3, 3, 3, 3 }, r:choices({ 1, 2, 3 }, { 1, 2, 5 }, 6))
    assert.are.equal(5, r:choice(l))
    assert.are.equal(3, r:randrange(3, 50, 7))
  end)

  it("draws from large lists without replacement by Python's other method", function()
    local r, l = pyrandom(3), {}
    for i = 1, 2000 do l[i] = i end
    assert.are.same({ 488, 1214, 1115, 268, 758, 1876 }, r:sample(l, 6))
  end)

  it("draws normal numbers", function()
    local r = pyrandom(5)
    assert.are.same({ -1.3576835024613434, -1.2963213615816032, 2.338937828771939 }, take(3, function() return r:gauss(1, 2) end))
    assert.are.same({ -1.5120487741240614, -0.07042871531208747 }, take(2, function() return r:normalvariate(0, 1) end))
  end)

  it("seeds itself anew", function()
    local r = pyrandom(9)
    local first = r:random()
    r:gauss()
    r:seed(9)
    assert.are.equal(first, r:random())
  end)

  it("refuses what Python refuses", function()
    local r = pyrandom(0)
    assert.has_error(function() r:randint(3, 2) end, "empty range in randint(3, 2)")
    assert.has_error(function() r:choice {} end, "Cannot choose from an empty sequence")
    assert.has_error(function() r:sample({ 1 }, 2) end)
    assert.has_error(function() pyrandom("x") end)
  end)
end)
