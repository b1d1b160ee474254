--- How a container's directories are made.
-- @module ctr.cgroup.making

local errors = require("ctr.errors")
local signals = require("ctr.cgroup.signals")
local tree = require("ctr.cgroup.tree")

local M = {}

local DENIED = { EACCES = true, EPERM = true, EROFS = true }

local function busy(node, reason)
  return nil, errors.new("SystemError", ("cgroup %s %s"):format(node.full, reason),
    { path = "cgroups.path", errno = "EBUSY", op = "mkdir", target = node.full })
end

-- Joining a frozen cgroup would stop the container before it began, and the caller with it.
local function check_one(manager, node)
  node.is_foreign = nil
  local frozen, err = manager.driver.is_frozen(node)
  if frozen == nil then
    return nil, err
  end
  if frozen then
    return busy(node, "is frozen")
  end
  if node.is_new then
    return true
  end
  local pids, problem = tree.pids(node.dir, true)
  if not pids then
    return nil, problem
  end
  if #pids > 0 then
    return busy(node, "is in use: it holds the processes " .. signals.some(pids))
  end
  return true
end

--- Remembers why hierarchies are gone without.
function M.drop(manager, names, err)
  for _, name in ipairs(names) do
    manager.dropped[name] = err
  end
end

-- Without privilege most of the tree belongs to others, and a container may do without; not where
-- the configuration says which cgroup it wants.
local function may_drop(manager, err)
  return manager.kind == "rootless" and not manager.explicit and DENIED[err.errno]
end

--- Undoes the making of a node.
function M.discard(node)
  tree.close(node)
  if node.is_new then
    tree.remove(node.hierarchy, node.path)
  end
end

-- Goes on without one hierarchy, and removes what was made in it: `above` had `mark` entries then.
local function drop_node(manager, node, mark, err)
  M.discard(node)
  for index = #manager.above, mark + 1, -1 do
    tree.remove(node.hierarchy, manager.above[index]:sub(#node.hierarchy.mount + 2))
    manager.above[index] = nil
  end
  M.drop(manager, node.names, err)
end

--- Makes the directories of all nodes, or of those that an unprivileged caller can make.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.all(manager)
  local kept, wanted = {}, manager.nodes
  manager.nodes = kept
  for _, node in ipairs(wanted) do
    local mark = #manager.above
    local ok, err = tree.make(node, manager.driver.prepare, manager.above)
    kept[#kept + 1] = node
    if not ok then
      err = errors.wrap(err, "make cgroup", node.full)
      if not may_drop(manager, err) then
        return nil, err
      end
      kept[#kept] = nil
      drop_node(manager, node, mark, err)
    end
  end
  return true
end

--- Has what is another's stay that when the container that was refused it is removed.
function M.leave(manager)
  for _, node in ipairs(manager.nodes) do
    node.is_foreign = not node.is_new
  end
end

--- Checks that nobody else is in them, and none is frozen.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error errno `EBUSY`
function M.check_free(manager)
  for _, node in ipairs(manager.nodes) do
    local ok, err = check_one(manager, node)
    if not ok then
      M.leave(manager)
      return nil, err
    end
  end
  return true
end

return M
