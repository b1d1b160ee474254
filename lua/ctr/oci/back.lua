--- The library's configuration as an OCI document.
--
-- What OCI has no member for goes into a member of our own, `ctr`: the difference (`ctr.oci.patch`)
-- between the configuration and what the rest of the document comes to. Other runtimes ignore it,
-- as the specification has it. It is no annotation, for those may come from users of an engine; who
-- writes a document may have host programs run as hooks anyway.
-- @module ctr.oci.back

local convert = require("ctr.oci.convert")
local core = require("ctr.core")
local defaults = require("ctr.config.defaults")
local document = require("ctr.oci.document")
local errors = require("ctr.errors")
local limits = require("ctr.oci.back_resources")
local mounts = require("ctr.oci.back_mounts")
local patch = require("ctr.oci.patch")
local scheduling = require("ctr.config.scheduling")
local schema = require("ctr.config.schema")
local shapes = require("ctr.oci.shapes")
local words = require("ctr.config.words")

local M = {}

local VERSION = "1.3.0"

--- The version of a document that says none itself.
M.VERSION = VERSION

local function text(value)
  return value ~= "" and value or nil
end

local function list(value)
  return value and #value > 0 and value or nil
end

local function map(value)
  return value and next(value) ~= nil and value or nil
end

local function flag_words(mask, flags)
  local names = {}
  for name, number in pairs(flags) do
    if math.floor(mask / number) % 2 == 1 then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return list(names)
end

local function rlimits(limits_of_process)
  local result = {}
  for index, row in ipairs(limits_of_process) do
    result[index] = { type = row.type, soft = row.soft, hard = row.hard }
  end
  return list(result)
end

local SETS = { "bounding", "effective", "inheritable", "permitted", "ambient" }

local function capabilities(sets)
  if not sets then
    return nil
  end
  local result = {}
  for _, set in ipairs(SETS) do
    result[set] = list(sets[set])
  end
  return result
end

local function number(value)
  return value ~= 0 and value or nil
end

local function scheduler(value)
  return value and {
    policy = value.policy, nice = number(value.nice), priority = number(value.priority),
    flags = flag_words(value.flags, scheduling.scheduler_flags), runtime = number(value.runtime),
    deadline = number(value.deadline), period = number(value.period),
  }
end

local function affinity(value)
  return value and { initial = text(value.initial), final = text(value.final) }
end

-- OCI has numbers; which user a name is only the container's files tell.
local function user_of(process)
  local uid, gid = process.user:match("^(%d+):(%d+)$")
  if process.user == "" then
    uid, gid = 0, 0
  end
  if not uid then
    return errors.invalid({ { path = "process.user",
      text = "must be of the form uid:gid, in numbers: OCI has no names" } })
  end
  local groups = {}
  for index, group in ipairs(process.additional_groups) do
    groups[index] = tonumber(group)
    if not groups[index] then
      return errors.invalid({ { path = ("process.additional_groups[%d]"):format(index),
        text = "must be a number: OCI has no names" } })
    end
  end
  return nil, { uid = tonumber(uid), gid = tonumber(gid), additionalGids = list(groups) }
end

-- A document need not say whom a program runs as that it does not name.
local function says_nothing(process)
  for name in pairs(process) do
    if name ~= "cwd" and name ~= "user" then
      return false
    end
  end
  return process.user.umask == nil
end

local function pick(own, inherited)
  if own ~= nil and own ~= "" then
    return own
  end
  return inherited
end

