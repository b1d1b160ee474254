--- Freezing, as far as both kinds of hierarchy share it.
-- @module ctr.cgroup.freezer

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

--- How long a freeze may take, in seconds; libcontainer's limit.
M.DEADLINE = 10

local FIRST_PAUSE = 0.001
local LONGEST_PAUSE = 0.064

--- Waits a little longer each time, until a moment.
-- @tparam number deadline on `core.proc.clock`
-- @treturn function that waits and returns true, or false when the time is over
function M.patience(deadline)
  local pause = FIRST_PAUSE
  return function()
    local left = deadline - core.proc.clock()
    if left <= 0 then
      return false
    end
    core.poll.wait({}, math.min(pause, left))
    pause = math.min(pause * 2, LONGEST_PAUSE)
    return true
  end
end

--- Makes the error for a cgroup that did not reach a state in time.
function M.timed_out(node, wanted)
  return errors.new("SystemError",
    ("cgroup %s is not %s after %d seconds"):format(node.full, wanted, M.DEADLINE),
    { errno = "ETIMEDOUT", op = "freeze", target = node.full })
end

return M
