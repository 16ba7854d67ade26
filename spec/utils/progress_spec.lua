-- torch.progress: what it loops over, and what it writes.
local torch = require "torch"
local helper = require "spec.support.helper"
local progress = torch.progress

-- a file that remembers
local function sink()
  local f = { text = "" }
  function f:write(...) self.text = self.text .. table.concat { ... } end
  function f:flush() end
  return f
end

local function last_line(f) return (f.text:gsub("\n$", ""):match("[^\r\n]*$")) end

describe("torch.progress", function()
  it("passes on what a list, a number, a tensor, a loader or an iterator gives", function()
    local f = sink()
    local seen = {}
    for i in progress(3, { file = f }) do seen[#seen + 1] = i end
    for v in progress({ "a", "b" }, { file = f }) do seen[#seen + 1] = v end
    for v in progress(torch.tensor { 7, 8 }, { file = f }) do seen[#seen + 1] = v:item() end
    local step, state, first = ipairs { "x" }
    for k, v in progress(step, state, first, { file = f }) do seen[#seen + 1] = k .. v end
    assert.same({ 1, 2, 3, "a", "b", 7, 8, "1x" }, seen)
    local D = torch.utils.data
    local loader = D.DataLoader(D.TensorDataset(torch.arange(1, 6), torch.arange(1, 6)), 2)
    local n = 0
    for x, y in progress(loader, { file = f }) do
      assert.same(x:tolist(), y:tolist())
      n = n + 1
    end
    assert.equal(3, n)
    assert.truthy(last_line(f):find("100%|", 1, true))
    assert.truthy(last_line(f):find("| 3/3 [00:00<00:00, ", 1, true))
  end)

  it("writes one line where there is no terminal", function()
    local f = sink()
    for _ in progress(10, { file = f, desc = "epoch 1", unit = "batch" }) do f.touched = true end
    assert.equal(1, select(2, f.text:gsub("\n", "")))
    assert.falsy(f.text:find("\r"))
    local text = f.text:gsub("█", "#")
    assert.truthy(text:find("^epoch 1: 100%%|#+| 10/10 %[00:00<00:00, [%d.]+batch/s%]\n$"), text)
  end)

  it("shows a share in eighths, in the width it has", function()
    local f = sink()
    local bar = progress { total = 16, file = f, ncols = 60 }
    bar:update(5)
    local text = bar:text()
    assert.equal(60, utf8.len(text))
    local before, drawn = text:match("^( 31%%|)(.-)| 5/16 %[")
    assert.truthy(before, text)
    local width, full = utf8.len(drawn), select(2, drawn:gsub("█", ""))
    assert.equal(math.floor(width * 5 / 16), full)
    assert.equal(width * 5 * 8 // 16 % 8 > 0, drawn:find("[^ ]", 3 * full + 1) ~= nil)
    assert.equal(16, #bar)
    bar:close()
    bar:close()
    assert.equal(1, select(2, f.text:gsub("\n", "")))
  end)

  it("redraws on a terminal, and clears what shall not stay", function()
    local f = sink()
    for _ in progress(3, { file = f, tty = true, mininterval = 0, leave = false }) do f.touched = true end
    assert.is_true(select(2, f.text:gsub("\r", "")) >= 4)
    assert.truthy(f.text:find("\r +\r$"))
  end)

  it("shows figures behind the rate", function()
    local f = sink()
    local bar = progress(2, { file = f })
    for _ in bar do bar:set_postfix { loss = 0.123456, acc = 3 } end
    assert.truthy(last_line(f):find(", acc=3, loss=0.123]", 1, true), f.text)
    bar:set_postfix { { "z", 1 }, { "a", 2 } }
    assert.truthy(bar:text():find(", z=1, a=2]", 1, true))
    bar:set_postfix("text")
    assert.truthy(bar:text():find(", text]", 1, true))
    bar:set_description("other")
    assert.truthy(bar:text():find("^other: "))
  end)

  it("counts without a total", function()
    local f = sink()
    local step, state = pairs { 1, 2, 3 }
    for _ in progress(step, state, nil, { file = f }) do f.touched = true end
    assert.truthy(f.text:find("^3it %[00:00, [%d.]+it/s%]\n$"), f.text)
  end)

  it("finishes its line when the loop is left or breaks", function()
    local f = sink()
    for i in progress(5, { file = f }) do
      if i == 3 then break end
    end
    assert.truthy(last_line(f):find(" 40%|", 1, true), f.text)
    local g = sink()
    helper.raises(function()
      for _ in progress(5, { file = g }) do error("oops") end
    end, "oops")
    assert.truthy(last_line(g):find("0/5", 1, true))
  end)

  it("says nothing when it is disabled, and of nothing says 0/0", function()
    local f = sink()
    local n = 0
    for _ in progress(4, { file = f, disable = true }) do n = n + 1 end
    assert.same({ 4, "" }, { n, f.text })
    for _ in progress({}, { file = f }) do n = n + 1 end
    assert.equal(4, n)
    assert.truthy(f.text:find("0/0", 1, true))
  end)

  it("has its other name, and knows its keywords", function()
    assert.equal(torch.progress, torch.tqdm)
    helper.raises(function() progress(3, { totl = 3 }) end, "did you mean 'total'?")
    helper.raises(function() progress(true) end, "progress: expected a list, a loader, a number or an iterator, got boolean")
  end)
end)
