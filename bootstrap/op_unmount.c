/* SPDX-License-Identifier: MIT */
/* The operation that takes a mount away again. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "auto.h"
#include "init.h"
#include "mount.h"
#include "path.h"
#include "sys.h"

/* Fails unless what is at a name of the directory is the mount. */
static int check_mount(int parent, const char *name, uint64_t id, const char *path,
                       struct ctr_err *err)
{
	ctr_auto_fd int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	uint64_t found;

	if (fd < 0)
		return ctr_fail(err, errno, "open", "%s", path);
	if (ctr_mount_id(fd, &found, err) < 0)
		return -1;
	if (found != id)
		return ctr_fail(err, ESTALE, "unmount", "%s (it is not there any more)", path);
	return 0;
}

/*
 * A mount is named below the descriptor of its parent: nothing can be put in the place of a name
 * that is mounted on, so what was checked is what is taken away.
 */
int op_unmount(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const char *path = step->strs[0];
	char name[256];
	ctr_auto_fd int parent = ctr_path_parent(run->root, path, 0, name, err);
	int flags = UMOUNT_NOFOLLOW | (step->nums[1] ? MNT_DETACH : 0);

	if (parent < 0 || check_mount(parent, name, (uint64_t)step->nums[0], path, err) < 0)
		return -1;
	if (fchdir(parent) < 0)
		return ctr_fail(err, errno, "fchdir", "%s", path);
	if (ctr_sys_umount2(name, flags) < 0)
		return ctr_fail(err, errno, "umount2", "%s", path);
	return 0;
}
