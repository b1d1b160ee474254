--- A container as engines see it: one status of five, one object for `state` and `list`.
-- @module ctr.cli.shown

local core = require("ctr.core")
local record = require("ctr.record")
local times = require("ctr.cli.times")

local M = {}

local CREATING = "creating"
local HAS_INIT = { creating = true, created = true, running = true, paused = true }

--- Marks a container as one that is being created, as long as this program lives or until the mark
-- is taken away.
-- @tparam ctr.Container container
-- @treturn[1] function takes it away
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.mark_creating(container)
  local dir = container.store.dir
  local mark, err = core.path.lock(dir, CREATING) -- who looks at it has it for a moment
  if not mark then
    return nil, err
  end
  return function()
    core.path.unlink(dir, CREATING)
    mark:close()
  end
end

--- Says whether somebody is at work to create a container. The mark of a creator that was killed is
-- locked by nobody.
-- @tparam ctr.Container container
-- @treturn boolean
function M.is_being_created(container)
  local dir = container.store.dir
  if not core.path.stat(dir, CREATING, { nofollow = true }) then
    return false
  end
  local mark, err = core.path.lock(dir, CREATING, { wait = false })
  if mark then
    mark:close()
    return false
  end
  return err.errno == "EAGAIN"
end

--- The status of a container: "creating", "created", "running", "paused" or "stopped". One that
-- freezes is still running.
-- @tparam ctr.Container container
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.status(container)
  local status, err = container:status()
  if not status then
    return nil, err
  end
  local is_made = status ~= "created" and (status ~= "stopped" or container.init_pid ~= nil)
  if not is_made and M.is_being_created(container) then
    return CREATING
  end
  return status == "pausing" and "running" or status
end

local function passwd_lines()
  local file = io.open("/etc/passwd", "r")
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return text:gmatch("[^\n]+")
end

-- The folder is its creator's.
local function owner_of(stat)
  local uid = stat and stat.uid or core.proc.ids().euid
  local wanted = (":%d:"):format(uid)
  for line in passwd_lines() do
    local name, id = line:match("^([^:]*):[^:]*(:%d+:)")
    if id == wanted then
      return name
    end
  end
  return tostring(uid)
end

--- What `state` shows of a container, and `list` of each.
-- @tparam ctr.Container container
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.of(container)
  local status, err = M.status(container)
  if not status then
    return nil, err
  end
  local state = record.oci_state(container, status)
  local folder = core.path.stat(container.store.dir, "")
  return {
    ociVersion = state.ociVersion,
    id = state.id,
    pid = HAS_INIT[status] and container.init_pid or 0,
    status = status,
    bundle = state.bundle,
    rootfs = container.configuration.rootfs or "",
    created = container.created_at or times.rfc3339(folder and folder.mtime or 0),
    annotations = state.annotations,
    owner = owner_of(folder),
  }
end

local ORDER = { "ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations",
  "owner" }

--- The JSON of what `of` returns: its members in the order that other runtimes have.
-- @tparam table state
-- @tparam[opt] number indent spaces of each level; without it all is on one line
-- @treturn string
function M.json(state, indent)
  local newline = indent and "\n" .. (" "):rep(indent) or ""
  local parts = {}
  for _, name in ipairs(ORDER) do
    if state[name] ~= nil then
      local value = core.json.encode(state[name], { indent = indent })
      parts[#parts + 1] = ('%s"%s":%s%s'):format(newline, name, indent and " " or "",
        (value:gsub("\n", newline)))
    end
  end
  return "{" .. table.concat(parts, ",") .. (indent and "\n}" or "}")
end

return M
