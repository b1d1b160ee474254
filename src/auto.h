/* SPDX-License-Identifier: MIT */
#ifndef CTR_AUTO_H
#define CTR_AUTO_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Ownership ends with the scope. */
#define ctr_auto_fd __attribute__((cleanup(ctr_close_fd)))
#define ctr_auto_free __attribute__((cleanup(ctr_free_ptr)))

/* Closes and disarms; keeps errno, for it runs on the way out of a failure. */
static inline void ctr_close_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline void ctr_free_ptr(void *slot)
{
	void **ptr = slot;

	free(*ptr);
	*ptr = NULL;
}

/* Hands ownership to the caller; the scope no longer closes it. */
static inline int ctr_take_fd(int *fd)
{
	int owned = *fd;

	*fd = -1;
	return owned;
}

#endif
