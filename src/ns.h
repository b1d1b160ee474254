/* SPDX-License-Identifier: MIT */
#ifndef CTR_NS_H
#define CTR_NS_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* One kind of namespace. */
struct ctr_ns_kind {
	const char *name; /* "NEWNET"; NULL in the row behind the last */
	const char *file; /* "net", below /proc/<pid>/ns */
	uint64_t flag;    /* CLONE_NEWNET */
};

extern const struct ctr_ns_kind ctr_ns_kinds[];

/* Opens a namespace by a path of the host; EINVAL for anything else (ioctl_ns(2)). */
int ctr_ns_open(const char *path, const struct ctr_ns_kind **ret_kind, struct ctr_err *err);
/* The calling thread enters a namespace that is open (setns(2)). */
int ctr_ns_enter(int fd, struct ctr_err *err);
/* Whether the kernel has this kind. */
bool ctr_ns_supported(const struct ctr_ns_kind *kind);

#endif
