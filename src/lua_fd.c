/* SPDX-License-Identifier: MIT */
/***
Descriptors.
@module ctr.core.fd
*/
#include "lua_glue.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lualib.h>

#include "fd.h"

#define PASSED "ctr.passed"

/* Descriptors on their way from a message to their handles. */
struct passed {
	size_t count;
	int fds[CTR_FD_PASS_MAX];
};

/***
The number of an open handle.
@function handle:fd
@treturn number
*/
static int handle_fd(lua_State *L)
{
	lua_pushinteger(L, ctrL_check_open(L, 1, *ctrL_check_handle(L, 1)));
	return 1;
}

/***
Closes the descriptor; a closed handle is left as it is.
@function handle:close
@treturn boolean true
*/
static int handle_close(lua_State *L)
{
	int *slot = ctrL_check_handle(L, 1);

	if (*slot >= 0)
		close(*slot);
	*slot = -1;
	lua_pushboolean(L, true);
	return 1;
}

/***
Gives the descriptor away: the handle is closed, the number stays open.
@function handle:take
@treturn number
*/
static int handle_take(lua_State *L)
{
	int *slot = ctrL_check_handle(L, 1);

	lua_pushinteger(L, ctrL_check_open(L, 1, *slot));
	*slot = -1;
	return 1;
}

/***
Tells whether the handle still owns a descriptor.
@function handle:is_open
@treturn boolean
*/
static int handle_is_open(lua_State *L)
{
	lua_pushboolean(L, *ctrL_check_handle(L, 1) >= 0);
	return 1;
}

static int handle_tostring(lua_State *L)
{
	int fd = *ctrL_check_handle(L, 1);

	if (fd < 0)
		lua_pushliteral(L, "ctr.fd (closed)");
	else
		lua_pushfstring(L, "ctr.fd (%d)", fd);
	return 1;
}

static int passed_gc(lua_State *L)
{
	struct passed *passed = luaL_checkudata(L, 1, PASSED);

	while (passed->count > 0)
		close(passed->fds[--passed->count]);
	return 0;
}

/***
Takes over a number: it is closed with the handle.
@function wrap
@tparam number fd
@treturn ctr.fd
*/
static int l_wrap(lua_State *L)
{
	int fd = (int)ctrL_check_int(L, 1, 0, INT_MAX);
	int *slot = ctrL_new_fd(L);

	*slot = fd;
	return 1;
}

/***
Duplicates a descriptor, close-on-exec.
@function dup
@param fd a handle, a number or a Lua file
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_dup(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_fd_dup(fd, &err);
	return ctrL_fd_result(L, slot, &err);
}

/***
The number of a descriptor.
@function number
@param fd a handle, a number or a Lua file
@treturn number
*/
static int l_number(lua_State *L)
{
	lua_pushinteger(L, ctrL_check_fd(L, 1));
	return 1;
}

/* Answers with the two ends that a primitive filled. */
static int push_ends(lua_State *L, int result, const int ends[2], int *first, int *second,
		     const struct ctr_err *err)
{
	if (result < 0)
		return ctrL_push_err(L, err);
	*first = ends[0];
	*second = ends[1];
	ctrL_clear_streams(first);
	ctrL_clear_streams(second);
	return 2;
}

/***
Makes a pipe.
@function pipe
@treturn[1] ctr.fd the end to read from
@treturn[1] ctr.fd the end to write to
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_pipe(lua_State *L)
{
	int *first = ctrL_new_fd(L);
	int *second = ctrL_new_fd(L);
	struct ctr_err err;
	int ends[2];
	int result = ctr_fd_pipe(ends, &err);

	return push_ends(L, result, ends, first, second, &err);
}

/***
Makes a pair of connected unix sockets.
@function socketpair
@tparam string type `"stream"` or `"seqpacket"`
@treturn[1] ctr.fd
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_socketpair(lua_State *L)
{
	static const char *const names[] = { "stream", "seqpacket", NULL };
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	int type = types[luaL_checkoption(L, 1, NULL, names)];
	int *first = ctrL_new_fd(L);
	int *second = ctrL_new_fd(L);
	struct ctr_err err;
	int ends[2];
	int result = ctr_fd_socketpair(type, ends, &err);

	return push_ends(L, result, ends, first, second, &err);
}

/* On the stack, of which what is not read into costs nothing: garbage of that size has to be zeroed. */
#define READ_NEAR ((size_t)64 * 1024)

