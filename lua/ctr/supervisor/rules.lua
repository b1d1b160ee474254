--- What a seccomp profile says of a call: what the filter decides, decided once more here.
-- @module ctr.supervisor.rules

local core = require("ctr.core")

local M = {}

local function holds(condition, args)
  return core.notify.compare(condition.op, args[condition.index + 1], condition.value,
    condition.value_two)
end

local function names_one_twice(conditions)
  local seen = {}
  for _, condition in ipairs(conditions) do
    if seen[condition.index] then
      return true
    end
    seen[condition.index] = true
  end
  return false
end

-- As the filter has it: several conditions on one argument are alternatives, else all must hold.
local function matches(rule, args)
  local any = names_one_twice(rule.args)
  for _, condition in ipairs(rule.args) do
    if holds(condition, args) == any then
      return any
    end
  end
  return not any
end

--- The rules of a profile by the call that they are for.
-- @tparam table profile
-- @treturn table
function M.index(profile)
  local by_name = {}
  for _, rule in ipairs(profile.syscalls) do
    for _, name in ipairs(rule.names) do
      by_name[name] = by_name[name] or {}
      table.insert(by_name[name], rule)
    end
  end
  return by_name
end

--- What a profile says of a call: the first rule that matches.
-- @tparam table profile
-- @tparam table by_name of `index`
-- @tparam string name
-- @tparam table args
-- @treturn string action
-- @treturn ?number errno
function M.outcome(profile, by_name, name, args)
  for _, rule in ipairs(by_name[name] or {}) do
    if matches(rule, args) then
      return rule.action, rule.errno_ret
    end
  end
  return profile.default_action, profile.default_errno_ret
end

return M
