--- Cgroups below a container's own, for a process that is added to it.
-- @module ctr.cgroup.below

local core = require("ctr.core")
local errors = require("ctr.errors")
local layout = require("ctr.cgroup.layout")
local place = require("ctr.cgroup.place")
local tree = require("ctr.cgroup.tree")

local M = {}

local CGROUP_MAX = 64 * 1024
local KEY = "process.sub_cgroup_paths"

local function path_of(key)
  return ('%s["%s"]'):format(KEY, key)
end

-- What is said for one of a hierarchy's controllers goes for all of it; under "" for every one.
local function wanted_in(node, paths)
  for _, name in ipairs(node.names) do
    if paths[name] then
      return paths[name], name
    end
  end
  return paths[""], ""
end

local function check_keys(nodes, paths)
  local known = { [""] = true }
  for _, node in ipairs(nodes) do
    for _, name in ipairs(node.names) do
      known[name] = true
    end
  end
  for key in pairs(paths) do
    if not known[key] then
      return nil, errors.new("ConfigInvalid", path_of(key)
        .. " is not a hierarchy that the container has a cgroup in", { path = path_of(key) })
    end
  end
  return true
end

local function node_below(node, paths)
  local path, key = wanted_in(node, paths)
  local inner = path and path:gsub("^/+", "")
  if not inner or inner == "" then
    return node
  end
  local below = tree.node(node.hierarchy, place.join(node.path, inner))
  local dir, err = tree.open_node(below)
  if not dir then
    return nil, errors.with_path(errors.wrap(err, "join cgroup", below.full), path_of(key))
  end
  below.dir = dir
  return below
end

local function close(found, nodes)
  for index, node in ipairs(found) do
    if node ~= nodes[index] then
      tree.close(node)
    end
  end
end

local function nodes_below(nodes, paths)
  local ok, err = check_keys(nodes, paths)
  if not ok then
    return nil, err
  end
  local found = {}
  for index, node in ipairs(nodes) do
    found[index], err = node_below(node, paths)
    if not found[index] then
      close(found, nodes)
      return nil, err
    end
  end
  return found
end

--- Opens what a process needs to join cgroups below a container's. They have to be there.
-- @tparam ctr.CgroupManager manager
-- @tparam table how `below`, `by_file`, as of `manager:join`
-- @return what `manager:join` does; `ConfigInvalid` for an unknown hierarchy
function M.join(manager, how)
  if manager.kind == "none" then
    return nil, errors.new("ConfigInvalid", KEY .. " needs cgroups, and the container has none",
      { path = KEY })
  end
  local nodes, err = nodes_below(manager.nodes, how.below)
  if not nodes then
    return nil, err
  end
  local handles, dir, names = manager.driver.join(nodes, how.by_file)
  close(nodes, manager.nodes)
  manager:close()
  return handles, dir, names
end

--- Opens the cgroup below a container's that one of its processes has moved to. On v2 nobody can
-- join a cgroup that hands controllers on to those below: an init that manages cgroups goes below
-- itself, and whoever is added follows it there, as with runc.
-- @tparam ctr.CgroupManager manager
-- @tparam ctr.fd procfs
-- @tparam number pid
-- @treturn ctr.fd|nil the cgroup2 directory; nil where it is not below the container's
function M.of_process(manager, procfs, pid)
  local node = manager.nodes[1]
  local _, own = layout.parse_own(core.path.read(procfs, pid .. "/cgroup", CGROUP_MAX) or "")
  local path = node and own and layout.below_mount(node.hierarchy, own)
  if not path or path:sub(1, #node.path + 1) ~= node.path .. "/" then
    return nil
  end
  return (tree.open_node(tree.node(node.hierarchy, path)))
end

return M
