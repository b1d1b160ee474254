/* SPDX-License-Identifier: MIT */
#include "lua_glue.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lualib.h>

#include "fd.h"

#define ERROR_METATABLE "ctr.Error"
#define SYSTEM_ERROR 10 /* libcontainer's number */
#define SIZE_MAX_BYTES (1 << 30)

void ctrL_keep_error_metatable(lua_State *L)
{
	lua_setfield(L, LUA_REGISTRYINDEX, ERROR_METATABLE);
}

/* "No such file" reads as part of a sentence, "RPC …" stays. */
static void push_lowered(lua_State *L, const char *text)
{
	char first = text[0];

	if (isupper((unsigned char)first) && !isupper((unsigned char)text[1])) {
		first = (char)tolower((unsigned char)first);
		text++;
		lua_pushlstring(L, &first, 1);
		lua_pushstring(L, text);
		lua_concat(L, 2);
		return;
	}
	lua_pushstring(L, text);
}

/* Where a target's closing remark begins, "tmpfs on /data (size=12Q)", or its end. */
static size_t remark_offset(const char *target)
{
	size_t length = strlen(target);
	const char *open;

	if (length == 0 || target[length - 1] != ')')
		return length;
	open = strstr(target, " (");
	return open ? (size_t)(open - target) : length;
}

/* A control character at a place of a text, and how many bytes it has: ASCII's, or U+0080 … U+009F. */
static size_t control_size(const char *at)
{
	const unsigned char *byte = (const unsigned char *)at;

	if (byte[0] < 0x20 || byte[0] == 0x7f)
		return 1;
	return byte[0] == 0xc2 && byte[1] >= 0x80 && byte[1] <= 0x9f ? 2 : 0;
}

/* A name may be a container's: it must not act on the terminal on which the message is read. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		size_t size = control_size(text);

		if (size > 0)
			memset(text, '?', size);
	}
}

static void push_message(lua_State *L, const struct ctr_err *failure)
{
	struct ctr_err shown = *failure;
	const struct ctr_err *err = &shown;
	size_t remark;
	const char *text = err->num ? strerrordesc_np(err->num) : NULL;

	make_printable(shown.target);
	remark = remark_offset(err->target);
	lua_pushstring(L, err->op);
	lua_pushstring(L, err->target[0] ? " " : "");
	lua_pushlstring(L, err->target, remark);
	lua_pushstring(L, err->num ? ": " : "");
	push_lowered(L, err->num ? (text ? text : "unknown error") : "");
	lua_pushstring(L, err->target + remark);
	lua_concat(L, 6);
}

void ctrL_push_error(lua_State *L, const struct ctr_err *err)
{
	luaL_checkstack(L, 8, "error");
	lua_createtable(L, 0, 6);
	lua_pushliteral(L, "SystemError");
	lua_setfield(L, -2, "code");
	lua_pushinteger(L, SYSTEM_ERROR);
	lua_setfield(L, -2, "number");
	if (err->num) {
		lua_pushstring(L, strerrorname_np(err->num));
		lua_setfield(L, -2, "errno");
	}
	lua_pushstring(L, err->op);
	lua_setfield(L, -2, "op");
	lua_pushstring(L, err->target);
	lua_setfield(L, -2, "target");
	push_message(L, err);
	lua_setfield(L, -2, "message");
	lua_getfield(L, LUA_REGISTRYINDEX, ERROR_METATABLE);
	lua_setmetatable(L, -2);
}

int ctrL_push_err(lua_State *L, const struct ctr_err *err)
{
	lua_pushnil(L);
	ctrL_push_error(L, err);
	return 2;
}

int ctrL_result(lua_State *L, int result, const struct ctr_err *err)
{
	if (result < 0)
		return ctrL_push_err(L, err);
	lua_pushboolean(L, true);
	return 1;
}

void ctrL_clear_streams(int *slot)
{
	int higher;

	if (*slot < 0 || *slot > STDERR_FILENO)
		return;
	higher = fcntl(*slot, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (higher < 0) /* no room: better there than not at all */
		return;
	close(*slot);
	*slot = higher;
}

int ctrL_fd_result(lua_State *L, int *slot, const struct ctr_err *err)
{
	if (*slot < 0)
		return ctrL_push_err(L, err);
	ctrL_clear_streams(slot);
	return 1;
}

/* One more chunk of the file in the buffer; *ret_total grows until the end is reached. */
static int read_chunk(luaL_Buffer *buffer, int fd, size_t max, size_t *ret_total,
		      struct ctr_err *err)
{
	char *chunk = luaL_prepbuffer(buffer);
	size_t count;

