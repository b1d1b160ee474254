/* SPDX-License-Identifier: MIT */
/***
What the kernel has.
@module ctr.core.kernel
*/
#include "lua_glue.h"

#include <string.h>

#include "kernel.h"

/***
Tells whether the kernel has a system call, and lets the caller use it: one that a filter hides with
`ENOSYS` is not there.
@function has_call
@tparam string name one of those that the library needs: `"clone3"`
@treturn boolean
*/
static int l_has_call(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	const struct ctr_kernel_call *call = ctr_kernel_calls;

	while (call->name && strcmp(call->name, name) != 0)
		call++;
	luaL_argcheck(L, call->name, 1, "not a system call that can be asked for");
	lua_pushboolean(L, ctr_kernel_has(call));
	return 1;
}

static const luaL_Reg kernel_functions[] = {
	{ "has_call", l_has_call },
	{ NULL, NULL },
};

void ctrL_open_kernel(lua_State *L)
{
	luaL_newlib(L, kernel_functions);
	lua_setfield(L, -2, "kernel");
}
