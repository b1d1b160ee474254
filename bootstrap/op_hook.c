/* SPDX-License-Identifier: MIT */
/* Operations that run hooks, or ask the library to run one. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "init.h"

#define GO_ON 'y'

int op_hook_state(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	struct ctr_frame frame = {
		.kind = CTR_FRAME_SYNC,
		.step = run->step,
		.err = { .op = "state" },
	};
	int fds[TALK_FDS_MAX], count;

	(void)step; /* it says nothing */
	if (talk_send(run, &frame, err) < 0)
		return -1;
	count = talk_wait_fds(run, fds, err);
	if (count < 0)
		return -1;
	if (count != 1) {
		for (int i = 0; i < count; i++)
			close(fds[i]);
		return ctr_fail(err, EPROTO, "read", "%d descriptors instead of the state", count);
	}
	ctr_close_fd(&run->state);
	run->state = fds[0];
	return 0;
}

static int judge(const struct helper_result *result, const char *path, struct ctr_err *err)
{
	if (result->timed_out)
		return ctr_fail(err, ETIMEDOUT, "hook", "%s", path);
	if (result->signo)
		return ctr_fail(err, 0, "hook", "%s was killed by signal %d", path, result->signo);
	if (result->code != 0)
		return ctr_fail(err, 0, "hook", "%s exited with %d", path, result->code);
	return 0;
}

static int fd_or_none(int64_t number)
{
	return number == CTR_WIRE_NONE ? -1 : (int)number;
}

int op_hook(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	size_t args = (size_t)step->nums[5], env = (size_t)step->nums[6];
	ctr_auto_free char **lists = helper_lists(step, 2, args, env);
	const int input = fd_or_none(step->nums[1]);
	struct helper helper = {
		.dir = step->strs[0],
		.path = step->strs[1],
		.program = fd_or_none(step->nums[2]),
		.args = lists,
		.input = input >= 0 ? input : run->state,
		.procfs = fd_or_none(step->nums[3]),
		.timeout = step->nums[4],
	};
	struct helper_result result = { 0 };

	/* The image's programs are under the image's filter. */
	if (helper.procfs < 0 && run->filter.code)
		helper.filter = &run->filter;
	run->hook = (int)step->nums[0];
	if (!lists)
		return ctr_fail(err, ENOMEM, "hook", "%s", helper.path);
	helper.env = lists + args + 1;
	if (helper.input < 0 || lseek(helper.input, 0, SEEK_SET) < 0)
		return ctr_fail(err, EBADF, "hook", "%s has no state to read", helper.path);
	if (helper_run(run, &helper, &result, err) < 0)
		return -1;
	if (judge(&result, helper.path, err) < 0) {
		talk_output(run, 2, result.said[1], result.size[1]);
		talk_output(run, 1, result.said[0], result.size[0]);
		return -1;
	}
	run->hook = 0;
	return 0;
}

int op_hook_ask(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	struct ctr_frame frame = {
		.kind = CTR_FRAME_SYNC,
		.step = run->step,
		.value = (int32_t)step->nums[2],
		.err = { .op = "hook" },
	};
	int byte;

	do {
		/* Who asked us to execute may be gone: another one begins again, and is asked
		 * again. */
		if (write((int)step->nums[1], &frame, sizeof(frame)) < 0 && errno != EAGAIN)
			return ctr_fail(err, errno, "write", "exec.hooks");
		byte = flow_wait_byte((int)step->nums[0], err);
	} while (byte >= 0 && byte != GO_ON);
	return byte < 0 ? -1 : 0;
}

int op_leave(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	struct ctr_frame frame = { .kind = CTR_FRAME_READY, .step = run->step };

	(void)step; /* it says nothing */
	if (run->mounted)
		snprintf(frame.err.target, sizeof(frame.err.target), "%" PRIu64, run->mounted);
	if (talk_send(run, &frame, err) < 0)
		return -1;
	_exit(0);
}
