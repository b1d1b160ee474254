--- The words of scheduling, disk priority, memory policy and personality, and the kernel's numbers.
-- @module ctr.config.scheduling

local M = {}

-- Adds rows under their name without the prefix, in small letters: SCHED_BATCH is batch.
local function with_short_names(prefix, numbers)
  local words = {}
  for name in pairs(numbers) do
    words[name] = name
    words[name:sub(#prefix + 1):lower()] = name
  end
  return words
end

--- Policies of sched(7).
M.policies = {
  SCHED_OTHER = 0, SCHED_FIFO = 1, SCHED_RR = 2, SCHED_BATCH = 3, SCHED_ISO = 4, SCHED_IDLE = 5,
  SCHED_DEADLINE = 6,
}
M.policy_words = with_short_names("SCHED_", M.policies)

--- Flags of sched_setattr(2).
M.scheduler_flags = {
  SCHED_FLAG_RESET_ON_FORK = 0x1,
  SCHED_FLAG_RECLAIM = 0x2,
  SCHED_FLAG_DL_OVERRUN = 0x4,
  SCHED_FLAG_KEEP_POLICY = 0x8,
  SCHED_FLAG_KEEP_PARAMS = 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN = 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX = 0x40,
}
M.SCHEDULER_FLAGS_MASK = 0x7f

--- Classes of ioprio_set(2).
M.io_classes = { IOPRIO_CLASS_RT = 1, IOPRIO_CLASS_BE = 2, IOPRIO_CLASS_IDLE = 3 }
M.io_class_words = with_short_names("IOPRIO_CLASS_", M.io_classes)

--- Modes of set_mempolicy(2).
M.memory_modes = {
  MPOL_DEFAULT = 0, MPOL_PREFERRED = 1, MPOL_BIND = 2, MPOL_INTERLEAVE = 3, MPOL_LOCAL = 4,
  MPOL_PREFERRED_MANY = 5, MPOL_WEIGHTED_INTERLEAVE = 6,
}
M.memory_mode_words = with_short_names("MPOL_", M.memory_modes)

--- Flags of set_mempolicy(2).
M.memory_flags = {
  MPOL_F_NUMA_BALANCING = 0x2000, MPOL_F_RELATIVE_NODES = 0x4000, MPOL_F_STATIC_NODES = 0x8000,
}
M.MEMORY_FLAGS_MASK = 0xe000

--- Domains of personality(2) by OCI's word, and by the kernel's too.
M.personalities = { LINUX = 0, LINUX32 = 8 }
M.personality_words = {
  LINUX = "LINUX", PER_LINUX = "LINUX", LINUX32 = "LINUX32", PER_LINUX32 = "LINUX32",
}

return M
