/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auto.h"
#include "init.h"
#include "sys.h"

#define KILL_MILLISECONDS 800 /* how long a killed tree may take to be gone */
#define ROUND_MILLISECONDS 50
#define CHUNKS_MAX 64 /* more than a pipe holds, so that a busy writer cannot keep us */

enum { STDOUT, STDERR, REPORT, PIPES }; /* the third tells why the program was not executed */
enum { PIDFD = REPORT, CONTROL, FDS };
enum end { ENDED, TIMED_OUT, ABANDONED };

struct pipes {
	int near[PIPES];
	int far[PIPES];
};

/* What the child tells of itself when it fails. */
struct refusal {
	int num;
	char op[12];
};

struct watch {
	const struct run *run;
	const struct helper *helper;
	struct helper_result *result;
	struct pollfd fds[FDS];
	pid_t pid;
};

static void close_pipes(struct pipes *pipes)
{
	for (int i = 0; i < PIPES; i++) {
		ctr_close_fd(&pipes->near[i]);
		ctr_close_fd(&pipes->far[i]);
	}
}

static int open_pipes(struct pipes *pipes, const char *path, struct ctr_err *err)
{
	for (int i = 0; i < PIPES; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) < 0)
			return ctr_fail(err, errno, "pipe2", "%s", path);
		pipes->near[i] = ends[0];
		pipes->far[i] = ends[1];
	}
	fcntl(pipes->near[STDOUT], F_SETFL, O_NONBLOCK);
	fcntl(pipes->near[STDERR], F_SETFL, O_NONBLOCK);
	return 0;
}

static void child_fail(int report, const char *op)
{
	struct refusal refusal = { .num = errno };

	strncat(refusal.op, op, sizeof(refusal.op) - 1);
	while (write(report, &refusal, sizeof(refusal)) < 0 && errno == EINTR)
		;
	_exit(CTR_EXIT_SETUP);
}

/*
 * The streams, then the report and the program, which close themselves; nothing
 * of ours is open when a name of the container's is looked up.
 */
static void place_fds(const struct helper *helper, const struct pipes *pipes, int *ret_report,
                      int *ret_program)
{
	const int first = 3;
	int report = fcntl(pipes->far[REPORT], F_DUPFD_CLOEXEC, first + 2);
	int program = helper->program;

	if (report < 0)
		_exit(CTR_EXIT_SETUP);
	if (program >= 0)
		program = fcntl(program, F_DUPFD_CLOEXEC, first + 2);
	if ((helper->program >= 0 && program < 0) || dup2(helper->input, 0) < 0 ||
	    dup2(pipes->far[STDOUT], 1) < 0 || dup2(pipes->far[STDERR], 2) < 0 ||
	    dup3(report, first, O_CLOEXEC) < 0 ||
	    (program >= 0 && dup3(program, first + 1, O_CLOEXEC) < 0) ||
	    ctr_sys_close_range((unsigned)(program >= 0 ? first + 2 : first + 1), ~0U, 0) < 0)
		child_fail(report, "dup");
	*ret_report = first;
	*ret_program = program >= 0 ? first + 1 : -1;
}

static bool leads_to(const char *path, int program)
{
	struct stat there, opened;

	return stat(path, &there) == 0 && fstat(program, &opened) == 0 &&
	       there.st_dev == opened.st_dev && there.st_ino == opened.st_ino;
}

static void execute(const struct helper *helper, int program)
{
	if (helper->search) {
		environ =
		        helper->env; /* its PATH says where a name without a slash is looked for */
		execvp(helper->path, helper->args);
		return;
	}
	if (program >= 0) {
		syscall(SYS_execveat, program, "", helper->args, helper->env, AT_EMPTY_PATH);
		/* A script: its interpreter has to find it by a name. */
		if (errno != ENOENT)
			return;
		if (!leads_to(helper->path, program)) {
			errno = ESTALE;
			return;
		}
	}
	execve(helper->path, helper->args, helper->env);
}

