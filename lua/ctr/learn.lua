--- Proposes a seccomp profile from the system calls that a program was seen to make.
--
--     local process = ctr.process({ args = …, seccomp_learn = true })
--     assert(container:run(process))
--     local profile = ctr.learn.profile(process:wait().calls)
--
-- What a run did not do, the profile refuses: a proposal is as good as the runs that it comes from.
-- `ctr.learn.merge` puts several together.
-- @module ctr.learn

local errors = require("ctr.errors")
local literal = require("ctr.learn.literal")
local sorted = require("ctr.sorted")

local M = {}

local ENOSYS = 38
local NAMESPACES = 0x7e020000 -- CLONE_NEW*
-- Where the first argument of clone(2) are the flags: everywhere else.
local SWAPPED_CLONE = { SCMP_ARCH_S390 = true, SCMP_ARCH_S390X = true }
-- The kernel calls it by itself, after a signal or a stop.
local UNSEEN = { "restart_syscall" }

--- Merges what several runs called.
-- @tparam table ... lists of calls, as `process:wait()` returned them
-- @treturn table a list of the same kind
-- @usage
-- local all = ctr.learn.merge(
--   { { syscall = "read", arch = "SCMP_ARCH_X86_64", count = 2 } },
--   { { syscall = "read", arch = "SCMP_ARCH_X86_64", count = 1 } })
-- assert(all[1].count == 3)
function M.merge(...)
  local found, list = {}, {}
  for _, calls in ipairs({ ... }) do
    for _, call in ipairs(calls) do
      local key = call.syscall .. " " .. call.arch
      local entry = found[key]
      if not entry then
        entry = { syscall = call.syscall, arch = call.arch, count = 0 }
        found[key] = entry
        list[#list + 1] = entry
      end
      entry.count = entry.count + call.count
      entry.namespaces = entry.namespaces or call.namespaces
      for family in pairs(call.families or {}) do
        entry.families = entry.families or {}
        entry.families[family] = true
      end
    end
  end
  table.sort(list, function(a, b)
    if a.syscall == b.syscall then
      return a.arch < b.arch
    end
    return a.syscall < b.syscall
  end)
  return list
end

-- The families of sockets that were asked for; conditions on one argument are alternatives.
local function socket_rule(name, families)
  local args = {}
  for index, family in ipairs(sorted(families)) do
    args[index] = { index = 0, op = "SCMP_CMP_EQ", value = family }
  end
  return { names = { name }, action = "SCMP_ACT_ALLOW", args = args }
end

local function clone_rule()
  return { names = { "clone" }, action = "SCMP_ACT_ALLOW", args = {
    { index = 0, op = "SCMP_CMP_MASKED_EQ", value = NAMESPACES, value_two = 0 },
  } }
end

-- What all architectures together say of each name.
local function by_name(calls)
  local found, archs = {}, {}
  for _, call in ipairs(calls) do
    archs[call.arch] = true
    local entry = found[call.syscall] or { families = {} }
    found[call.syscall] = entry
    entry.namespaces = entry.namespaces or call.namespaces or SWAPPED_CLONE[call.arch]
    for family in pairs(call.families or {}) do
      entry.families[family] = true
    end
  end
  return found, archs
end

local function check(calls)
  for _, call in ipairs(calls) do
    if call.syscall:sub(1, 1) == "#" then
      return nil, errors.new("SystemError", ("system call %s of %s has no name: it is newer than "
        .. "the library"):format(call.syscall, call.arch))
    end
  end
  return true
end

--- Proposes a profile: what was called is allowed, `socket` only for the families that were asked
-- for, `clone` without new namespaces where none was; everything else fails with `ENOSYS`, from
-- which programs know that they have to do without.
-- @tparam table calls as `process:wait()` returned them
-- @treturn[1] table the configuration's `seccomp`
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`: a call has no name
-- @usage
-- local process = ctr.process({ args = { "/bin/true" }, seccomp_learn = true })
-- assert(container:run(process))
-- local profile = assert(ctr.learn.profile(assert(process:wait()).calls))
-- assert(profile.default_action == "SCMP_ACT_ERRNO")
function M.profile(calls)
  local ok, err = check(calls)
  if not ok then
    return nil, err
  end
  local found, archs = by_name(calls)
  local plain, special = {}, {}
  for _, name in ipairs(UNSEEN) do
    found[name] = found[name] or { families = {} }
  end
  for _, name in ipairs(sorted(found)) do
    local entry = found[name]
    if next(entry.families) then
      special[#special + 1] = socket_rule(name, entry.families)
    elseif name == "clone" and not entry.namespaces then
      special[#special + 1] = clone_rule()
    else
      plain[#plain + 1] = name
    end
  end
  return {
    default_action = "SCMP_ACT_ERRNO", default_errno_ret = ENOSYS,
    architectures = sorted(archs),
    syscalls = { { names = plain, action = "SCMP_ACT_ALLOW" }, unpack(special) },
  }
end

--- Writes a profile as Lua: `seccomp = { … },` for a description.
-- @tparam table profile
-- @tparam[opt] table calls the count of each stands behind its name
-- @treturn string
-- @usage
-- local calls = { { syscall = "read", arch = "SCMP_ARCH_X86_64", count = 2 } }
-- print(ctr.learn.to_lua(assert(ctr.learn.profile(calls)), calls))
function M.to_lua(profile, calls)
  local counts = {}
  for _, call in ipairs(calls or {}) do
    counts[call.syscall] = (counts[call.syscall] or 0) + call.count
  end
  return literal.profile(profile, counts)
end

--- Makes an OCI `linux.seccomp` of a profile.
-- @tparam table profile
-- @treturn table for `linux.seccomp` of a `config.json`
-- @usage
-- local calls = { { syscall = "read", arch = "SCMP_ARCH_X86_64", count = 2 } }
-- assert(ctr.learn.to_oci(assert(ctr.learn.profile(calls))).defaultAction == "SCMP_ACT_ERRNO")
function M.to_oci(profile)
  local syscalls = {}
  for index, rule in ipairs(profile.syscalls) do
    syscalls[index] = { names = rule.names, action = rule.action }
    for at, condition in ipairs(rule.args or {}) do
      syscalls[index].args = syscalls[index].args or {}
      syscalls[index].args[at] = {
        index = condition.index, op = condition.op, value = condition.value,
        valueTwo = condition.value_two,
      }
    end
  end
  return {
    defaultAction = profile.default_action, defaultErrnoRet = profile.default_errno_ret,
    architectures = profile.architectures, syscalls = syscalls,
  }
end

return M
