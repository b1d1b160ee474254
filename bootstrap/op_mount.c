/* SPDX-License-Identifier: MIT */
/* Operations that attach mounts below the root (defence D2), and change them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <linux/magic.h>
#include <linux/mount.h>

#include "auto.h"
#include "init.h"
#include "mount.h"
#include "path.h"

/* Fails unless path, looked up again, is the mount. */
static int verify(struct run *run, int mount, const char *path, uint64_t *ret_id,
                  struct ctr_err *err)
{
	ctr_auto_fd int fd = ctr_path_open(run->root, *path ? path : ".", O_PATH, 0, err);
	uint64_t wanted, found;

	if (fd < 0)
		return -1;
	if (ctr_mount_id(mount, &wanted, err) < 0 || ctr_mount_id(fd, &found, err) < 0)
		return -1;
	if (wanted != found)
		return ctr_fail(err, ESTALE, "mount", "%s (changed meanwhile)", path);
	*ret_id = run->mounted = found;
	return 0;
}

static int place(struct run *run, int mount, int target, const char *path,
                 struct ctr_err *err)
{
	uint64_t id;

	if (ctr_mount_attach(mount, target, path, err) < 0)
		return -1;
	return verify(run, mount, path, &id, err);
}

static bool plan_has(const struct run *run, enum ctr_op kind)
{
	for (uint32_t i = run->next; i < run->plan.count; i++) {
		if (run->plan.steps[i].kind == kind)
			return true;
	}
	return false;
}

/* Takes over the permission bits of the target. */
static int copy_mode(int mount, int target, const char *path, struct ctr_err *err)
{
	struct stat st;

	if (fstat(target, &st) < 0)
		return ctr_fail(err, errno, "fstat", "%s", path);
	if (fchmodat(mount, ".", st.st_mode & 07777, 0) < 0)
		return ctr_fail(err, errno, "fchmod", "%s", path);
	return 0;
}

/* proc and sysfs on a link would be somewhere else: CVE-2019-19921. */
static enum ctr_path_kind target_kind(const char *fstype)
{
	if (strcmp(fstype, "proc") == 0 || strcmp(fstype, "sysfs") == 0)
		return CTR_PATH_REAL_DIR;
	return CTR_PATH_DIR;
}

