---@meta ctr
-- Made by `make reference`: change it in the schema and in the docstrings.

---@class ctr.Config.capabilities
---@field ambient? string[] What programs without file capabilities keep.
---@field Ambient? string[] What programs without file capabilities keep.
---@field bounding? string[] The most that any program can gain.
---@field Bounding? string[] The most that any program can gain.
---@field effective? string[] What the kernel checks.
---@field Effective? string[] What the kernel checks.
---@field inheritable? string[] What programs with file capabilities may keep.
---@field Inheritable? string[] What programs with file capabilities may keep.
---@field permitted? string[] What may be made effective.
---@field Permitted? string[] What may be made effective.

---@class ctr.Config.cgroups.allowed_devices.item
---@field allow? boolean Whether the rule allows.
---@field file_mode? (integer|string|number) Permissions: a number, or octal digits, "0666".
---@field gid? integer Of a node that stands for a rule: no effect.
---@field major? (integer|string|number) The driver; -1 or * for any.
---@field minor? (integer|string|number) The driver's device; -1 or * for any.
---@field path? string Of a node that stands for a rule: no effect.
---@field permissions string Some of r, w and m (mknod).
---@field type ("a"|"b"|"c"|"u"|string|number) c: character, b: block, a: all.
---@field uid? integer Of a node that stands for a rule: no effect.

---@class ctr.Config.cgroups.blkio_throttle_read_bps_device.item
---@field major integer The device's driver.
---@field minor integer The driver's device.
---@field rate (integer|string) Bytes or operations per second; 0 for no limit.

---@class ctr.Config.cgroups.blkio_weight_device.item
---@field leaf_weight? integer Against the cgroups below, from 10 to 1000; v1 alone.
---@field leafWeight? integer Against the cgroups below, from 10 to 1000; v1 alone.
---@field major integer The device's driver.
---@field minor integer The driver's device.
---@field weight? integer From 10 to 1000.

---@class ctr.Config.cgroups.denied_devices.item
---@field allow? boolean Whether the rule allows.
---@field file_mode? (integer|string|number) Permissions: a number, or octal digits, "0666".
---@field gid? integer Of a node that stands for a rule: no effect.
---@field major? (integer|string|number) The driver; -1 or * for any.
---@field minor? (integer|string|number) The driver's device; -1 or * for any.
---@field path? string Of a node that stands for a rule: no effect.
---@field permissions string Some of r, w and m (mknod).
---@field type ("a"|"b"|"c"|"u"|string|number) c: character, b: block, a: all.
---@field uid? integer Of a node that stands for a rule: no effect.

---@class ctr.Config.cgroups.devices.item
---@field allow? boolean Whether the rule allows.
---@field file_mode? (integer|string|number) Permissions: a number, or octal digits, "0666".
---@field gid? integer Of a node that stands for a rule: no effect.
---@field major? (integer|string|number) The driver; -1 or * for any.
---@field minor? (integer|string|number) The driver's device; -1 or * for any.
---@field path? string Of a node that stands for a rule: no effect.
---@field permissions string Some of r, w and m (mknod).
---@field type ("a"|"b"|"c"|"u"|string|number) c: character, b: block, a: all.
---@field uid? integer Of a node that stands for a rule: no effect.

---@class ctr.Config.cgroups.hugetlb_limit.item
---@field limit (integer|string) Bytes.
---@field page_size string As the kernel names it: 64KB, 2MB, 1GB.
---@field pageSize string As the kernel names it: 64KB, 2MB, 1GB.

---@class ctr.Config.cgroups.net_prio_ifpriomap.item
---@field interface string The interface's name.
---@field priority integer Of what is sent by it.

---@class ctr.Config.cgroups.rdma.value
---@field hca_handles? integer How many handles may be open.
---@field hcaHandles? integer How many handles may be open.
---@field hca_objects? integer How many objects may be made.
---@field hcaObjects? integer How many objects may be made.

---@class ctr.Config.cgroups
---@field allow_all_devices? boolean true: all devices but the denied ones; false: none but the allowed ones.
---@field allowed_devices? ctr.Config.cgroups.allowed_devices.item[] Devices that may be used.
---@field blkio_leaf_weight? integer Against the cgroups below, from 10 to 1000; v1 alone.
---@field blkio_throttle_read_bps_device? ctr.Config.cgroups.blkio_throttle_read_bps_device.item[] Bytes per second that are read.
---@field blkio_throttle_read_iops_device? ctr.Config.cgroups.blkio_throttle_read_bps_device.item[] Reads per second.
---@field blkio_throttle_write_bps_device? ctr.Config.cgroups.blkio_throttle_read_bps_device.item[] Bytes per second that are written.
---@field blkio_throttle_write_iops_device? ctr.Config.cgroups.blkio_throttle_read_bps_device.item[] Writes per second.
---@field blkio_weight? integer Weight at block devices, from 10 to 1000.
---@field blkio_weight_device? ctr.Config.cgroups.blkio_weight_device.item[] Weights at single devices.
---@field cpu_burst? integer Microseconds that may be saved up for later; at most the quota.
---@field cpu_idle? integer 1: it gets what nobody else wants.
---@field cpu_period? integer Microseconds.
---@field cpu_quota? integer Microseconds of CPU time per period.
---@field cpu_rt_period? integer Microseconds; v1 alone.
---@field cpu_rt_quota? integer Microseconds of real-time scheduling per period; v1 alone.
---@field cpu_rt_runtime? integer Microseconds of real-time scheduling per period; v1 alone.
---@field cpu_shares? integer Weight of the CPU time, 1024 by default.
---@field cpu_weight? integer Weight of the CPU time, 100 by default; v2 alone.
---@field cpuset_cpus? string Processors that may be used, as in 0-3,7.
---@field cpuset_mems? string Memory nodes that may be used.
---@field denied_devices? ctr.Config.cgroups.denied_devices.item[] Devices that may not be used.
---@field devices? ctr.Config.cgroups.devices.item[] Rules in order; the other keys for devices have no effect then.
---@field freezer? ("FROZEN"|"THAWED") The state to put the container in.
---@field hugetlb_limit? ctr.Config.cgroups.hugetlb_limit.item[] Bytes of huge pages.
---@field kernel_memory? (integer|string) Bytes of kernel memory; v1 alone, and not in new kernels.
---@field kernel_memory_tcp? (integer|string) Bytes of TCP's buffers; v1 alone.
---@field memory? (integer|string) Bytes of memory.
---@field memory_check_before_update? boolean A change to less memory than is in use is refused.
---@field checkBeforeUpdate? boolean A change to less memory than is in use is refused.
---@field memory_high? (integer|string) Bytes from which the container is slowed down; v2 alone.
---@field memory_low? (integer|string) Bytes that are kept where possible; v2 alone.
---@field memory_min? (integer|string) Bytes that are kept in any case; v2 alone.
---@field memory_oom_group? boolean Without memory the whole container is killed; v2 alone.
---@field memory_reservation? (integer|string) Bytes that are kept when memory is short.
---@field memory_swap? (integer|string) Bytes of memory and swap together.
---@field memory_swappiness? integer How readily memory is swapped; v1 alone.
---@field name? string The cgroup's name below `parent`; the container's id without it.
---@field net_cls_classid_u? integer The class of what is sent; v1 alone.
---@field net_prio_ifpriomap? ctr.Config.cgroups.net_prio_ifpriomap.item[] Priorities by interface; v1 alone.
---@field oom_kill_disable? boolean Without memory processes wait and are not killed; v1 alone.
---@field parent? string The cgroup that it is made in, or systemd's slice.
---@field path? string The whole path, in place of `name` and `parent`.
---@field paths? table<string, string> Cgroups to join, by hierarchy.
---@field Paths? table<string, string> Cgroups to join, by hierarchy.
---@field pids_limit? (integer|string|number) Processes and threads.
---@field rdma? table<string, ctr.Config.cgroups.rdma.value> Limits by RDMA device.
---@field scope_prefix? string What systemd's scope starts with.
---@field systemd_properties? table<string, string> Properties of systemd's unit by their names.
---@field unified? table<string, string> Files of cgroup v2 by their names.

---@class ctr.Config.devices.item
---@field allow? boolean Whether a rule made of it allows.
---@field file_mode? (integer|string|number) Permissions: a number, or octal digits, "0666".
---@field gid? integer Its group, in the container.
---@field major? integer The driver.
---@field minor? integer The driver's device.
---@field path string Where, in the container.
---@field permissions? string Some of r, w and m (mknod).
---@field type ("b"|"c"|"p"|"u"|string|number) c or u: character, b: block, p: a named pipe.
---@field uid? integer Who owns it, in the container.

---@class ctr.Config.exec_cpu_affinity
---@field final? string CPUs that it may use from then on: all of the cpuset without either.
---@field initial? string CPUs that it may use until it is in the container's cgroup, as in 0-3,7.

---@class ctr.Config.gid_mappings.item
---@field container_id integer The first id inside.
---@field host_id integer The first id outside.
---@field size integer How many ids.

---@class ctr.Config.hooks.createContainer.item
---@field args? string[] Its argv, exactly; the path alone without it.
---@field dir? string Where it runs; / without it.
---@field env? (string[]|table<string, string|string|number>) Its environment, exactly; without it empty, and the process' own for startContainer.
---@field func? function A function instead of a command: it is given the state; nil or false and a message, or an error, is a failure.
---@field path? string The program: an absolute path of the host; of the container for startContainer.
---@field timeout? (number|string) Seconds, or "30s": when they have passed it is killed, and all that it started.

---@class ctr.Config.hooks
---@field createContainer? ctr.Config.hooks.createContainer.item[] Before the root is entered, in the container's namespaces; the program is the host's.
---@field create_container? ctr.Config.hooks.createContainer.item[] Before the root is entered, in the container's namespaces; the program is the host's.
---@field createRuntime? ctr.Config.hooks.createContainer.item[] Before the root is entered, on the host.
---@field create_runtime? ctr.Config.hooks.createContainer.item[] Before the root is entered, on the host.
---@field poststart? ctr.Config.hooks.createContainer.item[] When the program runs, on the host.
---@field Poststart? ctr.Config.hooks.createContainer.item[] When the program runs, on the host.
---@field poststop? ctr.Config.hooks.createContainer.item[] When the container is destroyed, on the host.
---@field Poststop? ctr.Config.hooks.createContainer.item[] When the container is destroyed, on the host.
---@field prestart? ctr.Config.hooks.createContainer.item[] Before the root is entered, on the host; createRuntime's older name.
---@field Prestart? ctr.Config.hooks.createContainer.item[] Before the root is entered, on the host; createRuntime's older name.
---@field startContainer? ctr.Config.hooks.createContainer.item[] In the container, as the process' user, just before its program.
---@field start_container? ctr.Config.hooks.createContainer.item[] In the container, as the process' user, just before its program.

---@class ctr.Config.intel_rdt
---@field clos_id? string The class of service, which outlives the container; one of its own without it.
---@field closID? string The class of service, which outlives the container; one of its own without it.
---@field enable_monitoring? boolean Makes a monitoring group for the container.
---@field enableMonitoring? boolean Makes a monitoring group for the container.
---@field l3_cache_schema? string The share of the third level cache, as in L3:0=7f0;1=1f.
---@field l3CacheSchema? string The share of the third level cache, as in L3:0=7f0;1=1f.
---@field mem_bw_schema? string The share of the memory's bandwidth, as in MB:0=20;1=70.
---@field memBwSchema? string The share of the memory's bandwidth, as in MB:0=20;1=70.
---@field schemata? string[] More lines for the file schemata, written in order.

