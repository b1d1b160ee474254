/* SPDX-License-Identifier: MIT */
#ifndef CTR_POLLING_H
#define CTR_POLLING_H

#include <poll.h>
#include <stddef.h>

#include "err.h"

/* Seconds on the clock that deadlines are told on (CLOCK_MONOTONIC). */
double ctr_poll_clock(void);

/*
 * poll(2) until the deadline, or for ever when it is negative. Returns how many
 * are ready, 0 when time ran out. A signal does not end it.
 */
int ctr_poll_wait(struct pollfd *fds, size_t count, double deadline, struct ctr_err *err);

#endif
