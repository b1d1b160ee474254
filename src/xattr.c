/* SPDX-License-Identifier: MIT */
#include "xattr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "auto.h"
#include "path.h"

struct self_path {
	char text[32];
};

/* The name by which the calls that want one reach a descriptor; it leads to the very object. */
static struct self_path path_of(int fd)
{
	struct self_path path;

	snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
	return path;
}

static int open_object(int dir, const char *path, struct ctr_err *err)
{
	int fd;

	if (*path)
		return ctr_path_open(dir, path, O_PATH | O_NOFOLLOW, 0, err);
	fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return ctr_fail(err, errno, "fcntl", "F_DUPFD_CLOEXEC");
	return fd;
}

int ctr_xattr_set(int dir, const char *path, const char *name, const char *value,
                  struct ctr_err *err)
{
	ctr_auto_fd int fd = open_object(dir, path, err);
	const struct self_path self = path_of(fd);

	if (fd < 0)
		return -1;
	if (setxattr(self.text, name, value, strlen(value) + 1, 0) < 0)
		return ctr_fail(err, errno, "setxattr", "%s", path);
	return 0;
}

int ctr_xattr_get(int dir, const char *path, const char *name, char *data, size_t size,
                  size_t *ret_length, struct ctr_err *err)
{
	ctr_auto_fd int fd = open_object(dir, path, err);
	const struct self_path self = path_of(fd);
	ssize_t length;

	if (fd < 0)
		return -1;
	length = getxattr(self.text, name, data, size);
	if (length < 0)
		return ctr_fail(err, errno, "getxattr", "%s", path);
	*ret_length = (size_t)length;
	return 0;
}
