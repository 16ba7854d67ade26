--- torch.progress (also torch.tqdm): a loop with a bar.
--
--    for x, y in torch.progress(loader, {desc = "epoch 1"}) do ... end
--    for i in torch.progress(100) do ... end                      1..100
--    for item in torch.progress(list) do ... end
--    for k, v in torch.progress(pairs(t)) do ... end              any iterator; then no total, unless {total = n}
--
--    local bar = torch.progress(loader)
--    for x, y in bar do bar:set_postfix{loss = loss:item()} end
--    local bar = torch.progress{total = 10}                       by hand: bar:update(3), bar:close()
--
-- Keywords: total, desc, unit ("it"), leave (true: the finished bar stays), initial (0), mininterval (0.1 s), ncols,
-- file (io.stderr), disable, postfix. Where the output is no terminal only the last line is written.

local torch = require "torch"
local Class = require "torch.class"
local args = require "torch.utils.args"

local Bar = Class:extend("progress")

local known = {
  total = true, desc = true, unit = true, leave = true, initial = true, mininterval = true, ncols = true, file = true,
  disable = true, postfix = true, tty = true,
}

local now = torch._C.clock

local function is_terminal(file)
  return file == io.stderr and torch._C.isatty(2) or file == io.stdout and torch._C.isatty(1)
end

--------------------------------------------------------------------------------------------- text

local function clock(seconds)
  local s = math.floor(seconds + 0.5)
  local h, m = s // 3600, s // 60 % 60
  if h > 0 then return ("%d:%02d:%02d"):format(h, m, s % 60) end
  return ("%02d:%02d"):format(m, s % 60)
end

local function figure(v)
  if math.type(v) == "float" then return ("%.3g"):format(v) end
  return tostring(v)
end

