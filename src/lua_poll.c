/* SPDX-License-Identifier: MIT */
/***
Waiting for descriptors.
@module ctr.core.poll
*/
#include "lua_glue.h"

#include "lua_event.h"
#include "polling.h"

#define FDS_MAX 65536

static const struct {
	char letter;
	short events;
} letters[] = {
	{ 'r', POLLIN },
	{ 'w', POLLOUT },
	{ 'p', POLLPRI },
	{ 'e', POLLERR | POLLNVAL },
	{ 'h', POLLHUP },
};

#define LETTERS (sizeof(letters) / sizeof(letters[0]))
#define ASKED 3 /* the letters that can be asked for; the others come unasked */

short ctrL_parse_events(lua_State *L, const char *text)
{
	short events = 0;

	for (; *text; text++) {
		size_t i = 0;

		while (i < ASKED && letters[i].letter != *text)
			i++;
		if (i == ASKED)
			luaL_error(L, "unknown event '%c'", *text);
		events |= letters[i].events;
	}
	return events;
}

void ctrL_push_events(lua_State *L, short events)
{
	char text[LETTERS];
	size_t length = 0;

	for (size_t i = 0; i < LETTERS; i++) {
		if (events & letters[i].events)
			text[length++] = letters[i].letter;
	}
	lua_pushlstring(L, text, length);
}

/* Reads the entry on top of the stack. */
static int read_entry(lua_State *L, struct pollfd *ret_entry)
{
	int entry = lua_gettop(L);
	const char *events;
	int fd;

	luaL_checktype(L, entry, LUA_TTABLE);
	events = ctrL_opt_string(L, entry, "events", NULL);
	fd = ctrL_opt_fd(L, entry, "fd", -1);
	if (!events || fd < 0)
		return luaL_error(L, "an entry needs 'fd' and 'events'");
	*ret_entry = (struct pollfd){ .fd = fd, .events = ctrL_parse_events(L, events) };
	return 0;
}

/* Pushes a userdata with the entries of the list at arg. */
static struct pollfd *push_fds(lua_State *L, int arg, size_t count)
{
	struct pollfd *fds = lua_newuserdata(L, (count + 1) * sizeof(*fds));

	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, arg, (int)i + 1);
		read_entry(L, &fds[i]);
		lua_pop(L, 1);
	}
	return fds;
}

double ctrL_check_deadline(lua_State *L, int arg)
{
	double timeout;

	if (lua_isnoneornil(L, arg))
		return -1;
	luaL_checktype(L, arg, LUA_TNUMBER);
	timeout = lua_tonumber(L, arg);
	luaL_argcheck(L, timeout >= 0, arg, "a time is not negative");
	return ctr_poll_clock() + timeout;
}

/***
Waits until one of some descriptors is ready.
@function wait
@tparam table set a list of `{ fd =, events = }`, events of `r` (readable), `w` (writable) and `p`
(an exceptional state: a change of a cgroup's file)
@tparam[opt] number timeout seconds; without it there is no end
@treturn[1] table by index in the set, what is ready: of `r`, `w`, `p`, `e` (an error), `h` (the
other end is gone); empty when time ran out
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_wait(lua_State *L)
{
	struct pollfd *fds;
	struct ctr_err err;
	double deadline;
	size_t count;

	luaL_checktype(L, 1, LUA_TTABLE);
	deadline = ctrL_check_deadline(L, 2);
	count = lua_objlen(L, 1);
	luaL_argcheck(L, count <= FDS_MAX, 1, "too many descriptors");
	fds = push_fds(L, 1, count);
	lua_newtable(L);
	if (ctr_poll_wait(fds, count, deadline, &err) < 0)
		return ctrL_push_err(L, &err);
	for (size_t i = 0; i < count; i++) {
		if (fds[i].revents) {
			ctrL_push_events(L, fds[i].revents);
			lua_rawseti(L, -2, (int)i + 1);
		}
	}
	return 1;
}

static const luaL_Reg poll_functions[] = {
	{ "wait", l_wait },
	{ NULL, NULL },
};

void ctrL_open_poll(lua_State *L)
{
	luaL_newlib(L, poll_functions);
	lua_setfield(L, -2, "poll");
}
