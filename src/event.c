/* SPDX-License-Identifier: MIT */
#include "event.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"
#include "interrupt.h"
#include "polling.h"

#define MILLISECONDS_MAX 1000000000.0 /* eleven days: who waits longer asks again */

int ctr_event_set(struct ctr_err *err)
{
	int set = epoll_create1(EPOLL_CLOEXEC);

	if (set < 0)
		return ctr_fail(err, errno, "epoll_create", "%s", "");
	return set;
}

int ctr_event_control(int set, int op, int fd, short events, uint64_t id, struct ctr_err *err)
{
	struct epoll_event event = { .events = (uint32_t)(uint16_t)events, .data = { .u64 = id } };

	if (epoll_ctl(set, op, fd, &event) < 0)
		return ctr_fail(err, errno, "epoll_ctl", "%d", fd);
	return 0;
}

/* Rounded up: a wait does not end before its time. */
static int time_left(double deadline)
{
	double left = ceil((deadline - ctr_poll_clock()) * 1000.0);

	if (left < 0)
		return 0;
	return left > MILLISECONDS_MAX ? (int)MILLISECONDS_MAX : (int)left;
}

int ctr_event_collect(int set, struct epoll_event ret_events[CTR_EVENT_MAX], double deadline,
		      struct ctr_err *err)
{
	int count;

	do {
		count = epoll_wait(set, ret_events, CTR_EVENT_MAX,
				   deadline < 0 ? -1 : time_left(deadline));
	} while (count < 0 && errno == EINTR && !ctr_interrupt_take());
	if (count < 0)
		return ctr_fail(err, errno, "epoll_wait", "%d", set);
	return count;
}

int ctr_event_timer(struct ctr_err *err)
{
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (timer < 0)
		return ctr_fail(err, errno, "timerfd_create", "%s", "");
	return timer;
}

int ctr_event_set_timer(int timer, double when, struct ctr_err *err)
{
	struct itimerspec spec = { 0 };

	if (when >= 0) {
		spec.it_value.tv_sec = (time_t)when;
		spec.it_value.tv_nsec = (long)((when - floor(when)) * 1e9);
		if (spec.it_value.tv_sec == 0 && spec.it_value.tv_nsec == 0)
			spec.it_value.tv_nsec = 1; /* zero would stand for never */
	}
	if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL) < 0)
		return ctr_fail(err, errno, "timerfd_settime", "%d", timer);
	return 0;
}

int ctr_event_signal(int signo, bool *ret_blocked, struct ctr_err *err)
{
	ctr_auto_fd int fd = -1;
	sigset_t set, before;
	int num;

	sigemptyset(&set);
	if (sigaddset(&set, signo) < 0)
		return ctr_fail(err, errno, "sigaddset", "%d", signo);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return ctr_fail(err, errno, "signalfd", "%d", signo);
	num = pthread_sigmask(SIG_BLOCK, &set, &before);
	if (num != 0)
		return ctr_fail(err, num, "sigmask", "%d", signo);
	*ret_blocked = sigismember(&before, signo) == 0;
	return ctr_take_fd(&fd);
}

int ctr_event_read_signal(int fd, struct signalfd_siginfo *ret_info, struct ctr_err *err)
{
	ssize_t got;

	do {
		got = read(fd, ret_info, sizeof(*ret_info));
	} while (got < 0 && errno == EINTR);
	if (got == (ssize_t)sizeof(*ret_info))
		return 1;
	if (got < 0 && errno != EAGAIN)
		return ctr_fail(err, errno, "read", "signalfd %d", fd);
	return 0;
}

void ctr_event_unblock(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
