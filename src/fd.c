/* SPDX-License-Identifier: MIT */
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"
#include "interrupt.h"

/* Linux 6.3; older ones refuse them with EINVAL. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define LISTEN_BACKLOG 16

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int ctr_fd_dup(int fd, struct ctr_err *err)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return ctr_fail(err, errno, "dup", "%d", fd);
	return copy;
}

int ctr_fd_pipe(int ret_ends[2], struct ctr_err *err)
{
	if (pipe2(ret_ends, O_CLOEXEC) < 0)
		return ctr_fail(err, errno, "pipe2", "%s", "");
	return 0;
}

int ctr_fd_socketpair(int type, int ret_ends[2], struct ctr_err *err)
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ret_ends) < 0)
		return ctr_fail(err, errno, "socketpair", "%s", "");
	return 0;
}

int ctr_fd_read(int fd, void *data, size_t size, size_t *ret_count, struct ctr_err *err)
{
	ssize_t count;

	do {
		count = read(fd, data, size);
	} while (count < 0 && errno == EINTR && !ctr_interrupt_take());
	if (count < 0)
		return ctr_fail(err, errno, "read", "%d", fd);
	*ret_count = (size_t)count;
	return 0;
}

int ctr_fd_read_at(int fd, void *data, size_t size, size_t offset, size_t *ret_count,
		   struct ctr_err *err)
{
	ssize_t count;

	do {
		count = pread(fd, data, size, (off_t)offset);
	} while (count < 0 && errno == EINTR);
	if (count < 0)
		return ctr_fail(err, errno, "read", "%d", fd);
	*ret_count = (size_t)count;
	return 0;
}

/*
 * write(2) without SIGPIPE: blocked meanwhile, and the one that it raised in
 * this thread is taken back, unless one was waiting before.
 */
static ssize_t write_quietly(int fd, const void *data, size_t size)
{
	static const struct timespec now = { 0 };
	sigset_t pipe_only, pending, old;
	ssize_t count;
	int saved;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
	count = write(fd, data, size);
	saved = errno;
	if (count < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE)) {
		while (sigtimedwait(&pipe_only, NULL, &now) < 0 && errno == EINTR)
			;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = saved;
	return count;
}

/* Sockets and pipes answer a write with a signal; most writes are to neither. */
static ssize_t write_any(int fd, const void *data, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || S_ISFIFO(st.st_mode))
		return write_quietly(fd, data, size);
	if (S_ISSOCK(st.st_mode))
		return send(fd, data, size, MSG_NOSIGNAL);
	return write(fd, data, size);
}

int ctr_fd_write(int fd, const void *data, size_t size, size_t *ret_count, struct ctr_err *err)
{
	ssize_t count;

	do {
		count = write_any(fd, data, size);
	} while (count < 0 && errno == EINTR);
	if (count < 0)
		return ctr_fail(err, errno, "write", "%d", fd);
	*ret_count = (size_t)count;
	return 0;
}

int ctr_fd_write_all(int fd, const void *data, size_t size, struct ctr_err *err)
{
	const char *at = data;
	size_t count = 0;

	while (size > 0) {
		if (ctr_fd_write(fd, at, size, &count, err) < 0)
			return -1;
		at += count;
		size -= count;
	}
	return 0;
}

int ctr_fd_set_nonblock(int fd, bool nonblock, struct ctr_err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return ctr_fail(err, errno, "fcntl", "%d", fd);
	flags = nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (fcntl(fd, F_SETFL, flags) < 0)
		return ctr_fail(err, errno, "fcntl", "%d", fd);
	return 0;
}

