/* SPDX-License-Identifier: MIT */
/***
Descriptors by which the kernel tells of changes.
@module ctr.core.watch
*/
#include "lua_glue.h"

#include "watch.h"

/***
Makes a descriptor that is readable when a file that was added has changed.
@function files
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_files(lua_State *L)
{
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_watch_files(&err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Adds a file to `files`.
@function add
@param watch
@param file a descriptor of it
@treturn[1] true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_add(lua_State *L)
{
	int watch = ctrL_check_fd(L, 1);
	int file = ctrL_check_fd(L, 2);
	struct ctr_err err;

	return ctrL_result(L, ctr_watch_add(watch, file, &err), &err);
}

/***
Makes an eventfd(2): readable when the kernel has counted something.
@function counter
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_counter(lua_State *L)
{
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_watch_counter(&err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Takes what is there to be read, without waiting.
@function take
@param watch of `files` or `counter`
@treturn[1] boolean whether there was anything
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_take(lua_State *L)
{
	int watch = ctrL_check_fd(L, 1);
	struct ctr_err err;
	int taken = ctr_watch_take(watch, &err);

	if (taken < 0)
		return ctrL_push_err(L, &err);
	lua_pushboolean(L, taken);
	return 1;
}

static const luaL_Reg watch_functions[] = {
	{ "files", l_files },     { "add", l_add },   { "counter", l_counter },
	{ "take", l_take },       { NULL, NULL },
};

void ctrL_open_watch(lua_State *L)
{
	luaL_newlib(L, watch_functions);
	lua_setfield(L, -2, "watch");
}
