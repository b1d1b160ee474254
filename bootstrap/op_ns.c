/* SPDX-License-Identifier: MIT */
/* Operations on namespaces. */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auto.h"
#include "init.h"
#include "path.h"
#include "sys.h"

/* New credentials may have made us dumpable, a new mount namespace has another "/". */
static int entered(struct run *run, int64_t mask, struct ctr_err *err)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return mask & CLONE_NEWNS ? root_reopen(run, err) : 0;
}

int op_join(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	if (setns((int)step->nums[0], (int)step->nums[1]) < 0)
		return ctr_fail(err, errno, "setns", "0x%x", (unsigned)step->nums[1]);
	return entered(run, step->nums[1], err);
}

int op_unshare(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	if (unshare((int)step->nums[0]) < 0)
		return ctr_fail(err, errno, "unshare", "0x%x", (unsigned)step->nums[0]);
	return entered(run, step->nums[0], err);
}

int op_setsid(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	(void)run;
	(void)step;
	if (setsid() < 0)
		return ctr_fail(err, errno, "setsid", "process");
	return 0;
}

int op_hostname(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	(void)run;
	if (sethostname(step->strs[0], strlen(step->strs[0])) < 0)
		return ctr_fail(err, errno, "sethostname", "%s", step->strs[0]);
	return 0;
}

int op_domainname(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	(void)run;
	if (setdomainname(step->strs[0], strlen(step->strs[0])) < 0)
		return ctr_fail(err, errno, "setdomainname", "%s", step->strs[0]);
	return 0;
}

int op_link_up(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	/* Any socket takes these requests: it stands for its network namespace. */
	ctr_auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const char *name = step->strs[0];
	struct ifreq request = { 0 };

	(void)run;
	if (fd < 0)
		return ctr_fail(err, errno, "socket", "%s", name);
	if (strlen(name) >= sizeof(request.ifr_name))
		return ctr_fail(err, ENODEV, "link_up", "%s", name);
	memcpy(request.ifr_name, name, strlen(name) + 1);
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return ctr_fail(err, errno, "link_up", "%s", name);
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return ctr_fail(err, errno, "link_up", "%s", name);
	return 0;
}

/* Opens ns/time_for_children, which is a magic link, from its checked directory. */
static int open_time_ns(int procfs, struct ctr_err *err)
{
	ctr_auto_fd int dir = proc_open_own(procfs, "ns", O_PATH | O_DIRECTORY, err);
	int fd;

	if (dir < 0)
		return -1;
	fd = openat(dir, "time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ctr_fail(err, errno, "open", "ns/time_for_children");
	return fd;
}

int op_time_offsets(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	int procfs = (int)step->nums[0];
	ctr_auto_fd int file = -1, ns = -1;

	(void)run;
	if (step->strs[0][0] != '\0') {
		file = proc_open_own(procfs, "timens_offsets", O_WRONLY, err);
		if (file < 0 || proc_write(file, step->strs[0], "timens_offsets", err) < 0)
			return -1;
	}
	ns = open_time_ns(procfs, err);
	if (ns < 0)
		return -1;
	if (setns(ns, CLONE_NEWTIME) < 0)
		return ctr_fail(err, errno, "setns", "time_for_children");
	return 0;
}
