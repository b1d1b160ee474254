/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "init.h"

static const struct handler {
	enum ctr_op kind;
	int (*run)(struct run *run, const struct ctr_step *step, struct ctr_err *err);
} handlers[] = {
#define HANDLER(name, number, nums, strings) { CTR_OP_##name, op_##name },
	CTR_WIRE_OPS(HANDLER)
#undef HANDLER
};

/* The parser let only known kinds pass. */
static const struct handler *find_handler(enum ctr_op kind)
{
	const struct handler *handler = handlers;

	while (handler->kind != kind)
		handler++;
	return handler;
}

int plan_run(struct run *run, struct ctr_err *err)
{
	for (; run->next < run->plan.count; run->step++) {
		const struct ctr_step *step = &run->plan.steps[run->next++];

		node_end_row(run, step);
		if (find_handler(step->kind)->run(run, step, err) < 0)
			return -1;
	}
	return ctr_fail(err, EINVAL, "plan", "ends without exec");
}
