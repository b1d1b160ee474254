--- What a plan names of the host (`@rootfs`, `@mount:3`, `@ns:NEWNET`, …), and how it is opened.
-- @module ctr.resources

local core = require("ctr.core")
local errors = require("ctr.errors")
local planner = require("ctr.plan")
local sources = require("ctr.launch.sources")

local M = {}

local openers = {}

function openers.procfs(session)
  return session.host:procfs()
end

function openers.lean(session)
  return session.host:lean()
end

function openers.lean_proc(session)
  return session.host:lean_proc()
end

function openers.none()
  return core.wire.NONE
end

-- That its path has no link in it was found out at creation: one that took its place since then
-- would lead to whatever it says.
function openers.rootfs(session)
  local path = session.config.rootfs
  local root, err = core.fd.open(path, { flags = { "path", "directory", "nofollow" } })
  if not root then
    return nil, err
  end
  local tree, problem = core.mount.clone("",
    { dir = root, recursive = true, propagation = planner.tree_propagation(session.config) })
  root:close()
  return tree, problem
end

openers.mount = sources.bind
openers.mapping = sources.mapping
openers.fs = sources.file_system
openers.cgroup_view = sources.cgroup

-- A device of the host's is bound alone: what is mounted over it in the container must not be over
-- the host's.
local function clone_device(path)
  return core.mount.clone(path, { propagation = "private" })
end

local KINDS = { c = "char", u = "char", b = "block" }

function openers.device(session, index)
  local device = session.config.devices[index]
  local handle, err = clone_device(device.path)
  if not handle then
    return nil, err
  end
  local stat = core.path.stat(handle, "")
  if not stat or stat.type ~= KINDS[device.type] or stat.rdev_major ~= device.major
    or stat.rdev_minor ~= device.minor then
    handle:close()
    return nil, errors.new("SystemError", ("the host's %s is not the device %s %d:%d"):format(
      device.path, device.type, device.major, device.minor))
  end
  return handle
end

function openers.null()
  return clone_device("/dev/null")
end

function openers.hook_program(session, index)
  return core.fd.open(session.config.hooks.createContainer[index].path, { flags = { "path" } })
end

function openers.seccomp(session)
  local program, err = require("ctr.seccomp").program(session.factory, session.config.seccomp)
  if not program then
    return nil, err
  end
  return core.fd.memfd("seccomp", program)
end

function openers.ns(session, kind)
  local path = session.spaces.joined[kind].path
  local handle, found = core.ns.open(path)
  if not handle then
    return nil, found
  end
  if found ~= kind then
    handle:close()
    return nil, errors.new("SystemError", ("%s is a namespace of type %s, not %s"):format(path,
      found, kind))
  end
  return handle
end

-- The host keeps what serves every start. What only some openers keep they tell by a false.
local SHARED = { procfs = true, lean = true, lean_proc = true, none = true }

--- Opens what a name stands for.
-- @tparam table session `host`, `config`, `spaces`
-- @tparam string name
-- @treturn[1] ctr.fd
-- @treturn[1] boolean whether the caller has to close it
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.open(session, name)
  local kind, argument = name:match("^@([%l_]+):?(.*)$")
  local handle, found = openers[kind](session, tonumber(argument) or argument)
  if not handle then
    return nil, found
  end
  return handle, not SHARED[kind] and found ~= false
end

return M
