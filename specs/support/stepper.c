/* SPDX-License-Identifier: MIT */
/*
 * Runs a program up to one of its system calls, and does it harm there.
 *
 *   stepper caller N 0 PROGRAM ARGUMENT...      kills the program at its Nth call
 *   stepper children N 0 PROGRAM ARGUMENT...    kills the process below it that makes the Nth call
 *   stepper fail N ERRNO PROGRAM ARGUMENT...    lets the Nth call of all of them fail
 *
 * Only the calls between close(-77) and close(-78) of the program count. Its last
 * line of output says how many there were, and the number of the one that was
 * hit. It ends as the program does, with 200 where a signal ended that, and
 * with 201 where it was this one's.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#ifndef __x86_64__
#error "the number of a call is changed in a register of x86-64"
#endif

#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)
#define FIRST_MARK (-77)
#define LAST_MARK (-78)

enum mode { CALLER, CHILDREN, FAIL };

static enum mode mode;
static long wanted, count;
static int error, hit = -1;
static pid_t program;
static bool counting, is_killed;
static pid_t failing; /* whose call fails at its end */

/* Memory, and how a process begins and ends: such failures are LuaJIT's or the C library's. */
static bool is_exempt(long call)
{
	static const long calls[] = { SYS_exit, SYS_exit_group, SYS_mmap, SYS_munmap, SYS_brk,
		                      SYS_mprotect, SYS_mremap, SYS_madvise, SYS_futex,
		                      SYS_rt_sigreturn, SYS_restart_syscall, SYS_arch_prctl,
		                      SYS_set_tid_address };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (calls[i] == call)
			return true;
	}
	return false;
}

static void set_register(pid_t pid, bool at_entry)
{
	struct user_regs_struct regs;

	ptrace(PTRACE_GETREGS, pid, NULL, &regs);
	if (at_entry)
		regs.orig_rax = (unsigned long)-1;
	else
		regs.rax = (unsigned long)-error;
	ptrace(PTRACE_SETREGS, pid, NULL, &regs);
}

static void harm(pid_t pid, long call)
{
	hit = (int)call;
	if (mode == FAIL) {
		/* close(2) closes whatever it answers: who was not let do it would wait for ever. */
		if (call != SYS_close)
			set_register(pid, true);
		failing = pid;
		return;
	}
	is_killed = mode == CALLER;
	kill(pid, SIGKILL);
}

static void mark(long number)
{
	if (number == FIRST_MARK)
		counting = true;
	else if (number == LAST_MARK)
		counting = false;
}

static void enter(pid_t pid, const struct ptrace_syscall_info *info)
{
	long call = (long)info->entry.nr;

	if (pid == program && call == SYS_close && (int)info->entry.args[0] < -1) {
		mark((int)info->entry.args[0]);
		return;
	}
	if (!counting || is_exempt(call) || (mode == CALLER && pid != program) ||
	    (mode == CHILDREN && pid == program))
		return;
	if (++count == wanted)
		harm(pid, call);
}

static void at_syscall(pid_t pid)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		enter(pid, &info);
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT && pid == failing) {
		set_register(pid, false);
		failing = 0;
	}
}

/* The signal to go on with. */
static int at_stop(pid_t pid, int status)
{
	int signo = WSTOPSIG(status);

	if (signo == (SIGTRAP | 0x80)) {
		at_syscall(pid);
		return 0;
	}
	if (status >> 16) /* an event, or the stop of a new process */
		return 0;
	return signo;
}

static int follow(void)
{
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0)
			return 202;
		if (!WIFSTOPPED(status)) {
			if (pid == program)
				return WIFEXITED(status) ? WEXITSTATUS(status) : is_killed ? 201 : 200;
			continue;
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, (long)at_stop(pid, status));
	}
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 5)
		return 2;
	mode = strcmp(argv[1], "fail") == 0 ? FAIL : strcmp(argv[1], "children") == 0 ? CHILDREN : CALLER;
	wanted = atol(argv[2]);
	error = atoi(argv[3]);
	program = fork();
	if (program == 0) {
		raise(SIGSTOP);
		execvp(argv[4], argv + 4);
		_exit(127);
	}
	waitpid(program, &status, WUNTRACED);
	/* A caller that is killed leaves what it has made: nobody traces that. */
	if (ptrace(PTRACE_SEIZE, program, NULL, mode == CALLER ? PTRACE_O_TRACESYSGOOD : OPTIONS) < 0)
		return 203;
	kill(program, SIGCONT);
	status = follow();
	printf("\nstepper %ld %d\n", count, hit);
	return status;
}
