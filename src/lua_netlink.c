/* SPDX-License-Identifier: MIT */
/***
Links, addresses and routes of the network namespace that a socket was opened in.
A module of its own, for it needs libmnl.
@module ctr.core.netlink
*/
#include "lua_netlink.h"

#include <stdio.h>
#include <string.h>

#include <linux/if.h>

#define ROWS "ctr.netlink.rows"

__attribute__((visibility("default"))) int luaopen_ctr_core_netlink(lua_State *L);

static const struct ctrL_name link_flags[] = {
	{ "up", IFF_UP },
	{ "broadcast", IFF_BROADCAST },
	{ "loopback", IFF_LOOPBACK },
	{ "pointopoint", IFF_POINTOPOINT },
	{ "running", IFF_RUNNING },
	{ "noarp", IFF_NOARP },
	{ "promisc", IFF_PROMISC },
	{ "multicast", IFF_MULTICAST },
	{ "lower_up", IFF_LOWER_UP },
	{ NULL, 0 },
};

/* RFC 2863, by number. */
static const char *const operstates[] = {
	"unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up",
};

static int rows_gc(lua_State *L)
{
	ctr_text_free(luaL_checkudata(L, 1, ROWS));
	return 0;
}

struct ctr_text *ctrL_push_rows(lua_State *L)
{
	struct ctr_text *rows = lua_newuserdata(L, sizeof(*rows));

	*rows = (struct ctr_text){ 0 };
	luaL_getmetatable(L, ROWS);
	lua_setmetatable(L, -2);
	return rows;
}

int ctrL_push_list(lua_State *L, struct ctr_text *rows, size_t size,
		   void (*push)(lua_State *L, const void *row))
{
	size_t count = rows->size / size;

	lua_createtable(L, (int)count, 0);
	for (size_t i = 0; i < count; i++) {
		push(L, rows->data + i * size);
		lua_rawseti(L, -2, (int)i + 1);
	}
	ctr_text_free(rows);
	return 1;
}

void ctrL_set_flags(lua_State *L, const char *key, uint64_t bits, const struct ctrL_name *names)
{
	int count = 0;

	lua_newtable(L);
	for (; names->name; names++) {
		if (!(bits & names->value))
			continue;
		lua_pushstring(L, names->name);
		lua_rawseti(L, -2, ++count);
	}
	lua_setfield(L, -2, key);
}

void ctrL_set_number(lua_State *L, const char *key, uint64_t value)
{
	ctrL_push_u64(L, value);
	lua_setfield(L, -2, key);
}

int ctrL_check_index(lua_State *L, int arg)
{
	return (int)ctrL_check_int(L, arg, 1, INT32_MAX);
}

static void set_stats(lua_State *L, const struct ctr_link_stats *stats)
{
	lua_createtable(L, 0, 8);
	ctrL_set_number(L, "rx_bytes", stats->rx_bytes);
	ctrL_set_number(L, "rx_packets", stats->rx_packets);
	ctrL_set_number(L, "rx_errors", stats->rx_errors);
	ctrL_set_number(L, "rx_dropped", stats->rx_dropped);
	ctrL_set_number(L, "tx_bytes", stats->tx_bytes);
	ctrL_set_number(L, "tx_packets", stats->tx_packets);
	ctrL_set_number(L, "tx_errors", stats->tx_errors);
	ctrL_set_number(L, "tx_dropped", stats->tx_dropped);
	lua_setfield(L, -2, "stats");
}

static void set_mac(lua_State *L, const uint8_t *mac)
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	lua_pushstring(L, text);
	lua_setfield(L, -2, "mac");
}

static void push_link(lua_State *L, const void *row)
{
	const struct ctr_link *link = row;

	lua_createtable(L, 0, 12);
	lua_pushstring(L, link->name);
	lua_setfield(L, -2, "name");
	lua_pushstring(L, link->kind);
	lua_setfield(L, -2, "kind");
	lua_pushinteger(L, link->index);
	lua_setfield(L, -2, "index");
	if (link->alias[0]) {
		lua_pushstring(L, link->alias);
		lua_setfield(L, -2, "alias");
	}
	ctrL_set_number(L, "mtu", link->mtu);
	ctrL_set_number(L, "txqlen", link->txqlen);
	if (link->has_mac)
		set_mac(L, link->mac);
	if (link->master)
		ctrL_set_number(L, "master", link->master);
	if (link->peer)
		ctrL_set_number(L, "peer", link->peer);
	if (link->operstate < sizeof(operstates) / sizeof(operstates[0])) {
		lua_pushstring(L, operstates[link->operstate]);
		lua_setfield(L, -2, "operstate");
	}
	if (link->has_hairpin) {
		lua_pushboolean(L, link->hairpin);
		lua_setfield(L, -2, "hairpin");
	}
	lua_pushboolean(L, (link->flags & IFF_UP) != 0);
	lua_setfield(L, -2, "up");
	ctrL_set_flags(L, "flags", link->flags, link_flags);
	set_stats(L, &link->stats);
}

