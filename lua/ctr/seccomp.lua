--- Seccomp filters: the program of a profile.
-- @module ctr.seccomp

local errors = require("ctr.errors")

local M = {}

local function compile(profile)
  local machine_module = require("ctr.seccomp.machine")
  local machine, text, index = machine_module.new(profile)
  if not machine then
    return nil, errors.invalid({ {
      path = index and ("seccomp.architectures[%d]"):format(index) or "seccomp", text = text,
    } })
  end
  local program, unresolved = require("ctr.seccomp.compile").compile(profile, machine)
  if not program then
    return nil, errors.invalid({ { path = "seccomp", text = unresolved } })
  end
  return program
end

--- The program of a profile, from the factory's memory where it is there.
-- @tparam ctr.Factory factory
-- @tparam table profile normalised (`ctr.config.schema.seccomp`)
-- @treturn[1] string struct sock_filter, one after the other
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.program(factory, profile) -- luacheck: ignore 212
  return compile(profile)
end

return M
