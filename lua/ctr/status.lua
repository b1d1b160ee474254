--- What a container is doing, derived from the kernel each time it is asked.
-- @module ctr.status

local recorded = require("ctr.cgroup.recorded")

local M = {}

local DEAD = { Z = true, X = true }

--- Says whether the first process is alive: what has the recorded pid and start time, and is no
-- zombie.
function M.is_alive(container)
  if not container.init_pid or container.init_pid <= 0 then
    return false
  end
  local stat = container.host:process_stat(container.init_pid)
  return stat ~= nil and not DEAD[stat.state]
    and tonumber(stat.start_time) == tonumber(container.init_start_time)
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
  if not M.is_alive(container) then
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
  local status = run_status(container)
  if status == "stopped" then
    return status
  end
  local freezer, err = freezer_of(container)
  if err then
    return nil, err
  end
  return FROZEN[freezer] or status
end

return M
