/* SPDX-License-Identifier: MIT */
/* The part of the glue that reads tables: options, lists of words, strings and descriptors. */
#include "lua_glue.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define LIST_MAX (1 << 20)

const struct ctrL_name ctrL_open_flags[] = {
	{ "rdonly", O_RDONLY },
	{ "wronly", O_WRONLY },
	{ "rdwr", O_RDWR },
	{ "creat", O_CREAT },
	{ "excl", O_EXCL },
	{ "append", O_APPEND },
	{ "trunc", O_TRUNC },
	{ "nonblock", O_NONBLOCK },
	{ "path", O_PATH },
	{ "directory", O_DIRECTORY },
	{ "nofollow", O_NOFOLLOW },
	{ "noctty", O_NOCTTY },
	{ NULL, 0 },
};

static bool is_listed(const char *const *names, const char *name)
{
	for (; *names; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

void ctrL_check_options(lua_State *L, int arg, const char *const *names)
{
	if (lua_isnoneornil(L, arg))
		return;
	luaL_checktype(L, arg, LUA_TTABLE);
	lua_pushnil(L);
	while (lua_next(L, arg)) {
		lua_pop(L, 1);
		if (lua_type(L, -1) != LUA_TSTRING || !is_listed(names, lua_tostring(L, -1)))
			luaL_error(L, "bad argument #%d (unknown option '%s')", arg,
				   lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1)
								  : luaL_typename(L, -1));
	}
}

/* Pushes the field; its type, LUA_TNIL when there is no table. */
static int push_option(lua_State *L, int arg, const char *key)
{
	if (lua_isnoneornil(L, arg)) {
		lua_pushnil(L);
		return LUA_TNIL;
	}
	lua_getfield(L, arg, key);
	return lua_type(L, -1);
}

static void wrong_option(lua_State *L, const char *key, const char *wanted)
{
	luaL_error(L, "option '%s' must be %s, not a %s", key, wanted, luaL_typename(L, -1));
}

bool ctrL_opt_bool(lua_State *L, int arg, const char *key, bool fallback)
{
	int type = push_option(L, arg, key);
	bool value = fallback;

	if (type == LUA_TBOOLEAN)
		value = lua_toboolean(L, -1);
	else if (type != LUA_TNIL)
		wrong_option(L, key, "a boolean");
	lua_pop(L, 1);
	return value;
}

double ctrL_opt_number(lua_State *L, int arg, const char *key, double fallback)
{
	int type = push_option(L, arg, key);
	double value = fallback;

	if (type == LUA_TNUMBER)
		value = lua_tonumber(L, -1);
	else if (type != LUA_TNIL)
		wrong_option(L, key, "a number");
	lua_pop(L, 1);
	return value;
}

int64_t ctrL_opt_int(lua_State *L, int arg, const char *key, int64_t fallback)
{
	int64_t value = fallback;

	if (push_option(L, arg, key) != LUA_TNIL &&
	    (lua_type(L, -1) != LUA_TNUMBER || !ctrL_to_bits(L, -1, &value) || value < 0))
		wrong_option(L, key, "a whole number");
	lua_pop(L, 1);
	return value;
}

const char *ctrL_opt_string(lua_State *L, int arg, const char *key, size_t *ret_size)
{
	int type = push_option(L, arg, key);
	const char *value = NULL;
	size_t length = 0;

	if (type == LUA_TSTRING) {
		value = lua_tolstring(L, -1, &length);
		if (!ret_size && strlen(value) != length)
			luaL_error(L, "option '%s' holds a NUL byte", key);
	} else if (type != LUA_TNIL) {
		wrong_option(L, key, "a string");
	}
	if (ret_size)
		*ret_size = length;
	lua_pop(L, 1);
	return value;
}

int ctrL_opt_fd(lua_State *L, int arg, const char *key, int fallback)
{
	int value = fallback;

	if (push_option(L, arg, key) != LUA_TNIL)
		value = ctrL_check_fd(L, lua_gettop(L));
	lua_pop(L, 1);
	return value;
}

/* The word on top of the stack. */
static uint64_t word_value(lua_State *L, const char *key, const struct ctrL_name *words)
{
	uint64_t value = 0;

	if (lua_type(L, -1) != LUA_TSTRING || !ctrL_find_name(words, lua_tostring(L, -1), &value))
		luaL_error(L, "option '%s' has an unknown word '%s'", key,
			   lua_isstring(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1));
	return value;
}

static uint64_t sum_words(lua_State *L, const char *key, const struct ctrL_name *words)
{
	size_t count = lua_objlen(L, -1);
	uint64_t value = 0;

	for (size_t i = 1; i <= count; i++) {
		lua_rawgeti(L, -1, (int)i);
		value |= word_value(L, key, words);
		lua_pop(L, 1);
	}
	return value;
}

uint64_t ctrL_opt_words(lua_State *L, int arg, const char *key, const struct ctrL_name *words,
			uint64_t fallback)
{
	int type = push_option(L, arg, key);
	uint64_t value = fallback;
	int64_t bits;

	if (type == LUA_TTABLE)
		value = sum_words(L, key, words);
	else if (type == LUA_TSTRING)
		value = word_value(L, key, words);
	else if (type == LUA_TNUMBER && ctrL_to_bits(L, -1, &bits) && bits >= 0)
		value = (uint64_t)bits;
	else if (type != LUA_TNIL)
		wrong_option(L, key, "a list of words or a number");
	lua_pop(L, 1);
	return value;
}

bool ctrL_opt_table(lua_State *L, int arg, const char *key)
{
	int type = push_option(L, arg, key);

	if (type == LUA_TTABLE)
		return true;
	if (type != LUA_TNIL)
		wrong_option(L, key, "a table");
	lua_pop(L, 1);
	return false;
}

const char **ctrL_push_strings(lua_State *L, int index, const char *what, size_t *ret_count)
{
	size_t count = lua_objlen(L, index);
	const char **strings;

	if (count > LIST_MAX)
		luaL_error(L, "%s has too many strings", what);
	strings = lua_newuserdata(L, (count + 1) * sizeof(*strings));
	for (size_t i = 0; i < count; i++) {
		size_t length;

		lua_rawgeti(L, index, (int)i + 1);
		/* A number would be converted on the stack only: its text would have no owner. */
		if (lua_type(L, -1) != LUA_TSTRING)
			luaL_error(L, "%s[%d] must be a string", what, (int)i + 1);
		strings[i] = lua_tolstring(L, -1, &length);
		if (strlen(strings[i]) != length)
			luaL_error(L, "%s[%d] holds a NUL byte", what, (int)i + 1);
		lua_pop(L, 1);
	}
	strings[count] = NULL;
	*ret_count = count;
	return strings;
}

int *ctrL_push_fds(lua_State *L, int index, size_t lead, size_t *ret_count)
{
	size_t count = index ? lua_objlen(L, index) : 0;
	int *fds;

	if (count > SHRT_MAX)
		luaL_error(L, "too many descriptors");
	fds = lua_newuserdata(L, (lead + count + 1) * sizeof(*fds));
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, index, (int)i + 1);
		fds[lead + i] = ctrL_check_fd(L, lua_gettop(L));
		lua_pop(L, 1);
	}
	*ret_count = lead + count;
	return fds;
}
