/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

int ctr_watch_files(struct ctr_err *err)
{
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (watch < 0)
		return ctr_fail(err, errno, "inotify_init", "files");
	return watch;
}

int ctr_watch_add(int watch, int file_fd, struct ctr_err *err)
{
	char path[32];

	/* The link leads to the file itself, whatever is at its path by now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	if (inotify_add_watch(watch, path, IN_MODIFY | IN_DELETE_SELF) < 0)
		return ctr_fail(err, errno, "inotify_add_watch", "%s", path);
	return 0;
}

int ctr_watch_counter(struct ctr_err *err)
{
	int counter = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (counter < 0)
		return ctr_fail(err, errno, "eventfd", "counter");
	return counter;
}

int ctr_watch_take(int fd, struct ctr_err *err)
{
	char events[4096] __attribute__((aligned(8)));
	ssize_t got;

	do {
		got = read(fd, events, sizeof(events));
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno != EAGAIN)
		return ctr_fail(err, errno, "read", "watch");
	return got > 0;
}
