/* SPDX-License-Identifier: MIT */
/***
Lines that a person edits at a terminal. A module of its own: the REPL alone loads it.
@module ctr.core.edit
*/
#include "lua_glue.h"

#include <limits.h>

#include "edit.h"

#define EDITOR "ctr.editor"
#define EVENTS "ctr.editor.events" /* in the registry: of the line that is read */
#define HISTORY_MAX 100000

__attribute__((visibility("default"))) int luaopen_ctr_core_edit(lua_State *L);

/* What the caller's functions are called with. */
struct reading {
	lua_State *L;
	struct ctr_edit *edit;
	const char *name;
};

static struct ctr_edit *check_editor(lua_State *L)
{
	/* A pointer is what it holds. NOLINTNEXTLINE(bugprone-sizeof-expression) */
	struct ctr_edit **slot = luaL_checkudata(L, 1, EDITOR);

	luaL_argcheck(L, *slot, 1, "the editor is closed");
	return *slot;
}

/***
Opens an editor: libedit's, which reads `~/.editrc`.
@function open
@string name of the program, in that file
@param input descriptor of the terminal
@param output the same terminal's
@tparam number history how many entries are kept in memory
@treturn[1] ctr.editor
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `ENOTTY` for a terminal whose cursor cannot be moved
*/
static int l_open(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	int input = ctrL_check_fd(L, 2);
	int output = ctrL_check_fd(L, 3);
	int history = (int)ctrL_check_int(L, 4, 1, HISTORY_MAX);
	/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
	struct ctr_edit **slot = lua_newuserdata(L, sizeof(*slot));
	struct ctr_err err;

	*slot = NULL;
	luaL_getmetatable(L, EDITOR);
	lua_setmetatable(L, -2);
	if (ctr_edit_open(name, input, output, history, slot, &err) < 0)
		return ctrL_push_err(L, &err);
	return 1;
}

/***
Closes the editor, and puts the terminal back.
@function editor:close
@treturn boolean true
*/
static int l_close(lua_State *L)
{
	struct ctr_edit **slot = luaL_checkudata(L, 1, EDITOR);

	ctr_edit_close(*slot);
	*slot = NULL;
	lua_pushboolean(L, true);
	return 1;
}

/* Calls the caller's function of that name with the line on both sides of the cursor. */
static int call_event(lua_State *L)
{
	struct reading *reading = lua_touserdata(L, 1);
	size_t length, cursor;
	const char *line = ctr_edit_line(reading->edit, &length, &cursor);
	const char *text;

	lua_getfield(L, LUA_REGISTRYINDEX, EVENTS);
	lua_getfield(L, -1, reading->name);
	lua_pushlstring(L, line, cursor);
	lua_pushlstring(L, line + cursor, length - cursor);
	lua_call(L, 2, 2);
	text = lua_tostring(L, -2);
	if (text)
		ctr_edit_insert(reading->edit, text);
	text = lua_tostring(L, -1);
	if (text)
		ctr_edit_print(reading->edit, text);
	return 0;
}

/* In the middle of libedit nothing may be thrown: what is, is shown. */
static void run_event(struct reading *reading, const char *name)
{
	const char *text;

	reading->name = name;
	if (lua_cpcall(reading->L, call_event, reading) == 0)
		return;
	text = lua_tostring(reading->L, -1);
	ctr_edit_print(reading->edit, text ? text : "error");
	lua_pop(reading->L, 1);
}

static void on_ready(void *data)
{
	run_event(data, "ready");
}

static void on_complete(void *data)
{
	run_event(data, "complete");
}

/***
Reads a line.
@function editor:read
@string prompt a `\1` stands before and behind what takes no room in it
@tparam table events functions that are called meanwhile with the text before the cursor and behind
it; each returns a text to insert at the cursor and lines to write above, or nil: `complete` at the
tab key, `ready` when something can be read from the descriptor `fd` of the table
@treturn[1] string the line
@return[2] nil
@treturn[2] string "end" (Ctrl-D, or the terminal is gone) or "interrupted" (Ctrl-C)
*/
static int l_read(lua_State *L)
{
	struct ctr_edit *edit = check_editor(L);
	const char *prompt = luaL_checkstring(L, 2);
	struct reading reading = { .L = L, .edit = edit };
	struct ctr_edit_events events = {
		.data = &reading,
		.ready = on_ready,
		.complete = on_complete,
	};
	const char *line = NULL;
	size_t length = 0;
	enum ctr_edit_end end;

	luaL_checktype(L, 3, LUA_TTABLE);
	events.fd = ctrL_opt_fd(L, 3, "fd", -1);
	lua_pushvalue(L, 3);
	lua_setfield(L, LUA_REGISTRYINDEX, EVENTS);
	luaL_checkstack(L, LUA_MINSTACK, "editor");
	end = ctr_edit_read(edit, prompt, &events, &line, &length);
	if (end == CTR_EDIT_LINE) {
		lua_pushlstring(L, line, length);
		return 1;
	}
	lua_pushnil(L);
	lua_pushstring(L, end == CTR_EDIT_END ? "end" : "interrupted");
	return 2;
}

/***
Adds an entry to what the arrow keys and Ctrl-R find.
@function editor:remember
@string text of one line or several
@treturn boolean true
*/
static int l_remember(lua_State *L)
{
	ctr_edit_remember(check_editor(L), luaL_checkstring(L, 2));
	lua_pushboolean(L, true);
	return 1;
}

static const luaL_Reg editor_class[] = {
	{ "read", l_read },   { "remember", l_remember }, { "close", l_close },
	{ "__gc", l_close }, { NULL, NULL },
};

static const luaL_Reg edit_functions[] = {
	{ "open", l_open },
	{ NULL, NULL },
};

int luaopen_ctr_core_edit(lua_State *L)
{
	ctrL_new_class(L, EDITOR, editor_class);
	luaL_newlib(L, edit_functions);
	return 1;
}
