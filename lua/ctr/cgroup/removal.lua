--- How the directory of a container goes, with those that the container made in it.
-- @module ctr.cgroup.removal

local errors = require("ctr.errors")
local freezer = require("ctr.cgroup.freezer")
local signals = require("ctr.cgroup.signals")
local tree = require("ctr.cgroup.tree")

local M = {}

local function still_busy(node, err)
  local pids = tree.with(node, tree.pids, true)
  local reason = tostring(err.errno or err)
  if pids and #pids > 0 then
    reason = "it holds the processes " .. signals.some(pids)
  end
  return errors.new("SystemError", ("cannot remove cgroup %s: %s"):format(node.full, reason),
    { errno = err.errno, op = "rmdir", target = node.full, cause = err })
end

--- Removes a node. A process that has just ended is counted a moment longer: it is waited for, a
-- little longer each time.
-- @tparam table node
-- @tparam number deadline on `core.proc.clock`
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error which names the processes that hold it
function M.node(node, deadline)
  if tree.remove(node.hierarchy, node.path) then
    return true
  end
  local wait = freezer.patience(deadline)
  while true do
    local ok, err = tree.remove_all(node)
    if ok then
      return true
    end
    local may_pass = err.errno == "EBUSY" or err.errno == "ENOTEMPTY"
    if not may_pass or not wait() then
      return nil, still_busy(node, err)
    end
  end
end

return M
