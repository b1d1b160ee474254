/* SPDX-License-Identifier: MIT */
#ifndef CTR_TREE_H
#define CTR_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

/*
 * Work on the files below a root, with the lookups of path.h: links are
 * followed inside the tree and never leave it. Where a name is made, removed
 * or replaced, its last component is never followed.
 */

/* A mode is that of the system call of the name: less the caller's umask. */
int ctr_tree_mkdir(int dir, const char *path, mode_t mode, struct ctr_err *err);
int ctr_tree_mkfifo(int dir, const char *path, mode_t mode, struct ctr_err *err);
int ctr_tree_symlink(int dir, const char *text, const char *path, struct ctr_err *err);
int ctr_tree_rmdir(int dir, const char *path, struct ctr_err *err);
int ctr_tree_unlink(int dir, const char *path, struct ctr_err *err);
int ctr_tree_rename(int dir, const char *from, const char *to, struct ctr_err *err);

/* These two follow a link; the mode is exact. */
int ctr_tree_chmod(int dir, const char *path, mode_t mode, struct ctr_err *err);
int ctr_tree_chown(int dir, const char *path, uid_t uid, gid_t gid, struct ctr_err *err);

/* Writes the text of a link and a NUL; ENAMETOOLONG where there is no room. */
int ctr_tree_readlink(int dir, const char *path, char *ret_text, size_t size, struct ctr_err *err);

struct ctr_tree_stat {
	const char *type; /* as ctr_fd_type_name */
	mode_t mode;      /* permission bits */
	uid_t uid;
	gid_t gid;
	uint64_t size;
	uint64_t ino;
	uint64_t dev;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	double mtime;
};

/* path "" is dir itself, of whatever kind. */
int ctr_tree_stat(int dir, const char *path, bool follow, struct ctr_tree_stat *ret_stat,
		  struct ctr_err *err);
/* statfs(2)'s number of the file system. */
int ctr_tree_fs_type(int dir, const char *path, uint64_t *ret_magic, struct ctr_err *err);

struct ctr_names {
	char **names; /* sorted by bytes */
	size_t count;
};

/* The names in a directory but "." and ".."; the caller frees them with ctr_names_free. */
int ctr_tree_list(int dir, const char *path, struct ctr_names *ret_names, struct ctr_err *err);
void ctr_names_free(struct ctr_names *names);

struct ctr_tree_write {
	bool beneath; /* neither a link nor a mount on the way */
	bool create;  /* with mode, and cut to nothing first unless it is appended to */
	bool append;
	mode_t mode;
};

/* One write(2) to a regular file; what the kernel took only a part of is EIO. */
int ctr_tree_write(int dir, const char *path, const void *data, size_t size,
		   const struct ctr_tree_write *how, struct ctr_err *err);
/* Puts a new file of exactly this mode in the place of path: whole, or not at all. */
int ctr_tree_replace(int dir, const char *path, const void *data, size_t size, mode_t mode,
		     struct ctr_err *err);

/*
 * Removes path and all below it. A link is removed, never followed. A mount is
 * not entered: EBUSY or EXDEV. Deeper than 128 directories is ELOOP.
 */
int ctr_tree_remove(int dir, const char *path, struct ctr_err *err);

/*
 * Opens or makes a lock file (0600) and takes its exclusive flock(2); EAGAIN
 * when another has it and wait is false. The lock ends with the descriptor.
 */
int ctr_tree_lock(int dir, const char *path, bool wait, struct ctr_err *err);

#endif
