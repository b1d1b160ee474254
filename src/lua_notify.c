/* SPDX-License-Identifier: MIT */
/***
The supervisor's side of seccomp(2)'s user notification. A call is a table, as `receive` returns it.
@module ctr.core.notify
*/
#include "lua_glue.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "notify.h"

#define ERRNO_MAX 4095 /* the kernel's */
#define PAGE 4096      /* what is readable ends at the end of a page */

static const struct ctrL_name comparisons[] = {
	{ "SCMP_CMP_NE", 1 },	     { "SCMP_CMP_LT", 2 }, { "SCMP_CMP_LE", 3 },
	{ "SCMP_CMP_EQ", 4 },	     { "SCMP_CMP_GE", 5 }, { "SCMP_CMP_GT", 6 },
	{ "SCMP_CMP_MASKED_EQ", 7 }, { NULL, 0 },
};

/* The id is the kernel's word, opaque to Lua: its bytes. */
static void push_call(lua_State *L, const struct ctr_notify_call *call)
{
	lua_createtable(L, 0, 8);
	lua_pushlstring(L, (const char *)&call->id, sizeof(call->id));
	lua_setfield(L, -2, "id");
	lua_pushinteger(L, call->pid);
	lua_setfield(L, -2, "pid");
	lua_pushinteger(L, call->number);
	lua_setfield(L, -2, "number");
	lua_pushnumber(L, call->arch);
	lua_setfield(L, -2, "arch_token");
	lua_createtable(L, CTR_NOTIFY_ARGS, 0);
	for (int i = 0; i < CTR_NOTIFY_ARGS; i++) {
		ctrL_push_u64(L, call->args[i]);
		lua_rawseti(L, -2, i + 1);
	}
	lua_setfield(L, -2, "args");
}

static uint64_t check_id(lua_State *L, int arg)
{
	uint64_t id;

	luaL_checktype(L, arg, LUA_TTABLE);
	lua_getfield(L, arg, "id");
	if (lua_type(L, -1) != LUA_TSTRING || lua_objlen(L, -1) != sizeof(id))
		luaL_argerror(L, arg, "a call expected, as 'receive' returns it");
	memcpy(&id, lua_tostring(L, -1), sizeof(id));
	lua_pop(L, 1);
	return id;
}

static uint64_t check_u64(lua_State *L, int arg)
{
	int64_t bits = 0;

	if (!ctrL_to_bits(L, arg, &bits))
		luaL_argerror(L, arg, "a whole number or a decimal string expected");
	return (uint64_t)bits;
}

/***
Takes the next call that waits for an answer; never waits, as long as nobody else reads the listener.
@function receive
@param listener
@treturn[1] table|boolean `id`, `pid` (of the thread), `number`, `arch_token` (AUDIT_ARCH_*), `args`
(six, unsigned: decimal strings where a number would not be exact); false when none is pending
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `ENOTCONN` when nobody is left whose calls could come
*/
static int l_receive(lua_State *L)
{
	int listener = ctrL_check_fd(L, 1);
	struct ctr_notify_call call;
	struct ctr_err err;
	int got;

	luaL_checkstack(L, 6, "call");
	got = ctr_notify_receive(listener, &call, &err);
	if (got < 0)
		return ctrL_push_err(L, &err);
	if (got > 0)
		push_call(L, &call);
	else
		lua_pushboolean(L, false);
	return 1;
}

static int push_outcome(lua_State *L, int outcome, const struct ctr_err *err)
{
	if (outcome < 0)
		return ctrL_push_err(L, err);
	lua_pushboolean(L, outcome > 0);
	return 1;
}

