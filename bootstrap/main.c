/* SPDX-License-Identifier: MIT */
/*
 * ctr-init: the first process of a container. It reads a plan from the control
 * socket whose number is its argument, runs it, and becomes the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

/* In .bss: what a plan does not use is never touched, and takes no memory. */
static struct run the_run;

/* A descriptor's number, or -1. */
static int parse_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || number < 0 || number > 1 << 20)
		return -1;
	return (int)number;
}

static int start(struct run *run, struct ctr_err *err)
{
	if (talk_receive_plan(run, err) < 0)
		return -1;
	if (root_reopen(run, err) < 0)
		return -1;
	return plan_run(run, err);
}

int main(int argc, char **argv)
{
	struct run *run = &the_run;
	struct ctr_err err;

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	run->control = argc == 2 ? parse_number(argv[1]) : -1;
	run->report = -1;
	run->root = -1;
	run->born = -1;
	run->state = -1;
	if (run->control < 0)
		return CTR_EXIT_SETUP;

	run->umask = umask(0);
	start(run, &err);
	talk_report(run, &err);
	syscall(SYS_exit_group, CTR_EXIT_SETUP);
	/* A filter may forbid even that; the C library would try again for ever. */
	__builtin_trap();
}
