/* SPDX-License-Identifier: MIT */
#ifndef CTR_MOUNT_H
#define CTR_MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * Mounts are built detached, get their attributes while detached, and are
 * attached by descriptor (defence D2). Needs Linux 5.12 (mount_setattr(2)).
 */

/*
 * A change of attributes: MOUNT_ATTR_* to set and to clear, MS_SHARED…MS_UNBINDABLE or 0, and with
 * MOUNT_ATTR_IDMAP the descriptor of the user namespace whose mappings apply.
 */
struct ctr_mount_change {
	uint64_t set;
	uint64_t clear;
	uint64_t propagation;
	uint64_t userns;
	bool recursive;
};

/* Clones the mount (recursive: the tree) at path below dirfd, detached. path "" is dirfd itself. */
int ctr_mount_clone(int dirfd, const char *path, bool recursive, struct ctr_err *err);

/*
 * Changes attributes of the mount that fd refers to (mount_setattr(2),
 * AT_EMPTY_PATH); a change of nothing does nothing. Who sets an access time
 * attribute clears MOUNT_ATTR__ATIME as well. what names the mount in a failure.
 */
int ctr_mount_change(int fd, const struct ctr_mount_change *change, const char *what,
		     struct ctr_err *err);

/*
 * Makes a file system, detached. options are "key=value" or "key", count of
 * them; attr is MOUNT_ATTR_*. source may be "". A refused option is reported
 * with the kernel's own words: op "fsconfig", target "tmpfs (size=12Q): Bad
 * value for 'size'", or "tmpfs (size=12Q)" where it said none. A value has at
 * most 255 bytes (fsconfig(2)).
 */
int ctr_mount_new(const char *fstype, const char *source, const char *const *options, size_t count,
		  uint64_t attr, struct ctr_err *err);

/*
 * Changes the options of the file system whose root fd refers to (fspick(2));
 * options as of ctr_mount_new. All mounts of the file system are affected.
 */
int ctr_mount_reconfigure(int fd, const char *const *options, size_t count, const char *what,
			  struct ctr_err *err);

/*
 * Makes the root of this process' mount namespace its own root, by entering the
 * namespace that it is in: a chroot is left behind. mount(2) and pivot_root(2)
 * want a root that is a mount's.
 */
int ctr_mount_leave_chroot(struct ctr_err *err);

/* Attaches a detached mount on the object that target_fd refers to. */
int ctr_mount_attach(int mount_fd, int target_fd, const char *what, struct ctr_err *err);

/* Takes away the mount that fd is in, which stays usable by its descriptors (MNT_DETACH). */
int ctr_mount_detach(int fd, const char *what, struct ctr_err *err);

/* Reads the id of the mount that fd is on: unique since boot where the kernel has such (6.8). */
int ctr_mount_id(int fd, uint64_t *ret_id, struct ctr_err *err);

/*
 * A private procfs (defence D3): fsopen("proc"), mounted nowhere. Where the
 * caller may not (no privilege), /proc itself, checked to be the root of a
 * procfs. Returns an O_PATH-like directory descriptor.
 */
int ctr_mount_procfs(struct ctr_err *err);

#endif
