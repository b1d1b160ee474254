/* SPDX-License-Identifier: MIT */
#ifndef CTR_INTERRUPT_H
#define CTR_INTERRUPT_H

#include <stdbool.h>

#include "err.h"

/*
 * SIGINT for a program that runs what a person types: it ends what runs, not the program. All of it
 * is about the one thread that opened it.
 */

/*
 * Has SIGINT call on_signal, which has to be safe in a handler (signal-safety(7)). Until it is
 * answered the signal comes again and again, so that no system call that began just then waits for
 * ever. The third one in a row that nobody answers ends the program, as it does by default.
 */
int ctr_interrupt_open(void (*on_signal)(void), struct ctr_err *err);
/* SIGINT does again what it did before. */
void ctr_interrupt_close(void);

/*
 * Whether a wait that got EINTR is to fail: once for each SIGINT, and never where none is caught.
 * Leaves errno alone.
 */
bool ctr_interrupt_take(void);
/* What was interrupted has ended. */
void ctr_interrupt_answer(void);

#endif
