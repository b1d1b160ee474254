/* SPDX-License-Identifier: MIT */
#include "lean.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

#include "auto.h"
#include "mount.h"
#include "sys.h"

/* <sys/mount.h> collides with sys.h. */
#define REC_PRIVATE (0x4000 | 1 << 18) /* MS_REC | MS_PRIVATE */

#define ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

struct lean {
	int tree;
	int proc;
	int sys; /* -1: neither is shown */
	int ns;  /* the result */
	struct ctr_err err; /* of the thread, where there is no result */
};

/* The thread has a root, a working directory and a mount namespace of its own from here on. */
static int enter(struct lean *lean, struct ctr_err *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return ctr_fail(err, errno, "unshare", "%s", "mount namespace");
	lean->ns = openat(lean->proc, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (lean->ns < 0)
		return ctr_fail(err, errno, "open", "%s", "thread-self/ns/mnt");
	/* Entering the namespace that it is in already leaves a chroot: "/" is a mount's root then. */
	if (setns(lean->ns, CLONE_NEWNS) < 0)
		return ctr_fail(err, errno, "setns", "%s", "thread-self/ns/mnt");
	return 0;
}

static int move(int mount, int folder, const char *path, struct ctr_err *err)
{
	if (syscall(SYS_move_mount, mount, "", folder, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return ctr_fail(err, errno, "move_mount", "%s", path);
	return 0;
}

static int attach(struct lean *lean, struct ctr_err *err)
{
	if (syscall(SYS_mount, NULL, "/", NULL, REC_PRIVATE, NULL) < 0)
		return ctr_fail(err, errno, "mount", "%s", "private /");
	if (move(lean->tree, AT_FDCWD, "/", err) < 0)
		return -1;
	if (lean->sys < 0)
		return 0;
	if (move(lean->proc, lean->tree, "proc", err) < 0)
		return -1;
	return move(lean->sys, lean->tree, "sys", err);
}

/* The old root comes to lie on the new one, from where it is taken away whole. */
static int drop_host(struct lean *lean, struct ctr_err *err)
{
	static const struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };

	if (fchdir(lean->tree) < 0)
		return ctr_fail(err, errno, "fchdir", "%s", "tmpfs");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return ctr_fail(err, errno, "pivot_root", "%s", "tmpfs");
	if (syscall(SYS_umount2, ".", MNT_DETACH) < 0)
		return ctr_fail(err, errno, "umount", "%s", "the old root");
	if (syscall(SYS_mount_setattr, lean->tree, "", AT_EMPTY_PATH, &readonly,
		    sizeof(readonly)) < 0)
		return ctr_fail(err, errno, "mount_setattr", "%s", "tmpfs");
	return 0;
}

static void *run(void *data)
{
	struct lean *lean = data;

	if (enter(lean, &lean->err) < 0 || attach(lean, &lean->err) < 0 ||
	    drop_host(lean, &lean->err) < 0)
		ctr_close_fd(&lean->ns);
	return NULL;
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

static int open_parts(struct lean *lean, bool with_proc, struct ctr_err *err)
{
	lean->tree = new_tree(err);
	if (lean->tree < 0)
		return -1;
	lean->proc = ctr_mount_new("proc", "proc", NULL, 0, ATTRS, err);
	if (lean->proc < 0 || !with_proc)
		return lean->proc < 0 ? -1 : 0;
	lean->sys = ctr_mount_new("sysfs", "sysfs", NULL, 0, ATTRS, err);
	return lean->sys < 0 ? -1 : 0;
}

/* The program's signals are not for a thread that it does not know. */
static int run_thread(struct lean *lean, struct ctr_err *err)
{
	sigset_t all, before;
	pthread_t thread;
	int problem;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	problem = pthread_create(&thread, NULL, run, lean);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (problem)
		return ctr_fail(err, problem, "pthread_create", "%s", "mount namespace");
	pthread_join(thread, NULL);
	if (lean->ns < 0)
		*err = lean->err;
	return lean->ns;
}

int ctr_lean(bool with_proc, struct ctr_err *err)
{
	struct lean lean = { .tree = -1, .proc = -1, .sys = -1, .ns = -1 };
	int ns = -1;

	if (open_parts(&lean, with_proc, err) == 0)
		ns = run_thread(&lean, err);
	ctr_close_fd(&lean.tree);
	ctr_close_fd(&lean.proc);
	ctr_close_fd(&lean.sys);
	return ns;
}
