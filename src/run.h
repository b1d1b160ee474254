/* SPDX-License-Identifier: MIT */
#ifndef CTR_RUN_H
#define CTR_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "proc.h"

/*
 * Helpers of the host, run to their end or to a deadline (defence D14): a
 * process group of its own, its input in a sealed memfd, its output bounded.
 */

struct ctr_run {
	struct ctr_spawn spawn; /* fds[0…2] are set here; what follows them is passed on */
	const void *input;      /* or NULL: /dev/null */
	size_t input_size;
	double timeout; /* seconds, or negative for none */
	char *output[2]; /* room for output_max bytes each: stdout, stderr */
	size_t output_max;
};

struct ctr_run_result {
	struct ctr_exit exit;
	bool timed_out;
	size_t output_size[2]; /* what was kept; the rest was read and dropped */
};

/*
 * Returns when the program has ended, with what it wrote until then: who still
 * holds its pipes is not waited for. When time is over its whole process group
 * is killed.
 */
int ctr_run(const struct ctr_run *run, struct ctr_run_result *ret_result, struct ctr_err *err);

#endif
