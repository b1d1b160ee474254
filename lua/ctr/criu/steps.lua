--- What the library does at CRIU's steps of a restore: what a start does beside the process.
-- @module ctr.criu.steps

local children = require("ctr.criu.children")
local core = require("ctr.core")
local options_module = require("ctr.criu.options")
local planner = require("ctr.plan")
local record = require("ctr.record")
local verify = require("ctr.criu.verify")

local M = {}

--- Says whether the container has interfaces that the library has to do with.
-- @tparam table self the restore
function M.has_interfaces(self)
  return self.container.interfaces and #self.container.interfaces > 0
    and not options_module.leaves_network_out(self.options)
end

local function commit(self, pid)
  local stat, err = self.container.host:process_stat(pid)
  if not stat then
    return nil, err
  end
  return record.commit(self.container, pid, stat.start_time)
end

-- CRIU's steps. The first process is recorded as soon as it is there: so it is found if the caller
-- is killed.
local steps = {}

steps["setup-namespaces"] = function(self, pid)
  local err
  self.pidfd, err = core.proc.pidfd_open(pid)
  if not self.pidfd then
    return nil, err
  end
  self.pid = pid
  self.criu:watch(self.pidfd)
  local ok
  ok, err = commit(self, pid)
  if ok and self.anew then
    ok, err = self.anew:make_network(pid)
  end
  for _, kind in ipairs(self.hooks and { "prestart", "createRuntime" } or {}) do
    if ok then
      ok, err = self.hooks:run_all(kind)
    end
  end
  return ok, err
end

-- CRIU puts what it restores in a time namespace, so that clocks go on where they were: further
-- processes have to be in it too.
local function note_time(container, pid)
  local procfs, config = container.host:procfs(), container.configuration
  local own, theirs = core.path.readlink(procfs, "self/ns/time"),
    core.path.readlink(procfs, pid .. "/ns/time")
  local spaces = planner.namespaces(config)
  if own == theirs or spaces.new.NEWTIME or spaces.joined.NEWTIME then
    return
  end
  config.namespaces = { unpack(config.namespaces) }
  table.insert(config.namespaces, { type = "NEWTIME", path = "" })
  container.config_text = nil
end

steps["post-restore"] = function(self, pid)
  local container = self.container
  local ok, err = true, nil
  if container.rdt then
    ok, err = container.rdt:enter(pid)
  end
  if ok and container.cgroup:confines_late() then
    ok, err = container.cgroup:confine()
  end
  if ok and M.has_interfaces(self) then
    ok, err = require("ctr.network").take_over(container)
  end
  if not ok then
    return nil, err
  end
  note_time(container, pid)
  ok, err = commit(self, pid)
  if ok and self.anew then
    ok, err = self.anew:set_names(pid)
  end
  return ok, err
end

-- What is in the container's cgroups, but for CRIU and its helpers; and who kept systemd's unit
-- until now goes.
local function restored(self)
  self.container.cgroup:settle()
  local pids, err = self.container.cgroup:pids(true)
  if not pids then
    return nil, err
  end
  local list = { self.pid }
  for _, pid in ipairs(pids) do
    if pid ~= self.pid and not children.is_below(self.container.host, pid, self.criu.pid) then
      list[#list + 1] = pid
    end
  end
  return list
end

-- All is restored, and stands still; CRIU does not care whether this fails.
steps["pre-resume"] = function(self)
  local pids, err = restored(self)
  local ok
  if pids then
    ok, err = verify.check(self.container, self.pid, pids, self.given)
  end
  if not ok then
    self:kill()
  end
  return ok, err
end

-- The master of the container's terminal goes where a start would send it.
steps["orphan-pts-master"] = function(self, _, handles)
  if not handles[1] then
    return true
  end
  local ok, err
  if self.sockets then
    ok, err = core.fd.send(self.sockets.console, "orphan-pts-master", { handles[1] })
  elseif not self.master then
    self.master, err = core.fd.dup(handles[1])
    ok = self.master
  end
  return ok and true or nil, err
end

--- Does what there is to do at a step.
-- @tparam table self the restore: `container`, `options`, `status`, `sockets`, `criu` (session),
-- `given`, `anew` (`ctr.criu.anew`, of a clone), `kill()`; gets `pid`, `pidfd`, `master`
-- @tparam string script CRIU's name of the step
-- @tparam ?number pid of the container's first process
-- @tparam {ctr.fd,…} handles that came along
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error which ends the restore
function M.take(self, script, pid, handles)
  local ok, err = true, nil
  if steps[script] then
    ok, err = steps[script](self, pid, handles)
  end
  if ok then
    ok, err = self.status:tell(script)
  end
  return ok, err
end

return M
