--- `lctr state`: shows a container's state as the OCI has it.
-- @module ctr.cli.state

local shown = require("ctr.cli.shown")

return function(args, _, context)
  local container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  local state
  state, err = shown.of(container)
  if not state then
    return nil, err
  end
  io.stdout:write(shown.json(state, 2), "\n")
  return 0
end
