/* SPDX-License-Identifier: MIT */
/***
Terminals.
@module ctr.core.tty
*/
#include "lua_glue.h"

#include <limits.h>

#include "tty.h"

#define STATE "ctr.tty.state"

/***
Tells whether a descriptor is a terminal.
@function is_tty
@param fd
@treturn boolean
*/
static int l_is_tty(lua_State *L)
{
	lua_pushboolean(L, ctr_tty_check(ctrL_check_fd(L, 1)));
	return 1;
}

/***
The size of a terminal.
@function size
@param fd
@treturn[1] number columns
@treturn[1] number rows
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `ENOTTY`
*/
static int l_size(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	int columns, rows;
	struct ctr_err err;

	if (ctr_tty_size(fd, &columns, &rows, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_pushinteger(L, columns);
	lua_pushinteger(L, rows);
	return 2;
}

/***
Sets the size of a terminal.
@function set_size
@param fd
@tparam number columns
@tparam number rows
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_set_size(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	int columns = (int)ctrL_check_int(L, 2, 0, USHRT_MAX);
	int rows = (int)ctrL_check_int(L, 3, 0, USHRT_MAX);
	struct ctr_err err;

	return ctrL_result(L, ctr_tty_set_size(fd, columns, rows, &err), &err);
}

/***
Makes a terminal pass every byte as it is.
@function raw
@param fd
@tparam[opt] table options `translates`: what is written to it is treated as before (boolean,
default false)
@treturn[1] userdata what `restore` goes back to
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_raw(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	bool translates = ctrL_opt_bool(L, 2, "translates", false);
	struct termios *saved = lua_newuserdata(L, sizeof(*saved));
	struct ctr_err err;

	luaL_getmetatable(L, STATE);
	lua_setmetatable(L, -2);
	if (ctr_tty_set_raw(fd, translates, saved, &err) < 0)
		return ctrL_push_err(L, &err);
	return 1;
}

/***
Tells how a terminal is set.
@function save
@param fd
@treturn[1] userdata what `restore` goes back to
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_save(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	struct termios *saved = lua_newuserdata(L, sizeof(*saved));
	struct ctr_err err;

	luaL_getmetatable(L, STATE);
	lua_setmetatable(L, -2);
	if (ctr_tty_save(fd, saved, &err) < 0)
		return ctrL_push_err(L, &err);
	return 1;
}

/***
Puts a terminal back.
@function restore
@param fd
@tparam userdata state from `raw`
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_restore(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	const struct termios *saved = luaL_checkudata(L, 2, STATE);
	struct ctr_err err;

	return ctrL_result(L, ctr_tty_restore(fd, saved, &err), &err);
}

/***
Makes a pseudo-terminal.
@function open_pty
@treturn[1] ctr.fd its master
@treturn[1] string the path of its other end
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_open_pty(lua_State *L)
{
	int *slot = ctrL_new_fd(L);
	char path[64];
	struct ctr_err err;

	*slot = ctr_tty_open_pty(path, sizeof(path), &err);
	if (*slot < 0)
		return ctrL_push_err(L, &err);
	ctrL_clear_streams(slot);
	lua_pushstring(L, path);
	return 2;
}

static const luaL_Reg state_class[] = {
	{ NULL, NULL },
};

static const luaL_Reg tty_functions[] = {
	{ "is_tty", l_is_tty },
	{ "size", l_size },
	{ "set_size", l_set_size },
	{ "raw", l_raw },
	{ "save", l_save },
	{ "restore", l_restore },
	{ "open_pty", l_open_pty },
	{ NULL, NULL },
};

void ctrL_open_tty(lua_State *L)
{
	ctrL_new_class(L, STATE, state_class);
	luaL_newlib(L, tty_functions);
	lua_setfield(L, -2, "tty");
}
