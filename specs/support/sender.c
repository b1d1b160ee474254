/*
 * Sends each line that it reads as a datagram to a unix socket, which it stays connected with, and
 * says it again.
 * usage: sender PATH
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char line[256];

	if (argc != 2 || fd < 0)
		return 1;
	strncpy(address.sun_path, argv[1], sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		if (send(fd, line, strlen(line), 0) < 0)
			return 3;
		fputs(line, stdout);
		fflush(stdout);
	}
	return 0;
}
