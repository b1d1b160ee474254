/*
 * A seccomp agent: waits at a unix socket for one listener, writes what came with it to a file,
 * and answers what the filter asks: with an errno.
 * usage: agent SOCKET FILE ERRNO
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/seccomp.h>

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		return -1;
	return fd;
}

/* The message whole, up to the end of the connection, and the one descriptor in it. */
static int receive(int fd, int out)
{
	char data[65536];
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control;
	int listener = -1, messages = 0;

	for (;;) {
		struct iovec iov = { data, sizeof(data) };
		struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
					  .msg_control = &control, .msg_controllen = sizeof(control) };
		ssize_t got = recvmsg(fd, &message, 0);
		struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;

		if (got <= 0)
			break;
		messages++;
		if (write(out, data, (size_t)got) != got)
			return -1;
		if (header && header->cmsg_len == CMSG_LEN(sizeof(int)))
			memcpy(&listener, CMSG_DATA(header), sizeof(int));
	}
	return messages == 1 ? listener : -1;
}

static void answer(int listener, int error)
{
	struct seccomp_notif request;
	struct seccomp_notif_resp response;

	memset(&request, 0, sizeof(request));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
		return;
	memset(&response, 0, sizeof(response));
	response.id = request.id;
	response.error = -error;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

int main(int argc, char **argv)
{
	int out, socket, listener;

	if (argc != 4)
		return 2;
	out = open(argv[2], O_CREAT | O_WRONLY | O_TRUNC, 0600);
	socket = listen_at(argv[1]);
	if (out < 0 || socket < 0)
		return 3;
	puts("ready");
	fflush(stdout);
	listener = receive(accept(socket, NULL, NULL), out);
	close(out);
	if (listener < 0)
		return 4;
	for (;;) {
		struct pollfd set = { .fd = listener, .events = POLLIN };

		poll(&set, 1, -1);
		if (set.revents & POLLIN)
			answer(listener, atoi(argv[3]));
		else if (set.revents & (POLLHUP | POLLERR))
			return 0;
	}
}
