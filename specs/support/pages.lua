--- Runs what pages tell a reader to write: README, guide, help and man pages.
--
-- A page's blocks are run in their order in one folder, which has `rootfs/` (busybox) in it, with
-- `lctr` and a Lua that finds the library on the PATH, in a mount and a network namespace of their
-- own; the state root is empty before. What a block is, its fence tells:
--
-- * `sh`: a script, which has to succeed; `sh fails`: one that has to fail; `sh user`: one that a
--   user without privilege runs
-- * `text`, behind one of these: what that prints, on both streams; "…" stands for anything
-- * `lua`: a program; `lua web.lua` and any other name with a dot in it: a file that is written
-- * `lua keys`: some keys of a description, which is checked
--
-- `<!-- not run: why -->` on the line before excuses a block.
-- @module specs.support.pages

local command = require("specs.support.command")
local core = require("ctr.core")
local rootfs = require("specs.support.rootfs")

local M = {}

local USER = 23457
local SECONDS = 600

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

--- Reads the blocks of a Markdown page.
-- @string path
-- @treturn table a list of `lang`, `name`, `text`, `line`, `reason` (why it is not run)
function M.markdown(path)
  local blocks, block, reason, number = {}, nil, nil, 0
  for line in io.lines(path) do
    number = number + 1
    if block and line == "```" then
      block.text = table.concat(block.lines, "\n") .. "\n"
      blocks[#blocks + 1], block, reason = block, nil, nil
    elseif block then
      table.insert(block.lines, line)
    elseif line:sub(1, 3) == "```" then
      local lang, name = line:match("^```(%w+) ?(.*)$")
      assert(lang, ("%s:%d: a block has no language"):format(path, number))
      block = { lang = lang, name = name ~= "" and name or nil, line = number, lines = {},
        reason = reason }
    else
      assert(not line:find("^    %S"), ("%s:%d: a block without a fence"):format(path, number))
      reason = line:match("^<!%-%- not run: (.+) %-%->$")
    end
  end
  assert(not block, path .. " has a block without an end")
  return blocks
end

-- Text as roff has it, as a reader sees it.
local function plain(line)
  return (line:gsub("\\%-", "-"):gsub("\\%(dq", '"'):gsub("\\e", "\\"):gsub("\\&", "")
    :gsub("\\f%u", ""))
end

-- "$ cat FILE" is followed by what is in the file; other lines behind $ or # are commands.
local function man_blocks(lines, number)
  local blocks, block = {}, nil
  for _, line in ipairs(lines) do
    local text = line:match("^[$#] (.*)$")
    local file = text and text:match("^cat ([^%s]+)$")
    if text then
      block = { lang = file and "file" or "sh", name = file, line = number, text = "" }
      blocks[#blocks + 1] = block
      block.text = file and "" or text .. "\n"
    else
      block = block or { lang = "text", line = number, text = "" }
      if block.lang == "sh" then
        block = { lang = "text", line = number, text = "" }
        blocks[#blocks + 1] = block
      end
      block.text = block.text .. line .. "\n"
    end
  end
  return blocks
end

--- Reads the examples of a man page: what stands between .nf and .fi.
-- @string path
-- @treturn table as `markdown`
function M.man(path)
  local blocks, lines, reason, number = {}, nil, nil, 0
  for line in io.lines(path) do
    number = number + 1
    if line == ".nf" then
      lines = {}
    elseif line == ".fi" then
      for _, block in ipairs(man_blocks(lines, number)) do
        block.reason = reason
        blocks[#blocks + 1] = block
      end
      lines, reason = nil, nil
    elseif lines then
      lines[#lines + 1] = plain(line)
    else
      reason = line:match('^%.\\" not run: (.+)$') or reason
    end
  end
  return blocks
end

local function is_file(block)
  return block.name ~= nil and block.name:find(".", 1, true) ~= nil
end

local KEYS = 'return container "keys" {\nrootfs = "./rootfs", run = { "/bin/true" },\n%s}\n'

-- The files that a block needs, and the script that runs it.
local script_of = {}

function script_of.sh(block)
  if block.name == "user" then
    return ("exec setpriv --reuid=%d --regid=%d --clear-groups env HOME=$PWD "
      .. "XDG_RUNTIME_DIR=%s/runtime sh -e %s.user\n"):format(USER, USER,
      block.path:match("^(.*)/blocks/"), block.path),
      { [".user"] = block.text }
  end
  return block.text
end

function script_of.lua(block)
  if block.name == "keys" then
    return ("lctr check %s.lua\n"):format(block.path), { [".lua"] = KEYS:format(block.text) }
  end
  return ("lctr %s.lua\n"):format(block.path), { [".lua"] = block.text }
end

local function write(path, text)
  local below = path:match("^(.*)/[^/]*$")
  os.execute(("mkdir -p '%s'"):format(below))
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

-- A line of the page's script, which runs the block and keeps what comes of it.
local function line_of(block, index, folder)
  block.path = ("%s/blocks/%d"):format(folder, index)
  if block.lang == "text" then
    return ""
  elseif is_file(block) then
    write(block.path .. ".file", block.text)
    return ("mkdir -p \"$(dirname '%s')\" && cp %s.file '%s'\n"):format(block.name, block.path,
      block.name)
  end
  local make = assert(script_of[block.lang],
    ("a block of %s wants a file name: line %d"):format(block.lang, block.line))
  local text, files = make(block)
  for suffix, content in pairs(files or {}) do
    -- Beside the files that it may name.
    write(block.path .. suffix, content)
  end
  if block.lang == "lua" then
    local name = ("block-%d.lua"):format(index)
    text = ("cp %s.lua %s\n"):format(block.path, name)
      .. text:gsub((block.path:gsub("%p", "%%%0")) .. "%.lua", name)
  end
  write(block.path .. ".sh", text)
  return ("sh -e %s.sh >%s.out 2>&1 </dev/null; echo $? >%s.code\n"):format(block.path, block.path,
    block.path)
end

local HEAD = [[
set -u
mkdir -p /run/ctr && mount -t tmpfs -o mode=755 tmpfs /run/ctr
ip link set lo up
cd %s/work
]]
local TAIL = [[
for id in $(lctr list -q); do
  lctr kill -a "$id" KILL; lctr resume "$id"; until lctr delete -f "$id"; do sleep 0.1; done
done 2>/dev/null
wait
]]

local function environment(folder)
  local project = assert(core.path.realpath("."))
  return {
    "PATH=" .. folder .. "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=" .. folder .. "/work", "LC_ALL=C.UTF-8",
    ("LUA_PATH=%s/lua/?.lua;%s/lua/?/init.lua;;"):format(project, project),
    ("LUA_CPATH=%s/build/?.so;;"):format(project),
  }
end

-- The folder where the page is read: anybody may look, and the user may write.
local function prepare(folder)
  rootfs.make(folder .. "/work/rootfs")
  os.execute(("mkdir -p %s/bin %s/blocks %s/runtime %s/lib && chmod 755 %s && "
    .. "chown -R %d:%d %s/runtime && chmod 1777 %s/work"):format(folder, folder, folder, folder,
    folder, USER, USER, folder, folder))
  os.execute(("cp build/lctr %s/bin/ && cp -r build/ctr %s/bin/ && chmod -R a+rX %s/bin"):format(
    folder, folder, folder))
end

local function matches(expected, got)
  local pattern = expected:gsub("%p", "%%%0"):gsub("\226\128\166", ".-")
  return got:find("^" .. pattern .. "$") ~= nil
end

local function check(block, got, path)
  local where = ("%s:%d"):format(path, block.line)
  if block.code then
    local wants_failure = block.name == "fails"
    assert((block.code ~= 0) == wants_failure,
      ("%s ended with %d:\n%s"):format(where, block.code, block.output))
  elseif block.lang == "text" then
    assert(got, where .. " stands behind no block that prints it")
    assert(matches(block.text, got), ("%s: expected\n%s\ngot\n%s"):format(where, block.text, got))
  end
end

--- Runs the blocks of a page, and raises an error where one does something else than is told.
-- @tparam table blocks
-- @string path of the page, for messages
-- @tparam[opt] string before a script that is run before the first of them
-- @treturn number how many were run
function M.run(blocks, path, before)
  local folder, remove = command.folder()
  prepare(folder)
  local parts = { HEAD:format(folder), before or "" }
  for index, block in ipairs(blocks) do
    parts[#parts + 1] = block.reason and "" or line_of(block, index, folder)
  end
  parts[#parts + 1] = TAIL
  write(folder .. "/page.sh", table.concat(parts))
  -- The names of containers are the pages': one page at a time.
  local result = command.run({ "/usr/bin/flock", "/tmp/ctr-pages.lock", "/usr/bin/unshare",
    "--mount", "--net", "--propagation", "private", "/bin/sh", folder .. "/page.sh" },
    { env = environment(folder), timeout = SECONDS })
  local count, output = 0, nil
  local ok, problem = pcall(function()
    assert(result.code == 0, result.stdout .. result.stderr)
    for _, block in ipairs(blocks) do
      if not block.reason and block.path and core.path.realpath(block.path .. ".code") then
        block.code = tonumber(read(block.path .. ".code"))
        block.output = read(block.path .. ".out")
        output, count = block.output, count + 1
      end
      if not block.reason then
        check(block, output, path)
      end
    end
  end)
  remove()
  assert(ok, problem)
  return count
end

return M
