/* SPDX-License-Identifier: MIT */
#ifndef CTR_CLONE_H
#define CTR_CLONE_H

#include <linux/sched.h>
#include <sys/types.h>

/*
 * A child that borrows the caller's memory (clone3(2) with CLONE_VM and
 * CLONE_VFORK, which are added): its cost does not grow with that memory.
 *
 * The child runs on a stack of its own while the calling thread waits for its
 * execve or _exit, with every signal blocked in both. It calls the kernel and
 * nothing else: no allocation, no stdio, no return. Its functions are marked
 * CTR_CHILD, for a sanitizer does not know that stack.
 */
#define CTR_CHILD __attribute__((no_sanitize_address))

/* Returns the child's pid, or -1 and errno. args->stack is filled in here. */
pid_t ctr_clone_vm(struct clone_args *args, void (*child)(void *), void *data);

#endif
