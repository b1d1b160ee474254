--- How a container ends: what is alive is killed where that is allowed, and what it has on the host
-- is removed.
-- @module ctr.ending

local core = require("ctr.core")
local errors = require("ctr.errors")
local process_module = require("ctr.process")
local record = require("ctr.record")
local starter = require("ctr.start")
local status = require("ctr.status")

local M = {}

local SIGKILL = 9
local KILL_TIMEOUT = 10 -- seconds

-- Waits until the first process has ended; false when that takes too long.
local function await_end(container, init)
  local others = starter.others_of(container)
  local deadline = core.proc.clock() + KILL_TIMEOUT
  repeat
    process_module.reap(others)
    local set = process_module.watch({ { fd = init, events = "r" } }, others)
    local ready = core.poll.wait(set, math.max(0, deadline - core.proc.clock()))
    if ready and ready[1] then
      return true
    end
  until not ready or core.proc.clock() >= deadline
  return false
end

--- Kills the first process, and waits until it has ended.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
function M.kill_init(container)
  local init = container.host:open_process(container.init_pid, container.init_start_time)
  if not init then
    return true
  end
  core.proc.send_signal(init, SIGKILL)
  local ended = await_end(container, init)
  init:close()
  if not ended then
    return nil, errors.new("SystemError", "the container's init does not end")
  end
  -- Where it is our own child nobody else can reap it; its result stays with its process object.
  if container.init_process and not container.init_process.result then
    container.init_process:wait(0)
  end
  return true
end

local function stop(container)
  local now, err = status.of(container)
  if not now then
    return nil, err
  end
  if now == "paused" or now == "pausing" then
    return nil, record.refusal(container, "ContainerPaused",
      "is paused: it has to be resumed and ended first")
  end
  if now == "running" then
    return nil, record.refusal(container, "ContainerNotStopped",
      "is running: it has to be ended first, by a signal")
  end
  if now == "created" then
    return M.kill_init(container)
  end
  return true
end

local function remove_network(container)
  if not container.interfaces and not container.configuration.net_devices then
    return true
  end
  return require("ctr.network").teardown(container)
end

local function after_end(container)
  local hooks = require("ctr.hooks")
  local warning = hooks.new(container):run_poststop()
  hooks.detach(container)
  return warning
end

--- Takes away a container whose lock is held.
-- @tparam ctr.Container container
-- @treturn[1] true
-- @treturn[1] ?ctr.Error the first failure of a poststop hook: a warning, for all is gone
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotStopped`, `ContainerPaused`, `SystemError`
function M.destroy(container)
  local ok, err = stop(container)
  if not ok then
    return nil, err
  end
  if container.init_pid and not status.has_own_pids(container.configuration) then
    container.cgroup:signal(SIGKILL)
  end
  ok, err = container.cgroup:destroy()
  if ok and container.rdt then
    ok, err = container.rdt:destroy()
  end
  if not ok then
    return nil, err
  end
  ok, err = remove_network(container)
  if not ok then
    return nil, err
  end
  ok, err = container.store:remove()
  if not ok then
    return nil, err
  end
  container.destroyed = true
  container.init_pid = nil
  container.factory.further[container.store.name] = nil
  if container.configuration.hooks then
    return true, after_end(container)
  end
  return true
end

return M
