--- What there is of seccomp here, as `lctr features` tells it (OCI's features.md).
-- @module ctr.seccomp.features

local calls = require("ctr.core.seccomp")
local sorted = require("ctr.sorted")
local words = require("ctr.seccomp.words")

local M = {}

local function archs()
  local names = {}
  for index, name in ipairs(calls.archs()) do
    names[index] = words.arch_names[name]
  end
  table.sort(names)
  return names
end

local function supported_flags()
  local flags = {}
  for _, name in ipairs(sorted(words.flags)) do
    if calls.has_flag(words.flags[name]) then
      flags[#flags + 1] = name
    end
  end
  return flags
end

--- What the library knows, and of flags what the kernel supports.
-- @treturn table `enabled`, `actions`, `operators`, `archs`, `knownFlags`, `supportedFlags`, sorted
function M.list()
  local operators = { unpack(words.operator_list) }
  table.sort(operators)
  return {
    enabled = calls.has_action(words.returns.SCMP_ACT_ERRNO),
    actions = sorted(words.returns),
    operators = operators,
    archs = archs(),
    knownFlags = sorted(words.flags),
    supportedFlags = supported_flags(),
  }
end

--- The version of libseccomp, which tells the numbers of calls.
-- @treturn string
function M.version()
  return calls.version()
end

return M
