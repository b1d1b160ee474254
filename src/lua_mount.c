/* SPDX-License-Identifier: MIT */
/***
Mounts that are attached nowhere yet.
@module ctr.core.mount
*/
#include "lua_glue.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <linux/mount.h>

#include "auto.h"
#include "lean.h"
#include "mount.h"

static const struct ctrL_name mount_flags[] = {
	{ "MS_RDONLY", MS_RDONLY },
	{ "MS_NOSUID", MS_NOSUID },
	{ "MS_NODEV", MS_NODEV },
	{ "MS_NOEXEC", MS_NOEXEC },
	{ "MS_SYNCHRONOUS", MS_SYNCHRONOUS },
	{ "MS_REMOUNT", MS_REMOUNT },
	{ "MS_MANDLOCK", MS_MANDLOCK },
	{ "MS_DIRSYNC", MS_DIRSYNC },
	{ "MS_NOSYMFOLLOW", MS_NOSYMFOLLOW },
	{ "MS_NOATIME", MS_NOATIME },
	{ "MS_NODIRATIME", MS_NODIRATIME },
	{ "MS_BIND", MS_BIND },
	{ "MS_MOVE", MS_MOVE },
	{ "MS_REC", MS_REC },
	{ "MS_SILENT", MS_SILENT },
	{ "MS_POSIXACL", MS_POSIXACL },
	{ "MS_UNBINDABLE", MS_UNBINDABLE },
	{ "MS_PRIVATE", MS_PRIVATE },
	{ "MS_SLAVE", MS_SLAVE },
	{ "MS_SHARED", MS_SHARED },
	{ "MS_RELATIME", MS_RELATIME },
	{ "MS_KERNMOUNT", MS_KERNMOUNT },
	{ "MS_I_VERSION", MS_I_VERSION },
	{ "MS_STRICTATIME", MS_STRICTATIME },
	{ "MS_LAZYTIME", MS_LAZYTIME },
	{ NULL, 0 },
};

static const struct ctrL_name mount_attrs[] = {
	{ "MOUNT_ATTR_RDONLY", MOUNT_ATTR_RDONLY },
	{ "MOUNT_ATTR_NOSUID", MOUNT_ATTR_NOSUID },
	{ "MOUNT_ATTR_NODEV", MOUNT_ATTR_NODEV },
	{ "MOUNT_ATTR_NOEXEC", MOUNT_ATTR_NOEXEC },
	{ "MOUNT_ATTR_ATIME", MOUNT_ATTR__ATIME },
	{ "MOUNT_ATTR_RELATIME", MOUNT_ATTR_RELATIME },
	{ "MOUNT_ATTR_NOATIME", MOUNT_ATTR_NOATIME },
	{ "MOUNT_ATTR_STRICTATIME", MOUNT_ATTR_STRICTATIME },
	{ "MOUNT_ATTR_NODIRATIME", MOUNT_ATTR_NODIRATIME },
	{ "MOUNT_ATTR_NOSYMFOLLOW", MOUNT_ATTR_NOSYMFOLLOW },
	{ NULL, 0 },
};

/* The words of `set` and `clear`. */
static const struct ctrL_name attr_words[] = {
	{ "rdonly", MOUNT_ATTR_RDONLY },
	{ "nosuid", MOUNT_ATTR_NOSUID },
	{ "nodev", MOUNT_ATTR_NODEV },
	{ "noexec", MOUNT_ATTR_NOEXEC },
	{ "atime", MOUNT_ATTR__ATIME },
	{ "relatime", MOUNT_ATTR_RELATIME },
	{ "noatime", MOUNT_ATTR_NOATIME },
	{ "strictatime", MOUNT_ATTR_STRICTATIME },
	{ "nodiratime", MOUNT_ATTR_NODIRATIME },
	{ "nosymfollow", MOUNT_ATTR_NOSYMFOLLOW },
	{ NULL, 0 },
};

static const struct ctrL_name propagation_words[] = {
	{ "private", MS_PRIVATE },
	{ "slave", MS_SLAVE },
	{ "shared", MS_SHARED },
	{ "unbindable", MS_UNBINDABLE },
	{ NULL, 0 },
};

static void read_change(lua_State *L, int arg, struct ctr_mount_change *ret_change)
{
	int userns;

	ret_change->set = ctrL_opt_words(L, arg, "set", attr_words, 0);
	ret_change->clear = ctrL_opt_words(L, arg, "clear", attr_words, 0);
	ret_change->propagation = ctrL_opt_words(L, arg, "propagation", propagation_words, 0);
	ret_change->recursive = ctrL_opt_bool(L, arg, "recursive", false);
	userns = ctrL_opt_fd(L, arg, "userns", -1);
	ret_change->userns = userns < 0 ? 0 : (uint64_t)userns;
	if (userns >= 0)
		ret_change->set |= MOUNT_ATTR_IDMAP;
}

