/* SPDX-License-Identifier: MIT */
#include "lctr_heap.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <lauxlib.h>

#include "auto.h"

/*
 * Where it lies: 64 GiB, far below what the kernel gives out by itself, and within the smallest
 * address space of a 64-bit kernel. HEAP_ALIGNMENT is the largest page size of all.
 */
#define HEAP_ADDRESS ((char *)0x1000000000UL)
#define HEAP_ALIGNMENT 65536
#define SECTION_SIZE (3UL << 20)
#define NOTES_SIZE (4UL << 10)
#define HEAP_SIZE (SECTION_SIZE - NOTES_SIZE)

#define HUGE_PAGE (2UL << 20)
#define HUGE_PAGES "/sys/kernel/mm/transparent_hugepage/enabled"

/* LuaJIT takes memory by pieces of this size. */
#define PIECE (128UL * 1024)

struct notes {
	lua_State *state;
	uint64_t size;  /* of the heap that follows, in bytes */
	uint64_t count; /* of the words that point into the program, by their numbers */
	uint32_t words[(NOTES_SIZE - 24) / 4];
};

struct section {
	char heap[HEAP_SIZE];
	struct notes notes;
};

/* Filled by objcopy(1). volatile: the compiler sees zeros. */
static volatile struct section section
	__attribute__((section(".lctr_heap"), aligned(HEAP_ALIGNMENT))) = { .notes = { 0 } };

/* Where the program begins and ends, by the linker. */
extern const char __executable_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

static struct notes notes;   /* of this program's heap */
static int program = -1;     /* its file; -1 where that cannot be read */
static off_t section_offset; /* in there */
static char *spare;          /* what is left of the heap's huge page */
static char *spare_end;

static bool is_preparing;
static size_t limit = HEAP_SIZE; /* of the heap, while it is prepared */
static size_t used;

void *__real_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__real_mremap(void *old, size_t old_size, size_t size, int flags);
void *__wrap_mremap(void *old, size_t old_size, size_t size, int flags);
int __real_munmap(void *address, size_t size);
int __wrap_munmap(void *address, size_t size);

/* LuaJIT asks for whole pages. */
static void *grow(size_t size)
{
	void *place = HEAP_ADDRESS + used;

	if (size > limit - used) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	place = __real_mmap64(place, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (place != MAP_FAILED)
		used += size;
	return place;
}

/*
 * Every mmap(2), mremap(2) and munmap(2) of what is linked into lctr (-Wl,--wrap). A page that is
 * there when it is written to first costs a fifth of one that has to be faulted in, and most
 * commands write to a hundred of them.
 */
void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (is_preparing && (flags & MAP_ANONYMOUS))
		return grow(size);
	if (size == PIECE && (flags & MAP_ANONYMOUS)) {
		if (spare_end - spare >= (ptrdiff_t)PIECE) {
			spare += PIECE;
			return spare - PIECE;
		}
		flags |= MAP_POPULATE;
	}
	return __real_mmap64(address, size, protection, flags, fd, offset);
}

/* LuaJIT then takes new memory and copies. */
void *__wrap_mremap(void *old, size_t old_size, size_t size, int flags)
{
	if (is_preparing) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mremap(old, old_size, size, flags);
}

/* What is given back stays, as zeros. */
int __wrap_munmap(void *address, size_t size)
{
	if (is_preparing) {
		memset(address, 0, size);
		return 0;
	}
	return __real_munmap(address, size);
}

/* A part of the program's file, whole. */
static bool read_program(void *data, size_t size, off_t offset)
{
	return program >= 0 && pread(program, data, size, offset) == (ssize_t)size;
}

/* Where the section lies in the program's file, by the first of what is loaded: the program. */
static int find_section(struct dl_phdr_info *loaded, size_t size, void *data)
{
	uintptr_t place = (uintptr_t)&section - loaded->dlpi_addr;

	(void)size;
	for (int i = 0; i < loaded->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &loaded->dlpi_phdr[i];

		if (part->p_type == PT_LOAD && place - part->p_vaddr < part->p_filesz)
			*(off_t *)data = (off_t)(part->p_offset + (place - part->p_vaddr));
	}
	return 1;
}

bool lctr_heap_is_there(void)
{
	program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	dl_iterate_phdr(find_section, &section_offset);
	if (!read_program(&notes, sizeof(notes), section_offset + (off_t)HEAP_SIZE))
		memcpy(&notes, (const void *)&section.notes, sizeof(notes));
	return notes.state != NULL;
}

lua_State *lctr_heap_prepare(void)
{
	is_preparing = true;
	return luaL_newstate();
}

static const char *const streams[] = { "stdin", "stdout", "stderr" };

