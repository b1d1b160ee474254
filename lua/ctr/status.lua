--- What a container is doing, derived from the kernel each time it is asked.
-- @module ctr.status

local record = require("ctr.record")
local recorded = require("ctr.cgroup.recorded")

local M = {}

local DEAD = { Z = true, X = true }

--- Says whether the first process is alive: what has the recorded pid and start time, and is no
-- zombie. What cannot be looked at is not dead for that.
-- @tparam ctr.Container container
-- @treturn[1] boolean
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.is_alive(container)
  if not container.init_pid or container.init_pid <= 0 then
    return false
  end
  local stat, err = container.host:process_stat(container.init_pid)
  if not stat and err.errno ~= "ENOENT" then
    return nil, err
  end
  return stat ~= nil and not DEAD[stat.state]
    and tonumber(stat.start_time) == tonumber(container.init_start_time)
end

--- Opens the first process.
-- @tparam ctr.Container container
-- @tparam[opt] string text of the refusal where it has ended; default "is not running"
-- @treturn[1] ctr.fd a pidfd
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `SystemError`
function M.open_init(container, text)
  local init, err = container.host:open_process(container.init_pid, container.init_start_time)
  if init or err.errno ~= "ESRCH" then
    return init, err
  end
  return nil, record.refusal(container, "ContainerNotRunning", text or "is not running",
    { cause = err })
end

--- Says whether a pid namespace was made for the container: then the kernel ends all in it with the
-- first process.
-- @tparam table config normalised
-- @treturn boolean
function M.has_own_pids(config)
  for _, namespace in ipairs(config.namespaces or {}) do
    if namespace.type == "NEWPID" and namespace.path == "" then
      return true
    end
  end
  return false
end

local function run_status(container)
  local is_alive, err = M.is_alive(container)
  if err then
    return nil, err
  end
  if not is_alive then
    return "stopped"
  end
  return container.store:is_awaited() and "created" or "running"
end

local FROZEN = { FROZEN = "paused", FREEZING = "pausing" }

local function freezer_of(container)
  local paths = not rawget(container, "cgroup") and container.recorded
    and container.recorded.cgroup_paths
  local freezer = paths and recorded.freezer_state(paths)
  if freezer then
    return freezer
  end
  return container.cgroup:freezer_state()
end

--- The status of a container whose state is fresh.
-- @tparam ctr.Container container
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.of(container)
  if container.destroyed then
    return "stopped"
  end
  local status, err = run_status(container)
  if not status or status == "stopped" then
    return status, err
  end
  local freezer
  freezer, err = freezer_of(container)
  if err then
    return nil, err
  end
  return FROZEN[freezer] or status
end

return M
