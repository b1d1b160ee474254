--- How a process of a container is started: its streams, its cgroups, its user, its launch.
-- @module ctr.start

local account = require("ctr.launch.account")
local bit = require("bit")
local core = require("ctr.core")
local errors = require("ctr.errors")
local idmap = require("ctr.idmap")
local launch = require("ctr.launch")
local planner = require("ctr.plan")
local process_module = require("ctr.process")
local record = require("ctr.record")
local schema = require("ctr.config.schema")
local stream = require("ctr.stream")

local M = {}

local SIGKILL = 9
local ROOT = { flags = { "path", "directory", "nofollow" } }

local function read_user_files(open_root)
  local root = open_root()
  if not root then
    return nil, nil, false
  end
  local passwd = core.path.read(root, "etc/passwd", account.FILE_MAX)
  local group = core.path.read(root, "etc/group", account.FILE_MAX)
  root:close()
  return passwd, group, true
end

-- A mount on the user files hides those of the root: then the bootstrap is asked for the files of
-- the finished tree.
local function covers_user_files(config)
  for _, mount in ipairs(config.mounts) do
    local path = mount.destination
    if path == "/etc" or path == "/etc/passwd" or path == "/etc/group" then
      return true
    end
  end
  return false
end

local function look_up_user(container, process, facts, open_root)
  local config = container.configuration
  if open_root and not covers_user_files(config) then
    local passwd, group, opened = read_user_files(open_root)
    if opened then
      local err
      facts.user, err = account.resolve(config, process, facts, passwd, group)
      return facts.user ~= nil or nil, err
    end
  end
  facts.look_up_inside = true
  return true
end

local function parse_process(container, process)
  local normalised, err = schema.parse_process(process:streams())
  if not normalised then
    return nil, err
  end
  return planner.merge(container.configuration, normalised)
end

local function base_facts(container, process, spaces)
  local config = container.configuration
  return {
    id = container.store.name,
    rootless = container.host.rootless,
    maps = spaces.new.NEWUSER and true or false,
    can_setgroups = not spaces.user or idmap.allows_setgroups(container.host, config),
    terminal = process.terminal or process.console_socket ~= nil,
  }
end

-- Where the pty's master goes: to the socket that the user named, else to us.
local function open_console(process, facts)
  if not facts.terminal then
    return {}
  end
  local given = process.console_socket
  if type(given) == "string" then
    local handle, err = core.fd.connect_unix(given)
    if not handle then
      return nil, errors.with_path(err, "process.console_socket")
    end
    return { socket = handle, ours = handle }
  end
  if given ~= nil then
    local socket = stream.descriptor(given)
    if not socket then
      return nil, errors.new("ConfigInvalid", "must be a path, a Lua file or a descriptor",
        { path = "process.console_socket" })
    end
    return { socket = socket }
  end
  local receive, send = core.fd.socketpair("stream")
  if not receive then
    return nil, send
  end
  return { socket = send, ours = send, receive = receive }
end

local function receive_master(console)
  if not console.receive then
    return nil
  end
  local _, handles = core.fd.recv(console.receive, 256)
  return handles and handles[1]
end

local function close_console(console)
  for _, handle in pairs({ console.ours or false, console.receive or false }) do
    if handle then
      handle:close()
    end
  end
end

-- The streams and the console of a process, around an action that needs them.
local function with_streams(process, facts, action)
  local console, err = open_console(process, facts)
  if not console then
    return nil, err
  end
  local streams
  streams, err = stream.open(process, facts.terminal)
  if not streams then
    close_console(console)
    return nil, err
  end
  local started, problem = action(streams, console)
  if started then
    started.readers = streams.readers
    started.console = receive_master(console)
    streams:close_owned()
  else
    streams:close()
  end
  close_console(console)
  return started, problem
end

local function join_cgroups(container, facts, resources)
  local handles, directory = container.cgroup:join()
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

local function launch_in_cgroups(container, options, make_plan, flags)
  if options.make_cgroups then
    return launch.run(options, make_plan(), flags)
  end
  local handles, directory = join_cgroups(container, options.facts, options.resources)
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
  return record.commit(container, pid, stat.start_time)
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
  return { fifo, report }
end

local function init_options(container, process, mode, facts, spaces, streams, console)
  facts.mode = mode
  return {
    host = container.host, factory = container.factory, config = container.configuration,
    process = process, facts = facts, spaces = spaces, mode = mode, streams = streams,
    resources = { ["@console"] = console.socket },
    make_cgroups = facts.joins_late and function()
      return make_cgroups(container)
    end or nil,
    commit = function(pid)
      return commit_init(container, pid)
    end,
  }
end

local function launch_init(container, process, mode, facts, spaces, streams, console)
  local config = container.configuration
  local options = init_options(container, process, mode, facts, spaces, streams, console)
  local fifo, err = make_fifo(container, mode, options.resources)
  if not fifo then
    return nil, err
  end
  local started
  started, err = launch_in_cgroups(container, options, function()
    return planner.start(config, process, facts)
  end, planner.clone_flags(spaces))
  close_handles(fifo)
  if not started and mode == "start" then
    container.store:remove_fifo()
  end
  return started, err
end

local function start_init(container, process, mode, facts, spaces)
  -- On v2 a process is cloned into its cgroup, which has to be there: the others are made while
  -- the bootstrap works.
  facts.joins_late = container.cgroup:joins_by_file()
    and planner.may_join_late(container.configuration)
  local created, err = record.intend(container)
  if created and not facts.joins_late then
    created, err = container.cgroup:create()
  end
  if not created then
    record.forget_init(container)
    return nil, err
  end
  local started, problem = with_streams(process, facts, function(streams, console)
    return launch_init(container, process, mode, facts, spaces, streams, console)
  end)
  if not started then
    record.forget_init(container)
    container.cgroup:destroy()
    return nil, problem
  end
  return started
end

-- Where the container shares a pid namespace, the kernel ends nobody with its first process.
local function end_with_init(container, spaces)
  if spaces.new.NEWPID then
    return nil
  end
  return function()
    container.cgroup:signal(SIGKILL)
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

local function first_process(container, object, process, mode)
  local spaces = planner.namespaces(container.configuration)
  local facts = base_facts(container, process, spaces)
  local ok, err = look_up_user(container, process, facts, function()
    return core.fd.open(container.configuration.rootfs, ROOT)
  end)
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

local function exec_options(container, process, facts, spaces, init, streams, console)
  return {
    host = container.host, factory = container.factory, config = container.configuration,
    process = process, facts = facts, spaces = spaces, mode = "exec", streams = streams,
    resources = { ["@console"] = console.socket, ["@init"] = init },
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
  return with_streams(process, facts, function(streams, console)
    local options = exec_options(container, process, facts, spaces, init, streams, console)
    return launch_in_cgroups(container, options, function()
      return planner.exec(container.configuration, process, facts)
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
  local ok, problem = look_up_user(container, process, facts, function()
    return core.fd.open(("/proc/%d/root"):format(container.init_pid),
      { flags = { "path", "directory" } })
  end)
  local started
  if ok then
    started, problem = launch_further(container, process, facts, spaces, init)
  end
  init:close()
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
  process, err = parse_process(container, object)
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
    table.insert(others, object)
  end
  return true
end

return M
