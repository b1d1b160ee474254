--- A container's cgroup: made, joined, limited, frozen, signalled, removed.
--
-- What the kinds of hierarchy do differently is in a driver, `ctr.cgroup.v1` or `ctr.cgroup.v2`:
-- `nodes`, `prepare`, `is_frozen`, `check`, `set`, `join`, `freeze`, `freezer_state`, `main_node`,
-- `kill`, `memory_usage`, `memory_peak`, `oom_kills`, `read_stats`, and where it has one `confine`.
-- `check` returns true and what `set` gets as its third argument.
-- @module ctr.cgroup.manager

local change = require("ctr.cgroup.change")
local core = require("ctr.core")
local errors = require("ctr.errors")
local making = require("ctr.cgroup.making")
local place = require("ctr.cgroup.place")
local removal = require("ctr.cgroup.removal")
local signals = require("ctr.cgroup.signals")
local tree = require("ctr.cgroup.tree")

local M = {}

local REMOVE_SECONDS = 2
local STATES = { FROZEN = true, THAWED = true }

local methods = {}
M.methods = methods
local metatable = { __index = methods, __name = "ctr.CgroupManager" }

--- Makes a manager.
-- @tparam table fields `kind` ("cgroupfs", "systemd", "rootless" or "none"), `driver`, `config`,
--   `nodes`, `above` (full paths of directories that go when they are empty), `hidden` (hierarchies
--   in which a relative path means nothing), `explicit` (the configuration named the path),
--   `borrowed` (the cgroups are somebody else's: joined as they are)
-- @treturn table
function M.new(fields)
  fields.nodes = fields.nodes or {}
  fields.above = fields.above or {}
  fields.dropped = {}
  return setmetatable(fields, metatable)
end

--- Names the cgroup for people.
function methods:describe()
  local node = self.driver and self.driver.main_node(self)
  return node and node.full or "no cgroup"
end

--- Finds the node of a controller; in the cgroup2 tree there is but one.
-- @tparam string controller
-- @treturn table|nil
function methods:find(controller)
  for _, node in ipairs(self.nodes) do
    for _, name in ipairs(node.names) do
      if name == controller or name == "" then
        return node
      end
    end
  end
  return nil
end

local function why_none(self, controller)
  local cause = self.dropped[controller] or self.dropped[""]
  if cause then
    return ("no cgroup could be made (%s)"):format(tostring(cause))
  end
  if #self.nodes == 0 then
    return "there is no cgroup"
  end
  return ("the %s controller is not mounted"):format(controller)
end

--- Finds the node of a controller that a key of the configuration asks for.
-- @tparam string controller
-- @tparam string key
-- @treturn[1] table node
-- @return[2] nil
-- @treturn[2] ctr.Error
function methods:node(controller, key)
  local node = self:find(controller)
  if node then
    return node
  end
  local path = "cgroups." .. key
  return nil, errors.new("SystemError",
    ("%s: cannot be set: %s"):format(path, why_none(self, controller)), { path = path })
end

local function is_idle(self)
  return self.kind == "none" or self.borrowed
end

local function not_visible(hierarchy)
  return errors.new("SystemError",
    ("the caller's own cgroup %s cannot be seen below %s: cgroups.path must be absolute")
      :format(hierarchy.own, hierarchy.mount), { path = "cgroups.path", errno = "ENOENT" })
end

local function check_visible(self)
  for _, hierarchy in ipairs(self.hidden or {}) do
    local err = not_visible(hierarchy)
    if self.kind ~= "rootless" or self.explicit then
      return nil, err
    end
    making.drop(self, hierarchy.names, err)
  end
  return true
end

local function check_mounted(self)
  if #self.nodes > 0 or self.kind == "rootless" then
    return true
  end
  return nil, errors.new("SystemError", "no cgroup hierarchy is mounted", { path = "cgroups" })
end

local function check(self)
  if self.config.freezer == "FROZEN" then
    return nil, errors.new("ConfigInvalid",
      "cgroups.freezer cannot be FROZEN at the start: the container would never begin",
      { path = "cgroups.freezer" })
  end
  local ok, err = check_visible(self)
  if not ok then
    return nil, err
  end
  ok, err = check_mounted(self)
  if not ok then
    return nil, err
  end
  return self.driver.check(self, self.config)
end

-- The hierarchy in which a full path lies, and the path below its mount.
local function locate(self, full)
  for _, node in ipairs(self.nodes) do
    local mount = node.hierarchy.mount
    if full:sub(1, #mount + 1) == mount .. "/" then
      return node.hierarchy, full:sub(#mount + 2)
    end
  end
  return nil
end

-- The directories above, but those that another container is in by now. From the first one on that
-- cannot be removed they are kept in mind.
local function remove_above(self)
  for index = #self.above, 1, -1 do
    local hierarchy, path = locate(self, self.above[index])
    local ok, err = true, nil
    if hierarchy then
      ok, err = tree.remove_unused(hierarchy, path)
    end
    if not ok then
      return nil, err
    end
    self.above[index] = nil
  end
  return true
end

local function undo(self)
  for index = #self.nodes, 1, -1 do
    making.discard(self.nodes[index])
  end
  remove_above(self)
end

--- Makes the directories, and sets the limits and device rules. A directory that is there already
-- is taken when it is empty and not frozen. After a failure nothing is left behind.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function methods:create()
  if is_idle(self) then
    return true
  end
  local ok, result = check(self)
  if not ok then
    return nil, result
  end
  local err
  ok, err = making.all(self)
  if ok then
    ok, err = making.check_free(self)
  end
  if ok then
    ok, err = self.driver.set(self, self.config, result)
  end
  if not ok then
    undo(self)
    return nil, err
  end
  return true
end

--- Tells whether the container may do without device rules: without privilege nobody can set any,
-- and engines always send some. libcontainer's rule.
-- @treturn boolean
function methods:may_lack_devices()
  return self.kind == "rootless" or self.user == true
end

--- Tells whether something is still to come when the first process is set up: `confine`.
-- @treturn boolean
function methods:confines_late()
  return self.confinement ~= nil
end

--- Puts in force what `create` left for later: device rules, for the container's own nodes have to
-- be made first, and limits that the start itself would not fit in.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function methods:confine()
  local writes = self.confinement
  self.confinement = nil
  return self.driver.confine(self, writes)
end

--- Tells whether a process joins by writing to files, at any time: on v2 it is cloned into its
-- cgroup.
-- @treturn boolean
function methods:joins_by_file()
  return self.kind ~= "none" and self.driver.JOINS_BY_FILE == true
end

--- Tells whether a process is moved by its number, while it waits: systemd does that.
-- @treturn boolean
function methods:joins_by_pid() -- luacheck: ignore 212
  return false
end

--- The first process is in its cgroup, or never will be: what `create` left for that goes.
function methods:settle() -- luacheck: ignore 212
end

--- What is set in place of resources that were asked for: the same.
-- @tparam table resources fields of `cgroups`
-- @treturn table
function methods:rounded(resources) -- luacheck: ignore 212
  return resources
end

--- Tells of limits that are in the files whoever else keeps them: nobody here.
-- @treturn true
function methods:publish() -- luacheck: ignore 212
  return true
end

--- Opens what a process needs to join: the files to which it writes "0", and the directory for
-- CLONE_INTO_CGROUP. All of it is the caller's to close.
-- @tparam[opt] table how `below` (paths below the container's cgroups by controller, under "" for
-- all), `by_file` (join by files alone, where there is a choice)
-- @treturn[1] table handles
-- @treturn[1] ctr.fd|nil the cgroup2 directory
-- @treturn[1] table names of the hierarchies of the handles
-- @return[2] nil
-- @treturn[2] ctr.Error
function methods:join(how)
  if how and how.below then
    return require("ctr.cgroup.below").join(self, how)
  end
  if self.kind == "none" then
    return {}, nil, {}
  end
  local handles, dir, names = self.driver.join(self.nodes, how and how.by_file)
  self:close()
  return handles, dir, names
end

--- Sets limits, device rules and the freezer's state of a cgroup in use. After a failure all is as
-- it was.
-- @tparam table resources fields of `cgroups`
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error its `path` is the key
function methods:set(resources)
  if is_idle(self) then
    return true
  end
  return change.set(self, resources)
end

--- Reads what the cgroup counts: `ctr.cgroup.stats`.
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function methods:stats()
  return require("ctr.cgroup.stats").read(self)
end

--- How many processes in it the kernel has killed for want of memory.
-- @treturn number 0 also where there is no memory controller
function methods:oom_kills()
  local node = self:find("memory")
  return node and self.driver.oom_kills(node) or 0
end

--- Adds to a process' result what its cgroup knows of it: whether the kernel killed it for want of
-- memory, and of a first process the peak of the container's memory.
-- @tparam ?table result of `core.proc.wait`
-- @tparam boolean is_first
function methods:account(result, is_first)
  local node = result and self:find("memory")
  if not node then
    return
  end
  if result.signal == "SIGKILL" then
    result.oom_killed = self:oom_kills() > 0
  end
  if is_first then
    result.usage.memory_peak = self.driver.memory_peak(node) or result.usage.memory_peak
  end
end

--- Tells where the cgroup is: full paths by controller, or under "" in the cgroup2 tree.
-- @treturn table
function methods:paths()
  local paths = {}
  for _, node in ipairs(self.nodes) do
    for _, name in ipairs(node.names) do
      paths[name] = node.full
    end
  end
  return paths
end

--- Lists the directories above the cgroup that had to be made.
-- @treturn table full paths, those above before those below
function methods:created()
  return { unpack(self.above) }
end

local function add_missing(missing, node)
  local above = place.split(node.path)
  local path = ""
  if above == "" then
    return
  end
  for name in above:gmatch("[^/]+") do
    path = place.join(path, name)
    if not core.path.stat(node.hierarchy.dir, path) then
      missing[#missing + 1] = tree.node(node.hierarchy, path).full
    end
  end
end

--- Foretells which directories above the cgroup `create` has to make.
-- @treturn table full paths, those above before those below
function methods:missing()
  local missing = {}
  if not is_idle(self) then
    for _, node in ipairs(self.nodes) do
      add_missing(missing, node)
    end
  end
  return missing
end

--- Lists the processes.
-- @tparam[opt] boolean recursive also those in cgroups below
-- @treturn[1] table numbers
-- @return[2] nil
-- @treturn[2] ctr.Error
function methods:pids(recursive)
  local node = self.driver and self.driver.main_node(self)
  if not node then
    return {}
  end
  local pids, err = tree.with(node, tree.pids, recursive)
  if not pids and (err.errno == "ENOENT" or err.errno == "ENODEV") then
    return {}
  end
  return pids, err
end

--- Freezes or thaws all processes, and waits until it is so. A freeze that takes too long is
-- undone.
-- @tparam string state "FROZEN" or "THAWED"
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function methods:freeze(state)
  if not STATES[state] then
    return nil, errors.new("ConfigInvalid",
      ("cgroups.freezer must be FROZEN or THAWED, not %q"):format(tostring(state)),
      { path = "cgroups.freezer" })
  end
  if self.kind == "none" then
    return nil, errors.new("SystemError", "a container without a cgroup cannot be frozen")
  end
  return self.driver.freeze(self, state)
end

--- Tells the freezer's state.
-- @treturn string|nil "FROZEN", "FREEZING" or "THAWED"; nil where there is no cgroup
-- @treturn ctr.Error|nil why it cannot be told
function methods:freezer_state()
  if self.kind == "none" then
    return nil
  end
  return self.driver.freezer_state(self)
end

--- Signals all processes, those in cgroups below too. SIGKILL returns when none is left.
-- @tparam number signo
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function methods:signal(signo)
  return signals.send(self, signo)
end

--- Removes the cgroup, those that the container made in it, and the directories above that `create`
-- had to make, where these are empty. Kills nothing: an error names the processes that hold it.
-- @treturn[1] true also when there is nothing to remove
-- @return[2] nil
-- @treturn[2] ctr.Error
function methods:destroy()
  if is_idle(self) then
    return true
  end
  self:close()
  local deadline = core.proc.clock() + REMOVE_SECONDS
  local first
  for _, node in ipairs(self.nodes) do
    local ok, err = true, nil
    if not node.is_foreign then
      ok, err = removal.node(node, deadline)
    end
    if not ok then
      first = first or err
    end
  end
  if first then
    return nil, first
  end
  return remove_above(self)
end

--- Tells whether any directory of the cgroup is there.
-- @treturn boolean
function methods:exists()
  for _, node in ipairs(self.nodes) do
    local dir = node.dir or tree.open_node(node)
    if dir then
      if dir ~= node.dir then
        dir:close()
      end
      return true
    end
  end
  return false
end

--- Leaves the directories to whoever is in them: `destroy` removes none.
function methods:leave_all()
  making.leave(self)
end

--- Closes the descriptors that `create` left open for `join`.
function methods:close()
  for _, node in ipairs(self.nodes) do
    tree.close(node)
  end
end

return M
