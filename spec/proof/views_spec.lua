-- Proof 6, views: the ways of writing through views against numerical derivatives, first and second,
-- running statistics in place, and the graph kept for a second time.
local torch = require "torch"

local function list(t) return t:detach():flatten():tolist() end
local w = torch.arange(1, 10, { dtype = torch.float64 }):reshape(3, 3)

-- each takes a (3 x 3) and c (3) and returns a result that depends on both, written through views
local cases = {
  { "a row", function(a, c) local x = a * 1; x[2]:mul_(c); return x end },
  { "a transposed whole", function(a, c) local x = a * 1; x:t():add_(c); return x end },
  { "a diagonal", function(a, c) local x = a * 1; x:diagonal():mul_(c); return x end },
  { "a view of a view", function(a, c) local x = a * 1; local u = x:t(); u[3]:mul_(c); return u end },
  { "the base after the view", function(a, c) local x = a * 1; local v = x[1]; x:mul_(c); return v end },
  { "a twin view", function(a, c) local x = a * 1; local v, u = x[1], x[1]; v:mul_(c); return u end },
  { "a plain base", function(a, c) local x = torch.ones(3, 3, { dtype = torch.float64 }); x[2]:mul_(c); x:mul_(a); return x end },
  { "two nested writes", function(a, c)
    local x = a * 1
    x[2]:mul_(c)
    x[2][{ { 2, 3 } }]:mul_(c[{ { 1, 2 } }])
    return x
  end },
  { "an assignment", function(a, c) local x = a * c; x[{ {}, 2 }] = c * c; return x end },
  { "a view that reads itself", function(a, c) local x = a * 1; local v = x[1]; v:mul_(v); v:mul_(c); return x end },
  { "between two reads", function(a, c) local x = a * 1; local v = x[3] * 1; x[3]:mul_(c); return x * v end },
  { "a column written in a loop", function(a, c)
    local x = a * 1
    for i = 1, 3 do x[{ i, { 1, 2 } }]:mul_(c[i]) end
    return x
  end },
}

local function inputs()
  local a = torch.tensor({ { 0.5, -1, 1.5 }, { 2, 0.75, -0.5 }, { 1.25, -2, 0.3 } }, { dtype = torch.float64, requires_grad = true })
  local c = torch.tensor({ 0.7, -1.2, 1.6 }, { dtype = torch.float64, requires_grad = true })
  return a, c
end

local function loss(f, a, c)
  local y = f(a, c)
  local weight = y:dim() == 1 and w[1] or w
  return (y * y * weight):sum()
end

-- central differences of scalar f at every element of t
local function slopes(f, t)
  local flat, out = t:detach():flatten(), {}
  for i = 1, flat:numel() do
    local h, old = 1e-5, flat[i]:item()
    flat[i] = old + h
    local up = f()
    flat[i] = old - h
    local down = f()
    flat[i] = old
    out[i] = (up - down) / (2 * h)
  end
  return out
end

local function near(want, got, tolerance)
  for i = 1, #want do assert.near(want[i], got[i], tolerance * math.max(1, math.abs(want[i]))) end
end

describe("writing through views", function()
  for _, case in ipairs(cases) do
    local name, f = case[1], case[2]

    it("has the right gradients: " .. name, function()
      local a, c = inputs()
      local g = torch.autograd.grad(loss(f, a, c), { a, c })
      near(slopes(function() return loss(f, a, c):item() end, a), list(g[1]), 1e-7)
      near(slopes(function() return loss(f, a, c):item() end, c), list(g[2]), 1e-7)
    end)

    it("has the right second derivatives: " .. name, function()
      local a, c = inputs()
      local function penalty()
        local g = torch.autograd.grad(loss(f, a, c), { a, c }, { create_graph = true })
        return (g[1] * g[1]):sum() + (g[2] * g[2]):sum()
      end
      local g = torch.autograd.grad(penalty(), { a, c })
      near(slopes(function() return penalty():item() end, a), list(g[1]), 1e-5)
      near(slopes(function() return penalty():item() end, c), list(g[2]), 1e-5)
    end)

    it("may go backward twice: " .. name, function()
      local a, c = inputs()
      local l = loss(f, a, c)
      l:backward(nil, { retain_graph = true })
      local ga, gc = list(a.grad), list(c.grad)
      a.grad, c.grad = nil, nil
      l:backward()
      assert.same(ga, list(a.grad))
      assert.same(gc, list(c.grad))
    end)
  end

  it("leaves running statistics without history", function()
    local mean = torch.zeros(3, { dtype = torch.float64 })
    local a = inputs()
    for _ = 1, 3 do
      local batch = a:mean(1)
      torch.no_grad(function() mean:mul_(0.9):add_(batch, { alpha = 0.1 }) end)
      assert.is_false(mean.requires_grad)
      local y = ((a - batch) * (mean * 2)):sum()
      y:backward()
    end
    near({ (1 - 0.9 ^ 3) * (0.5 + 2 + 1.25) / 3 }, { list(mean)[1] }, 1e-12)
  end)

  it("frees everything", function()
    local function round()
      for _, case in ipairs(cases) do
        local a, c = inputs()
        loss(case[2], a, c):backward()
      end
    end
    round()
    local before = torch.memory.allocated()
    for _ = 1, 200 do round() end
    -- what the collector has not met yet is a few rounds, not hundreds
    assert.is_true(torch.memory.allocated() - before < 4e6)
  end)
end)
