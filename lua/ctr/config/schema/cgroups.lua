--- The shape of where a container's cgroups are, and what they limit.
-- @module ctr.config.schema.cgroups

local checks = require("ctr.config.checks")
local devices = require("ctr.config.schema.device")
local rules = require("ctr.config.rules.cgroups")
local shape = require("ctr.config.shape")

local M = {}

local LAST_NUMBER = 2 ^ 32 - 1

local function cgroup_path(about, check)
  return shape.string({
    optional = true, unset = "", check = check or checks.cgroup_path, about = about,
  })
end

local function memory(about)
  return shape.size({ optional = true, unset = 0, unlimited = true, about = about })
end

local function cpuset(about)
  return shape.string({ optional = true, unset = "", check = checks.cpu_list, about = about })
end

local function count(min, max, about, unset)
  return shape.integer({ optional = true, unset = unset, min = min, max = max, about = about })
end

-- Of 64 bits: more than a Lua number holds.
local function large(about)
  return shape.string({
    accept = checks.limit, normalise = checks.exact_limit, takes = "integer, or its digits",
    about = about,
  })
end

local function number_of_device(about)
  return shape.integer({ min = 0, max = LAST_NUMBER, about = about })
end

local function block_weight(about)
  return count(10, 1000, about, 0)
end

--- The weight of a block device.
M.weight_device = shape.record({
  major = number_of_device("The device's driver."),
  minor = number_of_device("The driver's device."),
  weight = block_weight("From 10 to 1000."),
  leaf_weight = shape.integer({
    optional = true, unset = 0, alias = "leafWeight", min = 10, max = 1000,
    about = "Against the cgroups below, from 10 to 1000; v1 alone.",
  }),
}, { check = rules.has_weight })

--- How fast a block device may be used.
M.throttle_device = shape.record({
  major = number_of_device("The device's driver."),
  minor = number_of_device("The driver's device."),
  rate = large("Bytes or operations per second; 0 for no limit."),
})

local function throttles(about)
  return shape.list(M.throttle_device, { optional = true, about = about })
end

--- A limit of huge pages.
M.hugetlb = shape.record({
  page_size = shape.string({
    alias = "pageSize", check = rules.page_size, about = "As the kernel names it: 64KB, 2MB, 1GB.",
  }),
  limit = large("Bytes."),
})

--- The priority of a network interface.
M.interface_priority = shape.record({
  interface = shape.string({ check = rules.interface, about = "The interface's name." }),
  priority = shape.integer({ min = 0, max = LAST_NUMBER, about = "Of what is sent by it." }),
})

local function rdma_count(alias, about)
  return shape.integer({ optional = true, alias = alias, min = 0, max = LAST_NUMBER,
    about = about })
end

--- The limits of an RDMA device.
M.rdma = shape.record({
  hca_handles = rdma_count("hcaHandles", "How many handles may be open."),
  hca_objects = rdma_count("hcaObjects", "How many objects may be made."),
}, { check = rules.has_rdma_limit })

-- Where the container's cgroups are.
local place = {
  name = cgroup_path("The cgroup's name below `parent`; the container's id without it."),
  parent = cgroup_path("The cgroup that it is made in, or systemd's slice.", checks.cgroup_parent),
  path = cgroup_path("The whole path, in place of `name` and `parent`."),
  paths = shape.map(
    shape.string({ normalise = checks.path_inside, about = "An existing cgroup's folder." }),
    {
      optional = true, alias = "Paths", key = checks.subsystem,
      about = "Cgroups to join, by hierarchy.",
    }
  ),
  scope_prefix = shape.string({
    optional = true, unset = "", check = checks.cgroup_path,
    about = "What systemd's scope starts with.",
  }),
  systemd_properties = shape.map(
    shape.string({ about = "In GVariant's text form: uint64 5, true, 'text', ['a', 'b']." }), {
      optional = true, key = rules.unit_property, check = rules.unit_properties,
      about = "Properties of systemd's unit by their names.",
    }
  ),
}

--- The keys that say where the cgroups are: these never change.
M.PLACE = {}
for key in pairs(place) do
  M.PLACE[key] = true
end