---@class ctr.Config.io_priority
---@field class ("IOPRIO_CLASS_BE"|"IOPRIO_CLASS_IDLE"|"IOPRIO_CLASS_RT"|"be"|"idle"|"rt") IOPRIO_CLASS_RT (real time), IOPRIO_CLASS_BE (best effort) or IOPRIO_CLASS_IDLE.
---@field priority? integer From 0, the first, to 7.

---@class ctr.Config.memory_policy
---@field flags? (integer|string|("MPOL_F_NUMA_BALANCING"|"MPOL_F_RELATIVE_NODES"|"MPOL_F_STATIC_NODES")[]) MPOL_F_NUMA_BALANCING, MPOL_F_RELATIVE_NODES, MPOL_F_STATIC_NODES.
---@field mode ("MPOL_BIND"|"MPOL_DEFAULT"|"MPOL_INTERLEAVE"|"MPOL_LOCAL"|"MPOL_PREFERRED"|"MPOL_PREFERRED_MANY"|"MPOL_WEIGHTED_INTERLEAVE"|"bind"|"default"|"interleave"|"local"|"preferred"|"preferred_many"|"weighted_interleave") MPOL_DEFAULT, MPOL_BIND, MPOL_INTERLEAVE, MPOL_WEIGHTED_INTERLEAVE, MPOL_PREFERRED, MPOL_PREFERRED_MANY or MPOL_LOCAL.
---@field nodes? string Memory nodes, as in 0-1,3.

---@class ctr.Config.mounts.item.id_mapping
---@field gid_mappings? ctr.Config.gid_mappings.item[] Groups: of the file system, and as they are shown.
---@field recursive? boolean Maps what is mounted below, too.
---@field uid_mappings? ctr.Config.gid_mappings.item[] Users: of the file system, and as they are shown.
---@field userns_path? string The user namespace whose mappings apply.

---@class ctr.Config.mounts.item.postmount_cmds.item
---@field args? string[] What follows the program's name.
---@field dir? string Where it runs.
---@field env? (string[]|table<string, string|string|number>) Its environment; only the default PATH without it.
---@field path string The program; looked up in PATH without a slash.

---@class ctr.Config.mounts.item.rec_attr
---@field attr_clr? (integer|string|("MOUNT_ATTR_NOATIME"|"MOUNT_ATTR_NODEV"|"MOUNT_ATTR_NODIRATIME"|"MOUNT_ATTR_NOEXEC"|"MOUNT_ATTR_NOSUID"|"MOUNT_ATTR_NOSYMFOLLOW"|"MOUNT_ATTR_RDONLY"|"MOUNT_ATTR_STRICTATIME"|"MOUNT_ATTR__ATIME"|"_atime"|"atime"|"noatime"|"nodev"|"nodiratime"|"noexec"|"nosuid"|"nosymfollow"|"rdonly"|"ro"|"strictatime")[]) MOUNT_ATTR_* to clear.
---@field Attr_clr? (integer|string|("MOUNT_ATTR_NOATIME"|"MOUNT_ATTR_NODEV"|"MOUNT_ATTR_NODIRATIME"|"MOUNT_ATTR_NOEXEC"|"MOUNT_ATTR_NOSUID"|"MOUNT_ATTR_NOSYMFOLLOW"|"MOUNT_ATTR_RDONLY"|"MOUNT_ATTR_STRICTATIME"|"MOUNT_ATTR__ATIME"|"_atime"|"atime"|"noatime"|"nodev"|"nodiratime"|"noexec"|"nosuid"|"nosymfollow"|"rdonly"|"ro"|"strictatime")[]) MOUNT_ATTR_* to clear.
---@field attr_set? (integer|string|("MOUNT_ATTR_NOATIME"|"MOUNT_ATTR_NODEV"|"MOUNT_ATTR_NODIRATIME"|"MOUNT_ATTR_NOEXEC"|"MOUNT_ATTR_NOSUID"|"MOUNT_ATTR_NOSYMFOLLOW"|"MOUNT_ATTR_RDONLY"|"MOUNT_ATTR_STRICTATIME"|"MOUNT_ATTR__ATIME"|"_atime"|"atime"|"noatime"|"nodev"|"nodiratime"|"noexec"|"nosuid"|"nosymfollow"|"rdonly"|"ro"|"strictatime")[]) MOUNT_ATTR_* to set, or ro, nosuid, …
---@field Attr_set? (integer|string|("MOUNT_ATTR_NOATIME"|"MOUNT_ATTR_NODEV"|"MOUNT_ATTR_NODIRATIME"|"MOUNT_ATTR_NOEXEC"|"MOUNT_ATTR_NOSUID"|"MOUNT_ATTR_NOSYMFOLLOW"|"MOUNT_ATTR_RDONLY"|"MOUNT_ATTR_STRICTATIME"|"MOUNT_ATTR__ATIME"|"_atime"|"atime"|"noatime"|"nodev"|"nodiratime"|"noexec"|"nosuid"|"nosymfollow"|"rdonly"|"ro"|"strictatime")[]) MOUNT_ATTR_* to set, or ro, nosuid, …
---@field propagation? (integer|string|("MS_PRIVATE"|"MS_SHARED"|"MS_SLAVE"|"MS_UNBINDABLE"|"private"|"shared"|"slave"|"unbindable")[]) How all of it spreads.
---@field Propagation? (integer|string|("MS_PRIVATE"|"MS_SHARED"|"MS_SLAVE"|"MS_UNBINDABLE"|"private"|"shared"|"slave"|"unbindable")[]) How all of it spreads.
---@field userns_fd? integer Kept for libcontainer's sake: id_mapping has the namespace.
---@field Userns_fd? integer Kept for libcontainer's sake: id_mapping has the namespace.

---@class ctr.Config.mounts.item
---@field cleared_flags? (integer|string|("MS_BIND"|"MS_DIRSYNC"|"MS_I_VERSION"|"MS_LAZYTIME"|"MS_MANDLOCK"|"MS_NOATIME"|"MS_NODEV"|"MS_NODIRATIME"|"MS_NOEXEC"|"MS_NOSUID"|"MS_NOSYMFOLLOW"|"MS_POSIXACL"|"MS_RDONLY"|"MS_REC"|"MS_RELATIME"|"MS_REMOUNT"|"MS_SILENT"|"MS_STRICTATIME"|"MS_SYNCHRONOUS"|"bind"|"dirsync"|"i_version"|"lazytime"|"mandlock"|"noatime"|"nodev"|"nodiratime"|"noexec"|"nosuid"|"nosymfollow"|"posixacl"|"rdonly"|"rec"|"relatime"|"remount"|"silent"|"strictatime"|"synchronous")[]) Flags that are taken away from what the source has.
---@field data? string Options of the file system, separated by commas.
---@field destination string Where, in the container.
---@field device? string The file system type, or `bind`.
---@field extensions? (integer|string|("EXT_COPYUP"|"copyup"|"tmpcopyup")[]) copyup: a tmpfs starts with what was there before.
---@field flags? (integer|string|("MS_BIND"|"MS_DIRSYNC"|"MS_I_VERSION"|"MS_LAZYTIME"|"MS_MANDLOCK"|"MS_NOATIME"|"MS_NODEV"|"MS_NODIRATIME"|"MS_NOEXEC"|"MS_NOSUID"|"MS_NOSYMFOLLOW"|"MS_POSIXACL"|"MS_PRIVATE"|"MS_RDONLY"|"MS_REC"|"MS_RELATIME"|"MS_REMOUNT"|"MS_SHARED"|"MS_SILENT"|"MS_SLAVE"|"MS_STRICTATIME"|"MS_SYNCHRONOUS"|"MS_UNBINDABLE"|"acl"|"async"|"atime"|"bind"|"defaults"|"dev"|"diratime"|"dirsync"|"exec"|"i_version"|"idmap"|"iversion"|"lazytime"|"loud"|"mand"|"mandlock"|"noacl"|"noatime"|"nodev"|"nodiratime"|"noexec"|"noiversion"|"nolazytime"|"nomand"|"norelatime"|"nostrictatime"|"nosuid"|"nosymfollow"|"posixacl"|"private"|"ratime"|"rbind"|"rdev"|"rdiratime"|"rdonly"|"rec"|"relatime"|"remount"|"rexec"|"ridmap"|"rnoatime"|"rnodev"|"rnodiratime"|"rnoexec"|"rnorelatime"|"rnostrictatime"|"rnosuid"|"rnosymfollow"|"ro"|"rprivate"|"rrelatime"|"rro"|"rrw"|"rshared"|"rslave"|"rstrictatime"|"rsuid"|"rsymfollow"|"runbindable"|"rw"|"shared"|"silent"|"slave"|"strictatime"|"suid"|"symfollow"|"sync"|"synchronous"|"tmpcopyup"|"unbindable")[]) Flags of mount(2), in its words or those of mount(8).
---@field id_mapping? ctr.Config.mounts.item.id_mapping Translates the owners of its files.
---@field postmount_cmds? ctr.Config.mounts.item.postmount_cmds.item[] What runs after it was made.
---@field premount_cmds? ctr.Config.mounts.item.postmount_cmds.item[] What runs before it is made.
---@field propagation_flags? ((integer|string|("MS_PRIVATE"|"MS_REC"|"MS_SHARED"|"MS_SLAVE"|"MS_UNBINDABLE"|"private"|"rprivate"|"rshared"|"rslave"|"runbindable"|"shared"|"slave"|"unbindable")[])[]|string|number) How mounts below it spread; set one after the other.
---@field rec_attr? ctr.Config.mounts.item.rec_attr Attributes of the mount and all below it.
---@field relabel? string Gives all below a bind's source `mount_label`: Z, or z, without its categories.
---@field source? string What is mounted: a path of the host, or a name.

---@class ctr.Config.namespaces.item
---@field path? string The namespace to join; a new one is made without it.
---@field type ("NEWCGROUP"|"NEWIPC"|"NEWNET"|"NEWNS"|"NEWPID"|"NEWTIME"|"NEWUSER"|"NEWUTS"|"cgroup"|"ipc"|"mount"|"network"|"pid"|"time"|"user"|"uts") NEWNS, or OCI's word for it, mount.

---@class ctr.Config.net_devices.value
---@field give_back? boolean Whether the host gets it back, as it was, when the container is destroyed.
---@field name? string Its name inside, the same without it; `%d` at the end: a number.

---@class ctr.Config.networks.item
---@field address? string Its IPv4 address with the prefix: 10.0.0.2/24.
---@field bridge? string The host's bridge that the other end becomes a port of.
---@field gateway? string Where the IPv4 packets go that no other route takes.
---@field hairpin_mode? boolean Whether the bridge sends back to the container what came from it.
---@field host_interface_name? string The name of the other end on the host; one is made up without it.
---@field ipv6_address? string Its IPv6 address with the prefix: fd00::2/64.
---@field ipv6_gateway? string Where the IPv6 packets go that no other route takes.
---@field mac_address? string Its hardware address; a random one without it.
---@field mtu? integer The most bytes in a packet; the bridge's without it.
---@field name? string The interface's name inside; eth0 without it.
---@field tx_queue_len? integer How many packets wait to be sent, on both ends.
---@field txqueuelen? integer How many packets wait to be sent, on both ends.
---@field type ("loopback"|"veth") loopback: the interface lo is set up; veth: a pair of interfaces, one of them inside.

---@class ctr.Config.personality
---@field domain ("LINUX"|"LINUX32"|"PER_LINUX"|"PER_LINUX32"|string|number) LINUX, or LINUX32: uname(2) tells a 64-bit machine's 32-bit name.

