/* SPDX-License-Identifier: MIT */
/* Operations in which the library takes part. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "auto.h"
#include "init.h"
#include "path.h"
#include "sys.h"

int op_sync(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	struct ctr_frame frame = { .kind = CTR_FRAME_SYNC, .step = run->step };

	strncat(frame.err.op, step->strs[0], sizeof(frame.err.op) - 1);
	/* Only of a dumpable process may the library's user write the id maps. */
	if (step->nums[0])
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (talk_send(run, &frame, err) < 0 || talk_wait_ack(run, err) < 0)
		return -1;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

int op_cgroup_sync(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	struct ctr_frame frame = {
		.kind = CTR_FRAME_SYNC,
		.step = run->step,
		.err = { .op = "cgroups" },
	};
	int fds[TALK_FDS_MAX], count, result = 0;

	(void)step; /* it says nothing */
	if (talk_send(run, &frame, err) < 0)
		return -1;
	count = talk_wait_fds(run, fds, err);
	for (int i = 0; i < count; i++) {
		if (result == 0)
			result = proc_write(fds[i], "0", "cgroup", err);
		close(fds[i]);
	}
	return count < 0 ? -1 : result;
}

int op_net_sync(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	struct ctr_frame frame = {
		.kind = CTR_FRAME_SYNC,
		.step = run->step,
		.err = { .op = "network" },
	};
	/* It stands for the network namespace, and for what we may do there. */
	ctr_auto_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	(void)step; /* it says nothing */
	if (fd < 0)
		return ctr_fail(err, errno, "socket", "rtnetlink");
	if (talk_send_files(run, &frame, &fd, 1, err) < 0)
		return -1;
	return talk_wait_ack(run, err);
}

/* Opens what is there of the two files: what is odd is not worth a failure. */
static int open_accounts(const struct run *run, int *fds, int *ret_bits)
{
	static const char *const paths[] = { "etc/passwd", "etc/group" };
	struct ctr_err ignored;
	int count = 0;

	*ret_bits = 0;
	for (int i = 0; i < 2; i++) {
		int fd = ctr_path_open_regular(run->root, paths[i], &ignored);

		if (fd < 0)
			continue;
		fds[count++] = fd;
		*ret_bits |= 1 << i;
	}
	return count;
}

int op_more(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	struct ctr_frame frame = { .kind = CTR_FRAME_FILES, .step = run->step };
	int fds[2], count, bits, sent;

	(void)step; /* it says nothing */
	count = open_accounts(run, fds, &bits);
	frame.value = count;
	frame.err.num = bits;
	sent = talk_send_files(run, &frame, fds, count, err);
	for (int i = 0; i < count; i++)
		close(fds[i]);
	return sent < 0 ? -1 : talk_receive_plan(run, err);
}

/* A copy of this process that is a child of our parent. */
static pid_t fork_sibling(int *ret_pidfd)
{
	return (pid_t)syscall(SYS_clone, CLONE_PARENT | CLONE_PIDFD | SIGCHLD, 0, ret_pidfd, 0, 0);
}

int op_fork(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	struct ctr_frame frame = { .kind = CTR_FRAME_PID, .step = run->step };
	ctr_auto_fd int reader = -1, writer = -1, pidfd = -1;
	int ends[2];
	pid_t pid;

	(void)step; /* it says nothing */
	/* Whom the child meets in its pid namespace may look at it. */
	if (fds_drop(run, err) < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return ctr_fail(err, errno, "pipe2", "fork");
	reader = ends[0];
	writer = ends[1];
	pid = fork_sibling(&pidfd);
	if (pid < 0)
		return ctr_fail(err, errno, "clone", "fork");
	if (pid == 0) {
		run->born = ctr_take_fd(&reader);
		return 0;
	}
	frame.value = pid;
	if (talk_send_files(run, &frame, &pidfd, 1, err) < 0) {
		talk_report(run, err);
		_exit(CTR_EXIT_SETUP);
	}
	if (write(writer, "", 1) < 0)
		_exit(CTR_EXIT_SETUP);
	_exit(0);
}

int flow_wait_byte(int fifo, struct ctr_err *err)
{
	struct pollfd poll_fd = { .fd = fifo, .events = POLLIN };
	unsigned char byte;
	ssize_t got;

	do {
		poll(&poll_fd, 1, -1);
		got = read(fifo, &byte, 1);
	} while (got < 0 && (errno == EAGAIN || errno == EINTR));
	if (got < 0)
		return ctr_fail(err, errno, "read", "exec fifo");
	/* Open for reading and writing, it has no end. */
	if (got == 0)
		return ctr_fail(err, EPIPE, "read", "exec fifo");
	return byte;
}

static void end_by(int signo)
{
	_exit(128 + signo);
}

/*
 * The first process of a pid namespace is ended by what it handles alone, and whoever asks a
 * container to end that waits means it. What is ignored stays so; execve(2) forgets the handlers.
 */
static void heed_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	const struct sigaction action = { .sa_handler = end_by };
	struct sigaction before;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
			sigaction(signals[i], &action, NULL);
	}
}

int op_wait_fifo(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	struct ctr_frame frame = { .kind = CTR_FRAME_READY, .step = run->step };
	/* Stays open until execve(2) closes it: that tells whoever wrote the byte how it went. */
	const int fifo = (int)step->nums[0];

	if (talk_send(run, &frame, err) < 0 || talk_wait_ack(run, err) < 0)
		return -1;
	ctr_close_fd(&run->control);
	run->report = (int)step->nums[1];
	/* It may wait for long, where others can look at it. */
	if (fds_drop(run, err) < 0)
		return -1;
	heed_signals();
	/* The library's user joins the namespaces only of a dumpable process. */
	if (step->nums[2])
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (flow_wait_byte(fifo, err) < 0)
		return -1;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}
