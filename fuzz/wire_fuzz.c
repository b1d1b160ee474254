/* SPDX-License-Identifier: MIT */
/*
 * Feeds ctr_wire_parse with any bytes, and walks through what it accepts: all
 * that a handler reads must be inside the message. With libFuzzer:
 *
 *   clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -iquote src \
 *       fuzz/wire_fuzz.c src/wire.c src/err.c -o wire_fuzz
 *   ./wire_fuzz fuzz/corpus/wire
 *
 * Without it: with replay.c.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "wire_fuzz: %s\n", what);
	abort();
}

static int inside(const void *at, size_t length, const void *message, size_t size)
{
	const char *start = message, *from = at;

	return from >= start && from + length <= start + size;
}

static void walk_step(const struct ctr_step *step, const void *message, size_t size)
{
	require(ctr_wire_name(step->kind) != NULL, "a kind without a name");
	require(ctr_wire_kind(ctr_wire_name(step->kind)) == (int)step->kind, "another kind");
	require(inside(step->nums, step->num_count * sizeof(*step->nums), message, size),
	        "numbers outside the message");
	for (uint32_t i = 0; i < step->str_count; i++)
		require(inside(step->strs[i], strlen(step->strs[i]) + 1, message, size),
		        "a string outside the message");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *message = malloc(size ? size : 1); /* aligned, and its end is watched */
	struct ctr_plan plan;
	struct ctr_err err;

	require(message != NULL, "no memory");
	if (size > 0)
		memcpy(message, data, size);
	if (ctr_wire_parse(message, size, &plan, &err) == 0) {
		for (uint32_t i = 0; i < plan.count; i++)
			walk_step(&plan.steps[i], message, size);
		ctr_plan_free(&plan);
	} else {
		require(err.num != 0 && err.op[0] != '\0', "a failure that says nothing");
	}
	free(message);
	return 0;
}
