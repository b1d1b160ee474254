/* SPDX-License-Identifier: MIT */
#include "kernel.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include <sys/syscall.h>

const struct ctr_kernel_call ctr_kernel_calls[] = {
	{ "clone3", SYS_clone3 },
	{ "close_range", SYS_close_range },
	{ "fsconfig", SYS_fsconfig },
	{ "fsmount", SYS_fsmount },
	{ "fsopen", SYS_fsopen },
	{ "memfd_create", SYS_memfd_create },
	{ "mount_setattr", SYS_mount_setattr },
	{ "move_mount", SYS_move_mount },
	{ "open_tree", SYS_open_tree },
	{ "openat2", SYS_openat2 },
	{ "pidfd_getfd", SYS_pidfd_getfd },
	{ "pidfd_open", SYS_pidfd_open },
	{ "pidfd_send_signal", SYS_pidfd_send_signal },
	{ "seccomp", SYS_seccomp },
	{ NULL, 0 },
};

/* No descriptor, no address, no operation and no pid is -1. */
bool ctr_kernel_has(const struct ctr_kernel_call *call)
{
	return syscall(call->number, -1L, 0L, 0L, 0L, 0L, 0L) >= 0 || errno != ENOSYS;
}
