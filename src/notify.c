/* SPDX-License-Identifier: MIT */
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/seccomp.h>

/* What Debian's headers do not have yet. */
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1) /* Linux 5.14 */
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64) /* Linux 6.6 */
#endif
#define SYNC_WAKE_UP 1ULL

/* The kernel's structures may grow; it writes and reads as much as it knows of. */
#define ROOM 1024

union message {
	struct seccomp_notif notif;
	struct seccomp_notif_resp resp;
	char room[ROOM];
};

/* Asked of the kernel: a message is of its size, not of the headers'. */
static int check_sizes(struct ctr_err *err)
{
	static bool checked; /* the kernel does not change while we run */
	struct seccomp_notif_sizes sizes;

	if (checked)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return ctr_fail(err, errno, "seccomp", "notification sizes");
	if (sizes.seccomp_notif > ROOM || sizes.seccomp_notif_resp > ROOM)
		return ctr_fail(err, EMSGSIZE, "seccomp", "notification of %u bytes",
				sizes.seccomp_notif);
	checked = true;
	return 0;
}

static int control(int listener, unsigned long request, void *data)
{
	int result;

	do {
		result = ioctl(listener, request, data);
	} while (result < 0 && errno == EINTR);
	return result;
}

/* Whether an answer comes too late: who called is gone, or has its answer and is on its way. */
static bool is_late(int num)
{
	return num == ENOENT || num == EINPROGRESS;
}

/* 1: a call is pending, so that to receive does not wait; 0: none is. */
static int look(int listener, struct ctr_err *err)
{
	struct pollfd entry = { .fd = listener, .events = POLLIN };

	if (poll(&entry, 1, 0) < 0 && errno != EINTR)
		return ctr_fail(err, errno, "poll", "seccomp listener");
	if (entry.revents & POLLIN)
		return 1;
	if (entry.revents & (POLLHUP | POLLERR | POLLNVAL))
		return ctr_fail(err, ENOTCONN, "poll", "seccomp listener");
	return 0;
}

int ctr_notify_receive(int listener, struct ctr_notify_call *ret_call, struct ctr_err *err)
{
	union message message;
	int pending = look(listener, err);

	if (pending <= 0)
		return pending;
	if (check_sizes(err) < 0)
		return -1;
	memset(&message, 0, sizeof(message)); /* the kernel insists */
	if (control(listener, SECCOMP_IOCTL_NOTIF_RECV, &message) < 0) {
		if (errno == ENOENT) /* who called was killed meanwhile */
			return 0;
		return ctr_fail(err, errno, "ioctl", "NOTIF_RECV");
	}
	ret_call->id = message.notif.id;
	ret_call->pid = (pid_t)message.notif.pid;
	ret_call->number = message.notif.data.nr;
	ret_call->arch = message.notif.data.arch;
	for (int i = 0; i < CTR_NOTIFY_ARGS; i++)
		ret_call->args[i] = message.notif.data.args[i];
	return 1;
}

int ctr_notify_respond(int listener, uint64_t id, const struct ctr_notify_answer *answer,
		       struct ctr_err *err)
{
	union message message;

	if (check_sizes(err) < 0)
		return -1;
	memset(&message, 0, sizeof(message));
	message.resp.id = id;
	message.resp.error = -answer->error;
	message.resp.val = answer->value;
	message.resp.flags = answer->go_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	if (control(listener, SECCOMP_IOCTL_NOTIF_SEND, &message) == 0)
		return 1;
	if (is_late(errno))
		return 0;
	return ctr_fail(err, errno, "ioctl", "NOTIF_SEND");
}

bool ctr_notify_is_pending(int listener, uint64_t id)
{
	return control(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

int ctr_notify_add_fd(int listener, uint64_t id, const struct ctr_notify_fd *what, int *ret_number,
		      struct ctr_err *err)
{
	struct seccomp_notif_addfd add = {
		.id = id,
		.srcfd = (uint32_t)what->fd,
		.newfd = what->at >= 0 ? (uint32_t)what->at : 0,
		.newfd_flags = what->cloexec ? O_CLOEXEC : 0,
	};
	int number;

	if (what->at >= 0)
		add.flags |= SECCOMP_ADDFD_FLAG_SETFD;
	if (what->answers)
		add.flags |= SECCOMP_ADDFD_FLAG_SEND;
	number = control(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	if (number < 0 && is_late(errno))
		return 0;
	if (number < 0)
		return ctr_fail(err, errno, "ioctl", "NOTIF_ADDFD of %d", what->fd);
	*ret_number = number;
	return 1;
}

int ctr_notify_read(int listener, const struct ctr_notify_call *call, uint64_t address, void *data,
		    size_t size, size_t *ret_count, struct ctr_err *err)
{
	struct iovec ours = { .iov_base = data, .iov_len = size };
	struct iovec theirs = {
		.iov_base = (void *)(uintptr_t)address, /* NOLINT(performance-no-int-to-ptr) */
		.iov_len = size,
	};
	ssize_t count = process_vm_readv(call->pid, &ours, 1, &theirs, 1, 0);
	int num = errno;

	if (!ctr_notify_is_pending(listener, call->id))
		return ctr_fail(err, ENOENT, "read", "memory of %d", (int)call->pid);
	if (count < 0)
		return ctr_fail(err, num, "read", "memory of %d at %#llx", (int)call->pid,
				(unsigned long long)address);
	*ret_count = (size_t)count;
	return 0;
}

void ctr_notify_set_sync(int listener)
{
	/* Older kernels know no flags: then it is as before. The flags are the argument itself. */
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);
}

bool ctr_notify_compare(int op, uint64_t arg, uint64_t value, uint64_t value_two)
{
	switch (op) {
	case 1:
		return arg != value;
	case 2:
		return arg < value;
	case 3:
		return arg <= value;
	case 4:
		return arg == value;
	case 5:
		return arg >= value;
	case 6:
		return arg > value;
	case 7:
		return (arg & value) == value_two;
	default:
		return false;
	}
}
