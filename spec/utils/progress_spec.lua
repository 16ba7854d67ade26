-- torch.progress: what is looped over, and what is shown.
local torch = require "torch"
local helper = require "spec.support.helper"

-- a file that remembers
local function sink()
  local f = { text = "" }
  function f:write(...) self.text = self.text .. table.concat { ... } end
  function f.flush() end
  return f
end

local function collect(...)
  local r = {}
  for a, b in torch.progress(...) do r[#r + 1] = b == nil and a or { a, b } end
  return r
end

describe("progress", function()
  it("loops over numbers, lists, tensors, loaders and iterators", function()
    local quiet = { disable = true }
    assert.are.same({ 1, 2, 3 }, collect(3, quiet))
    assert.are.same({ "a", "b" }, collect({ "a", "b" }, quiet))
    assert.are.same({}, collect({}, quiet))
    assert.are.same({ { 1, "a" }, { 2, "b" } }, (function()
      local r = {}
      local f, s, c = ipairs { "a", "b" }
      for i, v in torch.progress(f, s, c, quiet) do r[#r + 1] = { i, v } end
      return r
    end)())
    local n = 0
    for row in torch.progress(torch.zeros(3, 2), quiet) do n = n + row:numel() end
    assert.are.equal(6, n)
    local D = torch.utils.data
    local loader = D.DataLoader(D.TensorDataset(torch.arange(5), torch.arange(5)), { batch_size = 2 })
    n = 0
    for x, y in torch.progress(loader, quiet) do n = n + #x + #y end
    assert.are.equal(10, n)
    n = 0
    for _ in torch.progress(torch.nn.Linear(2, 2):parameters(), quiet) do n = n + 1 end
    assert.are.equal(2, n)
    assert.are.equal(torch.progress, torch.tqdm)
  end)

  it("writes one line at the end where there is no terminal", function()
    local f = sink()
    for _ in torch.progress(4, { file = f, desc = "epoch 1", tty = false }) do assert.are.equal("", f.text) end
    assert.is_truthy(f.text:find("^epoch 1: 100%%|.*| 4/4 %[00:00<00:00, .*it/s%]\n$"), f.text)
  end)

  it("draws over its own line on a terminal", function()
    local f = sink()
    local bar = torch.progress(4, { file = f, tty = true, mininterval = 0, ncols = 90 })
    for _ in bar do bar:set_postfix { loss = 0.12345, acc = 3 } end
    assert.is_truthy(f.text:find("\r  0%%|"))
    assert.is_truthy(f.text:find(" 50%%|"))
    assert.is_truthy(f.text:find("4/4 %[00:00<00:00, .*it/s, acc=3, loss=0.123%]"))
    for line in f.text:gmatch("[^\r\n]+") do assert.is_true(utf8.len(line) <= 90, line) end
    assert.are.equal("\n", f.text:sub(-1))
  end)

  it("goes away when it should not stay", function()
    local f = sink()
    for _ in torch.progress(2, { file = f, tty = true, leave = false }) do end
    assert.is_truthy(f.text:find("\r +\r$"))
  end)

  it("is moved by hand", function()
    local f = sink()
    local bar = torch.progress { total = 10, file = f, tty = false, unit = "B" }
    bar:update(4)
    bar:update()
    bar:set_description("half")
    bar:close()
    bar:close()
    assert.is_truthy(f.text:find("^half:  50%%|.*| 5/10 %["))
    assert.is_truthy(f.text:find("B/s", 1, true))
  end)

  it("counts without a total", function()
    local f = sink()
    local i = 0
    for _ in torch.progress(function() i = i + 1; return i <= 3 and i or nil end, { file = f, tty = false }) do end
    assert.is_truthy(f.text:find("^3it %[00:00, "))
  end)

  it("is closed when the loop is left", function()
    local f = sink()
    for i in torch.progress(10, { file = f, tty = false }) do
      if i == 4 then break end
    end
    assert.is_truthy(f.text:find("3/10", 1, true))
    local bar_text = sink()
    assert.has_error(function()
      for _ in torch.progress(10, { file = bar_text, tty = false }) do error("no") end
    end)
    assert.is_truthy(bar_text.text:find("0/10", 1, true))
  end)

  it("refuses what it cannot loop over, and unknown keywords", function()
    helper.raises(function() torch.progress("abc") end, "progress: expected a list, a loader, a number or an iterator, got string")
    helper.raises(function() torch.progress(3, { totl = 3 }) end,
      "progress() got an unexpected keyword argument 'totl'; did you mean 'total'?")
  end)

  it("is quiet in a script whose stderr is a file, but for the last line", function()
    local r = helper.run_text("for _ in torch.progress(3) do end for _ in torch.progress(3, {disable = true}) do end")
    assert.are.equal(0, r.code, r.err)
    assert.is_truthy(r.err:find("^100%%|[^\n]*| 3/3 [^\n]*\n$"), r.err)
  end)
end)
