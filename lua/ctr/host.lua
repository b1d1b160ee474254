--- What starts need of the host, opened once and kept: a private procfs, the sealed bootstrap, the
-- lean mount namespace. It belongs to a factory; its descriptors close with it.
-- @module ctr.host

local core = require("ctr.core")
local errors = require("ctr.errors")
local locate = require("ctr.locate")

local M = {}

local host_methods = {}
local host_metatable = { __index = host_methods, __name = "ctr.Host" }

--- Makes a host; opens nothing yet.
function M.new()
  local ids = core.proc.ids()
  return setmetatable({
    euid = ids.euid, egid = ids.egid, rootless = ids.euid ~= 0,
  }, host_metatable)
end

local ALL_IDS = "^%s*0%s+0%s+4294967295%s*$"

local function read(path)
  local file = io.open(path, "r")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

local function is_in_user_namespace()
  local map = read("/proc/self/uid_map")
  return map ~= nil and map:find(ALL_IDS) == nil
end

--- Says whether the caller lacks what only root of the first user namespace has: file systems that
-- nobody has mounted yet, device nodes, the machine's systemd.
-- @treturn boolean
function host_methods:is_confined()
  if self.confined == nil then
    self.confined = self.rootless or is_in_user_namespace()
  end
  return self.confined
end

--- Says whether the caller may clone mounts of its mount namespace: root of a user namespace may
-- where the mount namespace came with that one (open_tree(2), OPEN_TREE_CLONE).
-- @treturn boolean
function host_methods:may_clone()
  if not self:is_confined() then
    return true
  end
  local probe = not self.rootless and core.mount.clone("/dev/null", {})
  if not probe then
    return false
  end
  probe:close()
  return true
end

--- Says whether the caller's user namespace lets anybody have other groups
-- (user_namespaces(7), /proc/PID/setgroups).
-- @treturn boolean
function host_methods:allows_setgroups()
  return not self:is_confined() or (read("/proc/self/setgroups") or ""):sub(1, 4) ~= "deny"
end

local function open_once(host, name, open, ...)
  if not host[name] then
    local handle, err = open(...)
    if not handle then
      return nil, err
    end
    host[name] = handle
  end
  return host[name]
end

--- A procfs that nobody can mount over (D3).
-- @treturn[1] ctr.fd
-- @return[2] nil
-- @treturn[2] ctr.Error
function host_methods:procfs()
  return open_once(self, "procfs_handle", core.mount.procfs)
end

--- The bootstrap's sealed image (D4).
function host_methods:image() -- luacheck: ignore 212
  return locate.image()
end

--- A mount namespace that holds nothing of the host: entering it costs the same with three thousand
-- host mounts as with none. Kept by its descriptor alone, so nothing is left on the host.
function host_methods:lean()
  return open_once(self, "lean_handle", core.mount.lean, false)
end

--- Says whether the caller's root can be left: an initramfs cannot (pivot_root(2), EINVAL).
-- @treturn boolean
function host_methods:may_pivot()
  local lean, err = self:lean()
  return lean ~= nil or err.errno ~= "EINVAL"
end

--- The same with a procfs and a sysfs in it, for user namespaces.
function host_methods:lean_proc()
  return open_once(self, "lean_proc_handle", core.mount.lean, true)
end

--- Opens all that a start needs, ahead of the first one.
function host_methods:prepare()
  local names = { "readable_proc", "procfs", "image", "lean", "lean_proc" }
  for index = 1, self:is_confined() and 3 or #names do
    local handle, err = self[names[index]](self)
    if not handle then
      return nil, err
    end
  end
  return true
end

--- Closes what is open.
function host_methods:close()
  for _, name in ipairs({ "proc_handle", "procfs_handle", "lean_handle", "lean_proc_handle" }) do
    if self[name] then
      self[name]:close()
      self[name] = nil
    end
  end
  for _, handle in pairs(self.user_namespaces or {}) do
    handle:close()
  end
  self.user_namespaces = nil
end

-- The machine's /proc, where that is a procfs of the caller's pid namespace.
local function usual_proc()
  local proc = core.path.open_root("/proc")
  if not proc then
    return nil
  end
  if core.path.fs_type(proc, "") == "proc"
    and core.path.readlink(proc, "self") == tostring(core.proc.getpid()) then
    return proc
  end
  proc:close()
  return nil
end

-- Whoever could mount over what is read here of a process is root on the machine; so it need not be
-- a private procfs, which costs a mount and its end.
local function readable_proc(host)
  host.proc_handle = host.proc_handle or usual_proc()
  if host.proc_handle then
    return host.proc_handle
  end
  return host:procfs()
end
host_methods.readable_proc = readable_proc

--- What procfs says of a process, nil and an error of errno ENOENT when it is gone.
function host_methods:process_stat(pid)
  local proc, err = readable_proc(self)
  if not proc then
    return nil, err
  end
  return core.proc.stat(proc, pid)
end

-- The files of a process' namespaces.
local function list_namespaces()
  local proc = core.path.open_root("/proc/self/ns")
  local names = proc and core.path.list(proc, "") or {}
  if proc then
    proc:close()
  end
  local found = {}
  for _, name in ipairs(names) do
    found[name] = true
  end
  return found
end

--- Says whether the kernel has namespaces of a type.
-- @tparam string kind libcontainer's name
-- @treturn boolean
function host_methods:has_namespaces(kind)
  self.namespace_files = self.namespace_files or list_namespaces()
  return self.namespace_files[core.ns.files[kind]] == true
end

--- Says whether a process was stopped by a signal.
function host_methods:is_stopped(pid)
  local stat = self:process_stat(pid)
  return stat ~= nil and stat.state == "T"
end

--- Opens a process by its identity: pid and start time. A recycled pid is not it.
-- @treturn[1] ctr.fd a pidfd
-- @return[2] nil
-- @treturn[2] ctr.Error errno ESRCH when that process is gone
function host_methods:open_process(pid, start_time)
  local pidfd, err = core.proc.pidfd_open(pid)
  if not pidfd then
    return nil, err
  end
  local stat
  stat, err = self:process_stat(pid)
  if not stat and err.errno ~= "ENOENT" then
    pidfd:close()
    return nil, err
  end
  if not stat or tonumber(stat.start_time) ~= tonumber(start_time) then
    pidfd:close()
    return nil, errors.new("SystemError", "process " .. pid .. " is gone",
      { errno = "ESRCH", op = "pidfd_open", target = tostring(pid) })
  end
  return pidfd
end

return M
