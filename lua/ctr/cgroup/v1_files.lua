--- From resources to the files of the v1 hierarchies.
-- Pure. Facts: Documentation/admin-guide/cgroup-v1 of the kernel.
-- @module ctr.cgroup.v1_files

local errors = require("ctr.errors")
local files = require("ctr.cgroup.files")

local M = {}

local MEMSW = "memory.memsw.limit_in_bytes"

local plain, is_set = files.plain, files.is_set

local function one()
  return "1"
end

-- One file for one value, in the order of writing. A row whose `first` names another key stands
-- back for it when the kernel answers EINVAL: it compares the new value with the other file's old
-- one.
local ROWS = {
  { key = "cpuset_cpus", controller = "cpuset", file = "cpuset.cpus", text = tostring },
  { key = "cpuset_mems", controller = "cpuset", file = "cpuset.mems", text = tostring },
  { key = "memory", controller = "memory", file = "memory.limit_in_bytes", text = plain,
    first = "memory_swap" },
  { key = "memory_swap", controller = "memory", file = MEMSW, text = plain },
  { key = "kernel_memory", controller = "memory", file = "memory.kmem.limit_in_bytes",
    text = plain },
  { key = "memory_reservation", controller = "memory", file = "memory.soft_limit_in_bytes",
    text = plain },
  { key = "kernel_memory_tcp", controller = "memory", file = "memory.kmem.tcp.limit_in_bytes",
    text = plain },
  { key = "oom_kill_disable", controller = "memory", file = "memory.oom_control", text = one,
    field = "oom_kill_disable" },
  { key = "memory_swappiness", controller = "memory", file = "memory.swappiness", text = plain,
    zero = true },
  { key = "cpu_idle", controller = "cpu", file = "cpu.idle", text = plain, zero = true },
  { key = "cpu_shares", controller = "cpu", file = "cpu.shares", text = plain },
  { key = "cpu_period", controller = "cpu", file = "cpu.cfs_period_us", text = plain,
    first = "cpu_quota" },
  { key = "cpu_quota", controller = "cpu", file = "cpu.cfs_quota_us", text = plain,
    first = "cpu_burst" },
  { key = "cpu_burst", controller = "cpu", file = "cpu.cfs_burst_us", text = plain, zero = true },
  { key = "cpu_rt_period", controller = "cpu", file = "cpu.rt_period_us", text = plain,
    first = "cpu_rt_quota" },
  { key = "cpu_rt_quota", controller = "cpu", file = "cpu.rt_runtime_us", text = plain },
  { key = "pids_limit", controller = "pids", file = "pids.max", text = files.max_below_zero },
  { key = "blkio_weight", controller = "blkio", file = "blkio.bfq.weight", text = plain,
    other = "blkio.weight" },
  { key = "blkio_leaf_weight", controller = "blkio", file = "blkio.leaf_weight", text = plain },
  { key = "net_cls_classid_u", controller = "net_cls", file = "net_cls.classid", text = plain },
}

-- What only cgroup v2 can do.
local V2_ONLY = { "cpu_weight", "memory_high", "memory_low", "memory_min", "memory_oom_group",
  "unified" }

local function asks(resources, row)
  local value = resources[row.key]
  if row.key == "cpu_shares" and resources.cpu_idle == 1 then
    return false -- what is idle has no share, and the kernel refuses to be told one
  end
  if row.zero then
    return value ~= nil
  end
  return is_set(value)
end

-- Memory without limit makes memory and swap together so too, where the kernel counts swap.
local function forces_swap(resources)
  return resources.memory == -1 and not is_set(resources.memory_swap)
end

local function add_rows(add, resources)
  local by_key = {}
  for _, row in ipairs(ROWS) do
    if asks(resources, row) then
      by_key[row.key] = add(row.key, row.controller, row.file, row.text(resources[row.key]),
        { other = row.other, field = row.field })
    elseif row.key == "memory_swap" and forces_swap(resources) then
      by_key.memory_swap = add("memory_swap", row.controller, row.file, "-1", { optional = true })
    end
  end
  for _, row in ipairs(ROWS) do
    if row.first and by_key[row.key] then
      by_key[row.key].first = by_key[row.first]
    end
  end
end

local function add_device_weight(add, entry, path, file, other, weight)
  if is_set(weight) then
    local device = files.device(entry)
    add("blkio_weight_device", "blkio", file, device .. " " .. plain(weight),
      { path = path, item = device, blank = device .. " 0", other = other })
  end
end

local function add_blkio(add, resources)
  for index, entry in ipairs(resources.blkio_weight_device or {}) do
    local path = files.entry("blkio_weight_device", index)
    add_device_weight(add, entry, path, "blkio.bfq.weight_device", "blkio.weight_device",
      entry.weight)
    add_device_weight(add, entry, path, "blkio.leaf_weight_device", nil, entry.leaf_weight)
  end
  for _, throttle in ipairs(files.THROTTLES) do
    local file = ("blkio.throttle.%s_device"):format(throttle.v1)
    for index, entry in ipairs(resources[throttle.key] or {}) do
      local device = files.device(entry)
      add(throttle.key, "blkio", file, device .. " " .. plain(entry.rate),
        { path = files.entry(throttle.key, index), item = device, blank = device .. " 0" })
    end
  end
end

local function add_priorities(add, resources)
  for index, entry in ipairs(resources.net_prio_ifpriomap or {}) do
    add("net_prio_ifpriomap", "net_prio", "net_prio.ifpriomap",
      entry.interface .. " " .. plain(entry.priority), {
        path = files.entry("net_prio_ifpriomap", index), item = entry.interface,
        blank = entry.interface .. " 0",
      })
  end
end

--- Makes the writes for the limits, in order.
-- @tparam table resources fields of `cgroups`
-- @treturn[1] table a list of writes (`ctr.cgroup.files`)
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`: what only cgroup v2 can do
function M.writes(resources)
  for _, key in ipairs(V2_ONLY) do
    local value = resources[key]
    if is_set(value) and not (type(value) == "table" and next(value) == nil) then
      local path = "cgroups." .. key
      return nil, errors.new("ConfigInvalid", path .. " needs cgroup v2", { path = path })
    end
  end
  local writes, add = files.list()
  add_rows(add, resources)
  add_blkio(add, resources)
  files.add_hugetlb(add, resources, "limit_in_bytes")
  add_priorities(add, resources)
  files.add_rdma(add, resources)
  return writes
end

return M
