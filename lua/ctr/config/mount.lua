--- What the schema refers to for mounts: defaults and rules across a mount's fields.
-- Each takes a value and returns what to keep, or nil, a text and a key.
-- @module ctr.config.mount

local bit = require("bit")

local words = require("ctr.config.words")

local M = {}

local band, bnot, bor = bit.band, bit.bnot, bit.bor
local MS = words.ms
local ATIME = words.mount_attrs.MOUNT_ATTR__ATIME
local OPTION_MAX = 255
local NONE = {}

--- Says whether a mount shows cgroups.
function M.is_cgroup(mount)
  return mount.device == "cgroup" or mount.device == "cgroup2"
end

-- Whether flags, as they were written and still unchecked, ask for one of the kernel's.
local function asks_for(flags, flag)
  if type(flags) == "number" then
    return band(flags, flag) ~= 0
  end
  if type(flags) ~= "table" then
    flags = { flags }
  end
  for _, word in next, flags do
    local row = words.mount_flags[word]
    if row and row.set and band(row.set, flag) ~= 0 then
      return true
    end
  end
  return false
end

--- What a mount's device is when it was left out: a bind and a remount need none.
function M.default_device(record)
  local flags = rawget(record, "flags")
  if asks_for(flags, MS.MS_BIND) then
    return "bind"
  end
  return asks_for(flags, MS.MS_REMOUNT) and "" or nil
end

-- Mounting over procfs would let the container show its own /proc/self to the runtime.
local function check_destination(mount, set)
  local destination, device = mount.destination, mount.device
  if destination == "/" then
    return nil, "must not be / itself: that is the rootfs", "destination"
  end
  local is_remount = band(set, MS.MS_REMOUNT) ~= 0
  if destination == "/proc" and device ~= "proc" and device ~= "bind" and not is_remount then
    return nil, "must be proc or bind on /proc", "device"
  end
  local inside = destination:match("^/proc/(.*)$")
  if inside and not words.proc_mountpoints[inside] then
    return nil, "must not be inside /proc", "destination"
  end
  return true
end

--- Says what is wrong with where a mount goes.
-- @tparam table mount normalised
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] string
-- @treturn[2] string the key that is to blame
function M.check_destination(mount)
  return check_destination(mount, mount.flags)
end

local function check_source(mount, set)
  if mount.device ~= "bind" or band(set, MS.MS_REMOUNT) ~= 0 then
    return true
  end
  if mount.source:sub(1, 1) ~= "/" then
    return nil, "must be an absolute path for a bind mount", "source"
  end
  return true
end

-- What is a file system's own: a bind has its source's, and changes none of it.
local OF_FILE_SYSTEM = {
  { MS.MS_SYNCHRONOUS, "sync, async" },
  { MS.MS_DIRSYNC, "dirsync" },
  { MS.MS_MANDLOCK, "mand, nomand" },
  { MS.MS_POSIXACL, "acl, noacl" },
  { MS.MS_I_VERSION, "iversion, noiversion" },
  { MS.MS_LAZYTIME, "lazytime, nolazytime" },
}

local function check_bind_flags(mount, set, clear)
  if mount.device ~= "bind" then
    return true
  end
  for _, row in ipairs(OF_FILE_SYSTEM) do
    if band(bor(set, clear), row[1]) ~= 0 then
      return nil, ("must not have %s: that is the file system's, and a bind mount makes none")
        :format(row[2]), "flags"
    end
  end
  return true
end

-- A value of fsconfig(2) has at most 255 bytes; overlay's lowerdir is handed over layer by layer.
local function check_lengths(mount)
  if #mount.data < OPTION_MAX then
    return true
  end
  local options = require("ctr.config.mount_options")
  for _, option in ipairs(options.of(mount)) do
    if #option:gsub("^[^=]*=", "") > OPTION_MAX then
      return nil, ("has a value of more than %d bytes, which the kernel does not take: %s…")
        :format(OPTION_MAX, option:sub(1, 40)), "data"
    end
  end
  return true
end

-- What would have no effect is refused.
local function check_effect(mount, set)
  local is_remount = band(set, MS.MS_REMOUNT) ~= 0
  if mount.data ~= "" and mount.device == "bind" then
    return nil, ("must be empty for a %s, which makes no file system"):format(is_remount
      and "remount of a bind mount" or "bind mount"), "data"
  end
  if mount.data ~= "" and M.is_cgroup(mount) then
    return nil, "must be empty: a cgroup mount shows the container's own part of what is there",
      "data"
  end
  if band(mount.extensions, words.mount_extensions.EXT_COPYUP) ~= 0
    and (is_remount or mount.device ~= "tmpfs") then
    return nil, "must be empty: only a new tmpfs copies up", "extensions"
  end
  if mount.relabel and (is_remount or mount.device ~= "bind") then
    return nil, "must be empty: only the source of a bind mount is relabelled", "relabel"
  end
  return true
end

local UNMAPPED = {
  proc = true, sysfs = true, mqueue = true, devpts = true, cgroup = true, cgroup2 = true,
}

