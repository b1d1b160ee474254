--- What a container uses at a moment, in a few numbers.
-- @module ctr.repl.measure

local core = require("ctr.core")

local M = {}

-- Without a limit the kernel says a number that no machine has.
local NO_LIMIT = 2 ^ 50

local function number(value)
  return value and tonumber(value)
end

local function limit(value)
  local found = number(value)
  return found and found > 0 and found < NO_LIMIT and found or nil
end

local function sum(list, key)
  local total = 0
  for _, item in ipairs(list or {}) do
    total = total + (number(item[key]) or 0)
  end
  return total
end

-- Bytes that were read and written, where the layout counts them.
local function disk_of(blkio)
  local total = 0
  for _, row in ipairs(blkio and blkio.io_service_bytes_recursive or {}) do
    if row.op == "Read" or row.op == "Write" then
      total = total + (number(row.value) or 0)
    end
  end
  return total
end

local function add_stats(sample, stats)
  local cgroup = stats.cgroup_stats or {}
  local memory = cgroup.memory_stats and cgroup.memory_stats.usage or {}
  local pids = cgroup.pids_stats or {}
  local cpu = cgroup.cpu_stats and cgroup.cpu_stats.cpu_usage or {}
  sample.memory, sample.memory_peak = number(memory.usage), number(memory.max_usage)
  sample.memory_limit = limit(memory.limit)
  sample.processes, sample.processes_limit = number(pids.current), limit(pids.limit)
  sample.cpu_seconds = number(cpu.total_usage) and number(cpu.total_usage) / 1e9
  sample.disk = disk_of(cgroup.blkio_stats)
  sample.network = sum(stats.interfaces, "rx_bytes") + sum(stats.interfaces, "tx_bytes")
end

local IS_THERE = { created = true, running = true, pausing = true, paused = true }

--- Takes a sample.
-- @tparam ctr.Container container
-- @treturn table `id`, `status` ("gone" where it was destroyed), `time` (of the monotonic clock);
-- where it is there, too: `pid`, `memory`, `memory_peak`, `memory_limit`, `disk` and `network`
-- (bytes), `cpu_seconds`, `processes`, `processes_limit`; what is not known is nil
function M.of(container)
  local status = container:status()
  local sample = { id = container:id(), status = status or "gone", time = core.proc.clock() }
  if not IS_THERE[status] then
    return sample
  end
  sample.pid = container.init_pid
  local stats = container:stats()
  if stats then
    add_stats(sample, stats)
  end
  return sample
end

--- The share of a CPU that was used between two samples: 1 is one CPU all the time.
-- @tparam ?table before
-- @tparam table after
-- @treturn ?number
function M.cpu(before, after)
  local from, to = before and before.cpu_seconds, after.cpu_seconds
  if not from or not to or after.time <= before.time then
    return nil
  end
  return math.max(0, (to - from) / (after.time - before.time))
end

--- Bytes in a second between two samples.
-- @tparam ?table before
-- @tparam table after
-- @tparam string key `disk` or `network`
-- @treturn ?number
function M.rate(before, after, key)
  local from, to = before and before[key], after[key]
  if not from or not to or after.time <= before.time then
    return nil
  end
  return math.max(0, (to - from) / (after.time - before.time))
end

return M
