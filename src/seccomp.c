/* SPDX-License-Identifier: MIT */
#include "seccomp.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/seccomp.h>

/* Tables end well before this; a call to come may be later than all that is known. */
#define TABLE_SIZE 1024u
/* The private calls of arm, __ARM_NR_BASE. */
#define ARM_PRIVATE 0x0f0000u
#define ARM_PRIVATE_SIZE 16u

const char *const ctr_seccomp_archs[] = {
	"x86",         "x86_64", "x32",      "arm",    "aarch64",  "loongarch64",
	"m68k",        "mips",   "mipsel",   "mips64", "mipsel64", "mips64n32",
	"mipsel64n32", "parisc", "parisc64", "ppc",    "ppc64",    "ppc64le",
	"riscv64",     "s390",   "s390x",    "sh",     "sheb",     NULL,
};

uint32_t ctr_seccomp_arch(const char *name)
{
	return seccomp_arch_resolve_name(name);
}

const char *ctr_seccomp_native(void)
{
	uint32_t native = seccomp_arch_native();

	for (const char *const *name = ctr_seccomp_archs; *name; name++) {
		if (ctr_seccomp_arch(*name) == native)
			return *name;
	}
	return NULL;
}

uint32_t ctr_seccomp_base(uint32_t arch)
{
	switch (arch) {
	case SCMP_ARCH_X32:
		return 0x40000000u;
	case SCMP_ARCH_MIPS:
	case SCMP_ARCH_MIPSEL:
		return 4000;
	case SCMP_ARCH_MIPS64:
	case SCMP_ARCH_MIPSEL64:
		return 5000;
	case SCMP_ARCH_MIPS64N32:
	case SCMP_ARCH_MIPSEL64N32:
		return 6000;
	default:
		return 0;
	}
}

static bool next_in(uint32_t arch, uint32_t *number, uint32_t end, char **ret_name)
{
	for (; *number < end; (*number)++) {
		*ret_name = seccomp_syscall_resolve_num_arch(arch, (int)*number);
		if (*ret_name)
			return true;
	}
	return false;
}

bool ctr_seccomp_next(uint32_t arch, uint32_t *number, char **ret_name)
{
	if (next_in(arch, number, ctr_seccomp_base(arch) + TABLE_SIZE, ret_name))
		return true;
	if (arch != SCMP_ARCH_ARM)
		return false;
	if (*number < ARM_PRIVATE)
		*number = ARM_PRIVATE;
	return next_in(arch, number, ARM_PRIVATE + ARM_PRIVATE_SIZE, ret_name);
}

bool ctr_seccomp_is_known(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

void ctr_seccomp_version(char *ret_text, size_t size)
{
	const struct scmp_version *version = seccomp_version();

	snprintf(ret_text, size, "%u.%u.%u", version->major, version->minor, version->micro);
}

bool ctr_seccomp_has_action(uint32_t action)
{
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool ctr_seccomp_has_flag(unsigned flag)
{
	unsigned with = flag;

	/* An interrupted notification wants a listener to be notified. */
	if (flag == (1u << 5))
		with |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	/* Without a program nothing is loaded: a flag that is known fails with EFAULT. */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, with, NULL) < 0 && errno == EFAULT;
}
