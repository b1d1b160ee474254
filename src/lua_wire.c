/* SPDX-License-Identifier: MIT */
/***
Messages to the bootstrap and frames from it (`src/wire.h`).
@module ctr.core.wire
*/
#include "lua_glue.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "wire.h"

#define PLAN "ctr.plan"
#define FIRST_ROOM 16384
#define ALIGN 8u

/* A message that grows: a userdata in a slot of the stack. */
struct writer {
	lua_State *L;
	int slot;
	char *data;
	size_t used;
	size_t room;
};

static void grow(struct writer *writer, size_t size)
{
	char *data;

	while (writer->room - writer->used < size)
		writer->room *= 2;
	data = lua_newuserdata(writer->L, writer->room);
	memcpy(data, writer->data, writer->used);
	lua_replace(writer->L, writer->slot);
	writer->data = data;
}

static void *reserve(struct writer *writer, size_t size)
{
	char *at;

	if (writer->room - writer->used < size)
		grow(writer, size);
	at = writer->data + writer->used;
	writer->used += size;
	return at;
}

static void write_padding(struct writer *writer)
{
	size_t size = (ALIGN - writer->used % ALIGN) % ALIGN;

	memset(reserve(writer, size), 0, size);
}

/* The numbers of the list on top of the stack. */
static void write_nums(struct writer *writer, uint32_t count)
{
	lua_State *L = writer->L;

	for (uint32_t i = 1; i <= count; i++) {
		int64_t bits;

		lua_rawgeti(L, -1, (int)i);
		if (!ctrL_to_bits(L, -1, &bits))
			luaL_error(L, "number %d of an operation is not a whole number", (int)i);
		memcpy(reserve(writer, sizeof(bits)), &bits, sizeof(bits));
		lua_pop(L, 1);
	}
}

static int write_string(struct writer *writer, struct ctr_err *err)
{
	uint32_t length;
	size_t size;
	const char *text;
	char *at;

	if (lua_type(writer->L, -1) != LUA_TSTRING)
		return luaL_error(writer->L, "a string expected in an operation, not a %s",
				  luaL_typename(writer->L, -1));
	text = lua_tolstring(writer->L, -1, &size);
	if (memchr(text, '\0', size))
		return ctr_fail(err, EINVAL, "wire.encode", "%s (holds a NUL byte)", text);
	if (size > CTR_WIRE_MAX - writer->used)
		return ctr_fail(err, E2BIG, "wire.encode", "%u bytes", CTR_WIRE_MAX);
	length = (uint32_t)size;
	at = reserve(writer, sizeof(length) + size + 1);
	memcpy(at, &length, sizeof(length));
	memcpy(at + sizeof(length), text, size + 1);
	return 0;
}

/* The strings of the list on top of the stack. */
static int write_strings(struct writer *writer, uint32_t count, struct ctr_err *err)
{
	for (uint32_t i = 1; i <= count; i++) {
		lua_rawgeti(writer->L, -1, (int)i);
		if (write_string(writer, err) < 0)
			return -1;
		lua_pop(writer->L, 1);
	}
	return 0;
}

/* Pushes item index of the operation on top of the stack, a list or nothing; its length. */
static uint32_t push_list(lua_State *L, int index)
{
	size_t count;

	lua_rawgeti(L, -1, index);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
	}
	luaL_checktype(L, -1, LUA_TTABLE);
	count = lua_objlen(L, -1);
	if (count > CTR_WIRE_MAX / sizeof(int64_t))
		luaL_error(L, "an operation is too large");
	return (uint32_t)count;
}

/* The number of the name of the operation on top of the stack. */
static uint16_t read_kind(lua_State *L)
{
	uint16_t kind;

	luaL_checktype(L, -1, LUA_TTABLE);
	lua_rawgeti(L, -1, 1);
	lua_pushvalue(L, -1);
	if (!lua_isnil(L, -1))
		lua_rawget(L, lua_upvalueindex(1));
	if (!lua_isnumber(L, -1))
		luaL_error(L, "unknown operation '%s'", lua_tostring(L, -2));
	kind = (uint16_t)lua_tointeger(L, -1);
	lua_pop(L, 2);
	return kind;
}

