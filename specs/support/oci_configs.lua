--- Pieces of configurations, by what OCI has to say of them.
-- @module specs.support.oci_configs

local M = {}

local IDS = { { container_id = 0, host_id = 1000, size = 65536 } }

-- What OCI has a member for.
M.said = {
  { readonlyfs = true, hostname = "a", domainname = "b" },
  { mounts = {
    { source = "proc", destination = "/proc", device = "proc", flags = { "nosuid", "ro", "exec" } },
    { source = "tmpfs", destination = "/t", device = "tmpfs", data = "size=1m,mode=755",
      flags = { "noatime", "nodiratime", "silent", "sync", "dirsync", "iversion", "lazytime",
        "tmpcopyup" } },
    { source = "t", destination = "/u", device = "tmpfs", flags = { "strictatime", "nosymfollow",
      "rw", "suid", "dev", "exec", "async", "symfollow", "atime", "diratime", "loud", "norelatime",
      "noiversion", "nolazytime" } },
    { source = "/a", destination = "/b", flags = { "rbind", "rslave", "private", "rro", "rnosuid",
      "rdev", "rnoexec", "rnodiratime", "rnoatime", "rnosymfollow" } },
    { source = "/a", destination = "/c", flags = { "bind", "rstrictatime", "rsuid" } },
    { source = "/a", destination = "/d", flags = { "bind", "rrelatime", "rshared",
      "runbindable" } },
    { source = "/a", destination = "/e", flags = { "bind", "idmap" } },
    { source = "/a", destination = "/f", flags = { "rbind", "ridmap" },
      id_mapping = { uid_mappings = IDS, gid_mappings = IDS } },
    { destination = "/b", flags = { "remount", "bind", "ro" } },
    { destination = "/t", flags = { "remount", "ro" } },
  } },
  { seccomp = { default_action = "SCMP_ACT_ALLOW", syscalls = { { names = { "mount" },
    action = "SCMP_ACT_ERRNO", errno_ret = 1 } } } },
  { root_propagation = "rprivate", sysctl = { ["net.core.somaxconn"] = "5" } },
  { capabilities = { bounding = { "CAP_KILL" }, permitted = { "CAP_KILL" },
    effective = { "CAP_KILL" }, inheritable = { "CAP_KILL" }, ambient = { "CAP_KILL" } } },
  { rlimits = { { type = "RLIMIT_NOFILE", soft = 5, hard = "unlimited" } }, umask = 63,
    oom_score_adj = 0, no_new_privileges = true },
  { hooks = { poststop = { { path = "/bin/true", timeout = 5 } } } },
  { labels = { "a=b", "c=d=e", "bundle=/" } },
  { time_offsets = { monotonic = { secs = -1, nanosecs = 5 } } },
  { mask_paths = { "/proc/kcore" }, readonly_paths = { "/proc/sys" } },
  { net_devices = { eth5 = {} } },
}

-- What it has none for, and where that is kept.
M.kept = {
  ["no_new_keyring"] = { no_new_keyring = true },
  ["no_pivot_root"] = { no_pivot_root = true },
  ["parent_death_signal"] = { parent_death_signal = 9 },
  ["rootless_euid"] = { rootless_euid = true },
  ["rootless_cgroups"] = { rootless_cgroups = true },
  ["networks"] = { networks = { { type = "loopback" }, { type = "veth", bridge = "br0",
    address = "10.0.0.2/24", gateway = "10.0.0.1" } } },
  ["routes"] = { routes = { { destination = "default", gateway = "10.0.0.1" } } },
  ["net_devices.eth5.give_back"] = { net_devices = { eth5 = { give_back = true } } },
  ["devices"] = { devices = {} },
  ["hooks.prestart.1.dir"] = { hooks = { prestart = { { path = "/bin/a", dir = "/b" } } } },
  ["hooks.prestart.2.timeout"] = { hooks = { prestart = { { path = "/bin/a" }, { path = "/bin/b",
    timeout = 1.5 } } } },
  ["mounts.1.premount_cmds"] = { mounts = { { source = "a", destination = "/b", device = "tmpfs",
    premount_cmds = { { path = "true" } } } } },
  ["mounts.1.postmount_cmds"] = { mounts = { { source = "a", destination = "/b", device = "tmpfs",
    postmount_cmds = { { path = "true", args = { "x" } } } } } },
  ["mounts.1.relabel"] = { mount_label = "a:b:c:s0", mounts = { { source = "/a",
    destination = "/b", flags = { "bind" }, relabel = "z" } } },
  ["mounts.1.flags"] = { mounts = { { source = "a", destination = "/b", device = "tmpfs",
    flags = { "acl" } } } },
  ["mounts.1.data"] = { mounts = { { source = "a", destination = "/b", device = "tmpfs",
    data = "a,,b" } } },
  ["mounts.1.id_mapping.userns_path"] = { mounts = { { source = "/a", destination = "/b",
    flags = { "bind" }, id_mapping = { userns_path = "/proc/1/ns/user" } } } },
}

-- Of the cgroups; a place is kept where it has no path.
M.kept_cgroups = {
  ["name"] = { name = "a", parent = "/b" },
  ["memory_high"] = { memory_high = 4096 },
  ["memory_min"] = { memory_min = 4096 },
  ["memory_low"] = { memory_low = 4096 },
  ["memory_oom_group"] = { memory_oom_group = true },
  ["kernel_memory"] = { kernel_memory = 4096 },
  ["kernel_memory_tcp"] = { kernel_memory_tcp = 4096 },
  ["cpu_weight"] = { cpu_weight = 5 },
  ["freezer"] = { freezer = "FROZEN" },
  ["paths"] = { paths = { cpu = "/sys/fs/cgroup/cpu/x" } },
}

return M
