/* SPDX-License-Identifier: MIT */
/* Operations on the container's root. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "auto.h"
#include "init.h"
#include "mount.h"
#include "path.h"
#include "sys.h"

static void replace_fd(int *slot, int fd)
{
	ctr_close_fd(slot);
	*slot = fd;
}

int root_reopen(struct run *run, struct ctr_err *err)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return ctr_fail(err, errno, "open", "/");
	replace_fd(&run->root, fd);
	return 0;
}

int tree_fd(const struct run *run, int64_t number, struct ctr_err *err)
{
	int fd = number >= 0 ? (int)number : run->slots[-1 - number] - 1;

	if (fd < 0)
		return ctr_fail(err, EBADF, "plan", "slot %d is empty", (int)(-1 - number));
	return fd;
}

/* The tree is the root of what follows. */
static int adopt_root(struct run *run, int tree, struct ctr_err *err)
{
	int fd = fcntl(tree, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return ctr_fail(err, errno, "fcntl", "root");
	replace_fd(&run->root, fd);
	return 0;
}

/* Makes the root's directory "/" of this process. */
static int enter_root(const struct run *run, struct ctr_err *err)
{
	if (fchdir(run->root) < 0)
		return ctr_fail(err, errno, "fchdir", "root");
	if (chroot(".") < 0)
		return ctr_fail(err, errno, "chroot", "root");
	if (chdir("/") < 0)
		return ctr_fail(err, errno, "chdir", "/");
	return 0;
}

/* Clones what is at a path below dir, changed as the step says. */
static int clone_tree(const struct ctr_step *step, int dir, const char *path, struct ctr_err *err)
{
	const struct ctr_mount_change change = {
		.set = (uint64_t)step->nums[2],
		.clear = (uint64_t)step->nums[3],
		.propagation = (uint64_t)step->nums[4],
		.recursive = step->nums[1],
	};
	ctr_auto_fd int tree = ctr_mount_clone(dir, path, change.recursive, err);

	if (tree < 0 || ctr_mount_change(tree, &change, step->strs[0], err) < 0)
		return -1;
	return ctr_take_fd(&tree);
}

static void fill_slot(struct run *run, int64_t number, int tree)
{
	int *slot = &run->slots[number];

	if (*slot)
		close(*slot - 1);
	*slot = tree + 1;
}

int op_open_tree(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	int tree = clone_tree(step, AT_FDCWD, step->strs[0], err);

	if (tree < 0)
		return -1;
	fill_slot(run, step->nums[0], tree);
	return 0;
}

int op_clone_inside(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const struct ctr_mount_change mapping = {
		.set = MOUNT_ATTR_IDMAP,
		.userns = (uint64_t)step->nums[5],
		.recursive = step->nums[6],
	};
	ctr_auto_fd int fd = ctr_path_open(run->root, step->strs[0], O_PATH, 0, err);
	ctr_auto_fd int tree = -1;

	if (fd < 0)
		return -1;
	tree = clone_tree(step, fd, "", err);
	if (tree < 0)
		return -1;
	if (step->nums[5] != CTR_WIRE_NONE &&
	    ctr_mount_change(tree, &mapping, step->strs[0], err) < 0)
		return -1;
	fill_slot(run, step->nums[0], ctr_take_fd(&tree));
	return 0;
}

/* The caller may live in a chroot, which is no mount: its namespace's root is one. */
static int change_outer_root(const struct run *run, unsigned long flags, struct ctr_err *err)
{
	if (ctr_mount_leave_chroot(err) < 0)
		return -1;
	if (ctr_sys_mount(NULL, "/", NULL, flags, NULL) < 0)
		return ctr_fail(err, errno, "mount", "/ (propagation)");
	return enter_root(run, err);
}

int op_propagation(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	unsigned long flags = (unsigned long)step->nums[0];

	if (ctr_sys_mount(NULL, "/", NULL, flags, NULL) == 0)
		return 0;
	if (errno == EINVAL)
		return change_outer_root(run, flags, err);
	return ctr_fail(err, errno, "mount", "/ (propagation)");
}

static int attach_tree(struct run *run, int64_t number, int target, const char *path,
                       struct ctr_err *err)
{
	int tree = tree_fd(run, number, err);

	if (tree < 0 || ctr_mount_attach(tree, target, path, err) < 0)
		return -1;
	return adopt_root(run, tree, err);
}

int op_root_attach(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	ctr_auto_fd int target = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (target < 0)
		return ctr_fail(err, errno, "open", "/");
	if (attach_tree(run, step->nums[0], target, "/", err) < 0)
		return -1;
	return enter_root(run, err);
}

/* Makes the mount that a directory is on private; its root is that many steps above, or less. */
static int make_private(int dir, unsigned steps, const char *path, struct ctr_err *err)
{
	const struct ctr_mount_change change = { .propagation = MS_PRIVATE };
	ctr_auto_fd int fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);

	while (fd >= 0) {
		if (ctr_mount_change(fd, &change, path, err) == 0)
			return 0;
		if (err->num != EINVAL || steps-- == 0) /* EINVAL: not the root of its mount */
			return -1;
		replace_fd(&fd, openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
	}
	return ctr_fail(err, errno, "open", "%s", path);
}

/* What is attached to a shared mount would appear on the host, and pivot_root(2) refuses it. */
static int isolate(const struct run *run, int target, const char *path, struct ctr_err *err)
{
	unsigned depth = 0;

	for (const char *at = path; *at; at++)
		depth += *at == '/';
	if (make_private(target, depth, path, err) == 0)
		return 0;
	/* The mount's root may be above that of the caller, who lives in a chroot. */
	if (err->num != EINVAL || ctr_mount_leave_chroot(err) < 0)
		return -1;
	if (make_private(target, PATH_MAX, path, err) < 0)
		return -1;
	return enter_root(run, err);
}

int op_root_attach_at(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const char *path = step->strs[0];
	ctr_auto_fd int target = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (target < 0)
		return ctr_fail(err, errno, "open", "%s", path);
	if (isolate(run, target, path, err) < 0)
		return -1;
	return attach_tree(run, step->nums[0], target, path, err);
}

/* Makes run->root the root; returns the old one's descriptor. */
static int swap_roots(const struct run *run, struct ctr_err *err)
{
	ctr_auto_fd int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (old < 0)
		return ctr_fail(err, errno, "open", "/");
	if (fchdir(run->root) < 0)
		return ctr_fail(err, errno, "fchdir", "root");
	/* The old root ends up on top of the new one: there is no directory to make or remove. */
	if (ctr_sys_pivot_root(".", ".") < 0)
		return ctr_fail(err, errno, "pivot_root", "root");
	return ctr_take_fd(&old);
}

int op_pivot_root(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	ctr_auto_fd int old = swap_roots(run, err);

	(void)step;
	if (old < 0 && err->num == EINVAL) { /* a chroot is no mount */
		if (ctr_mount_leave_chroot(err) < 0)
			return -1;
		old = swap_roots(run, err);
	}
	if (old < 0)
		return -1;
	/* What is unmounted here must not be unmounted on the host. */
	if (fchdir(old) < 0 || ctr_sys_mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return ctr_fail(err, errno, "mount", "the old root (propagation)");
	if (ctr_sys_umount2(".", MNT_DETACH) < 0)
		return ctr_fail(err, errno, "umount2", "the old root");
	if (chdir("/") < 0)
		return ctr_fail(err, errno, "chdir", "/");
	return 0;
}

int op_move_root(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	(void)step;
	if (ctr_sys_move_mount(run->root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return ctr_fail(err, errno, "move_mount", "/");
	return enter_root(run, err);
}
