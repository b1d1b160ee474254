/* SPDX-License-Identifier: MIT */
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_NS 50000000L /* 20 times in a second */
#define UNANSWERED_MAX 3

/* What the timer sends: with SIGINT itself a key that is pressed just then would be lost. */
#define AGAIN SIGVTALRM

static struct sigaction before, before_again;
static timer_t timer;
static void (*handler)(void);
static volatile sig_atomic_t is_due; /* a wait is to fail */
static volatile sig_atomic_t unanswered;

static void set_timer(long interval)
{
	struct itimerspec time = {
		.it_value = { .tv_nsec = interval },
		.it_interval = { .tv_nsec = interval },
	};

	timer_settime(timer, 0, &time, NULL);
}

/* Ends as a program does that never heard of SIGINT: its caller sees that. */
static void give_up(void)
{
	static const char text[] = "\nlctr: ended, for what runs could not be stopped\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	signal(SIGINT, SIG_DFL);
	raise(SIGINT);
}

static void catch_signal(int signo)
{
	int saved = errno;

	if (signo == SIGINT) {
		is_due = 1;
		if (++unanswered >= UNANSWERED_MAX)
			give_up();
		set_timer(AGAIN_NS);
	}
	handler();
	errno = saved;
}

int ctr_interrupt_open(void (*on_signal)(void), struct ctr_err *err)
{
	/* No SA_RESTART: system calls are to return. */
	struct sigaction action = { .sa_handler = catch_signal };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = AGAIN };

	if (handler)
		return ctr_fail(err, EBUSY, "sigaction", "%s", "SIGINT");
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
		return ctr_fail(err, errno, "timer_create", "%s", "");
	is_due = 0;
	unanswered = 0;
	handler = on_signal;
	sigemptyset(&action.sa_mask);
	sigaction(AGAIN, &action, &before_again);
	sigaction(SIGINT, &action, &before);
	return 0;
}

void ctr_interrupt_close(void)
{
	if (!handler)
		return;
	timer_delete(timer); /* what it has sent has come when this returns */
	sigaction(AGAIN, &before_again, NULL);
	sigaction(SIGINT, &before, NULL);
	handler = NULL;
}

bool ctr_interrupt_take(void)
{
	if (!is_due)
		return false;
	is_due = 0;
	return true;
}

void ctr_interrupt_answer(void)
{
	is_due = 0;
	unanswered = 0;
	set_timer(0);
}
