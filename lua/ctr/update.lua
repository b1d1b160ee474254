--- Changes what a container may use while it runs.
-- @module ctr.update

local cgroup_shapes = require("ctr.config.schema.cgroups")
local difference = require("ctr.config.difference")
local errors = require("ctr.errors")
local is_set = require("ctr.cgroup.files").is_set
local record = require("ctr.record")
local schema = require("ctr.config.schema")
local walker = require("ctr.config.walker")

local M = {}

-- What can be changed; everything else is as the container was made.
local LIVE = { cgroups = true, intel_rdt = true }

-- Of a class of caches, what it is given; which class it is stays.
local LIVE_RDT = { l3_cache_schema = true, mem_bw_schema = true, schemata = true }

-- A key that is an order, not a state.
local ORDERS = { freezer = true }

local function merged_fields(old, given)
  local result = record.copy(old or {})
  for key, value in pairs(given) do
    result[key] = value
  end
  return result
end

-- The whole configuration: what is not given stays. Who is given a share is idle no longer, as
-- systemd and runc have it.
local function merge(old, given)
  local result = record.copy(old)
  for key, value in pairs(given) do
    if LIVE[key] and type(value) == "table" then
      local fields = merged_fields(old[key], value)
      if fields.cpu_idle == 1 and value.cpu_idle == nil
        and (is_set(value.cpu_shares) or is_set(value.cpu_weight)) then
        fields.cpu_idle = 0
      end
      value = fields
    end
    result[key] = value
  end
  return result
end

local UNCHANGED = "cannot be changed any more"

local function check_unchanged(old, new)
  local problems = {}
  difference.add(problems, "", old, new, function(key) return LIVE[key] end, UNCHANGED)
  difference.add(problems, "cgroups.", old.cgroups, new.cgroups, function(key)
    return not cgroup_shapes.PLACE[key]
  end, UNCHANGED)
  if old.intel_rdt and new.intel_rdt then
    difference.add(problems, "intel_rdt.", old.intel_rdt, new.intel_rdt, function(key)
      return LIVE_RDT[key]
    end, UNCHANGED)
  end
  if #problems > 0 then
    table.sort(problems, function(a, b) return a.path < b.path end)
    return nil, errors.invalid(problems)
  end
  return true
end

-- Files that were named are written when they are named again: some of them are orders, too.
local function resources_of(new, given)
  local resources = record.copy(new)
  resources.unified = type(given) == "table" and given.unified and new.unified or nil
  return resources
end

-- What is merged is looked into before the schema does.
local function check_tables(given)
  local path, problem = "config", walker.table_problem(given)
  for key in pairs(LIVE) do
    if not problem and type(given[key]) == "table" then
      path, problem = key, walker.table_problem(given[key])
    end
  end
  if problem then
    return nil, errors.invalid({ { path = path, text = problem } })
  end
  return true
end

local function prepare(container, given)
  local plain, hidden = check_tables(given)
  if not plain then
    return nil, hidden
  end
  local config, err = schema.parse(merge(container.configuration, given))
  if not config then
    return nil, err
  end
  local ok, problem = check_unchanged(container.configuration, config)
  if not ok then
    return nil, problem
  end
  return config
end

local function save(container, config)
  for key in pairs(ORDERS) do
    config.cgroups[key] = nil
  end
  local old = container.configuration
  container.configuration, container.config_text = config, nil
  container.cgroup.config = config.cgroups
  local saved, err = record.save(container)
  if saved then
    return true
  end
  container.configuration, container.config_text = old, nil
  container.cgroup.config = old.cgroups
  container.cgroup:set(resources_of(old.cgroups))
  return nil, err
end

--- Changes the limits and the cache classes of a container whose lock is held: all or nothing.
-- @tparam ctr.Container container
-- @tparam table given a configuration, or some of its keys; what is not given stays as it is
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `SystemError`
function M.set(container, given)
  local config, err = prepare(container, given)
  if not config then
    return nil, err
  end
  local ok, problem = container.cgroup:set(resources_of(config.cgroups, given.cgroups))
  if not ok then
    return nil, problem
  end
  if config.intel_rdt then
    ok, problem = require("ctr.intel_rdt").set(container, config)
    if not ok then
      container.cgroup:set(resources_of(container.configuration.cgroups))
      return nil, problem
    end
  end
  return save(container, config)
end

return M
