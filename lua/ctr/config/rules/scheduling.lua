--- Rules about how a process is scheduled and placed: what the kernel would refuse, or would take
-- for something else.
-- Each takes a record and returns true, or nil, a text and the key that is to blame.
-- @module ctr.config.rules.scheduling

local bit = require("bit")
local checks = require("ctr.config.checks")
local words = require("ctr.config.scheduling")

local M = {}

-- What the kernel can be built for.
local CPU_MAX = 8191
local NODE_MAX = 1023

local REAL_TIME = { SCHED_FIFO = true, SCHED_RR = true }
local DEADLINE_KEYS = { "runtime", "deadline", "period" }
local SHORTEST_RUNTIME = 1024 -- nanoseconds

local function check_priority(scheduler)
  local is_real_time = REAL_TIME[scheduler.policy]
  if is_real_time and scheduler.priority == 0 then
    return nil, "must be from 1 to 99 with " .. scheduler.policy, "priority"
  end
  if not is_real_time and scheduler.priority ~= 0 then
    return nil, "means nothing with " .. scheduler.policy
      .. ": it is for SCHED_FIFO and SCHED_RR", "priority"
  end
  return true
end

local function check_deadline(scheduler)
  if scheduler.runtime < SHORTEST_RUNTIME then
    return nil, "must be at least 1024 nanoseconds with SCHED_DEADLINE", "runtime"
  end
  if scheduler.deadline < scheduler.runtime then
    return nil, "must not be less than runtime", "deadline"
  end
  if scheduler.period ~= 0 and scheduler.period < scheduler.deadline then
    return nil, "must not be less than deadline", "period"
  end
  return true
end

--- Checks that a scheduler has what its policy needs, and nothing of another's.
-- A niceness with another policy than SCHED_OTHER and SCHED_BATCH is let pass: engines always write
-- one.
function M.scheduler(scheduler)
  local ok, text, key = check_priority(scheduler)
  if not ok then
    return nil, text, key
  end
  if scheduler.policy == "SCHED_DEADLINE" then
    return check_deadline(scheduler)
  end
  for _, name in ipairs(DEADLINE_KEYS) do
    if scheduler[name] ~= 0 then
      return nil, ("means nothing with %s: it is for SCHED_DEADLINE"):format(scheduler.policy), name
    end
  end
  return true
end

local WITHOUT_NODES = { MPOL_DEFAULT = true, MPOL_LOCAL = true }
local MAY_BALANCE = { MPOL_BIND = true, MPOL_PREFERRED_MANY = true }

local function has_flag(policy, name)
  return bit.band(policy.flags, words.memory_flags[name]) ~= 0
end

local function check_nodes(policy)
  local has_nodes = policy.nodes ~= ""
  if WITHOUT_NODES[policy.mode] and has_nodes then
    return nil, "must be empty with " .. policy.mode, "nodes"
  end
  if not WITHOUT_NODES[policy.mode] and policy.mode ~= "MPOL_PREFERRED" and not has_nodes then
    return nil, "must name a node with " .. policy.mode, "nodes"
  end
  return true
end

--- Checks that a memory policy has nodes where its mode wants some, and flags that go together.
function M.memory_policy(policy)
  local ok, text, key = check_nodes(policy)
  if not ok then
    return nil, text, key
  end
  local is_static = has_flag(policy, "MPOL_F_STATIC_NODES")
  local is_relative = has_flag(policy, "MPOL_F_RELATIVE_NODES")
  if is_static and is_relative then
    return nil, "must not have both MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES", "flags"
  end
  if (is_static or is_relative) and policy.nodes == "" then
    return nil, "say how nodes are counted, and there are none", "flags"
  end
  if has_flag(policy, "MPOL_F_NUMA_BALANCING") and not MAY_BALANCE[policy.mode] then
    return nil, "must not have MPOL_F_NUMA_BALANCING but with MPOL_BIND and MPOL_PREFERRED_MANY",
      "flags"
  end
  return true
end

local function check_list(text, most, what)
  if text == "" then
    return true
  end
  local ok, problem = checks.cpu_list(text)
  if not ok then
    return nil, problem
  end
  for digits in text:gmatch("%d+") do
    if #digits > 9 or tonumber(digits) > most then
      return nil, ("names the %s %s: the last one that there can be is %d"):format(what, digits,
        most)
    end
  end
  return true
end

--- Checks a list of CPUs, or none.
function M.cpus(text)
  return check_list(text, CPU_MAX, "CPU")
end

--- Checks a list of memory nodes, or none.
function M.nodes(text)
  return check_list(text, NODE_MAX, "node")
end

--- Accepts the number by which libcontainer keeps a personality.
function M.personality_number(value)
  for word, number in pairs(words.personalities) do
    if value == number then
      return word
    end
  end
  return value
end

return M
