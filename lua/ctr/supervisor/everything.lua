--- A filter that hands over every system call.
-- @module ctr.supervisor.everything

local M = {}

local NUMBER_AT, ARCH_AT, ARGS_AT = 0, 4, 16 -- in struct seccomp_data
local MSG_NOSIGNAL = 0x4000
local FIRST_FILE = 3

-- But one: the bootstrap hands over the listener itself, before anybody can answer. It is known by
-- its descriptor and its flags.
local function program(control)
  local assembler = require("ctr.seccomp.assembler")
  local machine = require("ctr.seccomp.machine").native()
  local words = require("ctr.seccomp.words")
  local arch, code = machine.archs[1], assembler.new()
  local function low_half(index)
    return ARGS_AT + 8 * index + (machine.is_big and 4 or 0)
  end
  local notify = code:ret(words.returns.SCMP_ACT_NOTIFY)
  local label = code:ret(words.returns.SCMP_ACT_ALLOW)
  for _, test in ipairs({
    { low_half(2), MSG_NOSIGNAL }, { low_half(0), control },
    { NUMBER_AT, arch.numbers.sendmsg }, { ARCH_AT, arch.token },
  }) do
    label = code:load(test[1], code:branch(assembler.EQ, test[2], label, notify))
  end
  return code:bytes(label, machine.is_big)
end

--- Makes a profile that stands for the filter.
-- @tparam table process normalised
-- @treturn table a profile; `program` is what is loaded for it
function M.profile(process)
  return {
    default_action = "SCMP_ACT_NOTIFY", architectures = {}, syscalls = {},
    program = function() return program(FIRST_FILE + #process.extra_files) end,
  }
end

return M
