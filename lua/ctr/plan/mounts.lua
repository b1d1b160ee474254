--- The operations that make a container's file tree.
-- Pure: tables in, steps out.
-- @module ctr.plan.mounts

local bit = require("bit")
local attributes = require("ctr.plan.mount_attributes")
local checks = require("ctr.config.checks")
local cgroup_mounts = require("ctr.plan.cgroup_mounts")
local mount_options = require("ctr.config.mount_options")
local mount_rules = require("ctr.config.mount")
local program = require("ctr.plan.program")

local M = {}

local SLASH = 47

local MS, ATTR = attributes.MS, attributes.ATTR
M.MS, M.ATTR = MS, ATTR
M.attribute_words = attributes.words
M.propagation_words = attributes.propagation_words

-- What is the file system's own, and so an option of it for fsconfig(2): set, and cleared.
local SUPERBLOCK_FLAGS = {
  { MS.SYNCHRONOUS, "sync", "async" },
  { MS.DIRSYNC, "dirsync" },
  { MS.MANDLOCK, "mand", "nomand" },
  { MS.LAZYTIME, "lazytime", "nolazytime" },
  { MS.POSIXACL, "acl", "noacl" },
}

local SUPERBLOCK = bit.bor(MS.SYNCHRONOUS, MS.DIRSYNC, MS.MANDLOCK, MS.LAZYTIME, MS.POSIXACL,
  MS.I_VERSION)

local PROPAGATION = bit.bor(MS.SHARED, MS.PRIVATE, MS.SLAVE, MS.UNBINDABLE)

-- What steps without numbers or strings share; nobody changes a step's lists.
local NONE = {}
local NO_CHANGE = { attr_set = 0, attr_clr = 0 }

local function has(flags, flag)
  return bit.band(flags, flag) ~= 0
end

