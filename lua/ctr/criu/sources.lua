--- Where the outer mounts of a checkpoint come from when it is restored: each is opened as a start
-- would open it, and stands in a folder of CRIU's own mount namespace, with the attributes that it
-- had. (Of several that show one file system, CRIU sets the attributes of the first alone.)
-- @module ctr.criu.sources

local bit = require("bit")
local attributes = require("ctr.plan.mount_attributes")
local core = require("ctr.core")
local errors = require("ctr.errors")
local launch_sources = require("ctr.launch.sources")
local mounts = require("ctr.criu.mounts")
local planner = require("ctr.plan")
local resources = require("ctr.resources")
local view = require("ctr.cgroup.view")

local M = {}

local ATTR = attributes.ATTR
local DIRECTORY_MODE, FILE_MODE = 493, 420 -- 0755, 0644

local WORDS = {
  ro = ATTR.RDONLY, nosuid = ATTR.NOSUID, nodev = ATTR.NODEV, noexec = ATTR.NOEXEC,
  noatime = ATTR.NOATIME, nodiratime = ATTR.NODIRATIME, nosymfollow = ATTR.NOSYMFOLLOW,
}

--- The attributes that make a mount what mountinfo says of it.
-- @tparam ?string options "rw,nosuid,relatime"
-- @treturn number to set
-- @treturn number to clear
function M.attributes(options)
  if not options then
    return 0, 0
  end
  local set, is_relative = 0, false
  for word in options:gmatch("[^,]+") do
    set = bit.bor(set, WORDS[word] or 0)
    is_relative = is_relative or word == "relatime"
  end
  if not is_relative and bit.band(set, ATTR.NOATIME) == 0 then
    set = bit.bor(set, ATTR.STRICTATIME)
  end
  local all = bit.bor(ATTR.RDONLY, ATTR.NOSUID, ATTR.NODEV, ATTR.NOEXEC, ATTR.NODIRATIME,
    ATTR.NOSYMFOLLOW)
  return set, bit.bor(bit.band(all, bit.bnot(set)), ATTR.ATIME)
end

local WANTED = {
  bind = "a bind mount on %s", fs = "a file system on %s", cgroup = "a cgroup mount on %s",
  device = "the device %s", null = "the masked path %s",
}

local function missing(what)
  local text = (WANTED[what.kind] or "a mount on %s"):format(what.destination .. what.below)
  return nil, errors.new("ConfigInvalid", ("the checkpoint needs %s, which the configuration does "
    .. "not have"):format(text), { path = what.kind == "device" and "devices" or "mounts" })
end

local openers = {}

function openers.bind(session, what)
  local index = mounts.find(session.config, what)
  if not index then
    return missing(what)
  end
  return launch_sources.bind(session, index)
end

function openers.fs(session, what)
  local index = mounts.find(session.config, what)
  if not index then
    return missing(what)
  end
  return launch_sources.file_system(session, index)
end

function openers.cgroup(session, what)
  local index = mounts.find(session.config, what)
  if not index then
    return missing(what)
  end
  local seen, err = view.of(session.container.cgroup, session.config.mounts[index].device)
  if not seen then
    return nil, errors.with_path(err, ("mounts[%d]"):format(index))
  end
  for _, entry in ipairs(seen) do
    if what.below == (seen.is_tree and "" or "/" .. entry.name) then
      local dir, problem = entry.open()
      if not dir then
        return nil, problem
      end
      local handle
      handle, problem = core.mount.clone("", { dir = dir, propagation = "private" })
      dir:close()
      return handle, problem
    end
  end
  return missing(what)
end

function openers.device(session, what)
  for index, device in ipairs(session.config.devices) do
    if device.path == what.destination then
      return (resources.open(session, "@device:" .. index))
    end
  end
  return missing(what)
end

function openers.null(session)
  return (resources.open(session, "@null"))
end

local function is_whole_bind(what)
  return what.kind == "bind" and what.below == ""
end

