/* SPDX-License-Identifier: MIT */
#ifndef CTR_NOTIFY_H
#define CTR_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

/*
 * The supervisor's side of seccomp(2)'s user notification: a listener gives the system calls that a
 * filter hands over, and takes their answers (seccomp_unotify(2)). A call may be gone at any time,
 * with the process that made it: that is an answer here, and no failure.
 */

#define CTR_NOTIFY_ARGS 6

struct ctr_notify_call {
	uint64_t id;
	pid_t pid; /* of the thread, as the caller's pid namespace has it; 0 where it has it not */
	int number;
	uint32_t arch; /* AUDIT_ARCH_* */
	uint64_t args[CTR_NOTIFY_ARGS];
};

struct ctr_notify_answer {
	int error; /* errno, or 0 */
	int64_t value;
	bool go_on; /* the kernel runs the call, as if it had not been handed over */
};

struct ctr_notify_fd {
	int fd;
	int at; /* the number that it gets in the process, or -1 for the lowest free one */
	bool cloexec;
	bool answers; /* the call returns the number (Linux 5.14) */
};

/*
 * The next pending call. 1: ret_call holds it; 0: none is pending; -1 with ENOTCONN: nobody is left
 * whose calls could come. Never waits, as long as nobody else reads the listener.
 */
int ctr_notify_receive(int listener, struct ctr_notify_call *ret_call, struct ctr_err *err);

/* Answers a call. 1: done; 0: the call is gone. */
int ctr_notify_respond(int listener, uint64_t id, const struct ctr_notify_answer *answer,
		       struct ctr_err *err);

/* Whether the call still waits for its answer. */
bool ctr_notify_is_pending(int listener, uint64_t id);

/* Puts a descriptor of ours in the process. 1: done, ret_number is its number; 0: the call is gone. */
int ctr_notify_add_fd(int listener, uint64_t id, const struct ctr_notify_fd *what, int *ret_number,
		      struct ctr_err *err);

/*
 * Reads up to size bytes of the memory of the process that made a call; *ret_count are fewer where
 * unreadable memory follows, and EFAULT is a failure where nothing could be read. The read is of the
 * right process, or fails with ENOENT: the call is looked at again afterwards (process numbers are
 * used again). What was read may be changed in that process at any time.
 */
int ctr_notify_read(int listener, const struct ctr_notify_call *call, uint64_t address, void *data,
		    size_t size, size_t *ret_count, struct ctr_err *err);

/* Lets the kernel hand the processor from the one side to the other at once (Linux 6.6). */
void ctr_notify_set_sync(int listener);

/*
 * Compares an argument as a filter does: op is libseccomp's number (enum scmp_compare). Only the
 * masked equality has a second value.
 */
bool ctr_notify_compare(int op, uint64_t arg, uint64_t value, uint64_t value_two);

#endif
