/* SPDX-License-Identifier: MIT */
#ifndef CTR_SYS_H
#define CTR_SYS_H

/*
 * System calls and constants that the C libraries in use do not have, or have
 * in headers that collide: glibc's <sys/mount.h> and <linux/mount.h> cannot be
 * included together, so who includes this file leaves <sys/mount.h> alone.
 * Each function is its system call: see the man page of the name behind
 * ctr_sys_; -1 and errno on failure.
 */

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/mount.h>
#include <linux/openat2.h>

/* Numbers since Linux 5.1 are the same on all architectures (but alpha, which is not served). */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_fsopen
#define SYS_fsopen 430
#endif
#ifndef SYS_fsconfig
#define SYS_fsconfig 431
#endif
#ifndef SYS_fsmount
#define SYS_fsmount 432
#endif
#ifndef SYS_fspick
#define SYS_fspick 433
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

#ifndef AT_STATX_DONT_SYNC
#define AT_STATX_DONT_SYNC 0x4000
#endif

#define CTR_STATX_MNT_ID 0x1000U
#define CTR_STATX_MNT_ID_UNIQUE 0x4000U /* Linux 6.8 */

/* struct statx as far as it is read here: musl 1.2.3's has no stx_mnt_id. */
struct ctr_statx {
	uint32_t mask;
	uint32_t unread[35];
	uint64_t mnt_id;
	uint64_t spare[13];
};

_Static_assert(sizeof(struct ctr_statx) == 256, "struct statx has 256 bytes");
_Static_assert(offsetof(struct ctr_statx, mnt_id) == 0x90, "stx_mnt_id is at 0x90");

static inline int ctr_sys_openat2(int dir, const char *path, const struct open_how *how)
{
	return (int)syscall(SYS_openat2, dir, path, how, sizeof(*how));
}

static inline int ctr_sys_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir, path, flags);
}

static inline int ctr_sys_move_mount(int from, const char *from_path, int to, const char *to_path,
                                     unsigned flags)
{
	return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}

static inline int ctr_sys_fsopen(const char *fstype, unsigned flags)
{
	return (int)syscall(SYS_fsopen, fstype, flags);
}

static inline int ctr_sys_fsconfig(int fs, unsigned command, const char *key, const void *value,
                                   int aux)
{
	return (int)syscall(SYS_fsconfig, fs, command, key, value, aux);
}

static inline int ctr_sys_fsmount(int fs, unsigned flags, unsigned attr)
{
	return (int)syscall(SYS_fsmount, fs, flags, attr);
}

static inline int ctr_sys_fspick(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_fspick, dir, path, flags);
}

static inline int ctr_sys_mount_setattr(int dir, const char *path, unsigned flags,
                                        const struct mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, dir, path, flags, attr, sizeof(*attr));
}

static inline int ctr_sys_mount(const char *source, const char *target, const char *type,
                                unsigned long flags, const void *data)
{
	return (int)syscall(SYS_mount, source, target, type, flags, data);
}

static inline int ctr_sys_umount2(const char *target, int flags)
{
	return (int)syscall(SYS_umount2, target, flags);
}

static inline int ctr_sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

static inline int ctr_sys_statx(int dir, const char *path, int flags, unsigned mask,
                                struct ctr_statx *buf)
{
	return (int)syscall(SYS_statx, dir, path, flags, mask, buf);
}

static inline int ctr_sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

static inline int ctr_sys_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static inline int ctr_sys_pidfd_send_signal(int pidfd, int signo)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0);
}

static inline int ctr_sys_faccessat2(int dir, const char *path, int mode, int flags)
{
	return (int)syscall(SYS_faccessat2, dir, path, mode, flags);
}

#endif
