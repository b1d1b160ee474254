/* SPDX-License-Identifier: MIT */
/***
Calls that Ctrl-C ends.
@module ctr.core.interrupt
*/
#include "lua_glue.h"

#include <signal.h>
#include <string.h>

#include "interrupt.h"

#define MESSAGE "interrupted"

/* The call that runs: there is one at a time. */
static struct {
	lua_State *L;
	const char *spared; /* what the names of the library's own sources begin with */
	volatile sig_atomic_t was_interrupted;
} running;

/*
 * The library's own functions are left to end: their waits fail, and they undo what they did. Then
 * the one that called them ends here, and so does whoever would catch that, up to the call.
 */
static void raise_in_foreign_code(lua_State *L, lua_Debug *at)
{
	if (!lua_getinfo(L, "S", at))
		return;
	if (strncmp(at->source, running.spared, strlen(running.spared)) == 0)
		return;
	ctr_interrupt_answer();
	luaL_error(L, MESSAGE);
}

/* The one function of Lua's that is safe in a signal's handler. */
static void set_hook(void)
{
	running.was_interrupted = 1;
	lua_sethook(running.L, raise_in_foreign_code, LUA_MASKCOUNT, 1);
}

/***
Calls a function, which SIGINT ends: it raises "interrupted" in the next step of Lua code that is
not the library's own, and what waits in the library fails with `EINTR` before. Machine code that
LuaJIT made notices nothing of it: who calls has turned its compiler off.
@function call
@string spared what the names of the library's sources begin with, as `debug.getinfo` has them
@tparam function handler is given an error, and returns what is told of it
@tparam function callback
@param ... its arguments
@treturn boolean whether it returned
@treturn boolean whether it was interrupted
@return what it returned, or what `handler` did
*/
static int l_call(lua_State *L)
{
	const char *spared = luaL_checkstring(L, 1);
	struct ctr_err err;
	int status;

	luaL_checktype(L, 2, LUA_TFUNCTION);
	luaL_checktype(L, 3, LUA_TFUNCTION);
	running.L = L;
	running.spared = spared;
	running.was_interrupted = 0;
	if (ctr_interrupt_open(set_hook, &err) < 0) {
		ctrL_push_error(L, &err);
		return lua_error(L);
	}
	status = lua_pcall(L, lua_gettop(L) - 3, LUA_MULTRET, 2);
	ctr_interrupt_close();
	lua_sethook(L, NULL, 0, 0);
	lua_pushboolean(L, status == 0);
	lua_replace(L, 1);
	lua_pushboolean(L, running.was_interrupted);
	lua_replace(L, 2);
	return lua_gettop(L);
}

static const luaL_Reg interrupt_functions[] = {
	{ "call", l_call },
	{ NULL, NULL },
};

void ctrL_open_interrupt(lua_State *L)
{
	luaL_newlib(L, interrupt_functions);
	lua_setfield(L, -2, "interrupt");
}
