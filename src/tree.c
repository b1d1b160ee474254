/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "auto.h"
#include "fd.h"
#include "interrupt.h"
#include "path.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* Linux 6.6 */
#endif

#define DEPTH_MAX 128
#define TRIES_MAX 128

#define ctr_auto_names __attribute__((cleanup(ctr_names_free)))

/* Where a name is: below fd, which is dir itself for a path of one component. */
struct place {
	int fd;
	int owned;
	char name[NAME_MAX + 1];
};

#define ctr_auto_place __attribute__((cleanup(close_place)))
#define NO_PLACE { .fd = -1, .owned = -1 }

static void close_place(struct place *place)
{
	ctr_close_fd(&place->owned);
}

static bool is_component(const char *path)
{
	return path[0] != '\0' && strlen(path) <= NAME_MAX && !strchr(path, '/') &&
	       strcmp(path, ".") != 0 && strcmp(path, "..") != 0;
}

static int find_place(int dir, const char *path, struct place *ret_place, struct ctr_err *err)
{
	if (is_component(path)) {
		strcpy(ret_place->name, path);
		ret_place->fd = dir;
		return 0;
	}
	ret_place->owned = ctr_path_parent(dir, path, 0, ret_place->name, err);
	ret_place->fd = ret_place->owned;
	return ret_place->fd < 0 ? -1 : 0;
}

/* O_PATH, so that nothing happens to what is opened; "" is dir. */
static int open_object(int dir, const char *path, int flags, struct ctr_err *err)
{
	return ctr_path_open(dir, path[0] ? path : ".", O_PATH | flags, 0, err);
}

int ctr_tree_mkdir(int dir, const char *path, mode_t mode, struct ctr_err *err)
{
	ctr_auto_place struct place place = NO_PLACE;

	if (find_place(dir, path, &place, err) < 0)
		return -1;
	if (mkdirat(place.fd, place.name, mode) < 0)
		return ctr_fail(err, errno, "mkdir", "%s", path);
	return 0;
}

int ctr_tree_mkfifo(int dir, const char *path, mode_t mode, struct ctr_err *err)
{
	ctr_auto_place struct place place = NO_PLACE;

	if (find_place(dir, path, &place, err) < 0)
		return -1;
	if (mkfifoat(place.fd, place.name, mode) < 0)
		return ctr_fail(err, errno, "mkfifo", "%s", path);
	return 0;
}

int ctr_tree_symlink(int dir, const char *text, const char *path, struct ctr_err *err)
{
	ctr_auto_place struct place place = NO_PLACE;

	if (find_place(dir, path, &place, err) < 0)
		return -1;
	if (symlinkat(text, place.fd, place.name) < 0)
		return ctr_fail(err, errno, "symlink", "%s", path);
	return 0;
}

static int remove_name(int dir, const char *path, int flags, const char *op, struct ctr_err *err)
{
	ctr_auto_place struct place place = NO_PLACE;

	if (find_place(dir, path, &place, err) < 0)
		return -1;
	if (unlinkat(place.fd, place.name, flags) < 0)
		return ctr_fail(err, errno, op, "%s", path);
	return 0;
}

int ctr_tree_rmdir(int dir, const char *path, struct ctr_err *err)
{
	return remove_name(dir, path, AT_REMOVEDIR, "rmdir", err);
}

int ctr_tree_unlink(int dir, const char *path, struct ctr_err *err)
{
	return remove_name(dir, path, 0, "unlink", err);
}

int ctr_tree_rename(int dir, const char *from, const char *to, struct ctr_err *err)
{
	ctr_auto_place struct place old = NO_PLACE;
	ctr_auto_place struct place new = NO_PLACE;

	if (find_place(dir, from, &old, err) < 0 || find_place(dir, to, &new, err) < 0)
		return -1;
	if (renameat(old.fd, old.name, new.fd, new.name) < 0)
		return ctr_fail(err, errno, "rename", "%s", from);
	return 0;
}

/* fchmod(2) refuses an O_PATH descriptor; before Linux 6.6 its name in /proc has to do. */
static int chmod_object(int fd, mode_t mode)
{
	char name[32];

	if (syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOSYS)
		return -1;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return chmod(name, mode);
}

