/* SPDX-License-Identifier: MIT */
#include "clone.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_SIZE 32768

/*
 * clone3(2) returns twice, and the second time on a stack that holds nothing:
 * a C function could not return there. So the child goes from the system call
 * straight to its function. The result is a pid or a negative errno.
 */
#if defined(__x86_64__)
static long clone3_call(struct clone_args *args, void (*child)(void *), void *data)
{
	register void (*function)(void *) __asm__("r12") = child;
	register void *argument __asm__("r13") = data;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(result)
			 : "0"((long)SYS_clone3), "D"(args), "S"(sizeof(*args)), "r"(function),
			   "r"(argument)
			 : "rcx", "r11", "memory", "cc");
	return result;
}
#elif defined(__aarch64__)
static long clone3_call(struct clone_args *args, void (*child)(void *), void *data)
{
	register long x0 __asm__("x0") = (long)args;
	register long x1 __asm__("x1") = sizeof(*args);
	register long x8 __asm__("x8") = SYS_clone3;
	register void (*function)(void *) __asm__("x19") = child;
	register void *argument __asm__("x20") = data;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x20\n\t"
			 "blr x19\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x1), "r"(x8), "r"(function), "r"(argument)
			 : "memory", "cc");
	return x0;
}
#else
#error "clone3 with a stack is not written for this architecture"
#endif

pid_t ctr_clone_vm(struct clone_args *args, void (*child)(void *), void *data)
{
	_Alignas(16) char stack[STACK_SIZE];
	uint64_t all = ~0ULL, old;
	long result;

	args->flags |= CLONE_VM | CLONE_VFORK;
	args->stack = (uintptr_t)stack;
	args->stack_size = sizeof(stack);

	/* By hand: the C library would leave out the signals that it uses itself. */
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof(all));
	result = clone3_call(args, child, data);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof(old));
	if (result < 0) {
		errno = (int)-result;
		return -1;
	}
	return (pid_t)result;
}
