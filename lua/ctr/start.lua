--- How a process of a container is started: its streams, its cgroups, its user, its launch.
-- @module ctr.start

local account = require("ctr.launch.account")
local bit = require("bit")
local core = require("ctr.core")
local errors = require("ctr.errors")
local idmap = require("ctr.idmap")
local launch = require("ctr.launch")
local networks = require("ctr.config.schema.network")
local planner = require("ctr.plan")
local probe = require("ctr.probe")
local process_module = require("ctr.process")
local program = require("ctr.plan.program")
local record = require("ctr.record")
local schema = require("ctr.config.schema")
local stream = require("ctr.stream")
local validate = require("ctr.config.validate")
local view = require("ctr.cgroup.view")

local M = {}

local SIGKILL = 9
local ROOT = { flags = { "path", "directory", "nofollow" } }

local function look_up_user(container, process, facts, open_root)
  local config = container.configuration
  local files = account.read_files(config, open_root)
  if not files then
    facts.look_up_inside = true
    return true
  end
  local err
  facts.user, err = account.resolve(config, process, facts, files.passwd, files.group)
  return facts.user ~= nil or nil, err
end

local function parse_process(container, process, kind)
  local normalised, err = schema.parse_process(process:streams())
  if normalised and kind == "first" then
    normalised, err = schema.first_process(normalised)
  end
  if not normalised then
    return nil, err
  end
  if normalised.apparmor_profile ~= "" or normalised.label ~= "" then
    local problems = validate.process_labels(normalised, probe.functions(container.host))
    if #problems > 0 then
      return nil, errors.invalid(problems)
    end
  end
  local config = container.configuration
  return program.settle(config, planner.merge(config, normalised))
end

local function base_facts(container, process, spaces)
  local config = container.configuration
  return {
    id = container.store.name,
    rootless = container.host.rootless,
    maps = spaces.new.NEWUSER and true or false,
    can_setgroups = not spaces.user or idmap.allows_setgroups(container.host, config),
    terminal = process.terminal or process.console_socket ~= nil,
    hook_timeout = container.factory.hook_timeout,
    sends_pidfd = process.pidfd_socket ~= nil,
    enters_cgroup = container.manager ~= "none",
  }
end

-- The streams of a process, around an action that needs them.
local function with_streams(process, facts, opened, action)
  local streams, err = stream.open(process, facts.terminal)
  if not streams then
    return nil, err
  end
  local started, problem = action(streams, opened)
  if started then
    started.readers = streams.readers
    streams:close_owned()
  else
    streams:close()
  end
  return started, problem
end

local NO_SOCKETS = {}

-- The streams and the sockets of a process; most have no sockets.
local function with_files(process, facts, action)
  if not (facts.terminal or facts.sends_pidfd) then
    return with_streams(process, facts, NO_SOCKETS, action)
  end
  local sockets = require("ctr.launch.sockets")
  local opened, err = sockets.open(process, facts)
  if not opened then
    return nil, err
  end
  local started, problem = with_streams(process, facts, opened, action)
  if started then
    started.console = sockets.receive_master(opened)
  end
  sockets.close(opened)
  return started, problem
end

-- A process that is added may go below the container's cgroups; one that has CPUs of its own until
-- then enters them by itself.
local function way_to_join(process)
  local affinity = process.cpu_affinity
  local is_late = affinity ~= nil and affinity.initial ~= ""
  if process.sub_cgroup_paths or is_late then
    return { below = process.sub_cgroup_paths, by_file = is_late }
  end
  return nil
end

local function join_cgroups(container, options)
  local facts, resources = options.facts, options.resources
  local how = options.mode == "exec" and way_to_join(options.process) or nil
  local handles, directory = container.cgroup:join(how)
  if not handles then
    return nil, directory
  end
  facts.cgroups = {}
  for index, handle in ipairs(handles) do
    resources["@cgroup:" .. index] = handle
    facts.cgroups[index] = "join"
  end
  return handles, directory
end

local function close_handles(handles, directory)
  for _, handle in ipairs(handles) do
    handle:close()
  end
  if directory then
    directory:close()
  end
end

-- Makes the cgroups and opens what a process joins them by.
local function make_cgroups(container)
  local created, err = container.cgroup:create()
  if not created then
    return nil, err
  end
  return container.cgroup:join()
end

-- What is to be done for the cgroups while the bootstrap waits; nil where it waits for nothing.
local function late_cgroups(container, facts, below)
  if facts.joins_by_pid then
    return function(pid)
      return container.cgroup:join({ pid = pid, below = below })
    end
  end
  return facts.joins_late and function()
    return make_cgroups(container)
  end or nil
end

local function launch_in_cgroups(container, options, make_plan, flags)
  if options.make_cgroups then
    return launch.run(options, make_plan(), flags)
  end
  local handles, directory = join_cgroups(container, options)
  if not handles then
    return nil, directory
  end
  options.cgroup_fd = directory
  local started, err = launch.run(options, make_plan(), flags)
  close_handles(handles, directory)
  return started, err