/* The operation on top of the stack. */
static int write_operation(struct writer *writer, struct ctr_err *err)
{
	struct ctr_wire_attr attr = { .kind = read_kind(writer->L) };
	size_t start;

	write_padding(writer);
	start = writer->used;
	reserve(writer, sizeof(attr));
	attr.nums = push_list(writer->L, 2);
	write_nums(writer, attr.nums);
	lua_pop(writer->L, 1);
	attr.strings = push_list(writer->L, 3);
	if (write_strings(writer, attr.strings, err) < 0)
		return -1;
	lua_pop(writer->L, 1);
	attr.length = (uint32_t)(writer->used - start);
	memcpy(writer->data + start, &attr, sizeof(attr));
	return 0;
}

static int write_message(struct writer *writer, struct ctr_wire_header *header, struct ctr_err *err)
{
	reserve(writer, sizeof(*header));
	for (uint32_t i = 1; i <= header->count; i++) {
		lua_rawgeti(writer->L, 1, (int)i);
		if (write_operation(writer, err) < 0)
			return -1;
		lua_pop(writer->L, 1);
		if (writer->used > CTR_WIRE_MAX - ALIGN)
			return ctr_fail(err, E2BIG, "wire.encode", "%u bytes", CTR_WIRE_MAX);
	}
	write_padding(writer);
	header->length = (uint32_t)writer->used;
	memcpy(writer->data, header, sizeof(*header));
	return 0;
}

