/* SPDX-License-Identifier: MIT */
#ifndef CTR_INIT_H
#define CTR_INIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"
#include "wire.h"

#define MADE_MAX 1024

/* A file system that was made, and where. */
struct made {
	const char *path;
	uint64_t id;
};

struct sock_filter;

/* A seccomp filter that is not loaded yet, where code is not NULL. */
struct filter {
	struct sock_filter *code;
	unsigned short count;
	uint32_t flags; /* of seccomp(2) */
	uint32_t step;  /* the one that brought it */
};

/* What ctr-init knows while it runs a plan. */
struct run {
	int control;   /* the stream socket to the library; -1 once it is closed */
	int report;    /* where a failure goes after that */
	int root;      /* O_PATH: the container's root, or "/" while there is none */
	uint32_t step; /* from 0, counted through all messages */
	uint32_t next; /* the plan's step that comes next */
	mode_t umask;  /* the program's: it is 0 while the plan runs */
	int born;      /* ends when the half that forked us has told our pid; -1 */
	int null_used; /* 1 + the descriptor of the null mount that is attached */
	bool in_dir;   /* a chdir that only tried succeeded */
	int empty_dir; /* 1 + the attached empty directory of mask */
	int state;     /* what hooks read; -1 */
	int hook;      /* the number of the hook that runs, else 0 */
	int row;       /* 1 + the directory that a row of nodes is made in */
	size_t row_length; /* of its path; SIZE_MAX where that is too long to be kept */
	char row_dir[64];
	const char *program;
	struct filter filter;
	void *message;
	struct ctr_plan plan;
	uint64_t mounted; /* the id of the mount that was attached last; 0 */
	unsigned made_count;
	struct made made[MADE_MAX]; /* as the slots */
	int slots[CTR_WIRE_SLOTS]; /* 1 + descriptor: pages that nobody uses stay untouched */
};

#define TALK_FDS_MAX 32 /* more than there are cgroup hierarchies */

/* plan.c: runs the plan and all that follow; returns only on failure. */
int plan_run(struct run *run, struct ctr_err *err);

/* plan.c: the operations, one function each. */
#define DECLARE_OP(name, number, nums, strings)                                                    \
	int op_##name(struct run *run, const struct ctr_step *step, struct ctr_err *err);
CTR_WIRE_OPS(DECLARE_OP)
#undef DECLARE_OP

/*
 * talk.c: the library at the other end of the control socket. When it is gone
 * all of this is for nothing: the process exits there and then.
 */
int talk_receive_plan(struct run *run, struct ctr_err *err);
/* The first frame waits for this by itself: until the library has heard of this process. */
void talk_wait_born(struct run *run);
int talk_send(struct run *run, const struct ctr_frame *frame, struct ctr_err *err);
int talk_send_files(struct run *run, const struct ctr_frame *frame, const int *fds, int count,
                    struct ctr_err *err);
int talk_send_fds(int socket, const void *data, size_t size, const int *fds, int count,
                  struct ctr_err *err);
int talk_wait_ack(struct run *run, struct ctr_err *err);
/* Waits for an ACK that brings descriptors, at most TALK_FDS_MAX; returns how many. */
int talk_wait_fds(struct run *run, int *ret_fds, struct ctr_err *err);
void talk_check_peer(const struct run *run);
void talk_report(struct run *run, const struct ctr_err *failure);
/* Tells what a hook wrote to a stream, 1 or 2; the report comes behind it. */
void talk_output(struct run *run, int stream, const char *text, size_t size);

/*
 * fds.c: closes all that neither the program nor a step from now on gets. A
 * descriptor of the host's that is open while a name of the container's is
 * looked up can be a part of that name (/proc/self/fd/N/..., CVE-2024-21626).
 */
int fds_drop(const struct run *run, struct ctr_err *err);

/* op_seccomp.c: loads the filter that waits, if there is one. */
int filter_load(struct run *run, struct ctr_err *err);

/* op_seccomp.c: puts this process, which is none of the plan's, under a filter without a listener;
 * -1 and errno where the kernel refuses. */
int filter_enter(const struct filter *filter);

/* op_node.c: closes what only a row of nodes needs, where this step is not one of it. */
void node_end_row(struct run *run, const struct ctr_step *step);

/* op_root.c */
int root_reopen(struct run *run, struct ctr_err *err);
int tree_fd(const struct run *run, int64_t number, struct ctr_err *err);

/* op_flow.c: waits until there is a byte, takes it and returns it. */
int flow_wait_byte(int fifo, struct ctr_err *err);

/* op_proc.c: writes value to a file of a procfs: the sysctl, or the process's own file. */
int proc_open_own(int procfs, const char *file, int flags, struct ctr_err *err);
int proc_write(int fd, const char *value, const char *what, struct ctr_err *err);

/*
 * helper.c: runs a program beside the container's own, to its end or to a
 * deadline (defence D14). It has a session of its own, and no descriptor but its
 * three streams. What it wrote is kept up to HELPER_SAID_MAX, the rest is read and
 * dropped; who still holds its pipes is not waited for. Unless it exits with 0, its
 * whole tree is killed: whatever its descendants did, they become children of this
 * process when their parents end. When the library goes away, all of this ends.
 */
#define HELPER_SAID_MAX 1024

struct helper {
	const char *dir; /* or "" */
	const char *path;
	int program; /* its descriptor, which path has to lead to; -1: path is looked up */
	bool search; /* as execvp(3) does */
	char **args; /* args and env end with a null pointer */
	char **env;
	int input;
	int procfs;      /* where to find its tree; -1: its session, and what a pid namespace holds */
	const struct filter *filter; /* what it is executed under; NULL */
	int64_t timeout; /* milliseconds; -1 */
};

struct helper_result {
	bool timed_out;
	int code;  /* its exit code; -1 when a signal ended it */
	int signo; /* that signal */
	size_t size[2];
	char said[2][HELPER_SAID_MAX + 1]; /* standard output, standard error */
};

int helper_run(const struct run *run, const struct helper *helper, struct helper_result *ret_result,
               struct ctr_err *err);
/* Splits a step's strings from args on into two lists; the caller frees what is returned. */
char **helper_lists(const struct ctr_step *step, size_t first, size_t args, size_t env);

/* copy.c: copies what is in a directory (O_PATH or not) into another one. */
int copy_content(int from, int to, struct ctr_err *err);

#endif