/***
Opens a socket.
@function open
@param[opt] netns a descriptor of the network namespace; the caller's own without it
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_open(lua_State *L)
{
	int netns = lua_isnoneornil(L, 1) ? -1 : ctrL_check_fd(L, 1);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_netlink_open(netns, &err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Prepares a socket that somebody else opened, in his network namespace.
@function adopt
@param socket
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EINVAL` for what is no such socket
*/
static int l_adopt(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	struct ctr_err err;

	return ctrL_result(L, ctr_netlink_adopt(fd, &err), &err);
}

/***
Opens the network namespace that a socket stands for.
@function netns
@param socket
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_netns(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_netlink_netns(fd, &err);
	return ctrL_fd_result(L, slot, &err);
}

/***
All links.
@function links
@param socket
@treturn[1] {table,…} of each `index`, `name`, `kind` (`"veth"`, `"bridge"`, `""` for hardware), `mac`,
`alias` (words for people), `mtu`, `txqlen`, `master` (its bridge's index), `peer` (the other end's index there), `up`, `flags`
(words), `operstate` (`"up"`), `hairpin` (of a bridge's port), `stats`: `rx_bytes`, `rx_packets`,
`rx_errors`, `rx_dropped`, and `tx_…`
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_links(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	struct ctr_text *rows = ctrL_push_rows(L);
	struct ctr_err err;

	if (ctr_link_list(fd, rows, &err) < 0)
		return ctrL_push_err(L, &err);
	return ctrL_push_list(L, rows, sizeof(struct ctr_link), push_link);
}

/* The name of a link at arg: it has to fit where the kernel keeps it. */
static const char *check_name(lua_State *L, int arg)
{
	const char *name = ctrL_check_path(L, arg);

	luaL_argcheck(L, name[0] && strlen(name) < IFNAMSIZ, arg, "not the name of an interface");
	return name;
}

/***
One link, as of `links`.
@function link
@param socket
@param link its name or its index
@treturn[1] table
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `ENODEV` when there is none
*/
static int l_link(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	bool by_index = lua_type(L, 2) == LUA_TNUMBER;
	int index = by_index ? ctrL_check_index(L, 2) : 0;
	const char *name = by_index ? "" : check_name(L, 2);
	struct ctr_link link;
	struct ctr_err err;

	if (ctr_link_get(fd, index, name, &link, &err) < 0)
		return ctrL_push_err(L, &err);
	push_link(L, &link);
	return 1;
}

static int read_hex(char digit)
{
	const char *found = digit ? strchr("0123456789abcdef", digit | 0x20) : NULL;

	return found ? (int)(found - "0123456789abcdef") : -1;
}

