--- The configuration's shape: the one list of its keys.
-- Validation, defaults, the reference page and completion are all read from it.
-- Keys are libcontainer's JSON names; where those are not in snake_case, both spellings are read.
-- The parts of it lie in `ctr.config.schema.*`.
-- @module ctr.config.schema

local attributes = require("ctr.config.schema.attributes")
local cgroups = require("ctr.config.schema.cgroups")
local checks = require("ctr.config.checks")
local device = require("ctr.config.schema.device")
local errors = require("ctr.errors")
local fields = require("ctr.config.schema.fields")
local mount = require("ctr.config.schema.mount")
local network = require("ctr.config.schema.network")
local process_schema = require("ctr.config.schema.process")
local shape = require("ctr.config.shape")
local validate = require("ctr.config.validate")
local words = require("ctr.config.words")

local M = {}

--- A namespace.
M.namespace = shape.record({
  type = shape.enum(words.namespaces, { about = "NEWNS, or OCI's word for it, mount." }),
  path = shape.string({
    default = "",
    normalise = checks.absolute_or_empty,
    about = "The namespace to join; a new one is made without it.",
  }),
}, { accept = checks.namespace })

--- A range of ids.
M.id_mapping = fields.id_mapping

local function time_offset(about)
  return shape.record({
    secs = shape.integer({ default = 0, about = "Seconds." }),
    nanosecs = shape.integer({ default = 0, min = 0, max = 999999999, about = "Nanoseconds." }),
  }, { optional = true, about = about })
end

local sysctl_value = shape.string({
  accept = checks.text_of_number,
  about = "What is written: a string or an integer.",
})

-- Destinations count from the root; libcontainer takes those as well that begin with its path.
local function settle_destinations(config)
  local rootfs = config.rootfs
  for _, row in ipairs(rootfs ~= "/" and config.mounts or {}) do
    if checks.is_below(row.destination, rootfs) then
      row.destination = "/" .. row.destination:sub(#rootfs + 2)
    end
  end
  return config
end

--- The configuration of a container.
M.config = shape.record({
  rootfs = shape.string({
    normalise = checks.absolute_path,
    about = "The container's root: an absolute path without symbolic links.",
  }),
  readonlyfs = fields.switch("Makes the root read-only."),
  no_pivot_root = fields.switch("For machines whose root is an initramfs, which "
    .. "pivot_root(2) cannot leave: there the root is moved over the host's, and whoever may mount "
    .. "in the container gets to that."),
  parent_death_signal = shape.integer({
    default = 0, min = 0, max = 64, accept = checks.signal,
    about = "The signal that the process gets when its parent dies.",
  }),
  root_propagation = shape.flags({
    default = 0,
    unset = 0,
    alias = "rootPropagation",
    words = words.propagation,
    mask = words.PROPAGATION_MASK + words.ms.MS_REC,
    check = checks.one_propagation,
    about = "How mounts spread from and to the host; rslave by default, the root itself private.",
  }),
  mounts = shape.list(mount.mount, {
    default = {}, about = "In the order in which they are made.",
  }),
  devices = shape.list(device.device, { default = {}, about = "The nodes of /dev." }),
  hostname = shape.string({ default = "", max = 64, about = "The host's name in the container." }),
  domainname = shape.string({ default = "", max = 64, about = "The NIS domain's name." }),
  namespaces = shape.list(M.namespace, {
    default = {}, check = checks.unique_types, about = "What the container does not share.",
  }),
  capabilities = fields.capabilities(
    "What processes may do beside the ordinary; nothing without it."
  ),
  networks = shape.list(network.network, {
    default = {}, about = "What is set up in the network namespace.",
  }),
  routes = network.routes,
  net_devices = network.net_devices,
  cgroups = cgroups.cgroups,
  apparmor_profile = fields.text("The AppArmor profile.", checks.one_line),
  process_label = fields.text("The SELinux label of processes.", checks.one_line),
  mount_label = fields.text("The SELinux label of the files on its mounts.", checks.mount_label),
  rlimits = fields.rlimits("Resource limits of processes."),
  seccomp = shape.lazy(function() return require("ctr.config.schema.seccomp").seccomp end, {
    optional = true, about = "Which system calls processes may make; all of them without it.",
  }),
  oom_score_adj = fields.oom_score_adj("Which processes go first without memory."),
  uid_mappings = fields.id_mappings("Users of the new user namespace."),
  gid_mappings = fields.id_mappings("Groups of the new user namespace."),
  mask_paths = fields.path_list("What the container may not see."),
  readonly_paths = fields.path_list("What the container may not change."),
  sysctl = shape.map(sysctl_value, {
    default = {}, key = checks.sysctl_name, about = "Kernel settings of its namespaces.",
  }),
  no_new_privileges = fields.switch("Programs gain nothing by set-user-id and the like."),
  no_new_keyring = fields.switch("Keeps the caller's session keyring."),
  labels = shape.list(
    shape.string({ check = checks.key_value, about = "key=value." }),
    { default = {}, about = "Notes that the OCI state shows as annotations." }
  ),
  version = fields.text("The OCI version that it was written for."),
  rootless_euid = fields.switch("The caller is not root: a user namespace is needed."),
  rootless_cgroups = fields.switch("Cgroups that cannot be written are left alone."),
  hooks = shape.lazy(function()
    return require("ctr.config.schema.hooks").hooks
  end, {
    optional = true, alias = "Hooks", about = "What runs at the turns of the container's life.",
  }),
  umask = fields.umask("What new files are not given: a number, or octal digits, \"0022\"."),
  scheduler = attributes.scheduler("How processes get CPU time."),
  io_priority = attributes.io_priority("The priority of processes at the disks."),
  memory_policy = attributes.memory_policy("On which memory nodes processes get memory."),
  personality = attributes.personality("What the kernel says that it is."),
  exec_cpu_affinity = attributes.cpu_affinity(
    "CPUs of processes that are added to the running container."
  ),
  intel_rdt = attributes.intel_rdt("A share of the cache and the memory's bandwidth (Intel RDT)."),
  time_offsets = shape.record({
    monotonic = time_offset("Of CLOCK_MONOTONIC."),
    boottime = time_offset("Of CLOCK_BOOTTIME."),
  }, { optional = true, about = "Clocks of the new time namespace." }),
}, { normalise = settle_destinations })

--- The configuration of a process.
M.process = process_schema.process

local function valid(rules, parsed)
  local problems = rules(parsed)
  if #problems > 0 then
    return nil, errors.invalid(problems)
  end
  return parsed
end

local function parsed_and_valid(rules, kind, value, opts)
  local parsed, err = shape.parse(kind, value, opts)
  if not parsed then
    return nil, err
  end
  return valid(rules, parsed)
end

local TEXT = { text = true } -- the state file has it as JSON

--- Checks a configuration and fills in what was left out.
-- What only the machine can tell is left to `validate.machine`.
-- @tparam table config left as it was
-- @treturn[1] table a new table, with every default
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; `path` is the first problem, `problems` are all
function M.parse(config)
  return parsed_and_valid(validate.config, M.config, config, TEXT)
end

local PROCESS = { prefix = "process" }

--- Checks the configuration of a process and fills in what was left out.
-- @tparam table process left as it was
-- @treturn[1] table a new table, with every default
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; every path starts with `process`
function M.parse_process(process)
  return parsed_and_valid(validate.process, M.process, process, PROCESS)
end

--- Checks what a process must not have that is the container's first.
-- @tparam table process as `parse_process` returned it
-- @treturn[1] table the same
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.first_process(process)
  return valid(validate.first_process, process)
end

return M
