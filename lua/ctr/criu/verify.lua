--- What is restored is looked at before it runs: images may be anybody's, and say by themselves
-- what is mounted, who may do what, and in which namespaces. Nothing may have more than the
-- configuration gives it.
-- @module ctr.criu.verify

local bit = require("bit")
local attributes = require("ctr.plan.mount_attributes")
local core = require("ctr.core")
local errors = require("ctr.errors")
local idmap = require("ctr.idmap")
local mount_rules = require("ctr.config.mount")
local mounts = require("ctr.criu.mounts")
local planner = require("ctr.plan")

local M = {}

local FILE_MAX = 65536
local ROOT = "/root" -- where the container's root is shown to CRIU (`ctr.criu.launch`)
local NULL_MAJOR, NULL_MINOR = 1, 3
local FILTERED = "2" -- SECCOMP_MODE_FILTER

-- File systems that show nothing but what belongs to the container's namespaces, or is in them.
local HARMLESS = { tmpfs = true, devpts = true, mqueue = true, proc = true, sysfs = true }

-- These show the host's: they have to come from where the configuration says.
local SHOWN = { cgroup = true, cgroup2 = true, overlay = true }

local RESTRICTIONS = {
  { attributes.MS.RDONLY, "ro" }, { attributes.MS.NOSUID, "nosuid" },
  { attributes.MS.NODEV, "nodev" }, { attributes.MS.NOEXEC, "noexec" },
}

local function refuse(path, text)
  local detail = ("%s: %s"):format(path, text)
  local err = errors.new("SystemError", "the checkpoint was refused: " .. detail,
    { path = path, errno = "EPERM", op = "restore" })
  err.detail = detail
  return nil, err
end

local function has_word(row, word)
  return ("," .. row.options .. ","):find("," .. word .. ",", 1, true) ~= nil
end

