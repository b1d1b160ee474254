--- A restore: what a first start makes beside the process is made here, and CRIU makes the rest.
-- @module ctr.criu.restore

local asked = require("ctr.criu.asked")
local bit = require("bit")
local children = require("ctr.criu.children")
local common = require("ctr.start.common")
local core = require("ctr.core")
local errors = require("ctr.errors")
local failure = require("ctr.criu.failure")
local fit = require("ctr.criu.fit")
local folders = require("ctr.criu.folders")
local hierarchy = require("ctr.criu.hierarchy")
local launch = require("ctr.criu.launch")
local messages = require("ctr.criu.messages")
local mounts = require("ctr.criu.mounts")
local needs_module = require("ctr.criu.needs")
local options_module = require("ctr.criu.options")
local planner = require("ctr.plan")
local probe = require("ctr.probe")
local program = require("ctr.criu.program")
local schema = require("ctr.config.schema")
local requests = require("ctr.criu.request")
local sources = require("ctr.criu.sources")
local sockets_module = require("ctr.launch.sockets")
local starter = require("ctr.start")
local status_module = require("ctr.criu.status")
local steps = require("ctr.criu.steps")
local stream = require("ctr.stream")
local streams = require("ctr.criu.streams")
local verify = require("ctr.criu.verify")

local M = {}

local SIGKILL = 9
local STREAMS = { "stdin", "stdout", "stderr" }
local TAKEN = { "stdin", "stdout", "stderr", "extra_files", "console_socket", "terminal" }

-- Of a process that is restored, its streams alone are to be said: all else is in the images.
local function parse_process(object)
  local given, spec = object:streams(), { args = { "restored" } }
  if rawget(given, "attachable") then
    return nil, errors.invalid({ { path = "process.attachable",
      text = "is for a process that is started, not for one that is restored" } })
  end
  for _, name in ipairs(TAKEN) do
    spec[name] = rawget(given, name)
  end
  return schema.parse_process(spec)
end

local function hooks_of(container)
  return container.configuration.hooks and require("ctr.hooks").new(container)
end

-- What the images have no more than the names of.
local function open_sources(self)
  local container, err = self.container, nil
  local list = self.needs.mounts
  if not list then
    list, err = mounts.expected(container)
  end
  if not list then
    return nil, err
  end
  self.sources, err = sources.open(container, list)
  if not self.sources then
    return nil, err
  end
  self.request.root = self.folder .. launch.ROOT
  self.request.ext_mnt = {}
  for index, pair in ipairs(self.sources.pairs) do
    self.request.ext_mnt[index] = { key = pair.key, val = self.folder .. pair.place }
  end
  return sources.make_points(container.configuration, self.sources)
end

-- Asks CRIU; what it says is the container's beginning, or why there is none.
local function ask(self, criu)
  local response, err = criu:request({ type = messages.types.RESTORE, opts = self.request },
    function(script, pid, handles) return steps.take(self, script, pid, handles) end)
  local is_done = response ~= nil and response.success
  local result = criu:finish(false, function(pid)
    self.mark = children.mark(self.container.host, pid)
  end)
  -- Of some steps CRIU does not care whether they fail.
  if criu.refused then
    return nil, criu.refused
  end
  if is_done and result and result.code == 0 then
    return true
  end
  return nil, failure.error({ what = "restore", dir = self.opened.work, log = requests.LOG,
    folder = self.opened.work_path, response = response, err = err })
end

-- CRIU makes no cgroup namespace where it leaves cgroups alone: what it restores then has its own.
local function namespaces_of_criu(self)
  local wanted = planner.namespaces(self.container.configuration).mask
  local leaves_cgroups = self.options.manage_cgroups_mode == options_module.cgroup_modes.ignore
  local own = leaves_cgroups and planner.CLONE.NEWCGROUP or 0
  return bit.bor(planner.CLONE.NEWNS, bit.band(wanted, own))
end

local function start_criu(self, files, inherited)
  local container = self.container
  local joined, dir = container.cgroup:join()
  if not joined then
    return nil, dir
  end
  local unified = hierarchy.clone(self.version)
  self.request.cgroup_yard = unified and self.folder .. launch.YARD
  local criu, err = launch.start({ host = container.host, config = container.configuration,
    path = self.path, fds = files.fds, inherited = inherited, cgroup_files = joined,
    cgroup_dir = dir, folder = self.folder, opened = self.opened, sources = self.sources,
    unified = unified, namespaces = namespaces_of_criu(self) })
  common.close_handles(joined, dir)
  if not criu then
    return nil, err
  end
  self.request.cg_root, err = requests.cgroup_roots(container.host, criu.pid)
  if self.request.cg_root then
    self.seen, err = folders.of_process(self.opened, criu.pid, self.folder)
  end
  if not self.seen then
    criu:finish(true)
    return nil, err
  end
  self.criu = criu
  self.given = verify.given(container, criu.pid, self.folder, self.sources)
  return criu
end

local function go(self, files)
  local inherited, criu = {}, nil
  local first = #files.fds + 1
  local ok, err = requests.add_streams(self.request, files.fds, first, inherited)
  if ok then
    ok, err = requests.add_namespaces(self.request, self.container.configuration, first, inherited)
  end
  if ok then
    criu, err = start_criu(self, files, inherited)
  end
  common.close_handles(inherited)
  if not criu then
    return nil, err
  end
  self.request.images_dir_fd = core.fd.number(self.seen.images)
  self.request.work_dir_fd = core.fd.number(self.seen.work)
  ok, err = ask(self, criu)
  self.seen:close()
  return ok, err
end

