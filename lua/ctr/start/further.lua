--- How a process is added to a container that runs.
-- @module ctr.start.further

local common = require("ctr.start.common")
local bit = require("bit")
local core = require("ctr.core")
local planner = require("ctr.plan")
local statuses = require("ctr.status")

local M = {}

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
  return common.with_files(process, facts, function(streams, opened)
    local options = exec_options(container, process, facts, spaces, init, streams, opened)
    options.make_cgroups = common.late_cgroups(container, facts, process.sub_cgroup_paths)
    return common.launch_in_cgroups(container, options, function()
      return planner.exec(process.configuration, process, facts)
    end, 0)
  end)
end

--- Starts a process in a container that runs.
-- @tparam ctr.Container container
-- @tparam table process merged
-- @treturn[1] table what the object takes over
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.start(container, process)
  local init, err = statuses.open_init(container)
  if not init then
    return nil, err
  end
  local spaces = planner.namespaces(container.configuration)
  local facts = common.base_facts(container, process, spaces)
  facts.maps = spaces.user and #container.configuration.uid_mappings > 0
  facts.into = all_namespaces(container.configuration)
  facts.intel_rdt = container.rdt ~= nil and container.rdt.path ~= nil
  local ok, problem = common.look_up_user(container, process, facts, function()
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

return M
