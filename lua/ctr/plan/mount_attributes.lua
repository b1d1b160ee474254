--- Attributes of mounts: the flags of mount(2) as mount_setattr(2) has them.
-- @module ctr.plan.mount_attributes

local bit = require("bit")

local M = {}

local MS = {
  RDONLY = 0x1, NOSUID = 0x2, NODEV = 0x4, NOEXEC = 0x8, SYNCHRONOUS = 0x10, REMOUNT = 0x20,
  MANDLOCK = 0x40, DIRSYNC = 0x80, NOSYMFOLLOW = 0x100, NOATIME = 0x400, NODIRATIME = 0x800,
  BIND = 0x1000, REC = 0x4000, UNBINDABLE = 0x20000, PRIVATE = 0x40000, SLAVE = 0x80000,
  SHARED = 0x100000, RELATIME = 0x200000, STRICTATIME = 0x1000000, LAZYTIME = 0x2000000,
  POSIXACL = 0x10000, I_VERSION = 0x800000,
}
M.MS = MS

local ATTR = {
  RDONLY = 0x1, NOSUID = 0x2, NODEV = 0x4, NOEXEC = 0x8, ATIME = 0x70, NOATIME = 0x10,
  STRICTATIME = 0x20, NODIRATIME = 0x80, NOSYMFOLLOW = 0x200000,
}
M.ATTR = ATTR

-- What mount_setattr(2) and fsmount(2) know, in the order in which it is printed.
local PLAIN_ATTRS = {
  { MS.RDONLY, ATTR.RDONLY, "ro" },
  { MS.NOSUID, ATTR.NOSUID, "nosuid" },
  { MS.NODEV, ATTR.NODEV, "nodev" },
  { MS.NOEXEC, ATTR.NOEXEC, "noexec" },
  { MS.NODIRATIME, ATTR.NODIRATIME, "nodiratime" },
  { MS.NOSYMFOLLOW, ATTR.NOSYMFOLLOW, "nosymfollow" },
}

local function has(flags, flag)
  return bit.band(flags, flag) ~= 0
end

local function atime_attr(flags)
  if has(flags, MS.NOATIME) then
    return ATTR.NOATIME
  end
  if has(flags, MS.STRICTATIME) then
    return ATTR.STRICTATIME
  end
  return 0
end

--- Translates MS_* flags to the MOUNT_ATTR_* to set.
-- @tparam number flags
-- @treturn number
function M.attributes(flags)
  if flags == 0 then
    return 0
  end
  local set = atime_attr(flags)
  for _, row in ipairs(PLAIN_ATTRS) do
    if has(flags, row[1]) then
      set = bit.bor(set, row[2])
    end
  end
  return set
end

--- Translates MS_* flags to the MOUNT_ATTR_* to clear.
-- @tparam number flags what is set
-- @tparam number cleared
-- @treturn number
function M.cleared(flags, cleared)
  local clear = 0
  for _, row in ipairs(PLAIN_ATTRS) do
    if has(cleared, row[1]) then
      clear = bit.bor(clear, row[2])
    end
  end
  -- The atime modes are one field of the kernel's: a new one needs the old one cleared.
  if has(bit.bor(flags, cleared), bit.bor(MS.NOATIME, MS.RELATIME, MS.STRICTATIME)) then
    clear = bit.bor(clear, ATTR.ATIME)
  end
  return clear
end

--- Leaves out what recursive attributes decide: they are applied to the whole tree.
-- @tparam number set MOUNT_ATTR_*
-- @tparam number clear
-- @tparam ?table recursive `attr_set`, `attr_clr`
-- @treturn number set
-- @treturn number clear
function M.without(set, clear, recursive)
  if not recursive then
    return set, clear
  end
  local decided = bit.bnot(bit.bor(recursive.attr_set, recursive.attr_clr))
  return bit.band(set, decided), bit.band(clear, decided)
end

--- The attributes of a file system that is made new.
-- @tparam table mount
-- @treturn number MOUNT_ATTR_*
function M.of_new(mount)
  local set = M.attributes(mount.flags)
  local recursive = mount.rec_attr
  if not recursive then
    return set
  end
  return bit.bor(bit.band(set, bit.bnot(recursive.attr_clr)), recursive.attr_set)
end

--- Words of a set of MOUNT_ATTR_*, for people.
function M.words(set)
  local words = {}
  for _, row in ipairs(PLAIN_ATTRS) do
    if has(set, row[2]) then
      words[#words + 1] = row[3]
    end
  end
  if has(set, ATTR.NOATIME) then
    words[#words + 1] = "noatime"
  end
  if has(set, ATTR.STRICTATIME) then
    words[#words + 1] = "strictatime"
  end
  return table.concat(words, ",")
end

--- Words of propagation flags, for people.
function M.propagation_words(flags)
  local prefix = has(flags, MS.REC) and "r" or ""
  for name, flag in pairs({ shared = MS.SHARED, private = MS.PRIVATE, slave = MS.SLAVE,
    unbindable = MS.UNBINDABLE }) do
    if has(flags, flag) then
      return prefix .. name
    end
  end
  return "unchanged"
end

return M
