-- sha256.lua -- the SHA-256 of a text in hex: spec/golden holds large tensors as the sum of their bytes.
local k, h0 = {}, {}

do                                         -- the first 32 bits of the fractions of cube and square roots of primes
  local function fraction(x) return math.floor((x - math.floor(x)) * 0x100000000) end
  local n, found = 2, 0
  while found < 64 do
    local prime = true
    for d = 2, math.floor(math.sqrt(n)) do
      if n % d == 0 then prime = false; break end
    end
    if prime then
      found = found + 1
      local root = n ^ (1 / 3)
      root = root - (root * root * root - n) / (3 * root * root)
      k[found] = fraction(root)
      if found <= 8 then h0[found] = fraction(math.sqrt(n)) end
    end
    n = n + 1
  end
end

local function rotate(x, n) return (x >> n | x << 32 - n) & 0xffffffff end

local function block(h, text, at)
  local w = { string.unpack(">I4I4I4I4I4I4I4I4I4I4I4I4I4I4I4I4", text, at) }
  for i = 17, 64 do
    local x, y = w[i - 15], w[i - 2]
    w[i] = (w[i - 16] + (rotate(x, 7) ~ rotate(x, 18) ~ x >> 3) + w[i - 7] + (rotate(y, 17) ~ rotate(y, 19) ~ y >> 10)) & 0xffffffff
  end
  local a, b, c, d, e, f, g, r = table.unpack(h)
  for i = 1, 64 do
    local t = r + (rotate(e, 6) ~ rotate(e, 11) ~ rotate(e, 25)) + (e & f ~ ~e & g) + k[i] + w[i]
    local u = (rotate(a, 2) ~ rotate(a, 13) ~ rotate(a, 22)) + (a & b ~ a & c ~ b & c)
    r, g, f, e, d, c, b, a = g, f, e, (d + t) & 0xffffffff, c, b, a, (t + u) & 0xffffffff
  end
  for i, v in ipairs { a, b, c, d, e, f, g, r } do h[i] = (h[i] + v) & 0xffffffff end
end

return function(text)
  local h = { table.unpack(h0) }
  local padded = text .. "\128" .. ("\0"):rep((55 - #text) % 64) .. string.pack(">I8", #text * 8)
  for at = 1, #padded, 64 do block(h, padded, at) end
  return ("%08x"):rep(8):format(table.unpack(h))
end
