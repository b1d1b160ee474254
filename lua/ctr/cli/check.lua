--- `lctr check`: says whether a description is right.
-- @module ctr.cli.check

local describe = require("ctr.describe")

return function(args, values)
  local list, err = describe.load(args[1], { trust = values.trust })
  if not list then
    return nil, err
  end
  for _, description in ipairs(list) do
    io.stdout:write(description.name, ": ok\n")
  end
  return 0
end
