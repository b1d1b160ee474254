--- What the starts of a first and of a further process share.
-- @module ctr.start.common

local account = require("ctr.launch.account")
local idmap = require("ctr.idmap")
local launch = require("ctr.launch")
local record = require("ctr.record")
local stream = require("ctr.stream")

local M = {}

local SIGKILL = 9

--- Makes what a first process needs on the host before it is there: all of it is recorded before it
-- is made.
-- @tparam ctr.Container container
-- @tparam func make_cgroups
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.make_ahead(container, make_cgroups)
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
    ok, err = make_cgroups()
  end
  return ok, err
end

--- Takes back what was made and recorded, but for the cgroups.
function M.undo_ahead(container)
  if container.rdt then
    container.rdt:undo()
  end
  record.forget_init(container)
end

--- What is to be done when the first process has ended. Where the container shares a pid namespace,
-- the kernel ends nobody with it.
function M.end_with_init(container, spaces)
  return function(result)
    container.cgroup:account(result, true)
    if not spaces.new.NEWPID then
      container.cgroup:signal(SIGKILL)
    end
  end
end

--- Looks up who the process runs as, in the root of now, or leaves that to the bootstrap.
function M.look_up_user(container, process, facts, open_root)
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

--- What both kinds of start tell the plan.
function M.base_facts(container, process, spaces)
  local config = container.configuration
  return {
    id = container.store.name,
    rootless = container.host:is_confined(),
    may_clone = spaces.user and container.host:may_clone() or false,
    maps = spaces.new.NEWUSER and true or false,
    can_setgroups = container.host:allows_setgroups()
      and not container.denies_setgroups
      and (not spaces.user or idmap.allows_setgroups(container.host, config)),
    terminal = process.terminal or process.console_socket ~= nil,
    hook_timeout = container.factory.hook_timeout,
    sends_pidfd = process.pidfd_socket ~= nil,
    starts_once = container.host.starts_once,
    cannot_pivot = config.no_pivot_root and not container.host:may_pivot(),
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

--- The streams and the sockets of a process; most have no sockets.
function M.with_files(process, facts, action)
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

--- Closes what was opened.
function M.close_handles(handles, directory)
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

--- What is to be done for the cgroups while the bootstrap waits; nil where it waits for nothing.
function M.late_cgroups(container, facts, below)
  if facts.joins_by_pid then
    return function(pid)
      return container.cgroup:join({ pid = pid, below = below })
    end
  end
  return facts.joins_late and function()
    return make_cgroups(container)
  end or nil
end

--- Launches a plan with what its process joins its cgroups by.
function M.launch_in_cgroups(container, options, make_plan, flags)
  if options.make_cgroups then
    return launch.run(options, make_plan(), flags)
  end
  local handles, directory = join_cgroups(container, options)
  if not handles then
    return nil, directory
  end
  options.cgroup_fd = directory
  options.cgroup_instead = options.mode == "exec" and not options.process.sub_cgroup_paths
    and function()
      return require("ctr.cgroup.below").of_process(container.cgroup, container.host:procfs(),
        container.init_pid)
    end
  local started, err = launch.run(options, make_plan(), flags)
  M.close_handles(handles, directory)
  return started, err
end

return M
