/* SPDX-License-Identifier: MIT */
#include "path.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "auto.h"
#include "sys.h"

#define RETRIES_MAX 128
#define LINKS_MAX 40 /* as the kernel's own limit */

#define RESOLVE_ROOTED (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
#define RESOLVE_STRICT                                                                             \
	(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

/* openat2(2), tried again when a rename elsewhere made the kernel give up. */
static int open_resolved(int dir, const char *path, uint64_t flags, mode_t mode, uint64_t resolve)
{
	bool makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = makes ? mode : 0, /* anything else is EINVAL */
		.resolve = resolve,
	};
	int fd = -1;

	for (int i = 0; i < RETRIES_MAX; i++) {
		fd = ctr_sys_openat2(dir, path, &how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

int ctr_path_open(int root, const char *path, uint64_t flags, mode_t mode, struct ctr_err *err)
{
	int fd = open_resolved(root, path, flags, mode, RESOLVE_ROOTED);

	if (fd < 0)
		return ctr_fail(err, errno, "openat2", "%s", path);
	return fd;
}

int ctr_path_open_beneath(int dir, const char *path, uint64_t flags, mode_t mode,
                          struct ctr_err *err)
{
	int fd = open_resolved(dir, path, flags, mode, RESOLVE_STRICT);

	if (fd < 0)
		return ctr_fail(err, errno, "openat2", "%s", path);
	return fd;
}

/* A walk that makes what is missing. */
struct walk {
	int root;
	uint64_t resolve;
	enum ctr_path_kind kind;
	mode_t mode;
	unsigned links;
	char path[PATH_MAX];
};

static bool wants_dir(enum ctr_path_kind kind)
{
	return kind == CTR_PATH_DIR || kind == CTR_PATH_REAL_DIR;
}

static bool wants_file(enum ctr_path_kind kind)
{
	return kind == CTR_PATH_FILE || kind == CTR_PATH_REAL_FILE;
}

static int check_kind(int fd, enum ctr_path_kind kind, const char *path, struct ctr_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ctr_fail(err, errno, "fstat", "%s", path);
	if (S_ISLNK(st.st_mode))
		return ctr_fail(err, ELOOP, "open", "%s", path);
	if (wants_dir(kind) && !S_ISDIR(st.st_mode))
		return ctr_fail(err, ENOTDIR, "open", "%s", path);
	if (wants_file(kind) && S_ISDIR(st.st_mode))
		return ctr_fail(err, EISDIR, "open", "%s", path);
	return 0;
}

/* Makes name, and opens what is there then: made here or by another in between, but no link. */
static int make_component(int parent, const char *name, enum ctr_path_kind kind, mode_t mode,
                          struct ctr_err *err)
{
	ctr_auto_fd int fd = -1;
	int made;

	if (wants_file(kind))
		made = mknodat(parent, name, S_IFREG | mode, 0);
	else
		made = mkdirat(parent, name, mode);
	if (made < 0 && errno != EEXIST)
		return ctr_fail(err, errno, wants_file(kind) ? "mknod" : "mkdir", "%s", name);

	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ctr_fail(err, errno, "openat", "%s", name);
	if (check_kind(fd, kind, name, err) < 0)
		return -1;
	return ctr_take_fd(&fd);
}

/*
 * A link whose object is missing: puts its text in place of its name, which
 * starts at offset start of walk->path and ends before offset end. 1: done;
 * 0: there is no link.
 */
static int expand_link(struct walk *walk, int parent, size_t start, size_t end, struct ctr_err *err)
{
	char name[NAME_MAX + 1], text[PATH_MAX];
	size_t length = end - start, keep, tail;
	ssize_t size;

	if (length > NAME_MAX)
		return ctr_fail(err, ENAMETOOLONG, "open", "%s", walk->path);
	memcpy(name, walk->path + start, length);
	name[length] = '\0';
	size = readlinkat(parent, name, text, sizeof(text));
	if (size < 0)
		return 0;
	if ((walk->resolve & RESOLVE_NO_SYMLINKS) || ++walk->links > LINKS_MAX)
		return ctr_fail(err, ELOOP, "open", "%s", walk->path);

	keep = text[0] == '/' ? 0 : start;
	tail = strlen(walk->path + end) + 1;
	if (keep + (size_t)size + tail > sizeof(walk->path))
		return ctr_fail(err, ENAMETOOLONG, "open", "%s", walk->path);
	memmove(walk->path + keep + size, walk->path + end, tail);
	memcpy(walk->path + keep, text, (size_t)size);
	return 1;
}

/* Opens the first `end` bytes of the path. */
static int open_prefix(const struct walk *walk, size_t end)
{
	char prefix[PATH_MAX];

	memcpy(prefix, walk->path, end);
	prefix[end] = '\0';
	return open_resolved(walk->root, end ? prefix : ".", O_PATH, 0, walk->resolve);
}

/*
 * Opens or makes the component [start, end) below parent. Its prefix is looked
 * up from the root again, so that the kernel resolves ".." and links.
 * -2: a link was expanded, the walk starts again.
 */
static int step_into(struct walk *walk, int parent, size_t start, size_t end, struct ctr_err *err)
{
	bool last = walk->path[end + strspn(walk->path + end, "/")] == '\0';
	char name[NAME_MAX + 1];
	int fd, expanded;

	fd = open_prefix(walk, end);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return ctr_fail(err, errno, "openat2", "%s", walk->path);

	expanded = expand_link(walk, parent, start, end, err);
	if (expanded != 0)
		return expanded < 0 ? -1 : -2;
	memcpy(name, walk->path + start, end - start);
	name[end - start] = '\0';
	return make_component(parent, name, last ? walk->kind : CTR_PATH_DIR,
	                      last ? walk->mode : 0755, err);
}

/* Where the last component starts. */
static size_t last_start(const char *path)
{
	size_t end = strlen(path);

	while (end > 0 && path[end - 1] == '/')
		end--;
	while (end > 0 && path[end - 1] != '/')
		end--;
	return end;
}

/* One walk to the end of the path, from the root unless only its last is missing; -2 as step_into. */
static int walk_once(struct walk *walk, struct ctr_err *err)
{
	size_t start, end = last_start(walk->path);
	ctr_auto_fd int at = open_prefix(walk, end);

	if (at < 0) {
		end = 0;
		at = open_prefix(walk, 0);
	}
	if (at < 0)
		return ctr_fail(err, errno, "openat2", "%s", walk->path);
	for (;;) {
		int next;

		start = end + strspn(walk->path + end, "/");
		if (walk->path[start] == '\0')
			return ctr_take_fd(&at);
		end = start + strcspn(walk->path + start, "/");
		next = step_into(walk, at, start, end, err);
		if (next < 0)
			return next;
		close(at);
		at = next;
	}
}

static int ensure_missing(int root, const char *path, enum ctr_path_kind kind, mode_t mode,
                          uint64_t resolve, struct ctr_err *err)
{
	struct walk walk = { .root = root, .resolve = resolve, .kind = kind, .mode = mode };
	ctr_auto_fd int fd = -1;

	if (strlen(path) >= sizeof(walk.path))
		return ctr_fail(err, ENAMETOOLONG, "open", "%s", path);
	memcpy(walk.path, path, strlen(path) + 1);
	do {
		fd = walk_once(&walk, err);
	} while (fd == -2);
	if (fd < 0 || check_kind(fd, kind, path, err) < 0)
		return -1;
	return ctr_take_fd(&fd);
}

int ctr_path_ensure(int root, const char *path, enum ctr_path_kind kind, mode_t mode,
                    struct ctr_err *err)
{
	uint64_t resolve = RESOLVE_ROOTED;
	ctr_auto_fd int fd = -1;

	if (kind == CTR_PATH_REAL_DIR || kind == CTR_PATH_REAL_FILE)
		resolve |= RESOLVE_NO_SYMLINKS;
	fd = open_resolved(root, *path ? path : ".", O_PATH, 0, resolve);
	if (fd < 0 && errno == ENOENT && kind != CTR_PATH_ANY)
		return ensure_missing(root, path, kind, mode, resolve, err);
	if (fd < 0)
		return ctr_fail(err, errno, "openat2", "%s", path);
	if (check_kind(fd, kind, path, err) < 0)
		return -1;
	return ctr_take_fd(&fd);
}

/* Splits off the last component. Trailing slashes do not count. */
static int split_path(const char *path, char *dir, char *name, struct ctr_err *err)
{
	size_t end = strlen(path), start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/'; start--)
		;
	if (end - start > NAME_MAX || start >= PATH_MAX)
		return ctr_fail(err, ENAMETOOLONG, "open", "%s", path);
	memcpy(name, path + start, end - start);
	name[end - start] = '\0';
	memcpy(dir, path, start);
	dir[start] = '\0';
	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return ctr_fail(err, EINVAL, "open", "%s", path);
	return 0;
}

int ctr_path_parent(int root, const char *path, int make, char *name, struct ctr_err *err)
{
	char dir[PATH_MAX] = "";

	if (split_path(path, dir, name, err) < 0)
		return -1;
	if (make)
		return ctr_path_ensure(root, dir, CTR_PATH_REAL_DIR, 0755, err);
	return ctr_path_open(root, *dir ? dir : ".", O_PATH | O_DIRECTORY, 0, err);
}

int ctr_path_open_regular(int root, const char *path, struct ctr_err *err)
{
	ctr_auto_fd int fd = -1;
	struct stat st;

	/* Looked at before it is opened: to open a device can do something. */
	fd = ctr_path_open(root, path, O_PATH, 0, err);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return ctr_fail(err, EINVAL, "open", "%s (not a regular file)", path);
	close(fd);

	fd = ctr_path_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, err);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return ctr_fail(err, EINVAL, "open", "%s (not a regular file)", path);
	return ctr_take_fd(&fd);
}
