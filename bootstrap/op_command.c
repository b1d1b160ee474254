/* SPDX-License-Identifier: MIT */
/* Runs a command of the host while the container is made. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "auto.h"
#include "init.h"

#define OUTPUT_MAX 180

static int judge(const struct helper_result *result, const char *path, struct ctr_err *err)
{
	const char *said = result->said[result->size[1] > 0 ? 1 : 0];
	int length = (int)strcspn(said, "\n");
	const char *separator = length > 0 ? ": " : "";

	if (length > OUTPUT_MAX)
		length = OUTPUT_MAX;
	if (result->signo)
		return ctr_fail(err, 0, "command", "%s was killed by signal %d%s%.*s", path,
		                result->signo, separator, length, said);
	if (result->code != 0)
		return ctr_fail(err, 0, "command", "%s exited with %d%s%.*s", path, result->code,
		                separator, length, said);
	return 0;
}

int op_command(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	size_t args = (size_t)step->nums[0], env = (size_t)step->nums[1];
	ctr_auto_free char **lists = helper_lists(step, 2, args, env);
	ctr_auto_fd int input = -1;
	struct helper helper = {
		.dir = step->strs[0],
		.path = step->strs[1],
		.program = -1,
		.search = true,
		.args = lists,
		.procfs = -1,
		.timeout = -1,
	};
	struct helper_result result = { 0 };
	int ends[2];

	if (!lists)
		return ctr_fail(err, ENOMEM, "command", "%s", helper.path);
	/* An input that is at its end. */
	if (pipe2(ends, O_CLOEXEC) < 0)
		return ctr_fail(err, errno, "pipe2", "%s", helper.path);
	input = ends[0];
	close(ends[1]);
	helper.input = input;
	helper.env = step->nums[2] ? lists + args + 1 : environ;
	if (helper_run(run, &helper, &result, err) < 0)
		return -1;
	return judge(&result, helper.path, err);
}
