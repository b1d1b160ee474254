/* SPDX-License-Identifier: MIT */
/*
 * Sends one signal to all other processes of its pid namespace, over and over
 * until SIGTERM. The argument is the signal's number.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t done;

static void stop(int signo)
{
	(void)signo;
	done = 1;
}

int main(int argc, char **argv)
{
	int signo = argc == 2 ? atoi(argv[1]) : 0;

	signal(SIGTERM, stop);
	puts("ready");
	fflush(stdout);
	while (!done)
		kill(-1, signo);
	return 0;
}
