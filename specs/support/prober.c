/*
 * Makes the system calls that a filter is about, and tells how each ends: `name result errno`.
 * usage: prober [call…], all of them without one. What hangs, ends or changes nothing but this
 * process is made with arguments that no kernel takes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOWHERE ((void *)-1L)

static long probe_unshare_user(void) { return syscall(SYS_unshare, CLONE_NEWUSER); }
static long probe_unshare_mount(void) { return syscall(SYS_unshare, CLONE_NEWNS); }
static long probe_setns(void) { return syscall(SYS_setns, -1, 0); }
static long probe_mount(void) { return syscall(SYS_mount, "x", "/tmp", "tmpfs", 0, NULL); }
static long probe_umount2(void) { return syscall(SYS_umount2, "/tmp", 0); }
static long probe_pivot_root(void) { return syscall(SYS_pivot_root, "/", "/"); }
static long probe_fsopen(void) { return syscall(430, "tmpfs", 0); }
static long probe_open_tree(void) { return syscall(428, -100, "/", 1); }
static long probe_move_mount(void) { return syscall(429, -1, "", -1, "", 0); }
static long probe_mount_setattr(void) { return syscall(442, -1, "", 0, NULL, 0); }
static long probe_bpf(void) { return syscall(SYS_bpf, 0, NULL, 0); }
static long probe_perf_event_open(void) { return syscall(SYS_perf_event_open, NULL, 0, 0, -1, 0); }
static long probe_keyctl(void) { return syscall(SYS_keyctl, 0, -3, 0); }
static long probe_add_key(void) { return syscall(SYS_add_key, "user", "a", "b", 1, -3); }
static long probe_request_key(void) { return syscall(SYS_request_key, "user", "a", NULL, 0); }
static long probe_userfaultfd(void) { return syscall(SYS_userfaultfd, 0); }
static long probe_io_uring_setup(void) { return syscall(425, 1, NULL); }
static long probe_kexec_load(void) { return syscall(SYS_kexec_load, 0, 0, NULL, 0); }
static long probe_init_module(void) { return syscall(SYS_init_module, NULL, 0, ""); }
static long probe_reboot(void) { return syscall(SYS_reboot, 0, 0, 0, NULL); }
static long probe_swapon(void) { return syscall(SYS_swapon, "/nonesuch", 0); }
static long probe_sethostname(void) { return syscall(SYS_sethostname, "x", 1); }
static long probe_settimeofday(void) { return syscall(SYS_settimeofday, NOWHERE, NULL); }
static long probe_open_by_handle_at(void) { return syscall(SYS_open_by_handle_at, -1, NULL, 0); }
static long probe_mbind(void) { return syscall(SYS_mbind, 0, 0, 0, NULL, 0, 0); }
static long probe_acct(void) { return syscall(SYS_acct, "/nonesuch"); }
static long probe_kcmp(void) { return syscall(SYS_kcmp, 1, 1, 0, 0, 0); }
static long probe_syslog(void) { return syscall(SYS_syslog, 10, NULL, 0); }
static long probe_clone3(void) { return syscall(435, NULL, 0); }
static long probe_clone_user(void)
{
	return syscall(SYS_clone, CLONE_NEWUSER | 0x80000000L, NULL, NULL, NULL, 0);
}
static long probe_future_call(void) { return syscall(600); }
static long probe_ptrace(void) { return syscall(SYS_ptrace, 0x4201, 0, 0, 0); }
static long probe_chroot(void) { return syscall(SYS_chroot, "/"); }
static long probe_personality(void) { return syscall(SYS_personality, 0xffffffff); }
static long probe_personality_odd(void) { return syscall(SYS_personality, 0x0400000); }
static long probe_af_inet(void) { return socket(AF_INET, SOCK_STREAM, 0); }
static long probe_af_netlink(void) { return socket(AF_NETLINK, SOCK_RAW, 0); }
static long probe_af_alg(void) { return socket(AF_ALG, SOCK_SEQPACKET, 0); }
static long probe_af_vsock(void) { return socket(AF_VSOCK, SOCK_STREAM, 0); }
static long probe_af_alg_wide(void)
{
	return syscall(SYS_socket, 0x100000000L + AF_ALG, SOCK_SEQPACKET, 0);
}
static long probe_tiocsti(void) { return syscall(SYS_ioctl, 0, 0x5412, "x"); }
static long probe_tiocsti_wide(void) { return syscall(SYS_ioctl, 0, 0x100005412L, "x"); }
static long probe_tioclinux(void) { return syscall(SYS_ioctl, 0, 0x541c, "x"); }
static long probe_tcgets(void)
{
	char room[256];

	return syscall(SYS_ioctl, 0, 0x5401, room);
}
static long probe_mkdir(void) { return mkdir("/dev/shm/probe", 0755); }

static const struct probe {
	const char *name;
	long (*run)(void);
} probes[] = {
#define PROBE(name) { #name, probe_##name }
	PROBE(unshare_user), PROBE(unshare_mount), PROBE(setns), PROBE(mount), PROBE(umount2),
	PROBE(pivot_root), PROBE(fsopen), PROBE(open_tree), PROBE(move_mount), PROBE(mount_setattr),
	PROBE(bpf), PROBE(perf_event_open), PROBE(keyctl), PROBE(add_key), PROBE(request_key),
	PROBE(userfaultfd), PROBE(io_uring_setup), PROBE(kexec_load), PROBE(init_module),
	PROBE(reboot), PROBE(swapon), PROBE(sethostname), PROBE(settimeofday),
	PROBE(open_by_handle_at), PROBE(mbind), PROBE(acct), PROBE(kcmp), PROBE(syslog),
	PROBE(clone3), PROBE(clone_user), PROBE(future_call), PROBE(ptrace), PROBE(chroot),
	PROBE(personality), PROBE(personality_odd), PROBE(af_inet), PROBE(af_netlink),
	PROBE(af_alg), PROBE(af_vsock), PROBE(af_alg_wide), PROBE(tiocsti), PROBE(tiocsti_wide),
	PROBE(tioclinux), PROBE(tcgets), PROBE(mkdir),
};

static void make(const struct probe *probe)
{
	long result;

	errno = 0;
	result = probe->run();
	printf("%s %ld %d\n", probe->name, result < 0 ? -1L : 0L, result < 0 ? errno : 0);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		int wanted = argc == 1;

		for (int arg = 1; arg < argc; arg++)
			wanted |= strcmp(argv[arg], probes[i].name) == 0;
		if (wanted)
			make(&probes[i]);
	}
	return 0;
}
