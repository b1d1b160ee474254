--- The operations for how the kernel treats a process: CPU time, disks, memory, personality.
-- Loaded when a configuration says something about one of them.
-- @module ctr.plan.attributes

local words = require("ctr.config.scheduling")

local M = {}

-- Shared, and so never changed.
local NONE = {}

local WORD_BITS = 32
local IO_CLASS_UNIT = 8192 -- IOPRIO_CLASS_SHIFT is 13

local function set_bit(mask, number)
  local index = math.floor(number / WORD_BITS) + 1
  for i = #mask + 1, index do
    mask[i] = 0
  end
  local value = 2 ^ (number % WORD_BITS)
  if math.floor(mask[index] / value) % 2 == 0 then
    mask[index] = mask[index] + value
  end
end

--- Makes a bit mask of a list such as `0-3,7`.
-- @tparam string list
-- @treturn {number,…} words of 32 bits, the lowest first
function M.mask(list)
  local mask = {}
  for first, last in list:gmatch("(%d+)%-?(%d*)") do
    for number = tonumber(first), tonumber(last) or tonumber(first) do
      set_bit(mask, number)
    end
  end
  return mask
end

local function add_scheduler(add, process)
  local scheduler = process.scheduler
  if scheduler then
    add("scheduler", {
      words.policies[scheduler.policy], scheduler.flags, scheduler.nice, scheduler.priority,
      scheduler.runtime, scheduler.deadline, scheduler.period,
    }, NONE, process.scheduler_path, scheduler)
  end
end

local function add_io_priority(add, process)
  local wanted = process.io_priority
  if wanted then
    local value = words.io_classes[wanted.class] * IO_CLASS_UNIT + wanted.priority
    add("io_priority", { value }, NONE, process.io_priority_path,
      wanted.class .. " " .. wanted.priority)
  end
end

local function add_personality(add, config)
  if config.personality then
    local domain = config.personality.domain
    add("personality", { words.personalities[domain] }, NONE, "personality", domain)
  end
end

local function add_memory_policy(add, config)
  local policy = config.memory_policy
  if policy then
    local mode = words.memory_modes[policy.mode] + policy.flags
    add("memory_policy", { mode, unpack(M.mask(policy.nodes)) }, NONE, "memory_policy",
      policy.mode .. " " .. policy.nodes)
  end
end

--- Adds what a process and its configuration say.
-- @tparam function add `add(op, nums, strings, config_path, label)`
-- @tparam table config
-- @tparam table process merged
function M.add(add, config, process)
  add_scheduler(add, process)
  add_io_priority(add, process)
  add_personality(add, config)
  add_memory_policy(add, config)
end

--- Adds the CPUs that a process may use before or after it is in the container's cgroup.
-- @tparam function add
-- @tparam table process merged
-- @tparam string phase "initial" or "final"
function M.add_affinity(add, process, phase)
  local list = process.cpu_affinity[phase]
  if list ~= "" then
    add("cpu_affinity", M.mask(list), NONE, process.cpu_affinity_path .. "." .. phase, list)
  end
end

local PARAMETERS = { "nice", "priority", "runtime", "deadline", "period" }

--- Puts a scheduler into words.
-- @tparam table scheduler
-- @treturn string
function M.scheduler_text(scheduler)
  local parts = { scheduler.policy }
  for _, name in ipairs(PARAMETERS) do
    if scheduler[name] ~= 0 then
      parts[#parts + 1] = ("%s=%.0f"):format(name, scheduler[name])
    end
  end
  if scheduler.flags ~= 0 then
    parts[#parts + 1] = ("flags=0x%x"):format(scheduler.flags)
  end
  return table.concat(parts, " ")
end

return M
