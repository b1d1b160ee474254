--- The configuration's `cgroups` as OCI's resources. Pure.
-- @module ctr.oci.back_resources

local device_rules = require("ctr.cgroup.devices")
local oci_resources = require("ctr.oci.resources")

local M = {}

local ANY = -1
local ALL = { allow = false, access = "rwm" }

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
-- @tparam ?table default of the same path
function M.is_same_node(node, default)
  return default ~= nil and is_same(node, default, NODE_KEYS)
end

-- How many rules there are before those that are always there.
local function count_own(rules)
  local always = {}
  oci_resources.add_device_rules(always, nil, {})
  local offset = #rules - #always
  for index, rule in ipairs(always) do
    if offset < 0 or not is_same(rules[offset + index], rule, RULE_KEYS) then
      return #rules
    end
  end
  return offset
end

local function rule_of(rule)
  return {
    allow = rule.allow, access = rule.permissions, type = rule.type ~= "a" and rule.type or nil,
    major = rule.major ~= ANY and rule.major or nil,
    minor = rule.minor ~= ANY and rule.minor or nil,
  }
end

-- The older keys say in two lists what OCI says in one.
local function devices(cgroups)
  local list = {}
  if cgroups.devices then
    for index = 1, count_own(cgroups.devices) do
      list[index] = rule_of(cgroups.devices[index])
    end
    return #list > 0 and list or nil
  end
  local rules = device_rules.rules(cgroups)
  if not rules then
    return nil
  end
  list[1] = { allow = rules.allow, access = ALL.access }
  for _, rule in ipairs(rules) do
    list[#list + 1] = rule_of(rule)
  end
  return list
end

--- Turns limits into OCI's resources.
-- @tparam table cgroups normalised
-- @treturn table empty for none
function M.resources(cgroups)
  return {
    devices = devices(cgroups),
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
