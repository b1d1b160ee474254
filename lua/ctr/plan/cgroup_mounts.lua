--- The operations that show a container its cgroups.
--
-- What is shown is the container's own directory of each hierarchy, cloned from where the host has
-- it mounted: so a cgroup namespace makes no difference, and nothing else is there to be found.
-- It is read-only unless the configuration says `rw` (D10, CVE-2023-25809).
--
-- A view is a list of `{ name, links, path }` and says with `is_tree` that there is one directory
-- alone, which goes on the target itself (cgroup2); else each goes below a tmpfs, under its name.
-- `ctr.cgroup.view` makes it.
-- @module ctr.plan.cgroup_mounts

local bit = require("bit")
local attributes = require("ctr.plan.mount_attributes")

local M = {}

local MS, ATTR = attributes.MS, attributes.ATTR

local SAFE = bit.bor(ATTR.NOSUID, ATTR.NODEV, ATTR.NOEXEC)
local NONE = {}

-- As a plan shows it that is made without the machine.
local UNKNOWN = { is_tree = true, { path = "the container's cgroups" } }

local function is_writable(mount)
  return bit.band(mount.cleared_flags, MS.RDONLY) ~= 0
end

local function changes(mount)
  local set = bit.bor(attributes.attributes(mount.flags), SAFE)
  local clear = attributes.cleared(mount.flags, mount.cleared_flags)
  if is_writable(mount) then
    return set, clear
  end
  return bit.bor(set, ATTR.RDONLY), clear
end

--- Says whether the mount's own tmpfs becomes read-only when all is in it.
function M.is_late_readonly(mount, view)
  return view ~= nil and not view.is_tree and not is_writable(mount)
end

--- Names the descriptor of an entry of a view.
function M.reference(index, entry)
  return ("@cgroup_view:%d:%d"):format(index, entry)
end

--- Adds a cgroup mount.
-- @tparam function add
-- @tparam table mount
-- @tparam number index the mount's
-- @tparam ?table view
function M.add(add, mount, index, view)
  local path, target = "mounts[" .. index .. "]", mount.destination
  local set, clear = changes(mount)
  view = view or UNKNOWN
  if view.is_tree then
    add("attach", { M.reference(index, 1), set, clear, 0, 0 }, { target }, path, view[1].path)
    return
  end
  add("mount", { SAFE, 0, 0, 0 }, { "tmpfs", "tmpfs", target, "mode=755" }, path)
  for number, entry in ipairs(view) do
    add("attach", { M.reference(index, number), set, clear, 0, 0 },
      { target .. "/" .. entry.name }, path, entry.path)
    for _, link in ipairs(entry.links) do
      add("symlink", NONE, { entry.name, target .. "/" .. link }, path)
    end
  end
end

return M
