/* SPDX-License-Identifier: MIT */
/* The part of the glue that makes and reads handles of descriptors: every module has it. */
#include "lua_glue.h"

#include <limits.h>
#include <stdio.h>

#include <lualib.h>

int *ctrL_new_fd(lua_State *L)
{
	int *slot;

	luaL_checkstack(L, 3, "handle");
	slot = lua_newuserdata(L, sizeof(*slot));
	*slot = -1;
	luaL_getmetatable(L, CTRL_HANDLE);
	lua_setmetatable(L, -2);
	return slot;
}

int *ctrL_check_handle(lua_State *L, int arg)
{
	return luaL_checkudata(L, arg, CTRL_HANDLE);
}

int ctrL_check_open(lua_State *L, int arg, int fd)
{
	if (fd < 0)
		luaL_argerror(L, arg, "the descriptor is closed");
	return fd;
}

int ctrL_check_fd(lua_State *L, int arg)
{
	const int *slot = luaL_testudata(L, arg, CTRL_HANDLE);
	FILE *const *file;

	if (slot)
		return ctrL_check_open(L, arg, *slot);
	if (lua_type(L, arg) == LUA_TNUMBER)
		return (int)ctrL_check_int(L, arg, 0, INT_MAX);
	/* A FILE pointer comes first in the file of Lua 5.1 and of LuaJIT alike. */
	file = luaL_testudata(L, arg, LUA_FILEHANDLE);
	if (!file)
		return luaL_argerror(L, arg, "a descriptor expected (a handle, a number or a file)");
	return ctrL_check_open(L, arg, *file ? fileno(*file) : -1);
}
