/* SPDX-License-Identifier: MIT */
#ifndef CTR_PATH_H
#define CTR_PATH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

/*
 * Files below a root (defence D1: a rooted lookup by descriptor).
 *
 * root is a directory's descriptor, path is relative to it or absolute within
 * it. Every lookup is openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS:
 * symlinks of the tree are followed inside the tree and never leave it. There
 * is no fallback for a kernel without openat2 (Linux 5.6): it fails.
 * EAGAIN and EINTR are retried, at most 128 times.
 */

/* Opens path below root; O_CLOEXEC is always added. Returns the descriptor. */
int ctr_path_open(int root, const char *path, uint64_t flags, mode_t mode, struct ctr_err *err);

/* The same under RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV:
 * for cgroup trees and a private procfs, where no component may be a link or a mount. */
int ctr_path_open_beneath(int dir, const char *path, uint64_t flags, mode_t mode,
			  struct ctr_err *err);

/* CTR_PATH_REAL_…: and no component of the path is a link, else ELOOP (the targets of proc and
 * sysfs: CVE-2019-19921). */
enum ctr_path_kind {
	CTR_PATH_ANY,
	CTR_PATH_DIR,
	CTR_PATH_FILE,
	CTR_PATH_REAL_DIR,
	CTR_PATH_REAL_FILE,
};

/*
 * Opens path O_PATH below root and creates what is missing of it, one
 * component at a time below the descriptor of its parent: directories with
 * mode 0755, and a last component of the wanted kind with the given mode (an
 * empty regular file, or a directory). The umask counts. A link to what is
 * missing is followed inside the root. CTR_PATH_ANY creates nothing. A last
 * component that exists but is of the other kind fails with ENOTDIR or EISDIR.
 */
int ctr_path_ensure(int root, const char *path, enum ctr_path_kind kind, mode_t mode,
		    struct ctr_err *err);

/*
 * Opens the parent directory of path (O_PATH), and copies the last component
 * to name[256]. make: create missing parents, and follow no link: what is
 * made there must not be led into what is mounted elsewhere. Fails with EINVAL for "..",
 * "." or "" as last component.
 */
int ctr_path_parent(int root, const char *path, int make, char *name, struct ctr_err *err);

/*
 * Opens a regular file for reading, never blocking on what is in the way:
 * O_NONBLOCK | O_NOCTTY, and anything but a regular file is EINVAL.
 */
int ctr_path_open_regular(int root, const char *path, struct ctr_err *err);

#endif
