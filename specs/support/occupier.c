/* Loaded before a program, it takes the place of lctr's prepared heap (src/lctr_heap.c). */
#define _GNU_SOURCE
#include <sys/mman.h>

#define HEAP_ADDRESS ((void *)0x1000000000UL)

__attribute__((constructor)) static void occupy(void)
{
	mmap(HEAP_ADDRESS, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
	     0);
}
