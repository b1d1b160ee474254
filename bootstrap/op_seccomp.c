/* SPDX-License-Identifier: MIT */
/* The seccomp filter (defence D17). */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "auto.h"
#include "init.h"

#ifndef SECCOMP_FILTER_FLAG_NEW_LISTENER
#define SECCOMP_FILTER_FLAG_NEW_LISTENER (1UL << 3)
#endif

#define FILTER_MAX ((off_t)(BPF_MAXINSNS * sizeof(struct sock_filter)))

/* Reads a program of the right size; the kernel checks what it says. */
static int read_filter(int fd, struct filter *ret_filter, struct ctr_err *err)
{
	ctr_auto_free struct sock_filter *code = NULL;
	struct stat st;
	size_t size;

	if (fstat(fd, &st) < 0)
		return ctr_fail(err, errno, "seccomp", "filter");
	if (st.st_size <= 0 || st.st_size > FILTER_MAX || st.st_size % sizeof(*code) != 0)
		return ctr_fail(err, EINVAL, "seccomp", "filter of %ld bytes", (long)st.st_size);
	size = (size_t)st.st_size;
	code = malloc(size);
	if (!code)
		return ctr_fail(err, ENOMEM, "seccomp", "filter");
	if (pread(fd, code, size, 0) != (ssize_t)size)
		return ctr_fail(err, EIO, "seccomp", "filter");
	ret_filter->code = code;
	ret_filter->count = (unsigned short)(size / sizeof(*code));
	code = NULL;
	return 0;
}

int op_seccomp(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	ctr_auto_fd int fd = (int)step->nums[0];

	if (read_filter(fd, &run->filter, err) < 0)
		return -1;
	run->filter.flags = (uint32_t)step->nums[1];
	run->filter.step = run->step;
	return step->nums[2] ? filter_load(run, err) : 0;
}

/*
 * The library gets the listener, and says when it is in the right hands. It is nobody else's from
 * then on: if its owner dies, the kernel answers what waits, be it a call of ours.
 */
static int hand_over(struct run *run, int owned, struct ctr_err *err)
{
	ctr_auto_fd int listener = owned;
	struct ctr_frame frame = {
		.kind = CTR_FRAME_SYNC,
		.step = run->filter.step,
		.err = { .op = "seccomp" },
	};

	if (talk_send_files(run, &frame, &listener, 1, err) < 0)
		return -1;
	ctr_close_fd(&listener);
	return talk_wait_ack(run, err);
}

int filter_enter(const struct filter *filter)
{
	struct sock_fprog program = { .len = filter->count, .filter = filter->code };

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter->flags, &program);
}

/* From here on every call of this process is the filter's to judge. */
int filter_load(struct run *run, struct ctr_err *err)
{
	struct sock_fprog program = { .len = run->filter.count, .filter = run->filter.code };
	uint32_t step = run->step;
	long loaded;

	if (!run->filter.code)
		return 0;
	run->filter.code = NULL;
	run->step = run->filter.step; /* what goes wrong here is that step's fault */
	/* Under the filter only what hands over the listener comes before somebody can answer. */
	talk_wait_born(run);
	loaded = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, run->filter.flags, &program);
	if (loaded < 0)
		return ctr_fail(err, errno, "seccomp", "filter of %u instructions", program.len);
	if (run->filter.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER &&
	    hand_over(run, (int)loaded, err) < 0)
		return -1;
	run->step = step;
	return 0;
}
