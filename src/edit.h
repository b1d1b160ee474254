/* SPDX-License-Identifier: MIT */
#ifndef CTR_EDIT_H
#define CTR_EDIT_H

#include <stddef.h>

#include "err.h"

/*
 * Lines that a person edits, with libedit (editline(3)): Emacs' or vi's keys, as ~/.editrc has it.
 * One editor at a time, for signals are the process'.
 */

struct ctr_edit;

/* What happens while a line is edited; signals come through meanwhile. */
struct ctr_edit_events {
	void *data;
	int fd;                       /* when it is readable, ready is called; -1 for none */
	void (*ready)(void *data);
	void (*complete)(void *data); /* the tab key */
};

/* How reading a line ended. */
enum ctr_edit_end {
	CTR_EDIT_LINE,
	CTR_EDIT_END,        /* Ctrl-D in an empty line, or the terminal is gone */
	CTR_EDIT_INTERRUPTED /* Ctrl-C */
};

/*
 * An editor at a terminal, with history_max lines of history. ENOTTY for a terminal whose cursor
 * cannot be moved. The locale's LC_CTYPE becomes the environment's, or C.UTF-8 where that has none.
 */
int ctr_edit_open(const char *name, int input, int output, int history_max,
		  struct ctr_edit **ret_edit, struct ctr_err *err);
void ctr_edit_close(struct ctr_edit *edit);

/*
 * Reads a line. A \1 stands in the prompt before and behind what takes no room. The line is the
 * editor's until the next one, its newline is taken away.
 */
enum ctr_edit_end ctr_edit_read(struct ctr_edit *edit, const char *prompt,
				const struct ctr_edit_events *events, const char **ret_line,
				size_t *ret_length);
/* Adds to what the arrow keys and Ctrl-R find. */
void ctr_edit_remember(struct ctr_edit *edit, const char *line);

/* While a line is edited: the line, and how many of its bytes stand before the cursor. */
const char *ctr_edit_line(struct ctr_edit *edit, size_t *ret_length, size_t *ret_cursor);
/* While a line is edited: puts a text at the cursor. */
void ctr_edit_insert(struct ctr_edit *edit, const char *text);
/* While a line is edited: writes whole lines above it. */
void ctr_edit_print(struct ctr_edit *edit, const char *text);

#endif
