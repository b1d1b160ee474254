/* SPDX-License-Identifier: MIT */
/*
 * Copies the content of a directory: files, directories, links and nodes, with
 * owners, modes and times. By descriptors, and no link is followed. Extended
 * attributes and hard links are not kept; sockets are left out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "auto.h"
#include "init.h"

#define DEPTH_MAX 128
#define CHUNK (1u << 30)

/* An entry on its way. */
struct entry {
	int from;
	int to;
	unsigned depth;
	const char *name;
	struct stat st;
};

static int copy_dir(int from, int to, unsigned depth, struct ctr_err *err);

static int fail_copy(const struct entry *entry, struct ctr_err *err)
{
	return ctr_fail(err, errno, "copy", "%s", entry->name);
}

/* Owner before mode: chown(2) clears bits of it. */
static int set_attributes(const struct entry *entry, int fd, struct ctr_err *err)
{
	const struct timespec times[2] = { entry->st.st_atim, entry->st.st_mtim };

	if (fchown(fd, entry->st.st_uid, entry->st.st_gid) < 0 ||
	    fchmod(fd, entry->st.st_mode & 07777) < 0 || futimens(fd, times) < 0)
		return fail_copy(entry, err);
	return 0;
}

static int copy_bytes(const struct entry *entry, int from, int to, struct ctr_err *err)
{
	ssize_t sent;

	do {
		sent = sendfile(to, from, NULL, CHUNK);
	} while (sent > 0 || (sent < 0 && errno == EINTR));
	return sent < 0 ? fail_copy(entry, err) : 0;
}

static int copy_file(const struct entry *entry, struct ctr_err *err)
{
	const int flags = O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
	ctr_auto_fd int from = openat(entry->from, entry->name, O_RDONLY | O_NONBLOCK | flags);
	ctr_auto_fd int to = -1;
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return fail_copy(entry, err);
	if (!S_ISREG(st.st_mode))
		return ctr_fail(err, ESTALE, "copy", "%s", entry->name);
	to = openat(entry->to, entry->name, O_WRONLY | O_CREAT | O_EXCL | flags, 0600);
	if (to < 0)
		return fail_copy(entry, err);
	if (copy_bytes(entry, from, to, err) < 0)
		return -1;
	return set_attributes(entry, to, err);
}

static int copy_subdir(const struct entry *entry, struct ctr_err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	ctr_auto_fd int from = openat(entry->from, entry->name, flags);
	ctr_auto_fd int to = -1;

	if (from < 0 || mkdirat(entry->to, entry->name, 0700) < 0)
		return fail_copy(entry, err);
	to = openat(entry->to, entry->name, flags);
	if (to < 0)
		return fail_copy(entry, err);
	if (copy_dir(from, to, entry->depth + 1, err) < 0)
		return -1;
	return set_attributes(entry, to, err);
}

/* What has no descriptor to be opened: a link or a node. */
static int set_attributes_at(const struct entry *entry, struct ctr_err *err)
{
	const struct timespec times[2] = { entry->st.st_atim, entry->st.st_mtim };

	if (fchownat(entry->to, entry->name, entry->st.st_uid, entry->st.st_gid,
	             AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(entry->to, entry->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_copy(entry, err);
	return 0;
}

static int copy_link(const struct entry *entry, struct ctr_err *err)
{
	char text[PATH_MAX];
	ssize_t size = readlinkat(entry->from, entry->name, text, sizeof(text) - 1);

	if (size < 0)
		return fail_copy(entry, err);
	text[size] = '\0';
	if (symlinkat(text, entry->to, entry->name) < 0)
		return fail_copy(entry, err);
	return set_attributes_at(entry, err);
}

static int copy_node(const struct entry *entry, struct ctr_err *err)
{
	if (mknodat(entry->to, entry->name, entry->st.st_mode, entry->st.st_rdev) < 0) {
		if (errno == EPERM) /* a device, in a user namespace */
			return 0;
		return fail_copy(entry, err);
	}
	return set_attributes_at(entry, err);
}

static int copy_entry(struct entry *entry, struct ctr_err *err)
{
	if (fstatat(entry->from, entry->name, &entry->st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_copy(entry, err);
	switch (entry->st.st_mode & S_IFMT) {
	case S_IFDIR:
		return copy_subdir(entry, err);
	case S_IFREG:
		return copy_file(entry, err);
	case S_IFLNK:
		return copy_link(entry, err);
	case S_IFSOCK:
		return 0;
	default:
		return copy_node(entry, err);
	}
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Reads with a descriptor of its own: from may be O_PATH. */
static int copy_dir(int from, int to, unsigned depth, struct ctr_err *err)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	ctr_auto_fd int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *found;

	if (depth > DEPTH_MAX)
		return ctr_fail(err, ELOOP, "copy", "more than %d directories deep", DEPTH_MAX);
	if (fd >= 0)
		dir = fdopendir(fd);
	if (!dir)
		return ctr_fail(err, errno, "copy", "directory");
	ctr_take_fd(&fd); /* it is dir's */
	while (errno = 0, (found = readdir(dir))) {
		struct entry entry = { .from = from, .to = to, .depth = depth };

		if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
			continue;
		entry.name = found->d_name;
		if (copy_entry(&entry, err) < 0)
			return -1;
	}
	return errno ? ctr_fail(err, errno, "copy", "directory") : 0;
}

int copy_content(int from, int to, struct ctr_err *err)
{
	return copy_dir(from, to, 0, err);
}
