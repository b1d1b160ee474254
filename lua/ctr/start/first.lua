--- How the first process of a container is started.
-- @module ctr.start.first

local common = require("ctr.start.common")
local core = require("ctr.core")
local errors = require("ctr.errors")
local networks = require("ctr.config.schema.network")
local planner = require("ctr.plan")
local record = require("ctr.record")
local view = require("ctr.cgroup.view")

local M = {}

local SIGKILL = 9
local ROOT = { flags = { "path", "directory", "nofollow" } }

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
    common.close_handles({ fifo, report })
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
    make_cgroups = common.late_cgroups(container, facts),
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
  started, err = common.launch_in_cgroups(container, options, function()
    return planner.start(config, process, facts)
  end, planner.clone_flags(spaces))
  common.close_handles(fifo)
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

-- A hook of a start that failed may have left somebody in a pid namespace that is shared.
local function end_left(container, spaces)
  if container.configuration.hooks and not spaces.new.NEWPID then
    container.cgroup:signal(SIGKILL)
  end
end

local function start_init(container, process, mode, facts, spaces)
  -- On v2 a process is cloned into its cgroup, which has to be there: the others are made while
  -- the bootstrap works.
  facts.joins_late = container.cgroup:joins_by_file()
    and planner.may_join_late(container.configuration)
  facts.joins_by_pid = container.cgroup:joins_by_pid()
  local created, err = common.make_ahead(container, function()
    return prepare_cgroups(container, facts, spaces)
  end)
  if not created then
    common.undo_ahead(container)
    return nil, err
  end
  local started, problem = common.with_files(process, facts, function(streams, opened)
    return launch_init(container, process, mode, facts, spaces, streams, opened)
  end)
  container.cgroup:settle()
  if started and mode == "run" and container.configuration.hooks then
    started, problem = hooks_of(container):after_start(started)
  end
  if not started then
    common.undo_ahead(container)
    end_left(container, spaces)
    container.cgroup:destroy()
    return nil, problem
  end
  return started
end

-- What binds show gets its label before anything of the container's is there.
local function relabel_sources(config)
  for _, mount in ipairs(config.mounts) do
    if mount.relabel then
      return require("ctr.labels").relabel(config)
    end
  end
  return true
end

--- Starts the first process.
-- @tparam ctr.Container container
-- @tparam ctr.Process object
-- @tparam table process merged
-- @tparam string mode "start" or "run"
-- @treturn[1] table what the object takes over
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.start(container, object, process, mode)
  local hooks = hooks_of(container)
  local present, absent = true, nil
  if hooks then
    present, absent = hooks:check_present(hooks.OF_START)
  end
  if not present then
    return nil, absent
  end
  local spaces = planner.namespaces(container.configuration)
  local facts = common.base_facts(container, process, spaces)
  local ok, err = common.look_up_user(container, process, facts, function()
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
  started.on_exit = common.end_with_init(container, spaces)
  container.init_process = object
  return started
end

return M
