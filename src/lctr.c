/* SPDX-License-Identifier: MIT */
/*
 * lctr: LuaJIT, the core, the bootstrap and the library's Lua modules in one file.
 *
 * It is built twice (Makefile). The static one starts in two thirds of the time, but loads no modules
 * in C: people's Lua may want some, and the library has its own for systemd, netlink and the prompt.
 * Where one may be needed it goes on as the whole one, ctr/lctr.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>

#include "auto.h"
#include "fd.h"
#include "lctr_heap.h"
#include "lctr_modules.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

int luaopen_ctr_core(lua_State *L);
int luaopen_ctr_core_seccomp(lua_State *L);

__asm__(".pushsection .rodata\n"
        ".balign 16\n"
        "lctr_image:\n"
        ".incbin \"" CTR_INIT_IMAGE "\"\n"
        "lctr_image_end:\n"
        ".balign 8\n"
        "lctr_image_size:\n"
        ".quad lctr_image_end - lctr_image\n"
        ".popsection\n");
extern const char lctr_image[] __attribute__((visibility("hidden")));
extern const uint64_t lctr_image_size __attribute__((visibility("hidden")));

/* The bootstrap in a sealed memory file: nobody who can reach it can change it. */
static int make_image(void)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	ctr_auto_fd int fd = memfd_create("ctr-init", flags | MFD_EXEC);
	struct ctr_err err;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("ctr-init", flags);
	if (fd < 0)
		return -1;
	if (ctr_fd_write_all(fd, lctr_image, lctr_image_size, &err) < 0)
		return -1;
	if (fcntl(fd, F_ADD_SEALS, seals) < 0)
		return -1;
	return ctr_take_fd(&fd);
}

static int push_fd(lua_State *L, int fd)
{
	if (fd < 0) {
		lua_pushnil(L);
		lua_pushstring(L, strerror(errno));
		return 2;
	}
	lua_pushinteger(L, fd);
	return 1;
}

/* package.preload["ctr.image"]: a new descriptor, as a number. */
static int l_image(lua_State *L)
{
	return push_fd(L, make_image());
}

/* package.preload["ctr.cli.commit"]: what it was built from, "" where nobody knows. */
static int l_commit(lua_State *L)
{
	lua_pushliteral(L, CTR_COMMIT);
	return 1;
}

/*
 * package.preload["ctr.cli.signals"]: a descriptor from which signals are read, which do nothing by
 * themselves any longer. Not read are those about children and sockets of lctr's own, and SIGPIPE,
 * for the write that raises it fails as well.
 */
static int l_signals(lua_State *L)
{
	static const int unread[] = { SIGCHLD, SIGURG, SIGPIPE };
	sigset_t blocked, set;

	sigfillset(&blocked);
	sigdelset(&blocked, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &blocked, NULL) < 0)
		return push_fd(L, -1);
	set = blocked;
	for (size_t i = 0; i < sizeof(unread) / sizeof(unread[0]); i++)
		sigdelset(&set, unread[i]);
	return push_fd(L, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/*
 * Where that lies which is not in here, the whole lctr and the modules: beside the whole one, in the
 * build folder, below the prefix, in LIBDIR.
 */
#define BELOW_PREFIX "../lib/lua/5.1/ctr/"
static const char *const folders[] = {
#ifndef CTR_IS_STATIC
	"",
#endif
	"ctr/", BELOW_PREFIX, CTR_LIBDIR "/ctr/",
};
#define FOLDERS (sizeof(folders) / sizeof(folders[0]))

/* The folder of this program with its slash, however it was started. */
static bool own_folder(char *ret_folder, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", ret_folder, size - 1);
	char *slash;

	ret_folder[length > 0 ? length : 0] = '\0';
	slash = strrchr(ret_folder, '/');
	if (!slash)
		return false;
	slash[1] = '\0';
	return true;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), wanted = strlen(end);

	return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

/*
 * The path of a file in one of the folders; false where it is not there. A program that somebody has
 * put into a folder in /tmp is below no prefix: /tmp/lib would be anybody's.
 */
static bool find_file(const char *folder, const char *name, char *ret_path, size_t size)
{
	char own[PATH_MAX] = "";
	int length;

	if (folder[0] != '/' && !own_folder(own, sizeof(own)))
		return false;
	if (strcmp(folder, BELOW_PREFIX) == 0 && !ends_with(own, "bin/"))
		return false;
	length = snprintf(ret_path, size, "%s%s%s", own, folder, name);
	return length >= 0 && (size_t)length < size && access(ret_path, R_OK) == 0;
}

#ifdef CTR_IS_STATIC
static char **arguments;

/* Goes on as the whole lctr, from the beginning. Returns where it is not found. */
static void become_whole(void)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < FOLDERS; i++) {
		if (find_file(folders[i], "lctr", path, sizeof(path)))
			execv(path, arguments);
	}
}

