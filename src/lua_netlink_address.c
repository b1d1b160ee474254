/* SPDX-License-Identifier: MIT */
/***
@module ctr.core.netlink
*/
#include "lua_netlink.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

const struct ctrL_name ctrL_scopes[] = {
	{ "global", RT_SCOPE_UNIVERSE },
	{ "site", RT_SCOPE_SITE },
	{ "link", RT_SCOPE_LINK },
	{ "host", RT_SCOPE_HOST },
	{ "nowhere", RT_SCOPE_NOWHERE },
	{ NULL, 0 },
};

static const struct ctrL_name address_flags[] = {
	{ "secondary", IFA_F_SECONDARY },
	{ "nodad", IFA_F_NODAD },
	{ "optimistic", IFA_F_OPTIMISTIC },
	{ "dadfailed", IFA_F_DADFAILED },
	{ "homeaddress", IFA_F_HOMEADDRESS },
	{ "deprecated", IFA_F_DEPRECATED },
	{ "tentative", IFA_F_TENTATIVE },
	{ "permanent", IFA_F_PERMANENT },
	{ "managetempaddr", IFA_F_MANAGETEMPADDR },
	{ "noprefixroute", IFA_F_NOPREFIXROUTE },
	{ "mcautojoin", IFA_F_MCAUTOJOIN },
	{ "stable_privacy", IFA_F_STABLE_PRIVACY },
	{ NULL, 0 },
};

void ctrL_set_ip(lua_State *L, const char *key, const struct ctr_ip *ip)
{
	char text[INET6_ADDRSTRLEN];

	if (!ip->family)
		return;
	lua_pushstring(L, ctr_ip_text(ip, text));
	lua_setfield(L, -2, key);
}

void ctrL_opt_ip(lua_State *L, int arg, const char *key, struct ctr_ip *ret_ip)
{
	const char *text = ctrL_opt_string(L, arg, key, NULL);

	*ret_ip = (struct ctr_ip){ 0 };
	if (text && !ctr_ip_parse(text, ret_ip))
		luaL_error(L, "option '%s' is not an address", key);
}

uint8_t ctrL_opt_prefix(lua_State *L, int arg, int family)
{
	int64_t most = family == AF_INET6 ? 128 : 32;
	int64_t prefix = ctrL_opt_int(L, arg, "prefix", most);

	if (prefix > most)
		luaL_error(L, "option 'prefix' is out of range");
	return (uint8_t)prefix;
}

void ctrL_set_word(lua_State *L, const char *key, uint64_t value, const struct ctrL_name *names)
{
	while (names->name && names->value != value)
		names++;
	if (names->name)
		lua_pushstring(L, names->name);
	else
		ctrL_push_u64(L, value);
	lua_setfield(L, -2, key);
}

static void push_address(lua_State *L, const void *row)
{
	const struct ctr_address *address = row;

	lua_createtable(L, 0, 8);
	lua_pushinteger(L, address->index);
	lua_setfield(L, -2, "index");
	lua_pushstring(L, address->address.family == AF_INET6 ? "inet6" : "inet");
	lua_setfield(L, -2, "family");
	ctrL_set_ip(L, "address", &address->address);
	ctrL_set_ip(L, "peer", &address->peer);
	ctrL_set_ip(L, "broadcast", &address->broadcast);
	ctrL_set_number(L, "prefix", address->prefix);
	ctrL_set_word(L, "scope", address->scope, ctrL_scopes);
	ctrL_set_flags(L, "flags", address->flags, address_flags);
}

/***
The addresses of links.
@function addresses
@param socket
@tparam[opt] number index of a link; all without it
@treturn[1] {table,…} of each `index`, `family` (`"inet"` or `"inet6"`), `address`, `peer`, `broadcast`,
`prefix`, `scope` (`"global"`), `flags` (words: `"permanent"`)
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_addresses(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	int index = lua_isnoneornil(L, 2) ? 0 : ctrL_check_index(L, 2);
	struct ctr_text *rows = ctrL_push_rows(L);
	struct ctr_err err;

	if (ctr_address_list(fd, index, rows, &err) < 0)
		return ctrL_push_err(L, &err);
	return ctrL_push_list(L, rows, sizeof(struct ctr_address), push_address);
}

static void read_address(lua_State *L, int arg, struct ctr_address *ret_address)
{
	static const char *const known[] = { "address", "peer", "broadcast", "prefix", "scope",
					     "flags", NULL };

	luaL_checktype(L, arg, LUA_TTABLE);
	ctrL_check_options(L, arg, known);
	ctrL_opt_ip(L, arg, "address", &ret_address->address);
	ctrL_opt_ip(L, arg, "peer", &ret_address->peer);
	ctrL_opt_ip(L, arg, "broadcast", &ret_address->broadcast);
	luaL_argcheck(L, ret_address->address.family, arg, "option 'address' is required");
	ret_address->prefix = ctrL_opt_prefix(L, arg, ret_address->address.family);
	ret_address->scope =
		(uint8_t)ctrL_opt_words(L, arg, "scope", ctrL_scopes, RT_SCOPE_UNIVERSE);
	ret_address->flags = (uint32_t)ctrL_opt_words(L, arg, "flags", address_flags, 0);
}

static int change(lua_State *L, int (*act)(int fd, const struct ctr_address *, struct ctr_err *))
{
	int fd = ctrL_check_fd(L, 1);
	struct ctr_address address = { .index = ctrL_check_index(L, 2) };
	struct ctr_err err;

	read_address(L, 3, &address);
	return ctrL_result(L, act(fd, &address, &err), &err);
}

/***
Gives a link an address.
@function add_address
@param socket
@tparam number index of the link
@tparam table options `address`, `prefix` (the whole address without it), `peer`, `broadcast`, `scope`,
`flags` (words; `"nodad"`: an IPv6 address can be used at once)
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EEXIST` when it has the address
*/
static int l_add_address(lua_State *L)
{
	return change(L, ctr_address_add);
}

/***
Takes an address from a link.
@function delete_address
@param socket
@tparam number index
@tparam table options as of `add_address`
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EADDRNOTAVAIL` when it does not have it
*/
static int l_delete_address(lua_State *L)
{
	return change(L, ctr_address_delete);
}

static const luaL_Reg address_functions[] = {
	{ "addresses", l_addresses },
	{ "add_address", l_add_address },
	{ "delete_address", l_delete_address },
	{ NULL, NULL },
};

void ctrL_add_netlink_addresses(lua_State *L)
{
	luaL_setfuncs(L, address_functions, 0);
}
