--- `lctr delete`: removes what a stopped container has on the host.
-- @module ctr.cli.delete

local core = require("ctr.core")
local shown = require("ctr.cli.shown")
local statuses = require("ctr.status")
local whole = require("ctr.cli.whole")

local KILL_SECONDS = 10
local TRIES = 3 -- after the first
local DELETED = { stopped = true, created = true }

local function is_gone(err)
  return type(err) == "table" and err.code == "ContainerNotExists"
end

-- Waits until the first process has ended.
local function await_end(container)
  local init = container.init_pid and core.proc.pidfd_open(container.init_pid)
  if not init then
    return
  end
  if container:status() ~= "stopped" then
    core.poll.wait({ { fd = init, events = "r" } }, KILL_SECONDS)
  end
  init:close()
end

-- Whoever was put into the cgroup from elsewhere outlives the first process.
local function kill_left(container)
  local pids = container.init_pid and container:processes()
  if pids and #pids > 0 then
    return container:signal("SIGKILL", true)
  end
  return true
end

-- With the first process of a pid namespace the kernel ends all others in it, which need not be
-- looked for; v1 ends none that is frozen.
local function ends_at_once(container)
  local status = statuses.has_own_pids(container.configuration) and container:status()
  return status == "running" or status == "created"
end

-- A creator that is at work undoes all by itself when its first process is gone.
local function kill_everything(container)
  local at_once = ends_at_once(container)
  local ok, err = container:signal("SIGKILL", not at_once)
  if not ok and err.code ~= "ContainerNotRunning" and err.errno ~= "ESRCH" then
    return nil, err
  end
  await_end(container)
  return not at_once or kill_left(container)
end

local function check_status(container)
  local status, err = shown.status(container)
  if not status or DELETED[status] then
    return status, err
  end
  return nil, ("cannot delete container %s that is not stopped: %s"):format(container:id(), status)
end

local function end_container(container, is_forced)
  if is_forced then
    return kill_everything(container)
  end
  local status, err = check_status(container)
  if status == "stopped" then
    return kill_left(container)
  end
  return status, err
end

local function delete(container, is_forced, log)
  local ok, err = end_container(container, is_forced)
  if not ok then
    return nil, err
  end
  ok, err = container:destroy()
  if not ok then
    return nil, err
  end
  if err then -- of a poststop hook: all is gone nevertheless
    log:warning(tostring(err))
  end
  return 0
end

local function try(args, values, context)
  local container, err = context:container(args[1])
  if not container then
    return values.force and is_gone(err) and 0 or nil, err
  end
  whole.for_end(container)
  return delete(container, values.force, context.log)
end

-- By force it goes on as long as somebody else is at work on the container: who created it and has
-- just started it, or who deletes it as well.
return function(args, values, context)
  local status, err = try(args, values, context)
  local tries = values.force and TRIES or 0
  while not status and tries > 0 do
    status, err = try(args, values, context)
    tries = tries - 1
  end
  return status, err
end