static bool read_mac(const char *text, uint8_t *ret_mac)
{
	if (strlen(text) != 17)
		return false;
	for (int i = 0; i < CTR_MAC_SIZE; i++, text += 3) {
		int high = read_hex(text[0]), low = read_hex(text[1]);

		if (high < 0 || low < 0 || text[2] != (i < CTR_MAC_SIZE - 1 ? ':' : '\0'))
			return false;
		ret_mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static uint32_t opt_u32(lua_State *L, int arg, const char *key, bool *ret_given)
{
	int64_t value = ctrL_opt_int(L, arg, key, -1);

	if (value > UINT32_MAX)
		luaL_error(L, "option '%s' is out of range", key);
	*ret_given = value >= 0;
	return value < 0 ? 0 : (uint32_t)value;
}

static void read_setup(lua_State *L, int arg, struct ctr_link_setup *ret_setup)
{
	struct ctr_link_setup setup = { .netns = ctrL_opt_fd(L, arg, "netns", -1) };
	const char *name = ctrL_opt_string(L, arg, "name", NULL);
	const char *mac = ctrL_opt_string(L, arg, "mac", NULL);
	bool given;

	setup.alias = ctrL_opt_string(L, arg, "alias", NULL);
	if (setup.alias && strlen(setup.alias) >= CTR_ALIAS_SIZE)
		luaL_error(L, "option 'alias' is too long");

	if (name && (!name[0] || strlen(name) >= sizeof(setup.name)))
		luaL_error(L, "option 'name' is not the name of an interface");
	if (name)
		memcpy(setup.name, name, strlen(name) + 1);
	setup.has_mac = mac != NULL;
	if (mac && !read_mac(mac, setup.mac))
		luaL_error(L, "option 'mac' is not an address, as in 02:00:00:00:00:01");
	setup.mtu = opt_u32(L, arg, "mtu", &given);
	setup.txqlen = opt_u32(L, arg, "txqlen", &setup.has_txqlen);
	setup.master = opt_u32(L, arg, "master", &setup.has_master);
	setup.rx_queues = opt_u32(L, arg, "rx_queues", &given);
	setup.tx_queues = opt_u32(L, arg, "tx_queues", &given);
	setup.up = ctrL_opt_bool(L, arg, "up", false);
	setup.has_up = setup.up || !ctrL_opt_bool(L, arg, "up", true);
	*ret_setup = setup;
}

/***
Makes a veth pair, each end with its name, in its namespace, at once.
@function add_veth
@param socket
@tparam table options of one end: `name`, `mac`, `mtu`, `txqlen`, `master` (a bridge's index), `up`,
`netns` (a descriptor; the socket's without it), `rx_queues`, `tx_queues`; `peer`: the same of the other
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_add_veth(lua_State *L)
{
	static const char *const known[] = { "name", "mac", "mtu", "txqlen", "master", "up",
					     "netns", "rx_queues", "tx_queues", "peer", NULL };
	int fd = ctrL_check_fd(L, 1);
	struct ctr_link_setup end, peer = { .netns = -1 };
	struct ctr_err err;

	luaL_checktype(L, 2, LUA_TTABLE);
	ctrL_check_options(L, 2, known);
	read_setup(L, 2, &end);
	luaL_argcheck(L, end.name[0], 2, "option 'name' is required");
	if (ctrL_opt_table(L, 2, "peer")) {
		int table = lua_gettop(L);

		ctrL_check_options(L, table, known);
		read_setup(L, table, &peer);
	}
	return ctrL_result(L, ctr_link_add_veth(fd, &end, &peer, &err), &err);
}

/***
Changes a link: all of it, or nothing of what the kernel refuses first.
@function set_link
@param socket
@tparam number index
@tparam table options as of `add_veth`, but queues and `peer`; with `netns` it moves there, to be
called `name` there; `alias`: words for people
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_set_link(lua_State *L)
{
	static const char *const known[] = { "name", "alias", "mac", "mtu", "txqlen", "master",
					     "up", "netns", NULL };
	int fd = ctrL_check_fd(L, 1);
	int index = ctrL_check_index(L, 2);
	struct ctr_link_setup setup;
	struct ctr_err err;

	luaL_checktype(L, 3, LUA_TTABLE);
	ctrL_check_options(L, 3, known);
	read_setup(L, 3, &setup);
	return ctrL_result(L, ctr_link_set(fd, index, &setup, setup.name, &err), &err);
}

/***
Says whether a port of a bridge gets its own frames back.
@function set_hairpin
@param socket
@tparam number index
@tparam boolean on
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_set_hairpin(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	int index = ctrL_check_index(L, 2);
	struct ctr_err err;

	luaL_checktype(L, 3, LUA_TBOOLEAN);
	return ctrL_result(L, ctr_link_set_hairpin(fd, index, lua_toboolean(L, 3), "", &err), &err);
}

/***
Removes a link, and its other end with it.
@function delete_link
@param socket
@tparam number index
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `ENODEV` when it is gone
*/
static int l_delete_link(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	int index = ctrL_check_index(L, 2);
	struct ctr_err err;

	return ctrL_result(L, ctr_link_delete(fd, index, "", &err), &err);
}

static const luaL_Reg netlink_functions[] = {
	{ "open", l_open },
	{ "adopt", l_adopt },
	{ "netns", l_netns },
	{ "links", l_links },
	{ "link", l_link },
	{ "add_veth", l_add_veth },
	{ "set_link", l_set_link },
	{ "set_hairpin", l_set_hairpin },
	{ "delete_link", l_delete_link },
	{ NULL, NULL },
};

static const luaL_Reg rows_methods[] = {
	{ "__gc", rows_gc },
	{ NULL, NULL },
};

int luaopen_ctr_core_netlink(lua_State *L)
{
	/* The core has the classes of handles and errors. */
	lua_getglobal(L, "require");
	lua_pushliteral(L, "ctr.core");
	lua_call(L, 1, 0);
	ctrL_new_class(L, ROWS, rows_methods);
	luaL_newlib(L, netlink_functions);
	ctrL_add_netlink_addresses(L);
	ctrL_add_netlink_routes(L);
	return 1;
}
