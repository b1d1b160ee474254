/* SPDX-License-Identifier: MIT */
/* Operations on the terminal and the standard streams (defence D12). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include <linux/magic.h>

#include "auto.h"
#include "init.h"
#include "mount.h"
#include "path.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static const char ptmx_path[] = "dev/pts/ptmx";
static const char console_path[] = "dev/console";

static int check_ptmx(int fd, struct ctr_err *err)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return ctr_fail(err, errno, "fstat", "%s", ptmx_path);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2) || fs.f_type != DEVPTS_SUPER_MAGIC)
		return ctr_fail(err, EINVAL, "console", "%s (not a devpts)", ptmx_path);
	return 0;
}

/* Looked at before it is opened, for it may be anything, and after, for it may have changed. */
static int open_ptmx(const struct run *run, struct ctr_err *err)
{
	ctr_auto_fd int fd = ctr_path_open(run->root, ptmx_path, O_PATH, 0, err);

	if (fd < 0 || check_ptmx(fd, err) < 0)
		return -1;
	close(fd);
	fd = ctr_path_open(run->root, ptmx_path, O_RDWR | O_NOCTTY, 0, err);
	if (fd < 0 || check_ptmx(fd, err) < 0)
		return -1;
	return ctr_take_fd(&fd);
}

/* The other end, by descriptor: a name in /dev/pts could be another's. */
static int open_slave(int master, const struct winsize *size, struct ctr_err *err)
{
	ctr_auto_fd int slave = -1;
	int locked = 0;

	if (ioctl(master, TIOCSPTLCK, &locked) < 0)
		return ctr_fail(err, errno, "ioctl", "TIOCSPTLCK");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return ctr_fail(err, errno, "ioctl", "TIOCGPTPEER");
	if (size->ws_col && size->ws_row && ioctl(slave, TIOCSWINSZ, size) < 0)
		return ctr_fail(err, errno, "ioctl", "TIOCSWINSZ");
	return ctr_take_fd(&slave);
}

/* For whoever passes it on to a terminal that makes CR LF of LF itself. */
static int keep_newlines(int slave, struct ctr_err *err)
{
	struct termios mode;

	if (ioctl(slave, TCGETS, &mode) < 0)
		return ctr_fail(err, errno, "ioctl", "TCGETS");
	mode.c_oflag &= ~(tcflag_t)ONLCR;
	if (ioctl(slave, TCSETS, &mode) < 0)
		return ctr_fail(err, errno, "ioctl", "TCSETS");
	return 0;
}

/* What stands at dev/console is covered, never opened: any but a link or a directory will do. */
static int open_console_target(const struct run *run, struct ctr_err *err)
{
	char name[NAME_MAX + 1];
	ctr_auto_fd int parent = ctr_path_parent(run->root, console_path, 1, name, err);
	ctr_auto_fd int fd = -1;
	struct stat st;

	if (parent < 0)
		return -1;
	if (mknodat(parent, name, S_IFREG | 0600, 0) < 0 && errno != EEXIST)
		return ctr_fail(err, errno, "mknod", "%s", console_path);
	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ctr_fail(err, errno, "open", "%s", console_path);
	if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
		return ctr_fail(err, S_ISDIR(st.st_mode) ? EISDIR : ELOOP, "console", "%s",
		                console_path);
	return ctr_take_fd(&fd);
}

static int bind_console(const struct run *run, int slave, struct ctr_err *err)
{
	ctr_auto_fd int target = open_console_target(run, err);
	ctr_auto_fd int mount = -1;

	if (target < 0)
		return -1;
	mount = ctr_mount_clone(slave, "", false, err);
	if (mount < 0)
		return -1;
	return ctr_mount_attach(mount, target, console_path, err);
}

/* A session of its own, whose terminal and standard streams are the slave. */
static int take_terminal(int slave, struct ctr_err *err)
{
	if (setsid() < 0 && errno != EPERM) /* EPERM: it has one */
		return ctr_fail(err, errno, "setsid", "terminal");
	for (int fd = 0; fd <= 2; fd++) {
		if (dup2(slave, fd) < 0)
			return ctr_fail(err, errno, "dup2", "terminal");
	}
	if (ioctl(0, TIOCSCTTY, 0) < 0)
		return ctr_fail(err, errno, "ioctl", "TIOCSCTTY");
	return 0;
}

int op_console(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const struct winsize size = { .ws_col = (unsigned short)step->nums[1],
		                      .ws_row = (unsigned short)step->nums[2] };
	ctr_auto_fd int master = open_ptmx(run, err);
	ctr_auto_fd int slave = -1;

	if (master < 0)
		return -1;
	slave = open_slave(master, &size, err);
	if (slave < 0)
		return -1;
	if (step->nums[4] && keep_newlines(slave, err) < 0)
		return -1;
	if (step->nums[3] && bind_console(run, slave, err) < 0)
		return -1;
	if (talk_send_fds((int)step->nums[0], "/dev/ptmx", 9, &master, 1, err) < 0)
		return -1;
	return take_terminal(slave, err);
}

/* A stream that another owns, or that has no owner, stays as it is. */
static bool is_refusal(int num)
{
	return num == EPERM || num == EINVAL || num == EROFS || num == EACCES || num == EBADF;
}

int op_chown_stdio(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	uid_t uid = (uid_t)step->nums[0];

	(void)run;
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0)
			continue; /* closed */
		if (st.st_uid == uid || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
			continue;
		if (fchown(fd, uid, (gid_t)-1) < 0 && !is_refusal(errno))
			return ctr_fail(err, errno, "fchown", "standard stream %d", fd);
	}
	return 0;
}
