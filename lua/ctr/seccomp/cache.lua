--- Programs on disk, for the next command: a folder below the state root.
--
-- A file holds the key that its program was compiled from, whole, and is taken only where that is
-- the key that was asked for: two profiles never share a program, whatever their names in the
-- folder. The folder and its files have to be the caller's own, and nobody else's to write, as the
-- state root above them has to be. What is damaged or not ours is no entry.
-- @module ctr.seccomp.cache

local bit = require("bit")
local core = require("ctr.core")

local M = {}

local FOLDER = "~seccomp" -- no id has a ~ at its beginning
local MAGIC = "ctr seccomp 1"
local SIZE_MAX = 16 * 1024 * 1024
local ENTRIES_MAX = 64
local OTHERS = 63 -- 077
local PROGRAM_MAX = 4096 * 8

local function is_own(handle, kind)
  local stat = core.path.stat(handle, "")
  return stat ~= nil and stat.type == kind and stat.uid == core.proc.ids().euid
    and bit.band(stat.mode, OTHERS) == 0
end

local function open_folder(root)
  local folder = core.path.open(root, FOLDER, { flags = { "path", "directory", "nofollow" } })
  if folder and not is_own(folder, "directory") then
    folder:close()
    return nil
  end
  return folder
end

local function read_entry(folder, name)
  local file = core.path.open(folder, name, { flags = { "rdonly", "nofollow", "nonblock" } })
  if not file then
    return nil
  end
  local text = is_own(file, "file") and core.path.read_fd(file, SIZE_MAX) or nil
  file:close()
  return text
end

local function body_of(key, program, needs)
  return ("%s %d %d %s\n%s%s"):format(needs == "" and "-" or needs, #key, #program, "filter", key,
    program)
end

local function parse(text, key)
  local sum, body = text:match("^" .. MAGIC .. " (%x+) (.*)$")
  if not sum or core.text.checksum(body) ~= sum then
    return nil
  end
  local needs, key_size, program_size, rest = body:match("^(%S+) (%d+) (%d+) filter\n()")
  key_size, program_size = tonumber(key_size), tonumber(program_size)
  if not needs or #body ~= rest - 1 + key_size + program_size
    or body:sub(rest, rest + key_size - 1) ~= key
    or program_size == 0 or program_size > PROGRAM_MAX or program_size % 8 ~= 0 then
    return nil
  end
  return { program = body:sub(rest + key_size), needs = needs ~= "-" and needs or "" }
end

--- Looks for a program.
-- @tparam ctr.fd root the state root
-- @tparam string key
-- @treturn ?table `program`, and `needs`: the version of libseccomp that it hangs on, or ""
function M.load(root, key)
  local folder = open_folder(root)
  if not folder then
    return nil
  end
  local text = read_entry(folder, core.text.checksum(key))
  folder:close()
  return text and parse(text, key)
end

local function make_room(root, folder)
  local names = core.path.list(folder, ".") or {}
  if #names < ENTRIES_MAX then
    return
  end
  for _, name in ipairs(names) do
    core.path.unlink(root, FOLDER .. "/" .. name)
  end
end

--- Keeps a program. What cannot be kept is compiled again the next time.
-- @tparam ctr.fd root
-- @tparam string key
-- @tparam string program
-- @tparam string needs as `load` returns it
function M.store(root, key, program, needs)
  core.path.mkdir(root, FOLDER, 448) -- 0700
  local folder = open_folder(root)
  if not folder then
    return
  end
  make_room(root, folder)
  local body = body_of(key, program, needs)
  core.path.replace(folder, core.text.checksum(key),
    ("%s %s %s"):format(MAGIC, core.text.checksum(body), body), 384) -- 0600
  folder:close()
end

return M
