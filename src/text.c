/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_LEAST 4096

int ctr_text_add(struct ctr_text *text, const char *data, size_t size)
{
	if (text->room - text->size < size) {
		size_t room = text->room ? text->room : ROOM_LEAST;
		char *grown;

		while (room - text->size < size)
			room *= 2;
		grown = realloc(text->data, room);
		if (!grown)
			return -1;
		text->data = grown;
		text->room = room;
	}
	memcpy(text->data + text->size, data, size);
	text->size += size;
	return 0;
}

void ctr_text_free(struct ctr_text *text)
{
	free(text->data);
	*text = (struct ctr_text){ 0 };
}
