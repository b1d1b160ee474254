/* SPDX-License-Identifier: MIT */
/***
What libseccomp knows of system calls, and the kernel of filters.
@module ctr.core.seccomp
*/
#include "lua_glue.h"

#include <stdlib.h>
#include <string.h>

#include "seccomp.h"

#define NAME_MAX_LENGTH 64

static uint32_t check_arch(lua_State *L, int arg)
{
	uint32_t arch = ctr_seccomp_arch(luaL_checkstring(L, arg));

	luaL_argcheck(L, arch != 0, arg, "libseccomp does not know this architecture");
	return arch;
}

/* A name of libseccomp's, moved off the heap before Lua may throw. */
static bool next_call(uint32_t arch, uint32_t *number, char ret_name[NAME_MAX_LENGTH])
{
	char *name;

	while (ctr_seccomp_next(arch, number, &name)) {
		bool fits = strlen(name) < NAME_MAX_LENGTH;

		if (fits)
			strcpy(ret_name, name);
		free(name);
		if (fits)
			return true;
		(*number)++;
	}
	return false;
}

/***
The system calls of an architecture.
@function syscalls
@tparam string arch libseccomp's name: `"x86_64"`
@treturn table numbers by name
@treturn number the number at which the table begins: not 0 for mips and x32
*/
static int l_syscalls(lua_State *L)
{
	uint32_t arch = check_arch(L, 1);
	uint32_t number = ctr_seccomp_base(arch);
	char name[NAME_MAX_LENGTH];

	lua_newtable(L);
	for (; next_call(arch, &number, name); number++) {
		lua_pushnumber(L, number);
		lua_setfield(L, -2, name);
	}
	lua_pushnumber(L, ctr_seccomp_base(arch));
	return 2;
}

/***
The kernel's number of an architecture (AUDIT_ARCH_…), as filters see it.
@function arch
@tparam string arch
@treturn number|nil nil for one that libseccomp does not know
*/
static int l_arch(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	uint32_t arch = ctr_seccomp_arch(name);

	/* libseccomp tells the two apart by a number of its own; the kernel by a bit of each call. */
	if (arch != 0 && strcmp(name, "x32") == 0)
		arch = ctr_seccomp_arch("x86_64");
	if (arch == 0)
		lua_pushnil(L);
	else
		lua_pushnumber(L, arch);
	return 1;
}

/***
The machine's own architecture.
@function native
@treturn string|nil
*/
static int l_native(lua_State *L)
{
	lua_pushstring(L, ctr_seccomp_native());
	return 1;
}

/***
Says whether libseccomp has heard of a system call, on any architecture.
@function is_known
@tparam string name
@treturn boolean
*/
static int l_is_known(lua_State *L)
{
	lua_pushboolean(L, ctr_seccomp_is_known(luaL_checkstring(L, 1)));
	return 1;
}

/***
The architectures that libseccomp knows.
@function archs
@treturn {string,…}
*/
static int l_archs(lua_State *L)
{
	int count = 0;

	lua_newtable(L);
	for (const char *const *name = ctr_seccomp_archs; *name; name++) {
		if (ctr_seccomp_arch(*name) == 0)
			continue;
		lua_pushstring(L, *name);
		lua_rawseti(L, -2, ++count);
	}
	return 1;
}

/***
The version of libseccomp.
@function version
@treturn string
*/
static int l_version(lua_State *L)
{
	char text[48];

	ctr_seccomp_version(text, sizeof(text));
	lua_pushstring(L, text);
	return 1;
}

/***
Says whether the kernel knows what a filter may return.
@function has_action
@tparam number action SECCOMP_RET_…
@treturn boolean
*/
static int l_has_action(lua_State *L)
{
	lua_pushboolean(L, ctr_seccomp_has_action((uint32_t)ctrL_check_int(L, 1, 0, UINT32_MAX)));
	return 1;
}

/***
Says whether the kernel knows a flag of a filter. Nothing is loaded.
@function has_flag
@tparam number flag SECCOMP_FILTER_FLAG_…
@treturn boolean
*/
static int l_has_flag(lua_State *L)
{
	lua_pushboolean(L, ctr_seccomp_has_flag((unsigned)ctrL_check_int(L, 1, 1, UINT32_MAX)));
	return 1;
}

static const luaL_Reg seccomp_functions[] = {
	{ "syscalls", l_syscalls },
	{ "arch", l_arch },
	{ "native", l_native },
	{ "is_known", l_is_known },
	{ "archs", l_archs },
	{ "version", l_version },
	{ "has_action", l_has_action },
	{ "has_flag", l_has_flag },
	{ NULL, NULL },
};

int luaopen_ctr_core_seccomp(lua_State *L) __attribute__((visibility("default")));
int luaopen_ctr_core_seccomp(lua_State *L)
{
	luaL_newlib(L, seccomp_functions);
	return 1;
}
