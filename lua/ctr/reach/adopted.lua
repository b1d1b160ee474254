--- A container that something else started: looked at, entered, measured and signalled by a
-- process in it. What it is made of is read from the kernel; nothing of it is ours, so nothing is
-- destroyed.
-- @module ctr.reach.adopted

local core = require("ctr.core")
local family = require("ctr.reach.family")
local process_module = require("ctr.process")
local record = require("ctr.record")
local statuses = require("ctr.status")
local traits = require("ctr.reach.traits")

local M = {}

local adopted_methods = {}
local adopted_metatable = { __index = adopted_methods, __name = "ctr.Adopted" }

-- A container's folder, where there is none.
local function store_of(pid)
  local id = "pid-" .. pid
  return { id = id, name = "~" .. id, is_awaited = function() return false end }
end

local function find_cgroups(container)
  local paths, err = traits.cgroup_paths(container.host, container.init_pid)
  if not paths then
    return nil, err
  end
  container.manager = next(paths) and "cgroupfs" or "none"
  container.cgroup, err = require("ctr.cgroup").new({ config = {}, id = container.store.id,
    manager = container.manager, paths = paths, created = {}, host = container.host })
  return container.cgroup ~= nil or nil, err
end

--- Takes up a process.
-- @tparam ctr.Factory factory
-- @tparam number pid
-- @treturn[1] ctr.Adopted
-- @return[2] nil
-- @treturn[2] ctr.Error errno ESRCH when there is no such process
function M.new(factory, pid)
  local pidfd, err = core.proc.pidfd_open(pid)
  if not pidfd then
    return nil, err
  end
  local container = setmetatable({ factory = factory, host = factory.host, pidfd = pidfd,
    init_pid = pid, store = store_of(pid), save_mounts = function() return true end },
    adopted_metatable)
  local stat
  stat, err = factory.host:process_stat(pid)
  local ok = stat ~= nil
  if ok then
    container.init_start_time = stat.start_time
    ok, err = core.proc.send_signal(pidfd, 0) -- whose stat that was is alive still
  end
  if ok then
    ok, err = find_cgroups(container)
  end
  if ok then
    container.configuration, container.why_closed = traits.configuration(factory.host, pid)
    container.denies_setgroups = traits.denies_setgroups(factory.host, pid)
    container.root_handle, err = core.fd.open(("/proc/%d/root"):format(pid),
      { flags = { "path", "directory" } })
    ok = container.root_handle ~= nil
  end
  if not ok then
    container:close()
    return nil, err
  end
  return container
end

--- Lets go of the process.
-- @treturn boolean true
-- @usage
-- adopted:close()
function adopted_methods:close()
  for _, name in ipairs({ "pidfd", "root_handle" }) do
    if self[name] then
      self[name]:close()
      self[name] = nil
    end
  end
  return true
end

--- A name for messages: "pid-" and the number.
-- @treturn string
-- @usage
-- print(adopted:id())
function adopted_methods:id()
  return self.store.id
end

--- The process that was named.
-- @treturn number
-- @usage
-- print(adopted:pid())
function adopted_methods:pid()
  return self.init_pid
end

local function check_alive(container)
  local is_alive, err
  if container.pidfd then
    is_alive, err = statuses.is_alive(container)
  end
  if is_alive then
    return true
  end
  return nil, err or record.refusal(container, "ContainerNotRunning",
    "is not running: its process has " .. (container.pidfd and "ended" or "been let go"))
end

--- The status, derived from the kernel each time: "running", "paused", "pausing" or "stopped": the
-- last when the process has ended.
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- print(assert(adopted:status()))
function adopted_methods:status()
  return statuses.of(self)
end

