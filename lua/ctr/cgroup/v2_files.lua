--- From resources to the files of the cgroup2 tree.
-- Pure. Facts: cgroup-v2.rst of the kernel; the conversions of v1's values
-- are those of the OCI runtime specification.
-- @module ctr.cgroup.v2_files

local errors = require("ctr.errors")
local files = require("ctr.cgroup.files")
local sorted = require("ctr.sorted")

local M = {}

local DEFAULT_PERIOD = 100000

local plain, is_set, max_below_zero = files.plain, files.is_set, files.max_below_zero

local function invalid(key, reason)
  local path = "cgroups." .. key
  return nil, errors.new("ConfigInvalid", path .. " " .. reason, { path = path })
end

--- Turns v1's cpu shares (2 to 262144) into a weight (1 to 10000): OCI's curve, on which the
-- default 1024 is the default 100.
-- @tparam number shares
-- @treturn number
function M.weight(shares)
  if shares <= 2 then
    return 1
  end
  if shares >= 262144 then
    return 10000
  end
  local exponent = math.log(shares) / math.log(2)
  return math.ceil(10 ^ ((exponent * exponent + 125 * exponent) / 612 - 7 / 34))
end

--- Turns v1's weight of block devices (10 to 1000) into one of `io.weight` (1 to 10000).
function M.io_weight(weight)
  return math.floor(1 + (weight - 10) * 9999 / 990)
end

--- Turns v1's memory and swap together into swap alone.
-- @tparam table resources
-- @treturn[1] string|nil for memory.swap.max; nil: leave it
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.swap(resources)
  local memory, swap = resources.memory or 0, resources.memory_swap or 0
  if swap == -1 or (swap == 0 and memory == -1) then
    return "max"
  end
  if swap == 0 then
    return nil
  end
  if memory <= 0 then
    return invalid("memory_swap", "needs a limit in cgroups.memory")
  end
  if swap < memory then
    return invalid("memory_swap",
      "is memory and swap together: it must not be below cgroups.memory")
  end
  return plain(swap - memory)
end

-- In the order of writing; `memory_reservation` is libcontainer's word for memory.low.
local MEMORY = {
  { key = "memory", file = "memory.max" },
  { key = "memory_high", file = "memory.high" },
  { key = "memory_reservation", file = "memory.low" },
  { key = "memory_low", file = "memory.low" },
  { key = "memory_min", file = "memory.min" },
}

local function add_memory(add, resources)
  local swap, err = M.swap(resources)
  if err then
    return nil, err
  end
  if swap then
    -- A kernel that does not count swap limits none, so no limit and no swap need no file.
    add("memory_swap", "memory", "memory.swap.max", swap,
      { optional = swap == "max" or swap == "0" or nil })
  end
  for _, row in ipairs(MEMORY) do
    if is_set(resources[row.key]) then
      add(row.key, "memory", row.file, max_below_zero(resources[row.key]))
    end
  end
  if resources.memory_oom_group ~= nil then
    add("memory_oom_group", "memory", "memory.oom.group", resources.memory_oom_group and "1" or "0")
  end
  return true
end

local function add_cpu_time(add, resources)
  local quota, period = resources.cpu_quota or 0, resources.cpu_period or 0
  local max
  if quota ~= 0 or period ~= 0 then
    max = add(quota ~= 0 and "cpu_quota" or "cpu_period", "cpu", "cpu.max",
      ("%s %s"):format(quota > 0 and plain(quota) or "max",
        plain(period ~= 0 and period or DEFAULT_PERIOD)))
  end
  if resources.cpu_burst ~= nil then
    local burst = add("cpu_burst", "cpu", "cpu.max.burst", plain(resources.cpu_burst))
    if max then
      max.first = burst
    end
  end
end

-- Before the weight, which the kernel takes of nobody who is idle.
local function add_cpu_weight(add, resources)
  if resources.cpu_idle ~= nil then
    add("cpu_idle", "cpu", "cpu.idle", plain(resources.cpu_idle))
  end
  if resources.cpu_idle == 1 then
    return
  end
  if is_set(resources.cpu_weight) then
    add("cpu_weight", "cpu", "cpu.weight", plain(resources.cpu_weight))
  elseif is_set(resources.cpu_shares) then
    add("cpu_shares", "cpu", "cpu.weight", plain(M.weight(resources.cpu_shares)))
  end
