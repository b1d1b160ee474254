--- The operations that make a container's file tree.
-- Pure: tables in, steps out.
-- @module ctr.plan.mounts

local bit = require("bit")

local M = {}

local MS = {
  RDONLY = 0x1, NOSUID = 0x2, NODEV = 0x4, NOEXEC = 0x8, SYNCHRONOUS = 0x10, REMOUNT = 0x20,
  MANDLOCK = 0x40, DIRSYNC = 0x80, NOSYMFOLLOW = 0x100, NOATIME = 0x400, NODIRATIME = 0x800,
  BIND = 0x1000, REC = 0x4000, UNBINDABLE = 0x20000, PRIVATE = 0x40000, SLAVE = 0x80000,
  SHARED = 0x100000, RELATIME = 0x200000, STRICTATIME = 0x1000000, LAZYTIME = 0x2000000,
}
M.MS = MS

local ATTR = {
  RDONLY = 0x1, NOSUID = 0x2, NODEV = 0x4, NOEXEC = 0x8, ATIME = 0x70, NOATIME = 0x10,
  STRICTATIME = 0x20, NODIRATIME = 0x80, NOSYMFOLLOW = 0x200000,
}
M.ATTR = ATTR

-- What mount_setattr(2) and fsmount(2) know, in the order in which it is printed.
local PLAIN_ATTRS = {
  { MS.RDONLY, ATTR.RDONLY, "ro" },
  { MS.NOSUID, ATTR.NOSUID, "nosuid" },
  { MS.NODEV, ATTR.NODEV, "nodev" },
  { MS.NOEXEC, ATTR.NOEXEC, "noexec" },
  { MS.NODIRATIME, ATTR.NODIRATIME, "nodiratime" },
  { MS.NOSYMFOLLOW, ATTR.NOSYMFOLLOW, "nosymfollow" },
}

-- What is the file system's own, and so an option of it for fsconfig(2).
local SUPERBLOCK_FLAGS = {
  { MS.SYNCHRONOUS, "sync" },
  { MS.DIRSYNC, "dirsync" },
  { MS.MANDLOCK, "mand" },
  { MS.LAZYTIME, "lazytime" },
}

local SUPERBLOCK = bit.bor(MS.SYNCHRONOUS, MS.DIRSYNC, MS.MANDLOCK, MS.LAZYTIME)

local PROPAGATION = bit.bor(MS.SHARED, MS.PRIVATE, MS.SLAVE, MS.UNBINDABLE)

-- What steps without numbers or strings share; nobody changes a step's lists.
local NONE = {}

local function has(flags, flag)
  return bit.band(flags, flag) ~= 0
end

local function atime_attr(flags)
  if has(flags, MS.NOATIME) then
    return ATTR.NOATIME
  end
  if has(flags, MS.STRICTATIME) then
    return ATTR.STRICTATIME
  end
  return 0
end

--- Translates MS_* flags to the MOUNT_ATTR_* to set.
-- @tparam number flags
-- @treturn number
function M.attributes(flags)
  if flags == 0 then
    return 0
  end
  local set = atime_attr(flags)
  for _, row in ipairs(PLAIN_ATTRS) do
    if has(flags, row[1]) then
      set = bit.bor(set, row[2])
    end
  end
  return set
end

local function cleared_attributes(flags, cleared)
  local clear = 0
  for _, row in ipairs(PLAIN_ATTRS) do
    if has(cleared, row[1]) then
      clear = bit.bor(clear, row[2])
    end
  end
  -- The atime modes are one field of the kernel's: a new one needs the old one cleared.
  if has(bit.bor(flags, cleared), bit.bor(MS.NOATIME, MS.RELATIME, MS.STRICTATIME)) then
    clear = bit.bor(clear, ATTR.ATIME)
  end
  return clear
end

