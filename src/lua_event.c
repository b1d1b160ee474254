/* SPDX-License-Identifier: MIT */
/***
What an event loop is made of.
@module ctr.core.event
*/
#include "lua_event.h"

#include <signal.h>

#include "event.h"
#include "lua_proc.h"
#include "polling.h"

/***
Makes a set of descriptors, which is readable itself when one of them is ready.
@function set
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_set(lua_State *L)
{
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_event_set(&err);
	return ctrL_fd_result(L, slot, &err);
}

static int control(lua_State *L, int op)
{
	int set = ctrL_check_fd(L, 1);
	int fd = ctrL_check_fd(L, 2);
	short events = op == EPOLL_CTL_DEL ? 0 : ctrL_parse_events(L, luaL_checkstring(L, 3));
	int64_t id = op == EPOLL_CTL_DEL ? 0 : ctrL_check_int(L, 4, 0, 1LL << 53);
	struct ctr_err err;

	return ctrL_result(L, ctr_event_control(set, op, fd, events, (uint64_t)id, &err), &err);
}

/***
Adds a descriptor to a set.
@function add
@param set
@param fd
@tparam string events of `r`, `w`, `p`, as `poll.wait` has them
@tparam number id what `collect` calls it
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`: `EEXIST`; `EPERM` for what is always ready (a regular file)
*/
static int l_add(lua_State *L)
{
	return control(L, EPOLL_CTL_ADD);
}

/***
Changes what a descriptor of a set is watched for, and its id.
@function change
@param set
@param fd
@tparam string events
@tparam number id
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`: `ENOENT`
*/
static int l_change(lua_State *L)
{
	return control(L, EPOLL_CTL_MOD);
}

/***
Takes a descriptor out of a set.
@function remove
@param set
@param fd
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`: `ENOENT`
*/
static int l_remove(lua_State *L)
{
	return control(L, EPOLL_CTL_DEL);
}

/***
Waits until some descriptors of a set are ready.
@function collect
@param set
@tparam[opt] number timeout seconds; without it there is no end
@treturn[1] table an id and its events by turns (`{ 7, "r", 9, "rh" }`): of `r`, `w`, `p`, `e`, `h`;
empty when time ran out
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_collect(lua_State *L)
{
	int set = ctrL_check_fd(L, 1);
	double deadline = ctrL_check_deadline(L, 2);
	struct epoll_event events[CTR_EVENT_MAX];
	struct ctr_err err;
	int count = ctr_event_collect(set, events, deadline, &err);

	if (count < 0)
		return ctrL_push_err(L, &err);
	lua_createtable(L, count * 2, 0);
	for (int i = 0; i < count; i++) {
		lua_pushnumber(L, (double)events[i].data.u64);
		lua_rawseti(L, -2, i * 2 + 1);
		ctrL_push_events(L, (short)events[i].events);
		lua_rawseti(L, -2, i * 2 + 2);
	}
	return 1;
}

/***
Makes a timer: a descriptor that is readable from the time on that it is set to.
@function timer
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_timer(lua_State *L)
{
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_event_timer(&err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Sets a timer anew.
@function set_timer
@param timer
@tparam[opt] number when on the clock of `proc.clock`; without it the timer rests
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_set_timer(lua_State *L)
{
	int timer = ctrL_check_fd(L, 1);
	double when = -1;
	struct ctr_err err;

	if (!lua_isnoneornil(L, 2)) {
		luaL_checktype(L, 2, LUA_TNUMBER);
		when = lua_tonumber(L, 2);
		luaL_argcheck(L, when >= 0 && when <= 1e15, 2, "not a time");
	}
	return ctrL_result(L, ctr_event_set_timer(timer, when, &err), &err);
}

/***
Opens a descriptor that a signal can be read from. The signal is blocked in the calling thread.
@function signal
@tparam number signo
@treturn[1] ctr.fd
@treturn[1] boolean whether it was not blocked before, so that `unblock` is to undo it
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_signal(lua_State *L)
{
	int signo = (int)ctrL_check_int(L, 1, 1, SIGRTMAX);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;
	bool blocked;

	*slot = ctr_event_signal(signo, &blocked, &err);
	if (*slot < 0)
		return ctrL_push_err(L, &err);
	ctrL_clear_streams(slot);
	lua_pushboolean(L, blocked);
	return 2;
}

/***
Reads a signal that has arrived.
@function read_signal
@param fd as `signal` opened it
@treturn[1] table|boolean `signal` (its name), `pid` and `uid` of who sent it; false when none has
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_read_signal(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	struct signalfd_siginfo info;
	struct ctr_err err;
	int got = ctr_event_read_signal(fd, &info, &err);

	if (got < 0)
		return ctrL_push_err(L, &err);
	if (got == 0) {
		lua_pushboolean(L, false);
		return 1;
	}
	lua_createtable(L, 0, 3);
	ctrL_push_signal_name(L, (int)info.ssi_signo);
	lua_setfield(L, -2, "signal");
	lua_pushinteger(L, (lua_Integer)info.ssi_pid);
	lua_setfield(L, -2, "pid");
	lua_pushnumber(L, info.ssi_uid);
	lua_setfield(L, -2, "uid");
	return 1;
}

/***
Lets a signal through again that `signal` blocked.
@function unblock
@tparam number signo
@treturn boolean true
*/
static int l_unblock(lua_State *L)
{
	ctr_event_unblock((int)ctrL_check_int(L, 1, 1, SIGRTMAX));
	lua_pushboolean(L, true);
	return 1;
}

static const luaL_Reg event_functions[] = {
	{ "set", l_set },
	{ "add", l_add },
	{ "change", l_change },
	{ "remove", l_remove },
	{ "collect", l_collect },
	{ "timer", l_timer },
	{ "set_timer", l_set_timer },
	{ "signal", l_signal },
	{ "read_signal", l_read_signal },
	{ "unblock", l_unblock },
	{ NULL, NULL },
};

void ctrL_open_event(lua_State *L)
{
	luaL_newlib(L, event_functions);
	lua_setfield(L, -2, "event");
}
