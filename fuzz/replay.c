/* SPDX-License-Identifier: MIT */
/*
 * In the place of libFuzzer: feeds a target with the files that it is given,
 * each of them also cut short at every length and with every byte changed.
 *
 *   cc -g -fsanitize=address,undefined -D_GNU_SOURCE -iquote src \
 *       fuzz/wire_fuzz.c fuzz/replay.c src/wire.c src/err.c -o wire_replay
 *   ./wire_replay fuzz/corpus/wire/FILE ...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t read_file(const char *path, uint8_t *buffer)
{
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		exit(1);
	}
	size = fread(buffer, 1, FILE_MAX, file);
	fclose(file);
	return size;
}

static void change_each_byte(uint8_t *data, size_t size)
{
	static const uint8_t values[] = { 0x01, 0x80, 0xff };

	for (size_t i = 0; i < size; i++) {
		for (size_t j = 0; j < sizeof(values); j++) {
			data[i] ^= values[j];
			LLVMFuzzerTestOneInput(data, size);
			data[i] ^= values[j];
		}
	}
}

int main(int argc, char **argv)
{
	static uint8_t data[FILE_MAX];

	for (int i = 1; i < argc; i++) {
		size_t size = read_file(argv[i], data);

		for (size_t length = 0; length <= size; length++)
			LLVMFuzzerTestOneInput(data, length);
		change_each_byte(data, size);
	}
	return 0;
}