-- a dictionary (by name), a list of pairs (in order) or a text
local function postfix_text(p)
  if p == nil then return "" end
  if type(p) ~= "table" then return ", " .. figure(p) end
  local items = {}
  if p[1] ~= nil then
    for i, item in ipairs(p) do items[i] = item[1] .. "=" .. figure(item[2]) end
  else
    for k, v in pairs(p) do items[#items + 1] = k .. "=" .. figure(v) end
    table.sort(items)
  end
  return #items > 0 and ", " .. table.concat(items, ", ") or ""
end

local eighths = {"▏", "▎", "▍", "▌", "▋", "▊", "▉"}

local function blocks(share, width)
  local n = math.floor(share * width * 8)
  local full, rest = n // 8, n % 8
  return ("█"):rep(full) .. (rest > 0 and eighths[rest] or "") .. (" "):rep(width - full - (rest > 0 and 1 or 0))
end

--- The line as it stands: ` 40%|████      | 40/100 [00:01<00:02, 31.25it/s, loss=0.1]`
function Bar:text()
  local n, total, seconds = self.n, self.total, now() - self.start
  local done = n - self.initial
  local rate = self.rate or (seconds > 0 and done / seconds)
  local speed = "?" .. self.unit .. "/s"
  if rate and rate > 0 then
    speed = rate >= 1 and ("%.2f%s/s"):format(rate, self.unit) or ("%.2fs/%s"):format(1 / rate, self.unit)
  end
  local head = self.desc and self.desc ~= "" and self.desc .. ": " or ""
  local tail = postfix_text(self.postfix)
  if not total then return ("%s%d%s [%s, %s%s]"):format(head, n, self.unit, clock(seconds), speed, tail) end
  local share = total > 0 and math.min(n / total, 1) or 1
  local left = rate and rate > 0 and clock((total - n) / rate) or "?"
  head = ("%s%3d%%|"):format(head, math.floor(share * 100))
  tail = ("| %d/%d [%s<%s, %s%s]"):format(n, total, clock(seconds), left, speed, tail)
  local room = self.ncols - (utf8.len(head) or #head) - (utf8.len(tail) or #tail)
  return head .. blocks(share, math.max(5, math.min(room, 60))) .. tail
end

--------------------------------------------------------------------------------------------- the bar

function Bar:init(next_item, options)
  self.next_item = next_item
  self.total, self.desc, self.unit = options.total, options.desc, options.unit or "it"
  self.initial = options.initial or 0
  self.n = self.initial
  self.leave = options.leave ~= false
  self.mininterval = options.mininterval or 0.1
  self.file = options.file or io.stderr
  self.ncols = options.ncols or tonumber(os.getenv("COLUMNS")) or 80
  self.postfix = options.postfix
  self.disable = options.disable or false
  self.tty = options.tty
  if self.tty == nil then self.tty = not self.disable and is_terminal(self.file) end
  self.start = now()
  self.shown, self.shown_n, self.width = self.start - self.mininterval, self.n, 0
  self.closed = false
end

function Bar:draw()
  local text = self:text()
  local width = utf8.len(text) or #text
  self.file:write("\r", text, (" "):rep(self.width - width))
  self.file:flush()
  self.width = width
end

--- Shows the bar again, if it is time.
function Bar:refresh(force)
  if self.disable or self.closed or not self.tty then return end
  local t = now()
  local passed = t - self.shown
  if not force and passed < self.mininterval then return end
  if passed > 0 and self.n > self.shown_n then
    local rate = (self.n - self.shown_n) / passed
    self.rate = self.rate and 0.3 * rate + 0.7 * self.rate or rate
  end
  self.shown, self.shown_n = t, self.n
  self:draw()
end

function Bar:update(n)
  self.n = self.n + (n or 1)
  self:refresh()
end

--- What stands behind the rate: {loss = 0.1}, a list of pairs, or a text.
function Bar:set_postfix(values)
  self.postfix = values
  self:refresh()
end
Bar.set_postfix_str = Bar.set_postfix

function Bar:set_description(text)
  self.desc = text
  self:refresh()
end

--- A line of text on the standard output, above the bar.
function Bar:write(text)
  local drawn = self.tty and not self.disable and not self.closed and self.width > 0
  if drawn then
    self.file:write("\r", (" "):rep(self.width), "\r")
    self.file:flush()
  end
  io.stdout:write(text, "\n")
  if drawn then
    io.stdout:flush()
    self:draw()
  end
end

function Bar:close()
  if self.closed then return end
  self.rate = nil                              -- the last line tells the rate of the whole loop
  if not self.disable then
    if self.tty then
      if self.leave then
        self:draw()
        self.file:write("\n")
      else
        self.file:write("\r", (" "):rep(self.width), "\r")
      end
    elseif self.leave then
      self.file:write(self:text(), "\n")
    end
    self.file:flush()
  end
  self.closed = true
end
Bar.__close = Bar.close

-- `for ... in bar do`: the item before counts as done when the next is asked for
function Bar:__call(_, last)
  if last ~= nil then self:update(1) else self:refresh(true) end
  local function pass(first, ...)
    if first == nil then self:close() end
    return first, ...
  end
  return pass(self.next_item(last))
end

function Bar:__len() return self.total end

--------------------------------------------------------------------------------------------- what is looped over

-- next_item(last) and the total
local function source(what, state, control)
  if what == nil then return nil end
  if math.type(what) == "integer" then
    local i = 0
    return function()
      i = i + 1
      if i <= what then return i end
    end, what
  end
  if type(what) == "function" then
    return function(last)
      if last == nil then last = control end
      return what(state, last)
    end
  end
  if torch.is_tensor(what) then
    local i, n = 0, #what
    return function()
      i = i + 1
      if i <= n then return what[i] end
    end, n
  end
  if type(what) ~= "table" then
    torch._C.fail(("progress: expected a list, a loader, a number or an iterator, got %s"):format(type(what)))
  end
  local mt = getmetatable(what)
  if mt and mt.__call then
    return function(last) return what(nil, last) end, mt.__len and #what or #what > 0 and #what or nil
  end
  local i = 0
  return function()
    i = i + 1
    return what[i]
  end, #what
end

local progress = {Bar = Bar}

--- A bar over `what`, and what a generic `for` needs to finish it when the loop is left early.
local function make(_, ...)
  local what, options = table.pack(...), {}
  local last = what[what.n]
  if what.n > 0 and args.is_keywords(last) and (what.n > 1 or next(last) ~= nil) then
    options = last
    what[what.n] = nil
    for k in pairs(options) do
      if not known[k] then args.unexpected("progress", k, known) end
    end
  end
  local next_item, total = source(what[1], what[2], what[3])
  local o = {}
  for k, v in pairs(options) do o[k] = v end
  if o.total == nil then o.total = total end
  local bar = Bar(next_item, o)
  return bar, nil, nil, bar
end

return setmetatable(progress, {__call = make, __name = "torch.progress"})
