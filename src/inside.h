/* SPDX-License-Identifier: MIT */
#ifndef CTR_INSIDE_H
#define CTR_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct sock_filter;

/* Who a copy of the caller becomes, exactly; and it can gain nothing (PR_SET_NO_NEW_PRIVS). */
struct ctr_inside_user {
	uid_t uid;
	gid_t gid;
	bool sets_groups;
	const gid_t *groups;
	size_t group_count;
	uint64_t bounding; /* what stays of it */
	uint64_t caps;     /* effective and permitted */
	uint64_t ambient;
};

struct ctr_inside {
	int channel;       /* a stream socket: frames of wire.h, then whatever the copy says */
	const int *keep;   /* what else of the caller's stays open */
	size_t keep_count;
	const int *open; /* the numbers of all that is open, ascending; what is not kept leads to null */
	size_t open_count;
	int null;            /* a descriptor that leads nowhere */
	const int *cgroups;  /* open cgroup.procs and tasks, which get "0"; closed then */
	size_t cgroup_count;
	int target;          /* a pidfd of a process in the namespaces, or -1 */
	uint64_t namespaces; /* CLONE_NEW* of those to enter */
	bool is_mapped;      /* a user namespace is among them, whose root it becomes first */
	bool sets_groups;    /* that namespace allows setgroups(2) */
	int root;            /* O_PATH: what is its root then, or -1 */
	const struct ctr_inside_user *user; /* or NULL: as the caller */
	const struct sock_filter *filter;   /* or NULL: no filter */
	size_t filter_count;
	unsigned filter_flags;
	bool follows; /* it is killed when the caller ends */
	bool is_orphan; /* it is no child of the caller's, who waits for what is between them */
};

/*
 * Forks the caller, whose copy goes on where this returns: 0 in the copy, 1 in the caller.
 *
 * The copy waits for a byte on the channel, so that the caller can put it where it belongs. It is
 * never dumpable: its memory is the caller's, which nobody in a container may read. It has no
 * descriptor of the caller's but what is kept; the numbers of the others lead to null, so that
 * objects which own them close nothing else. It joins the cgroups, then the namespaces; into a pid
 * namespace it forks once more, and tells the pidfd of that child of the caller's by a PID frame.
 * It ends in READY, or in FAIL and exit. A process of more threads than one has but the calling
 * thread in the copy.
 *
 * The caller gets a pidfd.
 */
int ctr_inside_fork(const struct ctr_inside *inside, pid_t *ret_pid, int *ret_pidfd,
		    struct ctr_err *err);

#endif
