/* SPDX-License-Identifier: MIT */
#include "bpf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "auto.h"

#define PROGRAM_NAME "ctr_devices"
#define PROGRAMS_MAX 64
#define LOADED 6   /* instructions before the rules */
#define ACTION 4   /* what a rule does where it matches */
#define PER_RULE 7 /* the most that a rule takes */
#define LOG_SIZE 4096

/* Registers: R1 the context, R2 the device's type, R3 what is still asked for, R4:R5 its number. */
enum { TYPE = BPF_REG_2, ASKED = BPF_REG_3, MAJOR = BPF_REG_4, MINOR = BPF_REG_5 };

/* A program that is being written. */
struct program {
	struct bpf_insn *insns;
	size_t count;
};

static int call(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static void emit(struct program *program, struct bpf_insn insn)
{
	program->insns[program->count++] = insn;
}

static void emit_load(struct program *program, int reg, size_t offset)
{
	emit(program, (struct bpf_insn){ .code = BPF_LDX | BPF_W | BPF_MEM,
	                                 .dst_reg = (uint8_t)reg & 15,
	                                 .src_reg = BPF_REG_1,
	                                 .off = (int16_t)offset });
}

/* reg = reg (operation) value, in 32 bits. */
static void emit_alu(struct program *program, int operation, int reg, uint32_t value)
{
	emit(program, (struct bpf_insn){ .code = (uint8_t)(BPF_ALU | BPF_K | operation),
	                                 .dst_reg = (uint8_t)reg & 15,
	                                 .imm = (int32_t)value });
}

/* Skips over the next `skip` instructions when reg (comparison) value. */
static void emit_jump(struct program *program, int comparison, int reg, uint32_t value, int skip)
{
	emit(program, (struct bpf_insn){ .code = (uint8_t)(BPF_JMP32 | BPF_K | comparison),
	                                 .dst_reg = (uint8_t)reg & 15,
	                                 .off = (int16_t)skip,
	                                 .imm = (int32_t)value });
}

static void emit_return(struct program *program, bool allow)
{
	emit(program, (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K,
	                                 .dst_reg = BPF_REG_0,
	                                 .imm = allow });
	emit(program, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

static void emit_match(struct program *program, const struct ctr_bpf_rule *rule)
{
	const uint32_t both = CTR_BPF_BLOCK | CTR_BPF_CHAR;
	bool has_major = rule->major != CTR_BPF_ANY, has_minor = rule->minor != CTR_BPF_ANY;
	int skip = ACTION + has_major + has_minor;

	if ((rule->types & both) != both)
		emit_jump(program, BPF_JNE, TYPE, rule->types, skip);
	if (has_major)
		emit_jump(program, BPF_JNE, MAJOR, (uint32_t)rule->major, --skip);
	if (has_minor)
		emit_jump(program, BPF_JNE, MINOR, (uint32_t)rule->minor, --skip);
}

/*
 * The last rule comes first: an access that it allows is no longer asked for,
 * one that it denies ends it.
 */
static void emit_rule(struct program *program, const struct ctr_bpf_rule *rule)
{
	emit_match(program, rule);
	if (rule->allow) {
		emit_alu(program, BPF_AND, ASKED, ~rule->access);
		emit_jump(program, BPF_JNE, ASKED, 0, 2);
	} else {
		/* To where it is denied; there is no jump for "none of these bits". */
		emit(program, (struct bpf_insn){ .code = BPF_JMP32 | BPF_K | BPF_JSET,
		                                 .dst_reg = ASKED,
		                                 .off = 1,
		                                 .imm = (int32_t)rule->access });
		emit(program, (struct bpf_insn){ .code = BPF_JMP | BPF_JA, .off = 2 });
	}
	emit_return(program, rule->allow);
}

static void write_program(struct program *program, const struct ctr_bpf_rule *rules, size_t count,
                          bool allow)
{
	const size_t access = offsetof(struct bpf_cgroup_dev_ctx, access_type);

	emit_load(program, TYPE, access);
	emit_alu(program, BPF_AND, TYPE, 0xffff);
	emit_load(program, ASKED, access);
	emit_alu(program, BPF_RSH, ASKED, 16);
	emit_load(program, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(program, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = count; i > 0; i--)
		emit_rule(program, &rules[i - 1]);
	emit_return(program, allow);
}

static int load_program(const struct program *program, struct ctr_err *err)
{
	char log[LOG_SIZE] = "";
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)program->insns,
		.insn_cnt = (uint32_t)program->count,
		.license = (uint64_t)(uintptr_t)"MIT",
	};
	int fd, num;

	memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	fd = call(BPF_PROG_LOAD, &attr);
	if (fd >= 0)
		return fd;
	num = errno;
	if (num == EINVAL || num == EACCES) { /* again, for the verifier's words */
		attr.log_level = 1;
		attr.log_buf = (uint64_t)(uintptr_t)log;
		attr.log_size = sizeof(log);
		fd = call(BPF_PROG_LOAD, &attr);
		if (fd >= 0)
			return fd;
		log[strcspn(log, "\n")] = '\0';
	}
	return ctr_fail(err, num, "bpf", "device program%s%s", log[0] ? ": " : "", log);
}

/* The ids of the device programs on a cgroup; returns how many. */
static int query(int cgroup_fd, uint32_t *ids, uint32_t *ret_count, struct ctr_err *err)
{
	union bpf_attr attr = { .query = {
		.target_fd = (uint32_t)cgroup_fd,
		.attach_type = BPF_CGROUP_DEVICE,
		.prog_ids = (uint64_t)(uintptr_t)ids,
		.prog_cnt = PROGRAMS_MAX,
	} };

	if (call(BPF_PROG_QUERY, &attr) < 0)
		return ctr_fail(err, errno, "bpf", "query of device programs");
	*ret_count = attr.query.prog_cnt;
	return 0;
}

static int open_program(uint32_t id)
{
	union bpf_attr attr = { .prog_id = id };

	return call(BPF_PROG_GET_FD_BY_ID, &attr);
}

static bool is_ours(int fd)
{
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr = { .info = {
		.bpf_fd = (uint32_t)fd,
		.info_len = sizeof(info),
		.info = (uint64_t)(uintptr_t)&info,
	} };

	return call(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 &&
	       strcmp(info.name, PROGRAM_NAME) == 0;
}

/* Opens the program that was attached here before; -1 without a failure where there is none. */
static int find_own(const uint32_t *ids, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		ctr_auto_fd int fd = open_program(ids[i]);

		if (fd >= 0 && is_ours(fd))
			return ctr_take_fd(&fd);
	}
	return -1;
}

static int attach(int cgroup_fd, int program, int old, struct ctr_err *err)
{
	union bpf_attr attr = {
		.target_fd = (uint32_t)cgroup_fd,
		.attach_bpf_fd = (uint32_t)program,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};

	if (old >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)old;
	}
	if (call(BPF_PROG_ATTACH, &attr) < 0)
		return ctr_fail(err, errno, "bpf", "attach of the device program");
	return 0;
}

/* Rules that do not hold are none: a program of ours has to be there. */
static int verify(int cgroup_fd, struct ctr_err *err)
{
	uint32_t ids[PROGRAMS_MAX] = { 0 }, count = 0;
	ctr_auto_fd int own = -1;

	if (query(cgroup_fd, ids, &count, err) < 0)
		return -1;
	own = find_own(ids, count);
	if (own < 0)
		return ctr_fail(err, ENOENT, "bpf", "device program (not attached)");
	return 0;
}

static int replace(int cgroup_fd, int program, struct ctr_err *err)
{
	uint32_t ids[PROGRAMS_MAX] = { 0 }, count = 0;
	ctr_auto_fd int old = -1;

	if (query(cgroup_fd, ids, &count, err) < 0)
		return -1;
	old = find_own(ids, count);
	if (attach(cgroup_fd, program, old, err) < 0)
		return -1;
	return verify(cgroup_fd, err);
}

int ctr_bpf_set_devices(int cgroup_fd, const struct ctr_bpf_rule *rules, size_t count, bool allow,
                        struct ctr_err *err)
{
	struct program program = { 0 };
	ctr_auto_free struct bpf_insn *insns = NULL;
	ctr_auto_fd int fd = -1;

	if (count > CTR_BPF_RULES_MAX)
		return ctr_fail(err, E2BIG, "bpf", "%zu device rules", count);
	insns = calloc(LOADED + count * PER_RULE + 2, sizeof(*insns));
	if (!insns)
		return ctr_fail(err, ENOMEM, "bpf", "%zu device rules", count);
	program.insns = insns;
	write_program(&program, rules, count, allow);
	fd = load_program(&program, err);
	if (fd < 0)
		return -1;
	return replace(cgroup_fd, fd, err);
}

int ctr_bpf_count_devices(int cgroup_fd, uint32_t *ret_count, struct ctr_err *err)
{
	uint32_t ids[PROGRAMS_MAX];

	return query(cgroup_fd, ids, ret_count, err);
}
