--- The standard streams of a container: what leads out of it has a name in the images, and a
-- restore gives it something else.
-- @module ctr.criu.streams

local core = require("ctr.core")

local M = {}

local INFO_MAX = 65536
local NAMES = { "stdin", "stdout", "stderr" }
local INHERITED = { pipe = true, file = true, tty = true }
local FILES = { file = true, char = true, block = true }

-- /dev/null (devices.txt of the kernel).
local function is_null(stat)
  return stat.type == "char" and stat.rdev_major == 1 and stat.rdev_minor == 3
end

-- Terminals, pseudo-terminals, consoles (devices.txt of the kernel).
local function is_terminal(stat)
  local major = stat.rdev_major
  return stat.type == "char" and (major == 4 or major == 5 or major >= 136 and major <= 143)
end

-- CRIU's name of a file that is not in the container's mounts; and whether that is the null device.
local function file_key(procfs, pid, number, rows)
  local info = core.path.read(procfs, ("%d/fdinfo/%d"):format(pid, number), INFO_MAX)
  local mount = tonumber(info and info:match("mnt_id:%s*(%d+)"))
  local handle = core.fd.open(("/proc/%d/fd/%d"):format(pid, number), { flags = { "path" } })
  if not handle then
    return nil
  end
  local kind, stat = core.fd.type(handle), core.path.stat(handle, "")
  handle:close()
  if not (mount and stat and FILES[kind]) or rows[mount] then
    return nil
  elseif is_terminal(stat) then
    return ("tty[%x:%x]"):format(stat.rdev_major * 256 + stat.rdev_minor, stat.dev)
  end
  return ("file[%x:%x]"):format(mount, stat.ino), is_null(stat)
end

--- Says where the streams of a container lead.
-- @tparam ctr.Container container
-- @tparam table rows of its mounts
-- @treturn {string,…} of each what it is for CRIU: "pipe:[1234]", "file[1a:2b]", or what the first
-- process has there; "tty[88:3]" where that is a terminal of somebody else's
-- @treturn {string,…} those that have to be said to a dump
-- @treturn {string,…} the names of those that are the host's null device: a restore opens it anew,
-- for the caller may have something else there
function M.of(container, rows)
  local procfs, pid = container.host:procfs(), container.init_pid
  local links, outer, null = {}, {}, {}
  for number = 0, 2 do
    local was = container.external_descriptors and container.external_descriptors[number + 1] or ""
    local now = core.path.readlink(procfs, ("%d/fd/%d"):format(pid, number)) or ""
    links[number + 1] = was:find("^pipe:") and was or now
    local key, is_device
    if not was:find("^pipe:") then
      key, is_device = file_key(procfs, pid, number, rows)
    end
    if key then
      links[number + 1] = key
      outer[#outer + 1] = key
    end
    if is_device then
      null[#null + 1] = NAMES[number + 1]
    end
  end
  return links, outer, null
end

--- Says whether the first process has a terminal.
-- @tparam table needs (`ctr.criu.needs`)
-- @treturn boolean
function M.is_terminal(needs)
  local first = needs.descriptors[1]
  return type(first) == "string"
    and (first:find("^/dev/pts/") or first:find("^/dev/console")) ~= nil
end

--- Finds the host's null device among the streams of other processes than the first: what was
-- added to a container in the background has it, and leaves it to what it leaves behind.
-- @tparam ctr.Container container
-- @tparam table rows of its mounts
-- @tparam {string,…} known what has to be said to a dump already
-- @treturn {string,…} what has to be said beside that
function M.null_files(container, rows, known)
  local found, seen = {}, {}
  for _, key in ipairs(known) do
    seen[key] = true
  end
  for _, pid in ipairs(container.cgroup:pids(true) or {}) do
    for number = 0, 2 do
      local key, is_device = file_key(container.host:procfs(), pid, number, rows)
      if is_device and not seen[key] then
        seen[key] = true
        found[#found + 1] = key
      end
    end
  end
  return found
end

--- Says which streams a restore gives anew.
-- @tparam {string,…} links as `of` returned them
-- @tparam {string,…} nulls as `null_files` returned them
-- @treturn {table,…} of CRIU's request: `key`, `fd`, which is nil for the null device
function M.inherited(links, nulls)
  local list = {}
  for index, link in ipairs(links) do
    if type(link) == "string" and INHERITED[link:match("^(%l+):?%[")] then
      list[#list + 1] = { key = link, fd = index - 1 }
    end
  end
  for _, key in ipairs(nulls) do
    list[#list + 1] = { key = key }
  end
  return list
end

return M
