--- The configuration that every competitor runs: the default `spec` of runc and crun, without the
-- terminal and without the mount of the cgroup tree.
-- @module bench.config

local ctr = require("ctr")

local KEPT = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE" }
local FLAGS = { "nosuid", "noexec", "nodev" }

--- Makes the configuration and the fields of the process.
-- @tparam string root
-- @treturn table
-- @treturn table
return function(root)
  local config = {
    rootfs = root,
    readonlyfs = true,
    hostname = "runc",
    capabilities = { bounding = KEPT, effective = KEPT, permitted = KEPT, inheritable = {},
      ambient = {} },
    no_new_privileges = true,
    namespaces = { "NEWPID", "NEWNET", "NEWIPC", "NEWUTS", "NEWNS" },
    networks = { { type = "loopback" } },
    rlimits = { { type = "RLIMIT_NOFILE", hard = 1024, soft = 1024 } },
    cgroups = { parent = "/", allowed_devices = ctr.default_allowed_devices,
      allow_all_devices = false },
    devices = ctr.default_auto_created_devices,
    mounts = {
      { source = "proc", destination = "/proc", device = "proc" },
      { source = "tmpfs", destination = "/dev", device = "tmpfs",
        flags = { "nosuid", "strictatime" }, data = "mode=755,size=65536k" },
      { source = "devpts", destination = "/dev/pts", device = "devpts",
        flags = { "nosuid", "noexec" }, data = "newinstance,ptmxmode=0666,mode=0620,gid=5" },
      { source = "shm", destination = "/dev/shm", device = "tmpfs", flags = FLAGS,
        data = "mode=1777,size=65536k" },
      { source = "mqueue", destination = "/dev/mqueue", device = "mqueue", flags = FLAGS },
      { source = "sysfs", destination = "/sys", device = "sysfs",
        flags = { "nosuid", "noexec", "nodev", "ro" } },
    },
    mask_paths = { "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
      "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
      "/sys/firmware", "/proc/scsi" },
    readonly_paths = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" },
  }
  local process = {
    args = { "/bin/true" }, cwd = "/",
    env = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm" },
  }
  return config, process
end
