--- A container: its life from created to destroyed.
-- @module ctr.container

local core = require("ctr.core")
local ending = require("ctr.ending")
local errors = require("ctr.errors")
local execution = require("ctr.execution")
local process_module = require("ctr.process")
local record = require("ctr.record")
local starter = require("ctr.start")
local statuses = require("ctr.status")

local M = {}


local container_methods = {}
local container_metatable = { __name = "ctr.Container", methods = container_methods }

-- What few programs call is loaded when it is.
local REACH = { run_inside = true, mount = true, unmount = true, call = true, attach = true }

-- The manager of its cgroups is made when it is first used.
function container_metatable.__index(container, key)
  if key == "cgroup" then
    return rawget(container, "recorded") and record.cgroup(container)
  end
  return container_methods[key] or (REACH[key] and require("ctr.reach")[key])
end

--- Makes the object of a container whose folder is open.
-- @tparam ctr.Factory factory
-- @tparam ctr.Store store
-- @tparam table state what its state file holds
-- @treturn[1] ctr.Container
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.new(factory, store, state)
  local container = setmetatable({ factory = factory, host = factory.host, store = store },
    container_metatable)
  local ok, err = record.load(container, state)
  if not ok then
    return nil, err
  end
  return container
end

-- Makes the same container's object of another state, after its file changed.
local function refresh(container)
  if container.destroyed then
    return true
  end
  local version = container.store:version()
  if version and version == container.version then
    return true
  end
  local state, err = container.store:read()
  if not state then
    return nil, err
  end
  container.version = version
  return record.load(container, state)
end

local function run_fresh(container, action, ...)
  local ok, err = refresh(container)
  if ok then
    ok, err = record.make_cgroup(container)
  end
  if not ok then
    return nil, err
  end
  return action(container, ...)
end

local function check_usable(container)
  if container.destroyed then
    return nil, errors.new("ContainerNotExists",
      ("container %q does not exist"):format(container.store.id))
  end
  -- The lock is held by the call whose hook this is: waiting for it would never end.
  if container.factory.in_hooks[container.store.name] then
    return nil, record.refusal(container, "SystemError", "is in a hook: its functions may look at "
      .. "the container, and not change it")
  end
  return true
end

local function locked(container, action, ...)
  local usable, refusal = check_usable(container)
  if not usable then
    return nil, refusal
  end
  local ok, err = container.store:lock()
  if not ok then
    return nil, err
  end
  -- A lock that an error left would stop this program itself at its next call.
  local returned, value, problem = pcall(run_fresh, container, action, ...)
  container.store:unlock()
  if not returned then
    error(value, 0)
  end
  return value, problem
end

--- Runs an action of a container under its lock, with the container as its file has it.
-- @tparam ctr.Container container
-- @tparam func action is called with the container and the rest
-- @return what the action returns: two values
M.locked = locked

-- For what may wait until another call resumes the container.
local function unlocked(container, action, ...)
  local ok, err = check_usable(container)
  if not ok then
    return nil, err
  end
  return run_fresh(container, action, ...)
end

local function guard_of(process)
  return rawget(process.spec, "ignore_paused") and unlocked or locked
end

--- The container's id.
-- @treturn string
-- @usage
-- print(container:id())
function container_methods:id()
  return self.store.id
end

--- The configuration, normalised: a copy.
-- @treturn table
-- @usage
-- print(container:config().rootfs)
function container_methods:config()
  return record.copy(self.configuration)
end

--- What the creator gave to be remembered: a copy.
-- @treturn table empty where it gave nothing
-- @usage
-- for key, value in pairs(container:kept()) do
--   print(key, value)
-- end
function container_methods:kept()
  return record.copy(self.kept_data) or {}
end