static void child(const struct watch *watch, const struct pipes *pipes, pid_t parent)
{
	const struct helper *helper = watch->helper;
	int report, program;

	place_fds(helper, pipes, &report, &program);
	umask(watch->run->umask);
	setsid();
	/* Whoever kills us does not leave it behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(CTR_EXIT_SETUP);
	if (*helper->dir && chdir(helper->dir) < 0)
		child_fail(report, "chdir");
	if (helper->filter && filter_enter(helper->filter) < 0)
		child_fail(report, "seccomp");
	execute(helper, program);
	child_fail(report, "execve");
}

static int64_t clock_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Takes a chunk of one stream: what fits is kept. False for nothing now, or the end. */
static bool drain(struct watch *watch, int stream)
{
	struct helper_result *result = watch->result;
	char chunk[4096];
	ssize_t got = read(watch->fds[stream].fd, chunk, sizeof(chunk));
	size_t room = HELPER_SAID_MAX - result->size[stream];
	char *to = result->said[stream] + result->size[stream];

	if (got <= 0) {
		if (got == 0 || (errno != EINTR && errno != EAGAIN))
			watch->fds[stream].fd = -1;
		return got < 0 && errno == EINTR;
	}
	if ((size_t)got < room)
		room = (size_t)got;
	for (size_t i = 0; i < room; i++)
		to[i] = chunk[i] ? chunk[i] : '?';
	to[room] = '\0';
	result->size[stream] += room;
	return true;
}

static void drain_rest(struct watch *watch, int stream)
{
	for (int i = 0; i < CHUNKS_MAX && watch->fds[stream].fd >= 0; i++) {
		if (!drain(watch, stream))
			return;
	}
}

static int time_left(int64_t deadline)
{
	int64_t left = deadline - clock_now();

	if (deadline < 0)
		return -1;
	if (left < 0)
		return 0;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

static enum end follow(struct watch *watch)
{
	const int64_t timeout = watch->helper->timeout;
	const int64_t deadline = timeout < 0 ? -1 : clock_now() + timeout;

	for (;;) {
		for (int i = 0; i < FDS; i++)
			watch->fds[i].revents = 0;
		poll(watch->fds, FDS, time_left(deadline));
		for (int stream = STDOUT; stream <= STDERR; stream++) {
			if (watch->fds[stream].revents)
				drain(watch, stream);
		}
		if (watch->fds[PIDFD].revents)
			return ENDED;
		if (watch->fds[CONTROL].revents)
			return ABANDONED;
		if (time_left(deadline) == 0)
			return TIMED_OUT;
	}
}

/* A directory of a procfs stands for its process, whatever pid namespace we are in. */
static void kill_process(int procfs, const char *pid)
{
	ctr_auto_fd int process = openat(procfs, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (process >= 0)
		ctr_sys_pidfd_send_signal(process, SIGKILL);
}

/* As many as are read at once: the others come in another round. */
static void kill_children(int procfs)
{
	ctr_auto_fd int list = openat(procfs, "thread-self/children", O_RDONLY | O_CLOEXEC);
	char text[4096], *rest = text;
	ssize_t got = list < 0 ? -1 : read(list, text, sizeof(text) - 1);
	char *end;

	if (got <= 0)
		return;
	text[got] = '\0';
	while ((end = strchr(rest, ' '))) {
		*end = '\0';
		kill_process(procfs, rest);
		rest = end + 1;
	}
}

static void kill_descendants(const struct helper *helper)
{
	if (helper->procfs >= 0)
		kill_children(helper->procfs);
	else if (getpid() == 1)
		kill(-1, SIGKILL);
}

/* False when there is no child left. */
static bool reap_ended(void)
{
	pid_t pid;

	do {
		pid = waitpid(-1, NULL, WNOHANG | __WALL);
	} while (pid > 0);
	return pid == 0;
}

/* The children of who is killed come to us, so that it ends when there is none left. */
static void kill_tree(const struct watch *watch)
{
	const struct timespec round = { .tv_nsec = ROUND_MILLISECONDS * 1000000L };
	const int64_t deadline = clock_now() + KILL_MILLISECONDS;
	sigset_t news, before;

	sigemptyset(&news);
	sigaddset(&news, SIGCHLD);
	sigprocmask(SIG_BLOCK, &news, &before);
	kill(-watch->pid, SIGKILL);
	kill_descendants(watch->helper);
	while (reap_ended() && clock_now() < deadline) {
		sigtimedwait(&news, NULL, &round);
		kill_descendants(watch->helper);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* It stays a zombie, so that the number of its session is nobody else's. */
static void read_end(const struct watch *watch)
{
	siginfo_t info = { 0 };

	waitid(P_PID, (id_t)watch->pid, &info, WEXITED | WNOWAIT | WNOHANG);
	watch->result->code = info.si_code == CLD_EXITED ? info.si_status : -1;
	watch->result->signo = info.si_code == CLD_EXITED ? 0 : info.si_status;
}

static void finish(struct watch *watch)
{
	enum end end = follow(watch);

	watch->result->timed_out = end == TIMED_OUT;
	drain_rest(watch, STDOUT);
	drain_rest(watch, STDERR);
	if (end == ENDED)
		read_end(watch);
	if (end != ENDED || watch->result->code != 0)
		kill_tree(watch);
	reap_ended();
	if (end == ABANDONED)
		_exit(CTR_EXIT_SETUP);
}

/* Ends when the program is executed, or says why it is not. */
static int await_execution(const struct helper *helper, int report, struct ctr_err *err)
{
	struct refusal refusal;
	ssize_t got;

	do {
		got = read(report, &refusal, sizeof(refusal));
	} while (got < 0 && errno == EINTR);
	if (got == (ssize_t)sizeof(refusal))
		return ctr_fail(err, refusal.num, refusal.op, "%s",
		                strcmp(refusal.op, "chdir") == 0 ? helper->dir : helper->path);
	return 0;
}

static int watch_child(struct watch *watch, struct pipes *pipes, struct ctr_err *err)
{
	ctr_auto_fd int pidfd = ctr_sys_pidfd_open(watch->pid, 0);

	if (pidfd < 0)
		return ctr_fail(err, errno, "pidfd_open", "%s", watch->helper->path);
	for (int i = 0; i < PIPES; i++)
		ctr_close_fd(&pipes->far[i]);
	if (await_execution(watch->helper, pipes->near[REPORT], err) < 0) {
		waitpid(watch->pid, NULL, 0);
		return -1;
	}
	watch->fds[STDOUT] = (struct pollfd){ .fd = pipes->near[STDOUT], .events = POLLIN };
	watch->fds[STDERR] = (struct pollfd){ .fd = pipes->near[STDERR], .events = POLLIN };
	watch->fds[PIDFD] = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	watch->fds[CONTROL] = (struct pollfd){ .fd = watch->run->control };
	finish(watch);
	return 0;
}

int helper_run(const struct run *run, const struct helper *helper, struct helper_result *ret_result,
               struct ctr_err *err)
{
	__attribute__((cleanup(close_pipes))) struct pipes pipes = { { -1, -1, -1 },
		                                                     { -1, -1, -1 } };
	struct watch watch = { .run = run, .helper = helper, .result = ret_result };
	pid_t parent = getpid();
	int result;

	if (open_pipes(&pipes, helper->path, err) < 0)
		return -1;
	if (helper->procfs >= 0)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	watch.pid = fork();
	if (watch.pid < 0)
		return ctr_fail(err, errno, "fork", "%s", helper->path);
	if (watch.pid == 0)
		child(&watch, &pipes, parent);
	result = watch_child(&watch, &pipes, err);
	if (helper->procfs >= 0)
		prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	return result;
}

char **helper_lists(const struct ctr_step *step, size_t first, size_t args, size_t env)
{
	char **lists = calloc(args + env + 2, sizeof(*lists));

	if (!lists)
		return NULL;
	memcpy(lists, step->strs + first, args * sizeof(*lists));
	memcpy(lists + args + 1, step->strs + first + args, env * sizeof(*lists));
	return lists;
}
