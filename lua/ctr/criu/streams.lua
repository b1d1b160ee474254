--- The standard streams of a container: what leads out of it has a name in the images, and a
-- restore gives it something else.
-- @module ctr.criu.streams

local core = require("ctr.core")

local M = {}

local INFO_MAX = 65536
local FILES = { file = true, char = true, block = true }

-- CRIU's name of a file that is not in the container's mounts.
local function file_key(procfs, pid, number, rows)
  local info = core.path.read(procfs, ("%d/fdinfo/%d"):format(pid, number), INFO_MAX)
  local mount = tonumber(info and info:match("mnt_id:%s*(%d+)"))
  local handle = core.fd.open(("/proc/%d/fd/%d"):format(pid, number), { flags = { "path" } })
  if not handle then
    return nil
  end
  local kind, stat = core.fd.type(handle), core.path.stat(handle, "")
  handle:close()
  if mount and stat and FILES[kind] and not rows[mount] then
    return ("file[%x:%x]"):format(mount, stat.ino)
  end
  return nil
end

--- Says where the streams of a container lead.
-- @tparam ctr.Container container
-- @tparam table rows of its mounts
-- @treturn {string,…} of each what it is for CRIU: "pipe:[1234]", "file[1a:2b]", or what the first
-- process has there
-- @treturn {string,…} those that have to be said to a dump
function M.of(container, rows)
  local procfs, pid = container.host:procfs(), container.init_pid
  local links, outer = {}, {}
  for number = 0, 2 do
    local was = container.external_descriptors and container.external_descriptors[number + 1] or ""
    local now = core.path.readlink(procfs, ("%d/fd/%d"):format(pid, number)) or ""
    links[number + 1] = was:find("^pipe:") and was or now
    local key = not was:find("^pipe:") and file_key(procfs, pid, number, rows)
    if key then
      links[number + 1] = key
      outer[#outer + 1] = key
    end
  end
  return links, outer
end

--- Says which streams a restore gives anew.
-- @tparam {string,…} links as `of` returned them
-- @treturn {table,…} of CRIU's request: `key`, `fd`
function M.inherited(links)
  local list = {}
  for index, link in ipairs(links) do
    if type(link) == "string" and (link:find("^pipe:%[") or link:find("^file%[")) then
      list[#list + 1] = { key = link, fd = index - 1 }
    end
  end
  return list
end

return M
