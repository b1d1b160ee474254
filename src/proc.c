/* SPDX-License-Identifier: MIT */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "clone.h"
#include "fd.h"
#include "interrupt.h"
#include "path.h"
#include "sys.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define SIGNAL_LAST 64
#define REAP_MILLISECONDS 1000

/* What parent and child share while the parent waits. */
struct child {
	const struct ctr_spawn *spawn;
	int image;
	const char *op; /* what failed, NULL when nothing did */
	int num;
	int fd;
};

CTR_CHILD static void child_fail(struct child *child, const char *op, int fd)
{
	child->num = errno;
	child->fd = fd;
	child->op = op;
	for (;;)
		syscall(SYS_exit_group, 127);
}

/* CLONE_CLEAR_SIGHAND took the handlers; what the caller ignores is not ignored here. */
CTR_CHILD static void default_signals(void)
{
	/* All zero is SIG_DFL without flags in the kernel's struct sigaction, whose size is below. */
	static const uint64_t action[8];

	for (int signo = 1; signo <= SIGNAL_LAST; signo++)
		syscall(SYS_rt_sigaction, signo, action, NULL, 8);
}

/* Target i gets its source; what is there already need not be put there. */
CTR_CHILD static long place_fd(int source, int target)
{
	if (source == target)
		return syscall(SYS_fcntl, source, F_SETFD, 0);
	return syscall(SYS_dup3, source, target, 0);
}

/* A source that an earlier target takes the place of is put out of the way first. */
CTR_CHILD static void place_fds(struct child *child)
{
	const struct ctr_spawn *spawn = child->spawn;
	int count = (int)spawn->fd_count;

	for (int i = 0; i < count; i++) {
		int source = spawn->fds[i];

		if (source < i)
			spawn->fds[i] = (int)syscall(SYS_fcntl, source, F_DUPFD_CLOEXEC, count);
		if (spawn->fds[i] < 0)
			child_fail(child, "dup", source);
	}
	if (!spawn->path) {
		child->image = (int)syscall(SYS_fcntl, spawn->image, F_DUPFD_CLOEXEC, count);
		if (child->image < 0)
			child_fail(child, "dup", spawn->image);
	}
	for (int i = 0; i < count; i++) {
		if (place_fd(spawn->fds[i], i) < 0)
			child_fail(child, "dup", spawn->fds[i]);
	}
}

CTR_CHILD static void close_range_of(struct child *child, int first, int last)
{
	if (first <= last && syscall(SYS_close_range, first, last, 0) < 0)
		child_fail(child, "close_range", first);
}

/* Everything but the targets and the image, which closes itself. */
CTR_CHILD static void close_others(struct child *child)
{
	int first = (int)child->spawn->fd_count;

	if (child->image >= 0) {
		close_range_of(child, first, child->image - 1);
		first = child->image + 1;
	}
	close_range_of(child, first, INT32_MAX);
}

CTR_CHILD static void spawn_child(void *data)
{
	struct child *child = data;
	const struct ctr_spawn *spawn = child->spawn;
	static const uint64_t no_signals;

	default_signals();
	if (spawn->dir && syscall(SYS_chdir, spawn->dir) < 0)
		child_fail(child, "chdir", -1);
	if (spawn->new_group && syscall(SYS_setpgid, 0, 0) < 0)
		child_fail(child, "setpgid", -1);
	place_fds(child);
	close_others(child);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof(no_signals));
	if (spawn->path)
		syscall(SYS_execve, spawn->path, spawn->argv, spawn->envp);
	else
		syscall(SYS_execveat, child->image, "", spawn->argv, spawn->envp, AT_EMPTY_PATH);
	child_fail(child, "execve", spawn->image);
}

static int report_child(const struct child *child, struct ctr_err *err)
{
	const struct ctr_spawn *spawn = child->spawn;

	if (strcmp(child->op, "chdir") == 0)
		return ctr_fail(err, child->num, child->op, "%s", spawn->dir);
	if (strcmp(child->op, "execve") == 0 && spawn->path)
		return ctr_fail(err, child->num, child->op, "%s", spawn->path);
	return ctr_fail(err, child->num, child->op, "%d", child->fd);
}

int ctr_proc_spawn(const struct ctr_spawn *spawn, pid_t *ret_pid, struct ctr_err *err)
{
	struct child child = { .spawn = spawn, .image = -1 };
	ctr_auto_fd int pidfd = -1;
	struct clone_args args = {
		/* No exit signal: the kernel sets SIGCHLD at execve, so a child that gets no
		 * further than here is nobody's business but ours. */
		.flags = spawn->flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uintptr_t)&pidfd,
	};
	pid_t pid;

	if (spawn->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)spawn->cgroup;
	}
	pid = ctr_clone_vm(&args, spawn_child, &child);
	if (pid < 0)
		return ctr_fail(err, errno, "clone3", "%s", "");
	if (child.op) {
		syscall(SYS_waitid, P_PIDFD, pidfd, NULL, WEXITED | __WALL, NULL);
		return report_child(&child, err);
	}
	*ret_pid = pid;
	return ctr_take_fd(&pidfd);
}

int ctr_proc_exec(const struct ctr_spawn *program, struct ctr_err *err)
{
	if (program->path)
		execve(program->path, program->argv, program->envp);
	else
		syscall(SYS_execveat, program->image, "", program->argv, program->envp,
			AT_EMPTY_PATH);
	return ctr_fail(err, errno, "exec", "%s", program->argv[0] ? program->argv[0] : "");
}

