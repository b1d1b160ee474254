/* SPDX-License-Identifier: MIT */
#ifndef CTR_WIRE_H
#define CTR_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * What the library and the bootstrap say to each other.
 *
 * A plan travels as one message of type InitMsg: a header, then one attribute
 * per operation, in the order in which they run. All lengths are 32 bits wide
 * (netlink's 16 bits overflow with a large environment: CVE-2021-43784), in
 * native byte order, and checked on receipt; the parser takes its input for
 * hostile and is a fuzz target. An operation that libcontainer has a number
 * for carries that number.
 *
 * An attribute's payload: `nums` signed 64-bit numbers, then `strings` strings,
 * each a 32-bit length (without its NUL), the bytes, and a NUL. A string holds
 * no other NUL. Attributes start on multiples of 8, the padding is zero.
 *
 * A descriptor in a message is a number: n >= 0 is an inherited descriptor,
 * n < 0 is slot -1 - n, filled by an earlier operation (open_tree). CTR_WIRE_NONE
 * stands for none where an operation allows it. Only trees come from slots:
 * root_attach, root_attach_at, attach and mask take them, the others do not.
 *
 * Numbers are checked with the message: descriptors are at most 2^20, slots
 * below CTR_WIRE_SLOTS, flags and masks of MS_*, MOUNT_ATTR_* and CLONE_* have
 * 32 bits, ids are never -1, booleans are 0 or 1, counts agree with what they
 * count, and nothing follows exec, more or leave.
 *
 * While a plan runs the umask is 0, so that modes are exact; the umask that
 * there was, or that the umask operation gave, is put back for command and exec.
 */
#define CTR_WIRE_INIT_MSG 62000
#define CTR_WIRE_VERSION 1
#define CTR_WIRE_MAX (64u << 20) /* bytes in a message */
#define CTR_WIRE_MAX_OPS 65536u
#define CTR_WIRE_SLOTS 4096
#define CTR_WIRE_FD_MAX (1 << 20)
#define CTR_WIRE_NONE INT64_MIN
#define CTR_WIRE_NO_STEP UINT32_MAX /* in a frame: the message itself is at fault */

/* libcontainer's attribute numbers; those of a step of ours are the step's kind. */
enum {
	CTR_CLONE_FLAGS_ATTR = 27281,
	CTR_NS_PATHS_ATTR = 27282,
	CTR_UIDMAP_ATTR = 27283,
	CTR_GIDMAP_ATTR = 27284,
	CTR_SETGROUP_ATTR = 27285,
	CTR_OOM_SCORE_ADJ_ATTR = 27286,
	CTR_ROOTLESS_EUID_ATTR = 27287,
	CTR_UIDMAP_PATH_ATTR = 27288,
	CTR_GIDMAP_PATH_ATTR = 27289,
};

struct ctr_wire_header {
	uint32_t length; /* of the whole message, this header included; a multiple of 8 */
	uint16_t type;   /* CTR_WIRE_INIT_MSG */
	uint16_t version;
	uint32_t count; /* operations */
	uint32_t keep;  /* descriptors 0 … keep-1 reach the program, the rest are closed */
};

struct ctr_wire_attr {
	uint32_t length; /* header and payload, without padding */
	uint16_t kind;   /* enum ctr_op */
	uint16_t zero;
	uint32_t nums;
	uint32_t strings;
};

/*
 * The operations: X(name, number, nums, strings), the least counts of each; "+"
 * in the comment says that more may follow. "fd" is a descriptor as above.
 * Paths are below the container's root, but in open_tree, root_attach_at and
 * command, which run before it is entered; a hook's is where it runs.
 *
 * name            nums                                      strings
 */
#define CTR_WIRE_OPS(X) \
	/* write "0" to an open `tasks` or `cgroup.procs` */ \
	X(cgroup_join, 28001, 1, 0) /* fd */ \
	X(oom_score_adj, 27286, 1, 1) /* procfs fd                 | value */ \
	X(join, 27282, 2, 0) /* fd (nsfs or pidfd), CLONE_NEW* mask */ \
	X(unshare, 27281, 1, 0) /* CLONE_NEW* mask */ \
	/* send a SYNC frame with the step's name, wait for ACK; nums[0] 1: be dumpable meanwhile */ \
	X(sync, 28002, 1, 1) /* dumpable                           | name */ \
	/* pass /etc/passwd and /etc/group of the container (SCM_RIGHTS), then run the next message: \
	 * the last of its own; slots and the root persist */ \
	X(more, 28003, 0, 0) /* fds that the next message names… */ \
	/* setgroups unless mode 0, setresgid, setresuid; then undumpable again. Read back. */ \
	X(set_ids, 28004, 3, 0) /* uid, gid, mode (0 leave groups, 1 set), groups… */ \
	/* go on in a child that is a child of the library's process; the rest exits 0. Its PID frame \
	 * comes before any frame of the child */ \
	X(fork, 28005, 0, 0) \
	X(setsid, 28006, 0, 0) \
	X(keyring, 28007, 1, 1) /* permission bits to add, 0 none   | name; ENOSYS is ignored */ \
	X(hostname, 28008, 0, 1) /*                                 | name */ \
	X(domainname, 28009, 0, 1) /*                               | name */ \
	X(link_up, 28010, 0, 1) /*                                  | interface */ \
	/* write self/timens_offsets, then enter self/ns/time_for_children */ \
	X(time_offsets, 28011, 1, 1) /* procfs fd                   | text, may be "" */ \
	/* slot := open_tree(path) with the change applied; resolved in the mount namespace of now */ \
	X(open_tree, 28012, 5, 1) /* slot, recursive, set, clear, propagation | path */ \
	/* the same of a path in the root, as it is by now; where ids are mapped, by that namespace */ \
	X(clone_inside, 28078, 7, 1) /* slot, recursive, set, clear, propagation, fd, all | path */ \
	X(propagation, 28013, 1, 0) /* MS_* flags for "/" (mount(2), MS_REC as given) */ \
	/* put the tree over "/" of a lean namespace, make it root and cwd */ \
	X(root_attach, 28014, 1, 0) /* fd */ \
	/* put the tree over path in a copied namespace; the root of what follows, not entered yet */ \
	X(root_attach_at, 28015, 1, 1) /* fd                        | path */ \
	X(pivot_root, 28016, 0, 0) /* enter the attached root, drop the old tree */ \
	X(move_root, 28017, 0, 0) /* enter it by MS_MOVE and chroot (no_pivot_root) */ \
	/* make a file system, attach it; mode 1: tmpfs takes over the target's mode; copy_up 1: its content */ \
	X(mount, 28018, 4, 3) /* attr, propagation, mode, copy_up | type, source, target, options… */ \
	/* attach a tree that was opened before; what is missing of the target is made */ \
	X(attach, 28019, 5, 1) /* fd, set, clear, recursive, propagation | target */ \
	/* change what is mounted at path */ \
	X(set_attr, 28020, 4, 1) /* set, clear, recursive, propagation | path */ \
	/* run a command in the namespaces of now; fails unless it exits 0 (its output in the report) */ \
	X(command, 28021, 3, 2) /* args, env, has_env               | dir, path, args…, env… */ \
	X(mknod, 28022, 6, 1) /* S_IF*, mode, major, minor, uid, gid | path */ \
	X(symlink, 28023, 0, 2) /* what exists is left              | text, path */ \
	/* hide: a directory under an empty read-only tmpfs, else under a null device; ENOENT is fine */ \
	X(mask, 28024, 1, 2) /* fd of a detached null mount or NONE | path, null device in the root or "", \
	                        an option of the tmpfs… */ \
	X(readonly, 28025, 0, 1) /* ENOENT is fine                  | path */ \
	X(sysctl, 28026, 1, 2) /* procfs fd                         | file below sys/, value */ \
	X(rlimit_raise, 28027, 2, 0) /* resource, hard: raised if it is lower */ \
	X(rlimit, 28028, 3, 0) /* resource, soft, hard (unsigned) */ \
	X(make_dir, 28029, 1, 1) /* mode                            | path, with its parents */ \
	/* and getcwd must be inside the root; tries 1: a refusal (EACCES, EPERM) is left to the next \
	   chdir, which does nothing where the one before was not refused */ \
	X(chdir, 28030, 1, 1) /* tries                              | path */ \
	X(umask, 28031, 1, 0) \
	/* a pty of the container's devpts becomes 0-2 and the terminal; its master goes over fd */ \
	X(console, 28032, 5, 0) /* socket fd, columns, rows, 1 = also on /dev/console, 1 = no ONLCR */ \
	X(chown_stdio, 28033, 1, 0) /* uid; the null device and refusals are passed over */ \
	X(no_new_privs, 28034, 0, 0) \
	X(bounding, 28035, 1, 0) /* mask of what stays */ \
	X(keep_caps, 28036, 1, 0) \
	X(capset, 28037, 4, 0) /* effective, permitted, inheritable, ambient; read back */ \
	/* what the read-back has to start with, "" for anything: | file below self/attr/, value, that */ \
	X(label, 28038, 1, 3) /* procfs fd */ \
	X(file_label, 28065, 0, 2) /* security.selinux of a directory | path, label */ \
	/* find the program as the user of now; the strings are candidates in order */ \
	X(find_program, 28039, 0, 1) /*                             | candidates… */ \
	X(pdeathsig, 28040, 1, 0) \
	/* send READY, wait for ACK, close the control socket and all that the program does not get, \
	 * wait for a byte from the fifo, which is open for reading and writing, non-blocking */ \
	X(wait_fifo, 28041, 3, 0) /* fifo fd, report fd (a failed exec writes its frame there), \
	                             1 = dumpable meanwhile */ \
	/* send a SYNC frame "cgroups"; the ACK brings open `tasks` files (SCM_RIGHTS): join each */ \
	X(cgroup_sync, 28043, 0, 0) \
	/* pass a socket of rtnetlink, opened in the network namespace of now, by a SYNC frame "network"; \
	 * wait for ACK */ \
	X(net_sync, 28055, 0, 0) \
	/* send a SYNC frame "state"; the ACK brings a descriptor (SCM_RIGHTS): what hooks read */ \
	X(hook_state, 28050, 0, 0) \
	/* run a hook in the namespaces of now; fails unless it exits 0, its output in OUTPUT frames. \
	 * input NONE: that of hook_state; program NONE: path; procfs NONE: only its session is killed */ \
	X(hook, 28051, 7, 2) /* number, input, program, procfs, ms or -1, args, env \
			      *                                    | dir, path, args…, env… */ \
	/* write a SYNC frame "hook", its value the number, to answers; wait for "y" from the fifo, \
	 * ask again at any other byte */ \
	X(hook_ask, 28052, 3, 0) /* fifo fd, answers fd, number */ \
	/* send READY, in err.target the id of the mount that was attached last, and exit 0 */ \
	X(leave, 28053, 0, 0) \
	/* take the filter from fd (struct sock_filter…) and close it; now 1: load it, 0: exec does, \
	 * as the last before execve. With SECCOMP_FILTER_FLAG_NEW_LISTENER send a SYNC frame "seccomp" \
	 * with the listener (SCM_RIGHTS), and wait for ACK */ \
	X(seccomp, 28044, 3, 0) /* fd, flags, now */ \
	/* sched_setattr(2) */ \
	X(scheduler, 28070, 7, 0) /* policy, flags, nice, priority, runtime, deadline, period */ \
	X(io_priority, 28071, 1, 0) /* ioprio_set(2)'s value: class << 13 | priority */ \
	X(personality, 28072, 1, 0) /* PER_* */ \
	X(memory_policy, 28073, 1, 0) /* mode and flags, the nodes in words of 32 bits… */ \
	X(cpu_affinity, 28074, 0, 0) /* the CPUs in words of 32 bits…; none: all of the cpuset */ \
	/* a pidfd of this process goes over a socket */ \
	X(send_pidfd, 28075, 1, 1) /* socket fd                     | what is sent with it */ \
	/* set options of the file system that the plan made at path (fspick(2)); of no other */ \
	X(reconfigure, 28060, 0, 1) /*                              | path, options… */ \
	/* attach a file system that the library made: mount without its making */ \
	X(attach_fs, 28061, 4, 2) /* fd, attr, mode, copy_up        | type, target */ \
	/* take away the mount at path, if it is the one of that id; lazy 1: MNT_DETACH. A link as the \
	 * last component is not followed */ \
	X(unmount, 28077, 2, 1) /* mount id, lazy                   | path */ \
	X(cloexec, 28076, 1, 0) /* numbers below keep that the program does not get… */ \
	/* execve what find_program found */ \
	X(exec, 28042, 2, 1) /* args, env                           | args…, env… */

enum ctr_op {
#define CTR_WIRE_ENUM(name, number, nums, strings) CTR_OP_##name = (number),
	CTR_WIRE_OPS(CTR_WIRE_ENUM)
#undef CTR_WIRE_ENUM
};

/* One step of a parsed message. nums and strs point into the message and the plan's own memory. */
struct ctr_step {
	enum ctr_op kind;
	uint32_t num_count;
	uint32_t str_count;
	const int64_t *nums;
	const char *const *strs;
};

struct ctr_plan {
	uint32_t keep;
	uint32_t count;
	struct ctr_step *steps;
	void *memory; /* steps and string tables, one allocation */
};

/*
 * Parses and checks a whole message: header, kinds, lengths, counts, padding,
 * NULs, slots, and that nothing trails. Nothing runs before it succeeded.
 * The message must be 8-aligned and outlive the plan. ret_plan->memory is the
 * caller's, freed with ctr_plan_free.
 */
int ctr_wire_parse(const void *message, size_t length, struct ctr_plan *ret_plan,
		   struct ctr_err *err);
void ctr_plan_free(struct ctr_plan *plan);

/* Says whether a number of a checked step is a descriptor or a slot. */
bool ctr_wire_is_fd(const struct ctr_step *step, uint32_t index);

/* The name of a kind ("mount"), or NULL. */
const char *ctr_wire_name(unsigned kind);
/* The kind of a name, or -1. */
int ctr_wire_kind(const char *name);

/*
 * What goes back and forth once the plan runs: frames of fixed size on the
 * same stream socket.
 */
enum ctr_frame_kind {
	CTR_FRAME_FAIL = 1, /* child: err says what; the child exits with CTR_EXIT_SETUP. value is the
			       number of a hook that failed, else 0 */
	CTR_FRAME_SYNC = 2, /* child: waits at a sync, its name in err.op */
	CTR_FRAME_PID = 3,  /* child: value is the pid of the child that goes on (after fork), whose
			       pidfd comes along */
	CTR_FRAME_READY = 4, /* child: all but the program is done; waits for ACK, then for the fifo */
	CTR_FRAME_FILES = 5, /* child: value is how many descriptors come along (bit 0 passwd, bit 1 group
				in err.num), waits for the next message */
	CTR_FRAME_OUTPUT = 6, /* child: some of what a hook that failed wrote, in err.target; value is 1
				 or 2, the stream. The FAIL comes behind it */
	CTR_FRAME_ACK = 16, /* parent: go on */
};

struct ctr_frame {
	uint32_t kind;
	uint32_t step; /* from 0, counted through all messages; or CTR_WIRE_NO_STEP */
	int32_t value;
	uint32_t zero;
	struct ctr_err err;
};

/* How the bootstrap exits when it is not the program that exits. */
enum {
	CTR_EXIT_SETUP = 127, /* a step failed (reported), or the parent went away */
};

#endif