--- The status, derived from the kernel each time: "created", "running", "pausing", "paused" or
-- "stopped".
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotExists` when another process destroyed it
-- @usage
-- assert(container:status() == "running")
function container_methods:status()
  local ok, err = refresh(self)
  if not ok then
    return nil, err
  end
  return statuses.of(self)
end

--- The state as its file has it, under libcontainer's names.
-- @treturn[1] table `id`, `init_process_pid`, `created`, `config`, `cgroup_paths`, …
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotExists`, `SystemError`
-- @usage
-- print(assert(container:state()).init_process_pid)
function container_methods:state()
  local ok, err = refresh(self)
  if not ok then
    return nil, err
  end
  return record.state(self)
end

--- The state as the OCI runtime specification has it.
-- @treturn[1] table `ociVersion`, `id`, `status`, `pid` (not when stopped), `bundle`, `annotations`
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotExists`, `SystemError`
-- @usage
-- local state = assert(container:oci_state())
-- print(state.id, state.status, state.pid)
function container_methods:oci_state()
  local status, err = self:status()
  if not status then
    return nil, err
  end
  return record.oci_state(self, status)
end

--- The ids of all processes in the container's cgroups, in the caller's pid namespace.
-- @treturn[1] {number,…}
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotExists`, `SystemError`
-- @usage
-- for _, pid in ipairs(assert(container:processes())) do
--   print(pid)
-- end
function container_methods:processes()
  local ok, err = refresh(self)
  if not ok then
    return nil, err
  end
  local pids, problem = self.cgroup:pids(true)
  if not pids then
    return nil, problem
  end
  if #pids > 0 then
    return pids
  end
  local is_alive
  is_alive, problem = statuses.is_alive(self)
  if problem then
    return nil, problem
  end
  return is_alive and { self.init_pid } or pids
end

