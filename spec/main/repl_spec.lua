-- The REPL, through a pipe and through a pseudo-terminal (script, of Debian's bsdutils).
local helper = require "spec.support.helper"

-- what the session prints, without the banner
local function session(lines)
  local r = helper.run({ "-i" }, { input = lines, env = { TLUA_HISTORY = "" } })
  return (r.out:gsub("^tlua [^\n]*\n", "")), r.err, r.code
end

describe("the REPL", function ()
  it("prints results of expressions without =", function ()
    assert.equal("tlua> 2\ntlua> 1\t2\tnil\ntlua> \n", (session("1 + 1\nreturn 1, 2, nil\n")))
  end)

  it("accepts = as of old", function ()
    assert.equal("tlua> 7\ntlua> \n", (session("=7\n")))
  end)

  it("asks for more while a statement is not complete", function ()
    assert.equal("tlua>    ..>    ..> 1\n2\ntlua> \n", (session("for i = 1, 2 do\nprint(i)\nend\n")))
  end)

  it("shows an error with its traceback and goes on", function ()
    local out, err, code = session("error 'boo'\nx = 5\nx\n")
    assert.equal("tlua> tlua> tlua> 5\ntlua> \n", out)
    assert.truthy(err:match("^stdin:1: boo\nstack traceback:\n"))
    assert.equal(0, code)
  end)

  it("honours _PROMPT and _PROMPT2", function ()
    assert.equal("tlua> ? ! ? 3\n? \n", (session("_PROMPT, _PROMPT2 = '? ', '! '\nx = (1 +\n2)\nx\n")))
  end)

  it("prints tensors", function ()
    assert.equal("tlua> tensor([1., 1.])\ntlua> \n", (session("torch.ones(2)\n")))
  end)

  it("says what is wrong with a text that the end of input cuts", function ()
    local _, err = session("x = (1")
    assert.truthy(err:find("near <eof>", 1, true))
  end)

  it("comes after a script with -i", function ()
    local path = helper.write(os.tmpname(), "y = ...")
    local r = helper.run({ "-i", path, "argument" }, { input = "y\n", env = { TLUA_HISTORY = "" } })
    assert.truthy(r.out:find("tlua> argument\n", 1, true))
    os.remove(path)
  end)
end)

describe("the REPL on a terminal", function ()
  -- types the keys, with a pause after each, and returns what the terminal shows
  local function type_keys(keys, history)
    local feed = { "sleep 1" }
    for _, k in ipairs(keys) do
      feed[#feed + 1] = ("printf '%s'; sleep 0.5"):format(k)
    end
    return helper.sh(("(%s) | TLUA_HISTORY=%s TERM=xterm script -qec %s /dev/null"):format(table.concat(feed, "; "),
      helper.quote(history), helper.quote(helper.tlua))).out
  end
  local here = helper.sh("command -v script").code == 0

  it("keeps the session when Ctrl-C stops code or drops a line", function ()
    if not here then return end
    local history = os.tmpname()
    local shown = type_keys({ "x = 41\\n", "some text", "\\003", "while true do end\\n", "\\003", "x + 1\\n", "\\004" }, history)
    assert.truthy(shown:find("interrupted!", 1, true), shown)
    assert.truthy(shown:find("\n42\r", 1, true), shown)
    local kept = helper.read(history)
    assert.truthy(kept:find("41", 1, true))
    assert.falsy(kept:find("some", 1, true))
    os.remove(history)
  end)
end)
