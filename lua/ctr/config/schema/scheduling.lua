--- The shapes of how the kernel treats a process: CPU time, disks, memory, personality.
-- Loaded when a configuration has one of them.
-- @module ctr.config.schema.scheduling

local rules = require("ctr.config.rules.scheduling")
local shape = require("ctr.config.shape")
local words = require("ctr.config.scheduling")

local M = {}

local function nanoseconds(about)
  return shape.integer({ default = 0, min = 0, about = about })
end

--- The CPU scheduler's view of a process, as sched_setattr(2) has it.
M.scheduler = shape.record({
  policy = shape.enum(words.policy_words, {
    choices = "the policies of sched(7), as SCHED_BATCH",
    about = "SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_ISO, SCHED_IDLE or "
      .. "SCHED_DEADLINE.",
  }),
  nice = shape.integer({
    default = 0, min = -20, max = 19, about = "With SCHED_OTHER and SCHED_BATCH: 19 is the nicest.",
  }),
  priority = shape.integer({
    default = 0, min = 0, max = 99, about = "With SCHED_FIFO and SCHED_RR: from 1 to 99.",
  }),
  flags = shape.flags({
    default = 0, words = words.scheduler_flags, mask = words.SCHEDULER_FLAGS_MASK,
    about = "SCHED_FLAG_RESET_ON_FORK and the like.",
  }),
  runtime = nanoseconds("With SCHED_DEADLINE: nanoseconds of CPU time in each period."),
  deadline = nanoseconds("With SCHED_DEADLINE: nanoseconds by which it has to have them."),
  period = nanoseconds("With SCHED_DEADLINE: nanoseconds; as long as the deadline without it."),
}, { check = rules.scheduler })

--- The priority of a process at the disks.
M.io_priority = shape.record({
  class = shape.enum(words.io_class_words, {
    choices = "IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE",
    about = "IOPRIO_CLASS_RT (real time), IOPRIO_CLASS_BE (best effort) or IOPRIO_CLASS_IDLE.",
  }),
  priority = shape.integer({
    default = 0, min = 0, max = 7, about = "From 0, the first, to 7.",
  }),
})

--- On which nodes memory is taken.
M.memory_policy = shape.record({
  mode = shape.enum(words.memory_mode_words, {
    choices = "the modes of set_mempolicy(2), as MPOL_BIND",
    about = "MPOL_DEFAULT, MPOL_BIND, MPOL_INTERLEAVE, MPOL_WEIGHTED_INTERLEAVE, MPOL_PREFERRED, "
      .. "MPOL_PREFERRED_MANY or MPOL_LOCAL.",
  }),
  nodes = shape.string({
    default = "", check = rules.nodes, about = "Memory nodes, as in 0-1,3.",
  }),
  flags = shape.flags({
    default = 0, words = words.memory_flags, mask = words.MEMORY_FLAGS_MASK,
    about = "MPOL_F_NUMA_BALANCING, MPOL_F_RELATIVE_NODES, MPOL_F_STATIC_NODES.",
  }),
}, { check = rules.memory_policy })

--- What the kernel says that it is.
M.personality = shape.record({
  domain = shape.enum(words.personality_words, {
    accept = rules.personality_number,
    choices = "LINUX, LINUX32",
    about = "LINUX, or LINUX32: uname(2) tells a 64-bit machine's 32-bit name.",
  }),
})

local function cpus(about)
  return shape.string({ default = "", check = rules.cpus, about = about })
end

--- The CPUs of a process that is added to a running container.
M.cpu_affinity = shape.record({
  initial = cpus("CPUs that it may use until it is in the container's cgroup, as in 0-3,7."),
  final = cpus("CPUs that it may use from then on: all of the cpuset without either."),
})

return M
