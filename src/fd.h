/* SPDX-License-Identifier: MIT */
#ifndef CTR_FD_H
#define CTR_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

/*
 * Descriptors: made close-on-exec, read and written whole, passed over sockets.
 * EINTR is retried; no call raises SIGPIPE in the caller.
 */

/* The most descriptors that one message carries (SCM_MAX_FD of the kernel). */
#define CTR_FD_PASS_MAX 253

int ctr_fd_dup(int fd, struct ctr_err *err);
/* The caller owns both ends: ret_ends[0] reads, ret_ends[1] writes. */
int ctr_fd_pipe(int ret_ends[2], struct ctr_err *err);
/* type: SOCK_STREAM or SOCK_SEQPACKET. The caller owns both ends. */
int ctr_fd_socketpair(int type, int ret_ends[2], struct ctr_err *err);

/* One read(2); *ret_count is 0 at the end. */
int ctr_fd_read(int fd, void *data, size_t size, size_t *ret_count, struct ctr_err *err);
/* One pread(2). */
int ctr_fd_read_at(int fd, void *data, size_t size, size_t offset, size_t *ret_count,
		   struct ctr_err *err);
/* One write(2), or send(2) to a socket. */
int ctr_fd_write(int fd, const void *data, size_t size, size_t *ret_count, struct ctr_err *err);
int ctr_fd_write_all(int fd, const void *data, size_t size, struct ctr_err *err);
int ctr_fd_set_nonblock(int fd, bool nonblock, struct ctr_err *err);

/* Opens a path of the host; O_CLOEXEC is added. */
int ctr_fd_open(const char *path, int flags, mode_t mode, struct ctr_err *err);
/* A sealed memfd that holds data, at offset 0 (memfd_create(2)). */
int ctr_fd_memfd(const char *name, const void *data, size_t size, struct ctr_err *err);
/* A sealed executable memfd with the content of a regular file (defence D4). */
int ctr_fd_seal(const char *path, struct ctr_err *err);

/* One sendmsg(2) with count descriptors (SCM_RIGHTS). */
int ctr_fd_send(int fd, const void *data, size_t size, const int *fds, size_t count,
		size_t *ret_sent, struct ctr_err *err);
/*
 * One recvmsg(2). ret_fds has room for CTR_FD_PASS_MAX; the caller owns what is in it. Descriptors
 * that the kernel had to drop (RLIMIT_NOFILE) are a failure, EMFILE, and the others are closed.
 */
int ctr_fd_recv(int fd, void *data, size_t size, size_t *ret_received, int *ret_fds,
		size_t *ret_count, struct ctr_err *err);

int ctr_fd_chown(int fd, uid_t uid, gid_t gid, struct ctr_err *err);
/*
 * type: SOCK_STREAM or SOCK_DGRAM. A path may be longer than an address holds; "@name" is an abstract
 * one (unix(7)) as sd_notify(3) writes it, and a file of that name is "./@name".
 */
int ctr_fd_connect_unix(const char *path, int type, struct ctr_err *err);
/* A datagram socket with a new name, which may be "@name" too. */
int ctr_fd_bind_unix(const char *path, struct ctr_err *err);
/* A stream socket with a new name, for its owner alone, that listens and never waits. */
int ctr_fd_listen_unix(const char *path, struct ctr_err *err);
/* Takes who has connected, and whose he is (SO_PEERCRED); -1 with EAGAIN where nobody has. */
int ctr_fd_accept(int fd, uid_t *ret_uid, struct ctr_err *err);

/* What fd refers to: "file", "directory", "char", "block", "fifo", "socket", "link", "anonymous". */
int ctr_fd_type(int fd, const char **ret_type, struct ctr_err *err);
const char *ctr_fd_type_name(mode_t mode);
/* Fails with EINVAL for anything but a regular file. */
int ctr_fd_check_regular(int fd, struct ctr_err *err);

#endif
