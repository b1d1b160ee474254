--- Checkpoint and restore, by CRIU.
-- @module ctr.criu

local dump = require("ctr.criu.dump")
local errors = require("ctr.errors")
local hierarchy = require("ctr.criu.hierarchy")
local options_module = require("ctr.criu.options")
local record = require("ctr.record")
local restore = require("ctr.criu.restore")
local statuses = require("ctr.status")

local M = {}

--- Checks that the caller may do this at all.
-- @tparam ctr.Host host
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error errno `EPERM`
function M.check_privilege(host)
  if not host.rootless then
    return true
  end
  return nil, errors.new("SystemError", "checkpoint and restore are root's", { errno = "EPERM" })
end

local function parse(container, options)
  local ok, err = M.check_privilege(container.host)
  if not ok then
    return nil, err
  end
  return options_module.parse(options or {})
end

-- CRIU is told of the mounts that the configuration has: it would fail at others, or lose them.
local function check_mounts(container)
  local mount = container.live_mounts and container.live_mounts[1]
  if not mount then
    return true
  end
  return nil, record.refusal(container, "SystemError", ("has %s mounted since it runs, which a "
    .. "checkpoint cannot take along: it has to be unmounted first"):format(mount.destination),
    { errno = "EBUSY" })
end

-- What CRIU does to the options of the host's cgroup2 hierarchy is taken back.
local function keeping_options(action, ...)
  local before = hierarchy.options()
  local ok, err = action(...)
  hierarchy.put_back(before)
  return ok, err
end

--- Takes a checkpoint of a container whose lock is held.
-- @tparam ctr.Container container
-- @tparam table opts (`ctr.criu.options`)
-- @treturn[1] true
-- @treturn[1] ?ctr.Error what is not in it
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.checkpoint(container, opts)
  local options, err = parse(container, opts)
  if not options then
    return nil, err
  end
  local status
  status, err = statuses.of(container)
  if not status then
    return nil, err
  end
  if status ~= "running" and status ~= "paused" then
    return nil, record.refusal(container, "ContainerNotRunning", "is not running: it is " .. status)
  end
  local ok
  ok, err = check_mounts(container)
  if not ok then
    return nil, err
  end
  return keeping_options(dump.checkpoint, container, options, status == "paused")
end

--- Restores a container whose lock is held.
-- @tparam ctr.Container container
-- @tparam ctr.Process object takes over the restored first process
-- @tparam table opts (`ctr.criu.options`)
-- @tparam[opt] table anew what a clone has of its own (`ctr.criu.anew`)
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.restore(container, object, opts, anew)
  local options, err = parse(container, opts)
  if not options then
    return nil, err
  end
  local status
  status, err = statuses.of(container)
  if not status then
    return nil, err
  end
  if status ~= "stopped" then
    return nil, record.refusal(container, "ContainerNotStopped",
      "cannot be restored: it is " .. status)
  end
  return keeping_options(restore.restore, container, object, options, anew)
end

return M
