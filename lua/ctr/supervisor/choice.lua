--- Who answers the system calls that a process' filter hands over, and which filter that is.
-- @module ctr.supervisor.choice

local errors = require("ctr.errors")

local M = {}

local function has_notify(profile)
  return profile ~= nil and require("ctr.seccomp.words").has_listener(profile)
end

local PASSES = { SCMP_ACT_ALLOW = true, SCMP_ACT_LOG = true }
-- What is refused by an errno is asked for, and the bootstrap's own calls are let through then.
local LETS_BOOTSTRAP = { SCMP_ACT_ALLOW = true, SCMP_ACT_LOG = true, SCMP_ACT_ERRNO = true,
  SCMP_ACT_NOTIFY = true }
local HANDING_OVER = { { "sendmsg", PASSES }, { "close", LETS_BOOTSTRAP },
  { "read", LETS_BOOTSTRAP } }

local function lets_through(profile, wanted, actions)
  for _, rule in ipairs(profile.syscalls) do
    for _, name in ipairs(rule.names) do
      if name == wanted then
        return #rule.args == 0 and actions[rule.action] or false
      end
    end
  end
  return actions[profile.default_action] or false
end

-- The listener itself is handed over by calls under the filter.
local function missing_call(profile)
  for _, row in ipairs(HANDING_OVER) do
    if not lets_through(profile, row[1], row[2]) then
      return row[1]
    end
  end
end

local function learn_problem(_, process)
  if process.seccomp_notify or process.seccomp_report then
    return "process.seccomp_learn", "cannot stand together with seccomp_notify or seccomp_report: "
      .. "it lets every call through"
  end
end

local function report_problem(profile)
  if not profile then
    return "process.seccomp_report", "needs the configuration's seccomp: nothing is refused without"
  end
  if profile.listener_path then
    return "process.seccomp_report", "cannot stand together with seccomp.listener_path: a filter "
      .. "has one listener"
  end
  local missing = missing_call(profile)
  if missing then
    return "process.seccomp_report", ("needs a profile that lets %s through: the listener is "
      .. "handed over by it"):format(missing)
  end
end

local function notify_problem(profile, process)
  local asks = has_notify(profile)
  if process.seccomp_notify and not asks then
    return "process.seccomp_notify", "would never be called: no rule of seccomp.syscalls has "
      .. "SCMP_ACT_NOTIFY"
  end
  if process.seccomp_notify and profile.listener_path then
    return "process.seccomp_notify", "cannot stand together with seccomp.listener_path: a filter "
      .. "has one listener"
  end
  if asks and not process.seccomp_notify and not profile.listener_path then
    return "seccomp.listener_path", "is required, or process.seccomp_notify: without them nobody "
      .. "answers what SCMP_ACT_NOTIFY asks"
  end
end

--- Checks that what is handed over gets an answer, from one.
-- @tparam table config normalised
-- @tparam table process normalised
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.check(config, process)
  local profile = config.seccomp
  local path, text
  if process.seccomp_learn then
    path, text = learn_problem(profile, process)
  else
    if process.seccomp_report then
      path, text = report_problem(profile)
    end
    if not path then
      path, text = notify_problem(profile, process)
    end
  end
  if path then
    return nil, errors.invalid({ { path = path, text = text } })
  end
  return true
end

local function with_profile(config, profile)
  local copy = {}
  for key, value in pairs(config) do
    copy[key] = value
  end
  copy.seccomp = profile
  return copy
end

local function notify_judge(notify)
  return { answer = function(_, request) return notify(request) end }
end

--- Decides.
-- @tparam table config normalised
-- @tparam table process normalised
-- @treturn[1] table the configuration that the process is started with
-- @treturn[1] ?table the judge of a supervisor (`ctr.supervisor`)
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.make(config, process)
  local ok, err = M.check(config, process)
  if not ok then
    return nil, err
  end
  if process.seccomp_learn then
    local profile = require("ctr.supervisor.everything").profile(process)
    return with_profile(config, profile), require("ctr.supervisor.recorder").new()
  end
  if process.seccomp_report then
    local report = require("ctr.supervisor.report")
    return with_profile(config, report.profile(config.seccomp)),
      report.new(config.seccomp, process.seccomp_notify)
  end
  return config, process.seccomp_notify and notify_judge(process.seccomp_notify)
end

return M
