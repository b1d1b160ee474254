--- A seccomp profile in a few words.
-- @module ctr.seccomp.summary

local compile = require("ctr.seccomp.compile")
local words = require("ctr.seccomp.words")

local M = {}

local VERBS = {
  SCMP_ACT_ALLOW = "allowed", SCMP_ACT_LOG = "logged", SCMP_ACT_ERRNO = "refused",
  SCMP_ACT_KILL = "killed for", SCMP_ACT_KILL_THREAD = "killed for",
  SCMP_ACT_KILL_PROCESS = "killed for", SCMP_ACT_TRAP = "trapped", SCMP_ACT_TRACE = "traced",
  SCMP_ACT_NOTIFY = "notified",
}
local ORDER = { "allowed", "logged", "traced", "notified", "refused", "trapped", "killed for" }

local ERRNOS = { [1] = "EPERM", [13] = "EACCES", [22] = "EINVAL", [38] = "ENOSYS" }

local VERB_OF = {}
for _, action in ipairs(words.by_strictness) do
  VERB_OF[words.returns[action]] = VERB_OF[words.returns[action]] or VERBS[action]
end

local function verb_of(value)
  return VERB_OF[value] or VERB_OF[value - value % 65536]
end

local function default_text(profile)
  local action, data = profile.default_action, profile.default_errno_ret or 1
  if action == "SCMP_ACT_ERRNO" then
    return ERRNOS[data] or "errno " .. data
  end
  return action:match("^SCMP_ACT_(.*)$")
end

--- Counts the calls of a profile by what happens to them.
-- @tparam table profile normalised
-- @treturn table counts by word: "allowed", "refused", …, "with conditions"
function M.counts(profile)
  local counts = {}
  for _, rules in pairs(compile.rules_by_name(profile)) do
    local first = rules[1]
    local verb = verb_of(first.value)
    counts[verb] = (counts[verb] or 0) + 1
    if #first.conditions > 0 then
      counts.conditions = (counts.conditions or 0) + 1
    end
  end
  return counts
end

--- "412 calls allowed, 3 with conditions, else ENOSYS"
-- @tparam table profile normalised
-- @treturn string
function M.text(profile)
  local counts, parts = M.counts(profile), {}
  for _, verb in ipairs(ORDER) do
    if counts[verb] then
      local noun = #parts > 0 and "" or counts[verb] == 1 and "call " or "calls "
      parts[#parts + 1] = ("%d %s%s"):format(counts[verb], noun, verb)
    end
  end
  if counts.conditions then
    parts[#parts + 1] = counts.conditions .. " with conditions"
  end
  parts[#parts + 1] = "else " .. default_text(profile)
  return table.concat(parts, ", ")
end

return M
