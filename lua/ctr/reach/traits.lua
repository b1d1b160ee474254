--- What a process that something else started is made of, as the kernel tells it.
-- @module ctr.reach.traits

local cgroup = require("ctr.cgroup")
local core = require("ctr.core")
local errors = require("ctr.errors")
local layouts = require("ctr.cgroup.layout")
local schema = require("ctr.config.schema")
local sorted = require("ctr.sorted")

local M = {}

local FILE_MAX = 1024 * 1024

local function read(host, pid, name)
  local procfs, err = host:procfs()
  if not procfs then
    return nil, err
  end
  return core.path.read(procfs, pid .. "/" .. name, FILE_MAX)
end

--- The namespaces of a process.
-- @tparam ctr.Host host
-- @tparam number pid
-- @treturn {string,…} those that are not the caller's ("NEWNS")
-- @treturn table paths of all, by type
function M.namespaces(host, pid)
  local procfs, own, paths = host:procfs(), {}, {}
  for _, kind in ipairs(sorted(core.ns.files)) do
    local file = "/ns/" .. core.ns.files[kind]
    local there = core.path.readlink(procfs, pid .. file)
    if there then
      paths[kind] = "/proc/" .. pid .. file
      if there ~= core.path.readlink(procfs, core.proc.getpid() .. file) then
        own[#own + 1] = kind
      end
    end
  end
  return own, paths
end

-- Below a hierarchy's mount; nil for its root and for what cannot be seen from here.
local function full_path(hierarchy, path)
  local below = hierarchy and path and path ~= "/" and not path:find("^/%.%.")
    and hierarchy.mount .. path
  return below or nil
end

-- The path of each controller; "" is the cgroup2 tree's.
local function by_controller(text)
  local v1, unified = layouts.parse_own(text)
  local places = { [""] = unified }
  for _, entry in ipairs(v1) do
    for _, name in ipairs(entry.names) do
      places[name] = entry.own
    end
  end
  return places
end

--- The cgroups of a process, where they are not a root or the caller's own.
-- @treturn[1] table full paths by controller, as `ctr.cgroup` takes them
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.cgroup_paths(host, pid)
  local layout, err = cgroup.layout()
  local text
  if layout then
    text, err = read(host, pid, "cgroup")
  end
  if not text then
    return nil, err
  end
  local own, theirs = by_controller(layout.own_text), by_controller(text)
  local paths = {}
  local function add(name, hierarchy, key)
    if theirs[key] ~= own[key] then
      paths[name] = full_path(hierarchy, theirs[key])
    end
  end
  if layout.mode == "v2" then
    add("", layout.unified, "")
    return paths
  end
  for name, hierarchy in pairs(layout.controllers or {}) do
    add(name, hierarchy, name)
  end
  return paths
end

local function mappings(text)
  local rows = {}
  for inside, outside, size in (text or ""):gmatch("(%d+)%s+(%d+)%s+(%d+)") do
    rows[#rows + 1] = { container_id = tonumber(inside), host_id = tonumber(outside),
      size = tonumber(size) }
  end
  return rows
end

local function capabilities(status)
  local text = status:match("\nCapBnd:%s*(%x+)") or "0"
  local mask, names = tonumber(text, 16), {}
  for number, name in ipairs(core.caps.names) do
    if math.floor(mask / 2 ^ (number - 1)) % 2 == 1 then
      names[#names + 1] = name
    end
  end
  return { bounding = names, permitted = names, effective = names, inheritable = {}, ambient = {} }
end

-- "name (enforce)" is AppArmor's, with colons it is SELinux's.
local function add_label(config, text)
  text = (text or ""):gsub("[%z\n]+$", "")
  local profile = text:match("^(.-) %(%l+%)$")
  if profile then
    config.apparmor_profile = profile
  elseif text:find("^[^:%s]+:[^:%s]+:[^:%s]+") then
    config.process_label = text
  end
end

--- Whether the user namespace of a process forbids setgroups(2) (user_namespaces(7)).
function M.denies_setgroups(host, pid)
  return (read(host, pid, "setgroups") or ""):sub(1, 4) == "deny"
end

--- A configuration for those who are added to a container, of what a process in it is.
-- @tparam ctr.Host host
-- @tparam number pid
-- @treturn[1] table normalised
-- @return[2] nil
-- @treturn[2] ctr.Error why nobody can be added
function M.configuration(host, pid)
  local own = M.namespaces(host, pid)
  local status, err = read(host, pid, "status")
  if not status then
    return nil, err
  end
  local config = {
    rootfs = ("/proc/%d/root"):format(pid), namespaces = own,
    capabilities = capabilities(status),
    no_new_privileges = status:find("\nNoNewPrivs:%s*1\n") ~= nil,
    mounts = {}, devices = {},
  }
  local has = {}
  for _, kind in ipairs(own) do
    has[kind] = true
  end
  if not has.NEWNS then
    return nil, errors.new("SystemError", ("process %d is in this program's own mount namespace: "
      .. "there is nothing to enter"):format(pid))
  end
  if has.NEWUSER then
    config.uid_mappings = mappings(read(host, pid, "uid_map"))
    config.gid_mappings = mappings(read(host, pid, "gid_map"))
  end
  if status:find("\nSeccomp:%s*2\n") then
    config.seccomp = require("ctr.seccomp.default").profile(config.capabilities)
  end
  add_label(config, read(host, pid, "attr/current"))
  return schema.parse(config)
end

return M
