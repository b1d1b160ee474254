/* SPDX-License-Identifier: MIT */
/***
@module ctr.core.proc
*/
#include "lua_proc.h"

#include <errno.h>

#include "run.h"

#define OUTPUT_MAX 65536
#define OUTPUT_LIMIT (1 << 30)

static void push_result(lua_State *L, const struct ctr_run *run, const struct ctr_run_result *result)
{
	lua_createtable(L, 0, 4);
	if (!result->exit.running)
		ctrL_set_exit(L, &result->exit);
	lua_pushlstring(L, run->output[0], result->output_size[0]);
	lua_setfield(L, -2, "stdout");
	lua_pushlstring(L, run->output[1], result->output_size[1]);
	lua_setfield(L, -2, "stderr");
	lua_pushboolean(L, result->timed_out);
	lua_setfield(L, -2, "timed_out");
}

static void read_limits(lua_State *L, int arg, struct ctr_run *ret_run)
{
	int64_t output_max = ctrL_opt_int(L, arg, "output_max", OUTPUT_MAX);

	luaL_argcheck(L, output_max <= OUTPUT_LIMIT, arg, "option 'output_max' is too large");
	ret_run->timeout = ctrL_opt_number(L, arg, "timeout", -1);
	ret_run->output_max = (size_t)output_max;
	for (int i = 0; i < 2; i++)
		ret_run->output[i] = lua_newuserdata(L, ret_run->output_max + 1);
}

/***
Runs a helper of the host to its end. What it left behind in the background is not waited for; when
time is over its whole process group is killed.
@function run
@tparam table options `path` (absolute); `args`, its argv; `env` (default: the caller's); `dir`;
`stdin`, a string (default: the null device); `timeout` in seconds (default: none); `output_max`,
bytes that are kept of each stream (default 65536; the rest is read and dropped); `fds`: its
descriptors from 3 on
@treturn[1] table `code` or `signal`, `stdout`, `stderr`, `timed_out` (boolean)
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
int ctrL_run(lua_State *L)
{
	static const char *const options[] = { "path",	  "args",	"env", "dir", "stdin",
					       "timeout", "output_max", "fds", NULL };
	struct ctr_run run = { .spawn = { .image = -1, .cgroup = -1, .new_group = true } };
	struct ctr_run_result result;
	struct ctr_err err;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	ctrL_check_options(L, 1, options);
	ctrL_read_spawn(L, 1, "args", &run.spawn);
	ctrL_read_spawn_fds(L, 1, 3, &run.spawn);
	luaL_argcheck(L, run.spawn.path, 1, "option 'path' is required");
	run.input = ctrL_opt_string(L, 1, "stdin", &run.input_size);
	read_limits(L, 1, &run);

	if (run.spawn.path[0] != '/') {
		ctr_fail(&err, EINVAL, "run", "%s (not an absolute path)", run.spawn.path);
		return ctrL_push_err(L, &err);
	}
	if (ctr_run(&run, &result, &err) < 0)
		return ctrL_push_err(L, &err);
	push_result(L, &run, &result);
	return 1;
}
