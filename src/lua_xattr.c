/* SPDX-License-Identifier: MIT */
/***
Extended attributes of files below a directory. A link at the end of a path is not followed.
@module ctr.core.xattr
*/
#include "lua_glue.h"

#include "xattr.h"

#define VALUE_MAX 4096

/***
Sets an attribute to a string, with the NUL that security modules want behind it.
@function set
@param dir
@tparam string path below dir; "" is dir itself
@tparam string name `security.selinux`
@tparam string value
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_set(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	const char *name = ctrL_check_path(L, 3);
	const char *value = ctrL_check_path(L, 4);
	struct ctr_err err;

	if (ctr_xattr_set(dir, path, name, value, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_pushboolean(L, 1);
	return 1;
}

/***
Reads an attribute of at most 4096 bytes.
@function get
@param dir
@tparam string path below dir; "" is dir itself
@tparam string name
@treturn[1] string all of its bytes
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `ENODATA` where there is none
*/
static int l_get(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	const char *name = ctrL_check_path(L, 3);
	char data[VALUE_MAX];
	struct ctr_err err;
	size_t length = 0;

	if (ctr_xattr_get(dir, path, name, data, sizeof(data), &length, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_pushlstring(L, data, length);
	return 1;
}

static const luaL_Reg xattr_functions[] = {
	{ "set", l_set },
	{ "get", l_get },
	{ NULL, NULL },
};

void ctrL_open_xattr(lua_State *L)
{
	luaL_newlib(L, xattr_functions);
	lua_setfield(L, -2, "xattr");
}
