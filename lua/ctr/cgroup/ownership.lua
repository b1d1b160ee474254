--- Hands a container's cgroup2 directory to its root (OCI's "cgroup ownership"): it may make
-- cgroups of its own below. What goes are the directory and the files that the kernel says may be
-- given away; the limits stay the host's.
-- @module ctr.cgroup.ownership

local core = require("ctr.core")
local errors = require("ctr.errors")
local tree = require("ctr.cgroup.tree")

local M = {}

local DELEGATE = "/sys/kernel/cgroup/delegate"
-- Before Linux 4.15 nobody said which.
local USUAL = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n"

local function delegated_files()
  local handle = core.fd.open(DELEGATE, { flags = { "rdonly" } })
  if not handle then
    return USUAL
  end
  local text = tree.read_handle(handle)
  handle:close()
  return text or USUAL
end

local function give(dir, name, uid)
  local stat, err = core.path.stat(dir, name)
  if not stat then
    return err.errno == "ENOENT" or nil, err -- a controller that is not there
  end
  return core.path.chown(dir, name, uid, stat.gid)
end

--- Gives a directory away.
-- @tparam table entry of a view: `open`, `path`
-- @tparam number uid the host's
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.give(entry, uid)
  local dir, err = entry.open()
  if not dir then
    return nil, err
  end
  local ok
  ok, err = give(dir, ".", uid)
  for name in delegated_files():gmatch("[%w_.]+") do
    if ok then
      ok, err = give(dir, name, uid)
    end
  end
  dir:close()
  if not ok then
    return nil, errors.wrap(err, "give cgroup away", entry.path)
  end
  return true
end

return M
