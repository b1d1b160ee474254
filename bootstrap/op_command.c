/* SPDX-License-Identifier: MIT */
/* Runs a command of the host while the container is made. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "init.h"
#include "sys.h"

#define OUTPUT_MAX 180

/* What the child needs: all of it is there before the fork. */
struct command {
	const char *dir;
	const char *path;
	char **args;
	char **env;
	mode_t umask;
	int input;
	int output;
};

/* What a command said: the beginning of it. */
struct output {
	size_t size;
	char text[OUTPUT_MAX + 1];
};

/* The reason goes the way of all that the command says. */
static void child_fail(void)
{
	const char *reason = strerror(errno);

	while (write(2, reason, strlen(reason)) < 0 && errno == EINTR)
		;
	_exit(CTR_EXIT_SETUP);
}

static void child(const struct command *command)
{
	umask(command->umask);
	if (dup2(command->input, 0) < 0 || dup2(command->output, 1) < 0 ||
	    dup2(command->output, 2) < 0 || ctr_sys_close_range(3, ~0U, 0) < 0)
		_exit(CTR_EXIT_SETUP);
	environ = command->env; /* its PATH says where a name without a slash is looked for */
	if (!*command->dir || chdir(command->dir) == 0)
		execvp(command->path, command->args);
	child_fail();
}

/* Takes what is in the pipe; false at its end. */
static bool drain(int fd, struct output *output)
{
	char chunk[512];
	ssize_t got = read(fd, chunk, sizeof(chunk));
	size_t room = OUTPUT_MAX - output->size;

	if (got <= 0)
		return got < 0 && errno == EINTR;
	if ((size_t)got < room)
		room = (size_t)got;
	memcpy(output->text + output->size, chunk, room);
	output->size += room;
	output->text[output->size] = '\0';
	return true;
}

/* Reads until the command has ended: a process that it left behind may hold the pipe for ever. */
static void collect(int pidfd, int pipe_fd, struct output *output)
{
	struct pollfd fds[2] = { { .fd = pipe_fd, .events = POLLIN },
		                 { .fd = pidfd, .events = POLLIN } };

	while (!(fds[1].revents & POLLIN)) {
		fds[0].revents = fds[1].revents = 0;
		poll(fds, 2, -1);
		if (fds[0].revents && !drain(pipe_fd, output))
			fds[0].fd = -1;
	}
	while (fds[0].fd >= 0 && output->size < OUTPUT_MAX && drain(pipe_fd, output))
		;
}

static int judge(int status, const char *path, struct output *output, struct ctr_err *err)
{
	const char *separator = output->size ? ": " : "";

	output->text[strcspn(output->text, "\n")] = '\0';
	if (WIFSIGNALED(status))
		return ctr_fail(err, 0, "command", "%s was killed by signal %d%s%s", path,
		                WTERMSIG(status), separator, output->text);
	if (WEXITSTATUS(status) != 0)
		return ctr_fail(err, 0, "command", "%s exited with %d%s%s", path,
		                WEXITSTATUS(status), separator, output->text);
	return 0;
}

/* Waits for the child, and says how it went. */
static int wait_child(pid_t pid, int pipe_fd, const char *path, struct ctr_err *err)
{
	ctr_auto_fd int pidfd = ctr_sys_pidfd_open(pid, 0);
	struct output output = { 0 };
	int status;

	if (pidfd < 0)
		return ctr_fail(err, errno, "pidfd_open", "%s", path);
	collect(pidfd, pipe_fd, &output);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return ctr_fail(err, errno, "waitpid", "%s", path);
	}
	return judge(status, path, &output, err);
}

/* Two pipes: an input that is at its end, and the output, whose near end never blocks. */
static int run_child(struct command *command, struct ctr_err *err)
{
	ctr_auto_fd int input = -1, input_end = -1, output = -1, output_end = -1;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return ctr_fail(err, errno, "pipe2", "%s", command->path);
	input = ends[0];
	input_end = ends[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return ctr_fail(err, errno, "pipe2", "%s", command->path);
	output = ends[0];
	output_end = ends[1];
	command->input = input;
	command->output = output_end;
	fcntl(output, F_SETFL, O_NONBLOCK);

	ctr_close_fd(&input_end);
	pid = fork();
	if (pid < 0)
		return ctr_fail(err, errno, "fork", "%s", command->path);
	if (pid == 0)
		child(command);
	ctr_close_fd(&output_end);
	return wait_child(pid, output, command->path, err);
}

int op_command(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	size_t args = (size_t)step->nums[0], env = (size_t)step->nums[1];
	ctr_auto_free char **lists = calloc(args + env + 2, sizeof(*lists));
	struct command command = { .dir = step->strs[0], .path = step->strs[1] };

	if (!lists)
		return ctr_fail(err, ENOMEM, "command", "%s", command.path);
	command.args = lists;
	command.env = step->nums[2] ? lists + args + 1 : environ;
	command.umask = run->umask;
	memcpy(command.args, step->strs + 2, args * sizeof(*lists));
	memcpy(lists + args + 1, step->strs + 2 + args, env * sizeof(*lists));
	return run_child(&command, err);
}
