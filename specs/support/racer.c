/* SPDX-License-Identifier: MIT */
/*
 * Exchanges two names in a directory, over and over until SIGTERM, and says how
 * often. Arguments: the directory, the names.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static volatile sig_atomic_t done;

static void stop(int signo)
{
	(void)signo;
	done = 1;
}

int main(int argc, char **argv)
{
	unsigned long count = 0;
	int dir;

	if (argc != 4)
		return 2;
	signal(SIGTERM, stop);
	dir = open(argv[1], O_PATH | O_DIRECTORY);
	if (dir < 0)
		return 3;
	puts("ready");
	fflush(stdout);
	while (!done) {
		if (syscall(SYS_renameat2, dir, argv[2], dir, argv[3], RENAME_EXCHANGE) < 0)
			return perror("racer"), 4;
		count++;
	}
	printf("%lu\n", count);
	return 0;
}
