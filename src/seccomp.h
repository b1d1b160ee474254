/* SPDX-License-Identifier: MIT */
#ifndef CTR_SECCOMP_H
#define CTR_SECCOMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * What libseccomp knows of system calls, and the kernel of filters. Programs are not made here:
 * `ctr.seccomp.compile` does.
 */

/* An architecture by libseccomp's name for it; 0 where it knows none. */
uint32_t ctr_seccomp_arch(const char *name);
/* The name of the machine's own architecture ("x86_64"); NULL where it has none here. */
const char *ctr_seccomp_native(void);
/* Names of architectures, in no order; NULL after the last. Some may be new to libseccomp. */
extern const char *const ctr_seccomp_archs[];

/* The first number of a table of system calls, which is not 0 everywhere (mips, x32). */
uint32_t ctr_seccomp_base(uint32_t arch);
/*
 * The next system call of an architecture at or after *number, which is set to it; false when
 * there is none. ret_name is the caller's, freed with free(3).
 */
bool ctr_seccomp_next(uint32_t arch, uint32_t *number, char **ret_name);
/* Says whether libseccomp has heard of a name, be it on another architecture. */
bool ctr_seccomp_is_known(const char *name);

/* "2.5.4" */
void ctr_seccomp_version(char *ret_text, size_t size);
/* Says whether the kernel knows an action (SECCOMP_RET_…), or a flag of SECCOMP_SET_MODE_FILTER. */
bool ctr_seccomp_has_action(uint32_t action);
bool ctr_seccomp_has_flag(unsigned flag);

#endif