int ctr_tree_chmod(int dir, const char *path, mode_t mode, struct ctr_err *err)
{
	ctr_auto_fd int fd = open_object(dir, path, 0, err);

	if (fd < 0)
		return -1;
	if (chmod_object(fd, mode) < 0)
		return ctr_fail(err, errno, "chmod", "%s", path);
	return 0;
}

int ctr_tree_chown(int dir, const char *path, uid_t uid, gid_t gid, struct ctr_err *err)
{
	ctr_auto_fd int fd = open_object(dir, path, 0, err);

	if (fd < 0)
		return -1;
	if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return ctr_fail(err, errno, "chown", "%s", path);
	return 0;
}

int ctr_tree_readlink(int dir, const char *path, char *ret_text, size_t size, struct ctr_err *err)
{
	ctr_auto_place struct place place = NO_PLACE;
	ssize_t length;

	if (find_place(dir, path, &place, err) < 0)
		return -1;
	length = readlinkat(place.fd, place.name, ret_text, size);
	if (length < 0)
		return ctr_fail(err, errno, "readlink", "%s", path);
	if ((size_t)length == size)
		return ctr_fail(err, ENAMETOOLONG, "readlink", "%s", path);
	ret_text[length] = '\0';
	return 0;
}

static void read_stat(const struct stat *st, struct ctr_tree_stat *ret_stat)
{
	ret_stat->type = ctr_fd_type_name(st->st_mode);
	ret_stat->mode = st->st_mode & 07777;
	ret_stat->uid = st->st_uid;
	ret_stat->gid = st->st_gid;
	ret_stat->size = (uint64_t)st->st_size;
	ret_stat->ino = st->st_ino;
	ret_stat->dev = st->st_dev;
	ret_stat->rdev_major = major(st->st_rdev);
	ret_stat->rdev_minor = minor(st->st_rdev);
	ret_stat->mtime = (double)st->st_mtim.tv_sec + (double)st->st_mtim.tv_nsec / 1e9;
}

