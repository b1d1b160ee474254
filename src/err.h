/* SPDX-License-Identifier: MIT */
#ifndef CTR_ERR_H
#define CTR_ERR_H

/*
 * A failure is plain data, owned by the caller.
 *
 * Fixed size and free of pointers: there is nothing to release, and a child
 * can write(2) it whole to its parent.
 */
struct ctr_err {
	int num;          /* errno value, 0 when no system call failed */
	char op[24];      /* what was tried: "mount_setattr" */
	char target[232]; /* on what: a path, a capability, a key */
};

/* Fills err and returns -1, so that a failure is one statement. */
int ctr_fail(struct ctr_err *err, int num, const char *op, const char *target, ...)
	__attribute__((format(printf, 4, 5)));

#endif