int ctr_fd_open(const char *path, int flags, mode_t mode, struct ctr_err *err)
{
	int fd;

	do {
		fd = open(path, flags | O_CLOEXEC, mode);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return ctr_fail(err, errno, "open", "%s", path);
	return fd;
}

static int new_memfd(const char *name, unsigned flags, struct ctr_err *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return ctr_fail(err, errno, "memfd_create", "%s", name);
	return fd;
}

static int seal_memfd(int fd, const char *name, struct ctr_err *err)
{
	if (lseek(fd, 0, SEEK_SET) < 0)
		return ctr_fail(err, errno, "lseek", "%s", name);
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return ctr_fail(err, errno, "F_ADD_SEALS", "%s", name);
	return 0;
}

int ctr_fd_memfd(const char *name, const void *data, size_t size, struct ctr_err *err)
{
	ctr_auto_fd int fd = new_memfd(name, MFD_NOEXEC_SEAL, err);

	if (fd < 0)
		return -1;
	if (ctr_fd_write_all(fd, data, size, err) < 0 || seal_memfd(fd, name, err) < 0)
		return -1;
	return ctr_take_fd(&fd);
}

static int copy_file(int from, int to, const char *path, struct ctr_err *err)
{
	ssize_t count;

	do {
		count = sendfile(to, from, NULL, 1 << 30);
		if (count < 0 && errno != EINTR)
			return ctr_fail(err, errno, "sendfile", "%s", path);
	} while (count != 0);
	return 0;
}

int ctr_fd_seal(const char *path, struct ctr_err *err)
{
	ctr_auto_fd int source = -1;
	ctr_auto_fd int image = -1;
	struct stat st;

	source = ctr_fd_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, err);
	if (source < 0)
		return -1;
	if (fstat(source, &st) < 0 || !S_ISREG(st.st_mode))
		return ctr_fail(err, EINVAL, "open", "%s (not a regular file)", path);
	image = new_memfd("ctr-init", MFD_EXEC, err);
	if (image < 0)
		return -1;
	if (copy_file(source, image, path, err) < 0 || seal_memfd(image, path, err) < 0)
		return -1;
	return ctr_take_fd(&image);
}

int ctr_fd_send(int fd, const void *data, size_t size, const int *fds, size_t count,
		size_t *ret_sent, struct ctr_err *err)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(CTR_FD_PASS_MAX * sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	if (count > CTR_FD_PASS_MAX)
		return ctr_fail(err, EINVAL, "sendmsg", "%zu descriptors", count);
	if (count > 0) {
		struct cmsghdr *header = (struct cmsghdr *)control;

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	do {
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return ctr_fail(err, errno, "sendmsg", "%d", fd);
	*ret_sent = (size_t)sent;
	return 0;
}

/* Copies out the descriptors of a message; their count. */
static size_t take_passed(struct msghdr *msg, int *ret_fds)
{
	size_t total = 0;

	for (struct cmsghdr *at = CMSG_FIRSTHDR(msg); at; at = CMSG_NXTHDR(msg, at)) {
		size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
			continue;
		if (count > CTR_FD_PASS_MAX - total)
			count = CTR_FD_PASS_MAX - total;
		memcpy(ret_fds + total, CMSG_DATA(at), count * sizeof(int));
		total += count;
	}
	return total;
}

int ctr_fd_recv(int fd, void *data, size_t size, size_t *ret_received, int *ret_fds,
		size_t *ret_count, struct ctr_err *err)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(CTR_FD_PASS_MAX * sizeof(int))];
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t received;
	size_t count;

	do {
		received = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (received < 0 && errno == EINTR);
	if (received < 0)
		return ctr_fail(err, errno, "recvmsg", "%d", fd);

	count = take_passed(&msg, ret_fds);
	if (msg.msg_flags & MSG_CTRUNC) {
		while (count > 0)
			close(ret_fds[--count]);
		return ctr_fail(err, EMFILE, "recvmsg", "%d", fd);
	}
	*ret_received = (size_t)received;
	*ret_count = count;
	return 0;
}

int ctr_fd_chown(int fd, uid_t uid, gid_t gid, struct ctr_err *err)
{
	if (fchown(fd, uid, gid) < 0)
		return ctr_fail(err, errno, "fchown", "%d", fd);
	return 0;
}

/* Writes a name of the socket that fits an address: its own, or by way of a descriptor of it. */
static int unix_address(const char *path, int *ret_at, struct sockaddr_un *ret_address,
			struct ctr_err *err)
{
	ret_address->sun_family = AF_UNIX;
	if (strlen(path) < sizeof(ret_address->sun_path)) {
		strcpy(ret_address->sun_path, path);
		return 0;
	}
	*ret_at = ctr_fd_open(path, O_PATH, 0, err);
	if (*ret_at < 0)
		return -1;
	snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "/proc/self/fd/%d", *ret_at);
	return 0;
}

/* "@name" is a name without a file; all of the others' addresses may be given whole. */
static socklen_t finish_address(const char *path, struct sockaddr_un *address)
{
	if (path[0] != '@')
		return sizeof(*address);
	address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
}

