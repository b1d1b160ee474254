--- Rules across the fields of a configuration that has the right shape.
-- A problem is `{ path, text }`, as the walker makes them.
-- @module ctr.config.validate

local bit = require("bit")

local cgroups = require("ctr.config.rules.cgroups")
local ids = require("ctr.config.rules.ids")
local mounts = require("ctr.config.rules.mounts")
local networks = require("ctr.config.schema.network")
local sorted = require("ctr.sorted")
local words = require("ctr.config.words")

local M = {}

local function add(problems, path, text)
  problems[#problems + 1] = { path = path, text = text }
end

local function by_type(namespaces)
  local found = {}
  for _, namespace in ipairs(namespaces) do
    found[namespace.type] = namespace
  end
  return found
end

-- Without it mounts would be made in the host's table, and stay there.
local function check_mount_namespace(problems, _, has)
  if not has.NEWNS then
    add(problems, "namespaces", "must contain NEWNS: without a mount namespace of its own the "
      .. "container's mounts would be made in the host's table")
  end
end

local function check_names(problems, config, has)
  if config.hostname ~= "" and not has.NEWUTS then
    add(problems, "hostname", "needs the namespace NEWUTS")
  end
  if config.domainname ~= "" and not has.NEWUTS then
    add(problems, "domainname", "needs the namespace NEWUTS")
  end
end

local function check_networks(problems, config, has)
  if #config.networks > 0 and not has.NEWNET then
    add(problems, "networks", "need the namespace NEWNET")
  end
end

local OF_LOOPBACK = { type = true, address = true, gateway = true }

-- The rules about interfaces, which are loaded where more is said than that there is a loopback.
local function network_rules(config)
  local is_used = config.routes or config.net_devices
  for _, network in ipairs(config.networks) do
    for key in pairs(network) do
      is_used = is_used or network.type ~= "loopback" or not OF_LOOPBACK[key]
    end
  end
  return is_used and require("ctr.config.rules.network")
end

local function check_interfaces(problems, config, has)
  local rules = network_rules(config)
  if rules then
    rules.config(problems, config, has)
  end
end

local function check_time(problems, config, has)
  if config.time_offsets and not has.NEWTIME then
    add(problems, "time_offsets", "need the namespace NEWTIME")
  elseif config.time_offsets and has.NEWTIME.path ~= "" then
    add(problems, "time_offsets", "must not stand together with a NEWTIME that is joined")
  end
end

-- Without pivot_root the old root stays below: what is mounted private there is never released.
local function check_root(problems, config)
  local is_private = bit.band(config.root_propagation, words.ms_propagation.MS_PRIVATE) ~= 0
  if config.no_pivot_root and is_private then
    add(problems, "root_propagation", "must not be private with no_pivot_root")
  end
end

local function maps(mappings, id)
  for _, mapping in ipairs(mappings) do
    if id >= mapping.container_id and id < mapping.container_id + mapping.size then
      return true
    end
  end
  return false
end

local function check_mapping_list(problems, config, namespace, field)
  local mappings = config[field]
  if not namespace then
    if #mappings > 0 then
      add(problems, field, "need the namespace NEWUSER")
    end
    return
  end
  if #mappings == 0 then
    if namespace.path == "" then
      add(problems, field, "must not be empty with the namespace NEWUSER")
    end
    return
  end
  ids.check_overlaps(problems, mappings, field)
  if not maps(mappings, 0) then
    add(problems, field, "must map id 0, the container's root")
  end
end

local function check_mappings(problems, config, has)
  if config.rootless_euid and not has.NEWUSER then
    add(problems, "rootless_euid", "needs the namespace NEWUSER")
  end
  check_mapping_list(problems, config, has.NEWUSER, "uid_mappings")
  check_mapping_list(problems, config, has.NEWUSER, "gid_mappings")
end

local OPTION_MAPPINGS = { uid = "uid_mappings", gid = "gid_mappings" }

local function check_mount_owner(problems, config, index)
  for part in config.mounts[index].data:gmatch("[^,]+") do
    local option, digits = part:match("^([ug]id)=(%d+)$")
    local field = OPTION_MAPPINGS[option or ""]
    if field and #config[field] > 0 and not maps(config[field], tonumber(digits)) then
      add(problems, ("mounts[%d].data"):format(index),
        ("has %s=%s, which %s do not map"):format(option, digits, field))
    end
  end
end

local function check_mount_owners(problems, config)
  if not config.rootless_euid then
    return
  end
  for i = 1, #config.mounts do
    check_mount_owner(problems, config, i)
  end
end

local function starts_with(text, prefix)
  return text:sub(1, #prefix) == prefix
end

-- The namespace that a kernel setting belongs to; nil when it is the whole machine's.
local function namespace_of_sysctl(name)
  if words.ipc_sysctls[name] or starts_with(name, "fs.mqueue.") then
    return "NEWIPC"
  end
  if starts_with(name, "net.") then
    return "NEWNET"
  end
  if starts_with(name, "user.") then
    return "NEWUSER"
  end
  if name == "kernel.domainname" or name == "kernel.hostname" then
    return "NEWUTS"
  end
  return nil
end

local function problem_of_sysctl(name, config, has)
  local namespace = namespace_of_sysctl(name)
  if not namespace then
    return "is not in a separate kernel namespace"
  end
  if not has[namespace] then
    return "needs the namespace " .. namespace
  end
  if name == "kernel.hostname" then
    return "conflicts with hostname: use that"
  end
  if name == "kernel.domainname" and config.domainname ~= "" then
    return "conflicts with domainname"
  end
  return nil
end

local function sysctl_path(name)
  return ('sysctl["%s"]'):format(name)
end

local function check_sysctls(problems, config, has)
  for _, name in ipairs(sorted(config.sysctl)) do
    local text = problem_of_sysctl(name, config, has)
    if text then
      add(problems, sysctl_path(name), text)
    end
  end
end

-- What the kernel asks of a set: that others hold what it holds.
local NEEDED_SETS = {
  { "effective", "permitted" }, { "inheritable", "bounding" }, { "ambient", "permitted" },
  { "ambient", "inheritable" },
}

local function holds(capabilities, set)
  local held = {}
  for _, name in ipairs(capabilities[set]) do
    held[name] = true
  end
  return held
end

local function add_capability_problems(problems, capabilities, prefix)
  for _, sets in ipairs(capabilities and NEEDED_SETS or {}) do
    local held = holds(capabilities, sets[2])
    for i, name in ipairs(capabilities[sets[1]]) do
      if not held[name] then
        add(problems, ("%scapabilities.%s[%d]"):format(prefix, sets[1], i),
          ("is %s, which %s does not have"):format(name, sets[2]))
      end
    end
  end
end

local function check_capabilities(problems, config)
  add_capability_problems(problems, config.capabilities, "")
end

local function check_relabelling(problems, config)
  for index, mount in ipairs(config.mounts) do
    if mount.relabel and config.mount_label == "" then
      add(problems, ("mounts[%d].relabel"):format(index), "needs mount_label")
    end
  end
end

local function check_hooks(problems, config)
  if config.hooks then
    require("ctr.config.rules.hooks").check(function(path, text)
      add(problems, path, text)
    end, config)
  end
end

local function check_seccomp(problems, config)
  if config.seccomp then
    require("ctr.config.rules.seccomp").check(problems, config)
  end
end

local DEVICE_KEYS = { "type", "major", "minor", "file_mode", "uid", "gid" }

local function is_same_device(one, other)
  for _, key in ipairs(DEVICE_KEYS) do
    if one[key] ~= other[key] then
      return false
    end
  end
  return true
end

-- The second of them could not be made.
local function check_devices(problems, config)
  local first = {}
  for i, device in ipairs(config.devices) do
    local at = first[device.path]
    if at and not is_same_device(config.devices[at], device) then
      add(problems, ("devices[%d].path"):format(i), ("is that of devices[%d], another one"):format(
        at))
    end
    first[device.path] = at or i
  end
end

local RULES = {
  check_mount_namespace,
  check_root,
  check_networks,
  check_interfaces,
  check_names,
  check_mappings,
  check_mount_owners,
  mounts.check,
  check_sysctls,
  check_time,
  cgroups.config,
  check_capabilities,
  check_devices,
  check_relabelling,
  check_hooks,
  check_seccomp,
}

--- Finds what is wrong with a configuration as such.
-- @tparam table config as the schema normalised it
-- @treturn table problems, `{ path, text }` each; empty when all is well
function M.config(config)
  local problems = {}
  local has = by_type(config.namespaces)
  for i = 1, #RULES do
    RULES[i](problems, config, has)
  end
  return problems
end

--- Finds what is wrong with a process as such.
-- @tparam table process as the schema normalised it
-- @treturn table problems, `{ path, text }` each; empty when all is well
function M.process(process)
  local problems = {}
  add_capability_problems(problems, process.capabilities, "process.")
  return problems
end

-- What only a process has that is added to a running container.
local FURTHER_ONLY = { "cpu_affinity", "sub_cgroup_paths" }

--- Finds what is wrong with a process as a container's first one.
-- @tparam table process as the schema normalised it
-- @treturn table problems, `{ path, text }` each; empty when all is well
function M.first_process(process)
  local problems = {}
  for _, name in ipairs(FURTHER_ONLY) do
    if process[name] then
      add(problems, "process." .. name, "is for processes that are added to a running container")
    end
  end
  return problems
end

local function check_rootfs(problems, config, probe)
  local real, err = probe.realpath(config.rootfs)
  if real == config.rootfs then
    return
  end
  if real then
    add(problems, "rootfs", "must not be or contain a symbolic link: it leads to " .. real)
    return
  end
  local is_missing = type(err) == "table" and err.errno == "ENOENT"
  add(problems, "rootfs", is_missing and "does not exist: " .. config.rootfs
    or "cannot be used: " .. tostring(err))
end

-- What would fail, or act on the host, if the namespace to join were the caller's own.
local function is_host_bound(config, name)
  if name == "NEWNS" then
    return true
  end
  for sysctl in pairs(config.sysctl) do
    if namespace_of_sysctl(sysctl) == name then
      return true
    end
  end
  if name == "NEWNET" and networks.has_interfaces(config) then
    return true
  end
  return name == "NEWUTS" and (config.hostname ~= "" or config.domainname ~= "")
end

local function check_joined(problems, config, probe, index)
  local namespace = config.namespaces[index]
  local path = ("namespaces[%d].path"):format(index)
  local is_there, err = probe.exists(namespace.path)
  if not is_there then
    local is_missing = not err or err.errno == "ENOENT"
    add(problems, path, is_missing and "does not exist: " .. namespace.path
      or "cannot be used: " .. tostring(err))
    return
  end
  local problem = probe.ns_problem(namespace.path, namespace.type)
  if problem then
    add(problems, path, problem)
    return
  end
  local file = words.namespace_files[namespace.type]
  if is_host_bound(config, namespace.type) and probe.same_ns(namespace.path, file) then
    add(problems, path, "is the host's own namespace, which would be changed")
  end
end

local function check_namespaces(problems, config, probe)
  for i, namespace in ipairs(config.namespaces) do
    if not probe.ns_supported(namespace.type) then
      add(problems, ("namespaces[%d].type"):format(i),
        "is not supported by this kernel: " .. namespace.type)
    elseif namespace.path ~= "" then
      check_joined(problems, config, probe, i)
    end
  end
end

local function check_selinux(problems, path, label, probe)
  if label ~= "" and not probe.selinux_enabled() then
    add(problems, path, "needs SELinux, which is not enabled")
  end
end

local function check_apparmor(problems, path, profile, probe)
  if profile == "" then
    return
  end
  if not probe.apparmor_enabled() then
    add(problems, path, "needs AppArmor, which is not enabled")
    return
  end
  local missing = probe.missing_profile(profile)
  if missing then
    add(problems, path, ("cannot be used: profile %s is not loaded"):format(missing))
  end
end

local function check_modules(problems, config, probe)
  check_selinux(problems, "process_label", config.process_label, probe)
  check_selinux(problems, "mount_label", config.mount_label, probe)
  check_apparmor(problems, "apparmor_profile", config.apparmor_profile, probe)
end

local function check_rdt(problems, config, probe)
  if config.intel_rdt then
    require("ctr.config.rules.intel_rdt").machine(add, problems, config.intel_rdt, probe)
  end
end

--- Finds what this machine cannot do for a configuration.
-- @tparam table config as the schema normalised it
-- @tparam table probe functions that ask the machine: `realpath(path)` (string, or nil and an
--   error), `exists(path)` (true, or false and an error), `ns_supported(type)`,
--   `selinux_enabled()`, `apparmor_enabled()`, `missing_profile(name)` (of AppArmor: what of it is
--   known not to be loaded, or nil), `same_ns(path, file)` (whether it is the caller's own
--   namespace: `net`, `mnt`, …), `ns_problem(path, type)` (why it is none of that type, or nil),
--   `intel_rdt()` (what there is of it, or nil and an error), `mandatory_locks()`
-- @treturn table problems, `{ path, text }` each; empty when all is well
function M.machine(config, probe)
  local problems = {}
  check_rootfs(problems, config, probe)
  check_namespaces(problems, config, probe)
  check_modules(problems, config, probe)
  check_rdt(problems, config, probe)
  mounts.check_machine(problems, config, probe)
  local rules = network_rules(config)
  if rules then
    rules.rootless(problems, config)
  end
  return problems
end

--- Finds what this machine cannot do for a process' labels.
-- @tparam table process as the schema normalised it
-- @tparam table probe as for `machine`
-- @treturn table problems, `{ path, text }` each; empty when all is well
function M.process_labels(process, probe)
  local problems = {}
  check_apparmor(problems, "process.apparmor_profile", process.apparmor_profile, probe)
  check_selinux(problems, "process.label", process.label, probe)
  return problems
end

return M
