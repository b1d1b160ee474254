/* SPDX-License-Identifier: MIT */
/***
Files below a root: `dir` is the descriptor of a directory, and no path below it leads out of it.
@module ctr.core.path
*/
#include "lua_glue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/magic.h>

#include "fd.h"
#include "path.h"
#include "tree.h"

#define NAMES "ctr.names"
#define MODE_MAX 07777

static int names_gc(lua_State *L)
{
	ctr_names_free(luaL_checkudata(L, 1, NAMES));
	return 0;
}

static mode_t check_mode(lua_State *L, int arg)
{
	return (mode_t)ctrL_check_int(L, arg, 0, MODE_MAX);
}

/***
Opens a directory of the host, to look up paths below it.
@function open_root
@tparam string path
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_open_root(lua_State *L)
{
	const char *path = ctrL_check_path(L, 1);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_fd_open(path, O_PATH | O_DIRECTORY, 0, &err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Opens a path below dir, close-on-exec.
@function open
@param dir
@tparam string path
@tparam[opt] table options `flags` and `mode` as of `fd.open`; `beneath` (boolean): no link and no
mount on the way
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_open(lua_State *L)
{
	static const char *const options[] = { "flags", "mode", "beneath", NULL };
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	struct ctr_err err;
	uint64_t flags;
	mode_t mode;
	bool beneath;
	int *slot;

	ctrL_check_options(L, 3, options);
	flags = ctrL_opt_words(L, 3, "flags", ctrL_open_flags, O_RDONLY);
	mode = (mode_t)ctrL_opt_int(L, 3, "mode", 0);
	beneath = ctrL_opt_bool(L, 3, "beneath", false);
	slot = ctrL_new_fd(L);
	if (beneath)
		*slot = ctr_path_open_beneath(dir, path, flags, mode, &err);
	else
		*slot = ctr_path_open(dir, path, flags, mode, &err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Reads a regular file; never waits for what is in its place.
@function read
@param dir
@tparam string path
@tparam number max bytes at most
@treturn[1] string
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EFBIG` for more than max bytes, `EINVAL` for no regular file
*/
static int l_read(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	size_t max = ctrL_check_size(L, 3);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;
	int results;

	*slot = ctr_path_open_regular(dir, path, &err);
	if (*slot < 0)
		return ctrL_push_err(L, &err);
	results = ctrL_read_all(L, *slot, max, path);
	close(*slot);
	*slot = -1;
	return results;
}

/***
Reads an open regular file from its start.
@function read_fd
@param fd
@tparam number max bytes at most
@treturn[1] string
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EFBIG` for more than max bytes, `EINVAL` for no regular file
*/
static int l_read_fd(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	size_t max = ctrL_check_size(L, 2);

	return ctrL_read_all(L, fd, max, NULL);
}

/***
Writes to a regular file with one write(2).
@function write
@param dir
@tparam string path
@tparam string data
@tparam[opt] table options `beneath` (boolean) as of `open`; `create`, the mode of a file to make
(one that exists is cut to nothing first); `append` (boolean)
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_write(lua_State *L)
{
	static const char *const options[] = { "beneath", "create", "append", NULL };
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	struct ctr_tree_write how = { 0 };
	size_t size;
	const char *data = luaL_checklstring(L, 3, &size);
	struct ctr_err err;
	int64_t mode;

	ctrL_check_options(L, 4, options);
	mode = ctrL_opt_int(L, 4, "create", -1);
	how.beneath = ctrL_opt_bool(L, 4, "beneath", false);
	how.append = ctrL_opt_bool(L, 4, "append", false);
	how.create = mode >= 0;
	how.mode = how.create ? (mode_t)mode : 0;
	return ctrL_result(L, ctr_tree_write(dir, path, data, size, &how, &err), &err);
}

/***
Puts a new file in the place of a name: whole, or not at all.
@function replace
@param dir
@tparam string name
@tparam string data
@tparam number mode exactly
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_replace(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	size_t size;
	const char *data = luaL_checklstring(L, 3, &size);
	mode_t mode = check_mode(L, 4);
	struct ctr_err err;

	return ctrL_result(L, ctr_tree_replace(dir, path, data, size, mode, &err), &err);
}

/***
Makes a directory.
@function mkdir
@param dir
@tparam string name
@tparam number mode less the umask
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EEXIST` when it is there
*/
static int l_mkdir(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	mode_t mode = check_mode(L, 3);
	struct ctr_err err;

	return ctrL_result(L, ctr_tree_mkdir(dir, path, mode, &err), &err);
}

