/* SPDX-License-Identifier: MIT */
/***
Capabilities, by the kernel's names: `"CAP_CHOWN"`.
@module ctr.core.caps
*/
#include "lua_glue.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "caps.h"

/***
The number of the kernel's last capability.
@function last
@treturn number
*/
static int l_last(lua_State *L)
{
	lua_pushinteger(L, ctr_caps_last());
	return 1;
}

/***
The number of a name.
@function number
@tparam string name
@treturn number|nil nil for a name that is not known
*/
static int l_number(lua_State *L)
{
	int number = ctr_caps_number(luaL_checkstring(L, 1));

	if (number < 0)
		lua_pushnil(L);
	else
		lua_pushinteger(L, number);
	return 1;
}

/* Adds the capability on top of the stack to the mask. */
static int add_capability(lua_State *L, int last, uint64_t *mask, struct ctr_err *err)
{
	const char *name = luaL_checkstring(L, -1);
	int number = ctr_caps_number(name);

	if (number < 0)
		return ctr_fail(err, EINVAL, "capability", "%s (not known)", name);
	if (number > last)
		return ctr_fail(err, EINVAL, "capability", "%s (not in this kernel)", name);
	*mask |= 1ULL << number;
	return 0;
}

/***
The mask of some capabilities.
@function mask
@tparam table names
@treturn[1] string decimal, 64 bits
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EINVAL` for a name that libcap or the kernel does not know
*/
static int l_mask(lua_State *L)
{
	int last = ctr_caps_last();
	uint64_t mask = 0;
	struct ctr_err err;
	char text[24];

	luaL_checktype(L, 1, LUA_TTABLE);
	for (int i = 1; i <= (int)lua_objlen(L, 1); i++) {
		lua_rawgeti(L, 1, i);
		if (add_capability(L, last, &mask, &err) < 0)
			return ctrL_push_err(L, &err);
		lua_pop(L, 1);
	}
	snprintf(text, sizeof(text), "%" PRIu64, mask);
	lua_pushstring(L, text);
	return 1;
}

/* Sets field key of the table on top of the stack to a list of names. */
static void set_names(lua_State *L, const char *key, uint64_t mask)
{
	char name[CTR_CAP_NAME_MAX];
	struct ctr_err err;
	int count = 0;

	lua_newtable(L);
	for (int number = 0; number < 64; number++) {
		if (!(mask >> number & 1))
			continue;
		if (ctr_caps_name(number, name, &err) < 0)
			luaL_error(L, "not enough memory");
		lua_pushstring(L, name);
		lua_rawseti(L, -2, ++count);
	}
	lua_setfield(L, -2, key);
}

/***
The capabilities of a process.
@function of
@tparam[opt] number pid default: the caller
@treturn[1] table lists of names: `effective`, `permitted`, `inheritable`, and of the caller also
`bounding` and `ambient`
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_of(lua_State *L)
{
	pid_t pid = lua_isnoneornil(L, 1) ? 0 : (pid_t)ctrL_check_int(L, 1, 1, INT_MAX);
	struct ctr_caps caps;
	struct ctr_err err;

	if (ctr_caps_read(pid, &caps, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_createtable(L, 0, 5);
	set_names(L, "effective", caps.effective);
	set_names(L, "permitted", caps.permitted);
	set_names(L, "inheritable", caps.inheritable);
	if (pid == 0) {
		set_names(L, "bounding", caps.bounding);
		set_names(L, "ambient", caps.ambient);
	}
	return 1;
}

static const luaL_Reg caps_functions[] = {
	{ "last", l_last },
	{ "number", l_number },
	{ "mask", l_mask },
	{ "of", l_of },
	{ NULL, NULL },
};

void ctrL_open_caps(lua_State *L)
{
	int last = ctr_caps_last();

	luaL_newlib(L, caps_functions);
	/* A list: that of number n stands at n + 1. */
	set_names(L, "names", last < 63 ? (1ULL << (last + 1)) - 1 : UINT64_MAX);
	lua_setfield(L, -2, "caps");
}
