--- The shape of where a container's cgroups are, and what they limit.
-- @module ctr.config.schema.cgroups

local checks = require("ctr.config.checks")
local devices = require("ctr.config.schema.device")
local shape = require("ctr.config.shape")

local M = {}

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

--- Where the container's cgroups are, and what they limit; 0 and "" stand for "not set".
M.cgroups = shape.record({
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
  memory = memory("Bytes of memory."),
  memory_reservation = memory("Bytes that are kept when memory is short."),
  memory_swap = memory("Bytes of memory and swap together."),
  cpu_shares = shape.integer({
    optional = true, unset = 0, min = 0, about = "Weight of the CPU time, 1024 by default.",
  }),
  cpu_quota = shape.integer({
    optional = true, unset = 0, min = -1, check = checks.cpu_quota,
    about = "Microseconds of CPU time per period.",
  }),
  cpu_period = shape.integer({
    optional = true, unset = 0, min = 0, check = checks.cpu_period, about = "Microseconds.",
  }),
  cpuset_cpus = cpuset("Processors that may be used, as in 0-3,7."),
  cpuset_mems = cpuset("Memory nodes that may be used."),
  pids_limit = shape.integer({
    optional = true, unset = 0, min = -1, accept = checks.count_or_unlimited,
    about = "Processes and threads.",
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
}, { default = {}, about = "Where the container's cgroups are, and what they limit." })

return M
