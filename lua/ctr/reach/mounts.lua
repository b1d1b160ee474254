--- Mounts in a container that runs.
--
-- What is mounted is made on the host as at a start (`ctr.launch.sources`): a clone, a file system,
-- with its attributes, detached. The bootstrap enters the container's mount namespace (and the user
-- namespace that owns it) with a plan of one mount, looks the place up by a descriptor of the root,
-- attaches by descriptor, looks again, and tells the mount's id. That is recorded: what is taken
-- away later is the mount of that id, and no other.
-- @module ctr.reach.mounts

local bit = require("bit")
local attributes = require("ctr.plan.mount_attributes")
local core = require("ctr.core")
local errors = require("ctr.errors")
local launch = require("ctr.launch")
local mount_rules = require("ctr.config.mount")
local mount_shape = require("ctr.config.schema.mount")
local plan_mounts = require("ctr.plan.mounts")
local planner = require("ctr.plan")
local probe = require("ctr.probe")
local record = require("ctr.record")
local rules = require("ctr.config.rules.mounts")
local shape = require("ctr.config.shape")
local stream = require("ctr.stream")
local statuses = require("ctr.status")

local M = {}

local NONE = {}

-- What is known as mounts[1] on its way is the mount for whoever asked for it.
local function renamed(text)
  return (text:gsub("mounts%[1%]", "mount"))
end

local function worded(err)
  err.message = renamed(tostring(err))
  err.path = err.path and renamed(err.path)
  return err
end

