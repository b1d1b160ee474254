/* SPDX-License-Identifier: MIT */
/***
@module ctr.core.netlink
*/
#include "lua_netlink.h"

#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

static const struct ctrL_name route_types[] = {
	{ "unicast", RTN_UNICAST },
	{ "local", RTN_LOCAL },
	{ "broadcast", RTN_BROADCAST },
	{ "anycast", RTN_ANYCAST },
	{ "multicast", RTN_MULTICAST },
	{ "blackhole", RTN_BLACKHOLE },
	{ "unreachable", RTN_UNREACHABLE },
	{ "prohibit", RTN_PROHIBIT },
	{ NULL, 0 },
};

static const struct ctrL_name families[] = {
	{ "inet", AF_INET },
	{ "inet6", AF_INET6 },
	{ NULL, 0 },
};

static void push_route(lua_State *L, const void *row)
{
	const struct ctr_route *route = row;

	lua_createtable(L, 0, 12);
	ctrL_set_word(L, "family", (uint64_t)route->destination.family, families);
	ctrL_set_ip(L, "destination", &route->destination);
	ctrL_set_ip(L, "gateway", &route->gateway);
	ctrL_set_ip(L, "source", &route->source);
	ctrL_set_number(L, "prefix", route->prefix);
	if (route->index) {
		lua_pushinteger(L, route->index);
		lua_setfield(L, -2, "index");
	}
	ctrL_set_number(L, "metric", route->metric);
	ctrL_set_number(L, "table", route->table);
	ctrL_set_number(L, "protocol", route->protocol);
	ctrL_set_word(L, "scope", route->scope, ctrL_scopes);
	ctrL_set_word(L, "type", route->type, route_types);
	lua_pushboolean(L, route->onlink);
	lua_setfield(L, -2, "onlink");
}

/***
The routes.
@function routes
@param socket
@tparam[opt] string family `"inet"` or `"inet6"`; both without it
@treturn[1] {table,…} of each `family`, `destination` and `prefix` (`0.0.0.0` and 0: the default route),
`gateway`, `source`, `index` (of the link), `metric`, `table`, `protocol`, `scope`, `type`, `onlink`
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_routes(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	const char *name = luaL_optstring(L, 2, NULL);
	struct ctr_text *rows = ctrL_push_rows(L);
	uint64_t family = 0;
	struct ctr_err err;

	luaL_argcheck(L, !name || ctrL_find_name(families, name, &family), 2,
		      "not a family of addresses");
	if (ctr_route_list(fd, (int)family, rows, &err) < 0)
		return ctrL_push_err(L, &err);
	return ctrL_push_list(L, rows, sizeof(struct ctr_route), push_route);
}

static void read_route(lua_State *L, int arg, struct ctr_route *ret_route)
{
	static const char *const known[] = { "destination", "prefix", "gateway", "source", "index",
					     "metric", "table", "scope", "type", "onlink", NULL };
	struct ctr_route route = { .protocol = RTPROT_BOOT };
	int64_t index, metric, table;

	luaL_checktype(L, arg, LUA_TTABLE);
	ctrL_check_options(L, arg, known);
	ctrL_opt_ip(L, arg, "destination", &route.destination);
	luaL_argcheck(L, route.destination.family, arg, "option 'destination' is required");
	ctrL_opt_ip(L, arg, "gateway", &route.gateway);
	ctrL_opt_ip(L, arg, "source", &route.source);
	route.prefix = ctrL_opt_prefix(L, arg, route.destination.family);
	index = ctrL_opt_int(L, arg, "index", 0);
	metric = ctrL_opt_int(L, arg, "metric", 0);
	table = ctrL_opt_int(L, arg, "table", RT_TABLE_MAIN);
	luaL_argcheck(L, index <= INT32_MAX && metric <= UINT32_MAX && table <= UINT32_MAX, arg,
		      "a number is out of range");
	route.index = (int)index;
	route.metric = (uint32_t)metric;
	route.table = (uint32_t)table;
	route.scope = (uint8_t)ctrL_opt_words(L, arg, "scope", ctrL_scopes, RT_SCOPE_UNIVERSE);
	route.type = (uint8_t)ctrL_opt_words(L, arg, "type", route_types, RTN_UNICAST);
	route.onlink = ctrL_opt_bool(L, arg, "onlink", false);
	*ret_route = route;
}

static int change(lua_State *L, int (*act)(int fd, const struct ctr_route *, struct ctr_err *))
{
	int fd = ctrL_check_fd(L, 1);
	struct ctr_route route;
	struct ctr_err err;

	read_route(L, 2, &route);
	return ctrL_result(L, act(fd, &route, &err), &err);
}

/***
Adds a route.
@function add_route
@param socket
@tparam table options `destination`, `prefix` (0 for the default route), `gateway`, `source`, `index` (of
the link), `metric`, `table`, `scope`, `type` (words), `onlink`: the gateway is on the link, whatever the
addresses say
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EEXIST` when there is such a one
*/
static int l_add_route(lua_State *L)
{
	return change(L, ctr_route_add);
}

/***
Removes a route.
@function delete_route
@param socket
@tparam table options as of `add_route`
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `ESRCH` when there is none
*/
static int l_delete_route(lua_State *L)
{
	return change(L, ctr_route_delete);
}

static const luaL_Reg route_functions[] = {
	{ "routes", l_routes },
	{ "add_route", l_add_route },
	{ "delete_route", l_delete_route },
	{ NULL, NULL },
};

void ctrL_add_netlink_routes(lua_State *L)
{
	luaL_setfuncs(L, route_functions, 0);
}
