--- `lctr restore`: makes a container of a bundle with the processes of a checkpoint; waits for the
-- first one, unless told otherwise.
-- @module ctr.cli.restore

local checkpointing = require("ctr.cli.checkpointing")
local running = require("ctr.cli.running")

return function(args, values, context)
  local options = checkpointing.options(values)
  return running.run(args[1], values, context, function(container, process)
    local ok, err = container:restore(process, options)
    return ok, err and checkpointing.in_words(err)
  end)
end
