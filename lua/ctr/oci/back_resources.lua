--- The configuration's `cgroups` as OCI's resources. Pure.
-- @module ctr.oci.back_resources

local device_rules = require("ctr.cgroup.devices")
local oci_resources = require("ctr.oci.resources")

local M = {}

local ANY = -1

-- An object of what a table of names has, nil when that is nothing.
local function object(cgroups, names)
  local result = {}
  for member, key in pairs(names) do
    result[member] = cgroups[key]
  end
  return next(result) ~= nil and result or nil
end

local function rows(list, names)
  if not list or #list == 0 then
    return nil
  end
  local result = {}
  for index, row in ipairs(list) do
    result[index] = object(row, names)
  end
  return result
end

local MEMORY = {
  limit = "memory", reservation = "memory_reservation", swap = "memory_swap",
  swappiness = "memory_swappiness", disableOOMKiller = "oom_kill_disable",
  checkBeforeUpdate = "memory_check_before_update",
}

local CPU = {
  shares = "cpu_shares", quota = "cpu_quota", burst = "cpu_burst", period = "cpu_period",
  realtimeRuntime = "cpu_rt_quota", realtimePeriod = "cpu_rt_period", cpus = "cpuset_cpus",
  mems = "cpuset_mems", idle = "cpu_idle",
}

local WEIGHT = { major = "major", minor = "minor", weight = "weight", leafWeight = "leaf_weight" }
local THROTTLE = { major = "major", minor = "minor", rate = "rate" }

local function block_io(cgroups)
  local result = {
    weight = cgroups.blkio_weight, leafWeight = cgroups.blkio_leaf_weight,
    weightDevice = rows(cgroups.blkio_weight_device, WEIGHT),
    throttleReadBpsDevice = rows(cgroups.blkio_throttle_read_bps_device, THROTTLE),
    throttleWriteBpsDevice = rows(cgroups.blkio_throttle_write_bps_device, THROTTLE),
    throttleReadIOPSDevice = rows(cgroups.blkio_throttle_read_iops_device, THROTTLE),
    throttleWriteIOPSDevice = rows(cgroups.blkio_throttle_write_iops_device, THROTTLE),
  }
  return next(result) ~= nil and result or nil
end

local function network(cgroups)
  local result = {
    classID = cgroups.net_cls_classid_u,
    priorities = rows(cgroups.net_prio_ifpriomap, { name = "interface", priority = "priority" }),
  }
  return next(result) ~= nil and result or nil
end

local function rdma(cgroups)
  local result = {}
  for device, row in pairs(cgroups.rdma or {}) do
    result[device] = { hcaHandles = row.hca_handles, hcaObjects = row.hca_objects }
  end
  return next(result) ~= nil and result or nil
end

local RULE_KEYS = { "allow", "type", "major", "minor", "permissions" }

local function is_same(one, other, keys)
  for _, key in ipairs(keys) do
    if one[key] ~= other[key] then
      return false
    end
  end
  return true
end

local NODE_KEYS = { "type", "path", "major", "minor", "file_mode", "uid", "gid", "permissions" }

--- Says whether a device node is a default one.
-- @tparam table node
-- @tparam table default
function M.is_same_node(node, default)
  return is_same(node, default, NODE_KEYS)
end

local function text_of(rule)
  return ("%s %d:%d %s"):format(rule.type, rule.major, rule.minor, rule.permissions)
end

local function is_all(rule)
  return rule.type == "a" and rule.major == ANY and rule.minor == ANY and rule.permissions == "rwm"
end

-- Rules that only allow: their order says nothing, and a list begins with everything denied.
-- A set of their texts; nil for other rules.
local function allowed(rules)
  local set = {}
  for index, rule in ipairs(rules) do
    if rule.allow then
      set[text_of(rule)] = true
    elseif index > 1 or not is_all(rule) then
      return nil
    end
  end
  return set
end

local function has_all(set, others)
  for key in pairs(others) do
    if not set[key] then
      return false
    end
  end
  return true
end

-- The rules that are in every container that makes some nodes itself.
local function always(paths)
  local rules = {}
  oci_resources.add_device_rules(rules, nil, paths)
  return rules
