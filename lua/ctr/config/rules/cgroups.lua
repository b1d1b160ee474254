--- What the schema and the validation refer to for cgroups.
-- Each check takes a value and returns what to keep (or true), or nil, a text and a key.
-- @module ctr.config.rules.cgroups

local M = {}

local PAGE_UNITS = { KB = true, MB = true, GB = true }

--- Checks the size of a page as it stands in file names: `2MB`.
function M.page_size(text)
  local unit = text:match("^[1-9]%d*(%u%u)$")
  if unit and PAGE_UNITS[unit] and #text <= 8 then
    return true
  end
  return nil, "must be the size of a page, as in 64KB, 2MB or 1GB"
end

--- Checks the name of a network interface.
function M.interface(name)
  if #name >= 1 and #name <= 15 and not name:find("[%s/]") and name ~= "." and name ~= ".." then
    return true
  end
  return nil, "must be the name of a network interface"
end

--- Checks that a device's entry says a weight.
function M.has_weight(entry)
  if entry.weight or entry.leaf_weight then
    return true
  end
  return nil, "must have a weight or a leaf_weight"
end

--- Checks that an RDMA device's entry limits something.
function M.has_rdma_limit(entry)
  if entry.hca_handles or entry.hca_objects then
    return true
  end
  return nil, "must have hca_handles or hca_objects"
end

--- Accepts the name of an RDMA device.
function M.rdma_device(name)
  if name:find("^[%w_.%-]+$") then
    return name
  end
  return nil, "is not the name of an RDMA device"
end

-- What the container's life hangs on is not for a map of files.
local OWN_FILES = {
  ["cgroup.procs"] = true, ["cgroup.threads"] = true, ["cgroup.kill"] = true,
  ["cgroup.freeze"] = true, ["cgroup.type"] = true, ["cgroup.subtree_control"] = true,
}

--- Accepts the name of a cgroup2 file: one that would move processes or end them is refused.
function M.unified_file(name)
  if not name:find("^[%a_][%w_]*%.[%w_.]+$") or name:find("..", 1, true) then
    return nil, "is not the name of a file of cgroup v2, as in memory.high"
  end
  if OWN_FILES[name] then
    return nil, "is not for `unified`: it is how the container itself is run"
  end
  return name
end

--- Accepts the name of a unit's property.
function M.unit_property(name)
  if name:find("^%a%a%a+$") then
    return name
  end
  return nil, "is not the name of a unit's property, as in TimeoutStopUSec"
end

--- Checks that the properties of a unit can be read.
function M.unit_properties(properties)
  local gvariant = require("ctr.cgroup.gvariant")
  for name, text in pairs(properties) do
    local property, problem = gvariant.property(name, text)
    if not property then
      return nil, problem, name
    end
  end
  return true
end

local function add(problems, path, text)
  problems[#problems + 1] = { path = path, text = text }
end

local function check_swap(problems, cgroups)
  local memory, swap = cgroups.memory, cgroups.memory_swap
  if memory and swap and swap ~= -1 and (memory == -1 or swap < memory) then
    add(problems, "cgroups.memory_swap", "must not be less than memory: it is both together")
  end
end

local function check_cpu(problems, cgroups)
  local burst, quota = cgroups.cpu_burst, cgroups.cpu_quota
  if burst and burst > 0 and not (quota and quota > 0) then
    add(problems, "cgroups.cpu_burst", "needs a cpu_quota")
  elseif burst and burst > 0 and burst > quota then
    add(problems, "cgroups.cpu_burst", "must not be more than cpu_quota")
  end
  if cgroups.cpu_weight and cgroups.cpu_shares then
    add(problems, "cgroups.cpu_weight", "must not stand together with cpu_shares")
  end
end

--- Finds what is wrong across the keys of `cgroups`.
-- @tparam table problems `{ path, text }` each; gets what is found
-- @tparam table config
function M.config(problems, config)
  local cgroups = config.cgroups
  if cgroups.path and (cgroups.name or cgroups.parent) then
    add(problems, "cgroups.path", "must not stand together with name or parent")
  end
  check_swap(problems, cgroups)
  check_cpu(problems, cgroups)
  if cgroups.memory_low and cgroups.memory_reservation then
    add(problems, "cgroups.memory_low", "must not stand together with memory_reservation")
  end
end

return M
