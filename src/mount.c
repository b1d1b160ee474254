/* SPDX-License-Identifier: MIT */
#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "auto.h"
#include "sys.h"

#define PROC_ROOT_INODE 1
#define OPTION_KEY_MAX 256

int ctr_mount_clone(int dirfd, const char *path, bool recursive, struct ctr_err *err)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int tree;

	if (recursive)
		flags |= AT_RECURSIVE;
	if (*path == '\0')
		flags |= AT_EMPTY_PATH;
	tree = ctr_sys_open_tree(dirfd, path, flags);
	if (tree < 0)
		return ctr_fail(err, errno, "open_tree", "%s", path);
	return tree;
}

int ctr_mount_change(int fd, const struct ctr_mount_change *change, const char *what,
                     struct ctr_err *err)
{
	struct mount_attr attr = {
		.attr_set = change->set,
		.attr_clr = change->clear,
		.propagation = change->propagation,
		.userns_fd = change->userns,
	};
	unsigned flags = AT_EMPTY_PATH;

	if (!change->set && !change->clear && !change->propagation)
		return 0;
	if (change->recursive)
		flags |= AT_RECURSIVE;
	if (ctr_sys_mount_setattr(fd, "", flags, &attr) < 0)
		return ctr_fail(err, errno, "mount_setattr", "%s", what);
	return 0;
}

/*
 * What the kernel said about the file system context: the first of its
 * messages, without the level in front ("e tmpfs: Bad value for 'size'").
 */
static void read_words(int fs, char *ret_words, size_t size)
{
	ssize_t got = read(fs, ret_words, size - 1);

	if (got < 2) {
		ret_words[0] = '\0';
		return;
	}
	memmove(ret_words, ret_words + 2, (size_t)got - 2);
	ret_words[got - 2] = '\0';
	ret_words[strcspn(ret_words, "\n")] = '\0';
}

/* "tmpfs (size=12Q: Bad value for 'size')"; option may be "". */
static int fail_fs(int fs, const char *fstype, const char *option, struct ctr_err *err)
{
	int num = errno;
	char words[128];
	const char *said = words;
	size_t length = strlen(fstype);

	read_words(fs, words, sizeof(words));
	if (strncmp(words, fstype, length) == 0 && strncmp(words + length, ": ", 2) == 0)
		said += length + 2;
	if (!*option && !*said)
		return ctr_fail(err, num, "fsconfig", "%s", fstype);
	return ctr_fail(err, num, "fsconfig", "%s (%s%s%s)", fstype, option,
			*option && *said ? ": " : "", said);
}

/* Sets "key=value" or "key". */
static int set_option(int fs, const char *fstype, const char *option, struct ctr_err *err)
{
	const char *equals = strchr(option, '=');
	size_t length = equals ? (size_t)(equals - option) : strlen(option);
	char key[OPTION_KEY_MAX];
	int done;

	if (length == 0 || length >= sizeof(key))
		return ctr_fail(err, EINVAL, "fsconfig", "%s (%s)", fstype, option);
	memcpy(key, option, length);
	key[length] = '\0';
	if (equals)
		done = ctr_sys_fsconfig(fs, FSCONFIG_SET_STRING, key, equals + 1, 0);
	else
		done = ctr_sys_fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0);
	return done < 0 ? fail_fs(fs, fstype, option, err) : 0;
}

int ctr_mount_new(const char *fstype, const char *source, const char *const *options, size_t count,
                  uint64_t attr, struct ctr_err *err)
{
	ctr_auto_fd int fs = ctr_sys_fsopen(fstype, FSOPEN_CLOEXEC);
	int tree;

	if (fs < 0)
		return ctr_fail(err, errno, "fsopen", "%s", fstype);
	if (*source && ctr_sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return fail_fs(fs, fstype, source, err);
	for (size_t i = 0; i < count; i++) {
		if (set_option(fs, fstype, options[i], err) < 0)
			return -1;
	}
	if (ctr_sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail_fs(fs, fstype, "", err);
	tree = ctr_sys_fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attr);
	if (tree < 0)
		return ctr_fail(err, errno, "fsmount", "%s", fstype);
	return tree;
}

int ctr_mount_reconfigure(int fd, const char *const *options, size_t count, const char *what,
                          struct ctr_err *err)
{
	ctr_auto_fd int fs = ctr_sys_fspick(fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);

	if (fs < 0)
		return ctr_fail(err, errno, "fspick", "%s", what);
	for (size_t i = 0; i < count; i++) {
		if (set_option(fs, what, options[i], err) < 0)
			return -1;
	}
	if (ctr_sys_fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return fail_fs(fs, what, "", err);
	return 0;
}

int ctr_mount_leave_chroot(struct ctr_err *err)
{
	ctr_auto_fd int self = ctr_sys_pidfd_open(getpid(), 0);

	if (self < 0)
		return ctr_fail(err, errno, "pidfd_open", "self");
	if (syscall(SYS_setns, self, CLONE_NEWNS) < 0)
		return ctr_fail(err, errno, "setns", "the mount namespace");
	return 0;
}

int ctr_mount_attach(int mount_fd, int target_fd, const char *what, struct ctr_err *err)
{
	if (ctr_sys_move_mount(mount_fd, "", target_fd, "",
	                       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return ctr_fail(err, errno, "move_mount", "%s", what);
	return 0;
}

int ctr_mount_detach(int fd, const char *what, struct ctr_err *err)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (syscall(SYS_umount2, path, MNT_DETACH) < 0)
		return ctr_fail(err, errno, "umount", "%s", what);
	return 0;
}

int ctr_mount_id(int fd, uint64_t *ret_id, struct ctr_err *err)
{
	const unsigned ids = CTR_STATX_MNT_ID | CTR_STATX_MNT_ID_UNIQUE;
	struct ctr_statx buf;

	/* Asks nobody: who serves a FUSE or network file system may never answer. */
	if (ctr_sys_statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, ids, &buf) < 0)
		return ctr_fail(err, errno, "statx", "mount id");
	if (!(buf.mask & ids))
		return ctr_fail(err, EOPNOTSUPP, "statx", "mount id");
	*ret_id = buf.mnt_id;
	return 0;
}

/* /proc, if it is the root of a procfs. */
static int open_proc(struct ctr_err *err)
{
	ctr_auto_fd int fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return ctr_fail(err, errno, "open", "/proc");
	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return ctr_fail(err, errno, "fstatfs", "/proc");
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INODE)
		return ctr_fail(err, EINVAL, "open", "/proc (not the root of a procfs)");
	return ctr_take_fd(&fd);
}

int ctr_mount_procfs(struct ctr_err *err)
{
	int tree = ctr_mount_new("proc", "proc", NULL, 0,
	                         MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);

	/* EPERM: no privilege, or a user namespace that sees only a part of /proc. */
	if (tree < 0 && (err->num == EPERM || err->num == EACCES))
		return open_proc(err);
	return tree;
}
