--- What a container sees of its cgroups: see `ctr.plan.cgroup_mounts`.
-- @module ctr.cgroup.view

local cgroup = require("ctr.cgroup")
local errors = require("ctr.errors")
local layouts = require("ctr.cgroup.layout")
local tree = require("ctr.cgroup.tree")

local M = {}

local UNIFIED = "unified"

-- The container's own node of a hierarchy; without one it stays in the caller's.
local function node_of(manager, hierarchy)
  for _, node in ipairs(manager.nodes) do
    if node.hierarchy.mount == hierarchy.mount then
      return node
    end
  end
  local own = layouts.own_below_mount(hierarchy)
  return own and tree.node(hierarchy, own)
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
  local node = layout.unified and node_of(manager, layout.unified)
  if not node then
    return nil, errors.new("SystemError", "no cgroup2 hierarchy is mounted, or it does not show "
      .. "the container's cgroup", { errno = "ENOENT", op = "mount", target = "cgroup2" })
  end
  return { is_tree = true, entry_of(node, UNIFIED) }
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

return M
