/* SPDX-License-Identifier: MIT */
/* Operations on how the kernel treats a process: CPU time, disks, memory, its name to others. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <linux/sched/types.h>

#include "auto.h"
#include "init.h"
#include "sys.h"

#define WORD_BITS 32u
#define LONG_BITS (CHAR_BIT * sizeof(unsigned long))
#define MASK_BITS 8192u /* the most CPUs that a kernel can be built for; it has fewer nodes */
#define MASK_WORDS (MASK_BITS / WORD_BITS)
#define MASK_LONGS (MASK_BITS / LONG_BITS)

#define IOPRIO_WHO_PROCESS 1

/* Makes a bit mask as the kernel has it of a step's numbers from first on. */
static int fill_mask(const struct ctr_step *step, uint32_t first, unsigned long *mask,
                     struct ctr_err *err)
{
	uint32_t count = step->num_count - first;

	memset(mask, 0, MASK_LONGS * sizeof(*mask));
	if (count > MASK_WORDS)
		return ctr_fail(err, EINVAL, ctr_wire_name(step->kind), "%u words", count);
	for (uint32_t i = 0; i < count; i++) {
		unsigned long word = (unsigned long)step->nums[first + i];
		size_t at = (size_t)i * WORD_BITS;

		mask[at / LONG_BITS] |= word << at % LONG_BITS;
	}
	return 0;
}

int op_scheduler(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = (uint32_t)step->nums[0],
		.sched_flags = (uint64_t)step->nums[1],
		.sched_nice = (int32_t)step->nums[2],
		.sched_priority = (uint32_t)step->nums[3],
		.sched_runtime = (uint64_t)step->nums[4],
		.sched_deadline = (uint64_t)step->nums[5],
		.sched_period = (uint64_t)step->nums[6],
	};

	(void)run;
	if (syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
		return ctr_fail(err, errno, "sched_setattr", "policy %u", attr.sched_policy);
	return 0;
}

int op_io_priority(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	(void)run;
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, (int)step->nums[0]) < 0)
		return ctr_fail(err, errno, "ioprio_set", "0x%x", (unsigned)step->nums[0]);
	return 0;
}

int op_personality(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	(void)run;
	if (syscall(SYS_personality, (unsigned long)step->nums[0]) < 0)
		return ctr_fail(err, errno, "personality", "0x%x", (unsigned)step->nums[0]);
	return 0;
}

int op_memory_policy(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	unsigned long mask[MASK_LONGS], words = step->num_count - 1;
	/* The kernel takes one off the number of bits. */
	unsigned long bits = words ? words * WORD_BITS + 1 : 0;

	(void)run;
	if (fill_mask(step, 1, mask, err) < 0)
		return -1;
	if (syscall(SYS_set_mempolicy, (int)step->nums[0], words ? mask : NULL, bits) < 0)
		return ctr_fail(err, errno, "set_mempolicy", "0x%x", (unsigned)step->nums[0]);
	return 0;
}

int op_cpu_affinity(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	unsigned long mask[MASK_LONGS];

	(void)run;
	if (fill_mask(step, 0, mask, err) < 0)
		return -1;
	/* What is said like this also holds for CPUs that the cpuset gets later. */
	if (step->num_count == 0)
		memset(mask, 0xff, sizeof(mask));
	if (syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask) < 0)
		return ctr_fail(err, errno, "sched_setaffinity", "%u words", step->num_count);
	return 0;
}

int op_send_pidfd(struct run *run, const struct ctr_step *step, struct ctr_err *err)
{
	const char *text = step->strs[0];
	ctr_auto_fd int pidfd = ctr_sys_pidfd_open(getpid(), 0);

	(void)run;
	if (pidfd < 0)
		return ctr_fail(err, errno, "pidfd_open", "%s", text);
	return talk_send_fds((int)step->nums[0], text, strlen(text), &pidfd, 1, err);
}
