/* SPDX-License-Identifier: MIT */
#ifndef CTR_JSON_H
#define CTR_JSON_H

#include <stddef.h>

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

#endif
