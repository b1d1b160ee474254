--- The machine that programs are compiled for: its architectures, with the numbers of their calls.
-- Needs libseccomp (`ctr.core.seccomp`).
-- @module ctr.seccomp.machine

local ffi = require("ffi")
local calls = require("ctr.core.seccomp")
local words = require("ctr.seccomp.words")

local M = {}

-- Calls that libseccomp 2.5 has not heard of. New ones have the same number everywhere, counted
-- from where the architecture's table begins.
local NEWER = {
  cachestat = 451, fchmodat2 = 452, map_shadow_stack = 453, futex_wake = 454, futex_wait = 455,
  futex_requeue = 456, statmount = 457, listmount = 458, lsm_get_self_attr = 459,
  lsm_set_self_attr = 460, lsm_list_modules = 461, mseal = 462, setxattrat = 463, getxattrat = 464,
  listxattrat = 465, removexattrat = 466, open_tree_attr = 467, file_getattr = 468,
  file_setattr = 469,
}

--- An architecture: its kernel's number, and the numbers of its calls.
-- @tparam string name libseccomp's, which knows it
-- @treturn table `name`, `token`, `numbers`
function M.arch(name)
  local numbers, base = calls.syscalls(name)
  for call, number in pairs(NEWER) do
    numbers[call] = numbers[call] or base + number
  end
  return { name = name, token = calls.arch(name), numbers = numbers }
end

--- The machine for a profile: its own architecture comes first, whether the profile has it or not.
-- @tparam table profile
-- @treturn[1] table as `ctr.seccomp.compile` takes it
-- @return[2] nil
-- @treturn[2] string what is wrong
-- @treturn[2] number the index of the architecture that is to blame
function M.new(profile)
  local native = calls.native()
  if not native then
    return nil, "this machine's architecture is not known to libseccomp " .. calls.version()
  end
  local archs, seen = { M.arch(native) }, { [native] = true }
  for index, word in ipairs(profile.architectures) do
    local name = words.short_archs[word] or native
    if not calls.arch(name) then
      return nil, ("is not known to libseccomp %s: %s"):format(calls.version(), word), index
    end
    if not seen[name] then
      seen[name] = true
      archs[#archs + 1] = M.arch(name)
    end
  end
  return { archs = archs, is_big = ffi.abi("be") }
end

--- The machine with its own architecture alone, which libseccomp knows.
function M.native()
  return assert(M.new({ architectures = {} }))
end

--- Says whether anybody has heard of a call, on whatever architecture.
function M.is_known(name)
  return NEWER[name] ~= nil or calls.is_known(name)
end

return M