/***
Reads once.
@function read
@param fd
@tparam number max bytes at most
@treturn[1] string `""` at the end
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_read(lua_State *L)
{
	char near[READ_NEAR];
	int fd = ctrL_check_fd(L, 1);
	size_t max = ctrL_check_size(L, 2);
	char *data = max <= sizeof(near) ? near : lua_newuserdata(L, max);
	struct ctr_err err;
	size_t count;

	if (ctr_fd_read(fd, data, max, &count, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_pushlstring(L, data, count);
	return 1;
}

/***
Writes once.
@function write
@param fd
@tparam string data
@treturn[1] number bytes written
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_write(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	size_t size, count;
	const char *data = luaL_checklstring(L, 2, &size);
	struct ctr_err err;

	if (ctr_fd_write(fd, data, size, &count, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_pushnumber(L, (double)count);
	return 1;
}

/***
Writes all of the data.
@function write_all
@param fd
@tparam string data
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_write_all(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	size_t size;
	const char *data = luaL_checklstring(L, 2, &size);
	struct ctr_err err;

	return ctrL_result(L, ctr_fd_write_all(fd, data, size, &err), &err);
}

/***
Makes reads and writes of the open file wait, or fail with `EAGAIN`.
@function set_nonblock
@param fd
@tparam boolean nonblock
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_set_nonblock(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	struct ctr_err err;

	luaL_checktype(L, 2, LUA_TBOOLEAN);
	return ctrL_result(L, ctr_fd_set_nonblock(fd, lua_toboolean(L, 2), &err), &err);
}

/***
Opens a path of the host, close-on-exec.
@function open
@tparam string path
@tparam[opt] table options `flags` (list of `"rdonly"`, `"wronly"`, `"rdwr"`, `"creat"`, `"excl"`,
`"append"`, `"trunc"`, `"nonblock"`, `"path"`, `"directory"`, `"nofollow"`, `"noctty"`), `mode`
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_open(lua_State *L)
{
	static const char *const options[] = { "flags", "mode", NULL };
	const char *path = ctrL_check_path(L, 1);
	struct ctr_err err;
	mode_t mode;
	int flags;
	int *slot;

	ctrL_check_options(L, 2, options);
	flags = (int)ctrL_opt_words(L, 2, "flags", ctrL_open_flags, O_RDONLY);
	mode = (mode_t)ctrL_opt_int(L, 2, "mode", 0);
	slot = ctrL_new_fd(L);
	*slot = ctr_fd_open(path, flags, mode, &err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Makes a sealed memory file that holds a string, to be read from its start.
@function memfd
@tparam string name
@tparam string content
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_memfd(lua_State *L)
{
	const char *name = ctrL_check_path(L, 1);
	size_t size;
	const char *content = luaL_checklstring(L, 2, &size);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_fd_memfd(name, content, size, &err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Copies a program to a sealed memory file that can be executed, and never changed.
@function seal
@tparam string path
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_seal(lua_State *L)
{
	const char *path = ctrL_check_path(L, 1);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_fd_seal(path, &err);
	return ctrL_fd_result(L, slot, &err);
}

struct message {
	int socket;
	const char *data;
	size_t size;
	const int *fds;
	size_t fd_count;
	bool all;
};

/* Sends once, or until all is sent; the descriptors go with the first part. */
static int send_message(const struct message *message, size_t *ret_sent, struct ctr_err *err)
{
	size_t fd_count = message->fd_count;
	size_t total = 0, sent;

	do {
		if (ctr_fd_send(message->socket, message->data + total, message->size - total,
				message->fds, fd_count, &sent, err) < 0)
			return -1;
		total += sent;
		fd_count = 0;
	} while (message->all && total < message->size);
	*ret_sent = total;
	return 0;
}

/***
Sends data, and descriptors with it.
@function send
@param socket
@tparam string data at least one byte where descriptors go along
@tparam[opt] table fds a list, at most 253
@tparam[opt] boolean all go on until all is sent (default: once)
@treturn[1] number bytes sent
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_send(lua_State *L)
{
	struct message message = { .socket = ctrL_check_fd(L, 1) };
	struct ctr_err err;
	size_t sent;

	message.data = luaL_checklstring(L, 2, &message.size);
	if (!lua_isnoneornil(L, 3))
		luaL_checktype(L, 3, LUA_TTABLE);
	if (!lua_isnoneornil(L, 4))
		luaL_checktype(L, 4, LUA_TBOOLEAN);
	message.all = lua_toboolean(L, 4);
	message.fds = ctrL_push_fds(L, lua_istable(L, 3) ? 3 : 0, 0, &message.fd_count);
	luaL_argcheck(L, message.size > 0 || message.fd_count == 0, 2,
		      "descriptors go along with at least one byte");
	if (send_message(&message, &sent, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_pushnumber(L, (double)sent);
	return 1;
}

/* Pushes a list of handles, which take the descriptors over. */
static void push_handles(lua_State *L, struct passed *passed)
{
	size_t count = passed->count;

	lua_createtable(L, (int)count, 0);
	for (size_t i = count; i > 0; i--) {
		int *slot = ctrL_new_fd(L);

		*slot = passed->fds[i - 1];
		passed->count = i - 1;
		ctrL_clear_streams(slot);
		lua_rawseti(L, -2, (int)i);
	}
}