--- What the container has used, under libcontainer's names. A counter is a number where that is
-- exact, else a decimal string.
-- @treturn[1] table `interfaces`, `cgroup_stats` (`cpu_stats`, `memory_stats`, `pids_stats`,
-- `blkio_stats`, `hugetlb_stats`, …), `intel_rdt_stats`
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotExists`, `SystemError`
-- @usage
-- local stats = assert(container:stats()).cgroup_stats
-- print(stats.memory_stats.usage.usage .. " bytes, " .. stats.pids_stats.current .. " processes")
function container_methods:stats()
  local ok, err = refresh(self)
  if not ok then
    return nil, err
  end
  return require("ctr.stats").of(self)
end

local function start(container, object, mode)
  if not container.is_complete then
    return nil, errors.new("ContainerNotExists", ("container %q is not complete: its creator was "
      .. "killed, or it is being destroyed"):format(container.store.id))
  end
  local status, err = statuses.of(container)
  if not status then
    return nil, err
  end
  return starter.process(container, object, mode, status)
end

local function check_process(object, name)
  if not process_module.is(object) then
    error(("bad argument #1 to '%s' (a ctr.process expected)"):format(name), 3)
  end
end

--- Starts a process. The container's first one is set up in full and then waits for `exec`; one in
-- a running container runs at once.
-- @tparam ctr.Process process
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `ContainerPaused`, `ContainerNotRunning`,
-- `ContainerNotStopped`, `ConsoleExists`, `SystemError`
-- @usage
-- local second = assert(factory:create("second", config))
-- assert(second:start(ctr.process({ args = { "/bin/sleep", "60" } })))
-- assert(second:status() == "created")
-- assert(second:exec())
-- assert(second:signal("SIGKILL"))
function container_methods:start(process)
  check_process(process, "start")
  return guard_of(process)(self, start, process, "start")
end

--- Starts a process and lets it run: the container's first one, or one more in a running container.
-- @tparam ctr.Process process
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `ContainerPaused`, `ContainerNotRunning`,
-- `ContainerNotStopped`, `ConsoleExists`, `SystemError`
-- @usage
-- local process = ctr.process({ args = { "/bin/echo", "hello" }, stdout = "null" })
-- assert(container:run(process))
-- assert(process:wait().code == 0)
function container_methods:run(process)
  check_process(process, "run")
  return guard_of(process)(self, start, process, "run")
end

--- Lets the first process of a created container execute its program, from whatever process
-- started it.
-- @treturn[1] true the program runs
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `SystemError`: the reason why it cannot be executed
-- @usage
-- local made = assert(factory:create("made", config))
-- assert(made:start(ctr.process({ args = { "/bin/true" } })))
-- assert(made:exec())
function container_methods:exec()
  return locked(self, execution.execute)
end

local function signal_init(container, number)
  if container.destroyed then
    return nil, record.refusal(container, "ContainerNotRunning", "is not running")
  end
  local ok, err = refresh(container)
  if not ok then
    return nil, err
  end
  ok, err = statuses.is_alive(container)
  if not ok then
    return nil, err or record.refusal(container, "ContainerNotRunning", "is not running")
  end
  local init
  init, err = statuses.open_init(container)
  if not init then
    return nil, err
  end
  ok, err = core.proc.send_signal(init, number)
  init:close()
  return ok, err
end

local function signal_all(container, number)
  local ok, err = refresh(container)
  if not ok then
    return nil, err
  end
  -- Of a container that was never started there are no processes: those of a cgroup of its name
  -- would be another's.
  if not container.init_pid or not container.cgroup:exists() then
    return signal_init(container, number)
  end
  return container.cgroup:signal(number)
end

--- Sends a signal to the first process, or to all.
-- @tparam number|string signal number or name ("SIGTERM", "TERM", "term")
-- @tparam[opt=false] boolean all every process in the container's cgroups
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `SystemError`
-- @usage
-- assert(container:signal("SIGKILL", true))
function container_methods:signal(signal, all)
  local number = process_module.signal_number(signal)
  if not number then
    error("bad argument #1 to 'signal' (unknown signal " .. tostring(signal) .. ")", 2)
  end
  if all then
    return signal_all(self, number)
  end
  return signal_init(self, number)
end

local function set(container, config)
  local status, err = statuses.of(container)
  if not status then
    return nil, err
  end
  if status == "stopped" then
    return nil, record.refusal(container, "ContainerNotRunning", "is not running: it is stopped")
  end
  return require("ctr.update").set(container, config)
end

--- Changes what the container may use while it runs: the limits and device rules of `cgroups`. All
-- or nothing: when one write fails, the earlier ones are taken back, and the stored configuration
-- says what is true.
-- @tparam table config a whole configuration, or some keys: `{ cgroups = { memory = "64M" } }`.
-- What is left out, 0 or "" stays as it is; -1 takes a limit away
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid` (also for what cannot be changed any more),
-- `ContainerNotRunning`, `SystemError`
-- @usage
-- assert(container:set({ cgroups = { memory = "64M", pids_limit = 32 } }))
function container_methods:set(config)
  return locked(self, set, config)
end

local function pause(container)
  local status, err = statuses.of(container)
  if not status then
    return nil, err
  end
  if status ~= "running" and status ~= "created" then
    return nil, record.refusal(container, "ContainerNotRunning", "is not running: it is " .. status)
  end
  return container.cgroup:freeze("FROZEN")
end

--- Freezes every process of the container.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `SystemError`
-- @usage
-- assert(container:pause())
-- assert(container:status() == "paused")
-- assert(container:resume())
function container_methods:pause()
  return locked(self, pause)
end

local function resume(container)
  local status, err = statuses.of(container)
  if not status then
    return nil, err
  end
  if status ~= "paused" and status ~= "pausing" then
    return nil, record.refusal(container, "ContainerNotPaused", "is not paused: it is " .. status)
  end
  return container.cgroup:freeze("THAWED")
end