end

-- How many rules there are before those that are always there.
local function count_own(rules, common)
  local offset = #rules - #common
  for index, rule in ipairs(common) do
    if offset < 0 or not is_same(rules[offset + index], rule, RULE_KEYS) then
      return #rules
    end
  end
  return offset
end

-- The rules that a document has to say.
local function own_rules(rules, paths)
  local common = always(paths)
  local set, common_set = allowed(rules), allowed(common)
  if not set or not has_all(set, common_set) then
    return { unpack(rules, 1, count_own(rules, common)) }
  end
  local own = {}
  for _, rule in ipairs(rules) do
    if not rule.allow or not common_set[text_of(rule)] then
      own[#own + 1] = rule
    end
  end
  return own
end

local function rule_of(rule)
  return {
    allow = rule.allow, access = rule.permissions, type = rule.type ~= "a" and rule.type or nil,
    major = rule.major ~= ANY and rule.major or nil,
    minor = rule.minor ~= ANY and rule.minor or nil,
  }
end

local function devices(cgroups, paths)
  local list = {}
  for index, rule in ipairs(own_rules(cgroups.devices or {}, paths)) do
    list[index] = rule_of(rule)
  end
  return #list > 0 and list or nil
end

local OLDER_KEYS = { "allow_all_devices", "allowed_devices", "denied_devices" }

--- Makes one list of the rules for devices, which the older keys have in two: that says the same.
-- @tparam table cgroups normalised; changed
function M.settle_devices(cgroups)
  local rules = device_rules.rules(cgroups)
  if rules and rules.key ~= "devices" then
    local list = { { allow = rules.allow, type = "a", major = ANY, minor = ANY,
      permissions = "rwm" } }
    for index, rule in ipairs(rules) do
      list[index + 1] = { allow = rule.allow, type = rule.type, major = rule.major,
        minor = rule.minor, permissions = rule.permissions }
    end
    cgroups.devices = list
  end
  for _, key in ipairs(OLDER_KEYS) do
    cgroups[key] = nil
  end
end

--- Says whether two lists of rules for devices come to the same.
-- @tparam ?table one normalised
-- @tparam ?table other normalised
-- @treturn boolean false where that is not plain
function M.are_same_rules(one, other)
  local set, other_set = allowed(one or {}), allowed(other or {})
  return one ~= nil and other ~= nil and set ~= nil and other_set ~= nil
    and has_all(set, other_set) and has_all(other_set, set)
end

--- Turns limits into OCI's resources.
-- @tparam table cgroups normalised
-- @tparam table paths of the nodes that the document makes itself, as keys
-- @treturn table empty for none
function M.resources(cgroups, paths)
  return {
    devices = devices(cgroups, paths),
    memory = object(cgroups, MEMORY),
    cpu = object(cgroups, CPU),
    pids = cgroups.pids_limit and { limit = cgroups.pids_limit },
    blockIO = block_io(cgroups),
    hugepageLimits = rows(cgroups.hugetlb_limit, { pageSize = "page_size", limit = "limit" }),
    network = network(cgroups),
    rdma = rdma(cgroups),
    unified = cgroups.unified and next(cgroups.unified) ~= nil and cgroups.unified or nil,
  }
end

local function systemd_place(cgroups)
  if not cgroups.name then
    return nil
  end
  local name, prefix = cgroups.name, cgroups.scope_prefix
  if not prefix and not name:find("%.scope$") and not name:find("%.slice$") then
    prefix = "ctr"
  end
  return ("%s:%s:%s"):format(cgroups.parent or "", prefix or "", name)
end

--- Turns the place of the cgroups into `linux.cgroupsPath`.
-- @tparam table cgroups normalised
-- @tparam boolean is_systemd
-- @treturn ?string nil where the runtime chooses
function M.place(cgroups, is_systemd)
  if is_systemd then
    return systemd_place(cgroups)
  end
  if cgroups.path or not cgroups.name then
    return cgroups.path
  end
  return cgroups.parent and cgroups.parent .. "/" .. cgroups.name or cgroups.name
end

return M
