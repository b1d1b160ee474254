/* SPDX-License-Identifier: MIT */
#include "ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/nsfs.h>

#include "auto.h"
#include "fd.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

const struct ctr_ns_kind ctr_ns_kinds[] = {
	{ "NEWNS", "mnt", CLONE_NEWNS },
	{ "NEWUTS", "uts", CLONE_NEWUTS },
	{ "NEWIPC", "ipc", CLONE_NEWIPC },
	{ "NEWPID", "pid", CLONE_NEWPID },
	{ "NEWNET", "net", CLONE_NEWNET },
	{ "NEWUSER", "user", CLONE_NEWUSER },
	{ "NEWCGROUP", "cgroup", CLONE_NEWCGROUP },
	{ "NEWTIME", "time", CLONE_NEWTIME },
	{ NULL, NULL, 0 },
};

static const struct ctr_ns_kind *find_kind(uint64_t flag)
{
	for (const struct ctr_ns_kind *kind = ctr_ns_kinds; kind->name; kind++) {
		if (kind->flag == flag)
			return kind;
	}
	return NULL;
}

/* Looked at before it is opened: to open a device can do something, and a fifo can wait. */
static int check_nsfs(const char *path, struct ctr_err *err)
{
	ctr_auto_fd int fd = ctr_fd_open(path, O_PATH, 0, err);
	struct statfs st;

	if (fd < 0)
		return -1;
	if (fstatfs(fd, &st) < 0)
		return ctr_fail(err, errno, "fstatfs", "%s", path);
	if (st.f_type != NSFS_MAGIC)
		return ctr_fail(err, EINVAL, "open", "%s (not a namespace)", path);
	return 0;
}

int ctr_ns_open(const char *path, const struct ctr_ns_kind **ret_kind, struct ctr_err *err)
{
	const struct ctr_ns_kind *kind;
	ctr_auto_fd int fd = -1;
	int flag;

	if (check_nsfs(path, err) < 0)
		return -1;
	fd = ctr_fd_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, err);
	if (fd < 0)
		return -1;
	flag = ioctl(fd, NS_GET_NSTYPE);
	if (flag < 0)
		return ctr_fail(err, errno == ENOTTY ? EINVAL : errno, "open",
				"%s (not a namespace)", path);
	kind = find_kind((uint64_t)flag);
	if (!kind)
		return ctr_fail(err, EINVAL, "open", "%s (an unknown namespace)", path);
	*ret_kind = kind;
	return ctr_take_fd(&fd);
}

int ctr_ns_enter(int fd, struct ctr_err *err)
{
	if (setns(fd, 0) < 0)
		return ctr_fail(err, errno, "setns", "%d", fd);
	return 0;
}

bool ctr_ns_supported(const struct ctr_ns_kind *kind)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind->file);
	return access(path, F_OK) == 0;
}