local function bind_on(entries, destination)
  for _, entry in ipairs(entries) do
    if is_whole_bind(entry.what) and entry.what.destination == destination then
      return entry
    end
  end
  return nil
end

-- What lies below a bind comes with that.
local function place_of_bind(entries, what)
  local bind = bind_on(entries, what.destination)
  return bind and bind.place .. what.below
end

local function add(found, session, what)
  local place = what.kind == "bind" and what.below ~= "" and place_of_bind(found, what)
  if place then
    found.pairs[#found.pairs + 1] = { key = what.key, place = place }
    return true
  end
  local open = openers[what.kind] or missing
  local handle, err = open(session, what)
  if not handle then
    return nil, err
  end
  local set, clear = M.attributes(what.options)
  local entry = { what = what, handle = handle, set = set, clear = clear,
    place = "/" .. #found + 1 }
  found[#found + 1] = entry
  found.pairs[#found.pairs + 1] = { key = what.key, place = entry.place }
  return true
end

--- Opens what the outer mounts come from.
-- @tparam ctr.Container container with its cgroups
-- @tparam {table,…} list as `ctr.criu.mounts` made it
-- @treturn[1] {table,…} `handle`, `set` and `clear` (attributes), `place` (a path in the folder
-- that they are put in); `pairs`: `key` and `place` of all, those too that come along
-- @return[2] nil
-- @treturn[2] ctr.Error what the configuration lacks, or the host
function M.open(container, list)
  local session = { container = container, config = container.configuration,
    host = container.host, factory = container.factory,
    spaces = planner.namespaces(container.configuration) }
  local found, seen = { pairs = {} }, {}
  for _, what in ipairs(list) do
    if not seen[what.key] then
      seen[what.key] = true
      local ok, err = add(found, session, what)
      if not ok then
        M.close(found)
        return nil, err
      end
    end
  end
  return found
end

--- Closes what `open` opened.
function M.close(found)
  for _, entry in ipairs(found) do
    entry.handle:close()
  end
end

-- The innermost mount that a path lies below.
local function mount_above(config, path)
  local found
  for _, mount in ipairs(config.mounts) do
    local prefix = mount.destination .. "/"
    if path:sub(1, #prefix) == prefix
      and (not found or #mount.destination >= #found.destination) then
      found = mount
    end
  end
  return found
end

-- What a place is to be in, and its path there: the root, or what a bind shows. Other file systems
-- have theirs in the images.
local function home_of(config, root, found, path)
  local mount = mount_above(config, path)
  if not mount then
    return root, path
  end
  local bind = bind_on(found, mount.destination)
  if not bind then
    return nil
  end
  return bind.handle, path:sub(#mount.destination + 1)
end

local function make_point(root, path, kind)
  local prefix = ""
  for name in path:gmatch("[^/]+") do
    local is_last = prefix .. "/" .. name == path
    prefix = prefix .. "/" .. name
    if not is_last or kind == "directory" then
      core.path.mkdir(root, prefix, DIRECTORY_MODE)
    else
      local file = core.path.open(root, prefix,
        { flags = { "wronly", "creat", "excl", "nofollow" }, mode = FILE_MODE })
      if file then
        file:close()
      end
    end
  end
end

--- Makes the places that something is mounted on, in the root and in what is bound there, where
-- they are missing: these may be others than those of the checkpoint. What cannot be made is CRIU's
-- to complain of.
-- @tparam table config
-- @tparam {table,…} found of `open`
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.make_points(config, found)
  local root, err = core.path.open_root(config.rootfs)
  if not root then
    return nil, errors.with_path(err, "rootfs")
  end
  local function make(path, kind)
    local home, below = home_of(config, root, found, path)
    if home then
      make_point(home, below, kind)
    end
  end
  for _, mount in ipairs(config.mounts) do
    if mount.device ~= "bind" then
      make(mount.destination, "directory")
    end
  end
  for _, entry in ipairs(found) do
    local path = entry.what.mountpoint
    if path and path ~= "" then
      make(path, core.fd.type(entry.handle))
    end
  end
  root:close()
  return true
end

return M
