--- What this machine can do, what is missing, and the command that mends it.
--
-- A check is data: `name`, `group`, `why` (what needs it), `is_essential` (true, false, or
-- `function(machine)`: nothing starts without it), `probe(machine)`, `remedy` (a command, or
-- `function(machine)`), and `errors`: patterns of what an error says that comes of it. A probe
-- returns whether it is there, or nil where that cannot be told, and what was found, for people. A
-- machine answers the questions of the probes (`ctr.doctor.machine`).
-- @module ctr.doctor

local M = {}

local PARTS = { "kernel", "cgroups", "rootless", "programs" }

--- All checks, in their order.
-- @treturn table a list
function M.checks()
  local list = {}
  for _, part in ipairs(PARTS) do
    for _, check in ipairs(require("ctr.doctor." .. part)) do
      list[#list + 1] = check
    end
  end
  return list
end

local function value_of(value, machine)
  if type(value) == "function" then
    return value(machine)
  end
  return value
end

local function status_of(is_there, is_essential)
  if is_there then
    return "ok"
  elseif is_there == nil then
    return "unknown"
  end
  return is_essential and "missing" or "absent"
end

-- A probe that fails says what it met: the others go on.
local function probe(check, machine)
  local ok, is_there, found = pcall(check.probe, machine)
  if not ok then
    return nil, tostring(is_there)
  end
  return is_there, found
end

local function result_of(check, machine)
  local is_there, found = probe(check, machine)
  local is_essential = value_of(check.is_essential, machine) == true
  return {
    name = check.name, group = check.group, why = check.why, found = found or "",
    is_essential = is_essential, status = status_of(is_there, is_essential),
    remedy = is_there == false and value_of(check.remedy, machine) or nil,
  }
end

--- Looks at the machine.
-- @tparam[opt] table machine
-- @tparam[opt] table checks
-- @treturn table a list of `name`, `group`, `why`, `found`, `is_essential`, `status` ("ok",
-- "missing": nothing starts without it, "absent": some things cannot be done, "unknown"), `remedy`
-- @treturn boolean whether all that is essential is there
function M.run(machine, checks)
  machine = machine or require("ctr.doctor.machine").new()
  local results, is_well = {}, true
  for index, check in ipairs(checks or M.checks()) do
    results[index] = result_of(check, machine)
    is_well = is_well and results[index].status ~= "missing"
  end
  return results, is_well
end

--- Finds the check that an error comes of.
-- @param err an error, or text
-- @treturn ?string the check's name; nil where none knows it
function M.knows(err)
  local text = tostring(err)
  for _, check in ipairs(M.checks()) do
    for _, pattern in ipairs(check.errors or {}) do
      if text:find(pattern) then
        return check.name
      end
    end
  end
  return nil
end

return M
