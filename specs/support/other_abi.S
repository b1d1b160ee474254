/*
 * Calls the kernel by the ways of 32-bit programs, from a 64-bit one without a C library:
 * getpid by int 0x80 (argument "a"), by x32's number (argument "b"); exits with 7 after the call.
 */
	.globl _start
_start:
	mov	16(%rsp), %rsi
	cmpb	$'a', (%rsi)
	je	old
	mov	$0x40000027, %eax
	syscall
	jmp	leave
old:
	mov	$20, %eax
	int	$0x80
leave:
	mov	$7, %edi
	mov	$60, %eax
	syscall