local limits = {
  memory = memory("Bytes of memory."),
  memory_reservation = memory("Bytes that are kept when memory is short."),
  memory_swap = memory("Bytes of memory and swap together."),
  memory_high = memory("Bytes from which the container is slowed down; v2 alone."),
  memory_low = memory("Bytes that are kept where possible; v2 alone."),
  memory_min = memory("Bytes that are kept in any case; v2 alone."),
  memory_oom_group = shape.boolean({
    optional = true, about = "Without memory the whole container is killed; v2 alone.",
  }),
  memory_swappiness = count(0, 100, "How readily memory is swapped; v1 alone."),
  memory_check_before_update = shape.boolean({
    optional = true, alias = "checkBeforeUpdate",
    about = "A change to less memory than is in use is refused.",
  }),
  kernel_memory = memory("Bytes of kernel memory; v1 alone, and not in new kernels."),
  kernel_memory_tcp = memory("Bytes of TCP's buffers; v1 alone."),
  oom_kill_disable = shape.boolean({
    optional = true, about = "Without memory processes wait and are not killed; v1 alone.",
  }),
  cpu_shares = count(0, nil, "Weight of the CPU time, 1024 by default.", 0),
  cpu_weight = count(1, 10000, "Weight of the CPU time, 100 by default; v2 alone.", 0),
  cpu_quota = shape.integer({
    optional = true, unset = 0, min = -1, check = checks.cpu_quota,
    about = "Microseconds of CPU time per period.",
  }),
  cpu_period = shape.integer({
    optional = true, unset = 0, min = 0, check = checks.cpu_period, about = "Microseconds.",
  }),
  cpu_burst = count(0, nil, "Microseconds that may be saved up for later; at most the quota."),
  cpu_idle = count(0, 1, "1: it gets what nobody else wants."),
  cpu_rt_quota = shape.integer({
    optional = true, unset = 0, alias = "cpu_rt_runtime", min = -1,
    about = "Microseconds of real-time scheduling per period; v1 alone.",
  }),
  cpu_rt_period = count(0, nil, "Microseconds; v1 alone.", 0),
  cpuset_cpus = cpuset("Processors that may be used, as in 0-3,7."),
  cpuset_mems = cpuset("Memory nodes that may be used."),
  pids_limit = shape.integer({
    optional = true, unset = 0, min = -1, accept = checks.count_or_unlimited,
    about = "Processes and threads.",
  }),
  blkio_weight = block_weight("Weight at block devices, from 10 to 1000."),
  blkio_leaf_weight = block_weight("Against the cgroups below, from 10 to 1000; v1 alone."),
  blkio_weight_device = shape.list(M.weight_device, {
    optional = true, about = "Weights at single devices.",
  }),
  blkio_throttle_read_bps_device = throttles("Bytes per second that are read."),
  blkio_throttle_write_bps_device = throttles("Bytes per second that are written."),
  blkio_throttle_read_iops_device = throttles("Reads per second."),
  blkio_throttle_write_iops_device = throttles("Writes per second."),
  hugetlb_limit = shape.list(M.hugetlb, { optional = true, about = "Bytes of huge pages." }),
  net_cls_classid_u = count(0, LAST_NUMBER, "The class of what is sent; v1 alone.", 0),
  net_prio_ifpriomap = shape.list(M.interface_priority, {
    optional = true, about = "Priorities by interface; v1 alone.",
  }),
  rdma = shape.map(M.rdma, {
    optional = true, key = rules.rdma_device, about = "Limits by RDMA device.",
  }),
  unified = shape.map(shape.string({ about = "What is written, line by line." }), {
    optional = true, key = rules.unified_file, about = "Files of cgroup v2 by their names.",
  }),
  devices = devices.device_rules(nil,
    "Rules in order; the other keys for devices have no effect then."),
  allow_all_devices = shape.boolean({
    optional = true,
    about = "true: all devices but the denied ones; false: none but the allowed ones.",
  }),
  allowed_devices = devices.device_rules(true, "Devices that may be used."),
  denied_devices = devices.device_rules(false, "Devices that may not be used."),
  freezer = shape.enum({ "FROZEN", "THAWED" }, {
    optional = true, unset = "", about = "The state to put the container in.",
  }),
}

local all = {}
for _, part in ipairs({ place, limits }) do
  for key, field in pairs(part) do
    all[key] = field
  end
end

--- Where the container's cgroups are, and what they limit; 0 and "" stand for "not set".
M.cgroups = shape.record(all, {
  default = {}, about = "Where the container's cgroups are, and what they limit.",
})

return M