/***
Answers a call.
@function respond
@param listener
@tparam table call
@tparam table answer one of `go_on` (true): the kernel runs the call; `errno` (a number): it fails;
`value` (a number or a decimal string): it returns that
@treturn[1] boolean false when the call is gone, with the process that made it
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_respond(lua_State *L)
{
	static const char *const options[] = { "go_on", "errno", "value", NULL };
	int listener = ctrL_check_fd(L, 1);
	uint64_t id = check_id(L, 2);
	struct ctr_notify_answer answer = { 0 };
	struct ctr_err err;
	int64_t num;

	luaL_checktype(L, 3, LUA_TTABLE);
	ctrL_check_options(L, 3, options);
	answer.go_on = ctrL_opt_bool(L, 3, "go_on", false);
	num = ctrL_opt_int(L, 3, "errno", 0);
	luaL_argcheck(L, num >= 0 && num <= ERRNO_MAX, 3, "not an errno");
	answer.error = (int)num;
	lua_getfield(L, 3, "value");
	if (!lua_isnil(L, -1) && !ctrL_to_bits(L, -1, &answer.value))
		luaL_argerror(L, 3, "'value' is a whole number or a decimal string");
	return push_outcome(L, ctr_notify_respond(listener, id, &answer, &err), &err);
}

/***
Tells whether a call still waits for its answer.
@function is_pending
@param listener
@tparam table call
@treturn boolean
*/
static int l_is_pending(lua_State *L)
{
	int listener = ctrL_check_fd(L, 1);

	lua_pushboolean(L, ctr_notify_is_pending(listener, check_id(L, 2)));
	return 1;
}

/***
Gives the process that made a call a descriptor.
@function add_fd
@param listener
@tparam table call
@param fd
@tparam[opt] table options `at` (the number that it gets; else the lowest free one), `cloexec`
(boolean), `answers` (boolean): the call returns the number (Linux 5.14)
@treturn[1] number|boolean its number there; false when the call is gone
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_add_fd(lua_State *L)
{
	static const char *const options[] = { "at", "cloexec", "answers", NULL };
	int listener = ctrL_check_fd(L, 1);
	uint64_t id = check_id(L, 2);
	struct ctr_notify_fd what = { .fd = ctrL_check_fd(L, 3) };
	struct ctr_err err;
	int64_t at;
	int number = -1, outcome;

	ctrL_check_options(L, 4, options);
	at = ctrL_opt_int(L, 4, "at", -1);
	luaL_argcheck(L, at >= -1 && at <= INT_MAX, 4, "'at' is a descriptor's number");
	what.at = (int)at;
	what.cloexec = ctrL_opt_bool(L, 4, "cloexec", false);
	what.answers = ctrL_opt_bool(L, 4, "answers", false);
	outcome = ctr_notify_add_fd(listener, id, &what, &number, &err);
	if (outcome <= 0)
		return push_outcome(L, outcome, &err);
	lua_pushinteger(L, number);
	return 1;
}

static void check_call(lua_State *L, int arg, struct ctr_notify_call *ret_call)
{
	ret_call->id = check_id(L, arg);
	lua_getfield(L, arg, "pid");
	ret_call->pid = (pid_t)lua_tointeger(L, -1);
	lua_pop(L, 1);
}

/***
Reads memory of the process that made a call.
@function read
@param listener
@tparam table call
@tparam number|string address
@tparam number length
@treturn[1] string as long as asked for
@return[2] nil
@treturn[2] ctr.Error `SystemError`: `EFAULT` when not all of it can be read, `ENOENT` when the call
is gone
*/
static int l_read(lua_State *L)
{
	int listener = ctrL_check_fd(L, 1);
	struct ctr_notify_call call;
	uint64_t address = check_u64(L, 3);
	size_t length = ctrL_check_size(L, 4), count = 0;
	struct ctr_err err;
	char *data;

	check_call(L, 2, &call);
	data = lua_newuserdata(L, length + 1);
	if (ctr_notify_read(listener, &call, address, data, length, &count, &err) < 0)
		return ctrL_push_err(L, &err);
	if (count < length) {
		ctr_fail(&err, EFAULT, "read", "memory of %d", (int)call.pid);
		return ctrL_push_err(L, &err);
	}
	lua_pushlstring(L, data, length);
	return 1;
}

