/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "auto.h"
#include "fd.h"
#include "polling.h"

/* How long a killed process may take to be gone, before it is given up. */
#define KILL_SECONDS 2.0
#define DRAIN_MAX 64 /* chunks: more than a pipe holds, so that a busy writer cannot keep us */

enum { STDOUT, STDERR, PIDFD, FD_COUNT };

struct session {
	const struct ctr_run *run;
	struct ctr_run_result result;
	struct pollfd fds[FD_COUNT]; /* the pipes' fds become -1 at their end */
};

static int open_input(const struct ctr_run *run, struct ctr_err *err)
{
	if (!run->input)
		return ctr_fd_open("/dev/null", O_RDONLY, 0, err);
	return ctr_fd_memfd("stdin", run->input, run->input_size, err);
}

/* Reads a chunk of one stream: what fits is kept. 0: nothing for now, or the end. */
static int read_chunk(struct session *session, int stream)
{
	size_t *size = &session->result.output_size[stream];
	size_t room = session->run->output_max - *size;
	char dropped[4096];
	struct ctr_err err;
	size_t count;
	char *to = room ? session->run->output[stream] + *size : dropped;

	if (ctr_fd_read(session->fds[stream].fd, to, room ? room : sizeof(dropped), &count,
			&err) < 0) {
		if (err.num != EAGAIN)
			session->fds[stream].fd = -1;
		return 0;
	}
	if (count == 0)
		session->fds[stream].fd = -1;
	else if (room)
		*size += count;
	return count > 0;
}

static void drain(struct session *session, int stream)
{
	for (int i = 0; i < DRAIN_MAX && session->fds[stream].fd >= 0; i++) {
		if (read_chunk(session, stream) == 0)
			return;
	}
}

/* Reads the streams until the program has ended. 0 when time is over. */
static int follow(struct session *session, double deadline, struct ctr_err *err)
{
	do {
		int ready = ctr_poll_wait(session->fds, FD_COUNT, deadline, err);

		if (ready <= 0)
			return ready;
		for (int stream = STDOUT; stream <= STDERR; stream++) {
			if (session->fds[stream].fd >= 0 && session->fds[stream].revents)
				read_chunk(session, stream);
		}
	} while (!session->fds[PIDFD].revents);
	return 1;
}

/* Kills the group; its leader's number is not free before it was waited for. */
static void kill_group(struct session *session, pid_t pid)
{
	struct ctr_err err;

	session->result.timed_out = true;
	kill(-pid, SIGKILL);
	ctr_poll_wait(&session->fds[PIDFD], 1, ctr_poll_clock() + KILL_SECONDS, &err);
}

static int finish(struct session *session, pid_t pid, struct ctr_err *err)
{
	const struct ctr_run *run = session->run;
	double deadline = run->timeout < 0 ? -1 : ctr_poll_clock() + run->timeout;
	int ended = follow(session, deadline, err);
	struct ctr_err wait_err;

	if (ended <= 0)
		kill_group(session, pid);
	drain(session, STDOUT);
	drain(session, STDERR);
	if (ctr_proc_wait(session->fds[PIDFD].fd, WNOHANG, &session->result.exit, &wait_err) < 0 &&
	    ended >= 0) {
		*err = wait_err;
		return -1;
	}
	return ended < 0 ? -1 : 0;
}

static int follow_child(const struct ctr_run *run, const int pipes[2], int pidfd, pid_t pid,
			struct ctr_run_result *ret_result, struct ctr_err *err)
{
	struct session session = {
		.run = run,
		.fds = {
			[STDOUT] = { .fd = pipes[STDOUT], .events = POLLIN },
			[STDERR] = { .fd = pipes[STDERR], .events = POLLIN },
			[PIDFD] = { .fd = pidfd, .events = POLLIN },
		},
	};

	if (finish(&session, pid, err) < 0)
		return -1;
	*ret_result = session.result;
	return 0;
}

int ctr_run(const struct ctr_run *run, struct ctr_run_result *ret_result, struct ctr_err *err)
{
	ctr_auto_fd int input = open_input(run, err);
	ctr_auto_fd int out_read = -1, out_write = -1, err_read = -1, err_write = -1;
	ctr_auto_fd int pidfd = -1;
	int ends[2];
	pid_t pid;

	if (input < 0 || ctr_fd_pipe(ends, err) < 0)
		return -1;
	out_read = ends[0];
	out_write = ends[1];
	if (ctr_fd_pipe(ends, err) < 0)
		return -1;
	err_read = ends[0];
	err_write = ends[1];
	if (ctr_fd_set_nonblock(out_read, true, err) < 0 ||
	    ctr_fd_set_nonblock(err_read, true, err) < 0)
		return -1;

	run->spawn.fds[0] = input;
	run->spawn.fds[1] = out_write;
	run->spawn.fds[2] = err_write;
	pidfd = ctr_proc_spawn(&run->spawn, &pid, err);
	if (pidfd < 0)
		return -1;
	ctr_close_fd(&out_write);
	ctr_close_fd(&err_write);
	return follow_child(run, (const int[]){ out_read, err_read }, pidfd, pid, ret_result, err);
}
