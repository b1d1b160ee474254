/* SPDX-License-Identifier: MIT */
/***
The kernel's container primitives: one table per family.
@module ctr.core
*/
#include "lua_glue.h"

__attribute__((visibility("default"))) int luaopen_ctr_core(lua_State *L);

/* The errors of the core are the errors of the library: it lends them its metatable. */
static void require_error_metatable(lua_State *L)
{
	lua_getglobal(L, "require");
	lua_pushliteral(L, "ctr.errors");
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "metatable");
	luaL_checktype(L, -1, LUA_TTABLE);
	ctrL_keep_error_metatable(L);
	lua_pop(L, 1);
}

int luaopen_ctr_core(lua_State *L)
{
	require_error_metatable(L);
	lua_newtable(L);
	ctrL_open_fd(L);
	ctrL_open_path(L);
	ctrL_open_mount(L);
	ctrL_open_ns(L);
	ctrL_open_proc(L);
	ctrL_open_poll(L);
	ctrL_open_tty(L);
	ctrL_open_caps(L);
	ctrL_open_json(L);
	ctrL_open_wire(L);
	ctrL_open_text(L);
	ctrL_open_xattr(L);
	ctrL_open_bpf(L);
	ctrL_open_watch(L);
	ctrL_open_event(L);
	ctrL_open_notify(L);
	ctrL_open_kernel(L);
	ctrL_open_text(L);
	return 1;
}
