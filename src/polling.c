/* SPDX-License-Identifier: MIT */
#include "polling.h"

#include <errno.h>
#include <time.h>

#include "interrupt.h"

/* Longer than anybody waits, and short enough for the kernel's clock. */
#define SECONDS_MAX 1e9

double ctr_poll_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct timespec time_left(double deadline)
{
	double left = deadline - ctr_poll_clock();
	struct timespec time;

	if (left < 0)
		left = 0;
	if (left > SECONDS_MAX)
		left = SECONDS_MAX;
	time.tv_sec = (time_t)left;
	time.tv_nsec = (long)((left - (double)time.tv_sec) * 1e9);
	return time;
}

int ctr_poll_wait(struct pollfd *fds, size_t count, double deadline, struct ctr_err *err)
{
	struct timespec left;
	int ready;

	do {
		left = time_left(deadline);
		ready = ppoll(fds, count, deadline < 0 ? NULL : &left, NULL);
	} while (ready < 0 && errno == EINTR && !ctr_interrupt_take());
	if (ready < 0)
		return ctr_fail(err, errno, "poll", "%s", "");
	return ready;
}
