/* SPDX-License-Identifier: MIT */
#ifndef CTR_TTY_H
#define CTR_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "err.h"

bool ctr_tty_check(int fd);
int ctr_tty_size(int fd, int *ret_columns, int *ret_rows, struct ctr_err *err);
int ctr_tty_set_size(int fd, int columns, int rows, struct ctr_err *err);
int ctr_tty_save(int fd, struct termios *ret_saved, struct ctr_err *err);
/*
 * Passes every byte as it is (cfmakeraw(3)); with translates, what is written still as the terminal
 * had it. *ret_saved is what to go back to.
 */
int ctr_tty_set_raw(int fd, bool translates, struct termios *ret_saved, struct ctr_err *err);
int ctr_tty_restore(int fd, const struct termios *saved, struct ctr_err *err);
/* Opens the master of a new pseudo-terminal and writes the path of the other end. */
int ctr_tty_open_pty(char *ret_path, size_t size, struct ctr_err *err);

#endif