end

local function commit_init(container, pid)
  local stat, err = container.host:process_stat(pid)
  if not stat then
    local is_gone = err.errno == "ENOENT"
    return nil, is_gone and errors.new("SystemError", "the container's init is gone",
      { errno = "ESRCH", cause = err }) or err
  end
  if container.rdt then
    local ok, problem = container.rdt:enter(pid)
    if not ok then
      return nil, problem
    end
  end
  return record.commit(container, pid, stat.start_time)
end

local function hooks_of(container)
  return container.configuration.hooks and require("ctr.hooks").new(container)
end

local function make_fifo(container, mode, resources)
  if mode ~= "start" then
    return {}
  end
  local fifo, report = container.store:make_fifo()
  if not fifo then
    return nil, report
  end
  resources["@fifo"], resources["@report"] = fifo, report
  local hooks = hooks_of(container)
  if not hooks or not hooks:are_asked() then
    return { fifo, report }
  end
  local questions, err = container.store:make_questions()
  if not questions then
    close_handles({ fifo, report })
    container.store:remove_fifo()
    return nil, err
  end
  resources["@answers"] = questions
  return { fifo, report, questions }
end

local function new_network(container)
  if not networks.has_interfaces(container.configuration) then
    return nil
  end
  return require("ctr.network").new(container)
end

local function init_options(container, process, mode, facts, spaces, streams, opened)
  facts.mode = mode
  return {
    hooks = hooks_of(container),
    on_listener = process.configuration.seccomp
      and require("ctr.launch.sockets").listener(container, process, "creating"),
    host = container.host, factory = container.factory, config = process.configuration,
    process = process, facts = facts, spaces = spaces, mode = mode, streams = streams,
    resources = { ["@console"] = opened.console, ["@pidfd_socket"] = opened.pidfd },
    network = new_network(container),
    make_cgroups = late_cgroups(container, facts),
    commit = function(pid)
      return commit_init(container, pid)
    end,
    confine = container.cgroup:confines_late() and function()
      return container.cgroup:confine()
    end or nil,
  }
end

local function launch_init(container, process, mode, facts, spaces, streams, opened)
  local config = process.configuration
  local options = init_options(container, process, mode, facts, spaces, streams, opened)
  local fifo, err = make_fifo(container, mode, options.resources)
  if not fifo then
    return nil, err
  end
  local started
  started, err = launch_in_cgroups(container, options, function()
    return planner.start(config, process, facts)
  end, planner.clone_flags(spaces))
  close_handles(fifo)
  if options.network then
    options.network:close()
  end
  if not started and mode == "start" then
    container.store:remove_fifo()
  end
  if started and started.supervisor and mode == "start" then
    started.supervisor:set_up_while(function() return container.store:is_awaited() end)
  end
  return started, err
end

-- The cgroups are made now, or while the bootstrap works.
local function prepare_cgroups(container, facts, spaces)
  if facts.joins_late then
    return true
  end
  local ok, err = container.cgroup:create()
  if not ok then
    return nil, err
  end
  facts.cgroup_views, err = view.all(container.cgroup, container.configuration, facts, spaces)
  if not facts.cgroup_views then
    container.cgroup:destroy()
    return nil, err
  end
  return true
end

-- What a start makes on the host before there is a process; it is recorded before it is made.
local function make_ahead(container, facts, spaces)
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
    ok, err = prepare_cgroups(container, facts, spaces)
  end
  return ok, err
end

-- A hook of a start that failed may have left somebody in a pid namespace that is shared.
local function end_left(container, spaces)
  if container.configuration.hooks and not spaces.new.NEWPID then
    container.cgroup:signal(SIGKILL)
  end
end

local function undo_ahead(container)
  if container.rdt then
    container.rdt:undo()
  end
  record.forget_init(container)
end

local function start_init(container, process, mode, facts, spaces)
  -- On v2 a process is cloned into its cgroup, which has to be there: the others are made while
  -- the bootstrap works.
  facts.joins_late = container.cgroup:joins_by_file()
    and planner.may_join_late(container.configuration)
  facts.joins_by_pid = container.cgroup:joins_by_pid()
  local created, err = make_ahead(container, facts, spaces)
  if not created then
    undo_ahead(container)
    return nil, err
  end
  local started, problem = with_files(process, facts, function(streams, opened)
    return launch_init(container, process, mode, facts, spaces, streams, opened)
  end)
  container.cgroup:settle()
  if started and mode == "run" and container.configuration.hooks then
    started, problem = hooks_of(container):after_start(started)
  end
  if not started then
    undo_ahead(container)
    end_left(container, spaces)
    container.cgroup:destroy()
    return nil, problem
  end
  return started
end

-- What is to be done when the first process has ended. Where the container shares a pid namespace,
-- the kernel ends nobody with it.
local function end_with_init(container, spaces)
  return function(result)
    container.cgroup:account(result, true)
    if not spaces.new.NEWPID then
      container.cgroup:signal(SIGKILL)
    end
  end