--- Words of a set of MOUNT_ATTR_*, for people.
function M.attribute_words(set)
  local words = {}
  for _, row in ipairs(PLAIN_ATTRS) do
    if has(set, row[2]) then
      words[#words + 1] = row[3]
    end
  end
  if has(set, ATTR.NOATIME) then
    words[#words + 1] = "noatime"
  end
  if has(set, ATTR.STRICTATIME) then
    words[#words + 1] = "strictatime"
  end
  return table.concat(words, ",")
end

--- Words of propagation flags, for people.
function M.propagation_words(flags)
  local prefix = has(flags, MS.REC) and "r" or ""
  for name, flag in pairs({ shared = MS.SHARED, private = MS.PRIVATE, slave = MS.SLAVE,
    unbindable = MS.UNBINDABLE }) do
    if has(flags, flag) then
      return prefix .. name
    end
  end
  return "unchanged"
end

-- Appends the options of "a,b=c"; a quoted value (an SELinux context) keeps its commas, and loses
-- its quotes: fsconfig(2) takes it as it is.
local function add_quoted(data, options)
  local at, quoted = 1, false
  for position = 1, #data + 1 do
    local char = data:sub(position, position)
    if char == '"' then
      quoted = not quoted
    elseif char == "" or (char == "," and not quoted) then
      if position > at then
        options[#options + 1] = data:sub(at, position - 1)
          :gsub('^(%a*context=)"(.*)"$', "%1%2")
      end
      at = position + 1
    end
  end
end

local function add_options(mount, options)
  if mount.data:find('"', 1, true) then
    add_quoted(mount.data, options)
  else
    for option in mount.data:gmatch("[^,]+") do
      options[#options + 1] = option
    end
  end
  if has(mount.flags, SUPERBLOCK) then
    for _, row in ipairs(SUPERBLOCK_FLAGS) do
      if has(mount.flags, row[1]) then
        options[#options + 1] = row[2]
      end
    end
  end
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
  return mount.device == "tmpfs" and has(mount.flags, MS.RDONLY)
end

local function add_commands(add, commands, env_of_process, path)
  for index, command in ipairs(commands) do
    local args, env = command.args, command.env or env_of_process
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

local function add_bind(add, mount, index, path)
  local set = M.attributes(mount.flags)
  local clear = cleared_attributes(mount.flags, mount.cleared_flags)
  add("attach", { "@mount:" .. index, set, clear, 0, 0 }, { mount.destination }, path,
    mount.source)
end

local function add_filesystem(add, mount, path, label)
  local flags = mount.flags
  if is_late_readonly(mount) then
    flags = bit.band(flags, bit.bnot(MS.RDONLY))
  end
  local strings = { mount.device, mount.source, mount.destination }
  add_options(mount, strings)
  local labels = label ~= "" and require("ctr.plan.labels")
  if labels then
    labels.add_context(mount.device, strings, 4, label)
  end
  local is_tmpfs = mount.device == "tmpfs"
  local take_mode = is_tmpfs and not has_option(strings, 4, "mode=")
  local copy_up = is_tmpfs and has(mount.extensions, 1)
  add("mount", { M.attributes(flags), 0, take_mode and 1 or 0, copy_up and 1 or 0 }, strings, path)
  if labels then
    labels.add_late(add, mount, label, path)
  end
end

local function add_change(add, mount, path)
  local clear = cleared_attributes(mount.flags, mount.cleared_flags)
  local set = M.attributes(mount.flags)
  if set ~= 0 or clear ~= 0 then
    add("set_attr", { set, clear, has(mount.flags, MS.REC) and 1 or 0, 0 },
      { mount.destination }, path)
  end
end

local function add_mount(add, mount, index, env, label)
  local path = "mounts[" .. index .. "]"
  add_commands(add, mount.premount_cmds, env, path .. ".premount_cmds")
  if has(mount.flags, MS.REMOUNT) then
    add_change(add, mount, path)
  elseif mount.device == "bind" then
    add_bind(add, mount, index, path)
  elseif mount.device ~= "" then
    add_filesystem(add, mount, path, label)
  end
  for _, flags in ipairs(mount.propagation_flags) do
    add("set_attr", { 0, 0, has(flags, MS.REC) and 1 or 0, bit.band(flags, PROPAGATION) },
      { mount.destination }, path)
  end
  add_commands(add, mount.postmount_cmds, env, path .. ".postmount_cmds")
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
-- @tparam {string,…} env the process's environment, for commands around mounts without their own
function M.add_tree(add, config, bound, env)
  local ours, configured = M.dev_owner(config)
  if ours and not configured then
    add("mount", { bit.bor(ATTR.NOSUID, ATTR.NOEXEC, ATTR.STRICTATIME), 0, 0, 0 },
      { "tmpfs", "tmpfs", "/dev", "mode=755", "size=65536k", context_of(config) }, "devices")
  end
  for index, mount in ipairs(config.mounts) do
    add_mount(add, mount, index, env, config.mount_label)
  end
  if ours then
    add_dev(add, config, bound)
  end
end

--- Adds what makes parts of the finished tree read-only, and hides others.
-- @tparam function add
-- @tparam table config
function M.add_restrictions(add, config)
  for index, mount in ipairs(config.mounts) do
    if is_late_readonly(mount) then
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
  local context = context_of(config)
  for index, path in ipairs(config.mask_paths) do
    add("mask", { source, }, { path, null, context }, "mask_paths[" .. index .. "]")
  end
end

return M
