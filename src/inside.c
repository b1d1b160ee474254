/* SPDX-License-Identifier: MIT */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>

#include "auto.h"
#include "fd.h"
#include "sys.h"
#include "wire.h"

#define SIGNAL_LAST 64
#define CAPS_MAX 64

static int send_frame(const struct ctr_inside *inside, const struct ctr_frame *frame,
		      const int *fds, size_t count, struct ctr_err *err)
{
	size_t sent;

	return ctr_fd_send(inside->channel, frame, sizeof(*frame), fds, count, &sent, err);
}

/* Handlers are the caller's, and its code is not to run in the copy. */
static void default_signals(void)
{
	sigset_t none;

	for (int signo = 1; signo <= SIGNAL_LAST; signo++)
		signal(signo, SIG_DFL);
	signal(SIGPIPE, SIG_IGN); /* a channel that nobody reads is an error, and no end */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool is_kept(const struct ctr_inside *inside, int fd)
{
	for (size_t i = 0; i < inside->keep_count; i++) {
		if (inside->keep[i] == fd)
			return true;
	}
	return fd == inside->channel || fd == inside->target || fd == inside->root ||
	       fd == inside->null;
}

static int close_range_of(int first, int last, struct ctr_err *err)
{
	if (first <= last && ctr_sys_close_range((unsigned)first, (unsigned)last, 0) < 0)
		return ctr_fail(err, errno, "close_range", "from %d", first);
	return 0;
}

/* What another thread opened meanwhile is in no list: it is closed. */
static int drop_files(const struct ctr_inside *inside, struct ctr_err *err)
{
	int next = 0;

	for (size_t i = 0; i < inside->open_count; i++) {
		int fd = inside->open[i];

		if (close_range_of(next, fd - 1, err) < 0)
			return -1;
		if (!is_kept(inside, fd) && dup3(inside->null, fd, O_CLOEXEC) < 0)
			return ctr_fail(err, errno, "dup3", "%d", fd);
		next = fd + 1;
	}
	return close_range_of(next, INT_MAX, err);
}

static int join_cgroups(const struct ctr_inside *inside, struct ctr_err *err)
{
	for (size_t i = 0; i < inside->cgroup_count; i++) {
		if (write(inside->cgroups[i], "0", 1) != 1)
			return ctr_fail(err, errno, "write", "cgroup");
	}
	return 0;
}

/* The root of a user namespace: before that it would be nobody in there (CVE-2015-8709). */
static int become_root(const struct ctr_inside *inside, struct ctr_err *err)
{
	if (inside->sets_groups && setgroups(0, NULL) < 0)
		return ctr_fail(err, errno, "setgroups", "0 groups");
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		return ctr_fail(err, errno, "setresuid", "root of the user namespace");
	return 0;
}

static int enter_root(int root, struct ctr_err *err)
{
	if (fchdir(root) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return ctr_fail(err, errno, "chroot", "/");
	return 0;
}

static int enter(const struct ctr_inside *inside, struct ctr_err *err)
{
	if (inside->namespaces && setns(inside->target, (int)inside->namespaces) < 0)
		return ctr_fail(err, errno, "setns", "0x%x", (unsigned)inside->namespaces);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (inside->is_mapped && become_root(inside, err) < 0)
		return -1;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (inside->root >= 0)
		return enter_root(inside->root, err);
	return 0;
}

/* The rest is done by a child in the pid namespace, which the caller can wait for. */
static int fork_again(const struct ctr_inside *inside, struct ctr_err *err)
{
	struct ctr_frame frame = { .kind = CTR_FRAME_PID };
	int ends[2], pidfd = -1;
	char byte = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return ctr_fail(err, errno, "pipe2", "fork");
	pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | CLONE_PIDFD | SIGCHLD, 0, &pidfd, 0, 0);
	if (pid < 0)
		return ctr_fail(err, errno, "clone", "fork");
	if (pid == 0) {
		close(ends[1]);
		/* Until the caller can know of it: who is unknown would be left behind. */
		if (read(ends[0], &byte, 1) != 1)
			_exit(CTR_EXIT_SETUP);
		close(ends[0]);
		return 0;
	}
	frame.value = pid;
	if (send_frame(inside, &frame, &pidfd, 1, err) < 0 || write(ends[1], &byte, 1) != 1)
		_exit(CTR_EXIT_SETUP);
	_exit(0);
}

static int drop_bounding(uint64_t stays, struct ctr_err *err)
{
	for (unsigned long cap = 0; cap < CAPS_MAX; cap++) {
		if (stays >> cap & 1 || prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL) /* past the last one that the kernel knows */
			break;
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			return ctr_fail(err, EPERM, "prctl", "PR_CAPBSET_DROP %lu", cap);
	}
	return 0;
}

static int set_ids(const struct ctr_inside_user *user, struct ctr_err *err)
{
	if (user->sets_groups &&
	    syscall(SYS_setgroups, user->group_count, user->groups) < 0)
		return ctr_fail(err, errno, "setgroups", "%zu groups", user->group_count);
	if (syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0)
		return ctr_fail(err, errno, "setresgid", "%u", user->gid);
	if (syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0)
		return ctr_fail(err, errno, "setresuid", "%u", user->uid);
	return 0;
}

static int set_caps(const struct ctr_inside_user *user, struct ctr_err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct halves[2] = { 0 }, found[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		uint32_t half = (uint32_t)(user->caps >> 32 * i);
		uint32_t ambient = (uint32_t)(user->ambient >> 32 * i);

		halves[i] = (struct __user_cap_data_struct){ half, half, ambient };
	}
	if (syscall(SYS_capset, &header, halves) < 0 || syscall(SYS_capget, &header, found) < 0)
		return ctr_fail(err, errno, "capset", "capabilities");
	if (memcmp(halves, found, sizeof(halves)) != 0)
		return ctr_fail(err, EPERM, "capset", "capabilities (not taken)");
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned long cap = 0; cap < CAPS_MAX; cap++) {
		if (user->ambient >> cap & 1 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return ctr_fail(err, errno, "prctl", "PR_CAP_AMBIENT_RAISE %lu", cap);
	}
	return 0;
}

/* Nothing is executed afterwards: all that is to be lost is lost here. */
static int become(const struct ctr_inside_user *user, struct ctr_err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return ctr_fail(err, errno, "prctl", "PR_SET_NO_NEW_PRIVS");
	if (drop_bounding(user->bounding, err) < 0)
		return -1;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return ctr_fail(err, errno, "prctl", "PR_SET_KEEPCAPS");
	if (set_ids(user, err) < 0)
		return -1;
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	return set_caps(user, err);
}

static int load_filter(const struct ctr_inside *inside, struct ctr_err *err)
{
	struct sock_fprog program = {
		.len = (unsigned short)inside->filter_count,
		.filter = (struct sock_filter *)inside->filter,
	};

	if (!inside->filter)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, inside->filter_flags, &program) < 0)
		return ctr_fail(err, errno, "seccomp", "filter of %u instructions", program.len);
	return 0;
}

