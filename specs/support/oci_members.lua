--- Members of OCI documents.
-- @module specs.support.oci_members

local M = {}

-- Every member of the specification: its path, a value, where the configuration has it ("process."
-- for what only a process has), and what is there, where that is another value.
local DEVICE = { type = "c", path = "/dev/x", major = 1, minor = 2, fileMode = 384, uid = 3,
  gid = 4 }
local IDS = { { containerID = 0, hostID = 1000, size = 10 } }
local OWN_IDS = { { container_id = 0, host_id = 1000, size = 10 } }
local THROTTLE = { { major = 8, minor = 0, rate = "18446744073709551615" } }
local HOOK = { { path = "/bin/true", args = { "true", "x" }, env = { "A=b" }, timeout = 3 } }
local OWN_HOOK = { { path = "/bin/true", args = { "true", "x" }, env = { "A=b" }, timeout = 3,
  dir = "" } }
local MEMORY, CPU = "linux.resources.memory.", "linux.resources.cpu."
local BLOCK, SECCOMP = "linux.resources.blockIO.", "linux.seccomp"

M.list = {
  { "ociVersion", "1.0.2", "version" },
  { "root.path", "/the/root", "rootfs" },
  { "root.readonly", true, "readonlyfs" },
  { "hostname", "box", "hostname" },
  { "domainname", "example.org", "domainname" },
  { "process.terminal", true, "process.terminal" },
  { "process.consoleSize", { height = 25, width = 80 }, "process.console_height", 25 },
  { "process.cwd", "/home", "process.cwd" },
  { "process.env", { "A=b", "C=d" }, "process.env" },
  { "process.args", { "sh", "-c", "" }, "process.args" },
  { "process.user.uid", 5, "process.user", "5:0" },
  { "process.user.gid", 6, "process.user", "0:6" },
  { "process.user.umask", 63, "umask" },
  { "process.user.additionalGids", { 7, 8 }, "process.additional_groups", { "7", "8" } },
  { "process.rlimits", { { type = "RLIMIT_NOFILE", soft = 5, hard = "18446744073709551615" } },
    "rlimits" },
  { "process.capabilities.bounding", { "CAP_KILL" }, "capabilities.bounding" },
  { "process.capabilities.permitted", { "CAP_KILL" }, "capabilities.permitted" },
  { "process.noNewPrivileges", true, "no_new_privileges" },
  { "process.apparmorProfile", "web", "apparmor_profile" },
  { "process.selinuxLabel", "a:b:c:s0", "process_label" },
  { "process.oomScoreAdj", -5, "oom_score_adj" },
  { "process.scheduler", { policy = "SCHED_DEADLINE", flags = { "SCHED_FLAG_RECLAIM" },
    runtime = 1000000, deadline = 2000000, period = 3000000 }, "scheduler",
    { policy = "SCHED_DEADLINE", flags = 2, nice = 0, priority = 0, runtime = 1000000,
      deadline = 2000000, period = 3000000 } },
  { "process.scheduler", { policy = "SCHED_OTHER", nice = 5 }, "scheduler.nice", 5 },
  { "process.scheduler", { policy = "SCHED_FIFO", priority = 5 }, "scheduler.priority", 5 },
  { "process.ioPriority", { class = "IOPRIO_CLASS_BE", priority = 4 }, "io_priority" },
  { "process.execCPUAffinity", { initial = "0-1", final = "0" }, "exec_cpu_affinity" },
  { "mounts", { { destination = "/data", type = "tmpfs", source = "tmpfs",
    options = { "ro", "size=1m" } } }, "mounts[1].data", "size=1m" },
  { "hooks.prestart", HOOK, "hooks.prestart", OWN_HOOK },
  { "hooks.createRuntime", HOOK, "hooks.createRuntime", OWN_HOOK },
  { "hooks.createContainer", HOOK, "hooks.createContainer", OWN_HOOK },
  { "hooks.startContainer", HOOK, "hooks.startContainer", OWN_HOOK },
  { "hooks.poststart", HOOK, "hooks.poststart", OWN_HOOK },
  { "hooks.poststop", HOOK, "hooks.poststop", OWN_HOOK },
  { "annotations", { ["org.example.a"] = "b=c" }, "labels", { "org.example.a=b=c", "bundle=/" } },
  { "linux.namespaces", { { type = "mount" }, { type = "uts", path = "/proc/1/ns/uts" } },
    "namespaces", { { type = "NEWNS", path = "" },
      { type = "NEWUTS", path = "/proc/1/ns/uts" } } },
  { "linux.uidMappings", IDS, "uid_mappings", OWN_IDS },
  { "linux.gidMappings", IDS, "gid_mappings", OWN_IDS },
  { "linux.timeOffsets", { boottime = { secs = -5, nanosecs = 7 } }, "time_offsets.boottime",
    { secs = -5, nanosecs = 7 } },
  { "linux.devices", { DEVICE }, "devices[7]", { type = "c", path = "/dev/x", major = 1, minor = 2,
    file_mode = 384, uid = 3, gid = 4, permissions = "rwm", allow = false } },
  { "linux.devices", { { type = "p", path = "/run/pipe", fileMode = 420, uid = 0, gid = 0 } },
    "devices[7].type", "p" },
  { "linux.netDevices", { eth7 = { name = "lan" } }, "net_devices.eth7.name", "lan" },
  { "linux.cgroupsPath", "/a/b", "cgroups.path" },
  { "linux.resources.devices", { { allow = true, type = "c", major = 9, access = "rw" } },
    "cgroups.devices[1]", { allow = true, type = "c", major = 9, minor = -1, permissions = "rw" } },
  { MEMORY .. "limit", 536870912, "cgroups.memory" },
  { MEMORY .. "reservation", 4096, "cgroups.memory_reservation" },
  { MEMORY .. "swap", -1, "cgroups.memory_swap" },
  { MEMORY .. "swappiness", 0, "cgroups.memory_swappiness" },
  { MEMORY .. "disableOOMKiller", true, "cgroups.oom_kill_disable" },
  { MEMORY .. "checkBeforeUpdate", true, "cgroups.memory_check_before_update" },
  { CPU .. "shares", 512, "cgroups.cpu_shares" },
  { "linux.resources.cpu", { quota = 50000, burst = 1000, period = 100000 }, "cgroups.cpu_burst",
    1000 },
  { CPU .. "quota", -1, "cgroups.cpu_quota" },
  { CPU .. "period", 50000, "cgroups.cpu_period" },
  { CPU .. "realtimeRuntime", 950000, "cgroups.cpu_rt_quota" },
  { CPU .. "realtimePeriod", 1000000, "cgroups.cpu_rt_period" },
  { CPU .. "cpus", "0-1", "cgroups.cpuset_cpus" },
  { CPU .. "mems", "0", "cgroups.cpuset_mems" },
  { CPU .. "idle", 0, "cgroups.cpu_idle" },
  { "linux.resources.pids.limit", 32, "cgroups.pids_limit" },
  { BLOCK .. "weight", 100, "cgroups.blkio_weight" },
  { BLOCK .. "leafWeight", 100, "cgroups.blkio_leaf_weight" },
  { BLOCK .. "weightDevice", { { major = 8, minor = 1, weight = 20, leafWeight = 30 } },
    "cgroups.blkio_weight_device", { { major = 8, minor = 1, weight = 20, leaf_weight = 30 } } },
  { BLOCK .. "throttleReadBpsDevice", THROTTLE, "cgroups.blkio_throttle_read_bps_device" },
  { BLOCK .. "throttleWriteBpsDevice", THROTTLE, "cgroups.blkio_throttle_write_bps_device" },
  { BLOCK .. "throttleReadIOPSDevice", THROTTLE, "cgroups.blkio_throttle_read_iops_device" },
  { BLOCK .. "throttleWriteIOPSDevice", THROTTLE, "cgroups.blkio_throttle_write_iops_device" },
  { "linux.resources.hugepageLimits", { { pageSize = "2MB", limit = 4194304 } },
    "cgroups.hugetlb_limit", { { page_size = "2MB", limit = 4194304 } } },
  { "linux.resources.network.classID", 4294967295, "cgroups.net_cls_classid_u" },
  { "linux.resources.network.priorities", { { name = "eth0", priority = 5 } },
    "cgroups.net_prio_ifpriomap", { { interface = "eth0", priority = 5 } } },
  { "linux.resources.rdma", { mlx5_0 = { hcaHandles = 3, hcaObjects = 4 } }, "cgroups.rdma.mlx5_0",
    { hca_handles = 3, hca_objects = 4 } },
  { "linux.resources.unified", { ["memory.high"] = "1000" }, "cgroups.unified" },
  { "linux.intelRdt", { closID = "c", schemata = { "L2:0=f" }, l3CacheSchema = "L3:0=f",
    memBwSchema = "MB:0=70", enableMonitoring = true }, "intel_rdt",
    { clos_id = "c", schemata = { "L2:0=f" }, l3_cache_schema = "L3:0=f",
      mem_bw_schema = "MB:0=70", enable_monitoring = true } },
  { "linux.memoryPolicy", { mode = "MPOL_BIND", nodes = "0", flags = { "MPOL_F_STATIC_NODES" } },
    "memory_policy", { mode = "MPOL_BIND", nodes = "0", flags = 0x8000 } },
  { "linux.sysctl", { ["net.ipv4.ip_forward"] = "1" }, "sysctl" },
  { SECCOMP, { defaultAction = "SCMP_ACT_ERRNO", defaultErrnoRet = 38,
    architectures = { "SCMP_ARCH_X86_64" }, flags = { "SECCOMP_FILTER_FLAG_LOG" },
    syscalls = { { names = { "getpid" }, action = "SCMP_ACT_TRACE", errnoRet = 5, args = {
      { index = 0, value = "18446744073709551615", op = "SCMP_CMP_EQ" },
      { index = 1, value = 7, valueTwo = 3, op = "SCMP_CMP_MASKED_EQ" } } },
      { names = { "execve", "exit_group" }, action = "SCMP_ACT_ALLOW" } } },
    "seccomp.syscalls[1].args[1].value", "18446744073709551615" },
  { SECCOMP, { defaultAction = "SCMP_ACT_ALLOW", flags = {}, listenerPath = "/run/s",
    listenerMetadata = "m", syscalls = { { names = { "mkdir" }, action = "SCMP_ACT_NOTIFY" } } },
    "seccomp.listener_metadata", "m" },
  { "linux.rootfsPropagation", "rshared", "root_propagation", 0x104000 },
  { "linux.maskedPaths", { "/proc/kcore" }, "mask_paths" },
  { "linux.readonlyPaths", { "/proc/sys" }, "readonly_paths" },
  { "linux.mountLabel", "a:b:c:s0", "mount_label" },
  { "linux.personality.domain", "LINUX32", "personality.domain" },
}

