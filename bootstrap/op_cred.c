/* SPDX-License-Identifier: MIT */
/* Operations on ids and capabilities (defences D6, D7, D8). */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <linux/capability.h>

#include "auto.h"
#include "init.h"
#include "sys.h"

/*
 * The system calls themselves: this process has one thread, and needs none of
 * what the C library does for the others. Old machines have two generations.
 */
#ifdef SYS_setresuid32
#define CALL_SETGROUPS SYS_setgroups32
#define CALL_SETRESUID SYS_setresuid32
#define CALL_SETRESGID SYS_setresgid32
#else
#define CALL_SETGROUPS SYS_setgroups
#define CALL_SETRESUID SYS_setresuid
#define CALL_SETRESGID SYS_setresgid
#endif

#define CAPS_MAX 64

static int set_groups(const int64_t *groups, uint32_t count, struct ctr_err *err)
{
	ctr_auto_free gid_t *ids = malloc((count + 1) * sizeof(*ids));

	if (!ids)
		return ctr_fail(err, ENOMEM, "setgroups", "%u groups", count);
	for (uint32_t i = 0; i < count; i++)
		ids[i] = (gid_t)groups[i];
	if (syscall(CALL_SETGROUPS, count, ids) < 0)
		return ctr_fail(err, errno, "setgroups", "%u groups", count);
	return 0;
}

static int check_ids(uid_t uid, gid_t gid, struct ctr_err *err)
{
	uid_t uids[3];
	gid_t gids[3];

	if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 ||
	    getresgid(&gids[0], &gids[1], &gids[2]) < 0)
		return ctr_fail(err, errno, "getresuid", "%u:%u", uid, gid);
	for (int i = 0; i < 3; i++) {
		if (uids[i] != uid || gids[i] != gid)
			return ctr_fail(err, EPERM, "set_ids", "%u:%u (not taken)", uid, gid);
	}
	return 0;
}

int op_set_ids(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	uid_t uid = (uid_t)step->nums[0];
	gid_t gid = (gid_t)step->nums[1];

	(void)run;
	if (step->nums[2] && set_groups(step->nums + 3, step->num_count - 3, err) < 0)
		return -1;
	if (syscall(CALL_SETRESGID, gid, gid, gid) < 0)
		return ctr_fail(err, errno, "setresgid", "%u", gid);
	if (syscall(CALL_SETRESUID, uid, uid, uid) < 0)
		return ctr_fail(err, errno, "setresuid", "%u", uid);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a change of ids may set it */
	return check_ids(uid, gid, err);
}

int op_no_new_privs(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	(void)run;
	(void)step;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return ctr_fail(err, errno, "prctl", "PR_SET_NO_NEW_PRIVS");
	return 0;
}

int op_keep_caps(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	(void)run;
	if (prctl(PR_SET_KEEPCAPS, (unsigned long)step->nums[0], 0, 0, 0) < 0)
		return ctr_fail(err, errno, "prctl", "PR_SET_KEEPCAPS");
	return 0;
}

static bool has_cap(uint64_t mask, unsigned long cap)
{
	return mask >> cap & 1;
}

int op_bounding(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	uint64_t mask = (uint64_t)step->nums[0];

	(void)run;
	for (unsigned long cap = 0; cap < CAPS_MAX; cap++) {
		if (has_cap(mask, cap) || prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL) /* past the last one that the kernel knows */
			break;
		/* Without CAP_SETPCAP nothing can be dropped: fine for what is not there. */
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			return ctr_fail(err, EPERM, "prctl", "PR_CAPBSET_DROP %lu", cap);
	}
	return 0;
}

/* Exactly these, in the ambient set. */
static int set_ambient(uint64_t mask, struct ctr_err *err)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return ctr_fail(err, errno, "prctl", "PR_CAP_AMBIENT_CLEAR_ALL");
	for (unsigned long cap = 0; cap < CAPS_MAX; cap++) {
		if (has_cap(mask, cap) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return ctr_fail(err, errno, "prctl", "PR_CAP_AMBIENT_RAISE %lu", cap);
	}
	return 0;
}

/* The ambient set is lowered by more than PR_CAP_AMBIENT: so it is looked at as well. */
static int check_ambient(uint64_t mask, struct ctr_err *err)
{
	/* None was raised but these, after all had been cleared. */
	for (unsigned long cap = 0; cap < CAPS_MAX; cap++) {
		if (has_cap(mask, cap) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) != 1)
			return ctr_fail(err, EPERM, "capset", "ambient %lu (not taken)", cap);
	}
	return 0;
}

/* Two halves of 32 bits, each with the three sets. */
static void fill_halves(const struct ctr_step *step, struct __user_cap_data_struct *halves)
{
	for (int i = 0; i < 2; i++) {
		halves[i].effective = (uint32_t)((uint64_t)step->nums[0] >> 32 * i);
		halves[i].permitted = (uint32_t)((uint64_t)step->nums[1] >> 32 * i);
		halves[i].inheritable = (uint32_t)((uint64_t)step->nums[2] >> 32 * i);
	}
}

int op_capset(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct wanted[2], found[2];
	uint64_t ambient = (uint64_t)step->nums[3];

	(void)run;
	fill_halves(step, wanted);
	if (syscall(SYS_capset, &header, wanted) < 0)
		return ctr_fail(err, errno, "capset", "capabilities");
	if (set_ambient(ambient, err) < 0)
		return -1;
	if (syscall(SYS_capget, &header, found) < 0)
		return ctr_fail(err, errno, "capget", "capabilities");
	if (memcmp(wanted, found, sizeof(wanted)) != 0)
		return ctr_fail(err, EPERM, "capset", "capabilities (not taken)");
	return check_ambient(ambient, err);
}
