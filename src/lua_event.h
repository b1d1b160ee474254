/* SPDX-License-Identifier: MIT */
#ifndef CTR_LUA_EVENT_H
#define CTR_LUA_EVENT_H

#include "lua_glue.h"

/* Events as text, which polls and sets of descriptors share: "rwp" can be asked for. */
short ctrL_parse_events(lua_State *L, const char *text);
void ctrL_push_events(lua_State *L, short events);
/* The time on ctr_poll_clock that so many seconds from now are; -1 where arg is left out. */
double ctrL_check_deadline(lua_State *L, int arg);

#endif
