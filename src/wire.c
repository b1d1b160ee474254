/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SIGNAL_MAX 64
#define STREAMS 3 /* 0, 1, 2 always reach the program */

static const struct shape {
	unsigned kind;
	const char *name;
	uint32_t nums;
	uint32_t strings;
} shapes[] = {
#define CTR_WIRE_SHAPE(name, number, nums, strings) { number, #name, nums, strings },
	CTR_WIRE_OPS(CTR_WIRE_SHAPE)
#undef CTR_WIRE_SHAPE
};

/*
 * What the numbers of a kind may be, a letter each:
 *   d  an inherited descriptor         f  the same, or a slot
 *   n  f, or CTR_WIRE_NONE             s  a slot's number
 *   o  d, or CTR_WIRE_NONE
 *   w  32 bits                         q  64 bits
 *   b  0 or 1                          h  16 bits
 *   p  permission bits (07777)         t  a device node's S_IF*
 *   u  a uid or gid, never -1          g  a signal, or 0
 *   c  a count of strings (counts_agree)
 *   +  more like the one before it, or none of it
 *   *  (last) no number: more strings may follow
 */
/* clang-format off */
static const struct rule {
	enum ctr_op kind;
	const char *nums;
} rules[] = {
	{ CTR_OP_cgroup_join, "d" },
	{ CTR_OP_oom_score_adj, "d" },
	{ CTR_OP_join, "dw" },
	{ CTR_OP_unshare, "w" },
	{ CTR_OP_sync, "b" },
	{ CTR_OP_more, "d+" },
	{ CTR_OP_set_ids, "uubu+" },
	{ CTR_OP_fork, "" },
	{ CTR_OP_setsid, "" },
	{ CTR_OP_keyring, "w" },
	{ CTR_OP_hostname, "" },
	{ CTR_OP_domainname, "" },
	{ CTR_OP_link_up, "" },
	{ CTR_OP_time_offsets, "d" },
	{ CTR_OP_open_tree, "sbwww" },
	{ CTR_OP_clone_inside, "sbwwwob" },
	{ CTR_OP_propagation, "w" },
	{ CTR_OP_root_attach, "f" },
	{ CTR_OP_root_attach_at, "f" },
	{ CTR_OP_pivot_root, "" },
	{ CTR_OP_move_root, "" },
	{ CTR_OP_mount, "wwbb*" },
	{ CTR_OP_attach, "fwwbw" },
	{ CTR_OP_set_attr, "wwbw" },
	{ CTR_OP_command, "ccb*" },
	{ CTR_OP_mknod, "tpwwuu" },
	{ CTR_OP_symlink, "" },
	{ CTR_OP_mask, "n*" },
	{ CTR_OP_readonly, "" },
	{ CTR_OP_sysctl, "d" },
	{ CTR_OP_rlimit_raise, "wq" },
	{ CTR_OP_rlimit, "wqq" },
	{ CTR_OP_make_dir, "p" },
	{ CTR_OP_chdir, "b" },
	{ CTR_OP_umask, "p" },
	{ CTR_OP_console, "dhhbb" },
	{ CTR_OP_chown_stdio, "u" },
	{ CTR_OP_no_new_privs, "" },
	{ CTR_OP_bounding, "q" },
	{ CTR_OP_keep_caps, "b" },
	{ CTR_OP_capset, "qqqq" },
	{ CTR_OP_label, "d" },
	{ CTR_OP_file_label, "" },
	{ CTR_OP_find_program, "*" },
	{ CTR_OP_pdeathsig, "g" },
	{ CTR_OP_wait_fifo, "ddb" },
	{ CTR_OP_cgroup_sync, "" },
	{ CTR_OP_net_sync, "" },
	{ CTR_OP_hook_state, "" },
	{ CTR_OP_hook, "woooqcc*" },
	{ CTR_OP_hook_ask, "ddw" },
	{ CTR_OP_leave, "" },
	{ CTR_OP_seccomp, "dwb" },
	{ CTR_OP_scheduler, "wwqwqqq" },
	{ CTR_OP_io_priority, "h" },
	{ CTR_OP_personality, "w" },
	{ CTR_OP_memory_policy, "ww+" },
	{ CTR_OP_cpu_affinity, "w+" },
	{ CTR_OP_send_pidfd, "d" },
	{ CTR_OP_reconfigure, "*" },
	{ CTR_OP_attach_fs, "dwbb" },
	{ CTR_OP_unmount, "qb" },
	{ CTR_OP_cloexec, "w+" },
	{ CTR_OP_exec, "cc*" },
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

_Static_assert(COUNT(rules) == COUNT(shapes), "each operation has a rule");
_Static_assert(sizeof(struct ctr_wire_header) == 16, "no padding in the header");
_Static_assert(sizeof(struct ctr_wire_attr) == 16, "no padding in an attribute");

static const struct shape *find_shape(unsigned kind)
{
	for (size_t i = 0; i < COUNT(shapes); i++) {
		if (shapes[i].kind == kind)
			return &shapes[i];
	}
	return NULL;
}

static const struct rule *find_rule(unsigned kind)
{
	for (size_t i = 0; i < COUNT(rules); i++) {
		if ((unsigned)rules[i].kind == kind)
			return &rules[i];
	}
	return NULL;
}

bool ctr_wire_is_fd(const struct ctr_step *step, uint32_t index)
{
	const char *letter = find_rule(step->kind)->nums;

	for (; index > 0 && letter[1] != '+'; index--)
		letter++;
	return *letter && strchr("dfno", *letter);
}

const char *ctr_wire_name(unsigned kind)
{
	const struct shape *shape = find_shape(kind);

	return shape ? shape->name : NULL;
}

int ctr_wire_kind(const char *name)
{
	for (size_t i = 0; i < COUNT(shapes); i++) {
		if (strcmp(shapes[i].name, name) == 0)
			return (int)shapes[i].kind;
	}
	return -1;
}

/* What is left of an attribute while it is read. */
struct cursor {
	const unsigned char *at;
	size_t left;
};

/* Takes one string off the cursor: its length, its bytes, a NUL; none of the bytes is one. */
static const char *take_string(struct cursor *cursor)
{
	const char *text;
	uint32_t length;

	if (cursor->left < sizeof(length))
		return NULL;
	memcpy(&length, cursor->at, sizeof(length));
	cursor->at += sizeof(length);
	cursor->left -= sizeof(length);
	if (cursor->left <= length)
		return NULL;
	text = (const char *)cursor->at;
	if (memchr(text, '\0', (size_t)length + 1) != text + length)
		return NULL;
	cursor->at += (size_t)length + 1;
	cursor->left -= (size_t)length + 1;
	return text;
}

static bool in_range(int64_t value, int64_t least, int64_t most)
{
	return value >= least && value <= most;
}

static bool is_node_type(int64_t type)
{
	return type == S_IFCHR || type == S_IFBLK || type == S_IFIFO;
}

static bool num_fits(char letter, int64_t value)
{
	switch (letter) {
	case 'd':
		return in_range(value, 0, CTR_WIRE_FD_MAX);
	case 'o':
		return value == CTR_WIRE_NONE || in_range(value, 0, CTR_WIRE_FD_MAX);
	case 'n':
		return value == CTR_WIRE_NONE || in_range(value, -CTR_WIRE_SLOTS, CTR_WIRE_FD_MAX);
	case 'f':
		return in_range(value, -CTR_WIRE_SLOTS, CTR_WIRE_FD_MAX);
	case 's':
		return in_range(value, 0, CTR_WIRE_SLOTS - 1);
	case 'b':
		return in_range(value, 0, 1);
	case 'h':
		return in_range(value, 0, UINT16_MAX);
	case 'p':
		return in_range(value, 0, 07777);
	case 't':
		return is_node_type(value);
	case 'u':
		return in_range(value, 0, (int64_t)UINT32_MAX - 1);
	case 'g':
		return in_range(value, 0, SIGNAL_MAX);
	case 'q':
		return true;
	default: /* w, c */
		return in_range(value, 0, UINT32_MAX);
	}
}

static int check_nums(const struct ctr_step *step, const struct rule *rule, uint32_t index,
                      struct ctr_err *err)
{
	const char *name = ctr_wire_name(step->kind);
	const char *letter = rule->nums;

	for (uint32_t i = 0; i < step->num_count; i++) {
		if (letter[0] == '\0' || letter[0] == '*')
			return ctr_fail(err, EINVAL, "plan", "step %u (%s): too many numbers",
			                index, name);
		if (!num_fits(*letter, step->nums[i]))
			return ctr_fail(err, ERANGE, "plan", "step %u (%s): number %u", index, name,
			                i + 1);
		if (letter[1] != '+')
			letter++;
	}
	return 0;
}

/* Where a step has its count of arguments, the count of variables behind it; -1: it runs nothing. */
static int counts_of(const struct ctr_step *step)
{
	if (step->kind == CTR_OP_exec || step->kind == CTR_OP_command)
		return 0;
	return step->kind == CTR_OP_hook ? 5 : -1;
}

/* The counts that a step carries are those of its strings; groups come only to be set. */
static bool counts_agree(const struct ctr_step *step)
{
	const int at = counts_of(step);
	uint64_t named = step->kind == CTR_OP_exec ? 0 : 2; /* dir and path come before them */

	if (step->kind == CTR_OP_set_ids && step->nums[2] == 0)
		return step->num_count == 3;
	if (at < 0)
		return true;
	named += (uint64_t)step->nums[at] + (uint64_t)step->nums[at + 1];
	return step->nums[at] > 0 && named == step->str_count;
}

static bool ends_message(enum ctr_op kind)
{
	return kind == CTR_OP_exec || kind == CTR_OP_more || kind == CTR_OP_leave;
}

static int check_step(const struct ctr_step *step, uint32_t index, bool last, struct ctr_err *err)
{
	const struct shape *shape = find_shape(step->kind);
	const struct rule *rule = find_rule(step->kind);

	if (!shape || !rule)
		return ctr_fail(err, EINVAL, "plan", "step %u: no operation %u", index, step->kind);
	if (step->num_count < shape->nums)
		return ctr_fail(err, EINVAL, "plan", "step %u (%s): too few numbers", index,
		                shape->name);
	if (step->str_count < shape->strings ||
	    (step->str_count > shape->strings && !strchr(rule->nums, '*')))
		return ctr_fail(err, EINVAL, "plan", "step %u (%s): %u strings", index, shape->name,
		                step->str_count);
	if (check_nums(step, rule, index, err) < 0)
		return -1;
	if (!counts_agree(step))
		return ctr_fail(err, EINVAL, "plan", "step %u (%s): counts disagree", index,
		                shape->name);
	if (!last && ends_message(step->kind))
		return ctr_fail(err, EINVAL, "plan", "step %u (%s): not the last", index,
		                shape->name);
	return 0;
}

static int check_header(const struct ctr_wire_header *header, size_t length, struct ctr_err *err)
{
	if (header->length != length || length % 8 != 0 || length > CTR_WIRE_MAX)
		return ctr_fail(err, EMSGSIZE, "plan", "message of %u bytes", header->length);
	if (header->type != CTR_WIRE_INIT_MSG || header->version != CTR_WIRE_VERSION)
		return ctr_fail(err, EPROTO, "plan", "message of type %u, version %u", header->type,
		                header->version);
	if (header->count > CTR_WIRE_MAX_OPS)
		return ctr_fail(err, EINVAL, "plan", "%u operations", header->count);
	if (header->keep < STREAMS || header->keep > CTR_WIRE_FD_MAX)
		return ctr_fail(err, EINVAL, "plan", "keep of %u", header->keep);
	return 0;
}

/*
 * Takes one attribute off the message, and its strings: into strs, which has
 * room for as many as the attribute says, or nowhere while they are counted.
 */
static bool take_attr(struct cursor *message, const char **strs, struct ctr_step *ret_step)
{
	static const unsigned char zeros[8];
	const struct ctr_wire_attr *attr = (const void *)message->at;
	struct cursor body;
	size_t padding;

	if (message->left < sizeof(*attr) || attr->length < sizeof(*attr) ||
	    attr->length > message->left || attr->zero != 0)
		return false;
	padding = -attr->length & 7u;
	if (message->left - attr->length < padding ||
	    memcmp(message->at + attr->length, zeros, padding) != 0)
		return false;
	body = (struct cursor){ message->at + sizeof(*attr), attr->length - sizeof(*attr) };
	if (attr->nums > body.left / sizeof(int64_t))
		return false;
	*ret_step = (struct ctr_step){ (enum ctr_op)attr->kind, attr->nums, attr->strings,
		                       (const void *)body.at, strs };
	body.at += attr->nums * sizeof(int64_t);
	body.left -= attr->nums * sizeof(int64_t);
	for (uint32_t i = 0; i < attr->strings; i++) {
		const char *text = take_string(&body);

		if (!text)
			return false;
		if (strs)
			strs[i] = text;
	}
	message->at += attr->length + padding;
	message->left -= attr->length + padding;
	return body.left == 0;
}

static struct cursor after_header(const void *message, size_t length)
{
	return (struct cursor){ (const unsigned char *)message + sizeof(struct ctr_wire_header),
		                length - sizeof(struct ctr_wire_header) };
}

/* Checks all of the message, and counts its strings. */
static int check_message(const void *message, size_t length, size_t *ret_strings,
                         struct ctr_err *err)
{
	const struct ctr_wire_header *header = message;
	struct cursor cursor;
	size_t strings = 0;

	if (length < sizeof(*header))
		return ctr_fail(err, EMSGSIZE, "plan", "message of %zu bytes", length);
	if (check_header(header, length, err) < 0)
		return -1;
	cursor = after_header(message, length);
	for (uint32_t i = 0; i < header->count; i++) {
		struct ctr_step step;

		if (!take_attr(&cursor, NULL, &step))
			return ctr_fail(err, EPROTO, "plan", "step %u: malformed", i);
		if (check_step(&step, i, i + 1 == header->count, err) < 0)
			return -1;
		strings += step.str_count;
	}
	if (cursor.left != 0)
		return ctr_fail(err, EPROTO, "plan", "%zu bytes trail", cursor.left);
	*ret_strings = strings;
	return 0;
}

int ctr_wire_parse(const void *message, size_t length, struct ctr_plan *ret_plan,
                   struct ctr_err *err)
{
	const struct ctr_wire_header *header = message;
	struct ctr_plan plan = { 0 };
	struct cursor cursor;
	const char **strs;
	size_t strings = 0;

	if (check_message(message, length, &strings, err) < 0)
		return -1;
	plan.keep = header->keep;
	plan.count = header->count;
	plan.memory = calloc(1, plan.count * sizeof(*plan.steps) + strings * sizeof(*strs) + 1);
	if (!plan.memory)
		return ctr_fail(err, ENOMEM, "plan", "%u operations", plan.count);
	plan.steps = plan.memory;
	strs = (const char **)(plan.steps + plan.count);

	cursor = after_header(message, length);
	for (uint32_t i = 0; i < plan.count; i++) {
		take_attr(&cursor, strs, &plan.steps[i]); /* checked above */
		strs += plan.steps[i].str_count;
	}
	*ret_plan = plan;
	return 0;
}

void ctr_plan_free(struct ctr_plan *plan)
{
	free(plan->memory);
	plan->memory = NULL;
	plan->steps = NULL;
	plan->count = 0;
}