-- What was the host's null device is that again, whatever the caller has: nothing else fits.
local function give_null(self)
  local was_null = {}
  for _, name in ipairs(self.needs.null_streams or {}) do
    was_null[name] = true
  end
  for _, name in ipairs(STREAMS) do
    if was_null[name] then
      self.process[name] = "null"
    end
  end
end

-- What was a terminal of the caller's has a terminal's settings, which nothing else can be given.
local function check_terminals(needs, files)
  for index = 1, 3 do
    local link = tostring(needs.descriptors[index])
    if link:find("^tty%[") and not core.tty.is_tty(files.fds[index]) then
      local name = STREAMS[index]
      return nil, errors.new("ConfigInvalid",
        name .. " was a terminal of the caller's, and this is none", { path = name })
    end
  end
  return true
end

-- The streams, and the socket of a terminal.
local function with_files(self, action)
  give_null(self)
  local terminal = self.process.console_socket ~= nil or streams.is_terminal(self.needs)
  local files, err = stream.open(self.process, terminal)
  if not files then
    return nil, err
  end
  local ok
  ok, err = check_terminals(self.needs, files)
  if ok and self.process.console_socket ~= nil then
    self.sockets, err = sockets_module.open(self.process, { terminal = true })
  end
  ok = not err
  if ok then
    ok, err = action(self, files)
  end
  if self.sockets then
    sockets_module.close(self.sockets)
  end
  if not ok then
    files:close()
    return nil, err
  end
  files:close_owned()
  return { pid = self.pid, pidfd = self.pidfd, readers = files.readers, console = self.master }
end

-- In the cgroups there is nobody else, once they are the container's.
local function kill(self)
  if self.pidfd then
    core.proc.send_signal(self.pidfd, SIGKILL)
  end
  if self.has_cgroups then
    self.container.cgroup:signal(SIGKILL)
  end
end

-- Takes away all that a restore which failed has left.
local function undo(self)
  local container = self.container
  kill(self)
  if self.pidfd then
    core.proc.wait(self.pidfd, {})
    self.pidfd:close()
  end
  children.reap(container.host, self.mark)
  if steps.has_interfaces(self) then
    require("ctr.network").teardown(container)
  elseif self.anew then
    self.anew:undo()
  end
  if self.master then
    self.master:close()
  end
  container.cgroup:settle()
  container.configuration.namespaces, container.config_text = self.namespaces, nil
  common.undo_ahead(container)
  container.cgroup:destroy()
end

-- Around an action, with what the outer mounts come from.
local function with_sources(self, action)
  self.folder = launch.folder(self.path)
  local ok, err = open_sources(self)
  local started
  if ok then
    started, err = action(self)
  end
  if self.sources then
    sources.close(self.sources)
  end
  return started, err
end

local function with_all(self)
  return with_files(self, go)
end

local function make(self)
  local container = self.container
  local ok, err = true, nil
  if steps.has_interfaces(self) then
    -- The kernel takes its time to remove those that the checkpoint left without a namespace.
    ok, err = require("ctr.network").teardown(container)
  end
  if ok then
    ok, err = common.make_ahead(container, function()
      local made, problem = container.cgroup:create()
      self.has_cgroups = made
      return made, problem
    end)
  end
  local started
  if ok then
    started, err = with_sources(self, with_all)
  end
  container.cgroup:settle()
  if started and self.hooks then
    ok, err = self.hooks:run_all("poststart")
    started = ok and started
  end
  if not started then
    undo(self)
    return nil, err
  end
  return started
end

local function hand_over(self, object, started)
  local container = self.container
  started.on_exit = common.end_with_init(container, planner.namespaces(container.configuration))
  started.others = starter.others_of(container)
  object:release_streams()
  object:attach(started)
  container.init_process = object
  return true
end

local function check(container, options, version, path)
  local ok, err = asked.of_restore(options, version, path,
    probe.functions(container.host))
  local hooks = hooks_of(container)
  if ok and hooks then
    ok, err = hooks:check_present(hooks.OF_START)
  end
  return ok, err
end

local function read_needs(container, options, version)
  local opened, err = folders.open(options, false)
  if not opened then
    return nil, err
  end
  local needs
  needs, err = needs_module.read(opened.images, options.images_directory)
  local ok = needs
  if ok then
    local here = fit.machine(container.host)
    here.criu, here.any_version = version, options.any_version
    ok, err = fit.check(needs, container.configuration, here)
  end
  if not ok then
    opened:close()
    return nil, err
  end
  return opened, needs
end

local function begin(self, options, version)
  local err
  self.status, err = status_module.new(options, version)
  if not self.status then
    return nil, err
  end
  self.request = requests.new(self.container, options, self.needs)
  local started
  started, err = make(self)
  self.status:close()
  if started then
    self.status:finish(self.opened.work, "restore")
  end
  return started, err
end

--- Restores a container whose lock is held, and that is stopped.
-- @tparam ctr.Container container
-- @tparam ctr.Process object
-- @tparam table options parsed
-- @tparam[opt] table anew what a clone has of its own (`ctr.criu.anew`)
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.restore(container, object, options, anew)
  local process, err = parse_process(object)
  if not process then
    return nil, err
  end
  local version, path = program.version(container.factory)
  if not version then
    return nil, path
  end
  local ok
  ok, err = check(container, options, version, path)
  if not ok then
    return nil, err
  end
  local opened, needs = read_needs(container, options, version)
  if not opened then
    return nil, needs
  end
  local self = { container = container, process = process, path = path, version = version,
    opened = opened, needs = needs, options = options, hooks = hooks_of(container), kill = kill,
    anew = anew,
    namespaces = container.configuration.namespaces }
  local started
  started, err = begin(self, options, version)
  opened:close()
  return started and hand_over(self, object, started), err
end

return M
