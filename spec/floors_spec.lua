-- tools/floors.lua finds what it is there to find: each case is a small tree with one thing wrong.
local helper = require "spec.support.helper"
local tool = helper.sh("pwd").out:gsub("\n", "") .. "/tools/floors.lua"

local function check(files)
  local dir = os.tmpname()
  os.remove(dir)
  for path, text in pairs(files) do
    local folder = dir .. "/" .. path:match("^(.*)/")
    helper.sh("mkdir -p " .. folder)
    helper.write(dir .. "/" .. path, text)
  end
  local r = helper.sh(("cd %s && lua5.4 %s"):format(dir, tool))
  helper.sh("rm -rf " .. dir)
  return r
end

local function refuses(files, text)
  local r = check(files)
  assert.equal(1, r.code, r.err)
  assert.truthy(r.err:find(text, 1, true), r.err)
end

describe("the floors", function ()
  it("let a file include its own floor and lower ones", function ()
    local r = check{ ["src/op/a.c"] = '#include "op/op.h"\n#include "grad/node.h"\n#include <math.h>\n#include <sys/mman.h>\n' }
    assert.equal(0, r.code, r.err)
  end)

  it("refuse an upward include", function ()
    refuses({ ["src/core/a.c"] = '#include "core/base.h"\n#include "grad/node.h"\n' }, "src/core/a.c:2: core includes grad/node.h")
    refuses({ ["src/device/a.h"] = '#include "core/base.h"\n' }, "device includes core/base.h")
  end)

  it("keep the CPU device apart", function ()
    refuses({ ["src/cpu/a.c"] = '#include "core/base.h"\n' }, "the CPU device includes core/base.h")
    refuses({ ["src/op/a.c"] = '#include "cpu/walk.h"\n' }, "op includes cpu/walk.h")
  end)

  it("keep lua.h in bind and main, cblas.h in one file", function ()
    refuses({ ["src/op/a.c"] = "#include <lua.h>\n" }, "lua.h below the bind floor")
    refuses({ ["src/cpu/a.c"] = "#include <cblas.h>\n" }, "cblas.h belongs to src/cpu/blas.c")
    assert.equal(0, check({ ["src/bind/a.c"] = "#include <lua.h>\n", ["src/cpu/blas.c"] = "#include <cblas.h>\n" }).code)
  end)

  it("refuse an include without its floor", function ()
    refuses({ ["src/op/a.c"] = '#include "op.h"\n' }, "includes name their floor")
  end)

  it("refuse a backward rule that runs commands itself", function ()
    refuses({ ["src/op/a.c"] = "static int mm_back (tl_Node *n, tl_Tensor **g) {\n  tl_run(0, 0); return 0;\n}\n" },
      "mm_back calls tl_run")
    local fine = "static int mm_back (tl_Node *n, tl_Tensor **g) {\n  /* not tl_run(x) */ return tl_give(n, 0, tl_mm(g[0], g[1]));\n}\n"
      .. "static int mm_forward (tl_Args *a) {\n  return tl_run(0, 0);\n}\n"
    assert.equal(0, check({ ["src/op/a.c"] = fine }).code)
  end)

  it("ask for a reason in a long file", function ()
    local long = ("int a;\n"):rep(401)
    refuses({ ["src/op/a.c"] = long }, "401 lines")
    assert.equal(0, check({ ["src/op/a.c"] = "/* Longer than 400 lines because it is a table. */\n" .. long }).code)
  end)

  it("find forbidden symbols in objects", function ()
    local dir = os.tmpname()
    os.remove(dir)
    helper.sh("mkdir -p " .. dir)
    helper.write(dir .. "/x.c", "extern int printf (const char *, ...);\nvoid x (int i) { printf(\"%d\", i); }\n")
    local r = helper.sh(("cd %s && gcc -c x.c && lua5.4 %s x.o; rm -rf %s"):format(dir, tool, dir))
    assert.truthy(r.err:find("references printf below the bind floor", 1, true), r.err)
  end)
end)
