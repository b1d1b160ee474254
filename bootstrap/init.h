/* SPDX-License-Identifier: MIT */
#ifndef CTR_INIT_H
#define CTR_INIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"
#include "wire.h"

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
	const char *program;
	struct filter filter;
	void *message;
	struct ctr_plan plan;
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

/*
 * fds.c: closes all that neither the program nor a step from now on gets. A
 * descriptor of the host's that is open while a name of the container's is
 * looked up can be a part of that name (/proc/self/fd/N/..., CVE-2024-21626).
 */
int fds_drop(const struct run *run, struct ctr_err *err);

/* op_seccomp.c: loads the filter that waits, if there is one. */
int filter_load(struct run *run, struct ctr_err *err);

/* op_root.c */
int root_reopen(struct run *run, struct ctr_err *err);
int tree_fd(const struct run *run, int64_t number, struct ctr_err *err);

/* op_proc.c: writes value to a file of a procfs: the sysctl, or the process's own file. */
int proc_open_own(int procfs, const char *file, int flags, struct ctr_err *err);
int proc_write(int fd, const char *value, const char *what, struct ctr_err *err);

/* copy.c: copies what is in a directory (O_PATH or not) into another one. */
int copy_content(int from, int to, struct ctr_err *err);

#endif
