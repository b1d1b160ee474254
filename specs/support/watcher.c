/* SPDX-License-Identifier: MIT */
/*
 * What a container's root can get hold of in other processes: looks at all of
 * them over and over until SIGTERM, and writes each thing that it saw once.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEEN_MAX 256

static volatile sig_atomic_t done;
static char *seen[SEEN_MAX];
static int seen_count;

static void stop(int signo)
{
	(void)signo;
	done = 1;
}

static void tell(const char *what, const char *text)
{
	char line[600];

	snprintf(line, sizeof(line), "%s %s", what, text);
	for (int i = 0; i < seen_count; i++) {
		if (strcmp(seen[i], line) == 0)
			return;
	}
	if (seen_count < SEEN_MAX)
		seen[seen_count++] = strdup(line);
}

/* What a link says, or leads to: between the two the process may become another one. */
static void look_at_link(const char *path, const char *what)
{
	char text[512], own[32];
	ssize_t size = readlink(path, text, sizeof(text) - 1);
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (size < 0 && fd >= 0) {
		snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
		size = readlink(own, text, sizeof(text) - 1);
	}
	if (fd >= 0)
		close(fd);
	if (size < 0)
		return;
	text[size] = '\0';
	tell(what, text);
}

static void look_at_fds(const char *process)
{
	char path[64];
	const struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", process);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fd/%.20s", process, entry->d_name);
		look_at_link(path, "fd");
	}
	closedir(dir);
}

/* To open its memory takes the right to trace it. */
static void look_into(const char *process)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/mem", process);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	close(fd);
	snprintf(path, sizeof(path), "/proc/%s/exe", process);
	look_at_link(path, "memory");
}

/* To trace it is to have all that it has. */
static void trace(const char *process)
{
	pid_t pid = atoi(process);
	char path[64];

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		return;
	snprintf(path, sizeof(path), "/proc/%s/exe", process);
	look_at_link(path, "traced");
	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	waitpid(pid, NULL, __WALL);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void look_at(const char *process)
{
	static const char *const links[] = { "exe", "cwd", "root" };
	char path[64];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/proc/%s/%s", process, links[i]);
		look_at_link(path, links[i]);
	}
	look_at_fds(process);
	look_into(process);
	trace(process);
}

static void look_around(void)
{
	const struct dirent *entry;
	DIR *dir = opendir("/proc");

	if (!dir)
		exit(1);
	while ((entry = readdir(dir))) {
		if (isdigit((unsigned char)entry->d_name[0]) && strlen(entry->d_name) < 10 &&
		    atoi(entry->d_name) != getpid()) {
			tell("process", "seen");
			look_at(entry->d_name);
		}
	}
	closedir(dir);
}

int main(void)
{
	signal(SIGTERM, stop);
	puts("ready");
	fflush(stdout);
	while (!done)
		look_around();
	for (int i = 0; i < seen_count; i++)
		puts(seen[i]);
	return 0;
}
