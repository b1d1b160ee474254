/* SPDX-License-Identifier: MIT */
/***
systemd's units over D-Bus.
@module ctr.core.systemd
*/
#include "lua_glue.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "systemd.h"

#define BUS "ctr.systemd"
#define TIMEOUT 30.0 /* seconds */

__attribute__((visibility("default"))) int luaopen_ctr_core_systemd(lua_State *L);

static struct ctr_systemd **new_slot(lua_State *L)
{
	/* A pointer is what it holds. NOLINTNEXTLINE(bugprone-sizeof-expression) */
	struct ctr_systemd **slot = lua_newuserdata(L, sizeof(*slot));

	*slot = NULL;
	luaL_getmetatable(L, BUS);
	lua_setmetatable(L, -2);
	return slot;
}

static struct ctr_systemd *check_bus(lua_State *L)
{
	struct ctr_systemd **slot = luaL_checkudata(L, 1, BUS);

	luaL_argcheck(L, *slot, 1, "the connection is closed");
	return *slot;
}

/***
Connects to systemd, and waits until it answers.
@function open
@tparam[opt=false] boolean user the calling user's manager, not the machine's
@tparam[opt=30] number timeout seconds
@treturn[1] ctr.systemd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_open(lua_State *L)
{
	bool user = lua_toboolean(L, 1);
	double timeout = luaL_optnumber(L, 2, TIMEOUT);
	struct ctr_systemd **slot = new_slot(L);
	struct ctr_err err;

	if (ctr_systemd_open(user, timeout, slot, &err) < 0)
		return ctrL_push_err(L, &err);
	return 1;
}

static int l_close(lua_State *L)
{
	struct ctr_systemd **slot = luaL_checkudata(L, 1, BUS);

	ctr_systemd_close(*slot);
	*slot = NULL;
	lua_pushboolean(L, true);
	return 1;
}

static double check_timeout(lua_State *L, int arg)
{
	return luaL_optnumber(L, arg, TIMEOUT);
}

static const struct ctrL_name types[] = {
	{ "s", CTR_UNIT_STRING },    { "b", CTR_UNIT_BOOL },   { "t", CTR_UNIT_U64 },
	{ "as", CTR_UNIT_STRINGS },  { "au", CTR_UNIT_PIDS },  { "ay", CTR_UNIT_BYTES },
	{ "a(ss)", CTR_UNIT_PAIRS }, { "y", CTR_UNIT_BYTE },   { "n", CTR_UNIT_I16 },
	{ "q", CTR_UNIT_U16 },       { "i", CTR_UNIT_I32 },    { "u", CTR_UNIT_U32 },
	{ "x", CTR_UNIT_I64 },       { "d", CTR_UNIT_DOUBLE }, { NULL, 0 },
};

/* The strings of the list on top of the stack, which keeps them: kept is where the array stays. */
static void read_texts(lua_State *L, int kept, struct ctr_unit_property *property)
{
	luaL_checktype(L, -1, LUA_TTABLE);
	property->texts = ctrL_push_strings(L, lua_gettop(L), "property", &property->size);
	lua_rawseti(L, kept, (int)lua_objlen(L, kept) + 1);
}

static void read_pids(lua_State *L, int kept, struct ctr_unit_property *property)
{
	uint32_t *numbers;

	luaL_checktype(L, -1, LUA_TTABLE);
	property->size = lua_objlen(L, -1);
	numbers = lua_newuserdata(L, (property->size + 1) * sizeof(*numbers));
	for (size_t i = 0; i < property->size; i++) {
		lua_rawgeti(L, -2, (int)i + 1);
		numbers[i] = (uint32_t)luaL_checknumber(L, -1);
		lua_pop(L, 1);
	}
	property->numbers = numbers;
	lua_rawseti(L, kept, (int)lua_objlen(L, kept) + 1);
}

/* The value on top of the stack. */
static void read_value(lua_State *L, int kept, struct ctr_unit_property *property)
{
	int64_t bits;

	switch (property->type) {
	case CTR_UNIT_STRING:
	case CTR_UNIT_BYTES:
		property->text = luaL_checklstring(L, -1, &property->size);
		break;
	case CTR_UNIT_BOOL:
		property->number = (uint64_t)lua_toboolean(L, -1);
		break;
	case CTR_UNIT_DOUBLE:
		property->real = luaL_checknumber(L, -1);
		break;
	case CTR_UNIT_STRINGS:
	case CTR_UNIT_PAIRS:
		read_texts(L, kept, property);
		break;
	case CTR_UNIT_PIDS:
		read_pids(L, kept, property);
		break;
	default:
		if (!ctrL_to_bits(L, -1, &bits))
			luaL_error(L, "property %s: a number expected", property->name);
		property->number = (uint64_t)bits;
	}
}

/* The property on top of the stack: { name, signature, value }. */
static void read_property(lua_State *L, int kept, struct ctr_unit_property *ret_property)
{
	struct ctr_unit_property property = { 0 };
	uint64_t type;

	luaL_checktype(L, -1, LUA_TTABLE);
	lua_rawgeti(L, -1, 1);
	property.name = luaL_checkstring(L, -1);
	lua_rawgeti(L, -2, 2);
	if (!ctrL_find_name(types, luaL_checkstring(L, -1), &type))
		luaL_error(L, "property %s: unknown signature", property.name);
	property.type = (enum ctr_unit_type)type;
	lua_rawgeti(L, -3, 3);
	read_value(L, kept, &property);
	lua_pop(L, 3);
	*ret_property = property;
}