local function steps_of(path)
  local steps = {}
  for name, index in path:gmatch("([^.%[%]]+)%[?(%d*)%]?") do
    steps[#steps + 1] = name
    steps[#steps + 1] = tonumber(index)
  end
  return steps
end

--- The value at a path.
function M.at(value, path)
  for _, step in ipairs(steps_of(path)) do
    if type(value) ~= "table" then
      return nil
    end
    value = value[step]
  end
  return value
end

local function put(document, path, value)
  local steps = steps_of(path)
  for index = 1, #steps - 1 do
    document[steps[index]] = document[steps[index]] or {}
    document = document[steps[index]]
  end
  document[steps[#steps]] = value
  return document
end

-- What some members need beside them.
local NEEDS = {
  ["process.consoleSize"] = { ["process.terminal"] = true },
  ["process.capabilities.permitted"] = { ["process.capabilities.bounding"] = { "CAP_KILL" } },
  ["linux.uidMappings"] = { user = true, ["linux.gidMappings"] = IDS },
  ["linux.gidMappings"] = { user = true, ["linux.uidMappings"] = IDS },
  ["linux.resources.memory.swap"] = { ["linux.resources.memory.limit"] = 4096 },
}

local KINDS = { "mount", "uts", "ipc", "pid", "network", "cgroup", "time" }

--- A document with a value at a path, and what that needs beside it.
function M.document(path, value)
  local spec = { ociVersion = "1.3.0", root = { path = "/r" }, linux = { namespaces = {} },
    process = { cwd = "/", args = { "sh" }, user = { uid = 0, gid = 0 } } }
  for index, kind in ipairs(KINDS) do
    spec.linux.namespaces[index] = { type = kind }
  end
  for needed, wanted in pairs(NEEDS[path] or {}) do
    if needed == "user" then
      table.insert(spec.linux.namespaces, { type = "user" })
    else
      put(spec, needed, wanted)
    end
  end
  put(spec, path, value)
  return spec
end

return M
