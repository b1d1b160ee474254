--- A restore: what a first start makes beside the process is made here, and CRIU makes the rest.
-- @module ctr.criu.restore

local children = require("ctr.criu.children")
local common = require("ctr.start.common")
local core = require("ctr.core")
local dump = require("ctr.criu.dump")
local errors = require("ctr.errors")
local failure = require("ctr.criu.failure")
local folders = require("ctr.criu.folders")
local launch = require("ctr.criu.launch")
local messages = require("ctr.criu.messages")
local mounts = require("ctr.criu.mounts")
local needs_module = require("ctr.criu.needs")
local options_module = require("ctr.criu.options")
local planner = require("ctr.plan")
local program = require("ctr.criu.program")
local record = require("ctr.record")
local schema = require("ctr.config.schema")
local sources = require("ctr.criu.sources")
local sockets_module = require("ctr.launch.sockets")
local starter = require("ctr.start")
local status_module = require("ctr.criu.status")
local stream = require("ctr.stream")
local streams = require("ctr.criu.streams")

local M = {}

local SIGKILL = 9
local LOG = "restore.log"
local CGROUP_MAX = 65536
local WITH_PROFILES = 31600
local TAKEN = { "stdin", "stdout", "stderr", "extra_files", "console_socket", "terminal" }

-- Of a process that is restored, its streams alone are to be said: all else is in the images.
local function parse_process(object)
  local given, spec = object:streams(), { args = { "restored" } }
  for _, name in ipairs(TAKEN) do
    spec[name] = rawget(given, name)
  end
  return schema.parse_process(spec)
end

local function hooks_of(container)
  return container.configuration.hooks and require("ctr.hooks").new(container)
end

local function check_versions(options, version)
  local ok, err = program.check_version(version, program.OLDEST, "a restore")
  for _, name in ipairs({ "lsm_profile", "lsm_mount_context" }) do
    if ok and options[name] ~= "" then
      ok, err = program.check_version(version, WITH_PROFILES, name)
    end
  end
  return ok, err
end

local function optional(text)
  return text ~= "" and text or nil
end

local function request_options(options, needs)
  local request = options_module.common(options)
  request.log_file = LOG
  request.rst_sibling = true
  request.evasive_devices = true
  request.tcp_close = options.tcp_close
  request.lsm_profile = optional(options.lsm_profile)
  request.lsm_mount_context = optional(options.lsm_mount_context)
  request.inherit_fd = streams.inherited(needs.descriptors)
  return request
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

local JOINED_WORDS = { NEWNS = "mnt", NEWIPC = "ipc", NEWUTS = "uts", NEWUSER = "user",
  NEWTIME = "time" }

