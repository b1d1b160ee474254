/* SPDX-License-Identifier: MIT */
/***
Processes.
@module ctr.core.proc
*/
#include "lua_glue.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lua_proc.h"
#include "ns.h"
#include "polling.h"
#include "proc.h"

static uint64_t check_ns_flags(lua_State *L, int arg)
{
	uint64_t flags = (uint64_t)ctrL_opt_int(L, arg, "flags", 0);
	uint64_t known = 0;

	for (const struct ctr_ns_kind *kind = ctr_ns_kinds; kind->name; kind++)
		known |= kind->flag;
	luaL_argcheck(L, (flags & ~known) == 0, arg, "option 'flags' has more than namespaces");
	return flags;
}

/* Pushes the strings of an option that must be there. */
static const char **push_strings(lua_State *L, int arg, const char *key)
{
	size_t count;

	if (!ctrL_opt_table(L, arg, key))
		luaL_error(L, "option '%s' is required", key);
	return ctrL_push_strings(L, lua_gettop(L), key, &count);
}

void ctrL_read_spawn(lua_State *L, int arg, const char *argv_key, struct ctr_spawn *ret_spawn)
{
	ret_spawn->path = ctrL_opt_string(L, arg, "path", NULL);
	ret_spawn->dir = ctrL_opt_string(L, arg, "dir", NULL);
	/* execve takes char *const *, and changes none. */
	ret_spawn->argv = (char *const *)push_strings(L, arg, argv_key);
	lua_getfield(L, arg, "env");
	if (lua_isnil(L, -1))
		ret_spawn->envp = environ;
	else
		ret_spawn->envp = (char *const *)push_strings(L, arg, "env");
}

void ctrL_read_spawn_fds(lua_State *L, int arg, size_t lead, struct ctr_spawn *ret_spawn)
{
	int list = ctrL_opt_table(L, arg, "fds") ? lua_gettop(L) : 0;

	ret_spawn->fds = ctrL_push_fds(L, list, lead, &ret_spawn->fd_count);
}

/***
Starts a program in a child. `argv[1]` is its name, not its path.
@function spawn
@tparam table options `image` (a descriptor of the program) or `path`; `argv`; `env` (default: the
caller's); `fds`: what the child has as 0, 1, …, and nothing else; `flags`: CLONE_NEW* of new
namespaces; `cgroup`: a descriptor of a cgroup2 directory to start in; `dir`: its working directory;
`new_group` (boolean): a process group of its own
@treturn[1] table `pid` and `pidfd`
@return[2] nil
@treturn[2] ctr.Error `SystemError`; also when the program cannot be executed
*/
static int l_spawn(lua_State *L)
{
	static const char *const options[] = { "image", "path",	 "argv", "env",	      "fds",
					       "flags", "cgroup", "dir", "new_group", NULL };
	struct ctr_spawn spawn = { 0 };
	struct ctr_err err;
	pid_t pid;
	int *slot;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	ctrL_check_options(L, 1, options);
	ctrL_read_spawn(L, 1, "argv", &spawn);
	ctrL_read_spawn_fds(L, 1, 0, &spawn);
	spawn.image = ctrL_opt_fd(L, 1, "image", -1);
	luaL_argcheck(L, !spawn.path == (spawn.image >= 0), 1, "either 'image' or 'path'");
	spawn.flags = check_ns_flags(L, 1);
	spawn.cgroup = ctrL_opt_fd(L, 1, "cgroup", -1);
	spawn.new_group = ctrL_opt_bool(L, 1, "new_group", false);

	/* The answer is whole before there is a child: to fill it in allocates nothing. */
	lua_createtable(L, 0, 2);
	lua_pushinteger(L, 0);
	lua_setfield(L, -2, "pid");
	slot = ctrL_new_fd(L);
	lua_setfield(L, -2, "pidfd");
	*slot = ctr_proc_spawn(&spawn, &pid, &err);
	if (*slot < 0)
		return ctrL_push_err(L, &err);
	ctrL_clear_streams(slot);
	lua_pushinteger(L, pid);
	lua_setfield(L, -2, "pid");
	return 1;
}

