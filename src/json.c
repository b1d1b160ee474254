/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <stdbool.h>
#include <string.h>

#define INT64_DIGITS 19
#define INT64_LARGEST "9223372036854775807"
#define UINT64_LARGEST "18446744073709551615"

size_t ctr_json_quote_room(size_t size)
{
	return size + 2 * (size / INT64_DIGITS + 1);
}

/* The end of the string that begins at `at`, behind its quote. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++) {
		if (*at == '\\' && at + 1 < end)
			at++;
	}
	return at < end ? at + 1 : end;
}

static const char *skip_number(const char *at, const char *end)
{
	while (at < end && memchr("0123456789+-.eE", *at, 15))
		at++;
	return at;
}

static bool is_digits(const char *at, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
	}
	return true;
}

/* Whether a number is an integer from 2^63 to 2^64-1, written as JSON wants it. */
static bool is_large(const char *at, size_t length)
{
	if (!is_digits(at, length) || at[0] == '0')
		return false;
	if (length == INT64_DIGITS)
		return memcmp(at, INT64_LARGEST, length) > 0;
	return length == INT64_DIGITS + 1 && memcmp(at, UINT64_LARGEST, length) <= 0;
}

/* In the place of a key a number is wrong, and a string would not be. */
static bool is_key(const char *at, const char *end)
{
	while (at < end && memchr(" \t\r\n", *at, 4))
		at++;
	return at < end && *at == ':';
}

static char *copy(char *to, const char *from, const char *end)
{
	size_t length = (size_t)(end - from);

	memcpy(to, from, length);
	return to + length;
}

size_t ctr_json_quote(const char *text, size_t size, char *ret_text)
{
	const char *at = text, *end = text + size;
	char *to = ret_text;

	while (at < end) {
		const char *next = at + 1;
		bool quoted = false;

		if (*at == '"') {
			next = skip_string(at, end);
		} else if (*at == '-' || is_digits(at, 1)) {
			next = skip_number(at, end);
			quoted = is_large(at, (size_t)(next - at)) && !is_key(next, end);
		}
		if (quoted)
			*to++ = '"';
		to = copy(to, at, next);
		if (quoted)
			*to++ = '"';
		at = next;
	}
	return (size_t)(to - ret_text);
}
