/* SPDX-License-Identifier: MIT */
#ifndef CTR_PROC_H
#define CTR_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct ctr_spawn {
	const char *path;  /* the program, or */
	int image;         /* its descriptor, when path is NULL */
	char *const *argv; /* with NULL behind them */
	char *const *envp;
	int *fds; /* what becomes 0 … fd_count-1; the array is overwritten */
	size_t fd_count;
	uint64_t flags;  /* CLONE_NEW* */
	int cgroup;      /* a directory of cgroup2, or -1 */
	const char *dir; /* working directory, or NULL */
	bool new_group;  /* lead a process group of its own */
};

/*
 * Runs a program in a child: no descriptor but those asked for, no signal
 * blocked or ignored. The cost does not depend on the caller's memory, and the
 * caller's signals, directory and descriptors are left as they are. Returns a
 * pidfd. A failure in the child up to execve(2) is reported here; such a child
 * is gone then.
 */
int ctr_proc_spawn(const struct ctr_spawn *spawn, pid_t *ret_pid, struct ctr_err *err);

/* Becomes the program: path or image, argv, envp. Returns only on failure, with -1. */
int ctr_proc_exec(const struct ctr_spawn *program, struct ctr_err *err);

int ctr_proc_pidfd_open(pid_t pid, struct ctr_err *err);
int ctr_proc_send_signal(int pidfd, int signo, struct ctr_err *err);

struct ctr_exit {
	bool running; /* and nothing below is set */
	int code;     /* -1 when a signal ended it */
	int signo;    /* 0 when it exited */
	bool core;
	double user;   /* seconds */
	double system; /* seconds */
	uint64_t memory_peak;
};

/*
 * waitid(2) for a child, options of WNOHANG and WNOWAIT. Of one that was reaped
 * already (SIGCHLD is ignored) it tells how it ended, but not what it used,
 * since Linux 6.15; ECHILD before.
 */
int ctr_proc_wait(int pidfd, int options, struct ctr_exit *ret_exit, struct ctr_err *err);

struct ctr_proc_stat {
	char state;
	char comm[64];
	pid_t ppid;
	uint64_t start_time; /* ticks since boot */
};

/* Reads <pid>/stat of a procfs; ENOENT when there is no such process. */
int ctr_proc_stat(int procfs, pid_t pid, struct ctr_proc_stat *ret_stat, struct ctr_err *err);

/* prlimit(2): pid 0 is the caller; NULL leaves a limit as it is, or does not ask for it. */
int ctr_proc_rlimit(pid_t pid, int resource, const uint64_t new_limit[2], uint64_t ret_old[2],
		    struct ctr_err *err);
/* Children of children become ours when their parent ends (PR_SET_CHILD_SUBREAPER). */
int ctr_proc_subreaper(struct ctr_err *err);

#endif
