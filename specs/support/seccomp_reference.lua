--- What a seccomp profile means, written down a second time and as plainly as can be: each call is
-- looked up by its name in the rules, its arguments are compared as 64-bit integers.
-- @module specs.support.seccomp_reference

local ffi = require("ffi")

local M = {}

local RETURNS = {
  SCMP_ACT_KILL = 0, SCMP_ACT_KILL_THREAD = 0, SCMP_ACT_KILL_PROCESS = 0x80000000,
  SCMP_ACT_TRAP = 0x30000, SCMP_ACT_ERRNO = 0x50000, SCMP_ACT_NOTIFY = 0x7fc00000,
  SCMP_ACT_TRACE = 0x7ff00000, SCMP_ACT_LOG = 0x7ffc0000, SCMP_ACT_ALLOW = 0x7fff0000,
}
local WITH_DATA = { SCMP_ACT_ERRNO = true, SCMP_ACT_TRACE = true }
local PASSING = { SCMP_ACT_ALLOW = true, SCMP_ACT_LOG = true, SCMP_ACT_TRACE = true,
  SCMP_ACT_NOTIFY = true }

M.KILL_PROCESS, M.ENOSYS = 0x80000000, 0x50000 + 38

local function value_of(action, errno)
  return RETURNS[action] + (WITH_DATA[action] and (errno or 1) or 0)
end

local function u64(value)
  if type(value) == "number" then
    return ffi.cast("uint64_t", value)
  end
  local result = 0ULL
  for digit in value:gmatch("%d") do
    result = result * 10 + tonumber(digit)
  end
  return result
end

local bit = require("bit")

local HOLDS = {
  SCMP_CMP_EQ = function(arg, a) return arg == a end,
  SCMP_CMP_NE = function(arg, a) return arg ~= a end,
  SCMP_CMP_GT = function(arg, a) return arg > a end,
  SCMP_CMP_GE = function(arg, a) return arg >= a end,
  SCMP_CMP_LT = function(arg, a) return arg < a end,
  SCMP_CMP_LE = function(arg, a) return arg <= a end,
  SCMP_CMP_MASKED_EQ = function(arg, a, b) return bit.band(arg, a) == b end,
}

local function holds(condition, args)
  return HOLDS[condition.op](args[condition.index] or 0ULL, u64(condition.value),
    u64(condition.value_two or 0))
end

local function matches(rule, args)
  local seen, alternatives = {}, false
  for _, condition in ipairs(rule.args) do
    alternatives = alternatives or seen[condition.index]
    seen[condition.index] = true
  end
  local count = 0
  for _, condition in ipairs(rule.args) do
    count = count + (holds(condition, args) and 1 or 0)
  end
  if alternatives then
    return count > 0
  end
  return count == #rule.args
end

local function has(names, wanted)
  for _, name in ipairs(names) do
    if name == wanted then
      return true
    end
  end
  return false
end

--- Says what happens to a call by name.
function M.by_name(profile, name, args)
  for _, rule in ipairs(profile.syscalls) do
    if has(rule.names, name) and matches(rule, args) then
      return value_of(rule.action, rule.errno_ret)
    end
  end
  return value_of(profile.default_action, profile.default_errno_ret)
end

--- The newest number that a profile names on an architecture.
function M.newest(profile, numbers)
  local newest
  for _, rule in ipairs(profile.syscalls) do
    for _, name in ipairs(rule.names) do
      if numbers[name] and (not newest or numbers[name] > newest) then
        newest = numbers[name]
      end
    end
  end
  return newest
end

--- Says what happens to a call by number, where no call is several in one.
-- @tparam table profile normalised
-- @tparam table names by number
-- @tparam ?number newest as `M.newest` says
-- @tparam number number
-- @tparam table args
function M.by_number(profile, names, newest, number, args)
  local name = names[number]
  local is_named = name ~= nil
  if is_named then
    is_named = false
    for _, rule in ipairs(profile.syscalls) do
      is_named = is_named or has(rule.names, name)
    end
  end
  if is_named then
    return M.by_name(profile, name, args)
  end
  if newest and number > newest and not PASSING[profile.default_action] then
    return M.ENOSYS
  end
  return value_of(profile.default_action, profile.default_errno_ret)
end

return M
