/* SPDX-License-Identifier: MIT */
/* Operations on what a process has of its own. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "auto.h"
#include "init.h"
#include "path.h"
#include "sys.h"

struct limit {
	uint64_t soft;
	uint64_t hard;
};

int proc_write(int fd, const char *value, const char *what, struct ctr_err *err)
{
	size_t size = strlen(value);
	ssize_t done;

	do {
		done = write(fd, value, size);
	} while (done < 0 && errno == EINTR);
	if (done < 0)
		return ctr_fail(err, errno, "write", "%s", what);
	if ((size_t)done != size)
		return ctr_fail(err, EIO, "write", "%s", what);
	return 0;
}

/* "self" is a link, and none is followed: its text is the pid that the procfs knows us by. */
int proc_open_own(int procfs, const char *file, int flags, struct ctr_err *err)
{
	char path[128], self[16];
	ssize_t size = readlinkat(procfs, "self", self, sizeof(self) - 1);
	int fd;

	if (size < 0)
		return ctr_fail(err, errno, "readlink", "self");
	self[size] = '\0';
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", self, file) >= sizeof(path))
		return ctr_fail(err, ENAMETOOLONG, "open", "%s", file);
	fd = ctr_path_open_beneath(procfs, path, (uint64_t)flags, 0, err);
	if (fd >= 0 || err->num != EACCES)
		return fd;
	/* The files of who is not dumpable are the host root's: nobody else can open them. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	fd = ctr_path_open_beneath(procfs, path, (uint64_t)flags, 0, err);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return fd;
}

int op_cgroup_join(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	(void)run;
	return proc_write((int)step->nums[0], "0", "cgroup", err);
}

int op_oom_score_adj(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	ctr_auto_fd int fd = proc_open_own((int)step->nums[0], "oom_score_adj", O_WRONLY, err);

	(void)run;
	if (fd < 0)
		return -1;
	return proc_write(fd, step->strs[0], "oom_score_adj", err);
}

int op_sysctl(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	ctr_auto_fd int fd = -1;
	char path[PATH_MAX];

	(void)run;
	if ((size_t)snprintf(path, sizeof(path), "sys/%s", step->strs[0]) >= sizeof(path))
		return ctr_fail(err, ENAMETOOLONG, "sysctl", "%s", step->strs[0]);
	fd = ctr_path_open_beneath((int)step->nums[0], path, O_WRONLY, 0, err);
	if (fd < 0)
		return -1;
	return proc_write(fd, step->strs[1], path, err);
}

/* What was asked for, or begins with it: AppArmor adds its mode, "NAME (enforce)". */
static bool label_took(const char *wanted, const char *found)
{
	size_t length = strlen(wanted);

	if (length == 0)
		return true;
	return strncmp(found, wanted, length) == 0 && strchr(" :\n", found[length]) != NULL;
}

static int read_back_label(int procfs, const char *file, const char *wanted, struct ctr_err *err)
{
	ctr_auto_fd int fd = proc_open_own(procfs, file, O_RDONLY, err);
	char found[1024];
	ssize_t size;

	if (fd < 0)
		return -1;
	size = read(fd, found, sizeof(found) - 1);
	if (size < 0)
		return ctr_fail(err, errno, "read", "%s", file);
	found[size] = '\0';
	if (!label_took(wanted, found))
		return ctr_fail(err, EACCES, "label", "%s (it is %s)", wanted, found);
	return 0;
}

int op_label(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	ctr_auto_fd int fd = -1;
	char file[96];

	(void)run;
	if ((size_t)snprintf(file, sizeof(file), "attr/%s", step->strs[0]) >= sizeof(file))
		return ctr_fail(err, ENAMETOOLONG, "label", "%s", step->strs[0]);
	fd = proc_open_own((int)step->nums[0], file, O_WRONLY, err);
	if (fd < 0 || proc_write(fd, step->strs[1], file, err) < 0)
		return -1;
	return read_back_label((int)step->nums[0], file, step->strs[2], err);
}

/* A directory, so that opening it does nothing else. */
int op_file_label(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const char *path = step->strs[0], *label = step->strs[1];
	ctr_auto_fd int fd = ctr_path_open(run->root, path, O_RDONLY | O_DIRECTORY, 0, err);

	if (fd < 0)
		return -1;
	if (fsetxattr(fd, "security.selinux", label, strlen(label) + 1, 0) < 0)
		return ctr_fail(err, errno, "setxattr", "%s (%s)", path, label);
	return 0;
}

/* prlimit64(2) itself: the C library's type knows another infinity on some machines. */
static int limit_call(int resource, const struct limit *set, struct limit *get)
{
	return (int)syscall(SYS_prlimit64, 0, resource, set, get);
}

int op_rlimit(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const struct limit limit = { (uint64_t)step->nums[1], (uint64_t)step->nums[2] };

	(void)run;
	if (limit_call((int)step->nums[0], &limit, NULL) < 0)
		return ctr_fail(err, errno, "prlimit", "resource %d", (int)step->nums[0]);
	return 0;
}

int op_rlimit_raise(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	int resource = (int)step->nums[0];
	struct limit limit;

	(void)run;
	if (limit_call(resource, NULL, &limit) < 0)
		return ctr_fail(err, errno, "prlimit", "resource %d", resource);
	if (limit.hard >= (uint64_t)step->nums[1])
		return 0;
	limit.hard = (uint64_t)step->nums[1];
	if (limit_call(resource, &limit, NULL) < 0)
		return ctr_fail(err, errno, "prlimit", "resource %d", resource);
	return 0;
}

static int enter_dir(const struct run *run, const char *path, struct ctr_err *err)
{
	ctr_auto_fd int fd = ctr_path_open(run->root, path, O_PATH | O_DIRECTORY, 0, err);

	if (fd < 0)
		return ctr_fail(err, err->num, "chdir", "%s", path);
	if (fchdir(fd) < 0)
		return ctr_fail(err, errno, "chdir", "%s", path);
	return 0;
}

/* The call itself: the C library's hides a directory outside (CVE-2024-21626). */
static int check_inside(const char *path, struct ctr_err *err)
{
	char cwd[PATH_MAX];

	if (syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0)
		return ctr_fail(err, errno, "getcwd", "%s", path);
	if (cwd[0] != '/')
		return ctr_fail(err, ENOENT, "chdir", "%s (not inside the root)", path);
	return 0;
}

int op_chdir(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const char *path = step->strs[0];
	bool tries = step->nums[0], is_done = run->in_dir;

	run->in_dir = false;
	if (is_done && !tries)
		return check_inside(path, err);
	if (enter_dir(run, path, err) < 0)
		return tries && (err->num == EACCES || err->num == EPERM) ? 0 : -1;
	run->in_dir = tries;
	return check_inside(path, err);
}

int op_umask(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	(void)err;
	run->umask = (mode_t)step->nums[0];
	return 0;
}

int op_pdeathsig(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)step->nums[0], 0, 0, 0) < 0)
		return ctr_fail(err, errno, "prctl", "PR_SET_PDEATHSIG");
	talk_check_peer(run); /* it may have died before */
	return 0;
}

