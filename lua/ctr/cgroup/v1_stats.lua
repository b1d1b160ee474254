--- What the v1 hierarchies say of a container, in libcontainer's shape.
-- @module ctr.cgroup.v1_stats

local counters = require("ctr.cgroup.counters")
local tree = require("ctr.cgroup.tree")

local M = {}

local TICK = 1e7 -- nanoseconds: the kernel's USER_HZ is 100 everywhere

local value = counters.value

-- Reads files of one hierarchy; nil for what is not there.
local function reader(node)
  return function(file)
    return (tree.read_file(node, file))
  end
end

local function usage_all(text)
  local kernel, user = {}, {}
  for in_user, in_kernel in (text or ""):gmatch("\n%d+ (%d+) (%d+)") do
    user[#user + 1], kernel[#kernel + 1] = value(in_user), value(in_kernel)
  end
  return kernel, user
end

local function ticks(count)
  return count and tonumber(count) * TICK
end

local parts = {}

function parts.cpuacct(stats, read)
  local times = counters.pairs(read("cpuacct.stat"))
  local usage = stats.cpu_stats.cpu_usage
  usage.total_usage = value(read("cpuacct.usage"))
  usage.percpu_usage = counters.list(read("cpuacct.usage_percpu"))
  usage.usage_in_usermode, usage.usage_in_kernelmode = ticks(times.user), ticks(times.system)
  usage.percpu_usage_in_kernelmode, usage.percpu_usage_in_usermode =
    usage_all(read("cpuacct.usage_all"))
end

function parts.cpu(stats, read)
  local stat = counters.pairs(read("cpu.stat"))
  stats.cpu_stats.throttling_data = {
    periods = stat.nr_periods or 0, throttled_periods = stat.nr_throttled or 0,
    throttled_time = stat.throttled_time or 0,
  }
  if stat.nr_bursts then
    stats.cpu_stats.burst_data = { bursts_periods = stat.nr_bursts, burst_time = stat.burst_time }
  end
end

local CPUSET_FLAGS = { "cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate",
  "memory_spread_page", "memory_spread_slab", "memory_pressure", "sched_load_balance",
  "sched_relax_domain_level" }

function parts.cpuset(stats, read)
  local cpuset = { cpus = counters.set(read("cpuset.cpus")),
    mems = counters.set(read("cpuset.mems")) }
  for _, name in ipairs(CPUSET_FLAGS) do
    cpuset[name] = tonumber((read("cpuset." .. name)))
  end
  stats.cpuset_stats = cpuset
end

-- One kind of memory; nil where the kernel does not count it.
local function memory_data(read, kind)
  local prefix = kind == "" and "memory." or "memory." .. kind .. "."
  local usage = value(read(prefix .. "usage_in_bytes"))
  if not usage then
    return nil
  end
  return {
    usage = usage, max_usage = value(read(prefix .. "max_usage_in_bytes")),
    failcnt = value(read(prefix .. "failcnt")), limit = value(read(prefix .. "limit_in_bytes")),
  }
end

local function swap_only(usage, swap)
  if not usage or not swap then
    return nil
  end
  local numbers = {}
  for key, both in pairs(swap) do
    local memory = tonumber(usage[key])
    numbers[key] = memory and math.max(tonumber(both) - memory, 0)
  end
  return { usage = numbers.usage, max_usage = numbers.max_usage, failcnt = swap.failcnt,
    limit = swap.limit }
end

local NUMA = { total = true, file = true, anon = true, unevictable = true }

-- "total=8 N0=8", and the same for all below with hierarchical_ in front.
local function numa_pages(text)
  local pages = { hierarchical = {} }
  for line in (text or ""):gmatch("[^\n]+") do
    local name, total, rest = line:match("^([%a_]+)=(%d+)(.*)$")
    local kind = (name or ""):gsub("^hierarchical_", "")
    if NUMA[kind] then
      local nodes = {}
      for node, count in rest:gmatch("N(%d+)=(%d+)") do
        nodes[node] = value(count)
      end
      local target = kind == name and pages or pages.hierarchical
      target[kind] = { total = value(total), nodes = nodes }
    end
  end
  return pages
end

function parts.memory(stats, read)
  local stat = counters.pairs(read("memory.stat"))
  local memory = stats.memory_stats
  memory.stats, memory.cache = stat, stat.cache
  memory.usage = memory_data(read, "")
  memory.swap_usage = memory_data(read, "memsw")
  memory.swap_only_usage = swap_only(memory.usage, memory.swap_usage)
  memory.kernel_usage = memory_data(read, "kmem")
  memory.kernel_tcp_usage = memory_data(read, "kmem.tcp")
  memory.use_hierarchy = read("memory.use_hierarchy") == "1"
  memory.page_usage_by_numa = numa_pages(read("memory.numa_stat"))
end

function parts.pids(stats, read)
  local limit = read("pids.max")
  stats.pids_stats = { current = value(read("pids.current")),
    limit = limit == "max" and 0 or value(limit) }
end

-- Lines of "8:0 Read 4096", or of "8:0 4096" where there is but one kind.
local function block_entries(text)
  local entries = {}
  for line in (text or ""):gmatch("[^\n]+") do
    local major, minor, op, count = line:match("^(%d+):(%d+) (%a*) ?(%d+)$")
    if major then
      entries[#entries + 1] = { major = tonumber(major), minor = tonumber(minor), op = op,
        value = value(count) }
    end
  end
  return entries
end

local BLKIO = {
  { "io_service_bytes_recursive", "io_service_bytes_recursive" },
  { "io_serviced_recursive", "io_serviced_recursive" },
  { "io_queued_recursive", "io_queued_recursive" },
  { "io_service_time_recursive", "io_service_time_recursive" },
  { "io_wait_time_recursive", "io_wait_time_recursive" },
  { "io_merged_recursive", "io_merged_recursive" },
  { "io_time_recursive", "time_recursive" },
  { "sectors_recursive", "sectors_recursive" },
}

-- BFQ counts more than the throttle does, but only what went through it.
function parts.blkio(stats, read)
  local blkio = stats.blkio_stats
  for _, row in ipairs(BLKIO) do
    blkio[row[1]] = block_entries(read("blkio.bfq." .. row[2]) or read("blkio." .. row[2]))
  end
  for _, name in ipairs({ "io_service_bytes", "io_serviced" }) do
    if #blkio[name .. "_recursive"] == 0 then
      blkio[name .. "_recursive"] = block_entries(read("blkio.throttle." .. name .. "_recursive")
        or read("blkio.throttle." .. name))
    end
  end
end

function parts.hugetlb(stats, read, sizes)
  for _, size in ipairs(sizes) do
    local prefix = "hugetlb." .. size .. "."
    local usage = value(read(prefix .. "usage_in_bytes"))
    if usage then
      stats.hugetlb_stats[size] = { usage = usage,
        max_usage = value(read(prefix .. "max_usage_in_bytes")),
        failcnt = value(read(prefix .. "failcnt")) }
    end
  end
end

function parts.rdma(stats, read)
  stats.rdma_stats = { rdma_limit = counters.rdma(read("rdma.max")),
    rdma_current = counters.rdma(read("rdma.current")) }
end

function parts.misc(stats, read)
  local events = counters.pairs(read("misc.events"))
  for name, usage in pairs(counters.pairs(read("misc.current"))) do
    stats.misc_stats[name] = { usage = usage, events = events[name .. ".max"] }
  end
end

--- Reads what each controller counts.
-- @tparam ctr.CgroupManager manager
-- @tparam table stats gets it: its tables are there
-- @tparam {string,…} sizes of huge pages: "2MB"
-- @treturn true
function M.read(manager, stats, sizes)
  for name, part in pairs(parts) do
    local node = manager:find(name)
    if node then
      part(stats, reader(node), sizes)
    end
  end
  return true
end

return M
