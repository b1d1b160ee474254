/* SPDX-License-Identifier: MIT */
/***
Copies of the calling program that go on elsewhere.
@module ctr.core.inside
*/
#include "lua_glue.h"

#include <limits.h>
#include <unistd.h>

#include <linux/filter.h>

#include "inside.h"

#define GROUPS_MAX 65536

/* The numbers of a list of descriptors in the options, in a userdata that the stack holds. */
static const int *push_fds(lua_State *L, int arg, const char *key, size_t *ret_count)
{
	int list = ctrL_opt_table(L, arg, key) ? lua_gettop(L) : 0;

	return ctrL_push_fds(L, list, 0, ret_count);
}

static const gid_t *push_groups(lua_State *L, int arg, size_t *ret_count)
{
	gid_t *groups;
	size_t count;

	*ret_count = 0;
	if (!ctrL_opt_table(L, arg, "groups"))
		return NULL;
	count = lua_objlen(L, -1);
	luaL_argcheck(L, count <= GROUPS_MAX, arg, "too many groups");
	groups = lua_newuserdata(L, (count + 1) * sizeof(*groups));
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, -2, (int)i + 1);
		groups[i] = ctrL_check_id(L, -1);
		lua_pop(L, 1);
	}
	*ret_count = count;
	return groups;
}

static unsigned opt_id(lua_State *L, int arg, const char *key)
{
	unsigned id;

	lua_getfield(L, arg, key);
	id = ctrL_check_id(L, lua_gettop(L));
	lua_pop(L, 1);
	return id;
}

static void read_user(lua_State *L, int arg, struct ctr_inside_user *ret_user)
{
	static const char *const options[] = { "uid",  "gid",	  "groups",   "sets_groups",
					       "caps", "ambient", "bounding", NULL };

	ctrL_check_options(L, arg, options);
	ret_user->uid = opt_id(L, arg, "uid");
	ret_user->gid = opt_id(L, arg, "gid");
	ret_user->sets_groups = ctrL_opt_bool(L, arg, "sets_groups", false);
	ret_user->bounding = (uint64_t)ctrL_opt_int(L, arg, "bounding", 0);
	ret_user->caps = (uint64_t)ctrL_opt_int(L, arg, "caps", 0);
	ret_user->ambient = (uint64_t)ctrL_opt_int(L, arg, "ambient", 0);
	ret_user->groups = push_groups(L, arg, &ret_user->group_count);
}

static void read_filter(lua_State *L, struct ctr_inside *ret_inside)
{
	size_t size = 0;
	const char *filter = ctrL_opt_string(L, 1, "filter", &size);

	luaL_argcheck(L, size % sizeof(struct sock_filter) == 0, 1, "'filter' is no program");
	luaL_argcheck(L, size / sizeof(struct sock_filter) <= BPF_MAXINSNS, 1,
		      "'filter' is too long");
	ret_inside->filter = (const struct sock_filter *)filter;
	ret_inside->filter_count = size / sizeof(struct sock_filter);
	ret_inside->filter_flags = (unsigned)ctrL_opt_int(L, 1, "filter_flags", 0);
}

static void read_options(lua_State *L, struct ctr_inside *ret_inside)
{
	ret_inside->channel = ctrL_opt_fd(L, 1, "channel", -1);
	ret_inside->null = ctrL_opt_fd(L, 1, "null", -1);
	luaL_argcheck(L, ret_inside->channel >= 0 && ret_inside->null >= 0, 1,
		      "'channel' and 'null' are required");
	ret_inside->keep = push_fds(L, 1, "keep", &ret_inside->keep_count);
	ret_inside->open = push_fds(L, 1, "open", &ret_inside->open_count);
	ret_inside->cgroups = push_fds(L, 1, "cgroups", &ret_inside->cgroup_count);
	for (size_t i = 1; i < ret_inside->open_count; i++)
		luaL_argcheck(L, ret_inside->open[i - 1] < ret_inside->open[i], 1,
			      "'open' must ascend");
	ret_inside->target = ctrL_opt_fd(L, 1, "target", -1);
	ret_inside->root = ctrL_opt_fd(L, 1, "root", -1);
	ret_inside->namespaces = (uint64_t)ctrL_opt_int(L, 1, "namespaces", 0);
	luaL_argcheck(L, ret_inside->namespaces == 0 || ret_inside->target >= 0, 1,
		      "'namespaces' need a 'target'");
	ret_inside->is_mapped = ctrL_opt_bool(L, 1, "is_mapped", false);
	ret_inside->sets_groups = ctrL_opt_bool(L, 1, "sets_groups", false);
	ret_inside->follows = ctrL_opt_bool(L, 1, "follows", false);
	ret_inside->is_orphan = ctrL_opt_bool(L, 1, "is_orphan", false);
	read_filter(L, ret_inside);
}

/***
Forks the calling program: it returns twice. The copy waits for a byte on the channel, then becomes
what the options say, sends `READY` and goes on; what it does not keep leads to `null`. It must end by
`exit`, and never return to what called it.
@function fork
@tparam table options `channel` (a stream socket), `null` (a descriptor that leads nowhere), `open`
(numbers of all that is open, ascending), `keep`, `cgroups` (lists of descriptors), `target` (a
pidfd), `namespaces` (CLONE_NEW*), `is_mapped`, `sets_groups`, `root` (a descriptor), `user` (table:
`uid`, `gid`, `groups`, `sets_groups`, `bounding`, `caps`, `ambient`), `filter`
(string), `filter_flags`, `follows`, `is_orphan` (booleans): as `src/inside.h` has them
@treturn[1] table `pid` and `pidfd`
@treturn[2] boolean false, in the copy
@return[3] nil
@treturn[3] ctr.Error `SystemError`
*/
static int l_fork(lua_State *L)
{
	static const char *const options[] = { "channel", "null",	"open",	     "keep",
					       "cgroups", "target",	"namespaces", "is_mapped",
					       "root",	  "sets_groups", "user",	     "filter",
					       "follows", "filter_flags", "is_orphan", NULL };
	struct ctr_inside inside = { 0 };
	struct ctr_inside_user user = { 0 };
	struct ctr_err err;
	pid_t pid = 0;
	int *slot, forked, pidfd = -1;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	ctrL_check_options(L, 1, options);
	read_options(L, &inside);
	if (ctrL_opt_table(L, 1, "user")) {
		read_user(L, lua_gettop(L), &user);
		inside.user = &user;
	}
	lua_createtable(L, 0, 2);
	lua_pushinteger(L, 0);
	lua_setfield(L, -2, "pid");
	slot = ctrL_new_fd(L);
	lua_setfield(L, -2, "pidfd");
	forked = ctr_inside_fork(&inside, &pid, &pidfd, &err);
	if (forked < 0)
		return ctrL_push_err(L, &err);
	if (forked == 0) {
		lua_pushboolean(L, 0);
		return 1;
	}
	*slot = pidfd;
	ctrL_clear_streams(slot);
	lua_pushinteger(L, pid);
	lua_setfield(L, -2, "pid");
	return 1;
}

/***
Ends the process at once: nothing is flushed, closed or collected.
@function exit
@tparam[opt=0] number code
*/
static int l_exit(lua_State *L)
{
	_exit((int)luaL_optinteger(L, 1, 0));
}

static const luaL_Reg inside_functions[] = {
	{ "fork", l_fork },
	{ "exit", l_exit },
	{ NULL, NULL },
};

void ctrL_open_inside(lua_State *L)
{
	luaL_newlib(L, inside_functions);
	lua_setfield(L, -2, "inside");
}