/* Adds permission bits to the keyring: "type;uid;gid;permissions;name" says which it has. */
static int add_permissions(long keyring, unsigned bits, struct ctr_err *err)
{
	char text[1536];
	const char *field = text;
	long size = syscall(SYS_keyctl, KEYCTL_DESCRIBE, keyring, text, sizeof(text) - 1);
	unsigned permissions;

	if (size < 0)
		return ctr_fail(err, errno, "keyctl", "describe");
	text[size < (long)sizeof(text) ? size : 0] = '\0';
	for (int i = 0; i < 3 && field; i++) {
		field = strchr(field, ';');
		field = field ? field + 1 : NULL;
	}
	if (!field)
		return ctr_fail(err, EPROTO, "keyctl", "describe");
	permissions = (unsigned)strtoul(field, NULL, 16) | bits;
	if (syscall(SYS_keyctl, KEYCTL_SETPERM, keyring, permissions) < 0)
		return ctr_fail(err, errno, "keyctl", "setperm");
	return 0;
}

int op_keyring(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const char *name = step->strs[0];
	long keyring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);

	(void)run;
	if (keyring < 0)
		return errno == ENOSYS ? 0 : ctr_fail(err, errno, "keyctl", "%s", name);
	if (step->nums[0] == 0)
		return 0;
	return add_permissions(keyring, (unsigned)step->nums[0], err);
}
