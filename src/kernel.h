/* SPDX-License-Identifier: MIT */
#ifndef CTR_KERNEL_H
#define CTR_KERNEL_H

#include <stdbool.h>

/* A system call that can be asked for; all of them refuse the arguments that it is asked with. */
struct ctr_kernel_call {
	const char *name; /* "clone3"; NULL in the row behind the last */
	long number;
};

extern const struct ctr_kernel_call ctr_kernel_calls[];

/* Whether the kernel has it, and no filter of the caller's says that it has not. */
bool ctr_kernel_has(const struct ctr_kernel_call *call);

#endif
