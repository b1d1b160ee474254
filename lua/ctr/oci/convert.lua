--- An OCI configuration as the library's, by libcontainer's own rules. Pure.
-- @module ctr.oci.convert

local checks = require("ctr.config.checks")
local defaults = require("ctr.config.defaults")
local errors = require("ctr.errors")
local mounts = require("ctr.oci.mounts")
local processes = require("ctr.oci.process")
local resources = require("ctr.oci.resources")
local rules = require("ctr.config.rules.cgroups")
local sorted = require("ctr.sorted")

local M = {}

local NONE = {}
local FILE_MODES = 4096 -- what is above says what kind of file it is

-- The bundle comes last: an annotation of that name does not stand in for it.
local function labels(annotations, bundle)
  local list = {}
  for index, name in ipairs(sorted(annotations or NONE)) do
    list[index] = name .. "=" .. annotations[name]
  end
  list[#list + 1] = "bundle=" .. bundle
  return list
end

local function set_mounts(config, spec, how)
  local list = {}
  for index, mount in ipairs(spec.mounts or NONE) do
    list[index] = mounts.config(mount, how, function(path, text)
      how.ignored(("mounts[%d].%s"):format(index, path), text)
    end)
  end
  config.mounts = list
end

local function node(device)
  return {
    type = device.type,
    path = device.path,
    major = device.major,
    minor = device.minor,
    file_mode = device.fileMode and device.fileMode % FILE_MODES,
    uid = device.uid,
    gid = device.gid,
  }
end

-- The nodes that are always there, and those of the document, which may have one of them otherwise.
local function set_devices(config, listed)
  local devices, is_own = {}, {}
  for _, device in ipairs(listed or NONE) do
    is_own[device.path] = true
  end
  for _, device in ipairs(defaults.simple_devices) do
    if not is_own[device.path] then
      devices[#devices + 1] = device
    end
  end
  for _, device in ipairs(listed or NONE) do
    devices[#devices + 1] = node(device)
  end
  config.devices = devices
  return is_own
end

local function invalid(path, text)
  return nil, errors.new("ConfigInvalid", path .. " " .. text, {
    path = path, problems = { { path = path, text = text } },
  })
end

-- "slice:prefix:name"; without a prefix the name is the unit's, in full.
local function systemd_place(path, id)
  if not path then
    return { name = id }
  end
  local slice, prefix, name = path:match("^([^:]*):([^:]*):([^:]*)$")
  if not slice or name == "" then
    return invalid("linux.cgroupsPath",
      "must be of the form slice:prefix:name, for it names a unit of systemd's")
  end
  if prefix == "" and not name:find("%.slice$") and not name:find("%.scope$") then
    name = name .. ".scope"
  end
  return { parent = slice, scope_prefix = prefix, name = name }
end

local function cgroupfs_place(path, id)
  if not path then
    return { path = id and "/ctr/" .. id }
  end
  local clean = checks.clean_path("/" .. path)
  if path:sub(1, 1) ~= "/" then
    clean = clean:sub(2)
  end
  return { path = clean }
end

local PROPERTY = "^org%.systemd%.property%.(.*)$"

-- Properties of the unit, which engines have in annotations.
local function unit_properties(annotations)
  local properties
  for _, name in ipairs(sorted(annotations or NONE)) do
    local property = name:match(PROPERTY)
    if property then
      local ok, problem = rules.unit_property(property)
      if ok then
        ok, problem = rules.unit_properties({ [property] = annotations[name] })
      end
      if not ok then
        return invalid(('annotations["%s"]'):format(name), problem)
      end
      properties = properties or {}
      properties[property] = annotations[name]
    end
  end
  return properties
end

local function place_of(spec, how)
  local path = spec.linux and spec.linux.cgroupsPath
  if not how.is_systemd then
    return cgroupfs_place(path, how.id)
  end
  local cgroups, err = systemd_place(path, how.id)
  if not cgroups then
    return nil, err
  end
  cgroups.systemd_properties, err = unit_properties(spec.annotations)
  if err then
    return nil, err
  end
  return cgroups
end

local function set_cgroups(config, spec, how, is_own)
  local linux = spec.linux or NONE
  local cgroups, err = place_of(spec, how)
  if not cgroups then
    return nil, err
  end
  local wanted = linux.resources or NONE
  resources.set(cgroups, wanted, function(path, text)
    how.ignored("linux.resources." .. path, text)
  end)
  cgroups.devices = {}
  resources.add_device_rules(cgroups.devices, wanted.devices, is_own)
  config.cgroups = cgroups
  return true
end

local function is_new(namespaces, kind)
  for _, namespace in ipairs(namespaces or NONE) do
    if namespace.type == kind then
      return namespace.path == nil
    end
  end
  return false
end

local function own_id(id)
  return { { container_id = 0, host_id = id, size = 1 } }
end

-- Without privilege there is one mapping that needs nobody's leave: of the caller.
local function set_id_mappings(config, linux, how)
  config.uid_mappings = mounts.id_mappings(linux.uidMappings)
  config.gid_mappings = mounts.id_mappings(linux.gidMappings)
  local is_unmapped = not (config.uid_mappings or config.gid_mappings)
  if is_unmapped and how.rootless and is_new(linux.namespaces, "user") then
    config.uid_mappings, config.gid_mappings = own_id(how.rootless.uid), own_id(how.rootless.gid)
  end
end

local function set_namespaces(config, linux, how)
  config.namespaces = linux.namespaces
  set_id_mappings(config, linux, how)
  config.time_offsets = linux.timeOffsets
  if is_new(linux.namespaces, "network") then
    config.networks = { { type = "loopback" } }
  end
  config.net_devices = linux.netDevices
end

local function set_personality(config, personality, how)
  if not personality then
    return
  end
  config.personality = { domain = personality.domain }
  if #(personality.flags or NONE) > 0 then
    how.ignored("linux.personality.flags", "have no effect: the specification defines none")
  end
end

local function set_seccomp(config, seccomp)
  if seccomp and (seccomp.defaultAction or #(seccomp.syscalls or NONE) > 0) then
    config.seccomp = seccomp
  end
end

local function set_linux(config, linux, how)
  set_namespaces(config, linux, how)
  set_seccomp(config, linux.seccomp)
  set_personality(config, linux.personality, how)
  config.sysctl = linux.sysctl
  config.root_propagation = linux.rootfsPropagation
  config.mask_paths = linux.maskedPaths
  config.readonly_paths = linux.readonlyPaths
  config.mount_label = linux.mountLabel
  config.intel_rdt = linux.intelRdt
  config.memory_policy = linux.memoryPolicy
end

local function set_process(config, process, how)
  if process.capabilities then
    config.capabilities = processes.capabilities(process.capabilities, function(path, text)
      how.ignored("process." .. path, text)
    end)
  end
  config.umask = process.user and process.user.umask
  config.rlimits = process.rlimits
  config.no_new_privileges = process.noNewPrivileges
  config.apparmor_profile = process.apparmorProfile
  config.process_label = process.selinuxLabel
  config.oom_score_adj = process.oomScoreAdj
  config.scheduler = process.scheduler
  config.io_priority = process.ioPriority
  config.exec_cpu_affinity = process.execCPUAffinity
end

local function new_config(spec, how)
  local root = spec.root.path
  return {
    version = spec.ociVersion,
    rootfs = root:sub(1, 1) == "/" and root or how.bundle .. "/" .. root,
    readonlyfs = spec.root.readonly,
    hostname = spec.hostname,
    domainname = spec.domainname,
    hooks = spec.hooks,
    labels = labels(spec.annotations, how.bundle),
    no_pivot_root = how.no_pivot_root,
    no_new_keyring = how.no_new_keyring,
    rootless_euid = how.rootless ~= nil,
    rootless_cgroups = how.rootless ~= nil,
  }
end

--- Converts a document.
-- @tparam table spec as the shape read it, whose tables become the configuration's
-- @tparam table how `bundle` (absolute), `id`, `is_systemd`, `no_pivot_root`, `no_new_keyring`,
--   `rootless` (`uid` and `gid` of a caller without privilege, or nil), and `ignored`, a function
--   that is told the path of what has no effect, and why
-- @treturn[1] table config
-- @treturn[1] ?table the fields of its process, where it has one
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.config(spec, how)
  local config = new_config(spec, how)
  set_mounts(config, spec, how)
  local is_own = set_devices(config, spec.linux and spec.linux.devices)
  local ok, err = set_cgroups(config, spec, how, is_own)
  if not ok then
    return nil, err
  end
  if spec.linux then
    set_linux(config, spec.linux, how)
  end
  local process = spec.process
  if not process then
    return config
  end
  set_process(config, process, how)
  return config, process.args and processes.fields(process)
end

return M
