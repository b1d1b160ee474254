--- Rules about a seccomp profile.
-- @module ctr.config.rules.seccomp

local words = require("ctr.seccomp.words")

local M = {}

-- With a listener, the bootstrap hands it over by these calls after the filter is there.
local HANDS_OVER = { write = true, sendmsg = true }

local function add(problems, path, text)
  problems[#problems + 1] = { path = path, text = text }
end

local function check_data(problems, path, action, data)
  if data == nil then
    return
  end
  local most = words.data[action]
  if not most then
    add(problems, path, ("has no effect: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take a number, "
      .. "not %s"):format(action))
  elseif data > most then
    add(problems, path, ("must be at most %d for %s"):format(most, action))
  end
end

local function check_notified(problems, path, rule)
  for index, name in ipairs(rule.action == "SCMP_ACT_NOTIFY" and rule.names or {}) do
    if HANDS_OVER[name] then
      add(problems, ("%s.names[%d]"):format(path, index), ("must not be %s with SCMP_ACT_NOTIFY: "
        .. "the listener itself is handed over by it"):format(name))
    end
  end
end

local function check_path(problems, seccomp)
  local path = seccomp.listener_path
  if path and path:sub(1, 1) ~= "/" then
    add(problems, "seccomp.listener_path", "must be an absolute path")
  end
  if seccomp.listener_metadata and not path then
    add(problems, "seccomp.listener_metadata", "needs listener_path")
  end
end

-- What always happens to a call; nil where that depends on its arguments.
local function outcome(seccomp, wanted)
  for _, rule in ipairs(seccomp.syscalls) do
    for _, name in ipairs(rule.names) do
      if name == wanted then
        return #rule.args == 0 and rule.action or nil
      end
    end
  end
  return seccomp.default_action
end

local PASSES = { SCMP_ACT_ALLOW = true, SCMP_ACT_LOG = true, SCMP_ACT_TRACE = true,
  SCMP_ACT_NOTIFY = true }

-- Where a refusal does no harm.
local MAY_FAIL = { close = true }

-- What the start itself does under the filter.
local function check_needed(problems, seccomp)
  local needed = { execve = "the program is executed by it" }
  if words.has_listener(seccomp) then
    needed.sendmsg = "the listener is handed over by it"
    needed.close = "the listener is left to others by it"
    needed.read = "the answer to the listener is read by it"
  end
  for _, name in ipairs({ "execve", "sendmsg", "close", "read" }) do
    local action = needed[name] and outcome(seccomp, name)
    if action and not PASSES[action] and not (MAY_FAIL[name] and action == "SCMP_ACT_ERRNO") then
      add(problems, "seccomp.syscalls", ("must let %s through, not %s: %s"):format(name, action,
        needed[name]))
    end
  end
end

--- Finds what is wrong with the profile of a configuration.
-- @tparam table problems is added to
-- @tparam table config as the schema normalised it
function M.check(problems, config)
  local seccomp = config.seccomp
  if seccomp.default_action == "SCMP_ACT_NOTIFY" then
    add(problems, "seccomp.default_action", "must not be SCMP_ACT_NOTIFY: the calls of the start "
      .. "itself would wait for an answer")
  end
  check_data(problems, "seccomp.default_errno_ret", seccomp.default_action,
    seccomp.default_errno_ret)
  for index, rule in ipairs(seccomp.syscalls) do
    local path = ("seccomp.syscalls[%d]"):format(index)
    check_data(problems, path .. ".errno_ret", rule.action, rule.errno_ret)
    check_notified(problems, path, rule)
  end
  check_path(problems, seccomp)
  check_needed(problems, seccomp)
end

return M
