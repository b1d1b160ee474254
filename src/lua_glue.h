/* SPDX-License-Identifier: MIT */
#ifndef CTR_LUA_GLUE_H
#define CTR_LUA_GLUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lauxlib.h>
#include <lua.h>

#include "err.h"

/* What the bindings share. All of it may throw, but where it says that it does not. */

/* The largest integer below which a Lua number names every integer: 2^53. */
#define CTRL_EXACT_MAX 9007199254740992.0

/* A row of a table of names; the last one has no name. */
struct ctrL_name {
	const char *name;
	uint64_t value;
};

/*
 * Failures.
 */

/* Pushes a ctr.Error of code SystemError made from err. */
void ctrL_push_error(lua_State *L, const struct ctr_err *err);
/* Pushes nil and the error; for `return`. */
int ctrL_push_err(lua_State *L, const struct ctr_err *err);
/* Answers a call that only acts: true, or nil and the error when result is negative. */
int ctrL_result(lua_State *L, int result, const struct ctr_err *err);

/*
 * Descriptors.
 */

/* The name of a handle's metatable, which ctr.core makes. */
#define CTRL_HANDLE "ctr.fd"

/* Pushes a ctr.fd handle that owns nothing yet; what is put in the slot is closed with it. */
int *ctrL_new_fd(lua_State *L);
/* The slot of the ctr.fd handle at arg, open or not. */
int *ctrL_check_handle(lua_State *L, int arg);
/* Returns fd; throws where it is that of a closed handle. */
int ctrL_check_open(lua_State *L, int arg, int fd);
/* The number behind a handle, a number or a Lua file; throws for one that is closed. */
int ctrL_check_fd(lua_State *L, int arg);
/*
 * Moves what is in the slot above the standard streams: a program that closed
 * one of its own must not find ours in its place, and pass that on. Does not
 * throw.
 */
void ctrL_clear_streams(int *slot);
/* Answers a call that fills a handle on top of the stack: the handle, or nil and the error. */
int ctrL_fd_result(lua_State *L, int *slot, const struct ctr_err *err);
/* Reads the regular file fd, whatever its offset, and answers with it; EFBIG beyond max bytes. */
int ctrL_read_all(lua_State *L, int fd, size_t max, const char *what);

/*
 * Arguments. A string that goes to the kernel holds no NUL.
 */

const char *ctrL_check_path(lua_State *L, int arg);
/* A whole number from low to high. */
int64_t ctrL_check_int(lua_State *L, int arg, int64_t low, int64_t high);
/* A user's or group's number; the one that the kernel takes for "leave as it is" is refused. */
unsigned ctrL_check_id(lua_State *L, int arg);
/* A count of bytes, at most 1 GiB. */
size_t ctrL_check_size(lua_State *L, int arg);
/* Reads a number or a decimal string at index (64 bits, signed or not). Does not throw. */
bool ctrL_to_bits(lua_State *L, int index, int64_t *ret_bits);
/* Pushes a number where it is exact, else a decimal string. */
void ctrL_push_u64(lua_State *L, uint64_t value);
void ctrL_push_i64(lua_State *L, int64_t value);

/*
 * Options: a table at arg, or nothing. ctrL_check_options throws for a key that is not in the list
 * (which ends with NULL), so that no option is accepted and ignored.
 */

void ctrL_check_options(lua_State *L, int arg, const char *const *names);
bool ctrL_opt_bool(lua_State *L, int arg, const char *key, bool fallback);
int64_t ctrL_opt_int(lua_State *L, int arg, const char *key, int64_t fallback);
double ctrL_opt_number(lua_State *L, int arg, const char *key, double fallback);
/* The string belongs to the table. ret_size may be NULL: then the string holds no NUL. */
const char *ctrL_opt_string(lua_State *L, int arg, const char *key, size_t *ret_size);
int ctrL_opt_fd(lua_State *L, int arg, const char *key, int fallback);
/* A list of words from the table, or a number; the sum of their bits. */
uint64_t ctrL_opt_words(lua_State *L, int arg, const char *key, const struct ctrL_name *words,
			uint64_t fallback);
/* Pushes the field when it is a table; false when it is nil. */
bool ctrL_opt_table(lua_State *L, int arg, const char *key);
/* The value of a name, or false. Does not throw. */
bool ctrL_find_name(const struct ctrL_name *names, const char *name, uint64_t *ret_value);
/* Sets field key of the table on top of the stack to a table of all rows. */
void ctrL_set_names(lua_State *L, const char *key, const struct ctrL_name *names);
/*
 * Pushes a userdata with the strings of the list at index and a NULL behind them. They belong to
 * the list, which stays as it is while the array is in use.
 */
const char **ctrL_push_strings(lua_State *L, int index, const char *what, size_t *ret_count);
/* Pushes a userdata with the descriptors of the list at index; the lead ones are left to be set. */
int *ctrL_push_fds(lua_State *L, int index, size_t lead, size_t *ret_count);

/* The words of open(2)'s flags. */
extern const struct ctrL_name ctrL_open_flags[];

/*
 * The families. Each adds one table to the table on top of the stack.
 */

void ctrL_open_fd(lua_State *L);
void ctrL_open_path(lua_State *L);
void ctrL_open_mount(lua_State *L);
void ctrL_open_ns(lua_State *L);
void ctrL_open_proc(lua_State *L);
void ctrL_open_poll(lua_State *L);
void ctrL_open_tty(lua_State *L);
void ctrL_open_caps(lua_State *L);
void ctrL_open_json(lua_State *L);
void ctrL_open_wire(lua_State *L);
void ctrL_open_text(lua_State *L);
void ctrL_open_xattr(lua_State *L);
void ctrL_open_bpf(lua_State *L);
void ctrL_open_watch(lua_State *L);
void ctrL_open_event(lua_State *L);
void ctrL_open_notify(lua_State *L);
void ctrL_open_kernel(lua_State *L);
void ctrL_open_text(lua_State *L);

/* Keeps what errors.metatable holds, for ctrL_push_error; takes it from the stack. */
void ctrL_keep_error_metatable(lua_State *L);
/* Makes a metatable: methods and metamethods are rows of one list ("__gc"). */
void ctrL_new_class(lua_State *L, const char *name, const luaL_Reg *rows);

#endif
