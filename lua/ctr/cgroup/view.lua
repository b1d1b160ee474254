--- What a container sees of its cgroups: see `ctr.plan.cgroup_mounts`.
-- @module ctr.cgroup.view

local bit = require("bit")
local cgroup = require("ctr.cgroup")
local errors = require("ctr.errors")
local idmap = require("ctr.idmap")
local layouts = require("ctr.cgroup.layout")
local mount_rules = require("ctr.config.mount")
local ownership = require("ctr.cgroup.ownership")
local tree = require("ctr.cgroup.tree")

local M = {}

local UNIFIED = "unified"
local MS_RDONLY = 1

-- The container's own node of a hierarchy, and whether it is that: without one it stays in the
-- caller's.
local function node_of(manager, hierarchy)
  for _, node in ipairs(manager.nodes) do
    if node.hierarchy.mount == hierarchy.mount then
      return node, not manager.borrowed
    end
  end
  local own = layouts.own_below_mount(hierarchy)
  return own and tree.node(hierarchy, own), false
end

-- "cpu,cpuacct" is found under each of its names, too.
local function links_to(name)
  local links = {}
  if name:find(",", 1, true) then
    for part in name:gmatch("[^,]+") do
      links[#links + 1] = part
    end
  end
  return links
end

local function entry_of(node, name)
  return {
    name = name, links = links_to(name), path = node.full:gsub("(.)/+$", "%1"),
    open = function()
      return tree.open_node(node)
    end,
  }
end

local function name_of(hierarchy)
  return hierarchy.mount:match("[^/]+$") or table.concat(hierarchy.names, ",")
end

local function v1_view(manager, layout)
  local view = {}
  for _, hierarchy in ipairs(layout.hierarchies) do
    local node = node_of(manager, hierarchy)
    if node then
      view[#view + 1] = entry_of(node, name_of(hierarchy))
    end
  end
  local node = layout.unified and node_of(manager, layout.unified)
  if node then
    view[#view + 1] = entry_of(node, UNIFIED)
  end
  return view
end

local function v2_view(manager, layout)
  local node, is_own
  if layout.unified then
    node, is_own = node_of(manager, layout.unified)
  end
  if not node then
    return nil, errors.new("SystemError", "no cgroup2 hierarchy is mounted, or it does not show "
      .. "the container's cgroup", { errno = "ENOENT", op = "mount", target = "cgroup2" })
  end
  return { is_tree = true, is_own = is_own, entry_of(node, UNIFIED) }
end

--- Says what a cgroup mount shows.
-- @tparam ctr.CgroupManager manager
-- @tparam string device "cgroup": as the machine has it; "cgroup2": that hierarchy alone
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.of(manager, device)
  local layout, err = cgroup.layout()
  if not layout then
    return nil, err
  end
  if device == "cgroup2" or layout.mode == "v2" then
    return v2_view(manager, layout)
  end
  return v1_view(manager, layout)
end

-- A user namespace's root that may write its cgroups and sees no others is given its own.
local function give_away(seen, mount, config, facts, spaces)
  local is_writable = bit.band(mount.cleared_flags, MS_RDONLY) ~= 0
  local owner = spaces.new.NEWUSER and idmap.to_host(config.uid_mappings,
    facts.user and facts.user.uid or 0)
  if not (is_writable and owner and seen.is_own and spaces.new.NEWCGROUP) or facts.rootless then
    return true
  end
  return ownership.give(seen[1], owner)
end

--- Says what each cgroup mount of a configuration shows, once the cgroups are there; and hands the
-- container's cgroup2 directory to its root where OCI wants that.
-- @tparam ctr.CgroupManager manager
-- @tparam table config
-- @tparam table facts `user`, `rootless`
-- @tparam table spaces
-- @treturn[1] table views by the mount's number
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.all(manager, config, facts, spaces)
  local views = {}
  for index, mount in ipairs(config.mounts) do
    if mount_rules.is_cgroup(mount) then
      local seen, err = M.of(manager, mount.device)
      local ok = seen
      if seen then
        ok, err = give_away(seen, mount, config, facts, spaces)
      end
      if not ok then
        return nil, errors.with_path(err, ("mounts[%d]"):format(index))
      end
      views[index] = seen
    end
  end
  return views
end

return M
