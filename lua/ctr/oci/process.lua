--- OCI's process object as the library's. Pure.
-- @module ctr.oci.process

local checks = require("ctr.config.checks")

local M = {}

local SETS = { "bounding", "permitted", "effective", "inheritable", "ambient" }

-- What the kernel asks of a set: that others hold what it holds.
local NEEDS = {
  effective = { "permitted" }, inheritable = { "bounding" },
  ambient = { "permitted", "inheritable" },
}

local function is_held(name, needs, held)
  for _, set in ipairs(needs or {}) do
    if not held[set][name] then
      return nil, set
    end
  end
  return true
end

local function read_set(names, set, held, ignored)
  local list = {}
  held[set] = {}
  for index, name in ipairs(names or {}) do
    local known = checks.capability(name)
    local is_granted, lacking = is_held(known, NEEDS[set], held)
    if known and is_granted then
      list[#list + 1] = known
      held[set][known] = true
    else
      ignored(("capabilities.%s[%d]"):format(set, index), known
        and ("is %s, which %s does not have: it cannot be granted"):format(known, lacking)
        or "is not a capability that this version knows")
    end
  end
  return list
end

--- Turns sets of capabilities into those that can be granted: an OCI runtime has to start without
-- the others.
-- @tparam table sets
-- @tparam func ignored is told a path in the process object and why it has no effect
-- @treturn table
function M.capabilities(sets, ignored)
  local held, granted = {}, {}
  for _, set in ipairs(SETS) do
    granted[set] = read_set(sets[set], set, held, ignored)
  end
  return granted
end

local function groups(ids)
  local list = {}
  for index, id in ipairs(ids or {}) do
    list[index] = ("%.0f"):format(id)
  end
  return list
end

--- Turns what a start needs beside the configuration into the fields of `ctr.process`.
-- @tparam table process as the shape read it
-- @treturn table
function M.fields(process)
  local user = process.user or {}
  local size = process.terminal and process.consoleSize or {}
  return {
    args = process.args,
    env = process.env,
    cwd = process.cwd,
    user = ("%.0f:%.0f"):format(user.uid or 0, user.gid or 0),
    additional_groups = groups(user.additionalGids),
    terminal = process.terminal or false,
    console_width = size.width,
    console_height = size.height,
  }
end

--- Turns a process object into all fields of a process that is added to a container.
-- @tparam table process as the shape read it
-- @tparam func ignored is told a path and why it has no effect
-- @treturn table
function M.complete(process, ignored)
  local fields = M.fields(process)
  fields.capabilities = M.capabilities(process.capabilities or {}, function(path, text)
    ignored("process." .. path, text)
  end)
  fields.rlimits = process.rlimits
  fields.no_new_privileges = process.noNewPrivileges or false
  fields.apparmor_profile = process.apparmorProfile
  fields.label = process.selinuxLabel
  fields.oom_score_adj = process.oomScoreAdj
  fields.umask = process.user and process.user.umask
  fields.scheduler = process.scheduler
  fields.io_priority = process.ioPriority
  fields.cpu_affinity = process.execCPUAffinity
  return fields
end

return M