/***
Writes a plan as one message.
@function encode
@tparam table plan a list of `{ name, numbers, strings }`; a number may be a decimal string
@tparam number keep how many descriptors reach the program
@treturn[1] string
@return[2] nil
@treturn[2] ctr.Error `SystemError`: `E2BIG`, or `EINVAL` for a string that holds a NUL
*/
static int l_encode(lua_State *L)
{
	struct ctr_wire_header header = {
		.type = CTR_WIRE_INIT_MSG,
		.version = CTR_WIRE_VERSION,
	};
	struct writer writer = { .L = L, .slot = 3, .room = FIRST_ROOM };
	struct ctr_err err;
	size_t count;

	luaL_checktype(L, 1, LUA_TTABLE);
	header.keep = (uint32_t)ctrL_check_int(L, 2, 0, INT_MAX);
	count = lua_objlen(L, 1);
	lua_settop(L, 2);
	if (count > CTR_WIRE_MAX_OPS) {
		ctr_fail(&err, E2BIG, "wire.encode", "%zu operations", count);
		return ctrL_push_err(L, &err);
	}
	header.count = (uint32_t)count;
	writer.data = lua_newuserdata(L, writer.room);
	if (write_message(&writer, &header, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_pushlstring(L, writer.data, writer.used);
	return 1;
}

static int plan_gc(lua_State *L)
{
	ctr_plan_free(luaL_checkudata(L, 1, PLAN));
	return 0;
}

static struct ctr_plan *new_plan(lua_State *L)
{
	struct ctr_plan *plan = lua_newuserdata(L, sizeof(*plan));

	memset(plan, 0, sizeof(*plan));
	luaL_getmetatable(L, PLAN);
	lua_setmetatable(L, -2);
	return plan;
}

static void push_step(lua_State *L, const struct ctr_step *step)
{
	lua_createtable(L, 3, 0);
	lua_pushstring(L, ctr_wire_name(step->kind));
	lua_rawseti(L, -2, 1);
	lua_createtable(L, (int)step->num_count, 0);
	for (uint32_t i = 0; i < step->num_count; i++) {
		ctrL_push_i64(L, step->nums[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lua_rawseti(L, -2, 2);
	lua_createtable(L, (int)step->str_count, 0);
	for (uint32_t i = 0; i < step->str_count; i++) {
		lua_pushstring(L, step->strs[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lua_rawseti(L, -2, 3);
}

/***
Reads a message as the bootstrap does.
@function decode
@tparam string message
@treturn[1] table a plan as `encode` takes it
@treturn[1] number keep
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_decode(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	void *message = lua_newuserdata(L, size + 1); /* aligned, unlike a string */
	struct ctr_plan *plan = new_plan(L);
	struct ctr_err err;

	memcpy(message, text, size);
	if (ctr_wire_parse(message, size, plan, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_createtable(L, (int)plan->count, 0);
	for (uint32_t i = 0; i < plan->count; i++) {
		push_step(L, &plan->steps[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lua_pushnumber(L, plan->keep);
	return 2;
}

static const struct ctrL_name frame_kinds[] = {
	{ "FAIL", CTR_FRAME_FAIL },   { "SYNC", CTR_FRAME_SYNC },   { "PID", CTR_FRAME_PID },
	{ "READY", CTR_FRAME_READY }, { "FILES", CTR_FRAME_FILES },
	{ "OUTPUT", CTR_FRAME_OUTPUT }, { "ACK", CTR_FRAME_ACK },
	{ NULL, 0 },
};

/***
Makes a frame.
@function frame
@tparam string kind `"ACK"`, …
@tparam number step
@treturn string
*/
static int l_frame(lua_State *L)
{
	struct ctr_frame frame;
	uint64_t kind = 0;

	if (!ctrL_find_name(frame_kinds, luaL_checkstring(L, 1), &kind))
		luaL_argerror(L, 1, "not the name of a frame");
	memset(&frame, 0, sizeof(frame));
	frame.kind = (uint32_t)kind;
	frame.step = (uint32_t)ctrL_check_int(L, 2, 0, UINT32_MAX);
	lua_pushlstring(L, (const char *)&frame, sizeof(frame));
	return 1;
}

/* The frame's texts end where they say, or where the frame does. */
static int read_frame(const char *text, size_t size, struct ctr_frame *ret_frame,
		      struct ctr_err *err)
{
	if (size != sizeof(*ret_frame))
		return ctr_fail(err, EBADMSG, "frame", "of %zu bytes", size);
	memcpy(ret_frame, text, sizeof(*ret_frame));
	ret_frame->err.op[sizeof(ret_frame->err.op) - 1] = '\0';
	ret_frame->err.target[sizeof(ret_frame->err.target) - 1] = '\0';
	return 0;
}

static const char *frame_name(uint32_t kind)
{
	for (const struct ctrL_name *row = frame_kinds; row->name; row++) {
		if (row->value == kind)
			return row->name;
	}
	return NULL;
}

/***
Reads a frame.
@function parse_frame
@tparam string frame
@treturn[1] table `kind`, `step`, `value`; `err` of a `FAIL`; `name` of a `SYNC`; `text` of
an `OUTPUT` and of a `READY`; `num` of `FILES` (bit 0 passwd, bit 1 group)
@return[2] nil
@treturn[2] ctr.Error `SystemError`: `EBADMSG`
*/
static int l_parse_frame(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	struct ctr_frame frame = { 0 };
	struct ctr_err err;

	if (read_frame(text, size, &frame, &err) < 0)
		return ctrL_push_err(L, &err);
	if (!frame_name(frame.kind)) {
		ctr_fail(&err, EBADMSG, "frame", "of kind %u", frame.kind);
		return ctrL_push_err(L, &err);
	}
	lua_createtable(L, 0, 4);
	lua_pushstring(L, frame_name(frame.kind));
	lua_setfield(L, -2, "kind");
	lua_pushnumber(L, frame.step);
	lua_setfield(L, -2, "step");
	lua_pushinteger(L, frame.value);
	lua_setfield(L, -2, "value");
	if (frame.kind == CTR_FRAME_FAIL) {
		ctrL_push_error(L, &frame.err);
		lua_setfield(L, -2, "err");
	} else if (frame.kind == CTR_FRAME_SYNC) {
		lua_pushstring(L, frame.err.op);
		lua_setfield(L, -2, "name");
	} else if (frame.kind == CTR_FRAME_OUTPUT || frame.kind == CTR_FRAME_READY) {
		lua_pushstring(L, frame.err.target);
		lua_setfield(L, -2, "text");
	} else if (frame.kind == CTR_FRAME_FILES) {
		lua_pushinteger(L, frame.err.num);
		lua_setfield(L, -2, "num");
	}
	return 1;
}

static const struct ctrL_name op_kinds[] = {
#define KIND_ROW(name, number, nums, strings) { #name, number },
	CTR_WIRE_OPS(KIND_ROW)
#undef KIND_ROW
	{ NULL, 0 },
};

static const luaL_Reg plan_class[] = {
	{ "__gc", plan_gc },
	{ NULL, NULL },
};

static const luaL_Reg wire_functions[] = {
	{ "decode", l_decode },
	{ "frame", l_frame },
	{ "parse_frame", l_parse_frame },
	{ NULL, NULL },
};

void ctrL_open_wire(lua_State *L)
{
	ctrL_new_class(L, PLAN, plan_class);
	luaL_newlib(L, wire_functions);
	ctrL_set_names(L, "kinds", op_kinds);
	lua_getfield(L, -1, "kinds");
	lua_pushcclosure(L, l_encode, 1);
	lua_setfield(L, -2, "encode");
	ctrL_push_i64(L, CTR_WIRE_NONE);
	lua_setfield(L, -2, "NONE");
	lua_pushinteger(L, sizeof(struct ctr_frame));
	lua_setfield(L, -2, "FRAME_SIZE");
	lua_setfield(L, -2, "wire");
}
