// SPDX-License-Identifier: MIT
/*
 * malloc for a process that lives for a millisecond. libc's maps and unmaps a page for nearly each
 * block of a start, and a page fault is the dearest thing that the bootstrap does of its own. Here
 * blocks lie one behind the other in memory that is there; what does not fit is mapped.
 *
 * Given back is the last block only, and what was mapped: the bootstrap frees in the reverse order
 * or not at all. One thread calls this: the bootstrap makes no other.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ROOM (64U * 1024U)

/* Before each block; as long as the strictest alignment. */
struct block {
	_Alignas(max_align_t) size_t size; /* with this header */
};

static _Alignas(max_align_t) char room[ROOM];
static size_t used;

static int is_mapped(const struct block *block)
{
	return (uintptr_t)block < (uintptr_t)room || (uintptr_t)block >= (uintptr_t)room + ROOM;
}

static struct block *take(size_t size)
{
	struct block *block;

	if (size <= ROOM - used) {
		block = (struct block *)(room + used);
		used += size;
		return block;
	}
	block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return block == MAP_FAILED ? NULL : block;
}

void *malloc(size_t size)
{
	const size_t rest = sizeof(struct block) - 1;
	struct block *block;

	if (size > PTRDIFF_MAX - sizeof(*block) - rest) {
		errno = ENOMEM;
		return NULL;
	}
	size = (size + sizeof(*block) + rest) & ~rest;
	block = take(size);
	if (!block)
		return NULL;
	block->size = size;
	return block + 1;
}

void free(void *ptr)
{
	struct block *block = (struct block *)ptr - 1;
	int saved = errno;

	if (!ptr)
		return;
	if (is_mapped(block))
		munmap(block, block->size);
	else if ((char *)block + block->size == room + used)
		used -= block->size;
	errno = saved;
}

void *calloc(size_t count, size_t size)
{
	void *ptr;

	if (size && count > PTRDIFF_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	ptr = malloc(count * size);
	if (ptr) /* the room is used again */
		memset(ptr, 0, count * size);
	return ptr;
}
