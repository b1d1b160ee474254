--- What a description means by what it does not say: as much as engines give an unprivileged
-- container.
--
-- Root in it holds the eleven capabilities that engines leave it: without them neither a package
-- manager nor a server that changes its user runs, and people would reach for all forty-one. They
-- act on what is in the container's namespaces alone. `capabilities = {}` takes them away; a user
-- other than root has none, for only root's programs keep what is neither ambient nor inherited.
-- @module ctr.describe.defaults

local identities = require("ctr.describe.identity")
local lists = require("ctr.config.defaults")

local M = {}

local PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
local NOFILE = 1024
local TTY_GROUP = 5

--- Kernel interfaces that tell of the host, or reach it.
M.MASK_PATHS = {
  "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
  "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
  "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware", "/sys/fs/selinux",
}

--- Kernel interfaces that may be read.
M.READONLY_PATHS = {
  "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
}

local function locked(...)
  return { "nosuid", "nodev", "noexec", ... }
end

-- A gid that the user namespace does not map is refused by devpts.
local function pts_data(identity)
  local data = "newinstance,ptmxmode=0666,mode=0620"
  local mapped = identity.uid == 0 or (identity.subgid and identity.subgid.count >= TTY_GROUP)
  return mapped and data .. ",gid=" .. TTY_GROUP or data
end

local function mount(device, destination, flags, data)
  return { source = device, destination = destination, device = device, flags = flags, data = data }
end

local function mounts(identity)
  return {
    mount("proc", "/proc", locked()),
    mount("tmpfs", "/dev", { "nosuid", "noexec", "strictatime" }, "mode=755,size=65536k"),
    mount("devpts", "/dev/pts", { "nosuid", "noexec" }, pts_data(identity)),
    mount("tmpfs", "/dev/shm", locked(), "mode=1777,size=65536k"),
    mount("mqueue", "/dev/mqueue", locked()),
    mount("sysfs", "/sys", locked("ro")),
  }
end

local function copy(list)
  return { unpack(list) }
end

-- How hot each processor is tells what other containers do.
local function mask_paths(identity)
  local paths = copy(M.MASK_PATHS)
  for cpu = 0, (identity.throttled_cpus or 0) - 1 do
    paths[#paths + 1] = ("/sys/devices/system/cpu/cpu%d/thermal_throttle"):format(cpu)
  end
  return paths
end

local function add_user_namespace(config, identity)
  config.namespaces[#config.namespaces + 1] = "NEWUSER"
  config.uid_mappings, config.gid_mappings = identities.mappings(identity)
  config.rootless_euid, config.rootless_cgroups = true, true
end

--- The configuration of a container that nothing is said about.
-- @tparam table identity of the caller (`ctr.describe.identity`)
-- @treturn table
function M.config(identity)
  local config = {
    namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWCGROUP" },
    mounts = mounts(identity),
    devices = copy(lists.auto_created_devices),
    mask_paths = mask_paths(identity),
    readonly_paths = copy(M.READONLY_PATHS),
    capabilities = lists.new_capabilities(),
    no_new_privileges = true,
    rlimits = { { type = "RLIMIT_NOFILE", soft = NOFILE, hard = NOFILE } },
    cgroups = { allowed_devices = copy(lists.allowed_devices) },
    umask = "0022",
  }
  if identity.uid ~= 0 then
    add_user_namespace(config, identity)
  end
  return config
end

--- Kernel settings of a network namespace of the container's own: everybody may ping, and any
-- program may listen on any port, for the ports are nobody else's.
-- @tparam table identity
-- @tparam boolean is_mapped in a user namespace, which takes only groups that it maps
-- @treturn table by name; empty where the kernel has no IPv4
function M.network_sysctls(identity, is_mapped)
  if not identity.has_ipv4 then
    return {}
  end
  return {
    ["net.ipv4.ping_group_range"] = is_mapped and "0 0" or "0 2147483647",
    ["net.ipv4.ip_unprivileged_port_start"] = "0",
  }
end

--- The process of a container that nothing is said about.
-- @treturn table
function M.process()
  return { env = { PATH }, cwd = "/" }
end

return M