/***
Receives one message.
@function recv
@param socket
@tparam number max bytes at most
@treturn[1] string `""` at the end
@treturn[1] table handles that came along
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EMFILE` when there was no room for a descriptor
*/
static int l_recv(lua_State *L)
{
	int socket = ctrL_check_fd(L, 1);
	size_t max = ctrL_check_size(L, 2);
	char *data = lua_newuserdata(L, max + 1);
	struct passed *passed = lua_newuserdata(L, sizeof(*passed));
	struct ctr_err err;
	size_t received;

	passed->count = 0;
	luaL_getmetatable(L, PASSED);
	lua_setmetatable(L, -2);
	if (ctr_fd_recv(socket, data, max, &received, passed->fds, &passed->count, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_pushlstring(L, data, received);
	push_handles(L, passed);
	return 2;
}

/***
Changes the owner of an open file.
@function chown
@param fd
@tparam number uid
@tparam number gid
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_chown(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	unsigned uid = ctrL_check_id(L, 2);
	unsigned gid = ctrL_check_id(L, 3);
	struct ctr_err err;

	return ctrL_result(L, ctr_fd_chown(fd, uid, gid, &err), &err);
}

/***
Connects to a unix socket.
@function connect_unix
@tparam string path, or `@name` for an abstract one (unix(7))
@tparam[opt="stream"] string type `"stream"` or `"datagram"`
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_connect_unix(lua_State *L)
{
	static const char *const types[] = { "stream", "datagram", NULL };
	static const int values[] = { SOCK_STREAM, SOCK_DGRAM };
	const char *path = ctrL_check_path(L, 1);
	int type = values[luaL_checkoption(L, 2, "stream", types)];
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_fd_connect_unix(path, type, &err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Makes a unix datagram socket with a name.
@function bind_unix
@tparam string path where nothing is yet, or `@name`
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_bind_unix(lua_State *L)
{
	const char *path = ctrL_check_path(L, 1);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_fd_bind_unix(path, &err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Makes a unix stream socket with a name, which only its owner may connect to, and listens.
@function listen_unix
@tparam string path where nothing is yet
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_listen_unix(lua_State *L)
{
	const char *path = ctrL_check_path(L, 1);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_fd_listen_unix(path, &err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Takes who has connected to a socket of `listen_unix`; his end never waits.
@function accept
@param fd
@treturn[1] ctr.fd
@treturn[1] number the user that he was when he connected
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EAGAIN` where nobody has
*/
static int l_accept(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;
	uid_t uid = 0;

	*slot = ctr_fd_accept(fd, &uid, &err);
	if (*slot < 0)
		return ctrL_push_err(L, &err);
	ctrL_clear_streams(slot);
	lua_pushnumber(L, uid);
	return 2;
}

/***
What a descriptor refers to.
@function type
@param fd
@treturn[1] string `"file"`, `"directory"`, `"char"`, `"block"`, `"fifo"`, `"socket"`, `"link"`, or
`"anonymous"` (a pidfd)
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_type(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	struct ctr_err err;
	const char *type;

	if (ctr_fd_type(fd, &type, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_pushstring(L, type);
	return 1;
}

static const luaL_Reg handle_class[] = {
	{ "fd", handle_fd },
	{ "close", handle_close },
	{ "take", handle_take },
	{ "is_open", handle_is_open },
	{ "__gc", handle_close },
	{ "__tostring", handle_tostring },
	{ NULL, NULL },
};

static const luaL_Reg passed_class[] = {
	{ "__gc", passed_gc },
	{ NULL, NULL },
};

static const luaL_Reg fd_functions[] = {
	{ "wrap", l_wrap },
	{ "dup", l_dup },
	{ "number", l_number },
	{ "pipe", l_pipe },
	{ "socketpair", l_socketpair },
	{ "read", l_read },
	{ "write", l_write },
	{ "write_all", l_write_all },
	{ "set_nonblock", l_set_nonblock },
	{ "open", l_open },
	{ "memfd", l_memfd },
	{ "seal", l_seal },
	{ "send", l_send },
	{ "recv", l_recv },
	{ "chown", l_chown },
	{ "connect_unix", l_connect_unix },
	{ "bind_unix", l_bind_unix },
	{ "listen_unix", l_listen_unix },
	{ "accept", l_accept },
	{ "type", l_type },
	{ NULL, NULL },
};

void ctrL_open_fd(lua_State *L)
{
	ctrL_new_class(L, CTRL_HANDLE, handle_class);
	ctrL_new_class(L, PASSED, passed_class);
	luaL_newlib(L, fd_functions);
	lua_setfield(L, -2, "fd");
}
