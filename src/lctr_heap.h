/* SPDX-License-Identifier: MIT */
/*
 * A Lua state that was prepared when lctr was built: loading the libraries and the modules costs
 * more than most commands do, so it is done once, and the heap that came of it is a part of the
 * program.
 *
 * The heap has a fixed address, for it is full of pointers into itself. Pointers into the program,
 * which lies elsewhere each time, are a list that is gone through.
 */
#ifndef LCTR_HEAP_H
#define LCTR_HEAP_H

#include <stdbool.h>

#include <lua.h>

/* Whether this program holds one: the one that it is made with does not. Asked first. */
bool lctr_heap_is_there(void);

/* A new state whose memory lctr_heap_write can write. NULL without memory. */
lua_State *lctr_heap_prepare(void);

/*
 * Writes it, as the contents of the program's section .lctr_heap, to a descriptor. The state is of
 * no use afterwards. Returns NULL, or what went wrong.
 */
const char *lctr_heap_write(lua_State *L, int fd);

/* The state as it was written, once a process; NULL where its place cannot be had. */
lua_State *lctr_heap_take(void);

#endif