	if (ctr_fd_read_at(fd, chunk, LUAL_BUFFERSIZE, *ret_total, &count, err) < 0)
		return -1;
	*ret_total += count;
	if (*ret_total > max)
		return ctr_fail(err, EFBIG, "read", "%d", fd);
	luaL_addsize(buffer, count);
	return count > 0;
}

int ctrL_read_all(lua_State *L, int fd, size_t max, const char *what)
{
	struct ctr_err err;
	luaL_Buffer buffer;
	size_t total = 0;
	int result = ctr_fd_check_regular(fd, &err);

	if (result == 0) {
		luaL_buffinit(L, &buffer);
		do {
			result = read_chunk(&buffer, fd, max, &total, &err);
		} while (result > 0);
	}
	if (result < 0) {
		if (what)
			ctr_fail(&err, err.num, err.op, "%s", what);
		return ctrL_push_err(L, &err);
	}
	luaL_pushresult(&buffer);
	return 1;
}

const char *ctrL_check_path(lua_State *L, int arg)
{
	size_t length;
	const char *path;

	luaL_checktype(L, arg, LUA_TSTRING);
	path = lua_tolstring(L, arg, &length);
	luaL_argcheck(L, strlen(path) == length, arg, "holds a NUL byte");
	return path;
}

int64_t ctrL_check_int(lua_State *L, int arg, int64_t low, int64_t high)
{
	double value;

	luaL_checktype(L, arg, LUA_TNUMBER);
	value = lua_tonumber(L, arg);
	/* The comparison is false for NaN, and comes before the cast that it makes safe. */
	if (!(value >= (double)low && value <= (double)high) || value != (double)(int64_t)value)
		luaL_argerror(L, arg, "number out of range");
	return (int64_t)value;
}

unsigned ctrL_check_id(lua_State *L, int arg)
{
	return (unsigned)ctrL_check_int(L, arg, 0, UINT32_MAX - 1LL);
}

size_t ctrL_check_size(lua_State *L, int arg)
{
	return (size_t)ctrL_check_int(L, arg, 0, SIZE_MAX_BYTES);
}

static bool parse_bits(const char *text, size_t length, int64_t *ret_bits)
{
	bool negative = text[0] == '-';
	const char *digits = text + negative;
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)digits[0]))
		return false;
	errno = 0;
	value = strtoull(digits, &end, 10);
	if (errno != 0 || end != text + length)
		return false;
	if (negative && value > (unsigned long long)INT64_MAX + 1)
		return false;
	*ret_bits = (int64_t)(negative ? 0 - value : value);
	return true;
}

bool ctrL_to_bits(lua_State *L, int index, int64_t *ret_bits)
{
	if (lua_type(L, index) == LUA_TNUMBER) {
		double value = lua_tonumber(L, index);

		if (!(value >= -CTRL_EXACT_MAX && value <= CTRL_EXACT_MAX) ||
		    value != (double)(int64_t)value)
			return false;
		*ret_bits = (int64_t)value;
		return true;
	}
	if (lua_type(L, index) == LUA_TSTRING) {
		size_t length;
		const char *text = lua_tolstring(L, index, &length);

		return parse_bits(text, length, ret_bits);
	}
	return false;
}

void ctrL_push_u64(lua_State *L, uint64_t value)
{
	char text[24];

	if (value <= (uint64_t)CTRL_EXACT_MAX) {
		lua_pushnumber(L, (double)value);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64, value);
	lua_pushstring(L, text);
}

void ctrL_push_i64(lua_State *L, int64_t value)
{
	char text[24];

	if (value >= -(int64_t)CTRL_EXACT_MAX && value <= (int64_t)CTRL_EXACT_MAX) {
		lua_pushnumber(L, (double)value);
		return;
	}
	snprintf(text, sizeof(text), "%" PRId64, value);
	lua_pushstring(L, text);
}

bool ctrL_find_name(const struct ctrL_name *names, const char *name, uint64_t *ret_value)
{
	for (; names->name; names++) {
		if (strcmp(names->name, name) == 0) {
			*ret_value = names->value;
			return true;
		}
	}
	return false;
}

void ctrL_set_names(lua_State *L, const char *key, const struct ctrL_name *names)
{
	lua_newtable(L);
	for (; names->name; names++) {
		lua_pushnumber(L, (double)names->value);
		lua_setfield(L, -2, names->name);
	}
	lua_setfield(L, -2, key);
}

void ctrL_new_class(lua_State *L, const char *name, const luaL_Reg *rows)
{
	luaL_newmetatable(L, name);
	lua_pushstring(L, name);
	lua_setfield(L, -2, "__name");
	lua_newtable(L);
	for (; rows->name; rows++) {
		lua_pushcfunction(L, rows->func);
		lua_setfield(L, strncmp(rows->name, "__", 2) == 0 ? -3 : -2, rows->name);
	}
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}
