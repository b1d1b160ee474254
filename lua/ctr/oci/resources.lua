--- OCI's resources as the configuration's `cgroups`. Pure.
-- @module ctr.oci.resources

local defaults = require("ctr.config.defaults")

local M = {}

local UNLIMITED = -1

-- A limit that no machine reaches is none; beyond 2^53 numbers are digits.
local function limit(value)
  if type(value) == "string" then
    return UNLIMITED
  end
  return value
end

-- No further task, as the first one is there; systemd, and so everybody, says 1.
local function tasks(value)
  return value == 0 and 1 or limit(value)
end

local function set_memory(cgroups, memory, ignored)
  cgroups.memory = limit(memory.limit)
  cgroups.memory_reservation = limit(memory.reservation)
  cgroups.memory_swap = limit(memory.swap)
  cgroups.memory_swappiness = memory.swappiness
  cgroups.oom_kill_disable = memory.disableOOMKiller
  cgroups.memory_check_before_update = memory.checkBeforeUpdate
  for _, name in ipairs({ "kernel", "kernelTCP", "useHierarchy" }) do
    if memory[name] then
      ignored("memory." .. name, "has no effect: kernels no longer have it")
    end
  end
end

local function set_cpu(cgroups, cpu)
  cgroups.cpu_shares = cpu.shares
  cgroups.cpu_quota = cpu.quota
  cgroups.cpu_burst = cpu.burst
  cgroups.cpu_period = cpu.period
  cgroups.cpu_rt_quota = cpu.realtimeRuntime
  cgroups.cpu_rt_period = cpu.realtimePeriod
  cgroups.cpuset_cpus = cpu.cpus
  cgroups.cpuset_mems = cpu.mems
  cgroups.cpu_idle = cpu.idle
end

local function weight_devices(list)
  if not list then
    return nil
  end
  local devices = {}
  for index, row in ipairs(list) do
    devices[index] = { major = row.major, minor = row.minor, weight = row.weight,
      leaf_weight = row.leafWeight }
  end
  return devices
end

local function set_block_io(cgroups, block)
  cgroups.blkio_weight = block.weight
  cgroups.blkio_leaf_weight = block.leafWeight
  cgroups.blkio_weight_device = weight_devices(block.weightDevice)
  cgroups.blkio_throttle_read_bps_device = block.throttleReadBpsDevice
  cgroups.blkio_throttle_write_bps_device = block.throttleWriteBpsDevice
  cgroups.blkio_throttle_read_iops_device = block.throttleReadIOPSDevice
  cgroups.blkio_throttle_write_iops_device = block.throttleWriteIOPSDevice
end

local function set_network(cgroups, network)
  cgroups.net_cls_classid_u = network.classID
  if network.priorities then
    local priorities = {}
    for index, row in ipairs(network.priorities) do
      priorities[index] = { interface = row.name, priority = row.priority }
    end
    cgroups.net_prio_ifpriomap = priorities
  end
end

local function set_huge_pages(cgroups, limits)
  local list = {}
  for index, row in ipairs(limits) do
    list[index] = { page_size = row.pageSize, limit = row.limit }
  end
  cgroups.hugetlb_limit = list
end

local function set_rdma(cgroups, rdma)
  local limits = {}
  for device, row in pairs(rdma) do
    limits[device] = { hca_handles = row.hcaHandles, hca_objects = row.hcaObjects }
  end
  cgroups.rdma = limits
end

--- Sets the limits, devices apart.
-- @tparam table cgroups gets them
-- @tparam table resources as the shape read them
-- @tparam func ignored is told a path in the resources and why it has no effect
function M.set(cgroups, resources, ignored)
  if resources.memory then
    set_memory(cgroups, resources.memory, ignored)
  end
  if resources.cpu then
    set_cpu(cgroups, resources.cpu)
  end
  if resources.pids then
    cgroups.pids_limit = tasks(resources.pids.limit)
  end
  if resources.blockIO then
    set_block_io(cgroups, resources.blockIO)
  end
  if resources.network then
    set_network(cgroups, resources.network)
  end
  if resources.hugepageLimits then
    set_huge_pages(cgroups, resources.hugepageLimits)
  end
  if resources.rdma then
    set_rdma(cgroups, resources.rdma)
  end
  cgroups.unified = resources.unified
end

-- What an update changes; the rest of a resources object says how a container was made.
local CHANGED = {
  memory = { "limit", "reservation", "swap", "checkBeforeUpdate" },
  cpu = {
    "shares", "quota", "burst", "period", "realtimeRuntime", "realtimePeriod", "cpus", "mems",
    "idle",
  },
  pids = { "limit" },
  blockIO = {
    "weight", "weightDevice", "throttleReadBpsDevice", "throttleWriteBpsDevice",
    "throttleReadIOPSDevice", "throttleWriteIOPSDevice",
  },
}

-- Of what 0 is a value and not the lack of one.
local COUNTS_ZERO = { ["cpu.idle"] = true, ["cpu.burst"] = true, ["pids.limit"] = true }

local function changes(part, names, name, ignored)
  local kept = {}
  for _, member in ipairs(names) do
    if part[member] ~= 0 or COUNTS_ZERO[name .. "." .. member] then
      kept[member] = part[member]
    end
    part[member] = nil
  end
  for member in pairs(part) do
    ignored(name .. "." .. member, "is not changed by an update")
  end
  return kept
end

--- Turns what an update changes into `cgroups`.
-- @tparam table resources as the shape read it, which is used up
-- @tparam func ignored is told a path in the resources and why it has no effect
-- @treturn table
function M.update(resources, ignored)
  for name, names in pairs(CHANGED) do
    resources[name] = resources[name] and changes(resources[name], names, name, ignored)
  end
  for _, name in ipairs({ "devices", "network", "rdma" }) do
    if resources[name] then
      ignored(name, "is not changed by an update")
      resources[name] = nil
    end
  end
  local cgroups = {}
  M.set(cgroups, resources, ignored)
  if cgroups.memory == UNLIMITED and not cgroups.memory_swap then
    cgroups.memory_swap = UNLIMITED
  end
  return cgroups
end

--- Makes the rules for devices: the document's, and behind them those without which no container
-- works. A default node that the document makes itself has no rule here.
-- @tparam table rules gets them
-- @tparam ?table listed the document's
-- @tparam table is_own paths of the nodes that the document makes itself
function M.add_device_rules(rules, listed, is_own)
  for index, rule in ipairs(listed or {}) do
    rules[index] = { allow = rule.allow, type = rule.type or "a", major = rule.major,
      minor = rule.minor, permissions = rule.access }
  end
  for _, device in ipairs(defaults.allowed_devices) do
    if not is_own[device.path or ""] and device.path ~= "/dev/console" then
      rules[#rules + 1] = { allow = true, type = device.type, major = device.major,
        minor = device.minor, permissions = device.permissions }
    end
  end
end

return M
