--- A manager whose cgroup is a transient unit of systemd's; the limits that systemd has no words
-- for are written beside it.
-- @module ctr.cgroup.systemd

local errors = require("ctr.errors")
local making = require("ctr.cgroup.making")
local manager = require("ctr.cgroup.manager")
local needed = require("ctr.needed")
local place = require("ctr.cgroup.place")
local signals = require("ctr.cgroup.signals")
local tree = require("ctr.cgroup.tree")
local units = require("ctr.cgroup.unit")
local waiting = require("ctr.launch.waiting")

local M = {}

local methods = setmetatable({}, { __index = manager.methods })
local metatable = { __index = methods, __name = "ctr.CgroupManager" }

--- Makes the manager.
-- @tparam table fields as for `manager.new`, and `unit` (`ctr.cgroup.unit`), `layout`, `user` (of
--   the user's manager)
-- @treturn table
function M.new(fields)
  return setmetatable(manager.new(fields), metatable)
end

local function is_unified(self)
  return self.layout.mode == "v2"
end

-- What libsystemd is there for is out of reach without it as well.
local function open_bus(self)
  local systemd, err = needed("ctr.core.systemd")
  local bus
  if systemd then
    bus, err = systemd.open(self.user)
  end
  return bus, err and errors.wrap(err, "reach systemd for", self.unit.name)
end

-- Around an action that needs systemd.
local function with_bus(self, action, ...)
  local bus, err = open_bus(self)
  if not bus then
    return nil, err
  end
  local value, problem = action(self, bus, ...)
  bus:close()
  return value, problem
end

local function unit_properties(self, pid, resources)
  local list, err = units.properties(resources, is_unified(self))
  if not list then
    return nil, err
  end
  local unit = self.unit
  local base = {
    { "Description", "s", "ctr container " .. self.id },
    unit.is_slice and { "Wants", "as", { unit.slice } } or { "Slice", "s", unit.slice },
    { "Delegate", "b", true },
    { "DefaultDependencies", "b", false },
    { "CPUAccounting", "b", true }, { "MemoryAccounting", "b", true },
    { "TasksAccounting", "b", true },
    { is_unified(self) and "IOAccounting" or "BlockIOAccounting", "b", true },
  }
  if not unit.is_slice then
    base[#base + 1] = { "PIDs", "au", { pid } }
  else
    table.remove(base, 3) -- slices are delegated to nobody
  end
  for _, properties in ipairs({ list, units.given_properties(self.config) }) do
    for _, property in ipairs(properties) do
      base[#base + 1] = property
    end
  end
  return base
end

-- One directory in the cgroup2 tree, or one in each hierarchy: also in a cgroup2 tree beside v1,
-- by which systemd sees whether the unit has processes.
local function nodes_at(self, path)
  return (self.driver.nodes(self.layout, { path = path, absolute = true }, true))
end

-- What systemd made.
local function find_nodes(self, bus)
  local path, err = bus:get(self.unit.name, "ControlGroup")
  if not path then
    return nil, err
  end
  local where = place.clean(path)
  if where == "" then
    return nil, errors.new("SystemError", ("systemd gave %s no cgroup"):format(self.unit.name))
  end
  self.nodes = nodes_at(self, where)
  return true
end

-- Who is in a unit of this name; nothing where that cannot be told.
local function holders(self, bus)
  local pids = find_nodes(self, bus) and tree.with(self.nodes[1], tree.pids, true)
  self.nodes = {} -- not ours
  return pids and pids[1] and (", and is in use: it holds the processes " .. signals.some(pids))
end

local function explain_start(self, bus, err)
  if err.errno == "EEXIST" then
    err.message = ("the systemd unit %s exists already%s"):format(self.unit.name,
      holders(self, bus) or "")
    err.path = "cgroups.name"
  end
  return errors.wrap(err, "start systemd unit", self.unit.name)
end

-- On v1 systemd makes directories for some controllers; the others are ours to make. On v2 it hands
-- on those that it knows, which are not all.
local function make_nodes(self)
  if is_unified(self) then
    self.driver.enable_above(self.nodes[1])
    return true
  end
  for _, node in ipairs(self.nodes) do
    local ok, err = tree.make(node, self.driver.prepare, self.above)
    if not ok then
      return nil, errors.wrap(err, "make cgroup", node.full)
    end
  end
  return true
end

local function root_slice(_, bus)
  return bus:get("-.slice", "ControlGroup")
end

-- A folder that is there before the unit is taken by systemd as it is, and a frozen one would keep
-- whoever comes. Where a user's manager has its units only it knows.
local function check_thawed(self)
  local base, problem = "", nil
  if self.user then
    base, problem = with_bus(self, root_slice)
  end
  if not base then
    return nil, problem
  end
  local path = self.unit.path
  while path ~= "" do
    for _, node in ipairs(nodes_at(self, place.clean(base .. "/" .. path))) do
      local ok, err = making.check_thawed(self, node)
      if not ok and err.errno ~= "ENOENT" then
        return nil, err
      end
    end
    path = place.split(path)
  end
  return true
end

local function start(self, bus, pid, writes, properties)
  local ok, err = bus:start(self.unit.name, properties)
  if not ok then
    return nil, explain_start(self, bus, err)
  end
  ok, err = find_nodes(self, bus)
  if ok then
    ok, err = make_nodes(self)
  end
  if ok and self.unit.is_slice then
    ok, err = tree.write_file(self.nodes[1], "cgroup.procs", ("%d"):format(pid))
  end
  if ok then
    ok, err = self.driver.set(self, self.config, writes)
  end
  if not ok then
    bus:stop(self.unit.name)
    return nil, err
  end
  self.above = {}
  return true
end

--- What is set in place of resources that were asked for: systemd knows no finer quota.
function methods:rounded(resources) -- luacheck: ignore 212
  return units.rounded(resources)
end

--- Starts the unit, and sets the limits. systemd makes no scope without a process: one that only
-- waits is in it until `settle`.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function methods:create()
  local ok, writes = self.driver.check(self, units.rounded(self.config))
  if not ok then
    return nil, writes
  end
  local thawed, frozen = check_thawed(self)
  if not thawed then
    return nil, frozen
  end
  local holder, err = waiting.spawn(self.host, 0)
  if not holder then
    return nil, err
  end
  local properties
  properties, err = unit_properties(self, holder.pid, self.config)
  ok = properties
  if ok then
    ok, err = with_bus(self, start, holder.pid, writes, properties)
  end
  if not ok then
    waiting.finish(holder)
    return nil, err
  end
  self.holder = holder
  return true
end

--- Ends the process that kept the unit alive: the container's own is in it, or never will be.
function methods:settle()
  if self.holder then
    waiting.finish(self.holder)
    self.holder = nil
  end
end

--- Without privilege a process is moved by its number: on v2 nobody but systemd may do that.
function methods:joins_by_pid()
  return self.user and is_unified(self)
end

--- Never late: the unit is there before the process.
function methods:joins_by_file() -- luacheck: ignore 212
  return false
end

-- A path below the unit, for all controllers alike: there is one tree.
local function attach(self, bus, pid, below)
  local path = below and below[""]
  path = path and path:gsub("^/*", "/") or ""
  return bus:attach(self.unit.name, path, pid)
end

--- Opens what a process needs to join.
-- @tparam[opt] table how as for a manager, and `pid` of a process that waits for it
function methods:join(how)
  if not how or not how.pid then
    return manager.methods.join(self, how)
  end
  local ok, err = with_bus(self, attach, how.pid, how.below)
  if not ok then
    return nil, err
  end
  return {}, nil, {}
end

local function set_properties(self, bus, properties)
  if #properties == 0 then
    return true
  end
  return bus:set(self.unit.name, properties)
end

-- What systemd has just written it may have rounded.
local function write_files(self, resources)
  local ok, writes = self.driver.check(self, resources)
  if not ok then
    return nil, writes
  end
  return self.driver.set(self, resources, writes, {})
end

--- Tells systemd of limits that are in the files already.
-- @tparam table resources fields of `cgroups`
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error after it systemd has the old ones
function methods:publish(resources)
  local properties, err = units.properties(resources, is_unified(self))
  if not properties then
    return nil, err
  end
  local ok, problem = with_bus(self, set_properties, properties)
  if not ok then
    return nil, errors.wrap(problem, "set properties of", self.unit.name)
  end
  ok, problem = write_files(self, resources)
  if not ok then
    local old = assert(units.properties(self.config, is_unified(self)))
    with_bus(self, set_properties, units.inverse(properties, old))
    return nil, problem
  end
  return true
end

--- What a start is about to make: the unit, so that it is found if the caller is killed.
function methods:missing()
  local hierarchy = self.layout.unified or self.layout.hierarchies[1]
  return { tree.node(hierarchy, self.unit.path).full }
end

--- Stops the unit, where a start may have made it, and removes what is left of the cgroup. The
-- second is all where systemd is not reached: a unit whose cgroup is gone ends by itself.
function methods:destroy()
  self:settle()
  if #self.nodes == 0 and #self.above == 0 then
    return true
  end
  -- A caller that was killed has not told what else it made.
  if #self.nodes == 0 and not is_unified(self) then
    self.nodes = nodes_at(self, self.unit.path)
  end
  local bus = open_bus(self)
  if bus then
    local ok, err = bus:stop(self.unit.name)
    bus:close()
    if not ok then
      return nil, errors.wrap(err, "stop systemd unit", self.unit.name)
    end
  end
  return manager.methods.destroy(self)
end

--- The processes of the unit; none where it was never started.
function methods:exists()
  return #self.nodes > 0 and manager.methods.exists(self)
end

return M
