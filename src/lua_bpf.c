/* SPDX-License-Identifier: MIT */
/***
Device rules of cgroup v2.
@module ctr.core.bpf
*/
#include "lua_glue.h"

#include <limits.h>

#include "bpf.h"

/* Reads field key of the rule on top of the stack: a number, or ANY where it is nil. */
static int64_t field(lua_State *L, const char *key, int64_t fallback, int64_t high)
{
	double value;

	lua_getfield(L, -1, key);
	value = lua_isnil(L, -1) ? (double)fallback : luaL_checknumber(L, -1);
	if (!(value >= (double)fallback && value <= (double)high))
		luaL_error(L, "%s of a device rule is out of range", key);
	lua_pop(L, 1);
	return (int64_t)value;
}

/* The rule on top of the stack. */
static void read_rule(lua_State *L, struct ctr_bpf_rule *ret_rule)
{
	luaL_checktype(L, -1, LUA_TTABLE);
	lua_getfield(L, -1, "allow");
	ret_rule->allow = lua_toboolean(L, -1);
	lua_pop(L, 1);
	ret_rule->types = (uint32_t)field(L, "types", 0, CTR_BPF_BLOCK | CTR_BPF_CHAR);
	ret_rule->access =
		(uint32_t)field(L, "access", 0, CTR_BPF_MKNOD | CTR_BPF_READ | CTR_BPF_WRITE);
	ret_rule->major = field(L, "major", CTR_BPF_ANY, UINT32_MAX);
	ret_rule->minor = field(L, "minor", CTR_BPF_ANY, UINT32_MAX);
}

/***
Attaches device rules to a cgroup, in place of those that were attached so before: at no time are
there none. Of the rules that match an access the last one counts.
@function set_devices
@param cgroup descriptor of its directory, open for reading
@tparam table rules a list of `{ allow, types, major, minor, access }`: `types` 1 block, 2
 character, 3 both; `access` 1 mknod, 2 read, 4 write and sums of these; no number: every one
@tparam boolean allow what counts where no rule matches
@treturn[1] true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_set_devices(lua_State *L)
{
	int cgroup = ctrL_check_fd(L, 1);
	bool allow = lua_toboolean(L, 3);
	struct ctr_bpf_rule *rules;
	struct ctr_err err;
	size_t count;

	luaL_checktype(L, 2, LUA_TTABLE);
	count = lua_objlen(L, 2);
	if (count > CTR_BPF_RULES_MAX)
		return luaL_argerror(L, 2, "too many rules");
	rules = lua_newuserdata(L, (count + 1) * sizeof(*rules));
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, 2, (int)i + 1);
		read_rule(L, &rules[i]);
		lua_pop(L, 1);
	}
	return ctrL_result(L, ctr_bpf_set_devices(cgroup, rules, count, allow, &err), &err);
}

/***
Counts the device programs that are attached to a cgroup.
@function count_devices
@param cgroup descriptor of its directory
@treturn[1] number
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_count_devices(lua_State *L)
{
	int cgroup = ctrL_check_fd(L, 1);
	struct ctr_err err;
	uint32_t count;

	if (ctr_bpf_count_devices(cgroup, &count, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_pushinteger(L, (lua_Integer)count);
	return 1;
}

static const luaL_Reg bpf_functions[] = {
	{ "set_devices", l_set_devices },
	{ "count_devices", l_count_devices },
	{ NULL, NULL },
};

void ctrL_open_bpf(lua_State *L)
{
	luaL_newlib(L, bpf_functions);
	lua_setfield(L, -2, "bpf");
}