local function check_extras(mount, set)
  if mount.id_mapping and band(set, MS.MS_REMOUNT) ~= 0 then
    return nil, "must be given where the mount is made, not with a remount", "id_mapping"
  end
  if mount.id_mapping and (UNMAPPED[mount.device] or mount.device == "") then
    return nil, ("is not for %s: its files have no owners to map"):format(mount.device ~= ""
      and mount.device or "a change of propagation"), "id_mapping"
  end
  if mount.rec_attr and M.is_cgroup(mount) then
    return nil, "is not for a cgroup mount", "rec_attr"
  end
  return true
end

--- Accepts one propagation type or none.
function M.propagation_or_none(flags)
  if band(flags, flags - 1) ~= 0 then
    return nil, "must be one of private, slave, shared and unbindable"
  end
  return true
end

-- The access time modes are one field: who sets one clears the others.
local function set_attributes(attr, set)
  if band(set, ATIME) ~= 0 then
    attr.attr_set = band(attr.attr_set, bnot(ATIME))
    attr.attr_clr = bor(attr.attr_clr, ATIME)
  end
  attr.attr_set = bor(attr.attr_set, set)
  attr.attr_clr = band(attr.attr_clr, bnot(band(set, bnot(ATIME))))
end

local function clear_attributes(attr, clear)
  attr.attr_set = band(attr.attr_set, bnot(clear))
  attr.attr_clr = bor(attr.attr_clr, clear)
end

--- Settles recursive attributes: what is set wins over what is cleared, as the kernel has it.
function M.settle_attributes(attr)
  if band(attr.attr_set, ATIME) == ATIME then
    return nil, "must not have two access time modes", "attr_set"
  end
  if band(attr.attr_clr, ATIME) ~= 0 then
    attr.attr_clr = bor(attr.attr_clr, ATIME)
  end
  set_attributes(attr, attr.attr_set)
  return attr
end

--- Checks that ids come from one place.
function M.check_mappings(mapping)
  local users, groups = #mapping.uid_mappings > 0, #mapping.gid_mappings > 0
  if users ~= groups then
    return nil, "must not be empty: users and groups are mapped together",
      users and "gid_mappings" or "uid_mappings"
  end
  if users and mapping.userns_path ~= "" then
    return nil, "must not stand together with mappings", "userns_path"
  end
  return true
end

local function new_attributes()
  return { attr_set = 0, attr_clr = 0, propagation = 0, userns_fd = 0 }
end

local function add_id_mapping(mount, which)
  mount.id_mapping = mount.id_mapping or { recursive = false, userns_path = "", uid_mappings = {},
    gid_mappings = {} }
  if which == "all" then
    mount.id_mapping.recursive = true
  end
end

-- Words of `flags` that stand for other fields.
local function apply_words(mount, rows)
  for _, row in ipairs(rows or NONE) do
    if row.rec_set then
      mount.rec_attr = mount.rec_attr or new_attributes()
      set_attributes(mount.rec_attr, row.rec_set)
    elseif row.rec_clear then
      mount.rec_attr = mount.rec_attr or new_attributes()
      clear_attributes(mount.rec_attr, row.rec_clear)
    elseif row.id_mapping then
      add_id_mapping(mount, row.id_mapping)
    else
      mount.extensions = bor(mount.extensions, row.extension)
    end
  end
end

local function gather_propagation(mount)
  local list = mount.propagation_flags
  for _, propagation in ipairs(mount.flags.propagation) do
    list[#list + 1] = propagation
  end
  local attr = mount.rec_attr
  if attr and attr.propagation ~= 0 then
    list[#list + 1] = bor(attr.propagation, MS.MS_REC)
    attr.propagation = 0
  end
end

local RULES = {
  check_destination, check_source, check_bind_flags, check_effect, check_extras, check_lengths,
}

local function check(mount, set, clear)
  for _, rule in ipairs(RULES) do
    local ok, text, key = rule(mount, set, clear)
    if not ok then
      return nil, text, key
    end
  end
  return true
end

-- Cgroups are read-only unless they are asked to be more (CVE-2023-25809).
local function close_cgroups(mount, set, clear)
  if M.is_cgroup(mount) and band(set, MS.MS_REMOUNT) == 0 and band(clear, MS.MS_RDONLY) == 0 then
    return bor(set, MS.MS_RDONLY)
  end
  return set
end

--- Settles a mount: flags as numbers, `bind` as a device and as a flag.
function M.settle(mount)
  local set, clear = mount.flags.set, bor(mount.cleared_flags, mount.flags.clear)
  if band(set, MS.MS_BIND) ~= 0 then
    mount.device = "bind"
  elseif mount.device == "bind" then
    set = bor(set, MS.MS_BIND)
  end
  apply_words(mount, mount.flags.others)
  local ok, text, key = check(mount, set, clear)
  if not ok then
    return nil, text, key
  end
  gather_propagation(mount)
  mount.cleared_flags = clear
  mount.flags = close_cgroups(mount, set, clear)
  return mount
end

return M
