/* SPDX-License-Identifier: MIT */
#include "lean.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "auto.h"
#include "clone.h"
#include "mount.h"
#include "sys.h"

/* <sys/mount.h> collides with sys.h. */
#define REC_PRIVATE (0x4000 | 1 << 18) /* MS_REC | MS_PRIVATE */

#define ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* What parent and child share while the parent waits: memory, and the table of descriptors. */
struct child {
	int tree;
	int proc;
	int sys; /* -1: neither is shown */
	int ns; /* the result */
	const char *op; /* what failed, NULL when nothing did */
	const char *target;
	int num;
};

CTR_CHILD static void child_exit(void)
{
	for (;;)
		syscall(SYS_exit_group, 0);
}

CTR_CHILD static void check(struct child *child, long result, const char *op, const char *target)
{
	if (result >= 0)
		return;
	child->num = errno;
	child->op = op;
	child->target = target;
	child_exit();
}

CTR_CHILD static void lean_child(void *data)
{
	static const struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };
	struct child *child = data;
	long from = MOVE_MOUNT_F_EMPTY_PATH;
	int tree = child->tree;

	/* Entering the namespace that it is in already leaves a chroot: "/" is a mount's root then. */
	child->ns = (int)syscall(SYS_openat, child->proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
	check(child, child->ns, "open", "self/ns/mnt");
	check(child, syscall(SYS_setns, child->ns, CLONE_NEWNS), "setns", "self/ns/mnt");
	check(child, syscall(SYS_mount, NULL, "/", NULL, REC_PRIVATE, NULL), "mount", "private /");
	check(child, syscall(SYS_move_mount, tree, "", AT_FDCWD, "/", from), "move_mount", "tmpfs");
	if (child->sys >= 0) {
		check(child, syscall(SYS_move_mount, child->proc, "", tree, "proc", from),
		      "move_mount", "proc");
		check(child, syscall(SYS_move_mount, child->sys, "", tree, "sys", from),
		      "move_mount", "sysfs");
	}
	check(child, syscall(SYS_fchdir, tree), "fchdir", "tmpfs");
	/* The old root comes to lie on the new one, from where it is taken away whole. */
	check(child, syscall(SYS_pivot_root, ".", "."), "pivot_root", "tmpfs");
	check(child, syscall(SYS_umount2, ".", MNT_DETACH), "umount", "the old root");
	check(child,
	      syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &readonly, sizeof(readonly)),
	      "mount_setattr", "tmpfs");
	child_exit();
}

/* The tmpfs, detached, with the two directories in it. */
static int new_tree(struct ctr_err *err)
{
	static const char *const options[] = { "nr_inodes=4", "size=4k", "mode=755" };
	ctr_auto_fd int tree = -1;

	tree = ctr_mount_new("tmpfs", "lean", options, 3, ATTRS, err);
	if (tree < 0)
		return -1;
	if (mkdirat(tree, "proc", 0555) < 0 || mkdirat(tree, "sys", 0555) < 0)
		return ctr_fail(err, errno, "mkdir", "%s", "tmpfs");
	return ctr_take_fd(&tree);
}

static int enter(struct child *child, struct ctr_err *err)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_FILES | CLONE_NEWNS | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
	};

	if (ctr_clone_vm(&args, lean_child, child) < 0)
		return ctr_fail(err, errno, "clone3", "%s", "mount namespace");
	syscall(SYS_waitid, P_PIDFD, pidfd, NULL, WEXITED | __WALL, NULL);
	close(pidfd);
	if (child->op)
		return ctr_fail(err, child->num, child->op, "%s", child->target);
	if (child->ns < 0)
		return ctr_fail(err, ECHILD, "clone3", "%s", "mount namespace");
	return child->ns;
}

int ctr_lean_open(bool with_proc, struct ctr_err *err)
{
	ctr_auto_fd int tree = -1;
	ctr_auto_fd int proc = -1;
	ctr_auto_fd int sys = -1;
	struct child child = { .ns = -1 };

	tree = new_tree(err);
	if (tree < 0)
		return -1;
	proc = ctr_mount_new("proc", "proc", NULL, 0, ATTRS, err);
	if (proc < 0)
		return -1;
	if (with_proc) {
		sys = ctr_mount_new("sysfs", "sysfs", NULL, 0, ATTRS, err);
		if (sys < 0)
			return -1;
	}
	child.tree = tree;
	child.proc = proc;
	child.sys = sys;
	return enter(&child, err);
}
