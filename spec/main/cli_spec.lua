-- The command line keeps lua's contract; the few departures are stated.
local helper = require "spec.support.helper"
local run, run_text = helper.run, helper.run_text

local function script(text)
  return helper.write(os.tmpname(), text)
end

describe("tlua's command line", function ()
  it("runs -e", function ()
    local r = run{ "-e", "print(1 + 1)" }
    assert.equal("2\n", r.out)
    assert.equal("", r.err)
    assert.equal(0, r.code)
  end)

  it("takes -e and -l without a space", function ()
    assert.equal("3\n", run({ "-eprint(3)" }).out)
    assert.equal("true\n", run({ "-lstring", "-e", "print(string ~= nil)" }).out)
  end)

  it("runs options from left to right, then the script", function ()
    local path = script("print(x, ...)")
    assert.equal("1\n2\n2\ta\tb\n", run({ "-e", "x = 1 print(x)", "-e", "x = 2 print(x)", path, "a", "b" }).out)
    os.remove(path)
  end)

  it("requires a library into a global", function ()
    assert.equal("true\n", run({ "-l", "s=string", "-e", "print(s == string)" }).out)
    local r = run{ "-l", "no_such_module", "-e", "print(1)" }
    assert.equal(1, r.code)
    assert.equal("", r.out)
    assert.truthy(r.err:find("module 'no_such_module' not found", 1, true))
  end)

  it("fills arg, with negative places before the script", function ()
    local path = script("print(arg[0] == '" .. "PATH" .. "', arg[1], arg[2], arg[-1], arg[-2], #arg, select('#', ...))")
    local r = run{ "-e", "", path, "x", "y z" }
    assert.equal("false\tx\ty z\t\t-e\t2\t2\n", r.out)
    os.remove(path)
    assert.equal("true\n", run({ "-e", "print(arg[0] ~= nil and arg[1] == '-e' or arg[-0] ~= nil)" }).out)
  end)

  it("stops options at --, and reads stdin at -", function ()
    assert.equal("7\t8\n", run({ "-", "7", "8" }, { input = "print(...)" }).out)
    assert.equal("9\n", run({}, { input = "print(9)" }).out)
    local path = script("print(...)")
    assert.equal("-e\n", run({ "--", path, "-e" }).out)
    os.remove(path)
  end)

  it("skips a first line that begins with #", function ()
    local path = script("#!/usr/bin/env tlua\nerror('at line 2')")
    local r = run{ path }
    assert.truthy(r.err:find(":2: at line 2", 1, true))
    os.remove(path)
  end)

  it("honours LUA_INIT_5_4, then LUA_INIT, unless -E", function ()
    assert.equal("init\n2\n", run({ "-e", "print(2)" }, { env = { LUA_INIT = "print 'init'" } }).out)
    assert.equal("new\n", run({ "-e", "" }, { env = { LUA_INIT = "print 'old'", LUA_INIT_5_4 = "print 'new'" } }).out)
    assert.equal("2\n", run({ "-E", "-e", "print(2)" }, { env = { LUA_INIT = "print 'init'" } }).out)
    local path = script("print 'file'")
    assert.equal("file\n", run({ "-e", "" }, { env = { LUA_INIT = "@" .. path } }).out)
    os.remove(path)
    local r = run({ "-e", "print(2)" }, { env = { LUA_INIT = "error 'x'" } })
    assert.equal(1, r.code)
    assert.equal("", r.out)
  end)

  it("prints an error with its traceback and ends with 1", function ()
    local r = run_text("local function f() error('boo') end\nf()")
    assert.equal(1, r.code)
    assert.equal("", r.out)
    assert.truthy(r.err:match("^[^\n]*: /tmp/[^\n]*:1: boo\nstack traceback:\n"))
    assert.truthy(r.err:find("in local 'f'", 1, true))
  end)

  it("says what an error object is", function ()
    assert.truthy(run({ "-e", "error({})" }).err:find("(error object is a table value)", 1, true))
    assert.truthy(run({ "-e", "error(nil)" }).err:find("(error object is a nil value)", 1, true))
    local r = run{ "-e", "error(setmetatable({}, { __tostring = function () return 'my own' end }))" }
    assert.truthy(r.err:find("my own", 1, true))
  end)

  it("passes exit codes on", function ()
    assert.equal(7, run({ "-e", "os.exit(7)" }).code)
    assert.equal(0, run({ "-e", "os.exit(true, true)" }).code)
    assert.equal(1, run({ "no/such/file.lua" }).code)
  end)

  it("refuses what it does not know, with 1 and the usage", function ()
    for _, option in ipairs{ "-x", "-i1", "--foo", "-vv" } do
      local r = run{ option }
      assert.equal(1, r.code)
      assert.equal("", r.out)
      assert.truthy(r.err:find("unrecognized option '" .. option .. "'", 1, true))
      assert.truthy(r.err:find("usage: tlua", 1, true))
    end
    assert.truthy(run({ "-e" }).err:find("'-e' needs argument", 1, true))
    assert.truthy(run({ "-l" }).err:find("'-l' needs argument", 1, true))
    assert.truthy(run({ "-m" }).err:find("'-m' needs argument", 1, true))
  end)

  it("keeps warnings off until -W", function ()
    assert.equal("", run({ "-e", "warn('hi')" }).err)
    assert.equal("Lua warning: hi\n", run({ "-W", "-e", "warn('hi')" }).err)
    local pieces = [[warn("@a", "b") warn("@off") warn("lost") warn("@on") warn("@no such word") warn("c")]]
    assert.equal("Lua warning: @ab\nLua warning: c\n", run({ "-W", "-e", pieces }).err)
  end)

  it("shows versions and help on stdout", function ()
    for _, option in ipairs{ "--version", "-v" } do
      local r = run{ option }
      assert.truthy(r.out:match("^tlua %d+%.%d+%.%d+ %(Lua 5%.4%.%d+, OpenBLAS [%d.]+%)\n$"), r.out)
      assert.equal(0, r.code)
    end
    local r = run{ "--help" }
    assert.truthy(r.out:find("usage: tlua [options] [script [args]]", 1, true))
    assert.equal(0, r.code)
    assert.equal("", r.err)
  end)

  it("runs the main function of a module", function ()
    local text = "package.preload.mine = function () return { main = function (...) print(arg[0], ...) end } end"
    assert.equal("mine\ta\t-b\n", run({ "-e", text, "-m", "mine", "a", "-b" }).out)
    local r = run{ "-m", "string" }
    assert.equal(1, r.code)
    assert.truthy(r.err:find("module 'string' has no function 'main'", 1, true))
  end)

  it("writes nothing of its own when stdin is no terminal", function ()
    local r = run({}, { input = "" })
    assert.equal("", r.out .. r.err)
  end)
end)