end

-- The further processes of a container that this program is the parent of.
local function others_of(container)
  local known = container.factory.further
  local name = container.store.name
  known[name] = known[name] or {}
  return known[name]
end
M.others_of = others_of

-- What binds show gets its label before anything of the container's is there.
local function relabel_sources(config)
  for _, mount in ipairs(config.mounts) do
    if mount.relabel then
      return require("ctr.labels").relabel(config)
    end
  end
  return true
end

local function first_process(container, object, process, mode)
  local hooks = hooks_of(container)
  local present, absent = true, nil
  if hooks then
    present, absent = hooks:check_present(hooks.OF_START)
  end
  if not present then
    return nil, absent
  end
  local spaces = planner.namespaces(container.configuration)
  local facts = base_facts(container, process, spaces)
  local ok, err = look_up_user(container, process, facts, function()
    return core.fd.open(container.configuration.rootfs, ROOT)
  end)
  if ok then
    ok, err = relabel_sources(container.configuration)
  end
  if not ok then
    return nil, err
  end
  local started
  started, err = start_init(container, process, mode, facts, spaces)
  if not started then
    return nil, err
  end
  started.on_exit = end_with_init(container, spaces)
  started.others = others_of(container)
  container.init_process = object
  return started
end

local function exec_options(container, process, facts, spaces, init, streams, opened)
  return {
    on_listener = process.configuration.seccomp
      and require("ctr.launch.sockets").listener(container, process, "running"),
    host = container.host, factory = container.factory, config = process.configuration,
    process = process, facts = facts, spaces = spaces, mode = "exec", streams = streams,
    resources = { ["@console"] = opened.console, ["@pidfd_socket"] = opened.pidfd,
      ["@init"] = init },
    enter_rdt = function(pid)
      return container.rdt:enter(pid)
    end,
  }
end

local function all_namespaces(config)
  local mask = 0
  for _, namespace in ipairs(config.namespaces) do
    mask = bit.bor(mask, planner.CLONE[namespace.type])
  end
  return mask
end

local function launch_further(container, process, facts, spaces, init)
  facts.joins_by_pid = container.cgroup:joins_by_pid()
  return with_files(process, facts, function(streams, opened)
    local options = exec_options(container, process, facts, spaces, init, streams, opened)
    options.make_cgroups = late_cgroups(container, facts, process.sub_cgroup_paths)
    return launch_in_cgroups(container, options, function()
      return planner.exec(process.configuration, process, facts)
    end, 0)
  end)
end

local function further_process(container, _, process)
  local init, err = container.host:open_process(container.init_pid, container.init_start_time)
  if not init then
    return nil, record.refusal(container, "ContainerNotRunning", "is not running", { cause = err })
  end
  local spaces = planner.namespaces(container.configuration)
  local facts = base_facts(container, process, spaces)
  facts.maps = spaces.user and #container.configuration.uid_mappings > 0
  facts.into = all_namespaces(container.configuration)
  facts.intel_rdt = container.rdt ~= nil and container.rdt.path ~= nil
  local ok, problem = look_up_user(container, process, facts, function()
    return core.fd.open(("/proc/%d/root"):format(container.init_pid),
      { flags = { "path", "directory" } })
  end)
  local started
  if ok then
    started, problem = launch_further(container, process, facts, spaces, init)
  end
  init:close()
  if started then
    started.on_exit = function(result)
      container.cgroup:account(result, false)
    end
  end
  return started, problem
end

local function is_first(container, object, status)
  local wanted = rawget(object.spec, "init")
  if wanted == nil then
    wanted = status == "stopped"
  end
  if wanted and status ~= "stopped" then
    return nil, record.refusal(container, "ContainerNotStopped",
      "has a first process already: it is " .. status, { path = "process.init" })
  end
  if not wanted and status == "stopped" then
    return nil, record.refusal(container, "ContainerNotRunning", "is not running: it is stopped")
  end
  if status == "paused" or status == "pausing" then
    return nil, record.refusal(container, "ContainerPaused",
      "is paused: it has to be resumed first")
  end
  return wanted and "first" or "further"
end

--- Starts a process of a container whose lock is held.
-- @tparam ctr.Container container
-- @tparam ctr.Process object
-- @tparam string mode "start": a first process waits for `exec`; "run": it does not
-- @tparam string status the container's
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.process(container, object, mode, status)
  local kind, err = is_first(container, object, status)
  if not kind then
    return nil, err
  end
  local process
  process, err = parse_process(container, object, kind)
  if not process then
    return nil, err
  end
  local started
  if kind == "first" then
    started, err = first_process(container, object, process, mode)
  else
    started, err = further_process(container, object, process)
  end
  object:release_streams()
  if not started then
    return nil, err
  end
  object:attach(started)
  if kind == "further" then
    local others = others_of(container)
    process_module.reap(others)
    process_module.add_other(others, object)
  end
  return true
end

return M