--- Lets a paused container go on.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotPaused`, `SystemError`
-- @usage
-- local _, err = container:resume()
-- assert(err.code == "ContainerNotPaused")
function container_methods:resume()
  return locked(self, resume)
end

local function with_criu(container, action, ...)
  return require("ctr.criu")[action](container, ...)
end

--- Takes a checkpoint: the processes, their memory and all that they use, in a folder of images.
-- The container is stopped by it, unless `leave_running` or `pre_dump` is said; a failure leaves it
-- running.
-- @tparam table opts libcontainer's `CriuOpts` in snake_case (`ctr.criu.options`);
-- `images_directory` is required
-- @treturn[1] true
-- @treturn[1] ?ctr.Error what is not in it: `pids` of processes that were added from outside and
-- whose parents are there; or, of a container that goes on, why a restore would refuse it
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `ContainerNotRunning`, `SystemError`: of what CRIU refuses
-- with `log` (the log's path), `lines` (its first errors) and `meaning`, where that is known
-- @usage
-- assert(container:checkpoint({ images_directory = "/var/tmp/web", leave_running = true }))
function container_methods:checkpoint(opts)
  return locked(self, with_criu, "checkpoint", opts)
end

--- Restores the processes of a checkpoint in a container that is stopped: a new one, or the one
-- that the checkpoint stopped. A failure leaves nothing.
-- @tparam ctr.Process process gets the first one; only its streams, `console_socket` and
-- `extra_files` are to be said, the rest is in the images
-- @tparam table opts as for `checkpoint`
-- @treturn[1] true it runs
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `ContainerNotStopped`, `SystemError`, as `checkpoint`
-- @usage
-- local again = assert(factory:create("again", container:config()))
-- local process = ctr.process({ stdout = "null" })
-- assert(again:restore(process, { images_directory = "/var/tmp/web" }))
function container_methods:restore(process, opts)
  check_process(process, "restore")
  return locked(self, with_criu, "restore", process, opts)
end

local function notices(container, make, level)
  local ok, err = refresh(container)
  if not ok then
    return nil, err
  end
  if container.destroyed or not container.cgroup:exists() then
    return nil, record.refusal(container, "ContainerNotRunning", "is not running")
  end
  return require("ctr.cgroup.notices")[make](container.cgroup, level)
end

--- Tells when the container runs out of memory: a source of events that ends with the container.
-- @treturn[1] ctr.EventSource `fd()`, `wait([timeout])`, `close()`
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `SystemError`
-- @usage
-- local source = assert(container:notify_oom())
-- local _, err = source:wait(0)
-- assert(err.errno == "ETIMEDOUT")
-- source:close()
function container_methods:notify_oom()
  return notices(self, "oom")
end

--- Tells when the container is short of memory.
-- @tparam string level "low", "medium" or "critical"
-- @treturn[1] ctr.EventSource `fd()`, `wait([timeout])`, `close()`
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `SystemError`
-- @usage
-- local source = assert(container:notify_memory_pressure("medium"))
-- loop:add(source, function()
--   if source:wait(0) then
--     container:set({ cgroups = { memory = "512M" } })
--   end
-- end)
function container_methods:notify_memory_pressure(level)
  if level ~= "low" and level ~= "medium" and level ~= "critical" then
    error("bad argument #1 to 'notify_memory_pressure' (low, medium or critical expected)", 2)
  end
  return notices(self, "pressure", level)
end

--- Removes what the container has on the host: its cgroups and its folder. A created container is
-- killed; a running one is refused.
-- @treturn[1] true also when it was destroyed before
-- @treturn[1] ?ctr.Error the first failure of a poststop hook: a warning, for all is gone
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotStopped`, `ContainerPaused`, `SystemError`
-- @usage
-- local second = assert(factory:create("second", config))
-- assert(second:destroy())
function container_methods:destroy()
  if self.destroyed then
    return true
  end
  local ok, err = locked(self, ending.destroy)
  if ok then
    self.store:close()
  end
  return ok, err
end

return M