/* package.preload["ctr.cli.become_whole"]: returns where it is not found. */
static int l_become_whole(lua_State *L)
{
	(void)L;
	become_whole();
	return 0;
}

/* A file is named, or nothing at all: no need to look at it any closer. */
static bool is_for_whole(char **argv)
{
	return !argv[0] || !argv[1] || (argv[1][0] != '-' && strpbrk(argv[1], "/."));
}
#endif

/* The loader of a module with a library of its own, ctr.core.<name>. */
static int push_loader(lua_State *L, const char *name)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < FOLDERS; i++) {
		if (!find_file(folders[i], lua_pushfstring(L, "core/%s.so", name), path,
			       sizeof(path)))
			continue;
		lua_getglobal(L, "package");
		lua_getfield(L, -1, "loadlib");
		lua_pushstring(L, path);
		lua_pushfstring(L, "luaopen_ctr_core_%s", name);
		lua_call(L, 2, 2);
		if (lua_isfunction(L, -2)) { /* nil and a message where it failed */
			lua_pop(L, 1);
			return 1;
		}
		lua_pushfstring(L, "lctr cannot load its module 'ctr.core.%s': %s", name,
				lua_tostring(L, -1));
		return lua_error(L);
	}
	lua_pushfstring(L, "lctr does not find its module 'ctr.core.%s'", name);
	return lua_error(L);
}

/* The loader of a module of the library's, from its bytecode. */
static int push_chunk(lua_State *L, const char *name)
{
	const struct lctr_module *module = lctr_modules;

	while (module->name && strcmp(module->name, name) != 0)
		module++;
	if (!module->name) {
		lua_pushfstring(L, "lctr has no module '%s'", name);
		return lua_error(L);
	}
	if (luaL_loadbuffer(L, module->code, SIZE_MAX, name) != 0)
		return lua_error(L);
	return 1;
}

/* Stands before the other searchers, so that no other ctr's modules are mixed with these. */
static int l_search(lua_State *L)
{
	static const char own[] = "ctr.core.";
	const char *name = luaL_checkstring(L, 1);

	if (strncmp(name, own, sizeof(own) - 1) == 0 && !strpbrk(name + sizeof(own) - 1, "./"))
		return push_loader(L, name + sizeof(own) - 1);
	if (strcmp(name, "ctr") == 0 || strncmp(name, "ctr.", 4) == 0)
		return push_chunk(L, name);
	lua_pushliteral(L, "");
	return 1;
}

static void push_arguments(lua_State *L, char **argv)
{
	int index;

	lua_newtable(L);
	for (index = 0; argv[index]; index++) {
		lua_pushstring(L, argv[index]);
		lua_rawseti(L, -2, index);
	}
}

/* In percent of the prepared heap: some fifteen megabytes. */
#define FIRST_COLLECTION 1000

/* Most runs end before the next collection could pay. */
static void collect_garbage(lua_State *L)
{
	lua_gc(L, LUA_GCSETPAUSE, FIRST_COLLECTION);
	lua_gc(L, LUA_GCCOLLECT, 0);
	lua_gc(L, LUA_GCSETPAUSE, 200);
}

/* And before a compiled trace does: nothing is compiled unless somebody's own code runs. */
static void stop_compiler(lua_State *L)
{
	lua_getglobal(L, "jit");
	lua_getfield(L, -1, "off");
	lua_call(L, 0, 0);
	lua_pop(L, 1);
}

/* Before this version tables' loops are compiled wrong (ctr.interpreted). */
#define SOUND_COMPILER 20199

/* package.preload["ctr.cli.compiler"]: from now on code is compiled, for the processor that this is. */
static int l_compiler(lua_State *L)
{
	if (LUAJIT_VERSION_NUM >= SOUND_COMPILER) {
		lua_pushcfunction(L, luaopen_jit);
		lua_call(L, 0, 0);
	}
	lua_pushboolean(L, true);
	return 1;
}

