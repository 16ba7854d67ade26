-- The Lua blocks of README.md and docs/*.md run, and print what their comments say: "--> text" on the line of a call, or on
-- lines of its own below it.  Blocks of one file share their locals' names no more than files do: each is a chunk; globals
-- and the names that a block ends with in `local` at its outermost level are carried over.
local helper = require "spec.support.helper"
local torch = require "torch"

-- blocks of ```lua: { line, text }
local function blocks_of(path)
  local blocks, number, current = {}, 0, nil
  for line in io.lines(path) do
    number = number + 1
    if current then
      if line:match("^```") then
        current.text = table.concat(current.lines, "\n")
        blocks[#blocks + 1] = current
        current = nil
      else
        current.lines[#current.lines + 1] = line
      end
    elseif line == "```lua" then
      current = { line = number, lines = {} }
    end
  end
  return blocks
end

local function expected_of(block)
  local list = {}
  for _, line in ipairs(block.lines) do
    local text = line:match("%-%-> ?(.*)$")
    if text then list[#list + 1] = text end
  end
  return table.concat(list, "\n")
end

-- one block in an environment whose locals survive: names declared at the first column become globals of the environment
local function run(block, path, environment)
  local printed = {}
  environment.print = function (...)
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    printed[#printed + 1] = table.concat(words, "\t", 1, words.n)
  end
  local text = ("\n"):rep(block.line) .. block.text:gsub("^local function ", "function "):gsub("\nlocal function ", "\nfunction ")
    :gsub("^local ([%w_, ]+=)", "%1"):gsub("\nlocal ([%w_, ]+=)", "\n%1"):gsub("\nlocal ([%w_, ]+)\n", "\n%1 = nil\n")
  local chunk = assert(load(text, "@" .. path, "t", environment))
  chunk()
  return (table.concat(printed, "\n"):gsub("[ \t]+\n", "\n"))
end

local files = { "README.md" }
for path in io.popen("ls docs/*.md"):lines() do files[#files + 1] = path end

for _, path in ipairs(files) do
  local blocks = blocks_of(path)
  if #blocks > 0 then
    describe(path, function ()
      local environment = setmetatable({}, { __index = _G })
      for _, block in ipairs(blocks) do
        it("runs its block at line " .. block.line, function ()
          torch.manual_seed(0)
          assert.equal(expected_of(block), run(block, path, environment))
        end)
      end
    end)
  end
end

describe("README.md", function ()
  it("embeds in C as it says", function ()
    if helper.mode ~= "release" then return end
    local text = helper.read("README.md"):match("```c\n(.-)```")
    local dir = os.tmpname()
    os.remove(dir)
    helper.sh("mkdir -p " .. dir)
    helper.write(dir .. "/host.c", text)
    local r = helper.sh(([[make -s install DESTDIR=%s/root PREFIX=/usr JOBS=1 &&
      export PKG_CONFIG_PATH=%s/root/usr/lib/pkgconfig &&
      cc %s/host.c -o %s/host -L%s/root/usr/lib $(pkg-config --cflags --libs tlua lua5.4) && %s/host]])
      :format(dir, dir, dir, dir, dir, dir))
    assert.equal("", r.err)
    assert.truthy(r.out:find("6.0\n", 1, true), r.out)
    local installed = helper.sh(dir .. "/root/usr/bin/tlua -e 'print(torch.ones(2):sum():item())'")
    assert.equal("2.0\n", installed.out, installed.err)
    helper.sh("rm -rf " .. dir)
  end)
end)
