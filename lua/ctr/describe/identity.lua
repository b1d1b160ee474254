--- Who starts containers, and which ids that user may hand on.
-- @module ctr.describe.identity

local core = require("ctr.core")

local M = {}

local HELPER_FOLDERS = { "/usr/bin/", "/bin/" }

local function exists(path)
  local file = io.open(path, "r")
  if file then
    file:close()
  end
  return file ~= nil
end

local function has_helpers()
  for _, folder in ipairs(HELPER_FOLDERS) do
    if exists(folder .. "newuidmap") and exists(folder .. "newgidmap") then
      return true
    end
  end
  return false
end

local function user_name(uid)
  for line in io.lines("/etc/passwd") do
    local name, id = line:match("^([^:]+):[^:]*:(%d+):")
    if tonumber(id) == uid then
      return name
    end
  end
  return nil
end

-- The first range of a user in /etc/subuid or /etc/subgid.
local function sub_range(path, uid, name)
  if not exists(path) then
    return nil
  end
  for line in io.lines(path) do
    local owner, first, count = line:match("^([^:]+):(%d+):(%d+)$")
    if owner and (owner == name or tonumber(owner) == uid) then
      return { first = tonumber(first), count = tonumber(count) }
    end
  end
  return nil
end

-- How many processors tell of their heat.
local function count_throttled()
  if not exists("/sys/devices/system/cpu/cpu0/thermal_throttle") then
    return 0
  end
  local file = io.open("/sys/devices/system/cpu/possible", "r")
  local text = file and file:read("*l") or "0"
  if file then
    file:close()
  end
  return tonumber(text:match("(%d+)%s*$")) + 1
end

--- Looks up the caller, and what defaults depend on of the machine.
-- @treturn table `uid`, `gid`; `subuid` and `subgid` (`first`, `count`) where the caller has
-- subordinate ids and the programs that map them; `throttled_cpus`, how many processors tell of
-- their heat; `has_ipv4`
function M.current()
  local ids = core.proc.ids()
  local identity = {
    uid = ids.euid, gid = ids.egid, throttled_cpus = count_throttled(),
    has_ipv4 = exists("/proc/sys/net/ipv4/ping_group_range"),
  }
  if identity.uid == 0 or not has_helpers() then
    return identity
  end
  local name = user_name(identity.uid)
  local users = sub_range("/etc/subuid", identity.uid, name)
  local groups = sub_range("/etc/subgid", identity.uid, name)
  if users and groups then
    identity.subuid, identity.subgid = users, groups
  end
  return identity
end

--- The mappings of a user namespace of root's in which nobody is anybody outside.
-- @tparam table identity its `subuid` and `subgid`, where it has them, stand for the files'
-- @treturn[1] table of users
-- @treturn[1] table of groups
-- @treturn[2] nil where root has no subordinate ids
function M.subordinate(identity)
  local users = identity.subuid or sub_range("/etc/subuid", 0, "root")
  local groups = identity.subgid or sub_range("/etc/subgid", 0, "root")
  if not users or not groups then
    return nil
  end
  return { { container_id = 0, host_id = users.first, size = users.count } },
    { { container_id = 0, host_id = groups.first, size = groups.count } }
end

local function mapping(id, range)
  local list = { { container_id = 0, host_id = id, size = 1 } }
  if range then
    list[2] = { container_id = 1, host_id = range.first, size = range.count }
  end
  return list
end

--- The user namespace's mappings of a caller without privilege.
-- @tparam table identity
-- @treturn table of users
-- @treturn table of groups
function M.mappings(identity)
  return mapping(identity.uid, identity.subuid), mapping(identity.gid, identity.subgid)
end

return M