static const luaL_Reg preloaded[] = {
	{ "ctr.core", luaopen_ctr_core },
	{ "ctr.core.seccomp", luaopen_ctr_core_seccomp },
	{ "ctr.image", l_image },
	{ "ctr.cli.commit", l_commit },
	{ "ctr.cli.compiler", l_compiler },
	{ "ctr.cli.signals", l_signals },
#ifdef CTR_IS_STATIC
	{ "ctr.cli.become_whole", l_become_whole },
#endif
	{ NULL, NULL },
};

static void set_searchers(lua_State *L)
{
	const luaL_Reg *row;
	int index;

	lua_getglobal(L, "package");
	lua_getfield(L, -1, "preload");
	for (row = preloaded; row->name; row++) {
		lua_pushcfunction(L, row->func);
		lua_setfield(L, -2, row->name);
	}
	lua_pop(L, 1);

	lua_getfield(L, -1, "loaders");
	for (index = (int)lua_objlen(L, -1); index >= 2; index--) {
		lua_rawgeti(L, -1, index);
		lua_rawseti(L, -2, index + 1);
	}
	lua_pushcfunction(L, l_search);
	lua_rawseti(L, -2, 2);
	lua_pop(L, 2);
}

/* Loads what every command starts with. */
static int load_libraries(lua_State *L)
{
	luaL_openlibs(L);
	stop_compiler(L);
	set_searchers(L);
	return 0;
}

/*
 * A program without a heap: it prints the one that is to be put into it, with these modules. What they
 * leave behind is collected at once, and its place taken again: a quarter of the heap would be holes.
 */
static int load_modules(lua_State *L)
{
	char **names = lua_touserdata(L, 1);

	load_libraries(L);
	lua_gc(L, LUA_GCSETPAUSE, 100);
	for (; *names; names++) {
		lua_getglobal(L, "require");
		lua_pushstring(L, *names);
		lua_call(L, 1, 0);
		lua_gc(L, LUA_GCCOLLECT, 0);
	}
	collect_garbage(L);
	return 0;
}

static int print_heap(char **modules)
{
	lua_State *L = lctr_heap_prepare();
	const char *problem;

	if (!L)
		problem = "no memory";
	else if (lua_cpcall(L, load_modules, modules) != 0)
		problem = lua_tostring(L, -1);
	else
		problem = lctr_heap_write(L, STDOUT_FILENO);
	if (problem)
		fprintf(stderr, "lctr: its heap: %s\n", problem);
	return problem ? 1 : 0;
}

struct call {
	char **argv;
	int status;
	bool is_over; /* the kernel takes back what is left: nobody wants it collected */
};

/* What may throw runs in here; the command's own failures are its status. */
static int protected_main(lua_State *L)
{
	struct call *call = lua_touserdata(L, 1);

	lua_getglobal(L, "require");
	lua_pushliteral(L, "ctr.cli");
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "main");
	push_arguments(L, call->argv);
	lua_call(L, 1, 2);
	call->status = (int)luaL_checkinteger(L, -2);
	call->is_over = !lua_toboolean(L, -1);
	return 0;
}

/* Where the heap's place is taken, all is loaded anew. */
static lua_State *new_state(void)
{
	lua_State *L = lctr_heap_take();

	if (L)
		return L;
	L = luaL_newstate();
	if (L && lua_cpcall(L, load_libraries, NULL) != 0)
		return NULL;
	return L;
}

/* Whoever runs it decides what it loads and does: with another's rights that is a way to them. */
static bool is_set_id(void)
{
	return getauxval(AT_UID) != getauxval(AT_EUID) || getauxval(AT_GID) != getauxval(AT_EGID);
}

/* A stream that the caller closed: what is opened next would be taken for it. */
static bool fill_streams(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct call call = { .argv = argv, .status = 1 };
	lua_State *L;

	(void)argc;
	if (!fill_streams()) /* nowhere to say so */
		return 1;
	if (!lctr_heap_is_there())
		return print_heap(argv + 1);
	if (is_set_id()) {
		fputs("lctr: must not be installed set-user-ID or set-group-ID\n", stderr);
		return 1;
	}
#ifdef CTR_IS_STATIC
	arguments = argv;
	if (is_for_whole(argv))
		become_whole();
#endif
	signal(SIGCHLD, SIG_DFL); /* ignored, nobody could be waited for */
	L = new_state();
	if (!L) {
		fputs("lctr: not enough memory\n", stderr);
		return 1;
	}
	if (lua_cpcall(L, protected_main, &call) != 0) {
		fprintf(stderr, "lctr: %s\n", lua_tostring(L, -1));
		call.status = 1;
	}
	if (!call.is_over)
		lua_close(L);
	return call.status;
}
