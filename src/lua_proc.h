/* SPDX-License-Identifier: MIT */
#ifndef CTR_LUA_PROC_H
#define CTR_LUA_PROC_H

#include "lua_glue.h"
#include "proc.h"

/* What the files of the processes' binding share. */

/*
 * Reads `path`, `dir`, the arguments, `env` and `fds` of the options at arg;
 * what they point to stays on the stack. The first `lead` descriptors are left
 * for the caller to set.
 */
void ctrL_read_spawn(lua_State *L, int arg, const char *argv_key, struct ctr_spawn *ret_spawn);
void ctrL_read_spawn_fds(lua_State *L, int arg, size_t lead, struct ctr_spawn *ret_spawn);

/* Sets `code` or `signal` in the table on top of the stack. */
void ctrL_set_exit(lua_State *L, const struct ctr_exit *ended);

/* proc.run */
int ctrL_run(lua_State *L);

/* Names of signals and limits. */
void ctrL_push_signal_name(lua_State *L, int signo);
int ctrL_check_rlimit(lua_State *L, int arg);
/* Adds `signals`, `signal_names` and `rlimits` to the table on top of the stack. */
void ctrL_set_proc_names(lua_State *L);

#endif
