--- OCI's mounts as the configuration's. Pure.
-- @module ctr.oci.mounts

local words = require("ctr.config.words")

local M = {}

-- OCI's options, in a set of their own: the configuration has more words ("acl", MS_NOEXEC), which
-- are a file system's own options here.
local FLAGS = {}
for option in ([[
  async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev
  nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private
  rbind relatime remount ro rprivate rshared rslave runbindable rw shared silent slave strictatime
  suid symfollow sync unbindable
  ratime rdev rdiratime rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid
  rnosymfollow rrelatime rro rrw rstrictatime rsuid rsymfollow
  idmap ridmap tmpcopyup
]]):gmatch("%S+") do
  FLAGS[option] = true
end

--- The options that are not left to a file system, as a set.
M.flags = FLAGS

local MS = words.ms

-- What belongs to a file system, and so is nothing that a bind mount could change: the kernel
-- ignores it there.
local OF_FILE_SYSTEM = {}
for option in pairs(FLAGS) do
  local row = words.mount_flags[option]
  local flag = row.set or row.clear
  OF_FILE_SYSTEM[option] = flag == MS.MS_SYNCHRONOUS or flag == MS.MS_DIRSYNC
    or flag == MS.MS_MANDLOCK or flag == MS.MS_I_VERSION or flag == MS.MS_LAZYTIME or nil
end

local function is_bind(mount)
  if mount.type == "bind" then
    return true
  end
  for _, option in ipairs(mount.options or {}) do
    if option == "bind" or option == "rbind" then
      return true
    end
  end
  return false
end

-- Options as flags and as the file system's own.
local function sort_options(mount, binds, ignored)
  local flags, data = {}, {}
  for index, option in ipairs(mount.options or {}) do
    if binds and OF_FILE_SYSTEM[option] then
      ignored(("options[%d]"):format(index),
        "has no effect: it is the file system's, and a bind mount makes none")
    elseif FLAGS[option] then
      flags[#flags + 1] = option
    elseif option ~= "" then
      data[#data + 1] = option
    end
  end
  return flags, table.concat(data, ",")
end

--- Turns id mappings into the configuration's.
-- @tparam ?table list
-- @treturn ?table
function M.id_mappings(list)
  if not list then
    return nil
  end
  local mappings = {}
  for index, row in ipairs(list) do
    mappings[index] = { container_id = row.containerID, host_id = row.hostID, size = row.size }
  end
  return mappings
end

local function id_mapping(mount)
  if not mount.uidMappings and not mount.gidMappings then
    return nil
  end
  return {
    uid_mappings = M.id_mappings(mount.uidMappings),
    gid_mappings = M.id_mappings(mount.gidMappings),
  }
end

local function absolute(path, folder)
  if path:sub(1, 1) == "/" then
    return path
  end
  return folder .. "/" .. path
end

local CGROUPS = { cgroup = true, cgroup2 = true }
local SAYS_ACCESS = { ro = true, rro = true, rw = true, rrw = true }

-- The configuration's cgroups are read-only unless it says otherwise, the document's are as every
-- mount: engines take "ro" away for a privileged container, and put nothing in its place.
local function open_cgroups(flags)
  for _, flag in ipairs(flags) do
    if SAYS_ACCESS[flag] then
      return
    end
  end
  flags[#flags + 1] = "rw"
end

--- Turns a mount into the configuration's.
-- @tparam table mount
-- @tparam table how `bundle`, where a relative source counts from; `rootless`: the caller has no
--   privilege, and its cgroups stay read-only unless "rw" is said
-- @tparam func ignored is told a path in the mount and why it has no effect
-- @treturn table
function M.config(mount, how, ignored)
  local binds = is_bind(mount)
  local flags, data = sort_options(mount, binds, ignored)
  if CGROUPS[mount.type] and not binds and not how.rootless then
    open_cgroups(flags)
  end
  local source = mount.source
  if binds and source then
    source = absolute(source, how.bundle)
  end
  return {
    destination = absolute(mount.destination, ""),
    source = source,
    device = binds and "bind" or mount.type,
    flags = flags,
    data = data,
    id_mapping = id_mapping(mount),
  }
end

return M
