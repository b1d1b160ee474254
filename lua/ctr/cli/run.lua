--- `lctr run`: makes a container of a bundle and lets its program run; waits for it, unless told
-- otherwise.
-- @module ctr.cli.run

local running = require("ctr.cli.running")

return function(args, values, context)
  return running.run(args[1], values, context, "run")
end