/* LuaJIT's files are a FILE * and their kind; those of the standard streams are libc's. */
static void set_streams(lua_State *L, FILE *const files[3])
{
	lua_getglobal(L, "io");
	for (int i = 0; i < 3; i++) {
		lua_getfield(L, -1, streams[i]);
		*(FILE **)lua_touserdata(L, -1) = files[i];
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

/*
 * Takes all that is free in the heap, for good: what a command needs then comes from new pages, which
 * are cheaper than copies of the program's, and lies together.
 */
static void fill_up(lua_State *L)
{
	void *data;
	lua_Alloc allocate = lua_getallocf(L, &data);

	limit = used;
	for (size_t size = PIECE; size >= sizeof(void *); size /= 2) {
		while (allocate(data, NULL, 0, size))
			continue;
	}
}

static bool points_into_program(uintptr_t word)
{
	return word >= (uintptr_t)__executable_start && word < (uintptr_t)_end;
}

/* Counts the words of the heap that point into a library, whose place is another next time. */
static int count_foreign(struct dl_phdr_info *library, size_t size, void *data)
{
	const uintptr_t *words = (const uintptr_t *)HEAP_ADDRESS;
	size_t *count = data;

	(void)size;
	for (int i = 0; i < library->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &library->dlpi_phdr[i];
		uintptr_t from = library->dlpi_addr + part->p_vaddr;

		if (part->p_type != PT_LOAD || points_into_program(from))
			continue;
		for (size_t n = 0; n < used / sizeof(*words); n++)
			*count += words[n] - from < part->p_memsz;
	}
	return 0;
}

/* Makes words that point into the program what they are from its beginning. */
static const char *note_pointers(void)
{
	uintptr_t *words = (uintptr_t *)HEAP_ADDRESS;
	size_t foreign = 0;

	dl_iterate_phdr(count_foreign, &foreign);
	if (foreign > 0)
		return "it points into a library";
	for (size_t i = 0; i < used / sizeof(*words); i++) {
		if (!points_into_program(words[i]))
			continue;
		if (notes.count == sizeof(notes.words) / sizeof(notes.words[0]))
			return "too many pointers: NOTES_SIZE is too small";
		words[i] -= (uintptr_t)__executable_start;
		notes.words[notes.count++] = (uint32_t)i;
	}
	return NULL;
}

static bool write_all(int fd, const void *data, size_t size)
{
	for (const char *next = data; size > 0;) {
		ssize_t written = write(fd, next, size);

		if (written <= 0)
			return false;
		next += written;
		size -= (size_t)written;
	}
	return true;
}

const char *lctr_heap_write(lua_State *L, int fd)
{
	static FILE *const none[3];
	const char *problem;

	set_streams(L, none);
	fill_up(L);
	is_preparing = false;
	if ((char *)L < HEAP_ADDRESS || (char *)L >= HEAP_ADDRESS + used)
		return "LuaJIT did not take its memory from here";
	notes.state = L;
	notes.size = used;
	problem = note_pointers();
	if (problem)
		return problem;
	if (!write_all(fd, HEAP_ADDRESS, used) || lseek(fd, HEAP_SIZE, SEEK_SET) < 0 ||
	    !write_all(fd, &notes, sizeof(notes)))
		return strerror(errno);
	return NULL;
}

static bool take_place(size_t size, int protection)
{
	return __real_mmap64(HEAP_ADDRESS, size, protection,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
			     0) == (void *)HEAP_ADDRESS;
}

/*
 * Has what is taken there be a huge page, if one is to be had; false where there are none. Where all
 * may have them it is not asked for: who asks, waits until the kernel has made room.
 */
static bool want_huge_page(size_t size)
{
	ctr_auto_fd int fd = open(HUGE_PAGES, O_RDONLY | O_CLOEXEC);
	char text[64] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || strstr(text, "[never]"))
		return false;
	return strstr(text, "[always]") || madvise(HEAP_ADDRESS, size, MADV_HUGEPAGE) == 0;
}

/*
 * Reads the heap into a huge page, and what is new there as well. Most commands touch half of their
 * heap, page after page; where page tables are dear, in many virtual machines, that is a fifth of
 * what a start costs, and elsewhere no less than reading it.
 */
static bool read_heap(void)
{
	size_t size = (notes.size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);

	if (program < 0 || !take_place(size, PROT_READ | PROT_WRITE))
		return false;
	if (!want_huge_page(size) ||
	    !read_program(HEAP_ADDRESS, notes.size, section_offset)) {
		__real_munmap(HEAP_ADDRESS, size);
		return false;
	}
	spare = HEAP_ADDRESS + notes.size;
	spare_end = HEAP_ADDRESS + size;
	return true;
}

/* The section itself, at another place. Taken first: mremap(2) would replace what is there. */
static bool move_heap(void)
{
	return take_place(notes.size, PROT_NONE) &&
	       mremap((void *)section.heap, notes.size, notes.size, MREMAP_MAYMOVE | MREMAP_FIXED,
		      HEAP_ADDRESS) != MAP_FAILED;
}

lua_State *lctr_heap_take(void)
{
	uintptr_t *words = (uintptr_t *)HEAP_ADDRESS;
	FILE *const files[3] = { stdin, stdout, stderr };
	bool is_taken = read_heap() || move_heap();

	ctr_close_fd(&program);
	if (!is_taken)
		return NULL;
	for (size_t i = 0; i < notes.count; i++)
		words[notes.words[i]] += (uintptr_t)__executable_start;
	set_streams(notes.state, files);
	return notes.state;
}
