-- sizes.lua -- lines per folder and the longest files, so that growth is seen.
local folders, files, total = {}, {}, 0
local command = "find src lua spec tools examples bench cuda 2>/dev/null | grep -E '\\.([ch]|def|inc|lua|cuh?)$'"
for path in assert(io.popen(command)):lines() do
  local n = 0
  for _ in io.lines(path) do n = n + 1 end
  local folder = path:match("^src/[^/]+") or path:match("^[^/]+")
  folders[folder] = (folders[folder] or 0) + n
  files[#files + 1] = { path, n }
  total = total + n
end
local names = {}
for name in pairs(folders) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do print(string.format("%7d  %s", folders[name], name)) end
print(string.format("%7d  in %d files; the longest:", total, #files))
table.sort(files, function (a, b) return a[2] > b[2] end)
for i = 1, math.min(10, #files) do print(string.format("%7d  %s", files[i][2], files[i][1])) end
local program = io.open("tlua", "rb")
if program then
  print(string.format("%7d  KiB in ./tlua", program:seek("end") // 1024))
  program:close()
end