-- The hierarchies of cgroup v1 lie in a memory file system of the container's own, which other
-- runtimes leave writable: it is they that may not be written to.
local function has_hierarchies(finder, there, mount, word)
  if not mount_rules.is_cgroup(mount) or not there or there.type ~= "tmpfs" then
    return false
  end
  local prefix = there.mountpoint .. "/"
  for _, row in pairs(finder.rows) do
    if row.mountpoint:sub(1, #prefix) == prefix and not has_word(row, word) then
      return false
    end
  end
  return true
end

local function check_flags(finder, mount, index)
  local path = ("mounts[%d]"):format(index)
  for _, row in ipairs(RESTRICTIONS) do
    if bit.band(mount.flags, row[1]) ~= 0 then
      local there = finder:under(mount.destination)
      if not (there and has_word(there, row[2])
        or has_hierarchies(finder, there, mount, row[2])) then
        return refuse(path, ("%s is not %s in it"):format(mount.destination, row[2]))
      end
    end
  end
  return true
end

-- The last of several on one place is what shows.
local function check_mounts(finder, config)
  local last = {}
  for index, mount in ipairs(config.mounts) do
    last[mount.destination] = index
  end
  for index, mount in ipairs(config.mounts) do
    if last[mount.destination] == index then
      local ok, err = check_flags(finder, mount, index)
      if not ok then
        return nil, err
      end
    end
  end
  if config.readonlyfs and not has_word(finder:under("/"), "ro") then
    return refuse("readonlyfs", "its root can be written")
  end
  return true
end

local function check_readonly(finder, config)
  for index, path in ipairs(config.readonly_paths) do
    local row = finder:under(path)
    if row and not has_word(row, "ro") then
      return refuse(("readonly_paths[%d]"):format(index), path .. " can be written in it")
    end
  end
  return true
end

local function is_masked(finder, path)
  local stat = core.path.stat(finder.root, path)
  if not stat then
    return true -- there is nothing to be seen
  elseif stat.type == "directory" then
    return finder:at(path) ~= nil and #(core.path.list(finder.root, path) or { "?" }) == 0
  end
  return stat.type == "char" and stat.rdev_major == NULL_MAJOR and stat.rdev_minor == NULL_MINOR
end

local function check_masks(finder, config)
  for index, path in ipairs(config.mask_paths) do
    if not is_masked(finder, path) then
      return refuse(("mask_paths[%d]"):format(index), path .. " can be seen in it")
    end
  end
  return true
end

local function is_below(path, above)
  return path == above or above == "/" or path:sub(1, #above + 1) == above .. "/"
end

-- Which of a source's restrictions a mount of it lacks.
local function lacking(row, flags)
  for _, restriction in ipairs(RESTRICTIONS) do
    if bit.band(flags, restriction[1]) ~= 0 and not has_word(row, restriction[2]) then
      return restriction[2]
    end
  end
  return nil
end

-- Whether a mount shows what the library itself has shown CRIU, or made for the configuration; and
-- what it is less restricted by, wherever it is, than each of these.
local function find_given(row, given)
  local is_given, word = false, nil
  for _, source in ipairs(given) do
    if row.device == source.device and is_below(row.root, source.root) then
      is_given, word = true, lacking(row, source.flags)
      if not word then
        return true
      end
    end
  end
  return is_given, word
end

local function configured_types(config)
  local types = {}
  for _, mount in ipairs(config.mounts) do
    if not SHOWN[mount.device] then
      types[mount.device] = true
    end
  end
  return types
end

local function check_types(finder, config, given)
  local types = configured_types(config)
  for _, row in pairs(finder.rows) do
    local is_given, word = find_given(row, given)
    if word then
      return refuse("mounts", ("%s is not %s in it, as its source is to be"):format(row.mountpoint,
        word))
    end
    if not (HARMLESS[row.type] or types[row.type] or is_given) then
      return refuse("mounts", ("%s on %s is none of the configuration's"):format(row.type,
        row.mountpoint))
    end
  end
  return true
end

-- How the configuration restricts what lies at a place of the folder: the mount itself, not those
-- that came along with it.
local function restrictions_of(config, sources, place)
  if place == ROOT then
    return config.readonlyfs and attributes.MS.RDONLY or 0
  end
  for _, source in ipairs(sources) do
    local what = source.what
    local index = source.place == place and what.below == "" and mounts.find(config, what)
    if index then
      return config.mounts[index].flags
    end
  end
  return 0
end

--- Notes what CRIU has been shown of the host, while it is there.
-- @tparam ctr.Container container
-- @tparam number pid of CRIU
-- @tparam string folder that the library has put all of it in
-- @tparam {table,…} sources (`ctr.criu.sources`)
-- @treturn table
function M.given(container, pid, folder, sources)
  local procfs = container.host:procfs()
  local text = core.path.read(procfs, pid .. "/mountinfo", mounts.LIST_MAX) or ""
  local given = {}
  for _, row in pairs(mounts.rows(text)) do
    local place = row.mountpoint:sub(1, #folder) == folder and row.mountpoint:sub(#folder + 1) or ""
    -- Its images, and where it works, are nothing of the container's.
    if is_below(place, ROOT) or place:find("^/%d") then
      given[#given + 1] = { device = row.device, root = row.root,
        flags = restrictions_of(container.configuration, sources, place) }
    end
  end
  return given
end

local function namespace_of(procfs, pid, kind)
  return core.path.readlink(procfs, ("%s/ns/%s"):format(pid, core.ns.files[kind]))
end

local function check_namespaces(procfs, pid, config)
  local spaces = planner.namespaces(config)
  for index, namespace in ipairs(config.namespaces) do
    local kind = namespace.type
    local path = ("namespaces[%d]"):format(index)
    if spaces.new[kind]
      and namespace_of(procfs, pid, kind) == namespace_of(procfs, "self", kind) then
      return refuse(path, ("process %d is in the host's"):format(pid))
    end
  end
  return true
end

local function check_maps(procfs, pid, config)
  if not planner.namespaces(config).new.NEWUSER then
    return true
  end
  local key = idmap.difference(procfs, pid, config)
  if key then
    return refuse(key, ("process %d has others"):format(pid))
  end
  return true
end

-- The sets of a process by procfs' names: hexadecimal masks.
local SETS = { { "CapPrm", "permitted" }, { "CapBnd", "bounding" } }

-- The number of the first bit of a mask that is not allowed.
local function first_beyond(mask, allowed)
  for number = 0, #mask * 4 - 1 do
    local at = #mask - math.floor(number / 4)
    local digit = tonumber(mask:sub(at, at), 16)
    if bit.band(digit, bit.lshift(1, number % 4)) ~= 0 and not allowed[number] then
      return number
    end
  end
  return nil
end

local function check_capabilities(status, pid, config)
  if not config.capabilities then
    return true
  end
  local allowed = {}
  for _, name in ipairs(config.capabilities.bounding) do
    allowed[core.caps.number(name)] = true
  end
  for _, set in ipairs(SETS) do
    local number = first_beyond(status:match("\n" .. set[1] .. ":%s*(%x+)") or "", allowed)
    if number then
      return refuse("capabilities." .. set[2], ("process %d has %s"):format(pid,
        core.caps.names[number + 1] or number))
    end
  end
  return true
end

local function check_privileges(status, pid, config)
  if config.no_new_privileges and status:match("\nNoNewPrivs:%s*(%d)") ~= "1" then
    return refuse("no_new_privileges", ("process %d may gain some"):format(pid))
  end
  if config.seccomp and status:match("\nSeccomp:%s*(%d)") ~= FILTERED then
    return refuse("seccomp", ("process %d has no filter"):format(pid))
  end
  return true
end

local function check_process(procfs, pid, config)
  local ok, err = check_namespaces(procfs, pid, config)
  if ok then
    ok, err = check_maps(procfs, pid, config)
  end
  local status = core.path.read(procfs, pid .. "/status", FILE_MAX) or ""
  if ok then
    ok, err = check_capabilities(status, pid, config)
  end
  if ok then
    ok, err = check_privileges(status, pid, config)
  end
  return ok, err
end

local function check_tree(container, pid, given)
  local finder, err = mounts.finder(container.host, pid)
  if not finder then
    return nil, err
  end
  local config, ok = container.configuration, true
  for _, check in ipairs({ check_mounts, check_readonly, check_masks, check_types }) do
    if ok then
      ok, err = check(finder, config, given)
    end
  end
  finder.root:close()
  return ok, err
end

--- Looks at one process: a restore refuses those that have more than the configuration gives.
-- @tparam ctr.Container container
-- @tparam number pid
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error whose path is what it has more than; `detail` says what
function M.process(container, pid)
  return check_process(container.host:procfs(), pid, container.configuration)
end

--- Looks at what was restored, while it stands still.
-- @tparam ctr.Container container
-- @tparam number pid of its first process
-- @tparam {number,…} pids of all its processes
-- @tparam table given as `given` returned it
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error whose path is what it has more than
function M.check(container, pid, pids, given)
  local ok, err = check_tree(container, pid, given)
  local procfs = container.host:procfs()
  for _, other in ipairs(pids) do
    if ok then
      ok, err = check_process(procfs, other, container.configuration)
    end
  end
  return ok, err
end

return M