/* Names without files cannot be reached through a descriptor. */
static int check_name(const char *path, const char *op, struct ctr_err *err)
{
	if (path[0] == '@' && strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return ctr_fail(err, ENAMETOOLONG, op, "%s", path);
	return 0;
}

int ctr_fd_connect_unix(const char *path, int type, struct ctr_err *err)
{
	struct sockaddr_un address = { 0 };
	ctr_auto_fd int at = -1;
	ctr_auto_fd int fd = -1;

	if (path[0] == '\0')
		return ctr_fail(err, ENOENT, "connect", "%s", path);
	if (check_name(path, "connect", err) < 0 || unix_address(path, &at, &address, err) < 0)
		return -1;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ctr_fail(err, errno, "socket", "%s", path);
	if (connect(fd, (const struct sockaddr *)&address, finish_address(path, &address)) < 0)
		return ctr_fail(err, errno, "connect", "%s", path);
	return ctr_take_fd(&fd);
}

/* The same of a name that is not there yet: by way of its folder. */
static int new_unix_address(const char *path, int *ret_at, struct sockaddr_un *ret_address,
			    struct ctr_err *err)
{
	const char *slash = strrchr(path, '/');
	ctr_auto_free char *folder = NULL;
	int length;

	if (strlen(path) < sizeof(ret_address->sun_path))
		return unix_address(path, ret_at, ret_address, err);
	folder = slash ? strndup(path, (size_t)(slash - path) + 1) : NULL;
	if (!folder)
		return ctr_fail(err, slash ? ENOMEM : ENAMETOOLONG, "bind", "%s", path);
	*ret_at = ctr_fd_open(folder, O_PATH | O_DIRECTORY, 0, err);
	if (*ret_at < 0)
		return -1;
	ret_address->sun_family = AF_UNIX;
	length = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path),
			  "/proc/self/fd/%d/%s", *ret_at, slash + 1);
	if (length >= (int)sizeof(ret_address->sun_path))
		return ctr_fail(err, ENAMETOOLONG, "bind", "%s", path);
	return 0;
}

int ctr_fd_bind_unix(const char *path, struct ctr_err *err)
{
	struct sockaddr_un address = { 0 };
	ctr_auto_fd int at = -1;
	ctr_auto_fd int fd = -1;

	if (check_name(path, "bind", err) < 0 || new_unix_address(path, &at, &address, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ctr_fail(err, errno, "socket", "%s", path);
	if (bind(fd, (const struct sockaddr *)&address, finish_address(path, &address)) < 0)
		return ctr_fail(err, errno, "bind", "%s", path);
	return ctr_take_fd(&fd);
}

int ctr_fd_listen_unix(const char *path, struct ctr_err *err)
{
	struct sockaddr_un address = { 0 };
	ctr_auto_fd int at = -1;
	ctr_auto_fd int fd = -1;

	if (new_unix_address(path, &at, &address, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ctr_fail(err, errno, "socket", "%s", path);
	/* The name gets the socket's mode, less the umask. */
	if (fchmod(fd, S_IRUSR | S_IWUSR) < 0)
		return ctr_fail(err, errno, "fchmod", "%s", path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return ctr_fail(err, errno, "bind", "%s", path);
	if (listen(fd, LISTEN_BACKLOG) < 0)
		return ctr_fail(err, errno, "listen", "%s", path);
	return ctr_take_fd(&fd);
}

int ctr_fd_accept(int fd, uid_t *ret_uid, struct ctr_err *err)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	ctr_auto_fd int taken = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (taken < 0)
		return ctr_fail(err, errno, "accept", "%d", fd);
	if (getsockopt(taken, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return ctr_fail(err, errno, "getsockopt", "SO_PEERCRED");
	*ret_uid = peer.uid;
	return ctr_take_fd(&taken);
}

const char *ctr_fd_type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	case S_IFLNK:
		return "link";
	default:
		return "anonymous"; /* a pidfd, an eventfd */
	}
}

int ctr_fd_type(int fd, const char **ret_type, struct ctr_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ctr_fail(err, errno, "fstat", "%d", fd);
	*ret_type = ctr_fd_type_name(st.st_mode);
	return 0;
}

int ctr_fd_check_regular(int fd, struct ctr_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ctr_fail(err, errno, "fstat", "%d", fd);
	if (!S_ISREG(st.st_mode))
		return ctr_fail(err, EINVAL, "read", "%d (not a regular file)", fd);
	return 0;
}
