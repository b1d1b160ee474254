/* SPDX-License-Identifier: MIT */
#ifndef CTR_WATCH_H
#define CTR_WATCH_H

#include "err.h"

/*
 * Descriptors by which the kernel tells of changes: of files (inotify(7)), and
 * of what is counted for us (eventfd(2)). Both never block.
 */

int ctr_watch_files(struct ctr_err *err);
/* Adds the file that file_fd refers to, O_PATH or not: tells when it is changed or goes away. */
int ctr_watch_add(int watch, int file_fd, struct ctr_err *err);
int ctr_watch_counter(struct ctr_err *err);
/* Takes what is there to be read: 1, or 0 where there is nothing. */
int ctr_watch_take(int fd, struct ctr_err *err);

#endif
