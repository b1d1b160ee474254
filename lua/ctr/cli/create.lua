--- `lctr create`: makes a container of a bundle; its program waits for `lctr start`.
-- @module ctr.cli.create

local launching = require("ctr.cli.launching")

return function(args, values, context)
  local container, err = launching.create(args[1], values, context, "start")
  return container and 0, err
end
