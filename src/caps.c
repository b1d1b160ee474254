/* SPDX-License-Identifier: MIT */
#include "caps.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BITS 64
#define PREFIX "CAP_"

int ctr_caps_last(void)
{
	int last = 0;

	while (last + 1 < BITS && prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0)
		last++;
	return last;
}

int ctr_caps_name(int number, char ret_name[CTR_CAP_NAME_MAX], struct ctr_err *err)
{
	char *name = cap_to_name(number);

	if (!name)
		return ctr_fail(err, ENOMEM, "cap_to_name", "%d", number);
	if (strncasecmp(name, PREFIX, strlen(PREFIX)) == 0)
		snprintf(ret_name, CTR_CAP_NAME_MAX, "%s", name);
	else
		snprintf(ret_name, CTR_CAP_NAME_MAX, PREFIX "%d", number);
	cap_free(name);
	for (char *at = ret_name; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	return 0;
}

int ctr_caps_number(const char *name)
{
	char own[CTR_CAP_NAME_MAX];
	struct ctr_err err;
	cap_value_t number;

	if (cap_from_name(name, &number) < 0)
		return -1;
	/* libcap minds neither the case nor what stands behind; here that is a mistake. */
	if (ctr_caps_name(number, own, &err) < 0 || strcmp(own, name) != 0)
		return -1;
	return number;
}

static uint64_t read_bits(int option, unsigned long command)
{
	uint64_t bits = 0;

	for (int number = 0; number < BITS; number++) {
		int set;

		if (option == PR_CAP_AMBIENT)
			set = prctl(PR_CAP_AMBIENT, command, number, 0, 0);
		else
			set = prctl(option, number, 0, 0, 0);
		if (set < 0)
			break;
		bits |= (uint64_t)set << number;
	}
	return bits;
}

int ctr_caps_read(pid_t pid, struct ctr_caps *ret_caps, struct ctr_err *err)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
		.pid = pid,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return ctr_fail(err, errno, "capget", "%d", (int)pid);
	*ret_caps = (struct ctr_caps){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
		.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
	if (pid == 0) {
		ret_caps->bounding = read_bits(PR_CAPBSET_READ, 0);
		ret_caps->ambient = read_bits(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET);
	}
	return 0;
}
