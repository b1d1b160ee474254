/* SPDX-License-Identifier: MIT */
/* Types into every terminal that it can get hold of: TIOCSTI, also after it tried to own it. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void type_into(int fd)
{
	const char text[] = "typed\n";

	for (const char *at = text; *at; at++)
		ioctl(fd, TIOCSTI, at);
}

static void try(int fd)
{
	char paste = 3; /* TIOCLINUX: the console's own clipboard */

	if (fd < 0)
		return;
	type_into(fd);
	ioctl(fd, TIOCSCTTY, 1);
	type_into(fd);
	ioctl(fd, TIOCLINUX, &paste);
}

int main(void)
{
	char path[32];

	try(open("/dev/tty", O_RDWR));
	try(open("/dev/console", O_RDWR | O_NOCTTY));
	for (int fd = 0; fd < 10; fd++) {
		try(fd);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		try(open(path, O_RDWR));
	}
	setsid();
	for (int fd = 0; fd < 3; fd++)
		try(fd);
	return 0;
}
