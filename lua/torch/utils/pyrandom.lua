--- CPython's random.Random, number for number: a program seeded alike draws alike.
--
--    local random = require "torch.utils.pyrandom"(0)
--    random:randint(0, 3)      both ends included, as in Python
--    random:choice(list)  random:shuffle(list)  random:sample(list, 3)
--
-- The generator is MT19937 seeded by array. Positions in lists count from 1, values are Python's.

local Class = require "torch.class"

local N, M, MASK = 624, 397, 0xffffffff

local Random = Class:extend("Random")

--- Random(seed): an integer; without one, the clock.
function Random:init(seed)
  self:seed(seed == nil and os.time() or seed)
end

local function init_single(mt, s)
  mt[0] = s & MASK
  for i = 1, N - 1 do
    local x = mt[i - 1]
    mt[i] = (1812433253 * (x ~ x >> 30) + i) & MASK
  end
end

--- The stream of random.seed(seed). The sign does not count, as in Python.
function Random:seed(seed)
  if math.type(seed) ~= "integer" then
    error("the seed should be an integer, got " .. tostring(seed), 2)
  end
  if seed < 0 then seed = -seed end
  local key = {[0] = seed & MASK}
  if seed >> 32 ~= 0 then key[1] = seed >> 32 end
  local length = #key + 1
  local mt = {}
  init_single(mt, 19650218)
  local i, j = 1, 0
  local function step(multiplier, add)
    local x = mt[i - 1]
    mt[i] = ((mt[i] ~ (x ~ x >> 30) * multiplier) + add) & MASK
    i = i + 1
    if i == N then
      mt[0] = mt[N - 1]
      i = 1
    end
  end
  for _ = 1, N do
    step(1664525, key[j] + j)
    j = (j + 1) % length
  end
  for _ = 1, N - 1 do step(1566083941, -i) end
  mt[0] = 0x80000000
  self.mt, self.next, self.gauss_next = mt, N, nil
  return self
end

local function twist(mt)
  for i = 0, N - 1 do
    local y = mt[i] & 0x80000000 | mt[(i + 1) % N] & 0x7fffffff
    local x = mt[(i + M) % N] ~ y >> 1
    if y & 1 == 1 then x = x ~ 0x9908b0df end
    mt[i] = x
  end
end

local function word(self)
  local mt, i = self.mt, self.next
  if i == N then
    twist(mt)
    i = 0
  end
  self.next = i + 1
  local y = mt[i]
  y = y ~ y >> 11
  y = y ~ y << 7 & 0x9d2c5680
  y = y ~ y << 15 & 0xefc60000
  return (y ~ y >> 18) & MASK
end

--- In [0, 1), 53 bits.
function Random:random()
  local a, b = word(self) >> 5, word(self) >> 6
  return (a * 67108864.0 + b) * (1.0 / 9007199254740992.0)
end

--- k random bits, k from 0 to 63.
function Random:getrandbits(k)
  if k <= 0 then return 0 end
  if k <= 32 then return word(self) >> 32 - k end
  local low = word(self)
  return low | word(self) >> 64 - k << 32
end

-- uniform in 0..n-1
local function below(self, n)
  local k, m = 0, n
  while m > 0 do k, m = k + 1, m >> 1 end
  local r
  repeat r = self:getrandbits(k) until r < n
  return r
end

--- Of range(stop), range(start, stop) or range(start, stop, step).
function Random:randrange(start, stop, step)
  if stop == nil then start, stop = 0, start end
  step = step or 1
  local n
  if step > 0 then n = (stop - start + step - 1) // step
  elseif step < 0 then n = (stop - start + step + 1) // step
  else error("zero step for randrange()", 2) end
  if n <= 0 then error(("empty range in randrange(%d, %d, %d)"):format(start, stop, step), 2) end
  return start + step * below(self, n)
end

--- In a..b, both included.
function Random:randint(a, b)
  if b < a then error(("empty range in randint(%d, %d)"):format(a, b), 2) end
  return a + below(self, b - a + 1)
end

function Random:choice(list)
  if #list == 0 then error("Cannot choose from an empty sequence", 2) end
  return list[below(self, #list) + 1]
end

--- In place.
function Random:shuffle(list)
  for i = #list, 2, -1 do
    local j = below(self, i) + 1
    list[i], list[j] = list[j], list[i]
  end
  return list
end

--- k of the list without replacement, in the order drawn.
function Random:sample(list, k)
  local n = #list
  if k < 0 or k > n then error("Sample larger than population or is negative", 2) end
  local size, r = 21, {}
  if k > 5 then size = size + 4 ^ math.ceil(math.log(k * 3) / math.log(4)) end
  if n <= size then
    local pool = {table.unpack(list)}
    for i = 1, k do
      local j = below(self, n - i + 1) + 1
      r[i] = pool[j]
      pool[j] = pool[n - i + 1]
    end
  else
    local taken = {}
    for i = 1, k do
      local j
      repeat j = below(self, n) + 1 until not taken[j]
      taken[j] = true
      r[i] = list[j]
    end
  end
  return r
end

--- k of the list with replacement; weights need not sum to 1.
function Random:choices(list, weights, k)
  k = k or 1
  local n, r = #list, {}
  if not weights then
    for i = 1, k do r[i] = list[math.floor(self:random() * n) + 1] end
    return r
  end
  local sums, total = {}, 0
  for i, w in ipairs(weights) do
    total = total + w
    sums[i] = total
  end
  if total <= 0 then error("Total of weights must be greater than zero", 2) end
  for i = 1, k do
    local x, lo, hi = self:random() * total, 1, n
    while lo < hi do
      local mid = (lo + hi) // 2
      if x < sums[mid] then hi = mid else lo = mid + 1 end
    end
    r[i] = list[lo]
  end
  return r
end

function Random:uniform(a, b) return a + (b - a) * self:random() end

function Random:gauss(mu, sigma)
  local z = self.gauss_next
  self.gauss_next = nil
  if not z then
    local angle = self:random() * 2 * math.pi
    local radius = math.sqrt(-2.0 * math.log(1.0 - self:random()))
    z = math.cos(angle) * radius
    self.gauss_next = math.sin(angle) * radius
  end
  return (mu or 0.0) + z * (sigma or 1.0)
end

local MAGIC = 4 * math.exp(-0.5) / math.sqrt(2.0)

function Random:normalvariate(mu, sigma)
  while true do
    local u1, u2 = self:random(), 1.0 - self:random()
    local z = MAGIC * (u1 - 0.5) / u2
    if z * z / 4.0 <= -math.log(u2) then return (mu or 0.0) + z * (sigma or 1.0) end
  end
end

function Random:expovariate(lambda) return -math.log(1.0 - self:random()) / (lambda or 1.0) end

return Random
