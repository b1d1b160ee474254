/* SPDX-License-Identifier: MIT */
#ifndef CTR_TEXT_H
#define CTR_TEXT_H

#include <stddef.h>

/* Bytes that grow at their end. All zero is an empty one; ctr_text_free leaves it so. */
struct ctr_text {
	char *data;
	size_t size;
	size_t room;
};

/* Adds bytes; -1 and errno ENOMEM when there is no memory for them. */
int ctr_text_add(struct ctr_text *text, const char *data, size_t size);
void ctr_text_free(struct ctr_text *text);

#endif
