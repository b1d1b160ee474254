--- What the cgroup2 tree says of a container, in libcontainer's shape.
-- @module ctr.cgroup.v2_stats

local counters = require("ctr.cgroup.counters")
local tree = require("ctr.cgroup.tree")

local M = {}

local value = counters.value

local function nanoseconds(microseconds)
  return microseconds and tonumber(microseconds) * 1000
end

local parts = {}

function parts.cpu(stats, read)
  local stat = counters.pairs(read("cpu.stat"))
  local cpu = stats.cpu_stats
  cpu.cpu_usage.total_usage = nanoseconds(stat.usage_usec)
  cpu.cpu_usage.usage_in_usermode = nanoseconds(stat.user_usec)
  cpu.cpu_usage.usage_in_kernelmode = nanoseconds(stat.system_usec)
  cpu.throttling_data = {
    periods = stat.nr_periods or 0, throttled_periods = stat.nr_throttled or 0,
    throttled_time = nanoseconds(stat.throttled_usec) or 0,
  }
  if stat.nr_bursts then
    cpu.burst_data = { bursts_periods = stat.nr_bursts, burst_time = nanoseconds(stat.burst_usec) }
  end
  cpu.psi = counters.pressure(read("cpu.pressure"))
end

function parts.cpuset(stats, read)
  local cpus = read("cpuset.cpus.effective")
  if cpus then
    stats.cpuset_stats = { cpus = counters.set(cpus),
      mems = counters.set(read("cpuset.mems.effective")) }
  end
end

local function sum(one, other)
  if not one or not other then
    return one or other
  end
  if one == counters.MAX or other == counters.MAX then
    return counters.MAX
  end
  return tonumber(one) + tonumber(other)
end

-- v1's swap is memory and swap together.
local function together(memory, swap)
  return { usage = sum(memory.usage, swap.usage), max_usage = sum(memory.max_usage, swap.max_usage),
    failcnt = swap.failcnt, limit = sum(memory.limit, swap.limit) }
end

function parts.memory(stats, read)
  local current = value(read("memory.current"))
  if not current then
    return
  end
  local memory = stats.memory_stats
  local stat, events = counters.pairs(read("memory.stat")), counters.pairs(read("memory.events"))
  memory.stats, memory.cache = stat, stat.file
  memory.use_hierarchy = true
  memory.usage = { usage = current, max_usage = value(read("memory.peak")),
    failcnt = events.max or 0, limit = value(read("memory.max")) }
  local swap = value(read("memory.swap.current"))
  if swap then
    local swap_events = counters.pairs(read("memory.swap.events"))
    memory.swap_only_usage = { usage = swap, max_usage = value(read("memory.swap.peak")),
      failcnt = swap_events.max or 0, limit = value(read("memory.swap.max")) }
    memory.swap_usage = together(memory.usage, memory.swap_only_usage)
  end
  memory.kernel_usage = { usage = stat.kernel or 0, failcnt = 0, limit = counters.MAX }
  memory.kernel_tcp_usage = { usage = stat.sock or 0, failcnt = 0, limit = counters.MAX }
  memory.events = events
  memory.psi = counters.pressure(read("memory.pressure"))
end

function parts.pids(stats, read)
  local limit = read("pids.max")
  if limit then
    stats.pids_stats = { current = value(read("pids.current")),
      limit = limit == "max" and 0 or value(limit) }
  end
end

-- What a field of io.stat is called in libcontainer.
local IO = {
  rbytes = { "io_service_bytes_recursive", "Read" },
  wbytes = { "io_service_bytes_recursive", "Write" },
  dbytes = { "io_service_bytes_recursive", "Discard" },
  rios = { "io_serviced_recursive", "Read" },
  wios = { "io_serviced_recursive", "Write" },
  dios = { "io_serviced_recursive", "Discard" },
  ["cost.usage"] = { "io_cost_usage", "Count" },
  ["cost.wait"] = { "io_cost_wait", "Count" },
  ["cost.indebt"] = { "io_cost_indebt", "Count" },
  ["cost.indelay"] = { "io_cost_indelay", "Count" },
}
local IO_ORDER = { "rbytes", "wbytes", "dbytes", "rios", "wios", "dios", "cost.usage", "cost.wait",
  "cost.indebt", "cost.indelay" }

local function add_device(blkio, major, minor, fields)
  for _, name in ipairs(IO_ORDER) do
    local row, count = IO[name], value(fields[name])
    if count then
      blkio[row[1]] = blkio[row[1]] or {}
      table.insert(blkio[row[1]],
        { major = tonumber(major), minor = tonumber(minor), op = row[2], value = count })
    end
  end
end

function parts.io(stats, read)
  for major, minor, rest in (read("io.stat") or ""):gmatch("(%d+):(%d+) ([^\n]+)") do
    add_device(stats.blkio_stats, major, minor, counters.fields(rest))
  end
  stats.blkio_stats.psi = counters.pressure(read("io.pressure"))
end

function parts.hugetlb(stats, read, sizes)
  for _, size in ipairs(sizes) do
    local prefix = "hugetlb." .. size .. "."
    local usage = value(read(prefix .. "current"))
    if usage then
      local events = counters.pairs(read(prefix .. "events"))
      stats.hugetlb_stats[size] = { usage = usage, failcnt = events.max or 0 }
    end
  end
end

function parts.rdma(stats, read)
  local current = read("rdma.current")
  if current then
    stats.rdma_stats = { rdma_limit = counters.rdma(read("rdma.max")),
      rdma_current = counters.rdma(current) }
  end
end

function parts.misc(stats, read)
  local events = counters.pairs(read("misc.events"))
  for name, usage in pairs(counters.pairs(read("misc.current"))) do
    stats.misc_stats[name] = { usage = usage, events = events[name .. ".max"] }
  end
end

-- The controllers that the directory has: files of others need not be tried.
local CONTROLLERS = { "cpuset", "memory", "pids", "io", "hugetlb", "rdma", "misc" }

local function read_all(dir, stats, sizes)
  local function read(file)
    return (tree.read(dir, file))
  end
  local enabled, err = tree.read(dir, "cgroup.controllers")
  if not enabled then
    return nil, err
  end
  parts.cpu(stats, read, sizes) -- times are counted without the controller as well
  for _, name in ipairs(CONTROLLERS) do
    if enabled:find("%f[%w]" .. name .. "%f[%W]") then
      parts[name](stats, read, sizes)
    elseif name == "memory" or name == "io" then
      local key = name == "io" and "blkio_stats" or "memory_stats"
      stats[key].psi = counters.pressure(read(name .. ".pressure"))
    end
  end
  return true
end

--- Reads what each controller counts: nothing before the cgroup is made, and after it has gone.
-- @tparam ctr.CgroupManager manager
-- @tparam table stats gets it: its tables are there
-- @tparam {string,…} sizes of huge pages: "2MB"
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.read(manager, stats, sizes)
  local ok, err = tree.with(manager.nodes[1], read_all, stats, sizes)
  if not ok and (err.errno == "ENOENT" or err.errno == "ENODEV") then
    return true
  end
  return ok, err
end

return M