-- What a process says itself, or the configuration for all of them.
local function process_of(config, process)
  local err, user = user_of(process)
  if err then
    return nil, err
  end
  user.umask = pick(process.umask, config.umask)
  local io_priority = pick(process.io_priority, config.io_priority)
  local has_size = process.terminal and process.console_width + process.console_height > 0
  return {
    terminal = process.terminal or nil,
    consoleSize = has_size and { height = process.console_height, width = process.console_width }
      or nil,
    user = user,
    args = list(process.args),
    env = list(process.env),
    cwd = process.cwd,
    capabilities = capabilities(pick(process.capabilities, config.capabilities)),
    rlimits = rlimits(#process.rlimits > 0 and process.rlimits or config.rlimits),
    noNewPrivileges = pick(process.no_new_privileges, config.no_new_privileges) or nil,
    apparmorProfile = text(pick(process.apparmor_profile, config.apparmor_profile)),
    selinuxLabel = text(pick(process.label, config.process_label)),
    oomScoreAdj = pick(process.oom_score_adj, config.oom_score_adj),
    scheduler = scheduler(pick(process.scheduler, config.scheduler)),
    ioPriority = io_priority and { class = io_priority.class, priority = io_priority.priority },
    execCPUAffinity = affinity(pick(process.cpu_affinity, config.exec_cpu_affinity)),
  }
end

local KINDS = {
  "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
}

local function hooks(config)
  if not config.hooks then
    return nil
  end
  local result = {}
  for _, kind in ipairs(KINDS) do
    local rows = {}
    for index, hook in ipairs(config.hooks[kind]) do
      if hook.func then
        return nil, errors.invalid({ { path = ("hooks.%s[%d].func"):format(kind, index),
          text = "cannot be said in OCI: it is a function" } })
      end
      rows[index] = { path = hook.path, args = list(hook.args), env = list(hook.env),
        timeout = hook.timeout and math.ceil(hook.timeout) }
    end
    result[kind] = list(rows)
  end
  return result
end

local OCI_NAMESPACES = {}
for word, name in pairs(words.namespaces) do
  if word ~= name then
    OCI_NAMESPACES[name] = word
  end
end

local function namespaces(config)
  local rows = {}
  for index, row in ipairs(config.namespaces) do
    rows[index] = { type = OCI_NAMESPACES[row.type], path = text(row.path) }
  end
  return list(rows)
end

local function propagation(flags)
  for _, name in ipairs({ "private", "shared", "slave", "unbindable" }) do
    if words.propagation[name] == flags then
      return name
    elseif words.propagation["r" .. name] == flags then
      return "r" .. name
    end
  end
  return nil
end

local function conditions(args)
  local rows = {}
  for index, row in ipairs(args) do
    rows[index] = { index = row.index, value = row.value, op = row.op,
      valueTwo = (row.value_two ~= 0 or row.op == "SCMP_CMP_MASKED_EQ") and row.value_two or nil }
  end
  return list(rows)
end

local function seccomp(profile)
  if not profile then
    return nil
  end
  local rules = {}
  for index, row in ipairs(profile.syscalls) do
    rules[index] = { names = row.names, action = row.action, errnoRet = row.errno_ret,
      args = conditions(row.args) }
  end
  -- No flags is not the same as none said.
  local flags = profile.flags and core.json.array({ unpack(profile.flags) })
  return {
    defaultAction = profile.default_action, defaultErrnoRet = profile.default_errno_ret,
    architectures = list(profile.architectures), flags = flags,
    listenerPath = profile.listener_path, listenerMetadata = profile.listener_metadata,
    syscalls = list(rules),
  }
end

-- How many nodes at the beginning are default ones, in order: the document's own stand behind them.
local function count_defaults(devices)
  local count = 0
  for _, default in ipairs(defaults.simple_devices) do
    local node = devices[count + 1]
    if node and limits.is_same_node(node, default) then
      count = count + 1
    end
  end
  return count
end

-- The nodes that a document has to say, and their paths.
local function devices(config)
  local rows, paths = {}, {}
  for index = count_defaults(config.devices) + 1, #config.devices do
    local device = config.devices[index]
    local is_pipe = device.type == "p"
    rows[#rows + 1] = { type = device.type, path = device.path,
      major = not is_pipe and device.major or nil, minor = not is_pipe and device.minor or nil,
      fileMode = device.file_mode, uid = device.uid, gid = device.gid }
    paths[device.path] = true
  end
  return list(rows), paths
end

local function net_devices(config)
  local rows = {}
  for name, row in pairs(config.net_devices or {}) do
    rows[name] = { name = row.name }
  end
  return map(rows)
end

local function intel_rdt(rdt)
  return rdt and {
    closID = text(rdt.clos_id), schemata = list(rdt.schemata),
    l3CacheSchema = text(rdt.l3_cache_schema), memBwSchema = text(rdt.mem_bw_schema),
    enableMonitoring = rdt.enable_monitoring or nil,
  }
end

local function memory_policy(policy)
  return policy and {
    mode = policy.mode, nodes = text(policy.nodes),
    flags = flag_words(policy.flags, scheduling.memory_flags),
  }
end

local function linux(config, is_systemd)
  local nodes, paths = devices(config)
  return {
    namespaces = namespaces(config),
    uidMappings = mounts.id_mappings(config.uid_mappings),
    gidMappings = mounts.id_mappings(config.gid_mappings),
    timeOffsets = map(config.time_offsets),
    devices = nodes,
    netDevices = net_devices(config),
    cgroupsPath = limits.place(config.cgroups, is_systemd),
    resources = map(limits.resources(config.cgroups, paths)),
    intelRdt = intel_rdt(config.intel_rdt),
    memoryPolicy = memory_policy(config.memory_policy),
    sysctl = map(config.sysctl),
    seccomp = seccomp(config.seccomp),
    rootfsPropagation = propagation(config.root_propagation),
    maskedPaths = list(config.mask_paths),
    readonlyPaths = list(config.readonly_paths),
    mountLabel = text(config.mount_label),
    personality = config.personality and { domain = config.personality.domain },
  }
end

local PROPERTY = "org.systemd.property."

local function annotations_of(labels)
  local result = {}
  for _, label in ipairs(labels) do
    local name, value = label:match("^([^=]*)=(.*)$")
    if name ~= "bundle" then
      result[name] = value
    end
  end
  return result
end

local function annotations(config)
  local result = annotations_of(config.labels)
  for name, value in pairs(config.cgroups.systemd_properties or {}) do
    result[PROPERTY .. name] = value
  end
  return map(result)
end

local function new_spec(config, process, is_systemd)
  local oci_process, err = process_of(config, process)
  if oci_process and says_nothing(oci_process) then
    oci_process = nil
  end
  local oci_hooks, problem = hooks(config)
  if err or problem then
    return nil, err or problem
  end
  return {
    ociVersion = text(config.version) or VERSION,
    process = oci_process,
    root = { path = config.rootfs, readonly = config.readonlyfs or nil },
    hostname = text(config.hostname),
    domainname = text(config.domainname),
    mounts = list(mounts.mounts(config)),
    hooks = oci_hooks,
    annotations = annotations(config),
    linux = linux(config, is_systemd),
  }
end

-- Labels once each, in one order, and without the bundle: that is where the document lies.
local function settle_labels(config)
  local labels = {}
  for name, value in pairs(annotations_of(config.labels)) do
    labels[#labels + 1] = name .. "=" .. value
  end
  table.sort(labels)
  config.labels = labels
end

local function normalised(spec, is_systemd)
  local parsed, err = document.check(shapes.spec, spec)
  if not parsed then
    return nil, err
  end
  local config, process = convert.config(parsed, {
    bundle = "/", is_systemd = is_systemd, ignored = function() end,
  })
  if not config then
    return nil, process
  end
  config, err = schema.parse(config)
  if not config then
    return nil, err
  end
  settle_labels(config)
  if process then
    process, err = schema.parse_process(process)
  end
  return config, process, err
end

-- The streams are the caller's affair.
local RUNTIME_ONLY = { "stdin", "stdout", "stderr", "console_socket", "pidfd_socket" }

local function add_differences(spec, config, process, is_systemd)
  local found, found_process, err = normalised(spec, is_systemd)
  if not found or err then
    return nil, err or found_process
  end
  if limits.are_same_rules(config.cgroups.devices, found.cgroups.devices) then
    found.cgroups.devices = config.cgroups.devices
  end
  local rest, problem = patch.diff(config, found)
  if not problem and process and process.args then
    local rest_of_process
    rest_of_process, problem = patch.diff({ process = process }, { process = found_process })
    if rest_of_process then
      rest = rest or {}
      rest.process = rest_of_process.process
    end
  end
  if problem then
    return nil, problem
  end
  spec.ctr = rest
  return spec
end

local EMPTY = {
  user = "", additional_groups = {}, rlimits = {}, env = {}, cwd = "/", apparmor_profile = "",
  label = "", terminal = false, console_width = 0, console_height = 0,
}

local function settled_process(process)
  if not process then
    return EMPTY
  end
  local parsed, err = schema.parse_process(process)
  if not parsed then
    return nil, err
  end
  for _, name in ipairs(RUNTIME_ONLY) do
    if parsed[name] ~= nil then
      return nil, errors.invalid({ { path = "process." .. name,
        text = "cannot be said in OCI: it is where the process' streams lead now" } })
    end
  end
  if parsed.cwd == "" then
    parsed.cwd = "/"
  end
  return parsed
end

--- Converts a configuration.
-- @tparam table config plain or normalised
-- @tparam[opt] table process fields of `ctr.process`
-- @tparam boolean is_systemd whether the cgroup is a unit of systemd's
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.spec(config, process, is_systemd)
  local parsed, err = schema.parse(config)
  if not parsed then
    return nil, err
  end
  local settled
  settled, err = settled_process(process)
  if not settled then
    return nil, err
  end
  settle_labels(parsed)
  limits.settle_devices(parsed.cgroups)
  parsed.version = text(parsed.version) or VERSION
  local spec
  spec, err = new_spec(parsed, settled, is_systemd)
  if not spec then
    return nil, err
  end
  return add_differences(spec, parsed, settled, is_systemd)
end

return M
