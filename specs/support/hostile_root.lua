--- A root that is made to do harm, beside a folder that nothing may touch.
-- @module specs.support.hostile_root

local ffi = require("ffi")
local core = require("ctr.core")

local M = {}

ffi.cdef([[
int mknod(const char *path, unsigned mode, unsigned long device);
]])

local TYPES = { char = 0x2000, block = 0x6000, socket = 0xC000 }
local CANARY = "nobody may read this"

local function run(command)
  local status = os.execute(command)
  assert(status == 0 or status == true, "failed: " .. command)
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local function node(path, kind, major, minor)
  assert(ffi.C.mknod(path, TYPES[kind] + 0x1B6, major * 256 + minor) == 0, "mknod " .. path)
end

local hostile_methods = {}
local hostile_metatable = { __index = hostile_methods }

-- What a kind puts in the place of a path; `here` and `outside` are host paths.
M.kinds = {
  missing = function() end,
  file = function(here) write(here, "a file") end,
  directory = function(here) run("mkdir -p " .. here .. "/inside") end,
  fifo = function(here) run("mkfifo -m 666 " .. here) end,
  socket = function(here) node(here, "socket", 0, 0) end,
  null = function(here) node(here, "char", 1, 3) end,
  zero = function(here) node(here, "char", 1, 5) end,
  block = function(here) node(here, "block", 7, 250) end,
  link = function(here, outside) run(("ln -s %s/folder %s"):format(outside, here)) end,
  file_link = function(here, outside) run(("ln -s %s/file %s"):format(outside, here)) end,
  climbing_link = function(here, outside)
    run(("ln -s %s%s/folder %s"):format(("../"):rep(20), outside:sub(2), here))
  end,
  dangling_link = function(here, outside) run(("ln -s %s/new %s"):format(outside, here)) end,
  looping_link = function(here) run(("ln -s %s %s"):format(here:match("[^/]+$"), here)) end,
  magic_link = function(here) run("ln -s /proc/self/fd/4 " .. here) end,
  outer_link = function(here) run("ln -s /proc/1/root" .. here .. " " .. here) end,
}

--- The names of the kinds, sorted.
function M.names()
  local names = {}
  for name in pairs(M.kinds) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- Makes the folder with the canaries, and a place for roots.
-- @tparam string folder which exists
-- @tparam string busybox of the host, static
function M.new(folder, busybox)
  local hostile = setmetatable({ folder = folder, root = folder .. "/hostile",
    outside = folder .. "/outside", given = folder .. "/outside/given", busybox = busybox }, hostile_metatable)
  run(("mkdir -p %s/folder/sub %s %s"):format(hostile.outside, hostile.given, hostile.root))
  write(hostile.given .. "/file", "given")
  for _, name in ipairs({ "file", "folder/null", "folder/ptmx", "folder/passwd", "folder/canary",
    "folder/sub/canary" }) do
    write(hostile.outside .. "/" .. name, CANARY)
  end
  run(("chown -R 1234:1235 %s && chmod 640 %s/file"):format(hostile.outside, hostile.outside))
  hostile.parent = assert(core.path.open_root(folder))
  return hostile
end

--- A root as it is at first, with one path of it replaced.
-- @tparam string path "/etc/passwd"
-- @tparam string kind of `M.kinds`
function hostile_methods:make(path, kind)
  local root = self.root
  core.path.remove_tree(self.parent, "hostile")
  run(([[
    mkdir -p R/bin R/etc R/proc R/sys R/dev R/data R/deep/in R/work R/kept R/secret_folder
    ln B R/bin/busybox
    for name in sh head echo touch; do ln -s busybox R/bin/$name; done
    echo root:x:0:0:root:/:/bin/sh > R/etc/passwd
    echo root:x:0: > R/etc/group
    echo secret > R/secret; echo hidden > R/secret_folder/file; : > R/file
  ]]):gsub("R/", root .. "/"):gsub("B ", self.busybox .. " "))
  run("rm -rf " .. root .. path)
  if path:match("^/deep") or path:match("^/dev/") then
    run("mkdir -p " .. (root .. path):match("^(.*)/"))
  end
  M.kinds[kind](root .. path, self.outside)
end

--- Everything about what nobody may touch.
-- @treturn string
function hostile_methods:look()
  local pipe = io.popen(("cd %s && find . -printf '%%p %%y %%m %%U %%G %%s %%T@ %%C@\n' | sort && "
    .. "find . -type f | sort | xargs cat"):format(self.outside))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

--- Says whether a text holds what nobody may read.
function hostile_methods:leaked(text) -- luacheck: ignore 212
  return text:find(CANARY, 1, true) ~= nil
end

function hostile_methods:close()
  self.parent:close()
end

return M