---@class ctr.Config.rlimits.item
---@field hard (integer|string) How far the soft limit may be raised.
---@field soft (integer|string) What applies.
---@field type ("AS"|"CORE"|"CPU"|"DATA"|"FSIZE"|"LOCKS"|"MEMLOCK"|"MSGQUEUE"|"NICE"|"NOFILE"|"NPROC"|"RLIMIT_AS"|"RLIMIT_CORE"|"RLIMIT_CPU"|"RLIMIT_DATA"|"RLIMIT_FSIZE"|"RLIMIT_LOCKS"|"RLIMIT_MEMLOCK"|"RLIMIT_MSGQUEUE"|"RLIMIT_NICE"|"RLIMIT_NOFILE"|"RLIMIT_NPROC"|"RLIMIT_RSS"|"RLIMIT_RTPRIO"|"RLIMIT_RTTIME"|"RLIMIT_SIGPENDING"|"RLIMIT_STACK"|"RSS"|"RTPRIO"|"RTTIME"|"SIGPENDING"|"STACK"|"as"|"core"|"cpu"|"data"|"fsize"|"locks"|"memlock"|"msgqueue"|"nice"|"nofile"|"nproc"|"rss"|"rtprio"|"rttime"|"sigpending"|"stack"|string|number) RLIMIT_NOFILE, nofile, or the kernel's number.

---@class ctr.Config.routes.item
---@field destination string A network with its prefix, or "default".
---@field gateway? string Where the packets go; on the interface's own link without it.
---@field interface_name? string The interface inside; the one that leads to the gateway without it.
---@field source? string The address that packets get that are sent there.

---@class ctr.Config.scheduler
---@field deadline? integer With SCHED_DEADLINE: nanoseconds by which it has to have them.
---@field flags? (integer|string|("SCHED_FLAG_DL_OVERRUN"|"SCHED_FLAG_KEEP_PARAMS"|"SCHED_FLAG_KEEP_POLICY"|"SCHED_FLAG_RECLAIM"|"SCHED_FLAG_RESET_ON_FORK"|"SCHED_FLAG_UTIL_CLAMP_MAX"|"SCHED_FLAG_UTIL_CLAMP_MIN")[]) SCHED_FLAG_RESET_ON_FORK and the like.
---@field nice? integer With SCHED_OTHER and SCHED_BATCH: 19 is the nicest.
---@field period? integer With SCHED_DEADLINE: nanoseconds; as long as the deadline without it.
---@field policy ("SCHED_BATCH"|"SCHED_DEADLINE"|"SCHED_FIFO"|"SCHED_IDLE"|"SCHED_ISO"|"SCHED_OTHER"|"SCHED_RR"|"batch"|"deadline"|"fifo"|"idle"|"iso"|"other"|"rr") SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_ISO, SCHED_IDLE or SCHED_DEADLINE.
---@field priority? integer With SCHED_FIFO and SCHED_RR: from 1 to 99.
---@field runtime? integer With SCHED_DEADLINE: nanoseconds of CPU time in each period.

---@class ctr.Config.seccomp.syscalls.item.args.item
---@field index integer Which argument; the first is 0.
---@field op ("EQ"|"GE"|"GT"|"LE"|"LT"|"MASKED_EQ"|"NE"|"SCMP_CMP_EQ"|"SCMP_CMP_GE"|"SCMP_CMP_GT"|"SCMP_CMP_LE"|"SCMP_CMP_LT"|"SCMP_CMP_MASKED_EQ"|"SCMP_CMP_NE"|"eq"|"ge"|"gt"|"le"|"lt"|"masked_eq"|"ne"|string|number) How: SCMP_CMP_EQ and the like.
---@field value (integer|string) What it is compared with; for MASKED_EQ the mask.
---@field value_two? (integer|string) For MASKED_EQ: what is left under the mask.
---@field valueTwo? (integer|string) For MASKED_EQ: what is left under the mask.

---@class ctr.Config.seccomp.syscalls.item
---@field action ("ALLOW"|"ERRNO"|"KILL"|"KILL_PROCESS"|"KILL_THREAD"|"LOG"|"NOTIFY"|"SCMP_ACT_ALLOW"|"SCMP_ACT_ERRNO"|"SCMP_ACT_KILL"|"SCMP_ACT_KILL_PROCESS"|"SCMP_ACT_KILL_THREAD"|"SCMP_ACT_LOG"|"SCMP_ACT_NOTIFY"|"SCMP_ACT_TRACE"|"SCMP_ACT_TRAP"|"TRACE"|"TRAP"|"allow"|"errno"|"kill"|"kill_process"|"kill_thread"|"log"|"notify"|"trace"|"trap"|string|number) What happens to them: SCMP_ACT_ALLOW and the like.
---@field args? ctr.Config.seccomp.syscalls.item.args.item[] When: all must hold; several on one argument are alternatives.
---@field errno_ret? integer The error of ERRNO, or what TRACE tells; EPERM without it.
---@field errnoRet? integer The error of ERRNO, or what TRACE tells; EPERM without it.
---@field name? string One call, as libcontainer has it.
---@field names? string[] System calls, by name.

---@class ctr.Config.seccomp
---@field architectures? (("SCMP_ARCH_AARCH64"|"SCMP_ARCH_ARM"|"SCMP_ARCH_LOONGARCH64"|"SCMP_ARCH_M68K"|"SCMP_ARCH_MIPS"|"SCMP_ARCH_MIPS64"|"SCMP_ARCH_MIPS64N32"|"SCMP_ARCH_MIPSEL"|"SCMP_ARCH_MIPSEL64"|"SCMP_ARCH_MIPSEL64N32"|"SCMP_ARCH_NATIVE"|"SCMP_ARCH_PARISC"|"SCMP_ARCH_PARISC64"|"SCMP_ARCH_PPC"|"SCMP_ARCH_PPC64"|"SCMP_ARCH_PPC64LE"|"SCMP_ARCH_RISCV64"|"SCMP_ARCH_S390"|"SCMP_ARCH_S390X"|"SCMP_ARCH_SH"|"SCMP_ARCH_SHEB"|"SCMP_ARCH_X32"|"SCMP_ARCH_X86"|"SCMP_ARCH_X86_64"|"aarch64"|"amd64"|"arm"|"arm64"|"loongarch64"|"m68k"|"mips"|"mips64"|"mips64n32"|"mipsel"|"mipsel64"|"mipsel64n32"|"native"|"parisc"|"parisc64"|"ppc"|"ppc64"|"ppc64le"|"riscv64"|"s390"|"s390x"|"sh"|"sheb"|"x32"|"x86"|"x86_64")[]) Beside the machine's own: others end the process.
---@field default_action ("ALLOW"|"ERRNO"|"KILL"|"KILL_PROCESS"|"KILL_THREAD"|"LOG"|"NOTIFY"|"SCMP_ACT_ALLOW"|"SCMP_ACT_ERRNO"|"SCMP_ACT_KILL"|"SCMP_ACT_KILL_PROCESS"|"SCMP_ACT_KILL_THREAD"|"SCMP_ACT_LOG"|"SCMP_ACT_NOTIFY"|"SCMP_ACT_TRACE"|"SCMP_ACT_TRAP"|"TRACE"|"TRAP"|"allow"|"errno"|"kill"|"kill_process"|"kill_thread"|"log"|"notify"|"trace"|"trap"|string|number) What happens to calls that no rule names.
---@field defaultAction ("ALLOW"|"ERRNO"|"KILL"|"KILL_PROCESS"|"KILL_THREAD"|"LOG"|"NOTIFY"|"SCMP_ACT_ALLOW"|"SCMP_ACT_ERRNO"|"SCMP_ACT_KILL"|"SCMP_ACT_KILL_PROCESS"|"SCMP_ACT_KILL_THREAD"|"SCMP_ACT_LOG"|"SCMP_ACT_NOTIFY"|"SCMP_ACT_TRACE"|"SCMP_ACT_TRAP"|"TRACE"|"TRAP"|"allow"|"errno"|"kill"|"kill_process"|"kill_thread"|"log"|"notify"|"trace"|"trap"|string|number) What happens to calls that no rule names.
---@field default_errno_ret? integer The error of the default; EPERM without it.
---@field defaultErrnoRet? integer The error of the default; EPERM without it.
---@field flags? (("LOG"|"SECCOMP_FILTER_FLAG_LOG"|"SECCOMP_FILTER_FLAG_SPEC_ALLOW"|"SECCOMP_FILTER_FLAG_TSYNC"|"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"|"SPEC_ALLOW"|"TSYNC"|"WAIT_KILLABLE_RECV"|"log"|"spec_allow"|"tsync"|"wait_killable_recv")[]) Of seccomp(2); SPEC_ALLOW without it.
---@field listener_metadata? string What is sent along to it.
---@field listenerMetadata? string What is sent along to it.
---@field listener_path? string The unix socket that gets the listener of SCMP_ACT_NOTIFY.
---@field listenerPath? string The unix socket that gets the listener of SCMP_ACT_NOTIFY.
---@field syscalls? ctr.Config.seccomp.syscalls.item[] Rules in order: the first that matches says what happens.

---@class ctr.Config.time_offsets.boottime
---@field nanosecs? integer Nanoseconds.
---@field secs? integer Seconds.

---@class ctr.Config.time_offsets.monotonic
---@field nanosecs? integer Nanoseconds.
---@field secs? integer Seconds.

---@class ctr.Config.time_offsets
---@field boottime? ctr.Config.time_offsets.boottime Of CLOCK_BOOTTIME.
---@field monotonic? ctr.Config.time_offsets.monotonic Of CLOCK_MONOTONIC.