static bool is_on_procfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Whether two descriptors lead to the same directory of the same mount. */
static bool is_same(int one, int other)
{
	struct ctr_err ignored;
	uint64_t one_mount, other_mount;
	struct stat a, b;

	if (fstat(one, &a) < 0 || fstat(other, &b) < 0 ||
	    ctr_mount_id(one, &one_mount, &ignored) < 0 ||
	    ctr_mount_id(other, &other_mount, &ignored) < 0)
		return true; /* it cannot be ruled out */
	return one_mount == other_mount && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/*
 * Where a link of the root may not lead a mount: into a procfs, and over /dev,
 * where devices are made afterwards, which would then be in what is mounted.
 */
static int check_landing(const struct run *run, int target, const char *path, struct ctr_err *err)
{
	struct ctr_err ignored;
	ctr_auto_fd int dev = -1;

	if (is_on_procfs(target))
		return ctr_fail(err, ELOOP, "mount", "%s (a link leads into /proc)", path);
	dev = ctr_path_open(run->root, "dev", O_PATH, 0, &ignored);
	if (dev >= 0 && is_same(target, dev))
		return ctr_fail(err, ELOOP, "mount", "%s (a link leads to /dev)", path);
	return 0;
}

/* Most paths have no link in them: then the first look is the only one. */
static int open_target(const struct run *run, const char *path, enum ctr_path_kind kind,
                       struct ctr_err *err)
{
	enum ctr_path_kind real = kind == CTR_PATH_FILE ? CTR_PATH_REAL_FILE : CTR_PATH_REAL_DIR;
	ctr_auto_fd int fd = ctr_path_ensure(run->root, path, real, 0755, err);

	if (fd >= 0 || err->num != ELOOP || kind == CTR_PATH_REAL_DIR)
		return ctr_take_fd(&fd);
	fd = ctr_path_ensure(run->root, path, kind, 0755, err);
	if (fd < 0 || check_landing(run, fd, path, err) < 0)
		return -1;
	return ctr_take_fd(&fd);
}

/* A target that is made only now has nothing to be taken over. */
static bool look_at(const struct run *run, const char *path, struct stat *ret_st)
{
	struct ctr_err ignored;
	ctr_auto_fd int fd = ctr_path_open(run->root, path, O_PATH, 0, &ignored);

	return fd >= 0 && fstat(fd, ret_st) == 0;
}

/* Attaches a new file system, and remembers it where its options will be changed. */
static int place_new(struct run *run, int mount, int target, const char *path, struct ctr_err *err)
{
	uint64_t id;

	if (ctr_mount_attach(mount, target, path, err) < 0)
		return -1;
	if (verify(run, mount, path, &id, err) < 0)
		return -1;
	if (run->made_count < MADE_MAX && plan_has(run, CTR_OP_reconfigure))
		run->made[run->made_count++] = (struct made){ path, id };
	return 0;
}

/* Puts a new file system on its target, of which it may take over the mode and the content. */
static int place_fs(struct run *run, int mount, const char *fstype, const char *path,
                    bool takes_mode, bool takes_content, const struct ctr_mount_change *change,
                    struct ctr_err *err)
{
	struct stat st;
	bool existed = (takes_mode || takes_content) && look_at(run, path, &st);
	ctr_auto_fd int target = -1;

	target = open_target(run, path, target_kind(fstype), err);
	if (target < 0)
		return -1;
	if (existed && takes_mode && copy_mode(mount, target, path, err) < 0)
		return -1;
	if (existed && takes_content && copy_content(target, mount, err) < 0)
		return -1;
	if (ctr_mount_change(mount, change, path, err) < 0)
		return -1;
	return place_new(run, mount, target, path, err);
}

/* "tmpfs (size=12Q)" failed: says where it was meant for, "tmpfs on /data (size=12Q)". */
static int fail_mount(const char *fstype, const char *path, struct ctr_err *err)
{
	struct ctr_err cause = *err;
	const char *detail = strchr(cause.target, '(');

	return ctr_fail(err, cause.num, "mount", "%s on %s%s%s", fstype, path, detail ? " " : "",
			detail ? detail : "");
}

/* Makes a file system; its root's mode, where it is taken from the target, shows as an option. */
static int new_fs(const struct run *run, const struct ctr_step *step, uint64_t attr,
                  struct ctr_err *err)
{
	size_t count = step->str_count - 3;
	const char **options = malloc((count + 1) * sizeof(*options));
	char mode[sizeof("mode=7777")];
	struct stat st;
	int mount;

	if (!options)
		return ctr_fail(err, errno, "malloc", "options");
	memcpy(options, step->strs + 3, count * sizeof(*options));
	if (step->nums[2] && look_at(run, step->strs[2], &st)) {
		snprintf(mode, sizeof(mode), "mode=%o", st.st_mode & 07777U);
		options[count++] = mode;
	}
	mount = ctr_mount_new(step->strs[0], step->strs[1], options, count, attr, err);
	free(options);
	return mount;
}

int op_mount(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	uint64_t readonly = (uint64_t)step->nums[0] & MOUNT_ATTR_RDONLY;
	const struct ctr_mount_change change = {
		.set = readonly, /* not from the start, for it may have to be filled */
		.propagation = (uint64_t)step->nums[1],
	};
	const char *fstype = step->strs[0], *path = step->strs[2];
	ctr_auto_fd int mount = -1;

	mount = new_fs(run, step, (uint64_t)step->nums[0] & ~readonly, err);
	if (mount < 0)
		return fail_mount(fstype, path, err);
	return place_fs(run, mount, fstype, path, false, step->nums[3], &change, err);
}

int op_attach_fs(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const struct ctr_mount_change change = { .set = (uint64_t)step->nums[1] };

	return place_fs(run, (int)step->nums[0], step->strs[0], step->strs[1], step->nums[2],
	                step->nums[3], &change, err);
}

/* Fails unless fd is on the file system that was made at the path: no other may be changed. */
static int check_made(const struct run *run, int fd, const char *path, struct ctr_err *err)
{
	uint64_t id;

	if (ctr_mount_id(fd, &id, err) < 0)
		return -1;
	for (unsigned i = run->made_count; i-- > 0;) {
		if (strcmp(run->made[i].path, path) == 0 && run->made[i].id == id)
			return 0;
	}
	return ctr_fail(err, ESTALE, "remount", "%s (not the file system that was made there)", path);
}

int op_reconfigure(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const char *path = step->strs[0];
	ctr_auto_fd int fd = ctr_path_open(run->root, path, O_PATH, 0, err);

	if (fd < 0 || check_made(run, fd, path, err) < 0)
		return -1;
	return ctr_mount_reconfigure(fd, step->strs + 1, step->str_count - 1, path, err);
}

int op_attach(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const struct ctr_mount_change change = {
		.set = (uint64_t)step->nums[1],
		.clear = (uint64_t)step->nums[2],
		.recursive = step->nums[3],
		.propagation = (uint64_t)step->nums[4],
	};
	const char *path = step->strs[0];
	int tree = tree_fd(run, step->nums[0], err);
	ctr_auto_fd int target = -1;
	struct stat st;

	if (tree < 0)
		return -1;
	if (fstat(tree, &st) < 0)
		return ctr_fail(err, errno, "fstat", "%s", path);
	/* Programs would take it for the kernel's: CVE-2019-16884. */
	if (strcmp(path, "/proc") == 0 && !is_on_procfs(tree))
		return ctr_fail(err, EINVAL, "mount", "%s (not a procfs)", path);
	if (ctr_mount_change(tree, &change, path, err) < 0)
		return -1;
	target = open_target(run, path, S_ISDIR(st.st_mode) ? CTR_PATH_DIR : CTR_PATH_FILE, err);
	if (target < 0)
		return -1;
	return place(run, tree, target, path, err);
}

int op_set_attr(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const struct ctr_mount_change change = {
		.set = (uint64_t)step->nums[0],
		.clear = (uint64_t)step->nums[1],
		.recursive = step->nums[2],
		.propagation = (uint64_t)step->nums[3],
	};
	ctr_auto_fd int fd = ctr_path_open(run->root, step->strs[0], O_PATH, 0, err);

	if (fd < 0)
		return -1;
	return ctr_mount_change(fd, &change, step->strs[0], err);
}

static bool is_null_device(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* A mount of an empty directory: one file system serves all of them. */
static int new_empty_dir(const struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const char *options[] = { "nr_blocks=1", "nr_inodes=2", "mode=755", NULL };
	size_t count = 3;

	if (run->empty_dir)
		return ctr_mount_clone(run->empty_dir - 1, "", false, err);
	if (step->str_count > 2)
		options[count++] = step->strs[2];
	return ctr_mount_new(
	        "tmpfs", "tmpfs", options, count,
	        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
}

/* A mount of the null device in the root, which is not trusted to be one. */
static int clone_null(const struct run *run, const char *path, struct ctr_err *err)
{
	ctr_auto_fd int fd = ctr_path_open(run->root, path, O_PATH, 0, err);
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return ctr_fail(err, errno, "fstat", "%s", path);
	if (!is_null_device(&st) || fs.f_type != TMPFS_MAGIC) /* devtmpfs has the same number */
		return ctr_fail(err, EINVAL, "mask", "%s (not the null device)", path);
	return ctr_mount_clone(fd, "", false, err);
}

/* A mount of the null device that the library made: the detached one itself, then clones of it. */
static int next_null(const struct run *run, int fd, struct ctr_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ctr_fail(err, errno, "fstat", "null device");
	if (!is_null_device(&st))
		return ctr_fail(err, EINVAL, "mask", "not the null device");
	if (run->null_used == fd + 1)
		return ctr_mount_clone(fd, "", false, err);
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return ctr_fail(err, errno, "fcntl", "null device");
	return fd;
}

static int mask_dir(struct run *run, const struct ctr_step *step, int target, struct ctr_err *err)
{
	ctr_auto_fd int mount = new_empty_dir(run, step, err);

	if (mount < 0 || place(run, mount, target, step->strs[0], err) < 0)
		return -1;
	if (!run->empty_dir)
		run->empty_dir = ctr_take_fd(&mount) + 1;
	return 0;
}

static int mask_file(struct run *run, const struct ctr_step *step, int target, struct ctr_err *err)
{
	ctr_auto_fd int mount = -1;
	int given = -1;

	if (step->nums[0] == CTR_WIRE_NONE) {
		mount = clone_null(run, step->strs[1], err);
	} else {
		given = tree_fd(run, step->nums[0], err);
		if (given >= 0)
			mount = next_null(run, given, err);
	}
	if (mount < 0 || place(run, mount, target, step->strs[0], err) < 0)
		return -1;
	if (given >= 0)
		run->null_used = given + 1;
	return 0;
}

int op_mask(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const char *path = step->strs[0];
	ctr_auto_fd int target = ctr_path_open(run->root, path, O_PATH, 0, err);
	struct stat st;

	if (target < 0)
		return err->num == ENOENT ? 0 : -1;
	if (fstat(target, &st) < 0)
		return ctr_fail(err, errno, "fstat", "%s", path);
	if (S_ISDIR(st.st_mode))
		return mask_dir(run, step, target, err);
	return mask_file(run, step, target, err);
}

int op_readonly(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const struct ctr_mount_change change = { .set = MOUNT_ATTR_RDONLY, .recursive = true };
	const char *path = step->strs[0];
	ctr_auto_fd int target = ctr_path_open(run->root, path, O_PATH, 0, err);
	ctr_auto_fd int tree = -1;

	if (target < 0)
		return err->num == ENOENT ? 0 : -1;
	tree = ctr_mount_clone(target, "", true, err);
	if (tree < 0 || ctr_mount_change(tree, &change, path, err) < 0)
		return -1;
	return place(run, tree, target, path, err);
}
