--- The statistics of an event as engines read them. Pure: from libcontainer's shape
-- (`ctr.cgroup.stats`) to JSON whose members have an order.
--
-- Counters are whole numbers, written in full; what is unknown is left out.
-- @module ctr.cli.stats

local M = {}

local function text(value)
  return '"' .. value:gsub('[%c"\\]', function(char)
    return ("\\u%04x"):format(char:byte())
  end) .. '"'
end

-- A counter is a number that is exact, or digits.
local function count(value)
  if value == nil then
    return nil
  end
  return type(value) == "string" and value or ("%.0f"):format(value)
end

local function percent(value)
  return value and ("%.2f"):format(value)
end

-- Of members in their order, each a name and JSON; those without JSON are left out. Nil where there
-- are none.
local function object(members, is_wanted)
  local parts = {}
  for _, member in ipairs(members) do
    if member[2] then
      parts[#parts + 1] = text(member[1]) .. ":" .. member[2]
    end
  end
  if #parts == 0 and not is_wanted then
    return nil
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function array(list, convert)
  if not list then
    return nil
  end
  local parts = {}
  for index, item in ipairs(list) do
    parts[index] = convert(item)
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

-- Of a map, with its names sorted.
local function map(values, convert)
  local names = {}
  for name in pairs(values or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  local members = {}
  for index, name in ipairs(names) do
    members[index] = { name, convert(values[name]) }
  end
  return object(members, true)
end

local function pressure_line(line)
  return line and object({
    { "avg10", percent(line.avg10) }, { "avg60", percent(line.avg60) },
    { "avg300", percent(line.avg300) }, { "total", count(line.total) },
  })
end

local function pressure(psi)
  return psi and object({
    { "some", pressure_line(psi.some) }, { "full", pressure_line(psi.full) },
  })
end

local function cpu(stats)
  local usage, throttling = stats.cpu_usage or {}, stats.throttling_data or {}
  local percpu = usage.percpu_usage
  return object({
    { "usage", object({
      { "total", count(usage.total_usage) }, { "kernel", count(usage.usage_in_kernelmode) },
      { "user", count(usage.usage_in_usermode) },
      { "percpu", percpu and #percpu > 0 and array(percpu, count) or nil },
    }, true) },
    { "throttling", object({
      { "periods", count(throttling.periods) },
      { "throttledPeriods", count(throttling.throttled_periods) },
      { "throttledTime", count(throttling.throttled_time) },
    }, true) },
    { "psi", pressure(stats.psi) },
  })
end

local function cpuset(stats)
  return object({
    { "cpus", array(stats.cpus, count) }, { "mems", array(stats.mems, count) },
  }, true)
end

local function memory_entry(entry)
  return entry and object({
    { "limit", count(entry.limit) }, { "usage", count(entry.usage) },
    { "max", count(entry.max_usage) }, { "failcnt", count(entry.failcnt) },
  })
end

local function memory(stats)
  return object({
    { "cache", count(stats.cache) },
    { "usage", memory_entry(stats.usage) },
    { "swap", memory_entry(stats.swap_usage) },
    { "kernel", memory_entry(stats.kernel_usage) },
    { "kernelTCP", memory_entry(stats.kernel_tcp_usage) },
    { "raw", next(stats.stats or {}) ~= nil and map(stats.stats, count) or nil },
    { "psi", pressure(stats.psi) },
  }, true)
end

local function pids(stats)
  return object({ { "current", count(stats.current) }, { "limit", count(stats.limit) } }, true)
end

local function block_entry(entry)
  return object({
    { "major", count(entry.major) }, { "minor", count(entry.minor) },
    { "op", entry.op and entry.op ~= "" and text(entry.op) or nil },
    { "value", count(entry.value) },
  })
end

-- The standard's names; the third is spelled so.
local BLOCK = {
  { "ioServiceBytesRecursive", "io_service_bytes_recursive" },
  { "ioServicedRecursive", "io_serviced_recursive" },
  { "ioQueueRecursive", "io_queued_recursive" },
  { "ioServiceTimeRecursive", "io_service_time_recursive" },
  { "ioWaitTimeRecursive", "io_wait_time_recursive" },
  { "ioMergedRecursive", "io_merged_recursive" },
  { "ioTimeRecursive", "io_time_recursive" },
  { "sectorsRecursive", "sectors_recursive" },
}

local function block_io(stats)
  local members = {}
  for index, row in ipairs(BLOCK) do
    members[index] = { row[1], array(stats[row[2]], block_entry) }
  end
  members[#members + 1] = { "psi", pressure(stats.psi) }
  return object(members, true)
end

local function huge_pages(entry)
  return object({
    { "usage", count(entry.usage) }, { "max", count(entry.max_usage) },
    { "failcnt", count(entry.failcnt) },
  }, true)
end

local INTERFACE = {
  { "RxBytes", "rx_bytes" }, { "RxPackets", "rx_packets" }, { "RxErrors", "rx_errors" },
  { "RxDropped", "rx_dropped" }, { "TxBytes", "tx_bytes" }, { "TxPackets", "tx_packets" },
  { "TxErrors", "tx_errors" }, { "TxDropped", "tx_dropped" },
}

local function interface(entry)
  local members = { { "Name", text(entry.name) } }
  for _, row in ipairs(INTERFACE) do
    members[#members + 1] = { row[1], count(entry[row[2]]) }
  end
  return object(members)
end

--- The object `data` of an event.
-- @tparam table stats `cgroup_stats` and `interfaces` of `container:stats()`
-- @tparam[opt="{}"] string rdt JSON of what resctrl counts
-- @treturn string JSON
function M.data(stats, rdt)
  local cgroups = stats.cgroup_stats or {}
  return object({
    { "cpu", cpu(cgroups.cpu_stats or {}) },
    { "cpuset", cgroups.cpuset_stats and cpuset(cgroups.cpuset_stats) },
    { "memory", memory(cgroups.memory_stats or {}) },
    { "pids", pids(cgroups.pids_stats or {}) },
    { "blkio", block_io(cgroups.blkio_stats or {}) },
    { "hugetlb", map(cgroups.hugetlb_stats, huge_pages) },
    { "intel_rdt", rdt or "{}" },
    { "network_interfaces", array(stats.interfaces or {}, interface) },
  })
end

--- The line of an event.
-- @tparam string kind "stats" or "oom"
-- @tparam string id the container's
-- @tparam ?string data JSON
-- @treturn string with its newline
function M.line(kind, id, data)
  return object({ { "type", text(kind) }, { "id", text(id) }, { "data", data } }) .. "\n"
end

--- Reads the interfaces of a `/proc/PID/net/dev`.
-- @tparam ?string content
-- @treturn table a list of `name`, `rx_bytes`, … as `container:stats().interfaces`; digits
function M.interfaces(content)
  local list = {}
  for name, rest in (content or ""):gmatch("\n%s*([^%s:]+):([^\n]*)") do
    local numbers = {}
    for number in rest:gmatch("%d+") do
      numbers[#numbers + 1] = number
    end
    list[#list + 1] = {
      name = name,
      rx_bytes = numbers[1], rx_packets = numbers[2], rx_errors = numbers[3],
      rx_dropped = numbers[4], tx_bytes = numbers[9], tx_packets = numbers[10],
      tx_errors = numbers[11], tx_dropped = numbers[12],
    }
  end
  return list
end

return M