/* Whose session it was, and what keys were in it, is the caller's. */
static void leave_session(void)
{
	setsid();
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}

static int settle(const struct ctr_inside *inside, struct ctr_err *err)
{
	struct ctr_frame frame = { .kind = CTR_FRAME_READY };

	if (inside->target >= 0)
		close(inside->target);
	if (inside->root >= 0)
		close(inside->root);
	leave_session();
	if (inside->user && become(inside->user, err) < 0)
		return -1;
	/* New ids make it dumpable, and forget this. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (inside->follows)
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (load_filter(inside, err) < 0)
		return -1;
	return send_frame(inside, &frame, NULL, 0, err);
}

/* What lasts longer than the caller is not the caller's to wait for. */
static int leave_caller(struct ctr_err *err)
{
	pid_t pid = fork();

	if (pid < 0)
		return ctr_fail(err, errno, "fork", "this program");
	if (pid > 0)
		_exit(0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

static int set_up(const struct ctr_inside *inside, struct ctr_err *err)
{
	char byte;

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (inside->follows)
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	default_signals();
	if (read(inside->channel, &byte, 1) != 1)
		_exit(CTR_EXIT_SETUP);
	if (join_cgroups(inside, err) < 0 || drop_files(inside, err) < 0)
		return -1;
	if (inside->is_orphan && leave_caller(err) < 0)
		return -1;
	if (enter(inside, err) < 0)
		return -1;
	if (inside->namespaces & CLONE_NEWPID && fork_again(inside, err) < 0)
		return -1;
	return settle(inside, err);
}

int ctr_inside_fork(const struct ctr_inside *inside, pid_t *ret_pid, int *ret_pidfd,
		    struct ctr_err *err)
{
	struct ctr_frame frame = { .kind = CTR_FRAME_FAIL };
	struct ctr_err ignored;
	pid_t pid = fork(); /* the C library's: its locks are free in the copy */

	if (pid < 0)
		return ctr_fail(err, errno, "fork", "%s", "this program");
	if (pid == 0) {
		if (set_up(inside, &frame.err) == 0)
			return 0;
		send_frame(inside, &frame, NULL, 0, &ignored);
		_exit(CTR_EXIT_SETUP);
	}
	*ret_pid = pid;
	*ret_pidfd = ctr_sys_pidfd_open(pid, 0);
	if (*ret_pidfd < 0)
		return ctr_fail(err, errno, "pidfd_open", "%d", (int)pid);
	return 1;
}
