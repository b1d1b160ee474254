/* SPDX-License-Identifier: MIT */
#ifndef CTR_BPF_H
#define CTR_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * Device rules of cgroup v2: a BPF program of type BPF_PROG_TYPE_CGROUP_DEVICE
 * that is attached to the cgroup's directory (bpf(2), Linux 4.15).
 */

#define CTR_BPF_ANY (-1) /* every major or minor number */
#define CTR_BPF_RULES_MAX 4096

/* A rule: of two that match, the later one counts, for each access by itself. */
struct ctr_bpf_rule {
	bool allow;
	uint32_t types;  /* CTR_BPF_BLOCK | CTR_BPF_CHAR */
	int64_t major;   /* or CTR_BPF_ANY */
	int64_t minor;   /* or CTR_BPF_ANY */
	uint32_t access; /* CTR_BPF_MKNOD | CTR_BPF_READ | CTR_BPF_WRITE */
};

/* The kernel's own numbers: BPF_DEVCG_DEV_* and BPF_DEVCG_ACC_*. */
enum { CTR_BPF_BLOCK = 1, CTR_BPF_CHAR = 2 };
enum { CTR_BPF_MKNOD = 1, CTR_BPF_READ = 2, CTR_BPF_WRITE = 4 };

/*
 * Attaches a program that decides by the rules, and by allow where none
 * matches, to the cgroup whose directory cgroup_fd is. One that this function
 * attached before is replaced in one step (BPF_F_REPLACE, Linux 5.6): there is
 * no moment without rules. Programs of others stay, and all have to agree. What
 * is attached is looked up again. Fails with E2BIG beyond CTR_BPF_RULES_MAX.
 */
int ctr_bpf_set_devices(int cgroup_fd, const struct ctr_bpf_rule *rules, size_t count, bool allow,
                        struct ctr_err *err);

/* Counts the device programs on the cgroup. */
int ctr_bpf_count_devices(int cgroup_fd, uint32_t *ret_count, struct ctr_err *err);

#endif
