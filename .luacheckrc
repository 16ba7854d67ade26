std = "lua54"
max_line_length = 140
codes = true
read_globals = { "torch" }              -- the one global of the program
files["spec"] = { std = "+busted", max_line_length = false }   -- tables of cases
files["spec/proof/args_spec.lua"] = { max_line_length = false }   -- a table of signatures and calls
exclude_files = { "build", "spec/golden" }
ignore = {
  "212/self", "212/ctx",                -- methods that need no self, functions that need no ctx
}