/***
Clones the mount at a path, detached from any namespace.
@function clone
@tparam string path
@tparam[opt] table options `recursive` (boolean): the whole tree; `set` and `clear`: words
(`"rdonly"`, `"nosuid"`, `"nodev"`, `"noexec"`, `"atime"`, `"relatime"`, `"noatime"`,
`"strictatime"`, `"nodiratime"`, `"nosymfollow"`) or the kernel's number; `propagation`: `"private"`,
`"slave"`, `"shared"`, `"unbindable"` or its number; `userns`: the user namespace by whose mappings
ids are translated; `dir`: where a relative path starts
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_clone(lua_State *L)
{
	static const char *const options[] = { "recursive",   "set",    "clear",
					       "propagation", "userns", "dir", NULL };
	const char *path = ctrL_check_path(L, 1);
	struct ctr_mount_change change;
	struct ctr_err err;
	int dir;
	int *slot;

	ctrL_check_options(L, 2, options);
	read_change(L, 2, &change);
	dir = ctrL_opt_fd(L, 2, "dir", AT_FDCWD);
	slot = ctrL_new_fd(L);
	*slot = ctr_mount_clone(dir, path, change.recursive, &err);
	if (*slot >= 0 && ctr_mount_change(*slot, &change, path, &err) < 0) {
		close(*slot);
		*slot = -1;
	}
	return ctrL_fd_result(L, slot, &err);
}

/***
Tells mounts apart.
@function id
@param fd
@treturn[1] string of the mount that it is on; no two are the same while both are there
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_id(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	struct ctr_err err;
	char digits[24];
	uint64_t id;

	if (ctr_mount_id(fd, &id, &err) < 0)
		return ctrL_push_err(L, &err);
	snprintf(digits, sizeof(digits), "%" PRIu64, id);
	lua_pushstring(L, digits);
	return 1;
}

/***
Changes the attributes of a mount.
@function change
@param fd
@tparam table options `set`, `clear`, `propagation`, `userns`, `recursive` as of `clone`
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_change(lua_State *L)
{
	static const char *const options[] = { "recursive",   "set",    "clear",
					       "propagation", "userns", NULL };
	int fd = ctrL_check_fd(L, 1);
	struct ctr_mount_change change;
	struct ctr_err err;

	luaL_checktype(L, 2, LUA_TTABLE);
	ctrL_check_options(L, 2, options);
	read_change(L, 2, &change);
	return ctrL_result(L, ctr_mount_change(fd, &change, "", &err), &err);
}

/***
Makes a file system, detached.
@function new
@tparam string type
@tparam string source
@tparam table options strings `"key=value"` or `"key"`
@tparam[opt] table change `set`: words as of `clone`
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_new(lua_State *L)
{
	static const char *const known[] = { "set", NULL };
	const char *type = ctrL_check_path(L, 1);
	const char *source = ctrL_check_path(L, 2);
	const char **options;
	struct ctr_err err;
	uint64_t attr;
	size_t count;
	int *slot;

	luaL_checktype(L, 3, LUA_TTABLE);
	ctrL_check_options(L, 4, known);
	attr = ctrL_opt_words(L, 4, "set", attr_words, 0);
	options = ctrL_push_strings(L, 3, "options", &count);
	slot = ctrL_new_fd(L);
	*slot = ctr_mount_new(type, source, options, count, attr, &err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Attaches a detached mount.
@function attach
@param mount
@param target a descriptor of what it will cover
@tparam string what the target's name, for an error
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_attach(lua_State *L)
{
	int mount = ctrL_check_fd(L, 1);
	int target = ctrL_check_fd(L, 2);
	const char *what = ctrL_check_path(L, 3);
	struct ctr_err err;

	return ctrL_result(L, ctr_mount_attach(mount, target, what, &err), &err);
}

/***
Takes away a mount.
@function detach
@param fd of something in the mount
@tparam string what its name, for an error
@treturn[1] boolean true
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_detach(lua_State *L)
{
	int fd = ctrL_check_fd(L, 1);
	const char *what = ctrL_check_path(L, 2);
	struct ctr_err err;

	return ctrL_result(L, ctr_mount_detach(fd, what, &err), &err);
}

/***
A procfs that is mounted nowhere: nobody else can change what its paths lead to.
@function procfs
@treturn[1] ctr.fd
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_procfs(lua_State *L)
{
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_mount_procfs(&err);
	return ctrL_fd_result(L, slot, &err);
}

/***
Makes a mount namespace of one empty read-only tmpfs, in a thread of its own.
@function lean
@tparam[opt=false] boolean with_proc with a whole procfs and sysfs in it: what a user namespace needs
@treturn[1] ctr.fd an nsfs descriptor, which keeps the namespace alive
@return[2] nil
@treturn[2] ctr.Error `SystemError`
*/
static int l_lean(lua_State *L)
{
	bool with_proc = lua_toboolean(L, 1);
	int *slot = ctrL_new_fd(L);
	struct ctr_err err;

	*slot = ctr_lean(with_proc, &err);
	return ctrL_fd_result(L, slot, &err);
}

static const luaL_Reg mount_functions[] = {
	{ "clone", l_clone },
	{ "change", l_change },
	{ "id", l_id },
	{ "new", l_new },
	{ "attach", l_attach },
	{ "detach", l_detach },
	{ "procfs", l_procfs },
	{ "lean", l_lean },
	{ NULL, NULL },
};

void ctrL_open_mount(lua_State *L)
{
	luaL_newlib(L, mount_functions);
	ctrL_set_names(L, "flags", mount_flags);
	ctrL_set_names(L, "attr", mount_attrs);
	lua_setfield(L, -2, "mount");
}
