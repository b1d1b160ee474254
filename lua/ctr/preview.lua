--- The plan of a start that is not made: from a configuration and a process as a user writes them.
-- @module ctr.preview

local planner = require("ctr.plan")
local program = require("ctr.plan.program")
local schema = require("ctr.config.schema")

local M = {}

local function fields_of(process)
  return type(process) == "table" and rawget(process, "spec") or process
end

-- Names are looked up only in the container, numbers stand for themselves.
local function known_user(process)
  local uid, gid = process.user:match("^(%d+):(%d+)$")
  if not uid then
    return nil
  end
  local groups = {}
  for _, group in ipairs(process.additional_groups) do
    local number = tonumber(group)
    if not number then
      return nil
    end
    groups[#groups + 1] = number
  end
  return { uid = tonumber(uid), gid = tonumber(gid), groups = groups, home = "/" }
end

--- Makes the plan.
-- @tparam table config
-- @param process a process or its fields
-- @treturn[1] ctr.Plan
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.plan(config, process)
  local normalised, err = schema.parse(config)
  if not normalised then
    return nil, err
  end
  local parsed, problem = schema.parse_process(fields_of(process))
  if parsed then
    parsed, problem = schema.first_process(parsed)
  end
  if not parsed then
    return nil, problem
  end
  if program.has_filter(normalised, parsed) then
    normalised, problem = require("ctr.supervisor.choice").make(normalised, parsed)
    if not normalised then
      return nil, problem
    end
  end
  return planner.start(normalised, planner.merge(normalised, parsed), {
    mode = "run",
    rootless = normalised.rootless_euid,
    can_setgroups = not normalised.rootless_euid,
    joins_late = planner.may_join_late(normalised),
    cgroups = not planner.may_join_late(normalised) and { "the container's" } or nil,
    user = known_user(parsed),
    terminal = parsed.terminal or parsed.console_socket ~= nil,
    sends_pidfd = parsed.pidfd_socket ~= nil,
    enters_cgroup = true,
  })
end

return M
