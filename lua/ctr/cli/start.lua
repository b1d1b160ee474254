--- `lctr start`: lets a created container's program run.
-- @module ctr.cli.start

local shown = require("ctr.cli.shown")

local REFUSALS = {
  stopped = "cannot start a container that has stopped",
  running = "cannot start an already running container",
  paused = "cannot start a container in the paused state",
}

return function(args, _, context)
  local container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  local status
  status, err = shown.status(container)
  if not status or REFUSALS[status] then
    return nil, err or REFUSALS[status]
  end
  local ok
  ok, err = container:exec()
  return ok and 0, err
end
