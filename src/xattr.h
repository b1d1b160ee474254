/* SPDX-License-Identifier: MIT */
#ifndef CTR_XATTR_H
#define CTR_XATTR_H

#include <stddef.h>

#include "err.h"

/*
 * Extended attributes of what a path below a directory's descriptor leads to,
 * of any type: it is never opened but by O_PATH. A link at the end is not
 * followed: it has the attribute itself. path "" is what dir refers to, a
 * directory or not. Needs /proc.
 */

/* Sets an attribute to a string, with its NUL, as security modules want it. */
int ctr_xattr_set(int dir, const char *path, const char *name, const char *value,
		  struct ctr_err *err);

/* Reads at most size bytes of an attribute. */
int ctr_xattr_get(int dir, const char *path, const char *name, char *data, size_t size,
		  size_t *ret_length, struct ctr_err *err);

#endif
