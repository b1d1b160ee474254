--- The operations by which a process enters its cgroups, and gets their CPUs.
-- @module ctr.plan.cgroups

local namespaces = require("ctr.plan.namespaces")

local M = {}

-- Shared, and so never changed.
local NONE = {}

-- systemd moves a process that waits for it, at once; files are joined by the process itself.
local function add_joins(add, facts)
  if facts.joins_by_pid then
    add("cgroup_sync", NONE, NONE, "cgroups", "systemd's unit for the container")
  end
  for index, name in ipairs(facts.cgroups or NONE) do
    add("cgroup_join", { "@cgroup:" .. index }, NONE, "cgroups", name)
  end
end

-- The CPUs that the caller keeps to are its own affair: the container has those of its cpuset.
local function add_all_cpus(add, facts)
  if facts.enters_cgroup then
    add("cpu_affinity", NONE, NONE, "cgroups", "all of the cpuset")
  end
end

--- Adds what the container's first process does at once.
-- @tparam function add `add(op, nums, strings, config_path, label)`
-- @tparam table config
-- @tparam table facts as `ctr.plan` has them
function M.add_early(add, config, facts)
  if config.intel_rdt then
    add("intel_rdt", NONE, NONE, "intel_rdt", config.intel_rdt).by = "parent"
  end
  add_joins(add, facts)
  if not facts.joins_late then
    add_all_cpus(add, facts)
  end
end

--- Adds what it does when the library has made the cgroups meanwhile.
-- @tparam function add
-- @tparam table facts
-- @tparam table spaces of `namespaces.sort`
function M.add_late(add, facts, spaces)
  if not facts.joins_late then
    return
  end
  add("cgroup_sync", NONE, NONE, "cgroups", "the container's, made meanwhile")
  add_all_cpus(add, facts)
  if spaces.new.NEWCGROUP then
    add("unshare", { namespaces.CLONE.NEWCGROUP }, NONE, "namespaces")
  end
end

--- Adds what a process does that is added to a running container.
-- @tparam function add
-- @tparam table process merged
-- @tparam table facts
function M.add_further(add, process, facts)
  local affinity = process.cpu_affinity
  if not affinity or affinity.initial .. affinity.final == "" then
    add_joins(add, facts)
    add_all_cpus(add, facts)
    return
  end
  local attributes = require("ctr.plan.attributes")
  attributes.add_affinity(add, process, "initial")
  add_joins(add, facts)
  attributes.add_affinity(add, process, "final")
end

return M
