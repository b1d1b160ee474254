--- What a container's cgroups count, in libcontainer's shape, from every layout.
-- @module ctr.cgroup.stats

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local HUGEPAGES = "/sys/kernel/mm/hugepages"

-- The sizes of huge pages as cgroup files name them. A machine's sizes never change.
local sizes

local function size_name(kilobytes)
  if kilobytes >= 1048576 then
    return ("%dGB"):format(kilobytes / 1048576)
  end
  if kilobytes >= 1024 then
    return ("%dMB"):format(kilobytes / 1024)
  end
  return ("%dKB"):format(kilobytes)
end

local function page_sizes()
  if sizes then
    return sizes
  end
  sizes = {}
  local folder = core.path.open_root(HUGEPAGES)
  for _, name in ipairs(folder and core.path.list(folder, ".") or {}) do
    local kilobytes = tonumber(name:match("^hugepages%-(%d+)kB$"))
    if kilobytes then
      sizes[#sizes + 1] = size_name(kilobytes)
    end
  end
  if folder then
    folder:close()
  end
  table.sort(sizes)
  return sizes
end

local function blank()
  return {
    cpu_stats = { cpu_usage = {}, throttling_data = { periods = 0, throttled_periods = 0,
      throttled_time = 0 } },
    memory_stats = { stats = {} }, pids_stats = {}, blkio_stats = {}, hugetlb_stats = {},
    misc_stats = {},
  }
end

--- Reads them.
-- @tparam ctr.CgroupManager manager
-- @treturn[1] table `cpu_stats`, `cpuset_stats`, `memory_stats`, `pids_stats`, `blkio_stats`,
-- `hugetlb_stats`, `rdma_stats`, `misc_stats`: libcontainer's JSON names; `psi` in those of cpu,
-- memory and blkio where the kernel has it. Times in nanoseconds, sizes in bytes
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.read(manager)
  local stats = blank()
  if manager.kind == "none" or #manager.nodes == 0 then
    return stats
  end
  local ok, err = manager.driver.read_stats(manager, stats, page_sizes())
  if not ok then
    return nil, errors.wrap(err, "read the statistics of", manager:describe())
  end
  return stats
end

return M
