/* SPDX-License-Identifier: MIT */
#ifndef CTR_EVENT_H
#define CTR_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "err.h"

/*
 * What an event loop is made of: a set of descriptors that is a descriptor itself (epoll(7)), a
 * clock's (timerfd_create(2)) and a signal's (signalfd(2)). Events are those of poll(2), whose
 * numbers epoll shares.
 */

/* The most events that one call collects. */
#define CTR_EVENT_MAX 64

int ctr_event_set(struct ctr_err *err);
/* op: EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL; id comes back with the events. */
int ctr_event_control(int set, int op, int fd, short events, uint64_t id, struct ctr_err *err);
/* The number of events; 0 when the deadline (ctr_poll_clock; below 0 there is none) has passed. */
int ctr_event_collect(int set, struct epoll_event ret_events[CTR_EVENT_MAX], double deadline,
		      struct ctr_err *err);

/* A descriptor that is readable from the time on that it is set to. */
int ctr_event_timer(struct ctr_err *err);
/* When: on ctr_poll_clock; below 0: never. What was there to be read is gone. */
int ctr_event_set_timer(int timer, double when, struct ctr_err *err);

/*
 * A descriptor that a signal can be read from. The signal is blocked in the calling thread;
 * ret_blocked tells whether that is new, so that ctr_event_unblock is to undo it.
 */
int ctr_event_signal(int signo, bool *ret_blocked, struct ctr_err *err);
/* 1: ret_info holds a signal that had arrived; 0: none had. */
int ctr_event_read_signal(int fd, struct signalfd_siginfo *ret_info, struct ctr_err *err);
void ctr_event_unblock(int signo);

#endif
