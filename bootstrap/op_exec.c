/* SPDX-License-Identifier: MIT */
/* Operations that find and become the program. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "init.h"
#include "sys.h"

#define HEAD_SIZE 256 /* as much as the kernel looks at */
#define SEGMENTS_MAX 64

/* 0: may be executed by the user of now; else what stands against it. */
static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR; /* execve(2) says EACCES, which helps nobody */
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return ctr_sys_faccessat2(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/* Fails, telling of what the program needs and has not. */
static int check_helper(const char *path, const char *what, const char *helper, struct ctr_err *err)
{
	int num = check_executable(helper);

	if (num == 0)
		return 0;
	return ctr_fail(err, num, "exec", "%s (%s %s %s)", path, what, helper,
	                num == ENOENT ? "not found" : "not executable");
}

/* "#! /path/to/interpreter argument" */
static int check_script(const char *path, const char *head, struct ctr_err *err)
{
	const char *start = head + 2 + strspn(head + 2, " \t");
	char interpreter[HEAD_SIZE];
	size_t length = strcspn(start, " \t\n");

	memcpy(interpreter, start, length);
	interpreter[length] = '\0';
	if (length == 0)
		return 0; /* the kernel's to judge */
	return check_helper(path, "interpreter", interpreter, err);
}

/* Reads the loader's path from an ELF program; false where there is none. */
static bool read_loader(int fd, const ElfW(Ehdr) * head, char *ret_loader, size_t size)
{
	ElfW(Phdr) segments[SEGMENTS_MAX];
	size_t count = head->e_phnum < SEGMENTS_MAX ? head->e_phnum : SEGMENTS_MAX;
	ssize_t length = (ssize_t)(count * sizeof(*segments));
	const ElfW(Phdr) *segment = segments;

	if (pread(fd, segments, (size_t)length, (off_t)head->e_phoff) != length)
		return false;
	while (count > 0 && segment->p_type != PT_INTERP) {
		segment++;
		count--;
	}
	if (count == 0 || segment->p_filesz < 2 || segment->p_filesz > size)
		return false;
	if (pread(fd, ret_loader, segment->p_filesz, (off_t)segment->p_offset) !=
	    (ssize_t)segment->p_filesz)
		return false;
	return ret_loader[segment->p_filesz - 1] == '\0';
}

/* Only programs of this machine's own word size are looked into; others are the kernel's. */
static int check_elf(const char *path, int fd, const char *head, struct ctr_err *err)
{
	const unsigned char class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
	char loader[HEAD_SIZE];
	ElfW(Ehdr) header;

	memcpy(&header, head, sizeof(header));
	if (header.e_ident[EI_CLASS] != class || header.e_phentsize != sizeof(ElfW(Phdr)))
		return 0;
	if (!read_loader(fd, &header, loader, sizeof(loader)))
		return 0;
	return check_helper(path, "loader", loader, err);
}

/* Looks into the program for what it needs. One that may be run but not read is fine. */
static int check_needs(const char *path, struct ctr_err *err)
{
	ctr_auto_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char head[HEAD_SIZE + 1] = { 0 };
	ssize_t size;

	if (fd < 0)
		return 0;
	size = read(fd, head, HEAD_SIZE);
	if (size > 2 && memcmp(head, "#!", 2) == 0)
		return check_script(path, head, err);
	if (size > (ssize_t)sizeof(ElfW(Ehdr)) && memcmp(head, ELFMAG, SELFMAG) == 0)
		return check_elf(path, fd, head, err);
	return 0;
}

/* None of the candidates will do: one that was there is named before those that were not. */
static int fail_not_found(const struct ctr_step *step, const char *refused, int num,
                          struct ctr_err *err)
{
	const char *last = step->strs[step->str_count - 1];
	const char *slash = strrchr(last, '/');

	if (refused)
		return ctr_fail(err, num, "exec", "%s", refused);
	if (step->str_count == 1)
		return ctr_fail(err, ENOENT, "exec", "%s", last);
	return ctr_fail(err, ENOENT, "exec", "%s (not found in PATH)", slash ? slash + 1 : last);
}

int op_find_program(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const char *refused = NULL;
	int why = 0;

	if (fds_drop(run, err) < 0)
		return -1;
	for (uint32_t i = 0; i < step->str_count; i++) {
		int num = check_executable(step->strs[i]);

		if (num == 0) {
			run->program = step->strs[i];
			return check_needs(run->program, err);
		}
		if (!refused && num != ENOENT && (num != ENOTDIR || step->str_count == 1)) {
			refused = step->strs[i];
			why = num;
		}
	}
	return fail_not_found(step, refused, why, err);
}

int op_cloexec(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	for (uint32_t i = 0; i < step->num_count; i++) {
		if (step->nums[i] >= (int64_t)run->plan.keep)
			return ctr_fail(err, EBADF, "cloexec", "%lld", (long long)step->nums[i]);
		if (fcntl((int)step->nums[i], F_SETFD, FD_CLOEXEC) < 0)
			return ctr_fail(err, errno, "cloexec", "%lld", (long long)step->nums[i]);
	}
	return 0;
}

/* execve(2) wants its lists with a null pointer at the end. */
static char **terminated(char **list, const char *const *strs, size_t count)
{
	memcpy(list, strs, count * sizeof(*list));
	list[count] = NULL;
	return list + count + 1;
}

int op_exec(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	size_t args = (size_t)step->nums[0], env = (size_t)step->nums[1];
	ctr_auto_free char **lists = NULL;
	char **environment;
	int num;

	if (!run->program)
		return ctr_fail(err, EINVAL, "exec", "no program was found before");
	lists = malloc((args + env + 2) * sizeof(*lists));
	if (!lists)
		return ctr_fail(err, ENOMEM, "exec", "%s", run->program);
	environment = terminated(lists, step->strs, args);
	terminated(environment, step->strs + args, env);
	if (ctr_sys_close_range(run->plan.keep, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return ctr_fail(err, errno, "close_range", "from %u", run->plan.keep);
	umask(run->umask);
	if (filter_load(run, err) < 0)
		return -1;
	execve(run->program, lists, environment);
	num = errno;
	if (check_needs(run->program, err) < 0)
		return -1;
	return ctr_fail(err, num, "exec", "%s", run->program);
}
