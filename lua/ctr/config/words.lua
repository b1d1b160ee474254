--- The words of a configuration, and the kernel's numbers for them.
-- @module ctr.config.words

local bit = require("bit")

local M = {}

-- Adds rows under their lower-case name without prefix, too: MS_NOEXEC is noexec.
local function with_short_names(prefix, numbers)
  local words = {}
  for name, number in pairs(numbers) do
    words[name] = number
    words[name:sub(#prefix + 1):lower()] = number
  end
  return words
end

--- Mount flags by the kernel's name (`mount(2)`).
M.ms = {
  MS_RDONLY = 0x1,
  MS_NOSUID = 0x2,
  MS_NODEV = 0x4,
  MS_NOEXEC = 0x8,
  MS_SYNCHRONOUS = 0x10,
  MS_REMOUNT = 0x20,
  MS_MANDLOCK = 0x40,
  MS_DIRSYNC = 0x80,
  MS_NOSYMFOLLOW = 0x100,
  MS_NOATIME = 0x400,
  MS_NODIRATIME = 0x800,
  MS_BIND = 0x1000,
  MS_REC = 0x4000,
  MS_SILENT = 0x8000,
  MS_POSIXACL = 0x10000,
  MS_RELATIME = 0x200000,
  MS_I_VERSION = 0x800000,
  MS_STRICTATIME = 0x1000000,
  MS_LAZYTIME = 0x2000000,
}

--- Mount flags by the kernel's name and in short: MS_NOEXEC, noexec.
M.ms_words = with_short_names("MS_", M.ms)

--- Propagation types by the kernel's name.
M.ms_propagation = {
  MS_UNBINDABLE = 0x20000,
  MS_PRIVATE = 0x40000,
  MS_SLAVE = 0x80000,
  MS_SHARED = 0x100000,
}

--- Propagation types without MS_REC, by both names.
M.ms_propagation_words = with_short_names("MS_", M.ms_propagation)

--- Every propagation type, as a mask.
M.PROPAGATION_MASK = 0x1e0000

--- Propagation words: the kernel's and mount(8)'s, `rslave` for slave and all below.
M.propagation = with_short_names("MS_", M.ms_propagation)
M.propagation.MS_REC = M.ms.MS_REC
for _, name in ipairs({ "unbindable", "private", "slave", "shared" }) do
  M.propagation["r" .. name] = M.propagation[name] + M.ms.MS_REC
end

-- mount(8)'s names for flags that the kernel calls otherwise.
local OTHER_NAMES = {
  ro = M.ms.MS_RDONLY,
  sync = M.ms.MS_SYNCHRONOUS,
  mand = M.ms.MS_MANDLOCK,
  acl = M.ms.MS_POSIXACL,
  iversion = M.ms.MS_I_VERSION,
  rbind = M.ms.MS_BIND + M.ms.MS_REC,
}

-- What mount(8) has a word for taking away.
local CLEARED = {
  rw = M.ms.MS_RDONLY,
  suid = M.ms.MS_NOSUID,
  dev = M.ms.MS_NODEV,
  exec = M.ms.MS_NOEXEC,
  async = M.ms.MS_SYNCHRONOUS,
  nomand = M.ms.MS_MANDLOCK,
  symfollow = M.ms.MS_NOSYMFOLLOW,
  atime = M.ms.MS_NOATIME,
  diratime = M.ms.MS_NODIRATIME,
  loud = M.ms.MS_SILENT,
  noacl = M.ms.MS_POSIXACL,
  norelatime = M.ms.MS_RELATIME,
  noiversion = M.ms.MS_I_VERSION,
  nostrictatime = M.ms.MS_STRICTATIME,
  nolazytime = M.ms.MS_LAZYTIME,
}

--- Attributes of mount_setattr(2); the three access time modes are one field of the kernel's.
M.mount_attrs = {
  MOUNT_ATTR_RDONLY = 0x1,
  MOUNT_ATTR_NOSUID = 0x2,
  MOUNT_ATTR_NODEV = 0x4,
  MOUNT_ATTR_NOEXEC = 0x8,
  MOUNT_ATTR__ATIME = 0x70,
  MOUNT_ATTR_NOATIME = 0x10,
  MOUNT_ATTR_STRICTATIME = 0x20,
  MOUNT_ATTR_NODIRATIME = 0x80,
  MOUNT_ATTR_NOSYMFOLLOW = 0x200000,
}

local ATTR = M.mount_attrs

--- The same in short.
M.mount_attr_words = with_short_names("MOUNT_ATTR_", ATTR)
M.mount_attr_words.ro = ATTR.MOUNT_ATTR_RDONLY
M.mount_attr_words.atime = ATTR.MOUNT_ATTR__ATIME

--- Every attribute, as a mask.
M.MOUNT_ATTR_MASK = 0x2000ff

-- What is set, and cleared, of a mount and all below it. Without one of the other modes the kernel
-- updates access times as relatime has it.
local RECURSIVE = {
  rro = { rec_set = ATTR.MOUNT_ATTR_RDONLY },
  rrw = { rec_clear = ATTR.MOUNT_ATTR_RDONLY },
  rnosuid = { rec_set = ATTR.MOUNT_ATTR_NOSUID },
  rsuid = { rec_clear = ATTR.MOUNT_ATTR_NOSUID },
  rnodev = { rec_set = ATTR.MOUNT_ATTR_NODEV },
  rdev = { rec_clear = ATTR.MOUNT_ATTR_NODEV },
  rnoexec = { rec_set = ATTR.MOUNT_ATTR_NOEXEC },
  rexec = { rec_clear = ATTR.MOUNT_ATTR_NOEXEC },
  rnodiratime = { rec_set = ATTR.MOUNT_ATTR_NODIRATIME },
  rdiratime = { rec_clear = ATTR.MOUNT_ATTR_NODIRATIME },
  rrelatime = { rec_clear = ATTR.MOUNT_ATTR__ATIME },
  rnorelatime = { rec_clear = ATTR.MOUNT_ATTR__ATIME },
  rnoatime = { rec_set = ATTR.MOUNT_ATTR_NOATIME },
  ratime = { rec_clear = ATTR.MOUNT_ATTR__ATIME },
  rstrictatime = { rec_set = ATTR.MOUNT_ATTR_STRICTATIME },
  rnostrictatime = { rec_clear = ATTR.MOUNT_ATTR__ATIME },
  rnosymfollow = { rec_set = ATTR.MOUNT_ATTR_NOSYMFOLLOW },
  rsymfollow = { rec_clear = ATTR.MOUNT_ATTR_NOSYMFOLLOW },
}

-- Words that stand for other fields of a mount, and the one that stands for nothing.
local FOR_OTHER_FIELDS = {
  idmap = { id_mapping = "one" },
  ridmap = { id_mapping = "all" },
  tmpcopyup = { extension = 1 },
  defaults = { set = 0 },
}

-- One table for all words of a mount: what each sets, clears, or changes in propagation.
local function mount_words()
  local words = {}
  for word, number in pairs(M.ms_words) do
    words[word] = { set = number }
  end
  for word, number in pairs(OTHER_NAMES) do
    words[word] = { set = number }
  end
  for word, number in pairs(CLEARED) do
    words[word] = { clear = number }
  end
  for word, number in pairs(M.propagation) do
    if word ~= "MS_REC" then
      words[word] = { propagation = number }
    end
  end
  for _, rows in ipairs({ RECURSIVE, FOR_OTHER_FIELDS }) do
    for word, row in pairs(rows) do
      words[word] = row
    end
  end
  return words
end

--- Words of a mount's `flags`: `{ set = n }`, `{ clear = n }`, `{ propagation = n }`, or what
-- stands for another field: `{ rec_set = n }`, `{ rec_clear = n }`, `{ id_mapping = … }`,
-- `{ extension = n }`.
M.mount_flags = mount_words()

--- Every mount flag that `flags` may hold as a number.
M.MOUNT_MASK = 0
for _, number in pairs(M.ms) do
  M.MOUNT_MASK = bit.bor(M.MOUNT_MASK, number)
end

--- Extensions of a mount: `copyup` fills a tmpfs with what was there.
M.mount_extensions = { EXT_COPYUP = 1, copyup = 1, tmpcopyup = 1 }

--- Namespace types: libcontainer's name by its own and by OCI's.
M.namespaces = {
  NEWNS = "NEWNS", mount = "NEWNS",
  NEWUTS = "NEWUTS", uts = "NEWUTS",
  NEWIPC = "NEWIPC", ipc = "NEWIPC",
  NEWPID = "NEWPID", pid = "NEWPID",
  NEWNET = "NEWNET", network = "NEWNET",
  NEWUSER = "NEWUSER", user = "NEWUSER",
  NEWCGROUP = "NEWCGROUP", cgroup = "NEWCGROUP",
  NEWTIME = "NEWTIME", time = "NEWTIME",
}

--- The file of each namespace type in `/proc/<pid>/ns`.
M.namespace_files = {
  NEWNS = "mnt",
  NEWUTS = "uts",
  NEWIPC = "ipc",
  NEWPID = "pid",
  NEWNET = "net",
  NEWUSER = "user",
  NEWCGROUP = "cgroup",
  NEWTIME = "time",
}

--- Capabilities in the kernel's order: the first is number 0.
M.capability_list = {
  "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
  "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
  "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}

--- Capability numbers by name.
M.capabilities = {}
for i, name in ipairs(M.capability_list) do
  M.capabilities[name] = i - 1
end

--- Resource limits in the kernel's order: the first is number 0.
M.rlimit_list = {
  "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS",
  "RLIMIT_NPROC", "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS",
  "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
}

--- Resource limits: the full name by itself, and by its short form in capitals or not.
M.rlimits = {}
for _, name in ipairs(M.rlimit_list) do
  M.rlimits[name] = name
  M.rlimits[name:sub(#"RLIMIT_" + 1)] = name
  M.rlimits[name:sub(#"RLIMIT_" + 1):lower()] = name
end

--- "No limit" as 64 bits all set, in decimal: more than a Lua number holds exactly.
M.UNLIMITED = "18446744073709551615"

local SIGNALS = {
  "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
  "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
  "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
}

--- Signal numbers by name, with and without `SIG`.
M.signals = {}
for number, name in ipairs(SIGNALS) do
  M.signals["SIG" .. name] = number
  M.signals[name] = number
end

--- What may be mounted on below `/proc` (relative to it): files that lxcfs and CRIU provide.
M.proc_mountpoints = {
  ["cpuinfo"] = true,
  ["diskstats"] = true,
  ["meminfo"] = true,
  ["stat"] = true,
  ["swaps"] = true,
  ["uptime"] = true,
  ["loadavg"] = true,
  ["slabinfo"] = true,
  ["sys/kernel/ns_last_pid"] = true,
  ["sys/crypto/fips_enabled"] = true,
  ["net/dev"] = true,
}

--- Kernel settings that belong to an IPC namespace, beside all of `fs.mqueue`.
M.ipc_sysctls = {
  ["kernel.msgmax"] = true,
  ["kernel.msgmnb"] = true,
  ["kernel.msgmni"] = true,
  ["kernel.sem"] = true,
  ["kernel.shmall"] = true,
  ["kernel.shmmax"] = true,
  ["kernel.shmmni"] = true,
  ["kernel.shm_rmid_forced"] = true,
}

local SWAPPED = { ["."] = "/", ["/"] = "." }

--- Turns a sysctl's dotted name into its path below `/proc/sys`.
-- As sysctl(8) has it: a slash in a dotted name stands for a dot, `net.ipv4.conf.eth0/100.mtu`.
-- @tparam string name
-- @treturn string
function M.sysctl_path(name)
  return (name:gsub("[./]", SWAPPED))
end

--- Turns a sysctl's name into the dotted form: the first separator tells how it is written.
-- @tparam string name
-- @treturn string
function M.sysctl_name(name)
  if name:match("[./]") == "/" then
    return (name:gsub("[./]", SWAPPED))
  end
  return name
end

return M
