/* SPDX-License-Identifier: MIT */
/* Which descriptors stay open while a plan runs (defence D5). */
#include <errno.h>
#include <string.h>

#include "init.h"
#include "sys.h"

/* A bit for each descriptor that is needed: pages that nobody uses stay untouched. */
static unsigned char needed[CTR_WIRE_FD_MAX / 8 + 1];

/* The highest one that is needed so far. */
static int need(int fd, int top)
{
	if (fd < 0 || fd > CTR_WIRE_FD_MAX)
		return top;
	needed[fd / 8] |= (unsigned char)(1u << fd % 8);
	return fd > top ? fd : top;
}

static bool is_needed(int fd)
{
	return needed[fd / 8] >> fd % 8 & 1;
}

/* Those that a step names, itself or by a slot. */
static int need_of_step(const struct run *run, const struct ctr_step *step, int top)
{
	for (uint32_t i = 0; i < step->num_count; i++) {
		int64_t number = step->nums[i];

		if (!ctr_wire_is_fd(step, i) || number == CTR_WIRE_NONE)
			continue;
		top = need(number >= 0 ? (int)number : run->slots[-1 - number] - 1, top);
	}
	return top;
}

/* From the step of now on, which is the one before next. */
static int need_of_plan(const struct run *run)
{
	int top = -1;

	top = need(run->control, top);
	top = need(run->report, top);
	top = need(run->root, top);
	top = need(run->born, top);
	top = need(run->state, top);
	for (uint32_t i = run->next - 1; i < run->plan.count; i++)
		top = need_of_step(run, &run->plan.steps[i], top);
	return top;
}

static int close_range_of(unsigned first, unsigned last, struct ctr_err *err)
{
	if (first <= last && ctr_sys_close_range(first, last, 0) < 0)
		return ctr_fail(err, errno, "close_range", "from %u", first);
	return 0;
}

int fds_drop(const struct run *run, struct ctr_err *err)
{
	int from = (int)run->plan.keep, top = need_of_plan(run), done = 0;

	for (int fd = from; fd <= top && done == 0; fd++) {
		if (!is_needed(fd))
			continue;
		if (fd > from)
			done = close_range_of((unsigned)from, (unsigned)fd - 1, err);
		from = fd + 1;
	}
	memset(needed, 0, (size_t)top / 8 + 1);
	return done < 0 ? -1 : close_range_of((unsigned)from, ~0U, err);
}