---@class ctr.Config
---@field apparmor_profile? string The AppArmor profile.
---@field capabilities? ctr.Config.capabilities What processes may do beside the ordinary; nothing without it.
---@field cgroups? ctr.Config.cgroups Where the container's cgroups are, and what they limit.
---@field devices? ctr.Config.devices.item[] The nodes of /dev.
---@field domainname? string The NIS domain's name.
---@field exec_cpu_affinity? ctr.Config.exec_cpu_affinity CPUs of processes that are added to the running container.
---@field gid_mappings? ctr.Config.gid_mappings.item[] Groups of the new user namespace.
---@field hooks? ctr.Config.hooks What runs at the turns of the container's life.
---@field Hooks? ctr.Config.hooks What runs at the turns of the container's life.
---@field hostname? string The host's name in the container.
---@field intel_rdt? ctr.Config.intel_rdt A share of the cache and the memory's bandwidth (Intel RDT).
---@field io_priority? ctr.Config.io_priority The priority of processes at the disks.
---@field labels? string[] Notes that the OCI state shows as annotations.
---@field mask_paths? string[] What the container may not see.
---@field memory_policy? ctr.Config.memory_policy On which memory nodes processes get memory.
---@field mount_label? string The SELinux label of the files on its mounts.
---@field mounts? ctr.Config.mounts.item[] In the order in which they are made.
---@field namespaces? ((ctr.Config.namespaces.item|string|number)[]) What the container does not share.
---@field net_devices? table<string, ctr.Config.net_devices.value> Network devices of the host that become the container's, by their name there.
---@field netDevices? table<string, ctr.Config.net_devices.value> Network devices of the host that become the container's, by their name there.
---@field networks? ctr.Config.networks.item[] What is set up in the network namespace.
---@field no_new_keyring? boolean Keeps the caller's session keyring.
---@field no_new_privileges? boolean Programs gain nothing by set-user-id and the like.
---@field no_pivot_root? boolean For machines whose root is an initramfs, which pivot_root(2) cannot leave: there the root is moved over the host's, and whoever may mount in the container gets to that.
---@field oom_score_adj? integer Which processes go first without memory.
---@field parent_death_signal? (integer|string|number) The signal that the process gets when its parent dies.
---@field personality? ctr.Config.personality What the kernel says that it is.
---@field process_label? string The SELinux label of processes.
---@field readonly_paths? string[] What the container may not change.
---@field readonlyfs? boolean Makes the root read-only.
---@field rlimits? ctr.Config.rlimits.item[] Resource limits of processes.
---@field root_propagation? (integer|string|("MS_PRIVATE"|"MS_REC"|"MS_SHARED"|"MS_SLAVE"|"MS_UNBINDABLE"|"private"|"rprivate"|"rshared"|"rslave"|"runbindable"|"shared"|"slave"|"unbindable")[]) How mounts spread from and to the host; rslave by default, the root itself private.
---@field rootPropagation? (integer|string|("MS_PRIVATE"|"MS_REC"|"MS_SHARED"|"MS_SLAVE"|"MS_UNBINDABLE"|"private"|"rprivate"|"rshared"|"rslave"|"runbindable"|"shared"|"slave"|"unbindable")[]) How mounts spread from and to the host; rslave by default, the root itself private.
---@field rootfs string The container's root: an absolute path without symbolic links.
---@field rootless_cgroups? boolean Cgroups that cannot be written are left alone.
---@field rootless_euid? boolean The caller is not root: a user namespace is needed.
---@field routes? ctr.Config.routes.item[] Routes of the network namespace.
---@field scheduler? ctr.Config.scheduler How processes get CPU time.
---@field seccomp? ctr.Config.seccomp Which system calls processes may make; all of them without it.
---@field sysctl? (table<string, string|string|number>) Kernel settings of its namespaces.
---@field time_offsets? ctr.Config.time_offsets Clocks of the new time namespace.
---@field uid_mappings? ctr.Config.gid_mappings.item[] Users of the new user namespace.
---@field umask? (integer|string|number) What new files are not given: a number, or octal digits, "0022".
---@field version? string The OCI version that it was written for.

---@class ctr.ProcessFields.capabilities
---@field ambient? string[] What programs without file capabilities keep.
---@field Ambient? string[] What programs without file capabilities keep.
---@field bounding? string[] The most that any program can gain.
---@field Bounding? string[] The most that any program can gain.
---@field effective? string[] What the kernel checks.
---@field Effective? string[] What the kernel checks.
---@field inheritable? string[] What programs with file capabilities may keep.
---@field Inheritable? string[] What programs with file capabilities may keep.
---@field permitted? string[] What may be made effective.
---@field Permitted? string[] What may be made effective.

---@class ctr.ProcessFields
---@field additional_groups? ((string|string|number)[]) More groups of the process.
---@field apparmor_profile? string In place of the configuration's.
---@field args string[] The program, and what it is given.
---@field attachable? boolean Whether a keeper holds its streams or its terminal, so that one can attach to it and detach again; for a container's first process.
---@field capabilities? ctr.ProcessFields.capabilities In place of the configuration's.
---@field console_height? integer Rows of its terminal.
---@field console_newlines? boolean Whether its terminal leaves newlines as they are: whoever passes it on to a terminal that writes a carriage return with each says so.
---@field console_socket? any The socket that gets its terminal: it has one with this.
---@field console_width? integer Columns of its terminal.
---@field cpu_affinity? ctr.Config.exec_cpu_affinity In place of the configuration's exec_cpu_affinity, for a process that is added.
---@field cwd? string Where it starts; / without it.
---@field env? (string[]|table<string, string|string|number>) A list of NAME=value, or a table.
---@field extra_files? any[] What it has open as 3, 4, …; false leaves a number out.
---@field ignore_paused? boolean Whether it is started although the container is paused: it waits to be resumed.
---@field init? boolean Whether it is the container's first process.
---@field io_priority? ctr.Config.io_priority In place of the configuration's.
---@field keep_output? (integer|string) How much of its last output is kept for who attaches later: 64K without it, at most 16M.
---@field label? string The SELinux label, in place of the configuration's.
---@field no_new_privileges? boolean In place of the configuration's.
---@field oom_score_adj? integer In place of the configuration's.
---@field pidfd_socket? any The socket that gets a pidfd of it before the program runs.
---@field rlimits? ctr.Config.rlimits.item[] In place of the configuration's, when there are any.
---@field scheduler? ctr.Config.scheduler In place of the configuration's.
---@field seccomp_learn? boolean Whether its result tells which calls it made; no profile applies to it then.
---@field seccomp_notify? function A function that answers what the profile hands over by SCMP_ACT_NOTIFY.
---@field seccomp_report? boolean Whether its result tells which calls the profile refused.
---@field stderr? any Where it writes errors: /dev/null without it.
---@field stdin? any Where it reads: /dev/null without it.
---@field stdout? any Where it writes: /dev/null without it.
---@field sub_cgroup_paths? table<string, string> Where a process that is added is put below the container's cgroups, by hierarchy; under "" in all.
---@field terminal? boolean Whether it has a terminal; the caller's own, where no socket gets it.
---@field umask? (integer|string|number) In place of the configuration's.
---@field user? (string|string|number) "user" or "user:group", names or numbers; root without it.

---@class ctr.Plan
local ctr_Plan = {}

---@class ctr.Description
---@field name string
---@field config ctr.Config
---@field process ctr.ProcessFields
---@field on table<string, function>
local ctr_Description = {}


---@class ctr.Factory
local ctr_Factory = {}

---@class ctr.Container
local ctr_Container = {}

---@class ctr.Adopted
local ctr_Adopted = {}

---@class ctr.Process
local ctr_Process = {}

---@class ctr.ProcessSource: ctr.EventSource
local ctr_ProcessSource = {}

---@class ctr.EventSource
local ctr_EventSource = {}

---@class ctr.Watch
local ctr_Watch = {}

---@class ctr.Loop
---@field on_error? fun(text: string, watch: ctr.Watch)
local ctr_Loop = {}

---@class ctr.Request
---@field syscall string
---@field number integer
---@field arch string
---@field pid integer
---@field args (integer|string)[]
---@field setup boolean
local ctr_Request = {}

---@class ctr.File
local ctr_File = {}

---@class ctr.Error
---@field code string
---@field number integer
---@field message string
---@field path? string
---@field errno? string
---@field op? string
---@field target? string
---@field cause? any
---@field problems? { path: string, text: string }[]
local ctr_Error = {}

local ctr = {}
local ctr_errors = {}
local ctr_learn = {}
local ctr_oci = {}

---Device rules for `cgroups.allowed_devices`: libcontainer's DefaultAllowedDevices.
ctr.default_allowed_devices = {}

---Nodes for `devices`: libcontainer's DefaultAutoCreatedDevices.
ctr.default_auto_created_devices = {}

---Devices without which few programs run: libcontainer's DefaultSimpleDevices.
ctr.default_simple_devices = {}

---Capabilities that descriptions have by default: the five sets.
ctr.default_capabilities = {}

---The version of the library: a string, `"0.1.0"`.
ctr.version = {}

---@class ctr.new.opts
---@field cgroup_manager? string who makes the cgroups: "cgroupfs", "systemd", "rootless" (what was delegated; the default without privilege) or "none"
---@field criu_path? string the CRIU program (default: found by `PATH`)
---@field newuidmap_path? string the helper for uid maps (default: found by `PATH`)
---@field newgidmap_path? string the helper for gid maps (default: found by `PATH`)
---@field init_path? string a program that becomes the container's first process by `factory:start_initialization` (default: the library's own)
---@field init_args? table its arguments, with its name (default: its path)
---@field tmpfs_root? boolean mount a tmpfs on the state folder (default false)
---@field intel_rdt? string where resctrl is mounted (default: found)
---@field hook_timeout? number seconds that commands among the hooks have which say nothing of their own (default: as long as they take)
---@field lazy? boolean open what starts need of the host at the first start, not now (default false)

---Makes a factory of containers.
---
---```lua
---local factory = assert(ctr.new("/run/ctr", { cgroup_manager = "cgroupfs" }))
---print(#assert(factory:list()) .. " containers")
---```
---@param root? string the state folder: `/run/ctr` without it, `$XDG_RUNTIME_DIR/ctr` where the caller has no privilege; "" for `start_initialization` alone
---@param opts? ctr.new.opts
---@return ctr.Factory?
---@return ctr.Error? # `ConfigInvalid`, `SystemError`
function ctr.new(root, opts) end

---Makes a process, which `container:run` or `container:start` starts.
---
---Its fields are checked then.
---
---```lua
---local process = ctr.process({
---  args = { "/bin/sh", "-c", "echo $GREETING" },
---  env = { "PATH=/bin", "GREETING=hello" },
---  stdout = function(chunk) print(chunk) end,
---})
---```
---@param spec ctr.ProcessFields its fields: `args` (the one that is required), `env`, `user`, `cwd`, `stdin`, `stdout`, `stderr`, …; all of them are in `docs/configuration.md`, "A process"
---@return ctr.Process
function ctr.process(spec) end

---Checks a configuration, without looking at the machine.
---
---```lua
---local ok, err = ctr.validate({ rootfs = "rootfs", hostnam = "web" })
---assert(not ok and err.code == "ConfigInvalid")
---for _, problem in ipairs(err.problems) do
---  print(problem.path, problem.text)
---end
---```
---@param config ctr.Config its keys are in `docs/configuration.md`, "A container"
---@return true?
---@return ctr.Error? # `ConfigInvalid`; `problems` has them all: `{ path, text }` each
function ctr.validate(config) end

---Makes the plan of a start, which runs nothing and needs no root: `tostring(plan)` is its text.
---
---```lua
---local plan = assert(ctr.plan({ rootfs = "/srv/web", namespaces = { "NEWNS", "NEWPID" } },
---  { args = { "/bin/sh" } }))
---print(plan)
---```
---@param config ctr.Config
---@param process ctr.Process|ctr.ProcessFields a process, or its fields
---@return ctr.Plan?
---@return ctr.Error? # `ConfigInvalid`
function ctr.plan(config, process) end

---Makes an event loop: sources, processes, timers and signals call functions.
---
---```lua
---local loop = assert(ctr.loop())
---assert(loop:after(0.01, function() print("a moment later") end))
---assert(loop:run())
---loop:close()
---```
---@return ctr.Loop?
---@return ctr.Error? # `SystemError`
function ctr.loop() end

---Makes the seccomp profile that descriptions have by default.
---
---```lua
---local profile = ctr.default_seccomp({ bounding = { "CAP_CHOWN" } })
---assert(profile.default_action == "SCMP_ACT_ERRNO")
---```
---@param capabilities? table the sets that the container will have: some system calls are allowed only with a capability (default: none)
---@return table # for `seccomp` of a configuration
function ctr.default_seccomp(capabilities) end

