--- Counts what a profile refuses: its filter hands over what it would have refused by an errno, and
-- the call is refused here, with that errno.
-- @module ctr.supervisor.report

local core = require("ctr.core")
local names = require("ctr.supervisor.names")
local rules = require("ctr.supervisor.rules")

local M = {}

local EPERM, ENOSYS = core.notify.errno("EPERM"), core.notify.errno("ENOSYS")

local report_methods = {}
local report_metatable = { __index = report_methods }

local function handed_over(rule)
  local copy = {}
  for key, value in pairs(rule) do
    copy[key] = value
  end
  copy.action, copy.errno_ret = "SCMP_ACT_NOTIFY", nil
  return copy
end

--- The profile that is loaded in the place of another: it hands over what that refuses.
-- @tparam table profile
-- @treturn table
function M.profile(profile)
  local copy = {}
  for key, value in pairs(profile) do
    copy[key] = value
  end
  if profile.default_action == "SCMP_ACT_ERRNO" then
    copy.default_action, copy.default_errno_ret = "SCMP_ACT_NOTIFY", nil
  end
  copy.syscalls = {}
  for index, rule in ipairs(profile.syscalls) do
    copy.syscalls[index] = rule.action == "SCMP_ACT_ERRNO" and handed_over(rule) or rule
  end
  return copy
end

--- Makes a judge.
-- @tparam table profile the one that refuses
-- @tparam ?function notify answers what the profile hands over by itself
function M.new(profile, notify)
  return setmetatable({
    profile = profile, by_name = rules.index(profile), notify = notify,
    newest = {}, counts = {}, list = {},
  }, report_metatable)
end

local function count(report, syscall, errno)
  local key = syscall .. " " .. errno
  local entry = report.counts[key]
  if not entry then
    entry = { syscall = syscall, errno = core.notify.errno_name(errno) or errno, count = 0 }
    report.counts[key] = entry
    table.insert(report.list, entry)
  end
  entry.count = entry.count + 1
end

-- A call that is newer than all that the profile names gets ENOSYS, as from the profile's own
-- filter (`ctr.seccomp.compile`).
local function is_newer(report, call)
  if report.profile.default_action ~= "SCMP_ACT_ERRNO" then
    return false
  end
  local token = call.arch_token
  report.newest[token] = report.newest[token]
    or names.newest(report.by_name, call.number, token) or math.huge
  return call.number > report.newest[token]
end

local function errno_of(report, request, action, errno)
  if action ~= "SCMP_ACT_ERRNO" then
    return EPERM
  end
  return is_newer(report, request.call) and ENOSYS or errno or EPERM
end

--- Answers a call.
-- @tparam ctr.Request request
function report_methods:answer(request)
  local name = request.syscall
  local action, errno = rules.outcome(self.profile, self.by_name, name, request.args)
  if action == "SCMP_ACT_NOTIFY" then
    return self.notify(request)
  end
  -- The filter proper comes into force with the program.
  if request.setup then
    return request:allow()
  end
  errno = errno_of(self, request, action, errno)
  count(self, name, errno)
  return request:fail(errno)
end

local function by_name(a, b)
  if a.syscall == b.syscall then
    return tostring(a.errno) < tostring(b.errno)
  end
  return a.syscall < b.syscall
end

--- Adds what was refused to a process' result.
function report_methods:finish(result)
  table.sort(self.list, by_name)
  result.refused = self.list
end

return M
