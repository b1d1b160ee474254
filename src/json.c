/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define EXACT_MAX 9007199254740992.0 /* 2^53 */
#define DIGITS_LEAST 15 /* any decimal of so many digits survives a double */
#define DIGITS_MOST 17  /* any double survives so many digits */

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

/* The bytes of the UTF-8 sequence at the start of string, 0 where there is none (RFC 3629). */
static size_t sequence_length(const unsigned char *string, size_t size)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high, length;
	} rows[] = {
		{ 0x00, 0x7f, 0x00, 0xff, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (string[0] < rows[i].first_low || string[0] > rows[i].first_high)
			continue;
		if (rows[i].length == 1)
			return 1;
		if (size < rows[i].length || string[1] < rows[i].second_low ||
		    string[1] > rows[i].second_high)
			return 0;
		for (size_t at = 2; at < rows[i].length; at++) {
			if ((string[at] & 0xc0) != 0x80)
				return 0;
		}
		return rows[i].length;
	}
	return 0;
}

static int add_escaped(struct ctr_text *text, unsigned char byte)
{
	static const char names[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
	const char *name = byte ? strchr(names, byte) : NULL;
	char escape[8];
	int length;

	if (name)
		length = snprintf(escape, sizeof(escape), "\\%c", letters[name - names]);
	else
		length = snprintf(escape, sizeof(escape), "\\u%04x", byte);
	return ctr_text_add(text, escape, (size_t)length);
}

static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* Adds the next character, or as many plain ones as stand there; returns how many bytes. */
static ssize_t add_characters(struct ctr_text *text, const char *string, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)string;
	size_t length = 0;

	while (length < size && is_plain(bytes[length]))
		length++;
	if (length > 0)
		return ctr_text_add(text, string, length) < 0 ? -1 : (ssize_t)length;
	if (bytes[0] < 0x80) {
		if (bytes[0] == '\0')
			errno = EINVAL;
		return bytes[0] == '\0' || add_escaped(text, bytes[0]) < 0 ? -1 : 1;
	}
	length = sequence_length(bytes, size);
	if (length == 0) {
		errno = EILSEQ;
		return -1;
	}
	return ctr_text_add(text, string, length) < 0 ? -1 : (ssize_t)length;
}

int ctr_json_add_string(struct ctr_text *text, const char *string, size_t size)
{
	if (ctr_text_add(text, "\"", 1) < 0)
		return -1;
	while (size > 0) {
		ssize_t added = add_characters(text, string, size);

		if (added < 0)
			return -1;
		string += added;
		size -= (size_t)added;
	}
	return ctr_text_add(text, "\"", 1);
}

int ctr_json_add_number(struct ctr_text *text, double number)
{
	char digits[40];
	int length, precision = DIGITS_LEAST;

	if (number == floor(number) && fabs(number) <= EXACT_MAX) {
		length = snprintf(digits, sizeof(digits), "%" PRId64, (int64_t)number);
		return ctr_text_add(text, digits, (size_t)length);
	}
	do {
		length = snprintf(digits, sizeof(digits), "%.*g", precision, number);
	} while (strtod(digits, NULL) != number && precision++ < DIGITS_MOST);
	return ctr_text_add(text, digits, (size_t)length);
}
