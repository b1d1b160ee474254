--- `lctr completion`: prints what a shell needs to complete lctr's command line.
-- @module ctr.cli.completion

local SHELLS = { bash = true, zsh = true, fish = true }

return function(args)
  if not SHELLS[args[1]] then
    return nil, ("completion is there for bash, zsh and fish, not for %q"):format(args[1])
  end
  io.stdout:write(require("ctr.cli.completion." .. args[1])())
  return 0
end
