--- Changes the limits of a container that runs.
-- @module ctr.cgroup.change

local apply = require("ctr.cgroup.apply")
local errors = require("ctr.errors")

local M = {}

-- Memory and swap together have to hold what is in memory now, and memory alone.
local function check_usage(manager, resources)
  if not resources.memory_check_before_update then
    return true
  end
  local usage = manager.driver.memory_usage(manager) or 0
  for _, key in ipairs({ "memory_swap", "memory" }) do
    local limit, path = resources[key] or 0, "cgroups." .. key
    if limit > 0 and usage >= limit then
      return nil, errors.new("ConfigInvalid",
        ("%s must not be below what is in use (%.0f bytes)"):format(path, usage), { path = path })
    end
  end
  return true
end

-- All or nothing: after a failure the earlier writes are taken back.
local function apply_all(manager, resources, writes)
  local journal = {}
  local ok, err = manager.driver.set(manager, resources, writes, journal)
  if ok then
    ok, err = manager:publish(resources)
  end
  if ok then
    return true
  end
  local undone, problem = apply.undo(journal)
  if not undone then
    err.message = ("%s; and %s"):format(tostring(err), tostring(problem))
  end
  return nil, err
end

--- Sets limits, device rules and the freezer's state of a cgroup in use.
-- @tparam ctr.CgroupManager manager
-- @tparam table resources fields of `cgroups`
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error its `path` is the key
function M.set(manager, resources)
  resources = manager:rounded(resources)
  local ok, result = manager.driver.check(manager, resources)
  if not ok then
    return nil, result
  end
  local err
  ok, err = check_usage(manager, resources)
  if ok then
    ok, err = apply_all(manager, resources, result)
  end
  if not ok then
    return nil, err
  end
  if resources.freezer and resources.freezer ~= "" then
    return manager:freeze(resources.freezer)
  end
  return true
end

return M
