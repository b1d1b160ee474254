/* SPDX-License-Identifier: MIT */
#ifndef CTR_LEAN_H
#define CTR_LEAN_H

#include <stdbool.h>

#include "err.h"

/*
 * Makes a lean mount namespace: one read-only tmpfs, with nothing in it.
 *
 * with_proc: and a fresh procfs and sysfs on /proc and /sys. They are whole,
 * for the kernel lets a user namespace mount its own only where it sees such.
 * Whoever starts from there has to drop them (pivot_root(2)) before a program
 * runs: who may unmount "/" would find them below.
 *
 * It costs one copy of the caller's mounts, once; whoever starts from it copies
 * three mounts instead of the host's thousands. A thread makes it, so that the
 * caller stays where it is. Needs CAP_SYS_ADMIN, and a root that pivot_root(2)
 * can leave (not an initramfs: EINVAL).
 *
 * Returns an nsfs descriptor, which keeps it alive.
 */
int ctr_lean(bool with_proc, struct ctr_err *err);

#endif
