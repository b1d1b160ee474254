/* SPDX-License-Identifier: MIT */
/* Takes a flock(2) of the file that is named, and holds it while it answers each line with itself. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

int main(int argc, char **argv)
{
	char line[256];
	int fd = argc == 2 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		fputs(line, stdout);
		fflush(stdout);
	}
	return 0;
}