---@class ctr.migrate.target
---@field network_namespace? string a path or descriptor: the host of a receiving end in this program (default: the program's own)
---@class ctr.migrate.opts
---@field method? string "pre-copy", "stop-and-copy" or "post-copy" (default: pre-copy where the kernel tracks which pages are written to, else stop-and-copy)
---@field max_rounds? number most pre-dumps before the last dump (default 5)
---@field dirty_limit? number|string bytes: a pre-dump that wrote no more is the last one (default "4M"), as is one that wrote hardly less than the one before
---@field page_server? boolean pages go to CRIU's page server at the receiving end (default false)
---@field lazy_server? table `{ address =, port = }` where this end serves pages after a post-copy
---@field directory? string a folder of this end for images: required with `socket`
---@field process? ctr.Process gets the first process of a source that is restored
---@field progress? function is called with a table whose `phase` is "round" (with `number`, `pages`, `bytes`), "dump", "transfer", "restore", and "go" just before the target is told to run. An error that it raises ends the migration
---@field timeout? number seconds that the other end may say nothing (default 120)

---Migrates a running container: it goes on elsewhere, and there are never two.
---
---A failure brings the source back: `err.source` is "running"; "restored" where it had ended and was restored of its images, with its first process in `err.process`; "stopped" where nobody can know whether the target runs, or where its memory is not here any more (`docs/guide/migrate.md`). The source is destroyed when the target runs.
---
---```lua
---local west = assert(ctr.new("/run/ctr-west"))
---local report = assert(ctr.migrate(container, {
---  factory = west,
---  directory = "/var/tmp",
---  network_namespace = "/run/netns/west",
---  config = function(config)
---    config.cgroups = { path = "/west" } -- both hosts are one machine
---    return config
---  end,
---}, { tcp_established = true }))
---print(report.method, report.down_time)
---```
---@param container ctr.Container
---@param target ctr.migrate.target `socket`: a stream to `ctr.receive_migration` of another program, which is not closed; or the receiving end in this one, as that takes it, where `config` may be left out
---@param opts? ctr.migrate.opts also, of `container:checkpoint`: `tcp_established`, `tcp_skip_in_flight`, `file_locks`, `link_remap`, `external_unix_connections`, `shell_job`, `manage_cgroups_mode`, `empty_ns`, `network_lock`
---@return table? # `method`, `fallback` (why there was no pre-copy), `rounds` (of each `pages`, `bytes`, `sent`, `seconds`; the last dump included), `bytes` (sent), `down_time` and `total` (seconds), `warning` (why what is left of the source could not be destroyed); with both ends in this program also `container` and `process`
---@return ctr.Error? # `ConfigInvalid`, `ContainerNotRunning`, `SystemError`
function ctr.migrate(container, target, opts) end

---@class ctr.receive_migration.target
---@field factory ctr.Factory makes the container
---@field directory string a folder for images
---@field config table|function its configuration, or a function that is given the source's and its id, and returns one; or nil and why the container is refused
---@field id? string its id (default: the source's)
---@field process? ctr.Process gets the first process
---@field page_server? table `{ address =, port = }` where a page server may listen
---@field max_bytes? number|string most bytes of images (default "64G")
---@field timeout? number seconds that the other end may say nothing (default 120)

---Receives one container from `ctr.migrate` of another program: it runs then.
---
---A failure leaves nothing, but for images that may be all that is left of it: `err.images` is their folder.
---
---```lua
---local report = assert(ctr.receive_migration({ input = 0, output = 1 }, {
---  factory = factory,
---  directory = "/var/tmp",
---  config = function(config, id)
---    if id ~= "web" then
---      return nil, "only web is expected"
---    end
---    return config
---  end,
---}))
---report.process:wait()
---```
---@param socket number|ctr.fd|table the stream to the other program: a descriptor, or `{ input =, output = }`. It is not closed. Who is let in there says what runs here as root, as far as `config` lets it
---@param target ctr.receive_migration.target
---@return table? # `container`, `process`, `bytes` (received)
---@return ctr.Error? # `ConfigInvalid`, `SystemError`
function ctr.receive_migration(socket, target) end

---Begins the description of a container: `ctr.container "web" { … }`.
---
---What it does not say has a safe default.
---
---```lua
---local web = assert(ctr.container("web")({
---  rootfs = "./rootfs",
---  run = { "/bin/httpd", "-f" },
---  limits = { memory = "256M" },
---}))
---assert(ctr.validate(web.config))
---```
---@param name string the container's id
---@return function # takes the description's table; returns a `ctr.Description` with `name`, `config`, `process` and `on`, or nil and a `ctr.Error` (`ConfigInvalid`)
function ctr.container(name) end

---Runs a program in a container of its own, waits for it, and leaves nothing of the container: no process, cgroup, mount, state or descriptor.
---
---Its id is made up.
---
---```lua
---local result = assert(ctr.run({ rootfs = rootfs, args = { "wc", "-l" }, stdin = "one\n",
---  timeout = "5s", limits = { memory = "64M", pids = 16 } }))
---print(result.code, result.stdout, result.usage.memory_peak)
---```
---@param fields table what a description has (`ctr.describe`: `rootfs`, `args`, `env`, `user`, `cwd`, `limits`, `mounts`, `network`, any key of the configuration; paths are relative to the file that calls), and - `stdin`: what the program reads: any string, whatever is in it; or a Lua file or descriptor; nothing without it - `timeout`: seconds, or `"500ms"`, `"1m30s"`: when they are over all in it is killed - `output_limit`: the most of each stream that is kept, in bytes or as `"1M"`; 16 MiB without it. What is more is read and dropped - `stdout`, `stderr`: a function called with each chunk, a file, a path, `"null"`: then the result has no such field - `factory`: of `ctr.new`, in place of one for this call
---@return table? # `code` (0 … 255) or `signal` ("SIGKILL"); `stdout`, `stderr` (strings); `truncated`: whether some of them was dropped; `timed_out`; `oom`: whether the kernel killed something in it for want of memory; `usage`: `memory_peak` (bytes), `cpu`, `user`, `system` (seconds); `refused`, `calls`, `notify_errors` as `process:wait` has them
---@return ctr.Error? # `ConfigInvalid`, `SystemError`: it could not be run
function ctr.run(fields) end

---Makes a container: its folder, with its state.
---
---Nothing is started. It is made whole, or nothing is left.
---
---```lua
---local container = assert(factory:create("web", {
---  rootfs = rootfs,
---  namespaces = { "NEWNS", "NEWPID", "NEWUTS", "NEWIPC", "NEWNET" },
---  hostname = "web",
---  cgroups = { memory = "256M", pids_limit = 64 },
---}))
---assert(container:destroy())
---```
---@param id string 1 to 1024 of `A-Z a-z 0-9 _ + . -`, neither `.` nor `..`
---@param config ctr.Config its keys are in `docs/configuration.md`, "A container"
---@param kept? table plain data that the container remembers (`container:kept()`)
---@return ctr.Container?
---@return ctr.Error? # `IdInUse`, `InvalidIdFormat`, `ConfigInvalid`, `SystemError`
function ctr_Factory:create(id, config, kept) end

---Makes a container of a checkpoint, with all that was in its memory: a program that has warmed up is ready in the time of a restore.
---
---Of one checkpoint as many are made as one likes, side by side.
---
---The configuration is that of the checkpoint. Cgroup, hardware addresses and the names of interfaces on the host are made anew; an `address` has to be given where there was one. The root is the same, unless another is given: containers that write to it see each other's files. A network with more than a loopback is made as at a first start; hooks run as for one. Established TCP connections are closed, unless `criu = { tcp_established = true }` says that both ends are inside. The checkpoint needs a pid namespace, and its folder has to be the caller's own.
---
---```lua
---local second, process = assert(factory:clone("/var/tmp/web", "web2", {
---  hostname = "web2",
---  cgroups = { memory = "64M" },
---  process = { stdout = "null" },
---}))
---```
---@param image string the `images_directory` of `container:checkpoint`
---@param id string
---@param overrides? table keys of a configuration (`ctr.config.schema`) that the images do not hold: `rootfs`, `hostname`, `domainname`, `cgroups`, `networks`, `routes`, `net_devices`, `labels`, `hooks`, `intel_rdt`, `exec_cpu_affinity`, `version`; of mounts `source` and `data`; of namespaces that are joined `path`. What is not given stays: maps are merged, mounts by their `destination`, networks by their `name`, namespaces by their `type`. And beside these: `process`, a process or the fields of one, whose streams alone are to be said (what was the null device is that again); `criu`, options as for `restore`
---@return ctr.Container? # running
---@return ctr.Process # its first process
function ctr_Factory:clone(image, id, overrides) end

---Finds a container, whoever made it below the same root.
---
---```lua
---local container, err = factory:load("nobody")
---assert(not container and err.code == "ContainerNotExists")
---```
---@param id string
---@return ctr.Container?
---@return ctr.Error? # `ContainerNotExists`, `InvalidIdFormat`, `ConfigInvalid`, `SystemError`
function ctr_Factory:load(id) end

---Takes up a container that something else started (docker, podman, bwrap, unshare, …), by a process in it: to look at it, enter it, measure and signal it.
---
---It is held by a pidfd: a process that gets the same number later is not taken for it.
---
---```lua
---local adopted = assert(factory:adopt(process:pid()))
---print(adopted:status(), #adopted:processes())
---adopted:close()
---```
---@param pid number
---@return ctr.Adopted? # `id`, `pid`, `status`, `state`, `processes`, `stats`, `signal`, `pause`, `resume`, `run_inside`, `call`, `mount`, `unmount` as a container has them, and `close`; its other methods say why not
---@return ctr.Error? # `SystemError`: errno ESRCH when there is no such process
function ctr_Factory:adopt(pid) end

---The ids of the containers below the root, sorted.
---
---```lua
---for _, id in ipairs(assert(factory:list())) do
---  print(id, assert(assert(factory:load(id)):status()))
---end
---```
---@return string[]?
---@return ctr.Error? # `ConfigInvalid`, `SystemError`
function ctr_Factory:list() end

---The kind of containers that the factory makes.
---
---```lua
---assert(factory:type() == "ctr")
---```
---@return string # "ctr"
function ctr_Factory:type() end

---Closes what the factory keeps open.
---
---Containers that it made can no longer be used by it; they go on.
---
---```lua
---local other = assert(ctr.new(factory.root))
---other:close()
---```
---@return boolean # true
function ctr_Factory:close() end

---Becomes the container's first process, in a program that `init_path` named.
---
---It is called before anything else is done with the descriptors; on success it never returns.
---
---```lua
---local _, err = assert(ctr.new("")):start_initialization()
---print("not a container's first process: " .. tostring(err))
---```
---@return nil
---@return ctr.Error? # `SystemError`: the program was not started by `ctr`
function ctr_Factory:start_initialization() end

---The container's id.
---
---```lua
---print(container:id())
---```
---@return string
function ctr_Container:id() end

---The configuration, normalised: a copy.
---
---```lua
---print(container:config().rootfs)
---```
---@return table
function ctr_Container:config() end

---What the creator gave to be remembered: a copy.
---
---```lua
---for key, value in pairs(container:kept()) do
---  print(key, value)
---end
---```
---@return table # empty where it gave nothing
function ctr_Container:kept() end

---The status, derived from the kernel each time: "created", "running", "pausing", "paused" or "stopped".
---
---```lua
---assert(container:status() == "running")
---```
---@return string?
---@return ctr.Error? # `ContainerNotExists` when another process destroyed it
function ctr_Container:status() end

---The state as its file has it, under libcontainer's names.
---
---```lua
---print(assert(container:state()).init_process_pid)
---```
---@return table? # `id`, `init_process_pid`, `created`, `config`, `cgroup_paths`, …
---@return ctr.Error? # `ContainerNotExists`, `SystemError`
function ctr_Container:state() end

---The state as the OCI runtime specification has it.
---
---```lua
---local state = assert(container:oci_state())
---print(state.id, state.status, state.pid)
---```
---@return table? # `ociVersion`, `id`, `status`, `pid` (not when stopped), `bundle`, `annotations`
---@return ctr.Error? # `ContainerNotExists`, `SystemError`
function ctr_Container:oci_state() end

---The ids of all processes in the container's cgroups, in the caller's pid namespace.
---
---```lua
---for _, pid in ipairs(assert(container:processes())) do
---  print(pid)
---end
---```
---@return number[]?
---@return ctr.Error? # `ContainerNotExists`, `SystemError`
function ctr_Container:processes() end

---What the container has used, under libcontainer's names.
---
---A counter is a number where that is exact, else a decimal string.
---
---```lua
---local stats = assert(container:stats()).cgroup_stats
---print(stats.memory_stats.usage.usage .. " bytes, " .. stats.pids_stats.current .. " processes")
---```
---@return table? # `interfaces`, `cgroup_stats` (`cpu_stats`, `memory_stats`, `pids_stats`, `blkio_stats`, `hugetlb_stats`, …), `intel_rdt_stats`
---@return ctr.Error? # `ContainerNotExists`, `SystemError`
function ctr_Container:stats() end

---Starts a process.
---
---The container's first one is set up in full and then waits for `exec`; one in a running container runs at once.
---
---```lua
---local second = assert(factory:create("second", config))
---assert(second:start(ctr.process({ args = { "/bin/sleep", "60" } })))
---assert(second:status() == "created")
---assert(second:exec())
---assert(second:signal("SIGKILL"))
---```
---@param process ctr.Process
---@return true?
---@return ctr.Error? # `ConfigInvalid`, `ContainerPaused`, `ContainerNotRunning`, `ContainerNotStopped`, `ConsoleExists`, `SystemError`
function ctr_Container:start(process) end

---Starts a process and lets it run: the container's first one, or one more in a running container.
---
---```lua
---local process = ctr.process({ args = { "/bin/echo", "hello" }, stdout = "null" })
---assert(container:run(process))
---assert(process:wait().code == 0)
---```
---@param process ctr.Process
---@return true?
---@return ctr.Error? # `ConfigInvalid`, `ContainerPaused`, `ContainerNotRunning`, `ContainerNotStopped`, `ConsoleExists`, `SystemError`
function ctr_Container:run(process) end

---Lets the first process of a created container execute its program, from whatever process started it.
---
---```lua
---local made = assert(factory:create("made", config))
---assert(made:start(ctr.process({ args = { "/bin/true" } })))
---assert(made:exec())
---```
---@return true? # the program runs
---@return ctr.Error? # `ContainerNotRunning`, `SystemError`: the reason why it cannot be executed
function ctr_Container:exec() end

---Sends a signal to the first process, or to all.
---
---```lua
---assert(container:signal("SIGKILL", true))
---```
---@param signal number|string number or name ("SIGTERM", "TERM", "term")
---@param all? boolean every process in the container's cgroups
---@return true?
---@return ctr.Error? # `ContainerNotRunning`, `SystemError`
function ctr_Container:signal(signal, all) end

---Changes what the container may use while it runs: the limits and device rules of `cgroups`.
---
---All or nothing: when one write fails, the earlier ones are taken back, and the stored configuration says what is true.
---
---```lua
---assert(container:set({ cgroups = { memory = "64M", pids_limit = 32 } }))
---```
---@param config ctr.Config a whole configuration, or some keys: `{ cgroups = { memory = "64M" } }`. What is left out, 0 or "" stays as it is; -1 takes a limit away
---@return true?
---@return ctr.Error? # `ConfigInvalid` (also for what cannot be changed any more), `ContainerNotRunning`, `SystemError`
function ctr_Container:set(config) end

---Freezes every process of the container.
---
---```lua
---assert(container:pause())
---assert(container:status() == "paused")
---assert(container:resume())
---```
---@return true?
---@return ctr.Error? # `ContainerNotRunning`, `SystemError`
function ctr_Container:pause() end

---Lets a paused container go on.
---
---```lua
---local _, err = container:resume()
---assert(err.code == "ContainerNotPaused")
---```
---@return true?
---@return ctr.Error? # `ContainerNotPaused`, `SystemError`
function ctr_Container:resume() end

---Takes a checkpoint: the processes, their memory and all that they use, in a folder of images.
---
---The container is stopped by it, unless `leave_running` or `pre_dump` is said; a failure leaves it running.
---
---```lua
---assert(container:checkpoint({ images_directory = "/var/tmp/web", leave_running = true }))
---```
---@param opts table libcontainer's `CriuOpts` in snake_case (`ctr.criu.options`); `images_directory` is required
---@return true?
---@return ctr.Error? # what is not in it: `pids` of processes that were added from outside and whose parents are there; or, of a container that goes on, why a restore would refuse it
function ctr_Container:checkpoint(opts) end

---Restores the processes of a checkpoint in a container that is stopped: a new one, or the one that the checkpoint stopped.
---
---A failure leaves nothing.
---
---```lua
---local again = assert(factory:create("again", container:config()))
---local process = ctr.process({ stdout = "null" })
---assert(again:restore(process, { images_directory = "/var/tmp/web" }))
---```
---@param process ctr.Process gets the first one; only its streams, `console_socket` and `extra_files` are to be said, the rest is in the images
---@param opts table as for `checkpoint`
---@return true? # it runs
---@return ctr.Error? # `ConfigInvalid`, `ContainerNotStopped`, `SystemError`, as `checkpoint`
function ctr_Container:restore(process, opts) end

---Tells when the container runs out of memory: a source of events that ends with the container.
---
---```lua
---local source = assert(container:notify_oom())
---local _, err = source:wait(0)
---assert(err.errno == "ETIMEDOUT")
---source:close()
---```
---@return ctr.EventSource? # `fd()`, `wait([timeout])`, `close()`
---@return ctr.Error? # `ContainerNotRunning`, `SystemError`
function ctr_Container:notify_oom() end

---Tells when the container is short of memory.
---
---```lua
---local source = assert(container:notify_memory_pressure("medium"))
---loop:add(source, function()
---  if source:wait(0) then
---    container:set({ cgroups = { memory = "512M" } })
---  end
---end)
---```
---@param level string "low", "medium" or "critical"
---@return ctr.EventSource? # `fd()`, `wait([timeout])`, `close()`
---@return ctr.Error? # `ContainerNotRunning`, `SystemError`
function ctr_Container:notify_memory_pressure(level) end

---Removes what the container has on the host: its cgroups and its folder.
---
---A created container is killed; a running one is refused.
---
---```lua
---local second = assert(factory:create("second", config))
---assert(second:destroy())
---```
---@return true? # also when it was destroyed before
---@return ctr.Error? # the first failure of a poststop hook: a warning, for all is gone
function ctr_Container:destroy() end

---Runs a program in the running container, waits for it, and returns what it wrote, how it ended and what it used.
---
---What it leaves in the background is the container's, and is not waited for.
---
---```lua
---local result = assert(container:run_inside({ args = { "ps" }, env = { "PATH=/bin" } }))
---print(result.code, result.stdout)
---```
---@param fields table of a process (`ctr.process`: `args`, `env`, `user`, `cwd`, `capabilities`), and `stdin`, `timeout`, `output_limit`, `stdout`, `stderr` as of `ctr.run`. When the time is over the process is killed, and those that come from it
---@return table? # as of `ctr.run`; `oom`: whether something in the container was killed meanwhile
---@return ctr.Error? # `ConfigInvalid`, `ContainerPaused`, `ContainerNotRunning`, `SystemError`: it could not be run
function ctr_Container:run_inside(fields) end

---Mounts something in the running container: by descriptors, whatever its processes do meanwhile.
---
---What is missing of the target is made, as at a start. A mount lasts as long as the container runs; `container:state().live_mounts` lists them, `container:config()` is as the container was made. A checkpoint is refused while there is one.
---
---```lua
---assert(container:mount("/usr/share", "/data", "ro,nosuid"))
---assert(container:mount("tmpfs", "/scratch", { device = "tmpfs", data = "size=64m" }))
---```
---@param source string a path of the host, or what the file system wants
---@param target string an absolute path in the container
---@param opts? any words of mount(8), as a string or a list: then the source is bound, with what is mounted below it; or a table of a configuration's mount: `device` ("bind" without it), `flags`, `data`, `id_mapping`, `rec_attr`, `propagation_flags`
---@return true?
---@return ctr.Error? # `ConfigInvalid` (its `path` begins with `mount`), `ContainerNotRunning`, `SystemError`: nothing is mounted then
function ctr_Container:mount(source, target, opts) end

---Takes away what `container:mount` mounted: the last that is at the target, and nothing else.
---
---```lua
---assert(container:mount("/usr/share", "/data"))
---assert(container:unmount("/data"))
---```
---@param target string as it was given to `mount`; a link there is not followed
---@param opts? table `lazy` (boolean): also while it is used; who uses it keeps it
---@return true?
---@return ctr.Error? # `SystemError`: errno EBUSY while it is used, EINVAL where nothing was mounted, ESTALE where somebody in the container has put something else there; `ContainerNotRunning`
function ctr_Container:unmount(target, opts) end

---Attaches to the container's first process: what it writes is shown, what is typed it reads.
---
---It must have been started with `attachable = true` (`ctr.process`), by whichever program. First comes the last that it wrote, as much as was kept. Several may be attached; each may type. On a terminal the keys go to the process as they are, and the window's size with them; the terminal is put back at the end. A program that gets SIGTERM or SIGHUP meanwhile is detached.
---
---```lua
---local how = assert(container:attach({ detach_keys = "ctrl-x" }))
---print(how == "detached" and how or how.code or how.signal)
---```
---@param opts? table `detach_keys` ("ctrl-p,ctrl-q"; "" for none), `read_only` (boolean: nothing is typed), `input`, `output`, `errors` (descriptors or Lua files; 0, 1 and 2)
---@return string? # "detached": it runs on
---@return ctr.Error? # `ContainerNotRunning`, `ConfigInvalid`, `SystemError`
function ctr_Container:attach(opts) end

---Calls a Lua function in the container, and returns what it returns: neither Lua nor a shell is needed in there.
---
---The function runs in a copy of this program: what it sees of variables is as it was at the call, and what it changes is lost. The copy is in all of the container's namespaces and cgroups, with its root and "/" as the working directory; it has the capabilities, the filter and the user that a program of the container would have, and can gain nothing. Of what this program has open nothing is open there: files and sockets that the function got from outside lead nowhere, standard output too. What comes back are nil, booleans, numbers, strings and tables of them, 16 MiB in all; what is in two places comes back as two.
---
---```lua
---local names = assert(container:call({ timeout = "5s" }, function(path)
---  local names = {}
---  for line in io.lines(path) do
---    names[#names + 1] = line:match("^[^:]+")
---  end
---  return names
---end, "/etc/passwd"))
---print(table.concat(names, " "))
---```
---@param opts? table in front: `timeout` (seconds or `"5s"`; 30 without it), `user` (name or number, `"user:group"`; root without it), `trust` (boolean): also where the container has CAP_SYS_PTRACE and no user namespace, and could look into this program
---@param fn function
---@return any? # what the function returns
---@return ctr.Error? # `ContainerNotRunning`, `ContainerPaused`, `ConfigInvalid`, `SystemError`: with `raised` where the function raised an error, errno ETIMEDOUT when the time was over
function ctr_Container:call(opts, fn) end

---Lets go of the process.
---
---```lua
---adopted:close()
---```
---@return boolean # true
function ctr_Adopted:close() end

---A name for messages: "pid-" and the number.
---
---```lua
---print(adopted:id())
---```
---@return string
function ctr_Adopted:id() end

---The process that was named.
---
---```lua
---print(adopted:pid())
---```
---@return number
function ctr_Adopted:pid() end

---The status, derived from the kernel each time: "running", "paused", "pausing" or "stopped": the last when the process has ended.
---
---```lua
---print(assert(adopted:status()))
---```
---@return string?
---@return ctr.Error? # `SystemError`
function ctr_Adopted:status() end

---What is known of it, under libcontainer's names: `id`, `init_process_pid`, `init_process_start`, `namespace_paths`, `cgroup_paths`, and `own_namespaces`: a list of those that are not this program's ("NEWNS", …).
---
---```lua
---print(table.concat(assert(adopted:state()).own_namespaces, " "))
---```
---@return table?
---@return ctr.Error? # `ContainerNotRunning`
function ctr_Adopted:state() end

---The ids of all processes that are in its pid namespace, where it has one of its own, or come from it.
---
---```lua
---for _, pid in ipairs(assert(adopted:processes())) do
---  print(pid)
---end
---```
---@return number[]? # sorted
---@return ctr.Error? # `ContainerNotRunning`, `SystemError`
function ctr_Adopted:processes() end

---What it has used, as `container:stats` has it, without interfaces.
---
---It must have a cgroup that no other process is in.
---
---```lua
---print(assert(adopted:stats()).cgroup_stats.pids_stats.current)
---```
---@return table?
---@return ctr.Error? # `ContainerNotRunning`, `SystemError`
function ctr_Adopted:stats() end

---Sends a signal to the process that was named, or to all.
---
---```lua
---assert(adopted:signal("SIGTERM"))
---```
---@param signal any number or name
---@param all? boolean
---@return true?
---@return ctr.Error? # `ContainerNotRunning`, `SystemError`
function ctr_Adopted:signal(signal, all) end

---Freezes every process of it; it must have a cgroup that no other process is in.
---
---```lua
---assert(adopted:pause())
---```
---@return true?
---@return ctr.Error? # `ContainerNotRunning`, `SystemError`
function ctr_Adopted:pause() end

---Lets it go on.
---
---```lua
---assert(adopted:resume())
---```
---@return true?
---@return ctr.Error? # `ContainerNotRunning`, `SystemError`
function ctr_Adopted:resume() end

---The process' id in the caller's pid namespace.
---
---```lua
---print(assert(process:pid()))
---```
---@return number?
---@return ctr.Error? # `NoProcessOps` before it was started
function ctr_Process:pid() end

---The master of the process' pty, where it has a console (`terminal`) that no socket took.
---
---```lua
---local shell = ctr.process({ args = { "/bin/sh" }, terminal = true })
---assert(container:run(shell))
---shell:console():write("exit 3\n")
---```
---@return ctr.File?
function ctr_Process:console() end

---Sends a signal.
---
---```lua
---assert(process:signal("SIGKILL"))
---assert(process:wait().signal == "SIGKILL")
---```
---@param signal number|string number or name ("SIGTERM", "TERM", "term")
---@return true?
---@return ctr.Error? # `NoProcessOps`, `SystemError` (errno ESRCH when it has ended)
function ctr_Process:signal(signal) end

---Waits until the process has ended, and hands what it wrote to the functions that its streams are.
---
---Output that is still in a pipe when the process ends is delivered; what others write to it after that is not waited for. A further call returns the same result. System calls that the profile hands over are answered meanwhile (`ctr.supervisor`).
---
---```lua
---local result, err = process:wait(0.01)
---assert(not result and err.errno == "ETIMEDOUT")
---```
---@param timeout? number seconds
---@return table? # `code` (0 … 255) or `signal` ("SIGKILL"), `core`, `oom_killed`, `usage` (`cpu`, `user` and `system` in seconds, `memory_peak` in bytes); `refused` with `seccomp_report`, `calls` with `seccomp_learn`, and `notify_errors`: what `seccomp_notify` raised, where it did
---@return ctr.Error? # `NoProcessOps`, `SystemError`: errno `ETIMEDOUT` when the time ran out
function ctr_Process:wait(timeout) end

---An event source that fits any loop: its descriptor is readable when the process has output for the functions that its streams are, a system call for its `seccomp_notify`, or has ended.
---
---`source:serve()` does what there is to do, and returns false, or what `wait` returns when the process has ended; `source:wait([timeout])` serves until then. `ctr.loop` does this by itself.
---
---```lua
---local source = assert(process:source())
---print("wait until " .. source:fd() .. " is readable, then:")
---assert(source:serve() == false)
---source:close()
---```
---@return ctr.ProcessSource? # `fd()`, `serve()`, `wait([timeout])`, `close()`
---@return ctr.Error? # `NoProcessOps`, `SystemError`
function ctr_Process:source() end

---Gives the process three pipes as its streams, and returns the other ends.
---
---```lua
---local cat = ctr.process({ args = { "/bin/cat" } })
---local streams = assert(cat:initialize_io())
---assert(container:run(cat))
---streams.stdin:write("hello\n")
---streams.stdin:close()
---assert(streams.stdout:read("*l") == "hello")
---assert(cat:wait().code == 0)
---```
---@param uid? number the pipes' owner: the container's root as the host sees it
---@param gid? number
---@return table? # `stdin`, `stdout`, `stderr`: objects with the methods of Lua files, and `fd()`
---@return ctr.Error? # `SystemError`
function ctr_Process:initialize_io(uid, gid) end

---Does what there is to do for a process, without waiting (the source of `process:source`).
---
---```lua
---local source = assert(process:source())
---assert(source:serve() == false)
---source:close()
---```
---@return (table|boolean)? # what `process:wait()` returns when the process has ended; else false
---@return ctr.Error? # `SystemError`
function ctr_ProcessSource:serve() end

---The descriptor: readable when there is something to say, for any event loop.
---
---```lua
---local source = assert(container:notify_oom())
---print("wait until " .. source:fd() .. " is readable, then ask source:wait(0)")
---```
---@return number
function ctr_EventSource:fd() end

---Waits for an event.
---
---```lua
---local source = assert(container:notify_oom())
---local event, err = source:wait(0)
---assert(event == nil and err.errno == "ETIMEDOUT")
---```
---@param timeout? number seconds; 0: only looks
---@return true? # an event: what several of them had to say since the last call is told as one
---@return ctr.Error? # `SystemError`: errno `ETIMEDOUT` when the time ran out
function ctr_EventSource:wait(timeout) end

---Ends the source.
---
---```lua
---local source = assert(container:notify_oom())
---assert(source:close())
---```
---@return boolean # true
function ctr_EventSource:close() end

---Ends a watch; one that has ended is left as it is.
---
---```lua
---local watch = assert(loop:every(60, function() end))
---watch:cancel()
---```
---@return boolean # true
function ctr_Watch:cancel() end

---Says whether the watch is still on its loop.
---
---```lua
---local watch = assert(loop:every(60, function() end))
---assert(watch:is_active())
---```
---@return boolean
function ctr_Watch:is_active() end

---Watches an event source, or anything that has `fd()`, or a descriptor.
---
---```lua
---local source = assert(container:notify_oom())
---assert(loop:add(source, function()
---  print(source:wait(0) and "out of memory" or "it is gone")
---end))
---```
---@param source ctr.EventSource|ctr.File|number stays the caller's, who closes it after the watch was cancelled
---@param callback function called with the source and what it is ready for, as long as it is
---@param events? string of `r` (readable), `w` (writable), `p` (a cgroup's file changed)
---@return ctr.Watch?
---@return ctr.Error? # `SystemError`
function ctr_Loop:add(source, callback, events) end

---Watches a process that was started: the functions that its streams and its `seccomp_notify` are are called meanwhile, and `callback` with what `process:wait()` returns, when it has ended.
---
---```lua
---assert(loop:process(process, function(result) print(result.signal or result.code) end))
---assert(process:signal("SIGKILL"))
---assert(loop:run())
---```
---@param process ctr.Process
---@param callback function
---@return ctr.Watch?
---@return ctr.Error? # `NoProcessOps`, `SystemError`
function ctr_Loop:process(process, callback) end

---Calls a function once, after a time.
---
---```lua
---assert(loop:after(0.01, function() loop:stop() end))
---assert(loop:run())
---```
---@param seconds number
---@param callback function
---@return ctr.Watch?
---@return ctr.Error? # `SystemError`
function ctr_Loop:after(seconds, callback) end

---Calls a function again and again.
---
---What was missed, because another took its time, is not made up for.
---
---```lua
---assert(loop:every(10, function() print(container:stats()) end))
---```
---@param seconds number more than 0
---@param callback function
---@return ctr.Watch?
---@return ctr.Error? # `SystemError`
function ctr_Loop:every(seconds, callback) end

---Calls a function when a signal arrives, in place of what it does by itself: it is blocked in the calling thread until the last watch of it ends.
---
---A signal does not keep the loop running.
---
---```lua
---assert(loop:signal("SIGTERM", function() container:signal("SIGTERM") end))
---```
---@param signal number|string number or name ("SIGTERM", "TERM", "term")
---@param callback function called with a table: `signal`, `pid` and `uid` of who sent it
---@return ctr.Watch?
---@return ctr.Error? # `SystemError`
function ctr_Loop:signal(signal, callback) end

---A descriptor that is readable when there is something to do: for another loop.
---
---```lua
---print("when " .. loop:fd() .. " is readable: loop:step(0)")
---```
---@return number
function ctr_Loop:fd() end

---Waits until something is ready, and calls what is to be called, once.
---
---```lua
---assert(loop:step(0) == false)
---```
---@param timeout? number seconds; 0 does not wait, without it there is no limit
---@return boolean? # whether anything was ready
---@return ctr.Error? # `SystemError`
function ctr_Loop:step(timeout) end

---Runs until `stop` is called, or nothing is left that keeps the loop: no source, no process, no timer.
---
---```lua
---assert(loop:after(0.01, function() print("now") end))
---assert(loop:run(60))
---```
---@param timeout? number seconds; no limit without it
---@return true?
---@return ctr.Error? # `SystemError`: errno `ETIMEDOUT` when the time ran out
function ctr_Loop:run(timeout) end

---Ends `run` when the function that runs has returned.
---
---```lua
---assert(loop:after(0.01, function() loop:stop() end))
---assert(loop:run())
---```
---@return boolean # true
function ctr_Loop:stop() end

---Ends all watches, lets signals through again, and closes the loop.
---
---```lua
---assert(loop:close())
---```
---@return boolean # true
function ctr_Loop:close() end

---Says whether it has no answer yet.
---
---```lua
---local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
---  request:allow()
---  assert(not request:is_open())
---end })
---```
---@return boolean
function ctr_Request:is_open() end

---Says whether the process still waits: it may have been killed, or interrupted by a signal, after which it makes the call again.
---
---(Where that must not be, the profile has the flag `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`.) What is done for a call that needs the process to be the same has to ask this afterwards.
---
---```lua
---local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
---  local path = request:read_string(request.args[1])
---  if path and request:is_pending() then
---    print(request.pid, path)
---  end
---  request:allow()
---end })
---```
---@return boolean
function ctr_Request:is_pending() end

---Reads memory of the process.
---
---```lua
---local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
---  local bytes = request:read(request.args[1], 16)
---  print(bytes and #bytes)
---  request:allow()
---end })
---```
---@param address number|string as in `args`: a number, or a decimal string
---@param length number
---@return string? # as long as asked for
---@return ctr.Error? # `SystemError`: errno `EFAULT` for an address that cannot be read, `ENOENT` when the process is gone
function ctr_Request:read(address, length) end

---Reads a string of the process.
---
---```lua
---local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
---  print(request.syscall, request:read_string(request.args[1]))
---  request:allow()
---end })
---```
---@param address number|string as in `args`: a number, or a decimal string
---@param max? number the most bytes, with the NUL at its end
---@return string?
---@return ctr.Error? # `SystemError`: errno as `read`, and `ENAMETOOLONG`
function ctr_Request:read_string(address, max) end

---Lets the kernel run the call.
---
---See above what this does not protect from.
---
---```lua
---local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
---  request:allow()
---end })
---```
---@return boolean? # false when the process is gone
---@return ctr.Error? # `SystemError`
function ctr_Request:allow() end

---Makes the call fail.
---
---```lua
---local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
---  request:fail("EPERM")
---end })
---```
---@param errno string|number a name ("EPERM") or a number
---@return boolean? # false when the process is gone
---@return ctr.Error? # `SystemError`
function ctr_Request:fail(errno) end

---Makes the call return a value, without running it.
---
---```lua
---local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
---  request:return_value(0)
---end })
---```
---@param value number|string a number, or a decimal string
---@return boolean? # false when the process is gone
---@return ctr.Error? # `SystemError`
function ctr_Request:return_value(value) end

---Gives the process a descriptor, and lets the call return its number.
---
---```lua
---local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
---  local file = assert(io.open("/dev/null"))
---  request:add_fd(file, { cloexec = true })
---  file:close()
---end })
---```
---@param fd any a descriptor, a Lua file, or an object of the library's with `fd()`; it stays open here
---@param opts? table `at`: the number that it gets, in place of what is open there (the lowest free one); `cloexec`; `answer = false`: the number is only returned here, and the call waits for another answer
---@return (number|boolean)? # its number in the process; false when that is gone
---@return ctr.Error? # `SystemError`: the request is still open then
function ctr_Request:add_fd(fd, opts) end

---Reads, as `file:read` does.
---
---```lua
---local echo = ctr.process({ args = { "/bin/echo", "hello" } })
---local streams = assert(echo:initialize_io())
---assert(container:run(echo))
---assert(streams.stdout:read("*a") == "hello\n")
---```
---@param format? string|number "*l", "*L", "*a", or a number of bytes
---@return string? # nil at the end
---@return ctr.Error? # `SystemError`
function ctr_File:read(format) end

---Iterates over the lines.
---
---```lua
---local echo = ctr.process({ args = { "/bin/echo", "hello" } })
---local streams = assert(echo:initialize_io())
---assert(container:run(echo))
---for line in streams.stdout:lines() do
---  print(line)
---end
---```
---@return function
function ctr_File:lines() end

---Writes, all of it.
---
---```lua
---local cat = ctr.process({ args = { "/bin/cat" }, stdout = "null" })
---local streams = assert(cat:initialize_io())
---assert(streams.stdin:write("one ", 2, "\n"))
---```
---@return ctr.File? # itself
---@return ctr.Error? # `SystemError`
function ctr_File:write() end

---The number of the descriptor, for an event loop.
---
---```lua
---local streams = assert(ctr.process({ args = { "/bin/cat" } }):initialize_io())
---print(streams.stdout:fd())
---```
---@return number
function ctr_File:fd() end

---Does nothing: nothing is kept back.
---
---```lua
---local streams = assert(ctr.process({ args = { "/bin/cat" } }):initialize_io())
---streams.stdin:flush()
---```
---@return ctr.File # itself
function ctr_File:flush() end

---Closes the descriptor.
---
---```lua
---local streams = assert(ctr.process({ args = { "/bin/cat" } }):initialize_io())
---streams.stdin:close()
---```
---@return boolean # true
function ctr_File:close() end

---The codes, by name: libcontainer's, with its numbers.
ctr_errors.codes = {}

---What each code says to people: libcontainer's own words.
ctr_errors.texts = {}

---The metatable of every error; the core makes its own errors with it.
ctr_errors.metatable = {}

---Tells whether a value is an error of this library.
---
---```lua
---local _, err = factory:load("nobody")
---assert(ctr.errors.is(err))
---```
---@param value any anything
---@return boolean
function ctr_errors.is(value) end

---Makes an error.
---
---```lua
---local err = ctr.errors.new("SystemError", "the disk is full", { errno = "ENOSPC" })
---assert(tostring(err) == "the disk is full")
---```
---@param code string one of `errors.codes`
---@param message string one sentence, no full stop
---@param fields? table `path`, `errno`, `op`, `target`, `cause`, `problems`
---@return ctr.Error
function ctr_errors.new(code, message, fields) end

---Adds what was tried, on what: once per layer.
---
---An error that says so already is returned as it is.
---
---```lua
---local err = ctr.errors.wrap("no such file", "read", "/etc/motd")
---assert(tostring(err) == "read /etc/motd: no such file")
---```
---@param err any the error underneath
---@param op string what this layer tried: `mount`
---@param target? string on what
---@return ctr.Error # a new error with the code, errno and path of `err`, which is its `cause`
function ctr_errors.wrap(err, op, target) end

---Puts the config path to blame in front of an error's message.
---
---An error that names a path already keeps it: who found the failure knows best.
---
---```lua
---local err = ctr.errors.with_path("no such file", "mounts[3]")
---assert(err.path == "mounts[3]")
---```
---@param err any an error, or text
---@param path string `mounts[3]`
---@return ctr.Error # a new error; `err` is left as it was
function ctr_errors.with_path(err, path) end

---Makes the error for a list of problems.
---
---Its message lists them all, one per line.
---
---```lua
---local err = ctr.errors.invalid({ { path = "rootfs", text = "is required" } })
---assert(tostring(err) == "rootfs is required")
---```
---@param problems table `{ path, text }`, at least one
---@param more? number how many were found beyond these
---@return ctr.Error # `ConfigInvalid`, whose `path` is the first problem's
function ctr_errors.invalid(problems, more) end

---Tells all that is known: the message, its context, what caused it, and the stack.
---
---```lua
---local _, err = factory:load("nobody")
---print(err:detail())
---```
---@return string # several lines
function ctr_Error:detail() end

---Merges what several runs called.
---
---```lua
---local all = ctr.learn.merge(
---  { { syscall = "read", arch = "SCMP_ARCH_X86_64", count = 2 } },
---  { { syscall = "read", arch = "SCMP_ARCH_X86_64", count = 1 } })
---assert(all[1].count == 3)
---```
---@return table # a list of the same kind
function ctr_learn.merge() end

---Proposes a profile: what was called is allowed, `socket` only for the families that were asked for, `clone` without new namespaces where none was; everything else fails with `ENOSYS`, from which programs know that they have to do without.
---
---```lua
---local process = ctr.process({ args = { "/bin/true" }, seccomp_learn = true })
---assert(container:run(process))
---local profile = assert(ctr.learn.profile(assert(process:wait()).calls))
---assert(profile.default_action == "SCMP_ACT_ERRNO")
---```
---@param calls table as `process:wait()` returned them
---@return table? # the configuration's `seccomp`
---@return ctr.Error? # `SystemError`: a call has no name
function ctr_learn.profile(calls) end

---Writes a profile as Lua: `seccomp = { … },` for a description.
---
---```lua
---local calls = { { syscall = "read", arch = "SCMP_ARCH_X86_64", count = 2 } }
---print(ctr.learn.to_lua(assert(ctr.learn.profile(calls)), calls))
---```
---@param profile table
---@param calls? table the count of each stands behind its name
---@return string
function ctr_learn.to_lua(profile, calls) end

---Makes an OCI `linux.seccomp` of a profile.
---
---```lua
---local calls = { { syscall = "read", arch = "SCMP_ARCH_X86_64", count = 2 } }
---assert(ctr.learn.to_oci(assert(ctr.learn.profile(calls))).defaultAction == "SCMP_ACT_ERRNO")
---```
---@param profile table
---@return table # for `linux.seccomp` of a `config.json`
function ctr_learn.to_oci(profile) end

---Reads and checks the configuration of a bundle.
---
---```lua
---local spec, err = ctr.oci.load("/no/bundle")
---assert(not spec and err.code == "ConfigInvalid")
---```
---@param bundle string the bundle's folder
---@param file? string another file than its `config.json`
---@return table? # as it was decoded, without the members that are null; those that the document names in another case have the specification's names
---@return ctr.Error? # `ConfigInvalid`; `path` is the first problem's, `problems` are all
function ctr_oci.load(bundle, file) end

---Turns an OCI configuration into the library's.
---
---```lua
---local spec = ctr.oci.default()
---local config, fields = ctr.oci.config(spec, { id = "web", bundle = "/tmp" })
---print(assert(config).rootfs, fields.args[1])
---```
---@param spec table left as it was
---@param opts? table `id` (of the container: the name of its cgroup where the document has none), `bundle` (its folder, "." without it: relative paths count from there), `cgroup_manager` ("cgroupfs", "systemd", "none" or "rootless": how `linux.cgroupsPath` is read), `no_pivot_root`, `no_new_keyring`, `rootless`
---@return table? # for `factory:create`
---@return table? # for `ctr.process`; nil where the document names no program
---@return table # what has no effect: `{ path, text }` each, for a log
function ctr_oci.config(spec, opts) end

---Turns a process object into fields of `ctr.process`: all that it says, and nothing of the container's configuration beside it.
---
---```lua
---local fields = assert(ctr.oci.process({ args = { "/bin/sh" }, cwd = "/" }))
---assert(fields.args[1] == "/bin/sh")
---```
---@param object table left as it was
---@return table? # for `ctr.process`
---@return table # what has no effect: `{ path, text }` each, for a log
function ctr_oci.process(object) end

---Turns a resources object, as an update has it, into `cgroups` for `container:set`.
---
---What is left out, null, "" or 0 stays as it is; -1 is no limit. Devices are left alone.
---
---```lua
---local cgroups = assert(ctr.oci.resources({ memory = { limit = 67108864 } }))
---assert(container:set({ cgroups = cgroups }))
---```
---@param object table left as it was
---@return table? # `cgroups`
---@return nil # in the place of `intel_rdt`, which such an object has not
---@return table # what has no effect: `{ path, text }` each, for a log
function ctr_oci.resources(object) end

---Turns a configuration of the library's into an OCI one.
---
---What OCI has no member for goes into a member `ctr`, which `config` reads and other runtimes ignore; what JSON cannot hold (functions, descriptors) is refused by its key.
---
---```lua
---local spec = assert(ctr.oci.spec(container:config(), { args = { "/bin/sh" } }))
---print(spec.root.path)
---```
---@param config table plain or normalised (`container:config()`)
---@param process? table fields of `ctr.process`
---@param opts? table `cgroup_manager`: "systemd" for a `linux.cgroupsPath` of its form
---@return table?
---@return ctr.Error? # `ConfigInvalid`
function ctr_oci.spec(config, process, opts) end

---Makes the configuration that a new bundle gets.
---
---```lua
---local spec = ctr.oci.default()
---spec.hostname = "web"
---print(assert(ctr.oci.encode(spec)))
---```
---@param options? table `rootless`: for a caller without privilege, with a user namespace in which the caller is root
---@return table
function ctr_oci.default(options) end

---Writes an OCI configuration as text, its members in the order of the specification.
---
---```lua
---print(assert(ctr.oci.encode(ctr.oci.default())))
---```
---@param spec table
---@return string?
---@return ctr.Error? # `SystemError`: what has no JSON
function ctr_oci.encode(spec) end

ctr.errors = ctr_errors
ctr.learn = ctr_learn
ctr.oci = ctr_oci
return ctr
