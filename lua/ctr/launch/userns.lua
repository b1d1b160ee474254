--- User namespaces whose mappings a mount gets (mount_setattr(2) takes mappings in no other form).
--
-- A namespace of wanted mappings is that of a bootstrap which waits for a plan that never comes: it
-- is spawned as for a start, its mappings are written, its namespace is opened, and it goes away.
-- That costs one spawn for each set of mappings in the life of a factory. A container's own user
-- namespace is there too late: the mounts are made before its first process is; so a second one of
-- the same mappings stands for it, which the kernel takes as equal.
-- @module ctr.launch.userns

local core = require("ctr.core")
local errors = require("ctr.errors")
local idmap = require("ctr.idmap")

local M = {}

local NEWUSER = 0x10000000
local KEPT_MAX = 64
local CONTROL = 3

local function key_of(uid_mappings, gid_mappings)
  local parts = {}
  for _, mappings in ipairs({ uid_mappings, gid_mappings }) do
    for _, row in ipairs(mappings) do
      parts[#parts + 1] = ("%.0f %.0f %.0f"):format(row.container_id, row.host_id, row.size)
    end
    parts[#parts + 1] = "/"
  end
  return table.concat(parts, ",")
end

local function spawn_waiting(host)
  local image, err = host:image()
  if not image then
    return nil, err
  end
  local ours, theirs = core.fd.socketpair("stream")
  if not ours then
    return nil, theirs
  end
  local child
  child, err = core.proc.spawn({ image = image, argv = { "ctr-init", tostring(CONTROL) }, env = {},
    fds = { theirs, theirs, theirs, theirs }, flags = NEWUSER })
  theirs:close()
  if not child then
    ours:close()
    return nil, err
  end
  child.socket = ours
  return child
end

-- The end of its socket is the end of the bootstrap.
local function end_waiting(child)
  child.socket:close()
  core.proc.wait(child.pidfd, {})
  child.pidfd:close()
end

local function make(session, uid_mappings, gid_mappings)
  local child, err = spawn_waiting(session.host)
  if not child then
    return nil, err
  end
  local handle
  local ok
  ok, err = idmap.write(session.host, session.factory,
    { uid_mappings = uid_mappings, gid_mappings = gid_mappings }, child.pid)
  if ok then
    handle, err = core.ns.open(("/proc/%d/ns/user"):format(child.pid))
  end
  end_waiting(child)
  if not handle then
    return nil, errors.wrap(err, "make a user namespace for the mappings")
  end
  return handle
end

-- A program with ever new mappings does not run out of descriptors.
local function forget_most(host)
  for _, handle in pairs(host.user_namespaces) do
    handle:close()
  end
  host.user_namespaces, host.user_namespace_count = {}, 0
end

local function kept(session, uid_mappings, gid_mappings)
  local host, key = session.host, key_of(uid_mappings, gid_mappings)
  if not host.user_namespaces or host.user_namespace_count >= KEPT_MAX then
    host.user_namespaces = host.user_namespaces or {}
    forget_most(host)
  end
  local handle = host.user_namespaces[key]
  if handle then
    return handle, false
  end
  local err
  handle, err = make(session, uid_mappings, gid_mappings)
  if not handle then
    return nil, err
  end
  host.user_namespaces[key] = handle
  host.user_namespace_count = host.user_namespace_count + 1
  return handle, false
end

local function open_path(path)
  local handle, found = core.ns.open(path)
  if not handle then
    return nil, found
  end
  if found ~= "NEWUSER" then
    handle:close()
    return nil, errors.new("SystemError", ("%s is a namespace of type %s, not NEWUSER"):format(path,
      found))
  end
  return handle, true
end

--- Opens the user namespace by which a mount's owners are translated.
-- @tparam table session `host`, `factory`, `config`, `spaces`
-- @tparam table mapping the mount's `id_mapping`
-- @treturn[1] ctr.fd
-- @treturn[1] boolean whether the caller has to close it
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.of_mount(session, mapping)
  if mapping.userns_path ~= "" then
    return open_path(mapping.userns_path)
  end
  if #mapping.uid_mappings > 0 then
    return kept(session, mapping.uid_mappings, mapping.gid_mappings)
  end
  local joined = session.spaces.joined.NEWUSER
  if joined then
    return open_path(joined.path)
  end
  return kept(session, session.config.uid_mappings, session.config.gid_mappings)
end

return M
