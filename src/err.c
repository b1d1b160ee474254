/* SPDX-License-Identifier: MIT */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ctr_fail(struct ctr_err *err, int num, const char *op, const char *target, ...)
{
	struct ctr_err made;
	va_list args;

	/* Made aside, for an argument may point into *err; zeroed, for the whole of it is sent. */
	memset(&made, 0, sizeof(made));
	made.num = num;
	strncat(made.op, op, sizeof(made.op) - 1);
	va_start(args, target);
	vsnprintf(made.target, sizeof(made.target), target, args);
	va_end(args);
	*err = made;
	return -1;
}
