--- The document that a new bundle gets.
-- @module ctr.oci.default

local M = {}

local PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

local function capabilities()
  return { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE" }
end

local function process()
  return {
    terminal = true,
    user = { uid = 0, gid = 0 },
    args = { "sh" },
    env = { PATH, "TERM=xterm" },
    cwd = "/",
    capabilities = {
      bounding = capabilities(), effective = capabilities(), permitted = capabilities(),
    },
    rlimits = { { type = "RLIMIT_NOFILE", soft = 1024, hard = 1024 } },
    noNewPrivileges = true,
  }
end

local function mount(destination, kind, source, options)
  return { destination = destination, type = kind, source = source, options = options }
end

-- A host's /sys is no longer one's own without a network namespace that is; a bind shows it.
local function sys_mount(rootless)
  if rootless then
    return mount("/sys", "none", "/sys", { "rbind", "nosuid", "noexec", "nodev", "ro" })
  end
  return mount("/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" })
end

-- Group 5 is not mapped where there is one id only.
local function devpts_options(rootless)
  local options = { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" }
  if not rootless then
    options[#options + 1] = "gid=5"
  end
  return options
end

local function mounts(rootless)
  return {
    mount("/proc", "proc", "proc"),
    mount("/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" }),
    mount("/dev/pts", "devpts", "devpts", devpts_options(rootless)),
    mount("/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777",
      "size=65536k" }),
    mount("/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" }),
    sys_mount(rootless),
    mount("/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" }),
  }
end

local function namespaces(rootless)
  local kinds = { "pid", "ipc", "uts", "mount", "cgroup", rootless and "user" or "network" }
  local list = {}
  for index, kind in ipairs(kinds) do
    list[index] = { type = kind }
  end
  return list
end

local function linux(rootless)
  return {
    namespaces = namespaces(rootless),
    uidMappings = rootless and { { containerID = 0, hostID = rootless.uid, size = 1 } } or nil,
    gidMappings = rootless and { { containerID = 0, hostID = rootless.gid, size = 1 } } or nil,
    -- Limits need cgroups, which who has no privilege was given by somebody else, if at all.
    resources = not rootless and { devices = { { allow = false, access = "rwm" } } } or nil,
    maskedPaths = {
      "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
      "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    },
    readonlyPaths = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" },
  }
end

--- Makes a document: a shell on the terminal, in the bundle's folder `rootfs`.
-- @tparam ?table rootless `uid` and `gid` of a caller without privilege
-- @treturn table
function M.spec(rootless)
  return {
    ociVersion = "1.3.0",
    process = process(),
    root = { path = "rootfs", readonly = true },
    hostname = "ctr",
    mounts = mounts(rootless),
    linux = linux(rootless),
  }
end

return M
