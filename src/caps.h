/* SPDX-License-Identifier: MIT */
#ifndef CTR_CAPS_H
#define CTR_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

/* Capabilities, by the kernel's names: "CAP_CHOWN" (capabilities(7)). */

#define CTR_CAP_NAME_MAX 32

/* The last one that the kernel has. */
int ctr_caps_last(void);
/* The number of a name, exactly as the kernel writes it; -1 when libcap does not know it. */
int ctr_caps_number(const char *name);
/* Writes the name of a number; a capability that is newer than libcap is "CAP_41". */
int ctr_caps_name(int number, char ret_name[CTR_CAP_NAME_MAX], struct ctr_err *err);

struct ctr_caps {
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
	uint64_t bounding; /* these two of the caller only */
	uint64_t ambient;
};

/* The sets of a process, of the calling thread when pid is 0. */
int ctr_caps_read(pid_t pid, struct ctr_caps *ret_caps, struct ctr_err *err);

#endif