/***
Becomes a program, which keeps this process' descriptors that are not close-on-exec.
@function exec
@tparam table options `image` (a descriptor of the program) or `path`; `argv`; `env` (default: the
caller's)
@return nil
@treturn ctr.Error `SystemError`: it returns only to say why not
*/
static int l_exec(lua_State *L)
{
	static const char *const options[] = { "image", "path", "argv", "env", NULL };
	struct ctr_spawn program = { 0 };
	struct ctr_err err;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	ctrL_check_options(L, 1, options);
	ctrL_read_spawn(L, 1, "argv", &program);
	program.image = ctrL_opt_fd(L, 1, "image", -1);
	luaL_argcheck(L, !program.path == (program.image >= 0), 1, "either 'image' or 'path'");
	ctr_proc_exec(&program, &err);
	return ctrL_push_err(L, &err);
}

static pid_t check_pid(lua_State *L, int arg, int low)
{
	return (pid_t)ctrL_check_int(L, arg, low, INT_MAX);
}

/***
Opens a process.
@function pidfd_open
@tparam number pid
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `ESRCH` when there is none
*/
static int l_pidfd_open(lua_State *L)
{
	pid_t pid = check_pid(L, 1, 1);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_proc_pidfd_open(pid, &err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Sends a signal to a process.
@function send_signal
@param pidfd
@tparam number signo 0 only asks whether it could be sent
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `ESRCH` when the process is gone
*/
static int l_send_signal(lua_State *L)
{
	int pidfd = ctrL_check_fd(L, 1);
	int signo = (int)ctrL_check_int(L, 2, 0, INT_MAX);
	struct ctr_err err;

	return ctrL_result(L, ctr_proc_send_signal(pidfd, signo, &err), &err);
}

static void push_usage(lua_State *L, const struct ctr_exit *ended)
{
	lua_createtable(L, 0, 4);
	lua_pushnumber(L, ended->user + ended->system);
	lua_setfield(L, -2, "cpu");
	lua_pushnumber(L, ended->user);
	lua_setfield(L, -2, "user");
	lua_pushnumber(L, ended->system);
	lua_setfield(L, -2, "system");
	ctrL_push_u64(L, ended->memory_peak);
	lua_setfield(L, -2, "memory_peak");
}

void ctrL_set_exit(lua_State *L, const struct ctr_exit *ended)
{
	if (ended->signo) {
		ctrL_push_signal_name(L, ended->signo);
		lua_setfield(L, -2, "signal");
	} else {
		lua_pushinteger(L, ended->code);
		lua_setfield(L, -2, "code");
	}
}

/***
Waits for the end of a child.
@function wait
@param pidfd
@tparam[opt] table options `nohang` (boolean): do not wait; `nowait` (boolean): leave it to be waited
for again
@treturn[1] table|boolean `code` or `signal` (a name), `core` (boolean), `usage` (`cpu`, `user` and
`system` in seconds, `memory_peak` in bytes); false while it runs, with `nohang`
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `ECHILD` for what is no child
*/
static int l_wait(lua_State *L)
{
	static const char *const options[] = { "nohang", "nowait", NULL };
	int pidfd = ctrL_check_fd(L, 1);
	struct ctr_exit ended;
	struct ctr_err err;
	int flags = 0;

	ctrL_check_options(L, 2, options);
	if (ctrL_opt_bool(L, 2, "nohang", false))
		flags |= WNOHANG;
	if (ctrL_opt_bool(L, 2, "nowait", false))
		flags |= WNOWAIT;
	if (ctr_proc_wait(pidfd, flags, &ended, &err) < 0)
		return ctrL_push_err(L, &err);
	if (ended.running) {
		lua_pushboolean(L, false);
		return 1;
	}
	lua_createtable(L, 0, 4);
	ctrL_set_exit(L, &ended);
	lua_pushboolean(L, ended.core);
	lua_setfield(L, -2, "core");
	push_usage(L, &ended);
	lua_setfield(L, -2, "usage");
	return 1;
}

/***
What a procfs says about a process.
@function stat
@param procfs the descriptor of its root
@tparam number pid
@treturn[1] table `state` (a letter), `start_time` (a string), `ppid`, `comm`
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `ENOENT` when there is none
*/
static int l_stat(lua_State *L)
{
	int procfs = ctrL_check_fd(L, 1);
	pid_t pid = check_pid(L, 2, 1);
	struct ctr_proc_stat stat;
	struct ctr_err err;

	if (ctr_proc_stat(procfs, pid, &stat, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_createtable(L, 0, 4);
	lua_pushlstring(L, &stat.state, 1);
	lua_setfield(L, -2, "state");
	ctrL_push_u64(L, stat.start_time);
	lua_tostring(L, -1); /* to a string, in its place */
	lua_setfield(L, -2, "start_time");
	lua_pushinteger(L, stat.ppid);
	lua_setfield(L, -2, "ppid");
	lua_pushstring(L, stat.comm);
	lua_setfield(L, -2, "comm");
	return 1;
}

/***
Reads a resource limit of the caller.
@function getrlimit
@tparam string name `"RLIMIT_NOFILE"`
@treturn[1] number|string soft; a decimal string where a number would not be exact
@treturn[1] number|string hard
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_getrlimit(lua_State *L)
{
	int resource = ctrL_check_rlimit(L, 1);
	uint64_t limit[2];
	struct ctr_err err;

	if (ctr_proc_rlimit(0, resource, NULL, limit, &err) < 0)
		return ctrL_push_err(L, &err);
	ctrL_push_u64(L, limit[0]);
	ctrL_push_u64(L, limit[1]);
	return 2;
}

static uint64_t check_limit(lua_State *L, int arg)
{
	int64_t bits = 0;

	/* Of the negative ones only a text without a sign, above INT64_MAX, is meant. */
	if (!ctrL_to_bits(L, arg, &bits) || lua_tostring(L, arg)[0] == '-')
		luaL_argerror(L, arg, "a whole number or a decimal string expected");
	return (uint64_t)bits;
}

/***
Sets a resource limit of a process.
@function prlimit
@tparam number pid 0 is the caller
@tparam string name `"RLIMIT_NOFILE"`
@tparam number|string soft
@tparam number|string hard
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_prlimit(lua_State *L)
{
	pid_t pid = check_pid(L, 1, 0);
	int resource = ctrL_check_rlimit(L, 2);
	const uint64_t limit[2] = { check_limit(L, 3), check_limit(L, 4) };
	struct ctr_err err;

	return ctrL_result(L, ctr_proc_rlimit(pid, resource, limit, NULL, &err), &err);
}

/***
The caller's user and group.
@function ids
@treturn table `uid`, `gid`, `euid`, `egid`
*/
static int l_ids(lua_State *L)
{
	lua_createtable(L, 0, 4);
	lua_pushnumber(L, getuid());
	lua_setfield(L, -2, "uid");
	lua_pushnumber(L, getgid());
	lua_setfield(L, -2, "gid");
	lua_pushnumber(L, geteuid());
	lua_setfield(L, -2, "euid");
	lua_pushnumber(L, getegid());
	lua_setfield(L, -2, "egid");
	return 1;
}

/***
The caller's process number.
@function getpid
@treturn number
*/
static int l_getpid(lua_State *L)
{
	lua_pushinteger(L, getpid());
	return 1;
}

/***
A variable of the caller's environment.
@function getenv
@tparam string name
@treturn string|nil
*/
static int l_getenv(lua_State *L)
{
	const char *value = getenv(ctrL_check_path(L, 1));

	/* pushstring makes nil of NULL: an absent variable is no failure. */
	lua_pushstring(L, value);
	return 1;
}

/***
Makes the caller the parent of its orphaned descendants.
@function subreaper
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_subreaper(lua_State *L)
{
	struct ctr_err err;

	return ctrL_result(L, ctr_proc_subreaper(&err), &err);
}

/***
Seconds on a clock that only goes forward.
@function clock
@treturn number
*/
static int l_clock(lua_State *L)
{
	lua_pushnumber(L, ctr_poll_clock());
	return 1;
}

/***
Seconds since 1970.
@function time
@treturn number
*/
static int l_time(lua_State *L)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	lua_pushnumber(L, (double)now.tv_sec + (double)now.tv_nsec / 1e9);
	return 1;
}

static const luaL_Reg proc_functions[] = {
	{ "spawn", l_spawn },
	{ "exec", l_exec },
	{ "run", ctrL_run },
	{ "pidfd_open", l_pidfd_open },
	{ "send_signal", l_send_signal },
	{ "wait", l_wait },
	{ "stat", l_stat },
	{ "getrlimit", l_getrlimit },
	{ "prlimit", l_prlimit },
	{ "ids", l_ids },
	{ "getpid", l_getpid },
	{ "getenv", l_getenv },
	{ "subreaper", l_subreaper },
	{ "clock", l_clock },
	{ "time", l_time },
	{ NULL, NULL },
};

void ctrL_open_proc(lua_State *L)
{
	luaL_newlib(L, proc_functions);
	ctrL_set_proc_names(L);
	lua_setfield(L, -2, "proc");
}
