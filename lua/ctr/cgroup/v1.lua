--- The v1 hierarchies: one directory per hierarchy.
-- @module ctr.cgroup.v1

local apply = require("ctr.cgroup.apply")
local core = require("ctr.core")
local devices = require("ctr.cgroup.devices")
local errors = require("ctr.errors")
local files = require("ctr.cgroup.v1_files")
local freezer = require("ctr.cgroup.freezer")
local layout = require("ctr.cgroup.layout")
local place = require("ctr.cgroup.place")
local tree = require("ctr.cgroup.tree")

local M = {}

local CPUSET_FILES = { "cpuset.cpus", "cpuset.mems" }

-- The name of the cgroup2 tree of a hybrid layout: "" would stand for every controller.
local UNIFIED = { "unified" }

--- Makes the writes for the limits: `ctr.cgroup.v1_files`.
function M.writes(resources)
  return files.writes(resources)
end

-- The cgroup2 tree beside the v1 hierarchies limits nothing. A container that is shown its cgroups
-- has one there too, or it would be shown the caller's.
local function shown_hierarchies(layouts, is_shown)
  if not is_shown or not layouts.unified then
    return layouts.hierarchies
  end
  local all = { unpack(layouts.hierarchies) }
  all[#all + 1] = layouts.unified
  return all
end

--- Makes the node of a path in a hierarchy; that of the cgroup2 tree beside them is `unified`.
-- @tparam table hierarchy
-- @tparam string path below its mount
-- @treturn table
function M.node(hierarchy, path)
  local node = tree.node(hierarchy, path)
  if hierarchy.type == "cgroup2" then
    node.names = UNIFIED
  end
  return node
end

--- Makes a node for each hierarchy.
-- @tparam table layouts
-- @tparam table where from `ctr.cgroup.place`
-- @tparam[opt] boolean is_shown the container has a mount of its cgroups
-- @treturn table nodes
-- @treturn table hierarchies in which the caller's own cgroup cannot be seen, so that a relative
--   path means nothing
function M.nodes(layouts, where, is_shown)
  local nodes, hidden = {}, {}
  for _, hierarchy in ipairs(shown_hierarchies(layouts, is_shown)) do
    local base = where.absolute and "" or layout.own_below_mount(hierarchy)
    if base then
      nodes[#nodes + 1] = M.node(hierarchy, place.join(base, where.path))
    else
      hidden[#hidden + 1] = hierarchy
    end
  end
  return nodes, hidden
end

-- Fills the cpuset file of each directory above the node, and returns the value of the last.
local function fill_above(node, file)
  local dir = node.hierarchy.dir
  local value, err = tree.read(dir, file)
  local path = ""
  for name in place.split(node.path):gmatch("[^/]+") do
    if not value then
      break
    end
    path = place.join(path, name)
    local own = tree.read(dir, path .. "/" .. file)
    if own ~= "" then
      value = own or value
    else
      local ok
      ok, err = core.path.write(dir, path .. "/" .. file, value, { beneath = true })
      value = ok and value
    end
  end
  return value or nil, err
end

local function fill(node, parent, name, file, is_new)
  local own = name .. "/" .. file
  if not is_new and tree.read(parent, own) ~= "" then
    return true
  end
  local value, err = tree.read(parent, file)
  if value == "" then
    value, err = fill_above(node, file)
  end
  if not value then
    return nil, err
  end
  return tree.write(parent, own, value)
end

local function has(node, controller)
  for _, name in ipairs(node.names) do
    if name == controller then
      return true
    end
  end
  return false
end

--- Readies a directory: a cpuset takes no process before it has processors and memory nodes.
function M.prepare(node, parent, name, is_new)
  if not has(node, "cpuset") then
    return true
  end
  for _, file in ipairs(CPUSET_FILES) do
    local ok, err = fill(node, parent, name, file, is_new)
    if not ok then
      return nil, err
    end
  end
  return true
end

local function read_state(node)
  return tree.read_file(node, "freezer.state")
end

-- A directory is made frozen where the one above is; a hierarchy's own root never is.
local function starts_thawed(node)
  return node.is_new and node.hierarchy.is_whole and not node.path:find("/", 1, true)
end

--- Tells whether a directory that is there is frozen, or would freeze what joins it.
function M.is_frozen(node)
  if not has(node, "freezer") or starts_thawed(node) then
    return false
  end
  local state, err = read_state(node)
  if not state then
    return nil, err
  end
  return state ~= "THAWED"
end

-- A limit below what is in use: the two numbers say why.
local function usage_text(node, write, err)
  if write.key ~= "memory" or err.errno ~= "EBUSY" then
    return nil
  end
  return (" (current usage: %s, peak usage: %s)"):format(
    tree.read_file(node, "memory.usage_in_bytes") or "unknown",
    tree.read_file(node, "memory.max_usage_in_bytes") or "unknown")
end

-- The whole list goes through one descriptor per file: the kernel takes one rule per write(2).
local function put_devices(node, writes)
  local open = {}
  local ok, err = true, nil
  for _, write in ipairs(writes) do
    if not open[write.file] then
      open[write.file], err = tree.open_file(node, write.file)
    end
    ok = open[write.file]
    if ok then
      ok, err = core.fd.write(open[write.file], write.text)
    end
    if not ok then
      err = tree.refused(node, write.file, write.text, write.key, err)
      break
    end
  end
  for _, handle in pairs(open) do
    handle:close()
  end
  if not ok then
    return nil, err
  end
  return true
end

-- The writes that make a list as devices.list showed it.
local function writes_of(text, key)
  local writes = {}
  for line in text:gmatch("[^\n]+") do
    writes[#writes + 1] = { file = "devices.allow", text = line:match("^a") or line, key = key }
  end
  table.insert(writes, 1, { file = "devices.deny", text = "a", key = key })
  return writes
end

-- Of a cgroup in use: no device that stays allowed is denied in between, and a failure leaves the
-- rules as they were.
local function change_devices(node, writes)
  local before, err = tree.read_file(node, "devices.list")
  if not before then
    return nil, err
  end
  local ok
  ok, err = put_devices(node, devices.transition(before, writes))
  if not ok then
    local now = tree.read_file(node, "devices.list") or ""
    put_devices(node, devices.transition(now, writes_of(before, writes[1].key)))
    return nil, err
  end
  return true
end

local function set_devices(manager, writes, is_change)
  if #writes == 0 then
    return true
  end
  local node, err = manager:node("devices", writes[1].key)
  local ok = node
  if node then
    ok, err = (is_change and change_devices or put_devices)(node, writes)
  end
  if not ok and not manager:may_lack_devices() then
    return nil, err
  end
  return true
end

--- Checks resources before anything is touched.
-- @treturn[1] true
-- @treturn[1] table the writes, for `set`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.check(_, resources)
  local limits, err = files.writes(resources)
  if not limits then
    return nil, err
  end
  local rules
  rules, err = devices.writes(resources)
  if not rules then
    return nil, err
  end
  return true, { limits = limits, devices = rules }
end

--- Writes the limits and device rules.
-- @tparam table manager
-- @tparam table _ resources that `check` has passed
-- @tparam table writes from `check`
-- @tparam[opt] table journal gets what undoes the limits
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.set(manager, _, writes, journal)
  local ok, err = apply.all(manager, writes.limits, usage_text, journal)
  if not ok then
    return nil, err
  end
  return set_devices(manager, writes.devices, journal ~= nil)
end

M.JOINS_BY_FILE = true

--- Opens the files to which a process writes "0" to join.
-- `tasks`, not `cgroup.procs`: moving a whole thread group takes a global lock and waits for an RCU
-- grace period, up to ten milliseconds; a process of one thread that moves itself need not.
-- @tparam {table,…} nodes the manager's, or below them
-- @treturn[1] table handles
-- @treturn[1] nil no cgroup2 directory
-- @treturn[1] table the names of the hierarchies, in the same order
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.join(nodes)
  local handles, names = {}, {}
  for index, node in ipairs(nodes) do
    local file = node.hierarchy.type == "cgroup2" and "cgroup.procs" or "tasks"
    local handle, err = tree.open_file(node, file)
    if not handle then
      for _, open in ipairs(handles) do
        open:close()
      end
      return nil, errors.wrap(err, "join cgroup", node.full)
    end
    handles[index], names[index] = handle, table.concat(node.names, ",")
  end
  return handles, nil, names
end

local function settle(node, wanted)
  local wait = freezer.patience(core.proc.clock() + freezer.DEADLINE)
  repeat
    -- Again each time: a process that forked meanwhile may have been missed.
    local ok, err = tree.write_file(node, "freezer.state", wanted)
    local state
    if ok then
      state, err = read_state(node)
    end
    if not state then
      return nil, err
    end
    if state == wanted then
      return true
    end
  until not wait()
  if wanted == "FROZEN" then
    tree.write_file(node, "freezer.state", "THAWED")
  end
  return nil, freezer.timed_out(node, wanted)
end

--- Freezes or thaws, and waits until it is so: freezer.state tells nobody when it changes.
-- @tparam table manager
-- @tparam string wanted "FROZEN" or "THAWED"
function M.freeze(manager, wanted)
  local node, err = manager:node("freezer", "freezer")
  if not node then
    return nil, err
  end
  return settle(node, wanted)
end

--- Reads the freezer's state; nil where there is no cgroup.
function M.freezer_state(manager)
  local node = manager:node("freezer", "freezer")
  if not node then
    return nil
  end
  local state, err = read_state(node)
  if not state and (err.errno == "ENOENT" or err.errno == "ENODEV") then
    return nil
  end
  return state, err
end

--- Reads what is counted, for `ctr.cgroup.stats`.
function M.read_stats(manager, stats, sizes)
  return require("ctr.cgroup.v1_stats").read(manager, stats, sizes)
end

--- How much memory is in use, in bytes; nil where that is not counted.
function M.memory_usage(manager)
  local node = manager:find("memory")
  return node and tonumber((tree.read_file(node, "memory.usage_in_bytes")))
end

--- The most memory that was in use, in bytes; nil where the kernel does not say.
function M.memory_peak(node)
  return tonumber((tree.read_file(node, "memory.max_usage_in_bytes")))
end

--- How many processes the kernel has killed for want of memory.
-- @treturn number
function M.oom_kills(node)
  local text = tree.read_file(node, "memory.oom_control") or ""
  return tonumber(text:match("%f[%w_]oom_kill (%d+)") or 0)
end

--- The node whose processes are the container's.
function M.main_node(manager)
  return manager:find("devices") or manager.nodes[1]
end

--- No v1 hierarchy can kill a cgroup at once.
function M.kill()
  return nil
end

return M
