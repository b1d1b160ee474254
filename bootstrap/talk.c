/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auto.h"
#include "init.h"
#include "sys.h"

#define FDS_MAX 2

/* The library is gone, and with it all reason to go on. */
static void leave(void)
{
	_exit(CTR_EXIT_SETUP);
}

/* The number of bytes read: fewer only at the end. */
static ssize_t read_full(int fd, void *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = read(fd, (char *)data + done, size - done);

		if (got == 0)
			break;
		if (got < 0 && errno != EINTR)
			return -1;
		if (got > 0)
			done += (size_t)got;
	}
	return (ssize_t)done;
}

static int receive(struct run *run, void *data, size_t size, struct ctr_err *err)
{
	ssize_t got = read_full(run->control, data, size);

	if (got < 0 && errno != ECONNRESET)
		return ctr_fail(err, errno, "read", "control socket");
	if (got != (ssize_t)size)
		leave();
	return 0;
}

/* Everything from keep on is closed by the exec that is to come. */
static int mark_descriptors(const struct run *run, uint32_t keep, struct ctr_err *err)
{
	if (run->control < (int)keep)
		return ctr_fail(err, EINVAL, "plan", "keeps the control socket %d", run->control);
	if (ctr_sys_close_range(keep, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return ctr_fail(err, errno, "close_range", "from %u", keep);
	return 0;
}

static int receive_plan(struct run *run, struct ctr_err *err)
{
	struct ctr_wire_header header;

	ctr_plan_free(&run->plan); /* it was made last */
	free(run->message);
	run->message = NULL;
	run->next = 0;
	if (receive(run, &header, sizeof(header), err) < 0)
		return -1;
	if (header.length < sizeof(header) || header.length > CTR_WIRE_MAX)
		return ctr_fail(err, EMSGSIZE, "plan", "message of %u bytes", header.length);
	run->message = malloc(header.length);
	if (!run->message)
		return ctr_fail(err, ENOMEM, "plan", "message of %u bytes", header.length);
	memcpy(run->message, &header, sizeof(header));
	if (receive(run, (char *)run->message + sizeof(header), header.length - sizeof(header),
	            err) < 0)
		return -1;
	if (ctr_wire_parse(run->message, header.length, &run->plan, err) < 0)
		return -1;
	return mark_descriptors(run, run->plan.keep, err);
}

int talk_receive_plan(struct run *run, struct ctr_err *err)
{
	if (receive_plan(run, err) == 0)
		return 0;
	run->step = CTR_WIRE_NO_STEP;
	return -1;
}

int talk_send_fds(int socket, const void *data, size_t size, const int *fds, int count,
                  struct ctr_err *err)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	if (count > 0) {
		message.msg_control = control.room;
		message.msg_controllen = CMSG_SPACE((unsigned)count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN((unsigned)count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, (unsigned)count * sizeof(int));
	}
	do {
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return ctr_fail(err, errno, "sendmsg", "%d descriptors", count);
	if ((size_t)sent != size)
		return ctr_fail(err, EMSGSIZE, "sendmsg", "%d descriptors", count);
	return 0;
}

/* The library hears of a process first, and then from it; of whom it never heard it never will. */
void talk_wait_born(struct run *run)
{
	char nothing;

	if (run->born < 0)
		return;
	if (read_full(run->born, &nothing, 1) != 1)
		leave();
	ctr_close_fd(&run->born);
}

int talk_send(struct run *run, const struct ctr_frame *frame, struct ctr_err *err)
{
	return talk_send_files(run, frame, NULL, 0, err);
}

int talk_send_files(struct run *run, const struct ctr_frame *frame, const int *fds, int count,
                    struct ctr_err *err)
{
	talk_wait_born(run);
	if (talk_send_fds(run->control, frame, sizeof(*frame), fds, count, err) == 0)
		return 0;
	if (err->num == EPIPE || err->num == ECONNRESET)
		leave();
	return -1;
}

int talk_wait_ack(struct run *run, struct ctr_err *err)
{
	struct ctr_frame frame;

	if (receive(run, &frame, sizeof(frame), err) < 0)
		return -1;
	if (frame.kind != CTR_FRAME_ACK)
		return ctr_fail(err, EPROTO, "read", "frame %u instead of ACK", frame.kind);
	return 0;
}

/* Reads what is there of a frame, and takes the descriptors that come along. */
static ssize_t receive_part(struct run *run, void *data, size_t size, int *fds, int *count)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(TALK_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	ssize_t got = recvmsg(run->control, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	if (header && header->cmsg_type == SCM_RIGHTS && *count == 0) {
		*count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(header), (size_t)*count * sizeof(int));
	}
	if (got > 0 && message.msg_flags & MSG_CTRUNC)
		*count = -1; /* a cgroup that is not joined is a limit that does not hold */
	return got;
}

int talk_wait_fds(struct run *run, int *ret_fds, struct ctr_err *err)
{
	struct ctr_frame frame = { 0 };
	size_t done = 0;
	int count = 0;

	while (done < sizeof(frame)) {
		ssize_t got = receive_part(run, (char *)&frame + done, sizeof(frame) - done,
					   ret_fds, &count);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			leave();
		done += (size_t)got;
	}
	if (count < 0)
		return ctr_fail(err, EMFILE, "recvmsg", "descriptors");
	if (frame.kind != CTR_FRAME_ACK)
		return ctr_fail(err, EPROTO, "read", "frame %u instead of ACK", frame.kind);
	return count;
}

void talk_check_peer(const struct run *run)
{
	struct pollfd poll_fd = { .fd = run->control };

	if (run->control >= 0 && poll(&poll_fd, 1, 0) > 0 &&
	    (poll_fd.revents & (POLLHUP | POLLERR)))
		leave();
}

/* There is nobody left to tell of a failure. */
static void tell(struct run *run, const struct ctr_frame *frame)
{
	struct ctr_err ignored;

	if (run->control >= 0)
		talk_send(run, frame, &ignored);
	else if (run->report >= 0 && write(run->report, frame, sizeof(*frame)) < 0)
		leave();
}

void talk_output(struct run *run, int stream, const char *text, size_t size)
{
	while (size > 0) {
		struct ctr_frame frame = { .kind = CTR_FRAME_OUTPUT, .step = run->step };
		size_t part = sizeof(frame.err.target) - 1;

		if (part > size)
			part = size;
		frame.value = stream;
		memcpy(frame.err.target, text, part);
		tell(run, &frame);
		text += part;
		size -= part;
	}
}

void talk_report(struct run *run, const struct ctr_err *failure)
{
	const struct ctr_frame frame = {
		.kind = CTR_FRAME_FAIL, .step = run->step, .value = run->hook, .err = *failure
	};

	tell(run, &frame);
}
