--- `lctr check`: says whether a description is right.
-- @module ctr.cli.check

local describe = require("ctr.describe")

-- A call that nobody has heard of is no mistake: the profile may be newer than the library.
local function warn_of_calls(description)
  if not description.config.seccomp then
    return
  end
  local config = require("ctr.config.schema").parse(description.config)
  local unknown, err = require("ctr.seccomp").unknown_calls(config.seccomp)
  if not unknown then
    io.stderr:write("lctr: warning: ", description.name, ": ", tostring(err), "\n")
  elseif #unknown > 0 then
    io.stderr:write("lctr: warning: ", description.name, ": seccomp names unknown system calls: ",
      table.concat(unknown, ", "), "\n")
  end
end

return function(args, values)
  local list, err = describe.load(args[1], { trust = values.trust })
  if not list then
    return nil, err
  end
  for _, description in ipairs(list) do
    io.stdout:write(description.name, ": ok\n")
    warn_of_calls(description)
  end
  return 0
end
