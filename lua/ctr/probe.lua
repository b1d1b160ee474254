--- What the rules of a configuration ask of this machine.
-- @module ctr.probe

local core = require("ctr.core")

local M = {}

local function exists(path)
  local handle, err = core.fd.open(path, { flags = { "path" } })
  if not handle then
    return false, err
  end
  handle:close()
  return true
end

local function read(path)
  local handle = core.fd.open(path, { flags = { "rdonly", "nonblock", "noctty" } })
  if not handle then
    return nil
  end
  local text = core.fd.read(handle, 4096)
  handle:close()
  return text
end

local function apparmor_enabled()
  local enabled = read("/sys/module/apparmor/parameters/enabled")
  return enabled ~= nil and enabled:sub(1, 1) == "Y"
end

local function missing_profile(name)
  return require("ctr.labels").missing_profile(name)
end

local function same_namespace(path, file)
  -- Not opened for anything: what stands at the path may do something then.
  local own = core.fd.open("/proc/self/ns/" .. file, { flags = { "path" } })
  local other = core.fd.open(path, { flags = { "path" } })
  local same = false
  if own and other then
    local a, b = core.path.stat(own, ""), core.path.stat(other, "")
    same = a and b and a.ino == b.ino and a.dev == b.dev
  end
  for _, handle in pairs({ own = own, other = other }) do
    handle:close()
  end
  return same
end

local function namespace_problem(path, kind)
  local handle, found = core.ns.open(path) -- which looks at what it is before
  if not handle then
    return "cannot be used: " .. tostring(found)
  end
  handle:close()
  return found ~= kind and ("is a namespace of type %s, not %s"):format(found, kind) or nil
end

local function selinux_enabled()
  return (exists("/sys/fs/selinux/enforce"))
end

-- They were taken out of the kernel with 5.15.
local function mandatory_locks()
  local major, minor = (read("/proc/sys/kernel/osrelease") or ""):match("^(%d+)%.(%d+)")
  major, minor = tonumber(major), tonumber(minor)
  return major ~= nil and (major < 5 or (major == 5 and minor < 15))
end

--- The functions that `ctr.config.validate` asks (`validate.machine`).
-- @tparam ctr.Host host keeps what cannot change
-- @treturn table
function M.functions(host)
  host.probe_functions = host.probe_functions or {
    realpath = core.path.realpath,
    exists = exists,
    ns_supported = function(kind)
      return host:has_namespaces(kind)
    end,
    selinux_enabled = selinux_enabled,
    apparmor_enabled = apparmor_enabled,
    missing_profile = missing_profile,
    same_ns = same_namespace,
    ns_problem = namespace_problem,
    intel_rdt = function()
      return require("ctr.intel_rdt").features(host.intel_rdt)
    end,
    mandatory_locks = mandatory_locks,
  }
  return host.probe_functions
end

local function is_mount_point(path)
  for line in io.lines("/proc/self/mountinfo") do
    if line:match("^%S+ %S+ %S+ %S+ (%S+)") == path then
      return true
    end
  end
  return false
end

--- Puts a tmpfs on the state root unless something is mounted there.
-- @tparam string root
-- @tparam ctr.fd handle of the root, closed
-- @treturn[1] ctr.fd of the root as it is then
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.tmpfs(root, handle)
  if is_mount_point(root) then
    return handle
  end
  local tree, err = core.mount.new("tmpfs", "tmpfs", { "mode=700" }, {})
  if not tree then
    handle:close()
    return nil, err
  end
  local attached
  attached, err = core.mount.attach(tree, handle, root)
  tree:close()
  handle:close()
  if not attached then
    return nil, err
  end
  return core.path.open_root(root)
end

return M
