/* SPDX-License-Identifier: MIT */
/* Operations that make files below the root. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "auto.h"
#include "init.h"
#include "path.h"

void node_end_row(struct run *run, const struct ctr_step *step)
{
	if (run->row && step->kind != CTR_OP_mknod && step->kind != CTR_OP_symlink) {
		close(run->row - 1);
		run->row = 0;
	}
}

/* The path begins with the directory of the row, and one name follows. */
static bool is_in_row(const struct run *run, const char *path, size_t length)
{
	const char *name = path + length + 1;

	return run->row && run->row_length == length && memcmp(path, run->row_dir, length) == 0 &&
	       *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strlen(name) <= NAME_MAX;
}

/*
 * Opens the parent directory of path, for the run to keep. Devices and links come in rows: since the
 * last of one nothing was mounted, so its directory is what the path still leads to.
 */
static int open_parent(struct run *run, const char *path, char *name, struct ctr_err *err)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : sizeof(run->row_dir);
	int parent;

	if (slash && is_in_row(run, path, length)) {
		memcpy(name, slash + 1, strlen(slash));
		return run->row - 1;
	}
	parent = ctr_path_parent(run->root, path, 1, name, err);
	if (parent < 0)
		return -1;
	if (run->row)
		close(run->row - 1);
	run->row = parent + 1;
	run->row_length = SIZE_MAX;
	if (length < sizeof(run->row_dir)) {
		run->row_length = length;
		memcpy(run->row_dir, path, length);
	}
	return parent;
}

/* What is already there will do if it is the same device. */
static int accept_existing(int parent, const char *name, mode_t type, dev_t device,
                           struct ctr_err *err)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ctr_fail(err, errno, "fstatat", "%s", name);
	if ((st.st_mode & S_IFMT) != type || (type != S_IFIFO && st.st_rdev != device))
		return ctr_fail(err, EEXIST, "mknod", "%s", name);
	return 0;
}

int op_mknod(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	mode_t type = (mode_t)step->nums[0], mode = (mode_t)step->nums[1];
	dev_t device = makedev((unsigned)step->nums[2], (unsigned)step->nums[3]);
	const char *path = step->strs[0];
	char name[NAME_MAX + 1];
	int parent = open_parent(run, path, name, err);

	if (parent < 0)
		return -1;
	if (mknodat(parent, name, type | mode, device) < 0) {
		if (errno == EEXIST)
			return accept_existing(parent, name, type, device, err);
		return ctr_fail(err, errno, "mknod", "%s", path);
	}
	if (step->nums[4] == 0 && step->nums[5] == 0) /* whoever runs this is root here */
		return 0;
	if (fchownat(parent, name, (uid_t)step->nums[4], (gid_t)step->nums[5],
	             AT_SYMLINK_NOFOLLOW) < 0)
		return ctr_fail(err, errno, "chown", "%s", path);
	return 0;
}

int op_symlink(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const char *path = step->strs[1];
	char name[NAME_MAX + 1];
	int parent = open_parent(run, path, name, err);

	if (parent < 0)
		return -1;
	if (symlinkat(step->strs[0], parent, name) < 0 && errno != EEXIST)
		return ctr_fail(err, errno, "symlink", "%s", path);
	return 0;
}

int op_make_dir(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	ctr_auto_fd int fd =
	        ctr_path_ensure(run->root, step->strs[0], CTR_PATH_DIR, (mode_t)step->nums[0], err);

	return fd < 0 ? -1 : 0;
}