int ctr_proc_pidfd_open(pid_t pid, struct ctr_err *err)
{
	int fd = ctr_sys_pidfd_open(pid, 0);

	if (fd < 0)
		return ctr_fail(err, errno, "pidfd_open", "%d", (int)pid);
	return fd;
}

int ctr_proc_send_signal(int pidfd, int signo, struct ctr_err *err)
{
	if (ctr_sys_pidfd_send_signal(pidfd, signo) < 0)
		return ctr_fail(err, errno, "pidfd_send_signal", "%d", signo);
	return 0;
}

static double seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void read_exit(const siginfo_t *info, const struct rusage *usage, struct ctr_exit *ret_exit)
{
	bool exited = info->si_code == CLD_EXITED;

	*ret_exit = (struct ctr_exit){
		.code = exited ? info->si_status : -1,
		.signo = exited ? 0 : info->si_status,
		.core = info->si_code == CLD_DUMPED,
		.user = seconds(&usage->ru_utime),
		.system = seconds(&usage->ru_stime),
		.memory_peak = (uint64_t)usage->ru_maxrss * 1024,
	};
}

/* The start of the kernel's struct pidfd_info, as it is since Linux 6.15. */
struct pidfd_info {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t ids[11];
	int32_t status;
};

#define PIDFD_INFO_EXIT (1u << 3)
#define PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info)

_Static_assert(sizeof(struct pidfd_info) == 64, "the first version of struct pidfd_info");

/*
 * How a process ended that others reaped: a program that ignores SIGCHLD leaves
 * that to the kernel, one that waits for any child takes ours as well. What it
 * used is gone. False where the kernel does not say.
 */
static bool read_reaped(int pidfd, struct ctr_exit *ret_exit)
{
	struct pidfd_info info = { .mask = PIDFD_INFO_EXIT };
	struct pollfd process = { .fd = pidfd, .events = POLLIN };

	/* It ends first and is reaped then, which is the hang-up: the kernel takes its time. */
	if (poll(&process, 1, 0) <= 0)
		return false;
	process.events = 0;
	poll(&process, 1, REAP_MILLISECONDS);
	if (ioctl(pidfd, PIDFD_GET_INFO, &info) < 0 || !(info.mask & PIDFD_INFO_EXIT))
		return false;
	*ret_exit = (struct ctr_exit){
		.code = WIFEXITED(info.status) ? WEXITSTATUS(info.status) : -1,
		.signo = WIFSIGNALED(info.status) ? WTERMSIG(info.status) : 0,
		.core = WIFSIGNALED(info.status) && WCOREDUMP(info.status),
	};
	return true;
}

int ctr_proc_wait(int pidfd, int options, struct ctr_exit *ret_exit, struct ctr_err *err)
{
	struct rusage usage;
	siginfo_t info;
	long result;

	/* By hand: the C library's waitid has no rusage. */
	do {
		memset(&info, 0, sizeof(info));
		result = syscall(SYS_waitid, P_PIDFD, pidfd, &info, options | WEXITED | __WALL,
				 &usage);
	} while (result < 0 && errno == EINTR && !ctr_interrupt_take());
	if (result < 0) {
		int cause = errno;

		if (cause == ECHILD && read_reaped(pidfd, ret_exit))
			return 0;
		return ctr_fail(err, cause, "waitid", "%d", pidfd);
	}
	if (info.si_pid == 0)
		*ret_exit = (struct ctr_exit){ .running = true };
	else
		read_exit(&info, &usage, ret_exit);
	return 0;
}

/* "pid (comm) state ppid …": comm may hold anything, so its end is the last parenthesis. */
static int parse_stat(char *text, struct ctr_proc_stat *ret_stat)
{
	char *open = strchr(text, '('), *end = strrchr(text, ')');
	struct ctr_proc_stat stat = { 0 };

	if (!open || !end || end < open)
		return -1;
	*end = '\0';
	snprintf(stat.comm, sizeof(stat.comm), "%s", open + 1);
	/* ppid is the 4th field, starttime the 22nd (proc(5)). */
	if (sscanf(end + 1,
		   " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%" SCNu64,
		   &stat.state, &stat.ppid, &stat.start_time) != 3)
		return -1;
	*ret_stat = stat;
	return 0;
}

int ctr_proc_stat(int procfs, pid_t pid, struct ctr_proc_stat *ret_stat, struct ctr_err *err)
{
	char path[32], text[2048];
	ctr_auto_fd int fd = -1;
	size_t count;

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	fd = ctr_path_open_beneath(procfs, path, O_RDONLY, 0, err);
	if (fd < 0)
		return -1;
	if (ctr_fd_read(fd, text, sizeof(text) - 1, &count, err) < 0)
		return ctr_fail(err, err->num == ESRCH ? ENOENT : err->num, "read", "%s", path);
	text[count] = '\0';
	if (parse_stat(text, ret_stat) < 0)
		return ctr_fail(err, EBADMSG, "read", "%s", path);
	return 0;
}

int ctr_proc_rlimit(pid_t pid, int resource, const uint64_t new_limit[2], uint64_t ret_old[2],
		    struct ctr_err *err)
{
	/* The kernel's struct rlimit64 is two 64-bit numbers, soft and hard. */
	if (syscall(SYS_prlimit64, pid, resource, new_limit, ret_old) < 0)
		return ctr_fail(err, errno, "prlimit", "%d", (int)pid);
	return 0;
}

int ctr_proc_subreaper(struct ctr_err *err)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return ctr_fail(err, errno, "prctl", "%s", "PR_SET_CHILD_SUBREAPER");
	return 0;
}
