/* SPDX-License-Identifier: MIT */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "auto.h"

bool ctr_tty_check(int fd)
{
	return isatty(fd);
}

int ctr_tty_size(int fd, int *ret_columns, int *ret_rows, struct ctr_err *err)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return ctr_fail(err, errno, "TIOCGWINSZ", "%d", fd);
	*ret_columns = size.ws_col;
	*ret_rows = size.ws_row;
	return 0;
}

int ctr_tty_set_size(int fd, int columns, int rows, struct ctr_err *err)
{
	struct winsize size = {
		.ws_col = (unsigned short)columns,
		.ws_row = (unsigned short)rows,
	};

	if (ioctl(fd, TIOCSWINSZ, &size) < 0)
		return ctr_fail(err, errno, "TIOCSWINSZ", "%d", fd);
	return 0;
}

int ctr_tty_save(int fd, struct termios *ret_saved, struct ctr_err *err)
{
	if (tcgetattr(fd, ret_saved) < 0)
		return ctr_fail(err, errno, "tcgetattr", "%d", fd);
	return 0;
}

int ctr_tty_set_raw(int fd, bool translates, struct termios *ret_saved, struct ctr_err *err)
{
	struct termios saved, raw;

	if (ctr_tty_save(fd, &saved, err) < 0)
		return -1;
	raw = saved;
	cfmakeraw(&raw);
	if (translates)
		raw.c_oflag = saved.c_oflag;
	if (tcsetattr(fd, TCSANOW, &raw) < 0)
		return ctr_fail(err, errno, "tcsetattr", "%d", fd);
	*ret_saved = saved;
	return 0;
}

int ctr_tty_restore(int fd, const struct termios *saved, struct ctr_err *err)
{
	if (tcsetattr(fd, TCSANOW, saved) < 0)
		return ctr_fail(err, errno, "tcsetattr", "%d", fd);
	return 0;
}

int ctr_tty_open_pty(char *ret_path, size_t size, struct ctr_err *err)
{
	ctr_auto_fd int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int num;

	if (master < 0)
		return ctr_fail(err, errno, "open", "%s", "/dev/ptmx");
	if (unlockpt(master) < 0)
		return ctr_fail(err, errno, "unlockpt", "%s", "/dev/ptmx");
	num = ptsname_r(master, ret_path, size);
	if (num != 0)
		return ctr_fail(err, num, "ptsname", "%s", "/dev/ptmx");
	return ctr_take_fd(&master);
}
