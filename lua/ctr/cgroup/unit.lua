--- A container's systemd unit: its name, its slice, and what its resources are called there.
-- Pure. Facts: systemd.unit(5), systemd.resource-control(5), org.freedesktop.systemd1(5).
-- @module ctr.cgroup.unit

local errors = require("ctr.errors")
local files = require("ctr.cgroup.files")
local sorted = require("ctr.sorted")

local M = {}

local UNIT_MAX = 255
local INFINITY = "18446744073709551615"
local DEFAULT_PERIOD = 100000
local QUOTA_STEP = 10000 -- systemd keeps quotas of a second in steps of ten milliseconds

local function invalid(key, reason)
  local path = "cgroups." .. key
  return nil, errors.new("ConfigInvalid", path .. " " .. reason, { path = path })
end

local function given(text)
  return text ~= nil and text ~= ""
end

-- What a unit's name may not hold stands there as systemd-escape(1) has it.
local function escape(text)
  return (text:gsub("[^%w:_.%-]", function(char)
    return ("\\x%02x"):format(char:byte())
  end))
end

--- The cgroup of a slice below the manager's: `a-b.slice` lies in `a.slice`.
-- @tparam string slice
-- @treturn[1] string "" for the root
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.slice_path(slice)
  if slice == "-.slice" or slice == "-" then
    return ""
  end
  local stem = slice:match("^(.+)%.slice$")
  if not stem or stem:find("/", 1, true) or ("-" .. stem .. "-"):find("--", 1, true) then
    return nil, "is not the name of a slice, as in system.slice"
  end
  local path, prefix = {}, ""
  for part in stem:gmatch("[^-]+") do
    prefix = prefix == "" and part or prefix .. "-" .. part
    path[#path + 1] = prefix .. ".slice"
  end
  return table.concat(path, "/")
end

--- Where a container's unit lies.
-- @tparam table config `cgroups` of the configuration: `parent` is the slice, `scope_prefix` and
-- `name` make the unit's name; a name that ends in `.slice` is a slice of its own, one that ends in
-- `.scope` the unit's where it has no prefix
-- @tparam string id the container's
-- @tparam boolean user of the user's manager: the slice is `user.slice` there by default
-- @treturn[1] table `name`, `slice`, `path` (below the manager's cgroup), `is_slice`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.of(config, id, user)
  if given(config.path) then
    return invalid("path", "has no meaning with systemd: it takes parent, scope_prefix and name")
  end
  local slice = given(config.parent) and config.parent or user and "user.slice" or "system.slice"
  local above, reason = M.slice_path(slice)
  if not above then
    return invalid("parent", reason)
  end
  local name = escape(given(config.name) and config.name or id)
  local is_slice = name:find("%.slice$") ~= nil
  local is_whole = is_slice or (given(config.name) and not given(config.scope_prefix)
    and name:find("%.scope$") ~= nil)
  if not is_whole then
    local prefix = given(config.scope_prefix) and config.scope_prefix or "ctr"
    name = escape(prefix) .. "-" .. name .. ".scope"
  end
  if #name > UNIT_MAX then
    return invalid("name", ("makes a unit's name of more than %d bytes"):format(UNIT_MAX))
  end
  return { name = name, slice = slice, is_slice = is_slice,
    path = above == "" and name or above .. "/" .. name }
end

local function limit(value)
  return value == -1 and INFINITY or files.plain(value)
end

-- Quota per second, rounded up.
local function per_second(quota, period)
  return math.ceil(quota * 1e6 / period / QUOTA_STEP) * QUOTA_STEP
end

local function quota_per_second(quota, period)
  return quota < 0 and INFINITY or files.plain(per_second(quota, period))
end

--- Rounds the quota up as systemd does, which writes it again when it reloads.
-- @tparam table resources fields of `cgroups`
-- @treturn table the same one where there is nothing to be rounded
function M.rounded(resources)
  local quota, period = resources.cpu_quota or 0, resources.cpu_period or 0
  if quota <= 0 then
    return resources
  end
  period = period ~= 0 and period or DEFAULT_PERIOD
  return setmetatable({ cpu_quota = math.floor(per_second(quota, period) * period / 1e6) },
    { __index = resources })
end

-- "0-3,7" as systemd takes it: a bit for each number, the lowest byte first.
local function mask_of(list)
  local bytes = {}
  for first, last in list:gmatch("(%d+)%-?(%d*)") do
    for number = tonumber(first), tonumber(last ~= "" and last or first) do
      local index = math.floor(number / 8) + 1
      bytes[index] = (bytes[index] or 0) + 2 ^ (number % 8)
    end
  end
  local text = {}
  for index = 1, table.maxn(bytes) do
    text[index] = string.char(bytes[index] or 0)
  end
  return table.concat(text)
end

local function add_quota(add, quota, period)
  add("CPUQuotaPeriodUSec", "t", files.plain(period))
  add("CPUQuotaPerSecUSec", "t", quota_per_second(quota, period))
end

local function add_cpu(add, resources, weight_of)
  local quota, period = resources.cpu_quota or 0, resources.cpu_period or 0
  if quota ~= 0 or period ~= 0 then
    add_quota(add, quota ~= 0 and quota or -1, period ~= 0 and period or DEFAULT_PERIOD)
  end
  for _, row in ipairs({ { "AllowedCPUs", resources.cpuset_cpus },
    { "AllowedMemoryNodes", resources.cpuset_mems } }) do
    if given(row[2]) then
      add(row[1], "ay", mask_of(row[2]))
    end
  end
  weight_of(add, resources)
end

local function add_rows(add, resources, rows)
  for _, row in ipairs(rows) do
    if files.is_set(resources[row[1]]) then
      add(row[2], "t", limit(resources[row[1]]))
    end
  end
end

local V2_ROWS = {
  { "memory", "MemoryMax" }, { "memory_high", "MemoryHigh" }, { "memory_low", "MemoryLow" },
  { "memory_reservation", "MemoryLow" }, { "memory_min", "MemoryMin" },
  { "pids_limit", "TasksMax" },
}

local function v2_weight(add, resources)
  local v2 = require("ctr.cgroup.v2_files")
  if resources.cpu_idle == 1 then
    add("CPUWeight", "t", "0")
  elseif files.is_set(resources.cpu_weight) then
    add("CPUWeight", "t", files.plain(resources.cpu_weight))
  elseif files.is_set(resources.cpu_shares) then
    add("CPUWeight", "t", files.plain(v2.weight(resources.cpu_shares)))
  end
end

-- Files of `unified` that systemd has a property for: it would write its own value again.
local UNIFIED = {
  ["memory.max"] = "MemoryMax", ["memory.high"] = "MemoryHigh", ["memory.low"] = "MemoryLow",
  ["memory.min"] = "MemoryMin", ["memory.swap.max"] = "MemorySwapMax", ["pids.max"] = "TasksMax",
  ["cpu.weight"] = "CPUWeight",
}

-- Those of another form: what is no such value is left to the kernel, which refuses it.
local unified_forms = {}

unified_forms["cpu.max"] = function(add, text)
  local quota, period = text:match("^%s*(%w+)%s*(%d*)%s*$")
  quota, period = quota == "max" and -1 or tonumber(quota), tonumber(period) or DEFAULT_PERIOD
  if quota and period > 0 then
    add_quota(add, quota, period)
  end
end

unified_forms["cpu.idle"] = function(add, text)
  if tonumber(text) == 1 then
    add("CPUWeight", "t", "0")
  end
end

for file, name in pairs({ ["cpuset.cpus"] = "AllowedCPUs",
  ["cpuset.mems"] = "AllowedMemoryNodes" }) do
  unified_forms[file] = function(add, text)
    if text:find("%d") and not text:find("[^%d,%s-]") then
      add(name, "ay", mask_of(text))
    end
  end
end

local function add_unified(add, resources)
  local unified = resources.unified or {}
  local is_idle = tonumber(unified["cpu.idle"]) == 1
  for _, name in ipairs(sorted(unified)) do
    local value = unified[name]:match("^%s*(%w+)%s*$")
    if unified_forms[name] then
      unified_forms[name](add, unified[name])
    elseif UNIFIED[name] and value and (value == "max" or tonumber(value))
      and not (is_idle and name == "cpu.weight") then
      add(UNIFIED[name], "t", value == "max" and INFINITY or value)
    end
  end
end

local V1_ROWS = { { "memory", "MemoryLimit" }, { "cpu_shares", "CPUShares" },
  { "blkio_weight", "BlockIOWeight" }, { "pids_limit", "TasksMax" } }

local function nothing()
end

--- The properties that a container's resources are called for systemd: it writes them again when it
-- reloads, and must not write others.
-- @tparam table resources fields of `cgroups`
-- @tparam boolean unified cgroup v2
-- @treturn[1] table a list of `{ name, signature, value }`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.properties(resources, unified)
  local list = {}
  local function add(name, signature, value)
    list[#list + 1] = { name, signature, value }
  end
  if not unified then
    add_rows(add, resources, V1_ROWS)
    add_cpu(add, resources, nothing)
    return list
  end
  add_rows(add, resources, V2_ROWS)
  local swap, err = require("ctr.cgroup.v2_files").swap(resources)
  if err then
    return nil, err
  end
  if swap then
    add("MemorySwapMax", "t", swap == "max" and INFINITY or swap)
  end
  add_cpu(add, resources, v2_weight)
  add_unified(add, resources)
  return list
end

--- The properties that a configuration has by their names, sorted.
-- @tparam table config `cgroups` of the configuration
-- @treturn table a list of `{ name, signature, value }`
function M.given_properties(config)
  local list = {}
  for index, name in ipairs(sorted(config.systemd_properties or {})) do
    list[index] = assert(require("ctr.cgroup.gvariant").property(name,
      config.systemd_properties[name]))
  end
  return list
end

-- What stands for "not set"; of all others it is infinity.
local UNSET = { MemoryLow = "0", MemoryMin = "0", AllowedCPUs = "", AllowedMemoryNodes = "" }

--- What takes a change of properties back.
-- @tparam table changed the list that was set
-- @tparam table old the list before: what is not in it was not set
-- @treturn table
function M.inverse(changed, old)
  local list, known = {}, {}
  for index, property in ipairs(old) do
    list[index] = property
    known[property[1]] = true
  end
  for _, property in ipairs(changed) do
    local name, signature = property[1], property[2]
    if not known[name] then
      list[#list + 1] = { name, signature, UNSET[name] or INFINITY }
      known[name] = true
    end
  end
  return list
end

return M
