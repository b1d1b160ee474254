--- A root that is made to do harm, beside a folder that nothing may touch.
-- @module specs.support.hostile_root

local ffi = require("ffi")
local core = require("ctr.core")

local M = {}

ffi.cdef([[
int mknod(const char *path, unsigned mode, unsigned long device);
int link(const char *from, const char *to);
]])

local TYPES = { char = 0x2000, block = 0x6000, socket = 0xC000 }
local CANARY = "nobody may read this"
local FOLDERS = { "bin", "etc", "proc", "sys", "dev", "data", "deep", "deep/in", "work", "kept",
  "secret_folder" }
local FILES = { ["etc/passwd"] = "root:x:0:0:root:/:/bin/sh\n", ["etc/group"] = "root:x:0:\n",
  secret = "secret\n", ["secret_folder/file"] = "hidden\n", file = "" }

local function run(command)
  local status = os.execute(command)
  assert(status == 0 or status == true, "failed: " .. command)
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local function node(hostile, path, kind, major, minor)
  local here = hostile.root .. "/" .. path
  assert(ffi.C.mknod(here, TYPES[kind] + 0x1B6, major * 256 + minor) == 0, "mknod " .. here)
end

local function symlink(hostile, path, text)
  assert(core.path.symlink(hostile.parent, text, "hostile/" .. path))
end

--- What a kind puts in the place of a path.
M.kinds = {
  missing = function() end,
  file = function(hostile, path) write(hostile.root .. "/" .. path, "a file") end,
  directory = function(hostile, path)
    assert(core.path.mkdir(hostile.parent, "hostile/" .. path, 493))
  end,
  fifo = function(hostile, path)
    assert(core.path.mkfifo(hostile.parent, "hostile/" .. path, 438))
  end,
  socket = function(hostile, path) node(hostile, path, "socket", 0, 0) end,
  null = function(hostile, path) node(hostile, path, "char", 1, 3) end,
  zero = function(hostile, path) node(hostile, path, "char", 1, 5) end,
  block = function(hostile, path) node(hostile, path, "block", 7, 250) end,
  link = function(hostile, path) symlink(hostile, path, hostile.outside .. "/folder") end,
  file_link = function(hostile, path) symlink(hostile, path, hostile.outside .. "/file") end,
  climbing_link = function(hostile, path)
    symlink(hostile, path, ("../"):rep(20) .. hostile.outside:sub(2) .. "/folder")
  end,
  dangling_link = function(hostile, path) symlink(hostile, path, hostile.outside .. "/new") end,
  looping_link = function(hostile, path) symlink(hostile, path, path:match("[^/]+$")) end,
  magic_link = function(hostile, path) symlink(hostile, path, "/proc/self/fd/4") end,
  outer_link = function(hostile, path)
    symlink(hostile, path, "/proc/1/root" .. hostile.outside .. "/folder")
  end,
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

local hostile_methods = {}
local hostile_metatable = { __index = hostile_methods }

--- Makes the folder with the canaries, and a place for roots: in memory, for a thousand of them are
-- made and removed.
-- @tparam string place a folder, which exists
-- @tparam string source a static busybox
function M.new(place, source)
  local folder = place .. "/memory"
  local busybox = folder .. "/busybox"
  run(("mkdir %s && mount -t tmpfs memory %s && cp %s %s"):format(folder, folder, source, busybox))
  local hostile = setmetatable({ folder = folder, root = folder .. "/hostile",
    outside = folder .. "/outside", given = folder .. "/outside/given", busybox = busybox },
    hostile_metatable)
  run(("mkdir -p %s/folder/sub %s"):format(hostile.outside, hostile.given))
  write(hostile.given .. "/file", "given")
  for _, name in ipairs({ "file", "folder/null", "folder/ptmx", "folder/passwd", "folder/canary",
    "folder/sub/canary" }) do
    write(hostile.outside .. "/" .. name, CANARY)
  end
  run(("chown -R 1234:1235 %s && chmod 640 %s/file"):format(hostile.outside, hostile.outside))
  hostile.parent = assert(core.path.open_root(folder))
  return hostile
end

local function make_root(hostile)
  local parent = hostile.parent
  core.path.remove_tree(parent, "hostile")
  assert(core.path.mkdir(parent, "hostile", 493))
  for _, name in ipairs(FOLDERS) do
    assert(core.path.mkdir(parent, "hostile/" .. name, 493))
  end
  for name, text in pairs(FILES) do
    assert(core.path.replace(parent, "hostile/" .. name, text, 420))
  end
  assert(ffi.C.link(hostile.busybox, hostile.root .. "/bin/busybox") == 0)
  for _, name in ipairs({ "sh", "head", "echo", "touch" }) do
    symlink(hostile, "bin/" .. name, "busybox")
  end
end

--- A root as it is at first, with one path of it replaced.
-- @tparam string path "/etc/passwd"
-- @tparam string kind of `M.kinds`
function hostile_methods:make(path, kind)
  make_root(self)
  core.path.remove_tree(self.parent, "hostile" .. path)
  M.kinds[kind](self, path:sub(2))
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
  run("umount -l " .. self.folder)
end

return M
