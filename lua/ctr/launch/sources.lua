--- What the library makes of a mount before it is attached: clones of host paths, file systems that
-- need the host's view, the container's cgroups; with their owners mapped where that is asked for.
-- @module ctr.launch.sources

local bit = require("bit")
local attributes = require("ctr.plan.mount_attributes")
local core = require("ctr.core")
local errors = require("ctr.errors")
local mounts = require("ctr.plan.mounts")
local planner = require("ctr.plan")
local userns = require("ctr.launch.userns")

local M = {}

local MS_REC, MS_SLAVE, MS_SHARED = attributes.MS.REC, mounts.MS.SLAVE, mounts.MS.SHARED

-- A recursive propagation of the root reaches every mount below it, so the clones of host mounts as
-- well: without it, a bind keeps its own. But in a user namespace none is in the host's group: what
-- its root mounts must not appear on the host (mount_namespaces(7)). The kernel sees to that only
-- where mounts are copied with their namespace.
local function propagation_of(config)
  local propagation = planner.propagation_of(config)
  local inherits = bit.band(propagation, MS_REC) ~= 0
  local given = inherits and bit.band(propagation, bit.bnot(MS_REC)) or nil
  if (not given or given == MS_SHARED) and planner.namespaces(config).user then
    return MS_SLAVE
  end
  return given
end

local function invalid(index, key, text, errno)
  local path = ("mounts[%d].%s"):format(index, key)
  return errors.new("ConfigInvalid", path .. " " .. text, { path = path, errno = errno })
end

--- Makes the error for a bind mount without a source.
-- @tparam number index the mount's
-- @tparam string source
-- @treturn ctr.Error `ConfigInvalid`
function M.missing(index, source)
  return invalid(index, "source", "does not exist: " .. source, "ENOENT")
end

local function mount_of(path)
  local handle = core.fd.open(path, { flags = { "path" } })
  local id = handle and core.mount.id(handle)
  if handle then
    handle:close()
  end
  return id
end

-- Where the mount says nothing else, a bind of what lies on the root's own mount is private, as it
-- is to runc, which makes that mount private before it binds any of it, whatever the root is to be.
-- Else what the container mounts there might appear on the host; and CRIU restores no two of a
-- group that show different parts of a mount.
local function isolate(session, handle, mount)
  if mount.device ~= "bind" or #mount.propagation_flags > 0 then
    return true
  end
  session.root_mount = session.root_mount or mount_of(session.config.rootfs)
  if mount_of(mount.source) ~= session.root_mount then
    return true
  end
  return core.mount.change(handle, { propagation = "private" })
end

local function clone(config, index)
  local mount = config.mounts[index]
  local recursive = mount.rec_attr
  local handle, err = core.mount.clone(mount.source, {
    recursive = bit.band(mount.flags, MS_REC) ~= 0,
    propagation = propagation_of(config),
    set = recursive and recursive.attr_set or nil,
    clear = recursive and recursive.attr_clr or nil,
  })
  if not handle and err.errno == "ENOENT" then
    return nil, M.missing(index, mount.source)
  end
  return handle, err
end

-- Over /proc comes a procfs, or the container's processes would be shown what somebody wrote.
local function check_proc(handle, index, mount)
  if mount.destination == "/proc" and core.path.fs_type(handle, "") ~= "proc" then
    return nil, invalid(index, "source", "must be a procfs on /proc: " .. mount.source)
  end
  return true
end

local function explain_mapping(err, handle, index, what)
  local path = ("mounts[%d].id_mapping"):format(index)
  if err.errno ~= "EINVAL" then
    return errors.with_path(err, path)
  end
  local kind = core.path.fs_type(handle, "") or "unknown"
  if type(kind) == "number" then
    kind = ("type %#x"):format(kind)
  end
  return errors.new("SystemError", ("%s: %s (%s) cannot be id-mapped: this kernel does not map "
    .. "owners there, or does so already"):format(path, what, kind),
    { path = path, errno = err.errno, op = err.op, target = what, cause = err })
end

--- Opens the user namespace that maps a mount's owners.
-- @tparam table session
-- @tparam number index the mount's
-- @treturn[1] ctr.fd
-- @treturn[1] boolean whether the caller has to close it
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.mapping(session, index)
  local space, owned = userns.of_mount(session, session.config.mounts[index].id_mapping)
  if not space then
    return nil, errors.with_path(owned, ("mounts[%d].id_mapping"):format(index))
  end
  return space, owned
end

local function map_owners(session, handle, index)
  local mount = session.config.mounts[index]
  local space, owned = M.mapping(session, index)
  if not space then
    return nil, owned
  end
  local ok, err = core.mount.change(handle, { userns = space,
    recursive = mount.id_mapping.recursive })
  if owned then
    space:close()
  end
  if not ok then
    return nil, explain_mapping(err, handle, index, mount.source)
  end
  return true
end

local function finish(session, handle, index)
  local mount = session.config.mounts[index]
  local ok, err = check_proc(handle, index, mount)
  if ok then
    ok, err = isolate(session, handle, mount)
  end
  if ok and mount.id_mapping then
    ok, err = map_owners(session, handle, index)
  end
  if not ok then
    handle:close()
    return nil, err
  end
  return handle
end

--- Clones the source of a bind mount.
-- @tparam table session
-- @tparam number index the mount's
-- @treturn[1] ctr.fd
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.bind(session, index)
  local handle, err = clone(session.config, index)
  if not handle then
    return nil, err
  end
  return finish(session, handle, index)
end

local function explain_making(err, mount, index)
  local is_path = mount.source:sub(1, 1) == "/"
  if err.errno == "ENOENT" and is_path and not core.path.realpath(mount.source) then
    return M.missing(index, mount.source)
  end
  return errors.wrap(err, "mount", ("%s on %s"):format(mount.device, mount.destination))
end

--- Makes a file system in the host's view.
function M.file_system(session, index)
  local mount = session.config.mounts[index]
  local set = bit.band(attributes.of_new(mount), bit.bnot(attributes.ATTR.RDONLY))
  local options = mounts.add_options(mount, {}, session.config.mount_label)
  local handle, err = core.mount.new(mount.device, mount.source, options, { set = set })
  if not handle then
    return nil, explain_making(err, mount, index)
  end
  return finish(session, handle, index)
end

--- Clones a directory of the container's cgroups.
-- @tparam table session
-- @tparam string argument "mount:entry"
function M.cgroup(session, argument)
  local index, number = argument:match("^(%d+):(%d+)$")
  local entry = session.facts.cgroup_views[tonumber(index)][tonumber(number)]
  local dir, err = entry.open()
  if not dir then
    return nil, err
  end
  local handle, problem = core.mount.clone("", { dir = dir, propagation = "private" })
  dir:close()
  return handle, problem
end

return M
