/* SPDX-License-Identifier: MIT */
/* The names of signals and of resource limits. */
#include "lua_proc.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

/* As kill(1) counts them: from below in the lower half, from above in the upper one. */
#define RT_FROM_MIN 15

/* Of two names for a signal, the first is its own. */
static const struct ctrL_name signals[] = {
	{ "SIGHUP", SIGHUP },
	{ "SIGINT", SIGINT },
	{ "SIGQUIT", SIGQUIT },
	{ "SIGILL", SIGILL },
	{ "SIGTRAP", SIGTRAP },
	{ "SIGABRT", SIGABRT },
	{ "SIGBUS", SIGBUS },
	{ "SIGFPE", SIGFPE },
	{ "SIGKILL", SIGKILL },
	{ "SIGUSR1", SIGUSR1 },
	{ "SIGSEGV", SIGSEGV },
	{ "SIGUSR2", SIGUSR2 },
	{ "SIGPIPE", SIGPIPE },
	{ "SIGALRM", SIGALRM },
	{ "SIGTERM", SIGTERM },
	{ "SIGSTKFLT", SIGSTKFLT },
	{ "SIGCHLD", SIGCHLD },
	{ "SIGCONT", SIGCONT },
	{ "SIGSTOP", SIGSTOP },
	{ "SIGTSTP", SIGTSTP },
	{ "SIGTTIN", SIGTTIN },
	{ "SIGTTOU", SIGTTOU },
	{ "SIGURG", SIGURG },
	{ "SIGXCPU", SIGXCPU },
	{ "SIGXFSZ", SIGXFSZ },
	{ "SIGVTALRM", SIGVTALRM },
	{ "SIGPROF", SIGPROF },
	{ "SIGWINCH", SIGWINCH },
	{ "SIGIO", SIGIO },
	{ "SIGPWR", SIGPWR },
	{ "SIGSYS", SIGSYS },
	{ "SIGIOT", SIGIOT },
	{ "SIGPOLL", SIGPOLL },
	{ NULL, 0 },
};

static const struct ctrL_name rlimits[] = {
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_STACK", RLIMIT_STACK },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ NULL, 0 },
};

/* "SIGRTMIN+3"; "SIGRTMIN" and "SIGRTMAX" without a sum. */
static void push_rt_name(lua_State *L, int signo)
{
	int above = signo - SIGRTMIN, below = SIGRTMAX - signo;
	char name[24];

	if (above == 0 || below == 0)
		snprintf(name, sizeof(name), above == 0 ? "SIGRTMIN" : "SIGRTMAX");
	else if (above <= RT_FROM_MIN)
		snprintf(name, sizeof(name), "SIGRTMIN+%d", above);
	else
		snprintf(name, sizeof(name), "SIGRTMAX-%d", below);
	lua_pushstring(L, name);
}

void ctrL_push_signal_name(lua_State *L, int signo)
{
	for (const struct ctrL_name *row = signals; row->name; row++) {
		if (row->value == (uint64_t)signo) {
			lua_pushstring(L, row->name);
			return;
		}
	}
	if (signo >= SIGRTMIN && signo <= SIGRTMAX)
		push_rt_name(L, signo);
	else
		lua_pushfstring(L, "SIG%d", signo); /* the C library's own */
}

int ctrL_check_rlimit(lua_State *L, int arg)
{
	uint64_t resource = 0;

	if (!ctrL_find_name(rlimits, luaL_checkstring(L, arg), &resource))
		luaL_argerror(L, arg, "not the name of a limit");
	return (int)resource;
}

void ctrL_set_proc_names(lua_State *L)
{
	ctrL_set_names(L, "rlimits", rlimits);
	ctrL_set_names(L, "signals", signals);
	lua_getfield(L, -1, "signals");
	lua_newtable(L);
	for (int signo = SIGHUP; signo <= SIGRTMAX; signo++) {
		if (signo > SIGSYS && signo < SIGRTMIN)
			continue;
		ctrL_push_signal_name(L, signo);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, signo);
		lua_pushinteger(L, signo);
		lua_settable(L, -4);
	}
	lua_setfield(L, -3, "signal_names");
	lua_pop(L, 1);
}
