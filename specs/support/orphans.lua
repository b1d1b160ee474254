--- Processes that lost their parent: they come to the spec that asked for them.
-- @module specs.support.orphans

local core = require("ctr.core")

local M = {}

local SECONDS = 60

--- Takes the orphans of now on, whatever program below this one they come from.
function M.adopt()
  assert(core.proc.subreaper())
end

local function children()
  local file = assert(io.open(("/proc/self/task/%d/children"):format(core.proc.getpid())))
  local set = {}
  for pid in file:read("*a"):gmatch("%d+") do
    set[#set + 1] = { fd = assert(core.proc.pidfd_open(tonumber(pid))), events = "r" }
  end
  file:close()
  return set
end

--- Waits until every child has ended, and reaps them: in whatever order, for the first process of
-- a pid namespace ends after the others were reaped.
-- @tparam string where what is told if one lives on
function M.reap(where)
  local deadline = core.proc.clock() + SECONDS
  local set = children()
  while #set > 0 do
    local ready = assert(core.poll.wait(set, math.max(0, deadline - core.proc.clock())))
    assert(next(ready), where .. ": a process lives on")
    for index, row in ipairs(set) do
      if ready[index] then
        assert(core.proc.wait(row.fd, {}))
      end
      row.fd:close()
    end
    set = children()
  end
end

return M
