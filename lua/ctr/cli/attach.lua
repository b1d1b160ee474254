--- `lctr attach`: shows what a container writes, and passes on what is typed.
-- @module ctr.cli.attach

local attached = require("ctr.cli.attached")

return function(args, values, context)
  local container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  local result
  result, err = container:attach({ detach_keys = values["detach-keys"],
    read_only = values["no-stdin"] })
  if not result then
    return nil, err
  end
  if result == "detached" then
    io.stderr:write("lctr: detached from ", args[1], "\n")
    return 0
  end
  return (result.code or result.signal) and attached.exit_status(result) or 0
end