local function words_of(opts)
  local words = {}
  for _, word in ipairs(type(opts) == "table" and opts or { opts }) do
    for part in tostring(word):gmatch("[^,]+") do
      words[#words + 1] = part
    end
  end
  return words
end

-- A mount as the configuration has it, of what was given in short.
local function given_mount(source, target, opts)
  local mount = {}
  if type(opts) == "table" and opts[1] == nil then
    for key, value in pairs(opts) do
      mount[key] = value
    end
  else
    mount.flags = words_of(opts)
  end
  mount.source, mount.destination = source, target
  mount.device = mount.device or "bind"
  if mount.device == "bind" and (mount.flags == nil or type(mount.flags) == "table") then
    mount.flags = { "rbind", unpack(mount.flags or NONE) }
  end
  return mount
end

local REFUSED_FLAGS = bit.bor(attributes.MS.REMOUNT, attributes.MS.MOVE or 0)

local function refusal_of(mount)
  if #mount.premount_cmds + #mount.postmount_cmds > 0 then
    return "premount_cmds", "and postmount_cmds are for mounts of the configuration"
  elseif mount_rules.is_cgroup(mount) then
    return "device", "must not be cgroup: these are shown from the start or not at all"
  elseif mount.extensions ~= 0 then
    return "extensions", "is for mounts of the configuration"
  elseif mount.relabel then
    return "relabel", "is for mounts of the configuration"
  elseif bit.band(mount.flags, REFUSED_FLAGS) ~= 0 then
    return "flags", "must not have remount: unmount it, and mount it anew"
  end
  return nil
end

local function has_namespaces(config)
  local has = {}
  for _, namespace in ipairs(config.namespaces) do
    has[namespace.type] = namespace
  end
  return has
end

-- The configuration with the one mount in place of its own.
local function config_with(container, mount)
  return setmetatable({ mounts = { mount } }, { __index = container.configuration })
end

local function parse(container, source, target, opts)
  local parsed, err = shape.parse(shape.record({ mount = mount_shape.mount }),
    { mount = given_mount(source, target, opts) })
  if not parsed then
    return nil, err
  end
  local mount = parsed.mount
  local key, text = refusal_of(mount)
  if key then
    return nil, errors.invalid({ { path = "mount." .. key, text = text } })
  end
  local problems, config = {}, config_with(container, mount)
  rules.check(problems, config, has_namespaces(container.configuration))
  rules.check_machine(problems, config, probe.functions(container.host))
  for _, problem in ipairs(problems) do
    problem.path = renamed(problem.path)
  end
  if #problems > 0 then
    return nil, errors.invalid(problems)
  end
  return mount
end

-- Without privilege nobody can clone what the host has mounted into another mount namespace.
local function check_possible(container, mount)
  local needs_host = mount.device == "bind"
    or plan_mounts.is_made_by_library(mount, false, false)
  if not needs_host or container.host:may_clone() then
    return true
  end
  return nil, errors.new("SystemError", ("without privilege a %s cannot be mounted into a "
    .. "container that runs: it has to be among its mounts from the start"):format(
    mount.device == "bind" and "bind" or mount.device), { errno = "EPERM", path = "mount.device" })
end

-- A plan of what enters the namespaces, does something, and leaves.
local function plan_of(spaces, facts, add_steps)
  local plan = {}
  local function add(op, nums, strings, path, label)
    plan[#plan + 1] = { op = op, nums = nums, strings = strings, path = path, label = label }
  end
  local into = planner.CLONE.NEWNS
  if spaces.user then
    into = bit.bor(into, planner.CLONE.NEWUSER)
  end
  add("join", { "@init", into }, NONE, "namespaces")
  if spaces.user then
    add("set_ids", { 0, 0, facts.can_setgroups and 1 or 0 }, NONE, "uid_mappings")
  end
  add_steps(add)
  add("leave", NONE, NONE)
  return plan
end

local function reap(started)
  core.proc.wait(started.pidfd, {})
  started.pidfd:close()
end

local function run_plan(container, config, add_steps, init)
  local common = require("ctr.start.common")
  local spaces = planner.namespaces(container.configuration)
  local facts = common.base_facts(container, NONE, spaces)
  local streams, err = stream.open({ extra_files = NONE })
  if not streams then
    return nil, err
  end
  local started
  started, err = launch.run({ host = container.host, factory = container.factory, config = config,
    facts = facts, spaces = spaces, mode = "exec", streams = streams,
    resources = { ["@init"] = init } }, plan_of(spaces, facts, add_steps), 0)
  streams:close()
  if not started then
    return nil, worded(err)
  end
  reap(started)
  return started
end

-- Enters the mount namespace of a container whose lock is held.
local function enter(container, config, add_steps)
  local status, err = statuses.of(container)
  if not status then
    return nil, err
  end
  if status == "stopped" then
    return nil, record.refusal(container, "ContainerNotRunning", "is not running: it is stopped")
  end
  local init
  init, err = statuses.open_init(container)
  if not init then
    return nil, err
  end
  local started, problem = run_plan(container, config, add_steps, init)
  init:close()
  return started, problem
end

local function find(container, destination)
  local list = container.live_mounts or NONE
  for index = #list, 1, -1 do
    if list[index].destination == destination then
      return index
    end
  end
  return nil
end

local function save(container)
  if container.live_mounts and #container.live_mounts == 0 then
    container.live_mounts = nil
  end
  return container.save_mounts and container:save_mounts() or record.save(container)
end

local function take_away(container, entry, lazy)
  return enter(container, container.configuration, function(add)
    add("unmount", { entry.id, lazy and 1 or 0 }, { entry.destination })
  end)
end

--- Mounts something in a container whose lock is held.
-- @tparam ctr.Container container
-- @param source, target, opts as `container:mount` has them
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.mount(container, source, target, opts)
  local mount, err = parse(container, source, target, opts)
  if not mount then
    return nil, err
  end
  local ok
  ok, err = check_possible(container, mount)
  if not ok then
    return nil, err
  end
  local config = config_with(container, mount)
  local started
  started, err = enter(container, config, function(add)
    plan_mounts.add_live(add, config, container.host:is_confined())
  end)
  if not started then
    return nil, err
  end
  local entry = { destination = mount.destination, source = mount.source, device = mount.device,
    id = started.mounted }
  container.live_mounts = container.live_mounts or {}
  table.insert(container.live_mounts, entry)
  ok, err = save(container)
  if not ok then
    table.remove(container.live_mounts)
    take_away(container, entry, true)
    return nil, err
  end
  return true
end

--- Takes away what `mount` has mounted, in a container whose lock is held.
-- @tparam ctr.Container container
-- @tparam string target
-- @tparam boolean lazy
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.unmount(container, target, lazy)
  local index = find(container, target)
  if not index then
    return nil, record.refusal(container, "SystemError", ("has nothing mounted at %s that was "
      .. "mounted there while it runs"):format(target), { errno = "EINVAL" })
  end
  local entry = container.live_mounts[index]
  local started, err = take_away(container, entry, lazy)
  -- Somebody in the container unmounted it, or moved it away: it is ours no longer.
  local is_gone = not started and (err.errno == "ESTALE" or err.errno == "ENOENT")
  if not started and not is_gone then
    return nil, err
  end
  table.remove(container.live_mounts, index)
  local ok, problem = save(container)
  if is_gone then
    return nil, err
  end
  return ok, problem
end

return M