/* Reads up to the NUL; the length without it, max where there is none so far, -1 on failure. */
static ssize_t read_string(int listener, const struct ctr_notify_call *call, uint64_t address,
			   char *data, size_t max, struct ctr_err *err)
{
	size_t done = 0;

	while (done < max) {
		size_t part = PAGE - (size_t)((address + done) % PAGE), count;
		const char *end;

		if (part > max - done)
			part = max - done;
		if (ctr_notify_read(listener, call, address + done, data + done, part, &count,
				    err) < 0)
			return -1;
		end = memchr(data + done, '\0', count);
		if (end)
			return end - data;
		done += count;
	}
	return (ssize_t)max;
}

/***
Reads a string of the process that made a call, up to its NUL.
@function read_string
@param listener
@tparam table call
@tparam number|string address
@tparam number max the most bytes, with the NUL
@treturn[1] string without the NUL
@return[2] nil
@treturn[2] ctr.Error `SystemError`: `EFAULT` where it cannot be read, `ENAMETOOLONG` when it is
longer, `ENOENT` when the call is gone
*/
static int l_read_string(lua_State *L)
{
	int listener = ctrL_check_fd(L, 1);
	struct ctr_notify_call call;
	uint64_t address = check_u64(L, 3);
	size_t max = ctrL_check_size(L, 4);
	struct ctr_err err;
	ssize_t length;
	char *data;

	check_call(L, 2, &call);
	data = lua_newuserdata(L, max + 1);
	length = read_string(listener, &call, address, data, max, &err);
	if (length < 0)
		return ctrL_push_err(L, &err);
	if ((size_t)length == max) {
		ctr_fail(&err, ENAMETOOLONG, "read", "string of %d", (int)call.pid);
		return ctrL_push_err(L, &err);
	}
	lua_pushlstring(L, data, (size_t)length);
	return 1;
}

/***
Lets the kernel hand the processor from the caller to the supervisor and back at once, where it can
(Linux 6.6).
@function set_sync
@param listener
@treturn boolean true
*/
static int l_set_sync(lua_State *L)
{
	ctr_notify_set_sync(ctrL_check_fd(L, 1));
	lua_pushboolean(L, true);
	return 1;
}

/***
Compares an argument as a filter does: unsigned, with 64 bits.
@function compare
@tparam string op `"SCMP_CMP_EQ"` …
@tparam number|string arg
@tparam number|string value
@tparam[opt] number|string value_two of `"SCMP_CMP_MASKED_EQ"`: `value` is its mask
@treturn boolean
*/
static int l_compare(lua_State *L)
{
	uint64_t op = 0, arg = check_u64(L, 2), value = check_u64(L, 3), value_two = 0;

	if (!ctrL_find_name(comparisons, luaL_checkstring(L, 1), &op))
		luaL_argerror(L, 1, "not the name of a comparison");
	if (!lua_isnoneornil(L, 4))
		value_two = check_u64(L, 4);
	lua_pushboolean(L, ctr_notify_compare((int)op, arg, value, value_two));
	return 1;
}

/***
The number of an errno.
@function errno
@tparam string name `"EPERM"`
@treturn number|nil
*/
static int l_errno(lua_State *L)
{
	const char *wanted = luaL_checkstring(L, 1);

	for (int num = 1; num < 256; num++) {
		const char *name = strerrorname_np(num);

		if (name && strcmp(name, wanted) == 0) {
			lua_pushinteger(L, num);
			return 1;
		}
	}
	lua_pushnil(L);
	return 1;
}

/***
The name of an errno.
@function errno_name
@tparam number errno
@treturn string|nil
*/
static int l_errno_name(lua_State *L)
{
	lua_pushstring(L, strerrorname_np((int)ctrL_check_int(L, 1, 0, ERRNO_MAX)));
	return 1;
}

static const luaL_Reg notify_functions[] = {
	{ "receive", l_receive },
	{ "respond", l_respond },
	{ "is_pending", l_is_pending },
	{ "add_fd", l_add_fd },
	{ "read", l_read },
	{ "read_string", l_read_string },
	{ "set_sync", l_set_sync },
	{ "compare", l_compare },
	{ "errno", l_errno },
	{ "errno_name", l_errno_name },
	{ NULL, NULL },
};

void ctrL_open_notify(lua_State *L)
{
	luaL_newlib(L, notify_functions);
	lua_setfield(L, -2, "notify");
}