--- What is known of it, under libcontainer's names: `id`, `init_process_pid`, `init_process_start`,
-- `namespace_paths`, `cgroup_paths`, and `own_namespaces`: a list of those that are not this
-- program's ("NEWNS", …).
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`
-- @usage
-- print(table.concat(assert(adopted:state()).own_namespaces, " "))
function adopted_methods:state()
  local ok, err = check_alive(self)
  if not ok then
    return nil, err
  end
  local own, paths = traits.namespaces(self.host, self.init_pid)
  return {
    id = self.store.id, init_process_pid = self.init_pid,
    init_process_start = tonumber(self.init_start_time), own_namespaces = own,
    namespace_paths = paths, cgroup_paths = self.cgroup:paths(), live_mounts = self.live_mounts,
  }
end

--- The ids of all processes that are in its pid namespace, where it has one of its own, or come
-- from it.
-- @treturn[1] {number,…} sorted
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `SystemError`
-- @usage
-- for _, pid in ipairs(assert(adopted:processes())) do
--   print(pid)
-- end
function adopted_methods:processes()
  local ok, err = check_alive(self)
  if not ok then
    return nil, err
  end
  return family.of(self.host, self.init_pid)
end

-- Fails where others are in its cgroup: they would be measured and frozen, too.
local function check_cgroup(container)
  local own, err = container:processes()
  if not own then
    return nil, err
  end
  local is_own = {}
  for _, pid in ipairs(own) do
    is_own[pid] = true
  end
  local all, problem = container.cgroup:pids(true)
  if not all then
    return nil, problem
  end
  for _, pid in ipairs(all) do
    if not is_own[pid] and container.host:process_stat(pid) then
      return nil, record.refusal(container, "SystemError", ("has no cgroup of its own: process %d "
        .. "is in it, too"):format(pid))
    end
  end
  if #all == 0 then
    return nil, record.refusal(container, "SystemError", "has no cgroup of its own")
  end
  return true
end

--- What it has used, as `container:stats` has it, without interfaces. It must have a cgroup that no
-- other process is in.
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `SystemError`
-- @usage
-- print(assert(adopted:stats()).cgroup_stats.pids_stats.current)
function adopted_methods:stats()
  local ok, err = check_cgroup(self)
  if not ok then
    return nil, err
  end
  return require("ctr.stats").of(self)
end

local function send_all(container, number)
  local pids, err = container:processes()
  if not pids then
    return nil, err
  end
  for _, pid in ipairs(pids) do
    local stat = container.host:process_stat(pid)
    local pidfd = stat and container.host:open_process(pid, stat.start_time)
    if pidfd then
      core.proc.send_signal(pidfd, number)
      pidfd:close()
    end
  end
  return true
end

--- Sends a signal to the process that was named, or to all.
-- @param signal number or name
-- @tparam[opt=false] boolean all
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `SystemError`
-- @usage
-- assert(adopted:signal("SIGTERM"))
function adopted_methods:signal(signal, all)
  local number = process_module.signal_number(signal)
  if not number then
    error("bad argument #1 to 'signal' (unknown signal " .. tostring(signal) .. ")", 2)
  end
  local ok, err = check_alive(self)
  if not ok then
    return nil, err
  end
  if all then
    return send_all(self, number)
  end
  return core.proc.send_signal(self.pidfd, number)
end

local function freeze(container, state)
  local ok, err = check_cgroup(container)
  if not ok then
    return nil, err
  end
  return container.cgroup:freeze(state)
end

--- Freezes every process of it; it must have a cgroup that no other process is in.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `SystemError`
-- @usage
-- assert(adopted:pause())
function adopted_methods:pause()
  return freeze(self, "FROZEN")
end

--- Lets it go on.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `SystemError`
-- @usage
-- assert(adopted:resume())
function adopted_methods:resume()
  return freeze(self, "THAWED")
end

-- To be entered it must have a mount namespace of its own, and what else a container has to have.
local function check_open(container)
  local ok, err = check_alive(container)
  if ok and not container.configuration then
    return nil, container.why_closed
  end
  return ok, err
end

-- A process that is added, for `ctr.run`.
function adopted_methods:run(object)
  local status, err = self:status()
  if not status then
    return nil, err
  end
  return require("ctr.start").process(self, object, "run", status)
end

local function entering(name)
  return function(self, ...)
    local ok, err = check_open(self)
    if not ok then
      return nil, err
    end
    return require("ctr.reach")[name](self, ...)
  end
end

--- As `container:run_inside`; what is not said of capabilities, filter and labels is as the named
-- process has them: its bounding set, a filter where it has one (`ctr.default_seccomp`: which it is
-- the kernel does not tell), its AppArmor profile or SELinux label. The program is looked for below
-- the root of the mount namespace.
-- @function adopted:run_inside
-- @tparam table fields as `container:run_inside` has them
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `ConfigInvalid`, `SystemError`
-- @usage
-- print(assert(adopted:run_inside({ args = { "ps" }, env = { "PATH=/bin" } })).stdout)
adopted_methods.run_inside = entering("run_inside")

--- As `container:call`, below the process' own root.
-- @function adopted:call
-- @param ... as `container:call` has it
-- @return[1] what the function returns
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `ConfigInvalid`, `SystemError`
-- @usage
-- print(adopted:call(function() return io.open("/etc/hostname"):read("*l") end))
adopted_methods.call = entering("call")

--- As `container:mount`; this object alone remembers it.
-- @function adopted:mount
-- @tparam string source
-- @tparam string target
-- @param[opt] opts as `container:mount` has them
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `ConfigInvalid`, `SystemError`
-- @usage
-- assert(adopted:mount("/srv/data", "/data", "ro"))
adopted_methods.mount = entering("mount")

--- As `container:unmount`, of what this object mounted.
-- @function adopted:unmount
-- @tparam string target
-- @tparam[opt] table opts as `container:unmount` has them
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `ConfigInvalid`, `SystemError`
-- @usage
-- assert(adopted:unmount("/data"))
adopted_methods.unmount = entering("unmount")

-- What is its owner's to do, or needs what only he knows.
for name, text in pairs({
  destroy = "belongs to who started it, who takes it away",
  start = "runs already: run_inside adds a process",
  exec = "runs already",
  set = "has its limits from who started it",
  config = "has a configuration that only who started it knows",
  oci_state = "has a configuration that only who started it knows",
  kept = "has a configuration that only who started it knows",
  checkpoint = "cannot be taken a checkpoint of: what it is made of is not known",
  restore = "runs already",
  attach = "has streams that whoever started it keeps",
  notify_oom = "is watched by who started it",
  notify_memory_pressure = "is watched by who started it",
}) do
  adopted_methods[name] = function(self)
    return nil, record.refusal(self, "SystemError", "is adopted: it " .. text,
      { errno = "EOPNOTSUPP" })
  end
end

return M