-- Namespaces of others: their owners keep them, so they are entered, not made.
local function add_namespaces(request, config, first, inherited)
  for kind, joined in pairs(planner.namespaces(config).joined) do
    local path = ("namespaces[%d]"):format(joined.index)
    local handle, found = core.ns.open(joined.path)
    if not handle then
      return nil, errors.with_path(found, path)
    elseif found ~= kind then
      handle:close()
      return nil, errors.new("SystemError", ("%s: %s is a namespace of type %s"):format(path,
        joined.path, found), { path = path })
    end
    inherited[#inherited + 1] = handle
    if dump.OUTER[kind] then
      table.insert(request.inherit_fd,
        { key = dump.OUTER[kind][3], fd = first + #inherited - 1 })
    elseif JOINED_WORDS[kind] then
      request.join_ns = request.join_ns or {}
      table.insert(request.join_ns, { ns = JOINED_WORDS[kind],
        ns_file = ("/proc/self/fd/%d"):format(first + #inherited - 1) })
    else
      return nil, errors.new("SystemError", path .. ": CRIU cannot enter such a namespace",
        { path = path })
    end
  end
  return true
end

-- Where CRIU is now its container is to be.
local function cgroup_roots(host, pid)
  local text, err = core.path.read(host:procfs(), pid .. "/cgroup", CGROUP_MAX)
  if not text then
    return nil, err
  end
  local roots = {}
  for names, path in text:gmatch("%d+:([^:\n]*):([^\n]*)") do
    if names == "" then
      roots[#roots + 1] = { ctrl = "", path = path }
    end
    for name in names:gmatch("[^,]+") do
      roots[#roots + 1] = { ctrl = name, path = path }
    end
  end
  return roots
end

local session_methods = {}
local session_metatable = { __index = session_methods }

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
  local ok
  ok, err = commit(self, pid)
  local hooks = hooks_of(self.container)
  if ok and hooks then
    ok, err = hooks:run_all("prestart")
    if ok then
      ok, err = hooks:run_all("createRuntime")
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
  if not ok then
    return nil, err
  end
  note_time(container, pid)
  return commit(self, pid)
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

function session_methods:step(script, pid, handles)
  local ok, err = true, nil
  if steps[script] then
    ok, err = steps[script](self, pid, handles)
  end
  if ok then
    ok, err = self.status:tell(script)
  end
  return ok, err
end

-- Asks CRIU; what it says is the container's beginning, or why there is none.
local function ask(self, criu, request)
  local response, err = criu:request({ type = messages.types.RESTORE, opts = request },
    function(script, pid, handles) return self:step(script, pid, handles) end)
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
  return nil, failure.error({ what = "restore", dir = self.opened.work, log = LOG,
    folder = self.opened.work_path, response = response, err = err })
end

local function start_criu(self, files, inherited)
  local container = self.container
  local joined, dir = container.cgroup:join()
  if not joined then
    return nil, dir
  end
  local criu, err = launch.start({ host = container.host, config = container.configuration,
    path = self.path, fds = files.fds, inherited = inherited, cgroup_files = joined,
    cgroup_dir = dir, folder = self.folder, opened = self.opened,
    sources = self.sources })
  common.close_handles(joined, dir)
  if not criu then
    return nil, err
  end
  self.request.cg_root, err = cgroup_roots(container.host, criu.pid)
  if self.request.cg_root then
    self.seen, err = folders.of_process(self.opened, criu.pid, self.folder)
  end
  if not self.seen then
    criu:finish(true)
    return nil, err
  end
  return criu
end

local function go(self, files)
  local inherited, criu = {}, nil
  local ok, err = add_namespaces(self.request, self.container.configuration, #files.fds + 1,
    inherited)
  if ok then
    criu, err = start_criu(self, files, inherited)
  end
  common.close_handles(inherited)
  if not criu then
    return nil, err
  end
  self.request.images_dir_fd = core.fd.number(self.seen.images)
  self.request.work_dir_fd = core.fd.number(self.seen.work)
  ok, err = ask(self, criu, self.request)
  self.seen:close()
  return ok, err
end

local function is_terminal(needs, process)
  local first = needs.descriptors[1]
  return process.console_socket ~= nil or type(first) == "string"
    and (first:find("^/dev/pts/") or first:find("^/dev/console")) ~= nil
end

-- The streams, and the socket of a terminal.
local function with_files(self, action)
  local terminal = is_terminal(self.needs, self.process)
  local files, err = stream.open(self.process, terminal)
  if not files then
    return nil, err
  end
  if self.process.console_socket ~= nil then
    self.sockets, err = sockets_module.open(self.process, { terminal = true })
  end
  local ok = not err
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

-- All that a restore which failed has left: in the cgroups there is nobody else.
local function undo(self)
  local container = self.container
  if self.pidfd then
    core.proc.send_signal(self.pidfd, SIGKILL)
  end
  container.cgroup:signal(SIGKILL)
  if self.pidfd then
    core.proc.wait(self.pidfd, {})
    self.pidfd:close()
  end
  children.reap(container.host, self.mark)
  if self.master then
    self.master:close()
  end
  container.cgroup:settle()
  if container.rdt then
    container.rdt:undo()
  end
  container.configuration.namespaces, container.config_text = self.namespaces, nil
  record.forget_init(container)
  container.cgroup:destroy()
end

-- What is made on the host before there is a process; it is recorded before it is made.
local function make_ahead(container)
  local rdt = container.rdt
  local ok, err = true, nil
  if rdt then
    ok, err = rdt:intend()
  end
  if ok then
    ok, err = record.intend(container)
  end
  if ok and rdt then
    ok, err = rdt:create()
  end
  if ok then
    ok, err = container.cgroup:create()
  end
  return ok, err
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
  local ok, err = make_ahead(container)
  local started
  if ok then
    started, err = with_sources(self, with_all)
  end
  container.cgroup:settle()
  local hooks = hooks_of(container)
  if started and hooks then
    ok, err = hooks:run_all("poststart")
    started = ok and started
  end
  if not started then
    undo(self)
    return nil, err
  end
  return started
end

-- Where the container shares a pid namespace, the kernel ends nobody with its first process.
local function end_with_init(container)
  local spaces = planner.namespaces(container.configuration)
  return function(result)
    container.cgroup:account(result, true)
    if not spaces.new.NEWPID then
      container.cgroup:signal(SIGKILL)
    end
  end
end

local function hand_over(self, object, started)
  local container = self.container
  started.on_exit = end_with_init(container)
  started.others = starter.others_of(container)
  object:release_streams()
  object:attach(started)
  container.init_process = object
  return true
end

local function check(container, options, version)
  local ok, err = check_versions(options, version)
  local hooks = hooks_of(container)
  if ok and hooks then
    ok, err = hooks:check_present(hooks.OF_START)
  end
  return ok, err
end

local function read_needs(container, options)
  local opened, err = folders.open(options, false)
  if not opened then
    return nil, err
  end
  local needs
  needs, err = needs_module.read(opened.images, options.images_directory)
  local ok = needs
  if needs then
    ok, err = needs_module.check(needs, container.configuration)
  end
  if not ok then
    opened:close()
    return nil, err
  end
  return opened, needs
end

--- Restores a container whose lock is held, and that is stopped.
-- @tparam ctr.Container container
-- @tparam ctr.Process object
-- @tparam table options parsed
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.restore(container, object, options)
  local process, err = parse_process(object)
  if not process then
    return nil, err
  end
  local version, path = program.version(container.factory)
  if not version then
    return nil, path
  end
  local ok
  ok, err = check(container, options, version)
  if not ok then
    return nil, err
  end
  local opened, needs = read_needs(container, options)
  if not opened then
    return nil, needs
  end
  local self = setmetatable({ container = container, process = process, path = path,
    opened = opened, needs = needs, namespaces = container.configuration.namespaces },
    session_metatable)
  local started
  self.status, err = status_module.new(options, version)
  if self.status then
    self.request = request_options(options, needs)
    started, err = make(self)
    self.status:close()
  end
  if started then
    self.status:finish(opened.work, "restore")
  end
  opened:close()
  if not started then
    return nil, err
  end
  return hand_over(self, object, started)
end

return M