-- Inode versions are counted where the file system can; ext4 before Linux 6.1 has to be told. The
-- others have no option for it, and none for `silent`: this interface logs nothing anyway.
local function add_superblock_flags(mount, options)
  for _, row in ipairs(SUPERBLOCK_FLAGS) do
    if has(mount.flags, row[1]) then
      options[#options + 1] = row[2]
    end
  end
  if has(mount.flags, MS.I_VERSION) and mount.device == "ext4" then
    options[#options + 1] = "i_version"
  end
end

-- A new file system has none of these, but access control lists.
local function add_cleared_flags(mount, options)
  local is_remount = has(mount.flags, MS.REMOUNT)
  for _, row in ipairs(SUPERBLOCK_FLAGS) do
    if has(mount.cleared_flags, row[1]) and row[3] and (is_remount or row[3] == "noacl") then
      options[#options + 1] = row[3]
    end
  end
end

--- Adds the options of a mount's file system.
-- @tparam table mount
-- @tparam {string,…} options
-- @tparam[opt] string label of the files of a new one
-- @treturn {string,…} the same
function M.add_options(mount, options, label)
  for _, option in ipairs(mount_options.of(mount)) do
    options[#options + 1] = option
  end
  if has(mount.flags, SUPERBLOCK) then
    add_superblock_flags(mount, options)
  end
  if has(mount.cleared_flags, SUPERBLOCK) then
    add_cleared_flags(mount, options)
  end
  if label and label ~= "" then
    require("ctr.plan.labels").add_context(mount.device, options, 1, label)
  end
  return options
end

local function has_option(options, first, prefix)
  for index = first, #options do
    if options[index]:sub(1, #prefix) == prefix then
      return true
    end
  end
  return false
end

--- Says who makes /dev: the configuration by a bind (nothing may be made there), or we.
-- @treturn boolean whether /dev is ours to fill
-- @treturn boolean whether the configuration mounts it
function M.dev_owner(config)
  for _, mount in ipairs(config.mounts) do
    if mount.destination == "/dev" then
      return mount.device ~= "bind", true
    end
  end
  return true, false
end

-- A tmpfs gets its final attributes late, so that targets can be made in it meanwhile.
local function is_late_readonly(mount)
  return mount.device == "tmpfs" and has(attributes.of_new(mount), ATTR.RDONLY)
    and not has(mount.flags, MS.REMOUNT)
end

-- What needs nothing of the host's but its kernel, and belongs to the container's namespaces: these
-- are made by the bootstrap, whatever is called their source.
local WITHOUT_SOURCE = {}
for _, device in ipairs({
  "proc", "sysfs", "tmpfs", "ramfs", "devpts", "mqueue", "cgroup", "cgroup2", "bpf", "hugetlbfs",
  "securityfs", "debugfs", "tracefs", "configfs", "pstore", "efivarfs", "binfmt_misc", "devtmpfs",
  "nfs", "nfs4", "cifs", "smb3", "ceph",
}) do
  WITHOUT_SOURCE[device] = true
end

local function names_host_paths(mount)
  return mount.device == "overlay"
    or (mount.source:byte() == SLASH and not WITHOUT_SOURCE[mount.device])
end

--- Says whether a file system is made by the library, which sees the host's paths (a block device,
-- overlay's layers), has the caller's descriptors (fuse), and may map ids. In a copied mount
-- namespace the bootstrap sees the paths itself, after the commands before the mount.
-- @tparam table mount
-- @tparam boolean copied
-- @tparam boolean rootless the caller may make none
function M.is_made_by_library(mount, copied, rootless)
  if rootless then
    return false
  end
  return mount.id_mapping ~= nil or mount.device:match("^fuse") ~= nil
    or (not copied and names_host_paths(mount))
end

-- These are programs of the host: nothing of the container's process is for them, whose environment
-- may be its image's (CVE-2025-23266).
local ENV = { "PATH=" .. program.DEFAULT_PATH }

local function add_commands(add, commands, path)
  for index, command in ipairs(commands) do
    local args, env = command.args, command.env or ENV
    local strings = { command.dir or "", command.path, command.path }
    for _, arg in ipairs(args) do
      strings[#strings + 1] = arg
    end
    for _, pair in ipairs(env) do
      strings[#strings + 1] = pair
    end
    add("command", { #args + 1, #env, 1 }, strings, path .. "[" .. index .. "]")
  end
end

local function mapping_text(mapping)
  local row = mapping.uid_mappings[1]
  local ids = row and ("%s:%s:%s"):format(row.container_id, row.host_id, row.size)
    or mapping.userns_path ~= "" and mapping.userns_path or "the container's ids"
  return (mapping.recursive and "ridmap " or "idmap ") .. ids
end

-- What a mount is made from, for people: where the step does not tell.
local function source_text(mount)
  local recursive, words = mount.rec_attr, { mount.source }
  if recursive and recursive.attr_set ~= 0 then
    words[#words + 1] = "(all: " .. attributes.words(recursive.attr_set) .. ")"
  end
  if recursive and bit.band(recursive.attr_clr, bit.bnot(recursive.attr_set)) ~= 0 then
    words[#words + 1] = "(all: not " .. attributes.words(recursive.attr_clr) .. ")"
  end
  if mount.id_mapping then
    words[#words + 1] = "(" .. mapping_text(mount.id_mapping) .. ")"
  end
  return table.concat(words, " ")
end

--- Says whether a mount binds something.
function M.is_bind(mount)
  return mount.device == "bind" and not has(mount.flags, MS.REMOUNT)
end

-- Whether what is mounted before a bind's source is looked at is over it, or part of it.
local function is_changed(source, config, index)
  for earlier = 1, index - 1 do
    local mount = config.mounts[earlier]
    local is_made = mount.device ~= "" and not has(mount.flags, MS.REMOUNT)
    if is_made and (checks.is_below(source, mount.destination)
      or checks.is_below(mount.destination, source)) then
      return true
    end
  end
  return false
end

--- Finds the binds of what the container has mounted itself by then: their sources are below its
-- root, and libcontainer looks them up when it comes to them. A user namespace maps no ids.
-- @tparam table config
-- @tparam boolean has_user the container is in a user namespace
-- @treturn table paths in the root, by the mount's number
function M.sources_inside(config, has_user)
  local inside = {}
  for index, mount in ipairs(config.mounts) do
    local may_be = M.is_bind(mount) and not (mount.id_mapping and has_user)
    if may_be and config.rootfs ~= "/" and checks.is_below(mount.source, config.rootfs) then
      local source = "/" .. mount.source:sub(#config.rootfs + 2)
      inside[index] = is_changed(source, config, index) and source or nil
    end
  end
  return inside
end

-- Clones a source that is inside; returns what stands for the clone.
local function add_inside(add, mount, index, path, way)
  local attr, mapping = mount.rec_attr or NO_CHANGE, mount.id_mapping
  add("clone_inside", { way.slots, has(mount.flags, MS.REC) and 1 or 0, attr.attr_set,
    attr.attr_clr, 0, mapping and "@mapping:" .. index or "@none",
    mapping and mapping.recursive and 1 or 0 }, { way.inside[index] }, path)
  return -1 - way.slots
end

-- Recursive attributes are set where the tree is cloned, so before those of the mount alone.
local function add_bind(add, mount, index, path, way)
  local tree = way.inside[index] and add_inside(add, mount, index, path, way)
    or "@mount:" .. index
  local set, clear = attributes.without(attributes.attributes(mount.flags),
    attributes.cleared(mount.flags, mount.cleared_flags), mount.rec_attr)
  local is_plain = not mount.rec_attr and not mount.id_mapping
  add("attach", { tree, set, clear, 0, 0 }, { mount.destination }, path,
    is_plain and mount.source or source_text(mount))
end

local function add_filesystem(add, mount, index, path, way)
  local set = attributes.of_new(mount)
  if is_late_readonly(mount) then
    set = bit.band(set, bit.bnot(ATTR.RDONLY))
  end
  local strings = M.add_options(mount, { mount.device, mount.source, mount.destination }, way.label)
  local is_tmpfs = mount.device == "tmpfs"
  local take_mode = is_tmpfs and not has_option(strings, 4, "mode=") and 1 or 0
  local copy_up = is_tmpfs and has(mount.extensions, 1) and 1 or 0
  if M.is_made_by_library(mount, way.copied, way.rootless) then
    add("attach_fs", { "@fs:" .. index, set, take_mode, copy_up },
      { mount.device, mount.destination }, path, source_text(mount))
    return
  end
  add("mount", { set, 0, take_mode, copy_up }, strings, path)
  if way.label ~= "" then
    require("ctr.plan.labels").add_late(add, mount, way.label, path)
  end
end

local function add_attributes(add, set, clear, recursive, mount, path)
  if set ~= 0 or clear ~= 0 then
    add("set_attr", { set, clear, recursive and 1 or 0, 0 }, { mount.destination }, path)
  end
end

local function add_change(add, mount, path)
  local strings = M.add_options(mount, { mount.destination })
  if #strings > 1 then
    add("reconfigure", NONE, strings, path)
  end
  add_attributes(add, attributes.attributes(mount.flags),
    attributes.cleared(mount.flags, mount.cleared_flags), has(mount.flags, MS.REC), mount, path)
  if mount.rec_attr then
    add_attributes(add, mount.rec_attr.attr_set, mount.rec_attr.attr_clr, true, mount, path)
  end
end

local function add_made(add, mount, index, path, way)
  if mount.device == "bind" then
    add_bind(add, mount, index, path, way)
  elseif mount_rules.is_cgroup(mount) then
    cgroup_mounts.add(add, mount, index, way.cgroup_views[index], way.context)
  else
    add_filesystem(add, mount, index, path, way)
  end
end

local function add_mount(add, mount, index, way)
  local path = "mounts[" .. index .. "]"
  add_commands(add, mount.premount_cmds, path .. ".premount_cmds")
  if has(mount.flags, MS.REMOUNT) then
    add_change(add, mount, path)
  elseif mount.device ~= "" then
    add_made(add, mount, index, path, way)
  end
  for _, flags in ipairs(mount.propagation_flags) do
    add("set_attr", { 0, 0, has(flags, MS.REC) and 1 or 0, bit.band(flags, PROPAGATION) },
      { mount.destination }, path)
  end
  add_commands(add, mount.postmount_cmds, path .. ".postmount_cmds")
end

--- Adds what mounts something in a container that runs.
-- @tparam function add `add(op, nums, strings, config_path)`
-- @tparam table config with the one mount
-- @tparam boolean rootless the caller may make no file systems
function M.add_live(add, config, rootless)
  add_mount(add, config.mounts[1], 1, { copied = false, rootless = rootless, cgroup_views = NONE,
    inside = NONE, label = config.mount_label })
  if is_late_readonly(config.mounts[1]) then
    add("set_attr", { ATTR.RDONLY, 0, 0, 0 }, { config.mounts[1].destination }, "mounts[1]")
  end
end

local TYPES = { c = 0x2000, u = 0x2000, b = 0x6000, p = 0x1000 }

local function add_device(add, device, index, bound)
  local path = "devices[" .. index .. "]"
  if bound and device.type ~= "p" then
    add("attach", { "@device:" .. index, 0, 0, 0, 0 }, { device.path }, path, "the host's")
    return
  end
  add("mknod", { TYPES[device.type], device.file_mode, device.major, device.minor, device.uid,
    device.gid }, { device.path }, path)
end

local LINKS = {
  { "/proc/self/fd", "/dev/fd" },
  { "/proc/self/fd/0", "/dev/stdin" },
  { "/proc/self/fd/1", "/dev/stdout" },
  { "/proc/self/fd/2", "/dev/stderr" },
  { "/proc/kcore", "/dev/core" },
  { "pts/ptmx", "/dev/ptmx" },
}

-- The kernel makes no device nodes for a user namespace: there the host's are bound.
local function add_dev(add, config, bound)
  for index, device in ipairs(config.devices) do
    if device.path ~= "" and device.path ~= "/dev/ptmx" then
      add_device(add, device, index, bound)
    end
  end
  for _, link in ipairs(LINKS) do
    add("symlink", NONE, link, "devices")
  end
end

-- The option that labels a file system of ours; nil without a label.
local function context_of(config)
  if config.mount_label == "" then
    return nil
  end
  return require("ctr.plan.labels").context(config.mount_label)
end

--- Adds what builds the tree below the attached root.
-- @tparam function add `add(op, nums, strings, config_path)`
-- @tparam table config normalised
-- @tparam boolean bound devices are bound, not made
-- @tparam table way `copied`, `rootless`, `cgroup_views`, `inside` (of `sources_inside`), `slots`
-- (how many are in use)
function M.add_tree(add, config, bound, way)
  local ours, configured = M.dev_owner(config)
  if ours and not configured then
    add("mount", { bit.bor(ATTR.NOSUID, ATTR.NOEXEC, ATTR.STRICTATIME), 0, 0, 0 },
      { "tmpfs", "tmpfs", "/dev", "mode=755", "size=65536k", context_of(config) }, "devices")
  end
  way.label, way.context = config.mount_label, context_of(config)
  for index, mount in ipairs(config.mounts) do
    add_mount(add, mount, index, way)
  end
  if ours then
    add_dev(add, config, bound)
  end
end

--- Adds what makes parts of the finished tree read-only, and hides others.
-- @tparam function add
-- @tparam table config
-- @tparam table cgroup_views what its cgroup mounts show, by the mount's number
function M.add_restrictions(add, config, cgroup_views)
  for index, mount in ipairs(config.mounts) do
    if is_late_readonly(mount) or cgroup_mounts.is_late_readonly(mount, cgroup_views[index]) then
      add("set_attr", { ATTR.RDONLY, 0, 0, 0 }, { mount.destination }, "mounts[" .. index .. "]")
    end
  end
  if config.readonlyfs then
    add("set_attr", { ATTR.RDONLY, 0, 0, 0 }, { "/" }, "readonlyfs")
  end
end

local function makes_null(config)
  if not M.dev_owner(config) then
    return false
  end
  for _, device in ipairs(config.devices) do
    if device.path == "/dev/null" then
      return true
    end
  end
  return false
end

--- Says whether a path is masked with the host's null device.
-- @treturn boolean
function M.needs_host_null(config)
  return #config.mask_paths > 0 and not makes_null(config)
end

--- Adds the read-only and the masked paths.
-- A masked file is covered by a null device that is ours: the one made on our own /dev, else the
-- host's, opened by the library; never one that came with the root (CVE-2025-31133).
-- @tparam function add
-- @tparam table config
function M.add_protected_paths(add, config)
  for index, path in ipairs(config.readonly_paths) do
    add("readonly", NONE, { path }, "readonly_paths[" .. index .. "]")
  end
  local source, null = "@null", ""
  if makes_null(config) then
    source, null = "@none", "/dev/null"
  end
  local context, masked = context_of(config), {}
  for index, path in ipairs(config.mask_paths) do
    if not masked[path] then
      masked[path] = true
      add("mask", { source, }, { path, null, context }, "mask_paths[" .. index .. "]")
    end
  end
end

return M