end

local function add_cpu(add, resources)
  add_cpu_weight(add, resources)
  add_cpu_time(add, resources)
end

local function add_simple(add, resources)
  for _, key in ipairs({ "cpuset_cpus", "cpuset_mems" }) do
    if is_set(resources[key]) then
      local file = key:gsub("_", ".")
      add(key, "cpuset", file, resources[key], { inherited = file .. ".effective" })
    end
  end
  if is_set(resources.pids_limit) then
    add("pids_limit", "pids", "pids.max", max_below_zero(resources.pids_limit))
  end
end

-- BFQ has v1's range, and a file of its own; without it there is io.weight, of io.cost.
local function add_io_weights(add, resources)
  local weight = resources.blkio_weight
  if is_set(weight) then
    add("blkio_weight", "io", "io.bfq.weight", plain(weight), {
      other = "io.weight", other_text = "default " .. plain(M.io_weight(weight)),
      item = "default", blank = "default 100",
    })
  end
  for index, entry in ipairs(resources.blkio_weight_device or {}) do
    if is_set(entry.weight) then
      local device = files.device(entry)
      add("blkio_weight_device", "io", "io.bfq.weight", device .. " " .. plain(entry.weight), {
        path = files.entry("blkio_weight_device", index), item = device,
        blank = device .. " default", other = "io.weight",
        other_text = device .. " " .. plain(M.io_weight(entry.weight)),
      })
    end
  end
end

local function add_io(add, resources)
  add_io_weights(add, resources)
  for _, throttle in ipairs(files.THROTTLES) do
    for index, entry in ipairs(resources[throttle.key] or {}) do
      local device = files.device(entry)
      local rate = (entry.rate == 0 or entry.rate == "0") and "max" or plain(entry.rate)
      add(throttle.key, "io", "io.max", ("%s %s=%s"):format(device, throttle.v2, rate), {
        path = files.entry(throttle.key, index), item = device,
        blank = ("%s %s=max"):format(device, throttle.v2),
      })
    end
  end
end

-- Files by their names, line by line; they come last, for they were named exactly.
local CPUSETS = { ["cpuset.cpus"] = true, ["cpuset.mems"] = true }

local function add_unified(add, resources)
  local unified = resources.unified or {}
  for _, name in ipairs(sorted(unified)) do
    for line in (unified[name] .. "\n"):gmatch("([^\n]*)\n") do
      if line ~= "" or unified[name] == "" then
        add("unified", name:match("^[^.]+"), name, line, {
          path = ('unified["%s"]'):format(name),
          inherited = CPUSETS[name] and name .. ".effective" or nil,
        })
      end
    end
  end
end

-- What only the v1 hierarchies can do. `kernel_memory` is gone there as well, in new kernels.
local V1_ONLY = { "kernel_memory", "kernel_memory_tcp", "memory_swappiness", "oom_kill_disable",
  "cpu_rt_quota", "cpu_rt_period", "net_cls_classid_u", "net_prio_ifpriomap", "blkio_leaf_weight" }

local function check_v1_only(resources)
  for _, key in ipairs(V1_ONLY) do
    local value = resources[key]
    if is_set(value) and not (type(value) == "table" and next(value) == nil) then
      return invalid(key, "needs cgroup v1: v2 has nothing of the kind")
    end
  end
  return true
end

--- Makes the writes for the limits, in order.
-- @tparam table resources fields of `cgroups`
-- @treturn[1] table a list of writes (`ctr.cgroup.files`)
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.writes(resources)
  local ok, err = check_v1_only(resources)
  if not ok then
    return nil, err
  end
  local writes, add = files.list()
  ok, err = add_memory(add, resources)
  if not ok then
    return nil, err
  end
  add_cpu(add, resources)
  add_simple(add, resources)
  add_io(add, resources)
  files.add_hugetlb(add, resources, "max")
  files.add_rdma(add, resources)
  add_unified(add, resources)
  return writes
end

return M
