/* SPDX-License-Identifier: MIT */
/***
Namespaces, by libcontainer's names: `"NEWNET"`.
@module ctr.core.ns
*/
#include "lua_glue.h"

#include <string.h>

#include "ns.h"

/***
Opens a namespace.
@function open
@tparam string path of the host: `/proc/1/ns/net`
@treturn[1] ctr.fd
@treturn[1] string its type, `"NEWNET"`
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EINVAL` for what is no namespace
*/
static int l_open(lua_State *L)
{
	const char *path = ctrL_check_path(L, 1);
	int *slot = ctrL_new_fd(L);
	const struct ctr_ns_kind *kind;
	struct ctr_err err;

	*slot = ctr_ns_open(path, &kind, &err);
	if (*slot < 0)
		return ctrL_push_err(L, &err);
	ctrL_clear_streams(slot);
	lua_pushstring(L, kind->name);
	return 2;
}

/***
Enters a namespace: the calling thread alone does, and what it starts from then on.
@function enter
@param fd of a namespace
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EINVAL` for what is no namespace
*/
static int l_enter(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	struct ctr_err err;

	return ctrL_result(L, ctr_ns_enter(fd, &err), &err);
}

/***
Tells whether the kernel has a kind of namespace.
@function supported
@tparam string name `"NEWTIME"`
@treturn boolean
*/
static int l_supported(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	const struct ctr_ns_kind *kind = ctr_ns_kinds;

	while (kind->name && strcmp(kind->name, name) != 0)
		kind++;
	luaL_argcheck(L, kind->name, 1, "not the name of a namespace");
	lua_pushboolean(L, ctr_ns_supported(kind));
	return 1;
}

static const luaL_Reg ns_functions[] = {
	{ "open", l_open },
	{ "enter", l_enter },
	{ "supported", l_supported },
	{ NULL, NULL },
};

void ctrL_open_ns(lua_State *L)
{
	luaL_newlib(L, ns_functions);
	lua_newtable(L);
	lua_newtable(L);
	for (const struct ctr_ns_kind *kind = ctr_ns_kinds; kind->name; kind++) {
		lua_pushnumber(L, (double)kind->flag);
		lua_setfield(L, -3, kind->name);
		lua_pushstring(L, kind->file);
		lua_setfield(L, -2, kind->name);
	}
	lua_setfield(L, -3, "files");
	lua_setfield(L, -2, "flags");
	lua_setfield(L, -2, "ns");
}
