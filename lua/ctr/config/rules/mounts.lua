--- Rules on mounts that look beyond one mount. What a mount may be by itself is in
-- `ctr.config.mount`.
-- @module ctr.config.rules.mounts

local bit = require("bit")

local ids = require("ctr.config.rules.ids")
local mount_rules = require("ctr.config.mount")
local words = require("ctr.config.words")

local M = {}

local MS = words.ms
-- What a remount changes is a file system's own.
local SUPERBLOCK = MS.MS_SYNCHRONOUS + MS.MS_DIRSYNC + MS.MS_MANDLOCK + MS.MS_LAZYTIME
  + MS.MS_POSIXACL + MS.MS_I_VERSION

local function add(problems, index, key, text)
  problems[#problems + 1] = { path = ("mounts[%d].%s"):format(index, key), text = text }
end

local function has_flag(flags, flag)
  return bit.band(flags, flag) ~= 0
end

local function check_id_mapping(problems, mount, index, has)
  local mapping = mount.id_mapping
  if not mapping then
    return
  end
  local path = ("mounts[%d].id_mapping."):format(index)
  ids.check_overlaps(problems, mapping.uid_mappings, path .. "uid_mappings")
  ids.check_overlaps(problems, mapping.gid_mappings, path .. "gid_mappings")
  if #mapping.uid_mappings == 0 and mapping.userns_path == "" and not has.NEWUSER then
    add(problems, index, "id_mapping", "needs uid_mappings and gid_mappings, a userns_path, or the "
      .. "namespace NEWUSER")
  end
end

-- Each mount of these has a superblock of its own. Those of the others are the machine's, or a
-- namespace's.
local OWN_SUPERBLOCK = {
  tmpfs = true, ramfs = true, devpts = true, overlay = true, hugetlbfs = true, bpf = true,
}
local OF_NAMESPACE = { proc = "NEWPID", mqueue = "NEWIPC" }

local function is_own(mount, has)
  local namespace = has[OF_NAMESPACE[mount.device] or ""]
  return OWN_SUPERBLOCK[mount.device] or (namespace and namespace.path == "")
end

local function mounted_before(config, index)
  for earlier = index - 1, 1, -1 do
    local mount = config.mounts[earlier]
    if mount.destination == config.mounts[index].destination
      and not has_flag(mount.flags, MS.MS_REMOUNT) then
      return mount
    end
  end
  return nil
end

-- What is the file system's is changed for all who have it mounted: nobody else may.
local function check_remount(problems, config, index, has)
  local mount = config.mounts[index]
  local changed = bit.bor(mount.flags, mount.cleared_flags)
  local key = mount.data ~= "" and "data" or has_flag(changed, SUPERBLOCK) and "flags"
  if not key or mount.device == "bind" or not has_flag(mount.flags, MS.MS_REMOUNT) then
    return
  end
  local before = mounted_before(config, index)
  if not before then
    add(problems, index, key, "changes a file system: one that is mounted there before by mounts")
  elseif not is_own(before, has) then
    add(problems, index, key, ("changes a file system that others have, too: a remount of %s "
      .. "changes attributes of the mount alone"):format(before.device))
  end
end

--- Finds what does not go together.
-- @tparam table problems
-- @tparam table config
-- @tparam table has namespaces by type
function M.check(problems, config, has)
  for index, mount in ipairs(config.mounts) do
    local ok, text, key = mount_rules.check_destination(mount)
    if not ok then
      add(problems, index, key, text)
    end
    check_id_mapping(problems, mount, index, has)
    check_remount(problems, config, index, has)
  end
end

-- CVE-2023-25809: without a cgroup namespace the cgroups are those of the caller's session.
local function check_rootless(problems, mount, index, has_cgroup)
  if mount.id_mapping then
    add(problems, index, "id_mapping", "needs privilege")
  end
  if mount_rules.is_cgroup(mount) and has_flag(mount.cleared_flags, MS.MS_RDONLY)
    and not has_cgroup then
    add(problems, index, "flags", "must not have rw without privilege and the namespace NEWCGROUP")
  end
end

local function has_new(config, kind)
  for _, namespace in ipairs(config.namespaces) do
    if namespace.type == kind then
      return namespace.path == ""
    end
  end
  return false
end

--- Finds what this machine cannot do.
-- @tparam table problems
-- @tparam table config
-- @tparam table probe `mandatory_locks()`
function M.check_machine(problems, config, probe)
  for index, mount in ipairs(config.mounts) do
    if config.rootless_euid then
      check_rootless(problems, mount, index, has_new(config, "NEWCGROUP"))
    end
    if has_flag(mount.flags, MS.MS_MANDLOCK) and not probe.mandatory_locks() then
      add(problems, index, "flags",
        "must not have mand: this kernel has no mandatory locks (they went with Linux 5.15)")
    end
  end
end

return M
