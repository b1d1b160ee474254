--- The shape of a seccomp profile: OCI's words, and libcontainer's.
-- @module ctr.config.schema.seccomp

local shape = require("ctr.config.shape")
local words = require("ctr.seccomp.words")

local M = {}

local MAX_DATA = 65535

local function unsigned(value)
  local kept = words.unsigned(value)
  if kept == nil then
    return nil, "must be an integer from 0 to 18446744073709551615: a number where that is exact, "
      .. "else a string of decimal digits, or of hexadecimal ones after 0x"
  end
  return kept
end

-- libcontainer's JSON has numbers; 0 stands for nothing said.
local function by_number(list)
  return function(value)
    return type(value) == "number" and list[value] or value
  end
end

local function action(options)
  options.choices = "SCMP_ACT_ALLOW, _ERRNO, _KILL, _KILL_PROCESS, _KILL_THREAD, _LOG, _NOTIFY, "
    .. "_TRACE, _TRAP"
  options.unset = ""
  options.accept = by_number(words.numbered_actions)
  return shape.enum(words.actions, options)
end

local function errno(alias, about)
  return shape.integer({ optional = true, min = 0, max = MAX_DATA, alias = alias, about = about })
end

local function value(options)
  options.accept = unsigned
  options.takes = "integer, or its digits"
  return shape.any(options)
end

--- A condition on an argument.
M.condition = shape.record({
  index = shape.integer({ min = 0, max = 5, about = "Which argument; the first is 0." }),
  value = value({ about = "What it is compared with; for MASKED_EQ the mask." }),
  value_two = value({
    default = 0, alias = "valueTwo", about = "For MASKED_EQ: what is left under the mask.",
  }),
  op = shape.enum(words.operators, {
    unset = "",
    accept = by_number(words.numbered_operators),
    choices = "SCMP_CMP_EQ, _GE, _GT, _LE, _LT, _MASKED_EQ, _NE",
    about = "How: SCMP_CMP_EQ and the like.",
  }),
})

local function names_of(rule)
  if rule.name then
    table.insert(rule.names, 1, rule.name)
    rule.name = nil
  end
  if #rule.names == 0 then
    return nil, "is required: the names of system calls", "names"
  end
  return rule
end

local call_name = shape.string({ empty = false, max = 64, about = "As in mkdirat." })

--- What happens to some system calls.
M.rule = shape.record({
  names = shape.list(call_name, { default = {}, about = "System calls, by name." }),
  name = shape.string({
    optional = true, unset = "", max = 64, about = "One call, as libcontainer has it.",
  }),
  action = action({ about = "What happens to them: SCMP_ACT_ALLOW and the like." }),
  errno_ret = errno("errnoRet", "The error of ERRNO, or what TRACE tells; EPERM without it."),
  args = shape.list(M.condition, {
    default = {},
    about = "When: all must hold; several on one argument are alternatives.",
  }),
}, { normalise = names_of })

--- A seccomp profile.
M.seccomp = shape.record({
  default_action = action({
    alias = "defaultAction", about = "What happens to calls that no rule names.",
  }),
  default_errno_ret = errno("defaultErrnoRet", "The error of the default; EPERM without it."),
  architectures = shape.list(
    shape.enum(words.archs, {
      choices = "SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_AARCH64 and the like",
      about = "SCMP_ARCH_X86_64, or libseccomp's word, x86_64.",
    }),
    { default = {}, about = "Beside the machine's own: others end the process." }
  ),
  flags = shape.list(
    shape.enum(words.flag_words, { about = "SECCOMP_FILTER_FLAG_LOG, or log." }),
    { optional = true, about = "Of seccomp(2); SPEC_ALLOW without it." }
  ),
  listener_path = shape.string({
    optional = true, unset = "", alias = "listenerPath",
    about = "The unix socket that gets the listener of SCMP_ACT_NOTIFY.",
  }),
  listener_metadata = shape.string({
    optional = true, unset = "", alias = "listenerMetadata",
    about = "What is sent along to it.",
  }),
  syscalls = shape.list(M.rule, {
    default = {}, about = "Rules in order: the first that matches says what happens.",
  }),
})

return M