/* A name alone leads nowhere else, unless it is a link's; what went wrong is told by open_object. */
static bool stat_name(int dir, const char *name, bool follow, struct stat *ret_stat)
{
	if (!name[0] || strchr(name, '/') || strcmp(name, "..") == 0)
		return false;
	return fstatat(dir, name, ret_stat, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !(follow && S_ISLNK(ret_stat->st_mode));
}

int ctr_tree_stat(int dir, const char *path, bool follow, struct ctr_tree_stat *ret_stat,
		  struct ctr_err *err)
{
	ctr_auto_fd int fd = -1;
	struct stat st;

	if (stat_name(dir, path, follow, &st)) {
		read_stat(&st, ret_stat);
		return 0;
	}
	if (path[0]) {
		fd = open_object(dir, path, follow ? 0 : O_NOFOLLOW, err);
		if (fd < 0)
			return -1;
	}
	if (fstatat(path[0] ? fd : dir, "", &st, AT_EMPTY_PATH) < 0)
		return ctr_fail(err, errno, "stat", "%s", path);
	read_stat(&st, ret_stat);
	return 0;
}

int ctr_tree_fs_type(int dir, const char *path, uint64_t *ret_magic, struct ctr_err *err)
{
	ctr_auto_fd int fd = -1;
	struct statfs st;

	if (path[0]) {
		fd = open_object(dir, path, 0, err);
		if (fd < 0)
			return -1;
	}
	if (fstatfs(path[0] ? fd : dir, &st) < 0)
		return ctr_fail(err, errno, "statfs", "%s", path);
	/* The kernel's long is wider than its numbers, and may have extended their sign. */
	*ret_magic = (uint32_t)st.f_type;
	return 0;
}

void ctr_names_free(struct ctr_names *names)
{
	int saved = errno;

	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	names->names = NULL;
	names->count = 0;
	errno = saved;
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Adds a name; room is doubled whenever the count reaches a power of two. */
static int add_name(struct ctr_names *names, const char *name)
{
	size_t count = names->count;
	char *copy;

	if ((count & (count - 1)) == 0) {
		size_t room = count ? count * 2 : 1;
		char **grown = reallocarray(names->names, room, sizeof(*grown));

		if (!grown)
			return -1;
		names->names = grown;
	}
	copy = strdup(name);
	if (!copy)
		return -1;
	names->names[names->count++] = copy;
	return 0;
}

static int read_names(DIR *stream, struct ctr_names *names)
{
	const struct dirent *entry;

	for (;;) {
		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return errno ? -1 : 0;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (add_name(names, entry->d_name) < 0)
			return -1;
	}
}

static void close_stream(DIR **stream)
{
	if (*stream)
		closedir(*stream);
}
#define ctr_auto_stream __attribute__((cleanup(close_stream)))

/* Takes fd over. */
static DIR *open_stream(int fd, const char *path, struct ctr_err *err)
{
	DIR *stream = fdopendir(fd);
	int saved = errno;

	if (!stream) {
		close(fd);
		ctr_fail(err, saved, "readdir", "%s", path);
	}
	return stream;
}

static int list_stream(DIR *stream, const char *path, struct ctr_names *ret_names,
		       struct ctr_err *err)
{
	ctr_auto_names struct ctr_names names = { 0 };

	if (read_names(stream, &names) < 0)
		return ctr_fail(err, errno, "readdir", "%s", path);
	if (names.count > 0)
		qsort(names.names, names.count, sizeof(*names.names), compare_names);
	*ret_names = names;
	names = (struct ctr_names){ 0 };
	return 0;
}

int ctr_tree_list(int dir, const char *path, struct ctr_names *ret_names, struct ctr_err *err)
{
	int fd = ctr_path_open(dir, path[0] ? path : ".", O_RDONLY | O_DIRECTORY, 0, err);
	ctr_auto_stream DIR *stream = fd < 0 ? NULL : open_stream(fd, path, err);

	return stream ? list_stream(stream, path, ret_names, err) : -1;
}

static int open_for_write(int dir, const char *path, const struct ctr_tree_write *how,
			  struct ctr_err *err)
{
	/* O_NONBLOCK: a fifo in the file's place does not hold us up. */
	uint64_t flags = O_WRONLY | O_NOCTTY | O_NONBLOCK;

	if (how->append)
		flags |= O_APPEND;
	if (how->create)
		flags |= how->append ? O_CREAT : O_CREAT | O_TRUNC;
	if (how->beneath)
		return ctr_path_open_beneath(dir, path, flags, how->mode, err);
	return ctr_path_open(dir, path, flags, how->mode, err);
}

int ctr_tree_write(int dir, const char *path, const void *data, size_t size,
		   const struct ctr_tree_write *how, struct ctr_err *err)
{
	ctr_auto_fd int fd = open_for_write(dir, path, how, err);
	struct stat st;
	ssize_t count;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return ctr_fail(err, EINVAL, "write", "%s (not a regular file)", path);
	do {
		count = write(fd, data, size);
	} while (count < 0 && errno == EINTR);
	if (count < 0)
		return ctr_fail(err, errno, "write", "%s", path);
	if ((size_t)count != size)
		return ctr_fail(err, EIO, "write", "%s", path);
	return 0;
}

/* Makes a file of a name that nothing has; the name is written to ret_name. */
static int open_temporary(int dir, char *ret_name, size_t size, struct ctr_err *err)
{
	static atomic_uint counter;
	int fd = -1;

	for (int i = 0; i < TRIES_MAX && fd < 0; i++) {
		unsigned number = atomic_fetch_add(&counter, 1);

		snprintf(ret_name, size, ".ctr-%d-%u", (int)getpid(), number);
		fd = openat(dir, ret_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0600);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0)
		return ctr_fail(err, errno, "open", "%s", ret_name);
	return fd;
}

static int fill_temporary(int fd, const void *data, size_t size, mode_t mode, const char *path,
			  struct ctr_err *err)
{
	if (ctr_fd_write_all(fd, data, size, err) < 0)
		return ctr_fail(err, err->num, "write", "%s", path);
	if (fchmod(fd, mode) < 0)
		return ctr_fail(err, errno, "fchmod", "%s", path);
	return 0;
}

int ctr_tree_replace(int dir, const char *path, const void *data, size_t size, mode_t mode,
		     struct ctr_err *err)
{
	ctr_auto_place struct place place = NO_PLACE;
	ctr_auto_fd int fd = -1;
	char temporary[48];
	int result;

	if (find_place(dir, path, &place, err) < 0)
		return -1;
	fd = open_temporary(place.fd, temporary, sizeof(temporary), err);
	if (fd < 0)
		return -1;
	result = fill_temporary(fd, data, size, mode, path, err);
	if (result == 0 && renameat(place.fd, temporary, place.fd, place.name) < 0)
		result = ctr_fail(err, errno, "rename", "%s", path);
	if (result < 0)
		unlinkat(place.fd, temporary, 0);
	return result;
}

static int mount_of(int fd, const char *name, uint64_t *ret_mount, struct ctr_err *err)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return ctr_fail(err, errno, "statx", "%s", name);
	/* Linux 5.8; without it a bind of the same file system could not be told apart. */
	if (!(st.stx_mask & STATX_MNT_ID))
		return ctr_fail(err, ENOSYS, "statx", "%s (no mount id)", name);
	*ret_mount = st.stx_mnt_id;
	return 0;
}

static int remove_entry(int dir, const char *name, uint64_t mount, int depth, struct ctr_err *err);

static int remove_children(DIR *stream, const char *name, uint64_t mount, int depth,
			   struct ctr_err *err)
{
	ctr_auto_names struct ctr_names names = { 0 };

	if (list_stream(stream, name, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		if (remove_entry(dirfd(stream), names.names[i], mount, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

/* With one descriptor: the last one, where a start fails for want of more. */
static int remove_directory(int dir, const char *name, uint64_t mount, int depth,
			    struct ctr_err *err)
{
	ctr_auto_stream DIR *stream = NULL;
	uint64_t own_mount = 0;
	int fd;

	if (depth > DEPTH_MAX)
		return ctr_fail(err, ELOOP, "remove", "%s (too deep)", name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ctr_fail(err, errno, "open", "%s", name);
	stream = open_stream(fd, name, err);
	if (!stream || mount_of(fd, name, &own_mount, err) < 0)
		return -1;
	if (own_mount != mount)
		return ctr_fail(err, EXDEV, "remove", "%s (a mount)", name);
	if (remove_children(stream, name, mount, depth, err) < 0)
		return -1;
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return ctr_fail(err, errno, "rmdir", "%s", name);
	return 0;
}

/* What is gone by itself is removed, too: but the top of the tree, which must be there. */
static int remove_entry(int dir, const char *name, uint64_t mount, int depth, struct ctr_err *err)
{
	if (unlinkat(dir, name, 0) == 0 || (errno == ENOENT && depth > 0))
		return 0;
	if (errno != EISDIR)
		return ctr_fail(err, errno, "unlink", "%s", name);
	return remove_directory(dir, name, mount, depth, err);
}

int ctr_tree_remove(int dir, const char *path, struct ctr_err *err)
{
	ctr_auto_place struct place place = NO_PLACE;
	uint64_t mount = 0;

	if (find_place(dir, path, &place, err) < 0 || mount_of(place.fd, path, &mount, err) < 0)
		return -1;
	return remove_entry(place.fd, place.name, mount, 0, err);
}

static int lock_file(int fd, bool wait, const char *path, struct ctr_err *err)
{
	int result;

	do {
		result = flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
	} while (result < 0 && errno == EINTR && !ctr_interrupt_take());
	if (result < 0)
		return ctr_fail(err, errno, "flock", "%s", path);
	return 0;
}

static int open_lock(const struct place *place, const char *path, struct ctr_err *err)
{
	ctr_auto_fd int fd = -1;
	struct stat st;

	fd = openat(place->fd, place->name,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (fd < 0)
		return ctr_fail(err, errno, "open", "%s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return ctr_fail(err, EINVAL, "flock", "%s (not a regular file)", path);
	return ctr_take_fd(&fd);
}

int ctr_tree_lock(int dir, const char *path, bool wait, struct ctr_err *err)
{
	ctr_auto_place struct place place = NO_PLACE;

	if (find_place(dir, path, &place, err) < 0)
		return -1;
	for (int i = 0; i < TRIES_MAX; i++) {
		ctr_auto_fd int fd = open_lock(&place, path, err);
		struct stat st;

		if (fd < 0 || lock_file(fd, wait, path, err) < 0)
			return -1;
		/* Removed while we waited: a lock that nobody else would find is none. */
		if (fstat(fd, &st) == 0 && st.st_nlink > 0)
			return ctr_take_fd(&fd);
	}
	return ctr_fail(err, EAGAIN, "flock", "%s", path);
}
