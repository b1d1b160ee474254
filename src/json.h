/* SPDX-License-Identifier: MIT */
#ifndef CTR_JSON_H
#define CTR_JSON_H

#include <stddef.h>

#include "text.h"

/*
 * JSON's integers have no bound, jansson's end at 2^63-1; the OCI documents
 * have unsigned ones up to 2^64-1 ("hard": 18446744073709551615). These are
 * put in quotes before jansson sees them: they are decimal strings on the Lua
 * side anyway. A wrong document stays wrong, and where it is.
 */

/* How many bytes ctr_json_quote needs at most. */
size_t ctr_json_quote_room(size_t size);
/* Copies a document, with such integers in quotes; returns the bytes written. */
size_t ctr_json_quote(const char *text, size_t size, char *ret_text);

/* Adds a string as JSON has it, quotes included. -1: EILSEQ for what is not UTF-8, EINVAL for one
 * that holds a NUL, ENOMEM. */
int ctr_json_add_string(struct ctr_text *text, const char *string, size_t size);
/* Adds a number, as short as it can be and still be read back; it must be finite. -1: ENOMEM. */
int ctr_json_add_number(struct ctr_text *text, double number);

#endif