/***
Makes a fifo.
@function mkfifo
@param dir
@tparam string name
@tparam number mode less the umask
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_mkfifo(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	mode_t mode = check_mode(L, 3);
	struct ctr_err err;

	return ctrL_result(L, ctr_tree_mkfifo(dir, path, mode, &err), &err);
}

/***
Makes a symbolic link.
@function symlink
@param dir
@tparam string text where it leads
@tparam string name
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_symlink(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *text = ctrL_check_path(L, 2);
	const char *path = ctrL_check_path(L, 3);
	struct ctr_err err;

	return ctrL_result(L, ctr_tree_symlink(dir, text, path, &err), &err);
}

/***
Removes an empty directory.
@function rmdir
@param dir
@tparam string name
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_rmdir(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	struct ctr_err err;

	return ctrL_result(L, ctr_tree_rmdir(dir, path, &err), &err);
}

/***
Removes a name that is no directory.
@function unlink
@param dir
@tparam string name
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_unlink(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	struct ctr_err err;

	return ctrL_result(L, ctr_tree_unlink(dir, path, &err), &err);
}

/***
Renames; what has the new name is replaced.
@function rename
@param dir
@tparam string old
@tparam string new
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_rename(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *from = ctrL_check_path(L, 2);
	const char *to = ctrL_check_path(L, 3);
	struct ctr_err err;

	return ctrL_result(L, ctr_tree_rename(dir, from, to, &err), &err);
}

/***
The names in a directory, sorted, without `.` and `..`.
@function list
@param dir
@tparam string path
@treturn[1] table
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_list(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	struct ctr_names *names = lua_newuserdata(L, sizeof(*names));
	struct ctr_err err;

	*names = (struct ctr_names){ 0 };
	luaL_getmetatable(L, NAMES);
	lua_setmetatable(L, -2);
	if (ctr_tree_list(dir, path, names, &err) < 0)
		return ctrL_push_err(L, &err);
	lua_createtable(L, (int)names->count, 0);
	for (size_t i = 0; i < names->count; i++) {
		lua_pushstring(L, names->names[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	ctr_names_free(names);
	return 1;
}

static void push_stat(lua_State *L, const struct ctr_tree_stat *stat)
{
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{ "mode", stat->mode },
		{ "uid", stat->uid },
		{ "gid", stat->gid },
		{ "size", stat->size },
		{ "ino", stat->ino },
		{ "dev", stat->dev },
		{ "rdev_major", stat->rdev_major },
		{ "rdev_minor", stat->rdev_minor },
	};

	lua_createtable(L, 0, 10);
	lua_pushstring(L, stat->type);
	lua_setfield(L, -2, "type");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		ctrL_push_u64(L, fields[i].value);
		lua_setfield(L, -2, fields[i].name);
	}
	lua_pushnumber(L, stat->mtime);
	lua_setfield(L, -2, "mtime");
}

/***
What is at a path; `""` is dir itself, of whatever kind.
@function stat
@param dir
@tparam string path
@tparam[opt] table options `nofollow` (boolean)
@treturn[1] table `type` as of `fd.type`, `mode`, `uid`, `gid`, `size`, `ino`, `dev`, `rdev_major`,
`rdev_minor`, `mtime` (seconds)
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_stat(lua_State *L)
{
	static const char *const options[] = { "nofollow", NULL };
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	struct ctr_tree_stat stat;
	struct ctr_err err;
	bool follow;

	ctrL_check_options(L, 3, options);
	follow = !ctrL_opt_bool(L, 3, "nofollow", false);
	if (ctr_tree_stat(dir, path, follow, &stat, &err) < 0)
		return ctrL_push_err(L, &err);
	push_stat(L, &stat);
	return 1;
}

/***
The text of a symbolic link.
@function readlink
@param dir
@tparam string path
@treturn[1] string
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_readlink(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	char text[PATH_MAX];
	struct ctr_err err;

	if (ctr_tree_readlink(dir, path, text, sizeof(text), &err) < 0)
		return ctrL_push_err(L, &err);
	lua_pushstring(L, text);
	return 1;
}

/***
Removes a name and all below it; follows no link and enters no mount.
@function remove_tree
@param dir
@tparam string name
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EXDEV` or `EBUSY` at a mount
*/
static int l_remove_tree(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	struct ctr_err err;

	return ctrL_result(L, ctr_tree_remove(dir, path, &err), &err);
}

/***
Takes the exclusive lock of a file, which is made where it is missing.
@function lock
@param dir
@tparam string name
@tparam[opt] table options `wait` (boolean, default true)
@treturn[1] ctr.fd the lock, until it is closed
@return[2] nil
@treturn[2] ctr.Error `SystemError`; `EAGAIN` when another has it
*/
static int l_lock(lua_State *L)
{
	static const char *const options[] = { "wait", NULL };
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	struct ctr_err err;
	bool wait;
	int *slot;

	ctrL_check_options(L, 3, options);
	wait = ctrL_opt_bool(L, 3, "wait", true);
	slot = ctrL_new_fd(L);
	*slot = ctr_tree_lock(dir, path, wait, &err);
	return ctrL_fd_result(L, slot, &err);
}