describe("the global torch", function ()
  it("is there without require, and is what require gives", function ()
    assert.equal("true\ttrue\n", run({ "-e", "print(torch == require 'torch', torch.ones(2):sum():item() == 2)" }).out)
    assert.equal("true\n", run({ "-e", "local t = require 'torch' print(t == torch)" }).out)
  end)

  it("does not load its Lua half before it is used", function ()
    assert.equal("nil\n", run({ "-e", "print(package.loaded['torch.nn'])" }).out)
  end)

  it("leaves other unknown globals nil", function ()
    assert.equal("nil\n", run({ "-e", "print(tensor)" }).out)
  end)
end)

describe("tlua -m torch.info", function ()
  it("says what a bug report needs", function ()
    local r = run{ "-m", "torch.info" }
    assert.equal("", r.err)
    for _, word in ipairs{ "tlua 0.", "Lua 5.4", "threads", "float32" } do
      assert.truthy(r.out:find(word, 1, true), word)
    end
  end)

  it("has the version that --version says", function ()
    local number = run({ "--version" }).out:match("^tlua (%S+)")
    assert.equal(number .. "\n", run({ "-e", "print(torch.__version__)" }).out)
  end)
end)

describe("tlua and Debian's Lua C modules", function ()
  it("loads them", function ()
    local r = run{ "-e", "print(type(require 'lfs'.attributes))" }
    assert.equal("function\n", r.out, r.err)
  end)

  it("needs libc, OpenBLAS and libedit, and no liblua", function ()
    local r = helper.sh("ldd " .. helper.quote(helper.tlua))
    assert.falsy(r.out:find("liblua", 1, true))
    if helper.mode ~= "asan" then
      for name in r.out:gmatch("(lib[%w_+-]+)%.so") do
        local known = { libm = 1, libc = 1, libopenblas = 1, libedit = 1, libtinfo = 1, libbsd = 1, libmd = 1, libgfortran = 1,
          libquadmath = 1, libgcc_s = 1, libdl = 1, libpthread = 1 }
        assert.truthy(known[name], name)
      end
    end
  end)
end)

describe("stock lua5.4", function ()
  local so = os.getenv("TLUA_SO")
  it("requires torch.so", function ()
    if not so or helper.mode == "asan" then return end       -- a sanitized library cannot be loaded by a program that is not
    local r = helper.sh("LUA_CPATH=" .. helper.quote(so:gsub("torch%.so$", "?.so")) ..
      [[ lua5.4 -e 'local torch = require "torch" print(torch.ones(2, 3):sum():item(), torch.nn.Linear(2, 1) ~= nil)']])
    assert.equal("", r.err)
    assert.equal("6.0\ttrue\n", r.out)
  end)
end)

describe("Ctrl-C", function ()
  -- a child shell sends SIGINT after the program says that it has begun
  local function interrupt(text)
    local path = script("io.stdout:setvbuf('no') print('begun')\n" .. text)
    local out = os.tmpname()
    local r = helper.sh(([[
      %s %s > %s & pid=$!
      for _ in $(seq 200); do grep -q begun %s && break; sleep 0.05; done
      sleep 0.3; kill -INT $pid; wait $pid]]):format(helper.quote(helper.tlua), path, out, out))
    r.out = helper.read(out)
    os.remove(path)
    os.remove(out)
    return r
  end

  it("stops a script: traceback, then the program dies of SIGINT", function ()
    local r = interrupt("while true do end")
    assert.equal(2, r.signal)
    assert.truthy(r.err:find("interrupted!\nstack traceback:", 1, true))
  end)

  it("can be caught, and the script goes on", function ()
    local r = interrupt("print(pcall(function () while true do end end)) print('after')")
    assert.equal(0, r.code, r.err)
    assert.truthy(r.out:find("interrupted!", 1, true))
    assert.truthy(r.out:find("after\n", 1, true))
  end)

  it("stops a kernel once and keeps the variables", function ()
    local r = interrupt([[
      local x = torch.ones(1024, 1024)
      local ok, message = pcall(function () for _ = 1, 1000000 do x:sin_() end end)
      print(ok, message)
      print(x.shape[1], pcall(torch.ones, 2))
    ]])
    assert.equal(0, r.code, r.err)
    assert.truthy(r.out:find("false\t[^\n]*interrupted!\n1024\ttrue"), r.out)
  end)
end)
