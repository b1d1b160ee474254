--- The seccomp profile that a container has by default: what engines let an unprivileged one do.
--
-- Calls that only a capability makes useful are there where the container may have it. What is
-- known and refused fails with EPERM, what the list does not know with ENOSYS, so that programs
-- fall back to what there was before. Refused beside what needs privilege:
--
-- * New namespaces, of users above all: clone(2) without their flags; clone3(2), whose flags lie in
--   memory, with ENOSYS, so that the C library takes clone(2); unshare(2) and setns(2).
-- * AF_ALG and AF_VSOCK: the kernel's crypto for everybody has had its holes, and the machine's
--   hypervisor is not the container's business.
-- * TIOCSTI and TIOCLINUX, which put input into a terminal that somebody else reads. The kernel
--   looks at 32 bits of the request, and so does the filter (CVE-2019-10063).
-- * io_uring, whose calls no filter sees, bpf, perf, userfaultfd, keyrings.
-- @module ctr.seccomp.default

local words = require("ctr.config.words")
local sorted = require("ctr.sorted")

local M = {}

local EPERM, ENOSYS = 1, 38
local EAFNOSUPPORT = jit.arch:find("^mips") and 124 or 97
local INT = 0xffffffff

local function list(text)
  local names = {}
  for name in text:gmatch("%S+") do
    names[#names + 1] = name
  end
  return names
end

-- What everybody may, by what it is about; old names and those of 32-bit machines among them.
local ALLOWED = {
  files = list([[
    access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat
    faccessat2 fadvise64 fadvise64_64 arm_fadvise64_64 fallocate fanotify_mark fchdir fchmod
    fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync file_getattr file_setattr
    flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd
    getdents getdents64 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch lchown
    lchown32 link linkat _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at
    newfstatat open openat openat2 pipe pipe2 readahead readdir readlink readlinkat rename renameat
    renameat2 rmdir stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range
    sync_file_range2 arm_sync_file_range syncfs truncate truncate64 umask unlink unlinkat utime
    utimensat utimensat_time64 utimes
  ]]),
  attributes = list([[
    fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat
    llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat
  ]]),
  transfer = list([[
    pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readv sendfile sendfile64 splice tee
    vmsplice write writev io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64
    io_setup io_submit
  ]]),
  waiting = list([[
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
    epoll_wait_old eventfd eventfd2 _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64
    select
  ]]),
  memory = list([[
    brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2
    mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free
    pkey_mprotect remap_file_pages
  ]]),
  processes = list([[
    execve execveat exit exit_group fork getpgid getpgrp getpid getppid getpriority getrlimit
    getrusage getsid gettid ioprio_get ioprio_set kill nice pause pidfd_open pidfd_send_signal
    prctl prlimit64 process_mrelease process_vm_readv process_vm_writev ptrace restart_syscall
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
    sched_setattr sched_setparam sched_setscheduler sched_yield setpgid setpriority setrlimit setsid
    tgkill times tkill ugetrlimit vfork wait4 waitid waitpid
  ]]),
  threads = list([[
    arch_prctl futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list
    get_thread_area get_tls getcpu modify_ldt rseq set_robust_list set_thread_area set_tid_address
    set_tls breakpoint cacheflush riscv_flush_icache swapcontext s390_guarded_storage
    s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr
  ]]),
  signals = list([[
    rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sgetmask sigaction sigaltstack signal
    signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend ssetmask
  ]]),
  time = list([[
    adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
    clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep
    setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64
    timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
    timerfd_settime64
  ]]),
  identity = list([[
    capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32
    getresgid getresgid32 getresuid getresuid32 getuid getuid32 landlock_add_rule
    landlock_create_ruleset landlock_restrict_self lsm_get_self_attr lsm_list_modules seccomp
    setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid
    setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32
  ]]),
  system = list("getrandom sysinfo uname"),
  sockets = list([[
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
    recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketpair
  ]]),
  ipc = list([[
    mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
    mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
    semtimedop_time64 shmat shmctl shmdt shmget
  ]]),
}

local GROUPS = { "files", "attributes", "transfer", "waiting", "memory", "processes", "threads",
  "signals", "time", "identity", "system", "sockets", "ipc" }

-- What a capability is for: allowed to who may have it, refused to all others.
local BY_CAPABILITY = {
  CAP_BPF = list("bpf"),
  CAP_DAC_READ_SEARCH = list("open_by_handle_at"),
  CAP_PERFMON = list("perf_event_open"),
  CAP_SYSLOG = list("syslog"),
  CAP_SYS_ADMIN = list([[
    bpf fanotify_init fsconfig fsmount fsopen fspick listmount lookup_dcookie mount mount_setattr
    move_mount open_tree open_tree_attr perf_event_open pivot_root quotactl quotactl_fd
    setdomainname sethostname setns statmount syslog umount umount2 unshare
  ]]),
  CAP_SYS_BOOT = list("reboot"),
  CAP_SYS_CHROOT = list("chroot"),
  CAP_SYS_MODULE = list("delete_module finit_module init_module"),
  CAP_SYS_NICE = list("get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
  CAP_SYS_PACCT = list("acct"),
  CAP_SYS_PTRACE = list("kcmp pidfd_getfd process_madvise"),
  CAP_SYS_RAWIO = list("ioperm iopl"),
  CAP_SYS_TIME = list("clock_settime clock_settime64 settimeofday stime"),
  CAP_SYS_TTY_CONFIG = list("vhangup"),
}

-- What nobody gets: keys that no namespace divides, what filters do not see, what nobody uses.
local REFUSED = list([[
  _sysctl add_key create_module get_kernel_syms io_uring_enter io_uring_register io_uring_setup
  kexec_file_load kexec_load keyctl lsm_set_self_attr migrate_pages move_pages nfsservctl
  query_module request_key swapoff swapon sysfs uselib userfaultfd ustat vm86 vm86old
]])

local NAMESPACES = { 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000,
  0x40000000 }
local ALL_NAMESPACES = 0x7e020000

local function masked(index, mask, value)
  return { { index = index, op = "SCMP_CMP_MASKED_EQ", value = mask, value_two = value } }
end

local function compared(index, op, value)
  return { { index = index, op = op, value = value } }
end

local function add(rules, action, names, args, errno)
  rules[#rules + 1] = { names = names, action = action, args = args, errno_ret = errno }
end

local function allow(rules, name, args)
  add(rules, "SCMP_ACT_ALLOW", { name }, args)
end

local function refuse(rules, name, args, errno)
  add(rules, "SCMP_ACT_ERRNO", { name }, args, errno)
end

-- Conditions that shut each other out: so the profile means the same to runtimes that take the
-- rules of a call in another order.
local function add_clone(rules, is_admin)
  if is_admin then
    add(rules, "SCMP_ACT_ALLOW", { "clone", "clone3" })
    return
  end
  local flags = jit.arch:find("^s390") and 1 or 0
  allow(rules, "clone", masked(flags, ALL_NAMESPACES, 0))
  for _, namespace in ipairs(NAMESPACES) do
    refuse(rules, "clone", masked(flags, namespace, namespace), EPERM)
  end
  add(rules, "SCMP_ACT_ERRNO", { "clone3" }, nil, ENOSYS)
end

local AF_ALG, AF_VSOCK, AF_MAX = 38, 40, 46

-- Each family by itself: a number beyond 32 bits, of which the kernel sees the lower half, is none.
local function add_socket(rules)
  allow(rules, "socket", compared(0, "SCMP_CMP_LT", AF_ALG))
  for family = AF_ALG + 1, AF_MAX - 1 do
    if family ~= AF_VSOCK then
      allow(rules, "socket", compared(0, "SCMP_CMP_EQ", family))
    end
  end
  refuse(rules, "socket", masked(0, INT, AF_ALG), EAFNOSUPPORT)
  refuse(rules, "socket", masked(0, INT, AF_VSOCK), EAFNOSUPPORT)
end

local TIOCSTI, TIOCLINUX = 0x5412, 0x541c
if jit.arch:find("^mips") then
  TIOCSTI, TIOCLINUX = 0x5472, 0x5483
end

local function add_ioctl(rules)
  refuse(rules, "ioctl", masked(1, INT, TIOCSTI), EPERM)
  refuse(rules, "ioctl", masked(1, INT, TIOCLINUX), EPERM)
  allow(rules, "ioctl")
end

-- Linux and Linux32, with and without the addresses of uname 2.6; the last one asks.
local PERSONALITIES = { 0x0, 0x8, 0x20000, 0x20008, 0xffffffff }

local function add_conditional(rules, held)
  add_clone(rules, held.CAP_SYS_ADMIN)
  add_socket(rules)
  add_ioctl(rules)
  for _, persona in ipairs(PERSONALITIES) do
    allow(rules, "personality", compared(0, "SCMP_CMP_EQ", persona))
  end
end

-- Everything that some program of the container may come to hold.
local function held_in(capabilities)
  local held = {}
  for _, set in ipairs({ "bounding", "permitted", "effective", "inheritable", "ambient" }) do
    for _, name in ipairs(capabilities and capabilities[set] or {}) do
      held[name] = true
    end
  end
  return held
end

local function by_capability(held)
  local allowed, refused = {}, {}
  for _, capability in ipairs(words.capability_list) do
    for _, name in ipairs(held[capability] and BY_CAPABILITY[capability] or {}) do
      allowed[name] = true
    end
  end
  for _, names in pairs(BY_CAPABILITY) do
    for _, name in ipairs(names) do
      refused[name] = not allowed[name] or nil
    end
  end
  return sorted(allowed), refused
end

local ARCHITECTURES = {
  x64 = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86" }, arm64 = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM" },
}

--- Makes the default profile.
-- @tparam ?table capabilities of the container: sets of full names, as a configuration has them
-- @treturn table a profile in the configuration's words, which is the caller's to change
function M.profile(capabilities)
  local held = held_in(capabilities)
  local allowed, refused = by_capability(held)
  for _, group in ipairs(GROUPS) do
    for _, name in ipairs(ALLOWED[group]) do
      allowed[#allowed + 1] = name
    end
  end
  for _, name in ipairs(REFUSED) do
    refused[name] = true
  end
  local rules = {}
  add(rules, "SCMP_ACT_ALLOW", allowed)
  add_conditional(rules, held)
  add(rules, "SCMP_ACT_ERRNO", sorted(refused), nil, EPERM)
  return {
    default_action = "SCMP_ACT_ERRNO", default_errno_ret = ENOSYS,
    architectures = { unpack(ARCHITECTURES[jit.arch] or { "SCMP_ARCH_NATIVE" }) }, flags = {},
    syscalls = rules,
  }
end

return M