static const struct {
	uint64_t magic;
	const char *name;
} fs_names[] = {
	{ PROC_SUPER_MAGIC, "proc" },
	{ TMPFS_MAGIC, "tmpfs" },
	{ CGROUP_SUPER_MAGIC, "cgroup" },
	{ CGROUP2_SUPER_MAGIC, "cgroup2" },
	{ DEVPTS_SUPER_MAGIC, "devpts" },
	{ SYSFS_MAGIC, "sysfs" },
	{ NSFS_MAGIC, "nsfs" },
	{ EXT4_SUPER_MAGIC, "ext4" },
	{ XFS_SUPER_MAGIC, "xfs" },
	{ BTRFS_SUPER_MAGIC, "btrfs" },
	{ OVERLAYFS_SUPER_MAGIC, "overlay" },
	{ FUSE_SUPER_MAGIC, "fuse" },
	{ NFS_SUPER_MAGIC, "nfs" },
	{ RAMFS_MAGIC, "ramfs" },
	{ SQUASHFS_MAGIC, "squashfs" },
};

static const char *fs_name(uint64_t magic)
{
	for (size_t i = 0; i < sizeof(fs_names) / sizeof(fs_names[0]); i++) {
		if (fs_names[i].magic == magic)
			return fs_names[i].name;
	}
	return NULL;
}

/***
The file system that a path is on.
@function fs_type
@param dir
@tparam string path
@treturn[1] string|number `"proc"`, `"tmpfs"`, `"cgroup"`, `"cgroup2"`, `"devpts"`, `"sysfs"`,
`"nsfs"` and some more, or statfs(2)'s number
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_fs_type(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	struct ctr_err err;
	uint64_t magic;

	if (ctr_tree_fs_type(dir, path, &magic, &err) < 0)
		return ctrL_push_err(L, &err);
	if (fs_name(magic))
		lua_pushstring(L, fs_name(magic));
	else
		lua_pushnumber(L, (double)magic);
	return 1;
}

/***
The canonical name of a path of the host.
@function realpath
@tparam string path
@treturn[1] string
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_realpath(lua_State *L)
{
	const char *path = ctrL_check_path(L, 1);
	char resolved[PATH_MAX];
	struct ctr_err err;

	if (!realpath(path, resolved)) {
		ctr_fail(&err, errno, "realpath", "%s", path);
		return ctrL_push_err(L, &err);
	}
	lua_pushstring(L, resolved);
	return 1;
}

/***
Changes the permissions of what a path leads to.
@function chmod
@param dir
@tparam string path
@tparam number mode
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_chmod(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	mode_t mode = check_mode(L, 3);
	struct ctr_err err;

	return ctrL_result(L, ctr_tree_chmod(dir, path, mode, &err), &err);
}

/***
Changes the owner of what a path leads to.
@function chown
@param dir
@tparam string path
@tparam number uid
@tparam number gid
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_chown(lua_State *L)
{
	int dir = ctrL_check_fd(L, 1);
	const char *path = ctrL_check_path(L, 2);
	unsigned uid = ctrL_check_id(L, 3);
	unsigned gid = ctrL_check_id(L, 4);
	struct ctr_err err;

	return ctrL_result(L, ctr_tree_chown(dir, path, uid, gid, &err), &err);
}

static const luaL_Reg names_class[] = {
	{ "__gc", names_gc },
	{ NULL, NULL },
};

static const luaL_Reg path_functions[] = {
	{ "open_root", l_open_root },
	{ "open", l_open },
	{ "read", l_read },
	{ "read_fd", l_read_fd },
	{ "write", l_write },
	{ "replace", l_replace },
	{ "mkdir", l_mkdir },
	{ "mkfifo", l_mkfifo },
	{ "symlink", l_symlink },
	{ "rmdir", l_rmdir },
	{ "unlink", l_unlink },
	{ "rename", l_rename },
	{ "list", l_list },
	{ "stat", l_stat },
	{ "readlink", l_readlink },
	{ "remove_tree", l_remove_tree },
	{ "lock", l_lock },
	{ "fs_type", l_fs_type },
	{ "realpath", l_realpath },
	{ "chmod", l_chmod },
	{ "chown", l_chown },
	{ NULL, NULL },
};

void ctrL_open_path(lua_State *L)
{
	ctrL_new_class(L, NAMES, names_class);
	luaL_newlib(L, path_functions);
	lua_setfield(L, -2, "path");
}