/*
 * Pushes an array of the properties in the list at arg, and a table that keeps
 * what they point to; the names and texts belong to the list.
 */
static struct ctr_unit_property *push_properties(lua_State *L, int arg, size_t *ret_count)
{
	struct ctr_unit_property *properties;
	size_t count;
	int kept;

	luaL_checktype(L, arg, LUA_TTABLE);
	count = lua_objlen(L, arg);
	luaL_argcheck(L, count <= 1024, arg, "too many properties");
	lua_newtable(L);
	kept = lua_gettop(L);
	properties = lua_newuserdata(L, (count + 1) * sizeof(*properties));
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, arg, (int)i + 1);
		read_property(L, kept, &properties[i]);
		lua_pop(L, 1);
	}
	*ret_count = count;
	return properties;
}

/* What takes a unit's properties: ctr_systemd_start, ctr_systemd_set. */
typedef int property_action(struct ctr_systemd *bus, const char *unit,
			    const struct ctr_unit_property *properties, size_t count,
			    double timeout, struct ctr_err *err);

static int hand_over_properties(lua_State *L, property_action *action)
{
	struct ctr_systemd *bus = check_bus(L);
	const char *unit = luaL_checkstring(L, 2);
	double timeout = check_timeout(L, 4);
	struct ctr_unit_property *properties;
	struct ctr_err err;
	size_t count;

	properties = push_properties(L, 3, &count);
	return ctrL_result(L, action(bus, unit, properties, count, timeout, &err), &err);
}

/***
Starts a transient unit, and waits until its job is done.
@function bus:start
@tparam string unit `"x.scope"`
@tparam table properties a list of `{ name, signature, value }`: signatures `s`, `b`, `t`, `y`,
 `n`, `q`, `i`, `u`, `x` (a number or decimal text), `d`, `as`, `au`, `ay`, `a(ss)` (a flat list)
@tparam[opt=30] number timeout seconds
@treturn[1] true
@return[2] nil
@treturn[2] ctr.Error `SystemError`; errno `EEXIST` for a unit that is there, `ETIMEDOUT`
*/
static int l_start(lua_State *L)
{
	return hand_over_properties(L, ctr_systemd_start);
}

/***
Stops a unit, waits until it is gone, and makes systemd forget it; one that is not there is fine.
@function bus:stop
@tparam string unit
@tparam[opt=30] number timeout seconds
@treturn[1] true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_stop(lua_State *L)
{
	struct ctr_systemd *bus = check_bus(L);
	const char *unit = luaL_checkstring(L, 2);
	struct ctr_err err;

	return ctrL_result(L, ctr_systemd_stop(bus, unit, check_timeout(L, 3), &err), &err);
}

/***
Changes properties of a unit until the next boot.
@function bus:set
@tparam string unit
@tparam table properties as for `start`
@tparam[opt=30] number timeout seconds
@treturn[1] true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_set(lua_State *L)
{
	return hand_over_properties(L, ctr_systemd_set);
}

/***
Moves a process into a unit's cgroup, or into one below it.
@function bus:attach
@tparam string unit
@tparam string below `""`, or a path that starts with `/`
@tparam number pid
@tparam[opt=30] number timeout seconds
@treturn[1] true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_attach(lua_State *L)
{
	struct ctr_systemd *bus = check_bus(L);
	const char *unit = luaL_checkstring(L, 2);
	const char *below = luaL_checkstring(L, 3);
	uint32_t pid = (uint32_t)ctrL_check_int(L, 4, 1, INT_MAX);
	struct ctr_err err;

	return ctrL_result(L, ctr_systemd_attach(bus, unit, below, &pid, 1, check_timeout(L, 5),
						 &err), &err);
}

static int text_gc(lua_State *L)
{
	char **slot = lua_touserdata(L, 1);

	free(*slot);
	*slot = NULL;
	return 0;
}

/***
Reads a string property of the manager or of a unit.
@function bus:get
@tparam ?string unit nil: the manager
@tparam string name `"ControlGroup"`, `"Version"`
@tparam[opt=30] number timeout seconds
@treturn[1] string
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_get(lua_State *L)
{
	struct ctr_systemd *bus = check_bus(L);
	const char *unit = luaL_optstring(L, 2, NULL);
	const char *name = luaL_checkstring(L, 3);
	double timeout = check_timeout(L, 4);
	char **slot = lua_newuserdata(L, sizeof(*slot));
	struct ctr_err err;

	*slot = NULL;
	luaL_getmetatable(L, BUS ".text");
	lua_setmetatable(L, -2);
	if (ctr_systemd_get(bus, unit, name, timeout, slot, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_pushstring(L, *slot);
	return 1;
}

static const luaL_Reg bus_methods[] = {
	{ "start", l_start },   { "stop", l_stop }, { "set", l_set },
	{ "attach", l_attach }, { "get", l_get },   { "close", l_close },
	{ "__gc", l_close },    { NULL, NULL },
};

static const luaL_Reg text_methods[] = {
	{ "__gc", text_gc },
	{ NULL, NULL },
};

static const luaL_Reg systemd_functions[] = {
	{ "open", l_open },
	{ NULL, NULL },
};

int luaopen_ctr_core_systemd(lua_State *L)
{
	ctrL_new_class(L, BUS, bus_methods);
	ctrL_new_class(L, BUS ".text", text_methods);
	luaL_newlib(L, systemd_functions);
	return 1;
}
