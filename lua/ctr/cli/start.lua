--- `lctr start`: lets a created container's program run.
-- @module ctr.cli.start

local notify = require("ctr.cli.notify")
local shown = require("ctr.cli.shown")

local REFUSALS = {
  stopped = "cannot start a container that has stopped",
  running = "cannot start an already running container",
  paused = "cannot start a container in the paused state",
}

local function check_status(container)
  local status, err = shown.status(container)
  if not status or REFUSALS[status] then
    return nil, err or REFUSALS[status]
  end
  return true
end

local function start(container)
  local relay, err = notify.open(container)
  if err then
    return nil, err
  end
  local ok
  ok, err = container:exec()
  if relay and ok then
    ok, err = relay:wait()
  end
  if relay then
    relay:close()
  end
  return ok, err
end

return function(args, _, context)
  local container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  local ok
  ok, err = check_status(container)
  if ok then
    ok, err = start(container)
  end
  return ok and 0, err
end
