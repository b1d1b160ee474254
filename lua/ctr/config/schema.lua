--- The configuration's shape: the one list of its keys.
-- Validation, defaults, the reference page and completion are all read from it.
-- Keys are libcontainer's JSON names; where those are not in snake_case, both spellings are read.
-- @module ctr.config.schema

local checks = require("ctr.config.checks")
local errors = require("ctr.errors")
local mount_rules = require("ctr.config.mount")
local shape = require("ctr.config.shape")
local validate = require("ctr.config.validate")
local words = require("ctr.config.words")

local M = {}

local LAST_ID = 2 ^ 32 - 2
local LAST_NUMBER = 2 ^ 32 - 1

local function path_list(about)
  local path = shape.string({ normalise = checks.path_inside, about = "A path in the container." })
  return shape.list(path, { default = {}, about = about })
end

local function text(about, check)
  return shape.string({ default = "", check = check, about = about })
end

local function switch(about)
  return shape.boolean({ default = false, about = about })
end

-- libcontainer has the JSON names of the five sets in capitals.
local function capability_set(alias, about)
  local name = shape.string({ normalise = checks.capability, about = "CAP_KILL, or kill." })
  return shape.list(name, {
    default = {}, alias = alias, normalise = checks.unique, about = about,
  })
end

local function capabilities(about)
  return shape.record({
    bounding = capability_set("Bounding", "The most that any program can gain."),
    effective = capability_set("Effective", "What the kernel checks."),
    inheritable = capability_set("Inheritable", "What programs with file capabilities may keep."),
    permitted = capability_set("Permitted", "What may be made effective."),
    ambient = capability_set("Ambient", "What programs without file capabilities keep."),
  }, { optional = true, about = about })
end

local function limit(about)
  return shape.string({ accept = checks.limit, normalise = checks.exact_limit, about = about })
end

--- A resource limit.
M.rlimit = shape.record({
  type = shape.enum(words.rlimits, {
    accept = checks.rlimit_type,
    choices = "the names of getrlimit(2)",
    about = "RLIMIT_NOFILE, nofile, or the kernel's number.",
  }),
  soft = limit("What applies: a number, or \"unlimited\"."),
  hard = limit("How far the soft limit may be raised."),
}, { check = checks.soft_below_hard })

local function rlimits(about)
  return shape.list(M.rlimit, { default = {}, check = checks.unique_types, about = about })
end

--- A namespace.
M.namespace = shape.record({
  type = shape.enum(words.namespaces, { about = "NEWNS, or OCI's word for it, mount." }),
  path = shape.string({
    default = "",
    normalise = checks.absolute_or_empty,
    about = "The namespace to join; a new one is made without it.",
  }),
}, { accept = checks.namespace })

--- A list of environment variables, as programs get it.
M.env_list = shape.list(
  shape.string({ check = checks.key_value, about = "NAME=value." }),
  { normalise = checks.merge_env }
)

--- Environment variables by name.
M.env_map = shape.map(
  shape.string({ accept = checks.text_of_number, about = "The variable's value." }),
  { key = checks.env_name, normalise = checks.env_of_map }
)

local function env_shape(value)
  local is_map = type(value) == "table" and type((next(value))) == "string"
  return is_map and M.env_map or M.env_list
end

local function env(options)
  return shape.choice(env_shape, options)
end

local function string_list(about)
  return shape.list(shape.string(), { default = {}, about = about })
end

--- A program that runs in the container before or after a mount is made.
M.command = shape.record({
  path = shape.string({ empty = false, about = "The program; looked up in PATH without a slash." }),
  args = string_list("What follows the program's name."),
  env = env({ optional = true, about = "Its environment; the process's own without it." }),
  dir = text("Where it runs."),
})

local propagation = shape.flags({
  words = words.propagation,
  mask = words.PROPAGATION_MASK + words.ms.MS_REC,
  check = checks.one_propagation,
  about = "private, slave, shared or unbindable; with r before it, for all below.",
})

--- A mount.
M.mount = shape.record({
  source = text("What is mounted: a path of the host, or a name."),
  destination = shape.string({
    normalise = checks.absolute_path,
    about = "Where, in the container.",
  }),
  device = shape.string({
    default = mount_rules.default_device,
    check = checks.fs_type,
    about = "The file system type, or `bind`.",
  }),
  flags = shape.flags({
    default = {},
    words = words.mount_flags,
    mask = words.MOUNT_MASK,
    split = true,
    about = "Flags of mount(2), in its words or those of mount(8).",
  }),
  cleared_flags = shape.flags({
    default = 0,
    words = words.ms_words,
    mask = words.MOUNT_MASK,
    about = "Flags that are taken away from what the source has.",
  }),
  propagation_flags = shape.list(propagation, {
    default = {},
    accept = checks.list_of_one,
    about = "How mounts below it spread; set one after the other.",
  }),
  data = text("Options of the file system, separated by commas."),
  extensions = shape.flags({
    default = 0,
    words = words.mount_extensions,
    mask = 1,
    about = "copyup: a tmpfs starts with what was there before.",
  }),
  premount_cmds = shape.list(M.command, { default = {}, about = "What runs before it is made." }),
  postmount_cmds = shape.list(M.command, { default = {}, about = "What runs after it was made." }),
}, { normalise = mount_rules.settle })

local function device_number(most, about)
  return shape.integer({
    default = checks.default_device_number, min = 0, max = most, about = about,
  })
end

local function owner(about)
  return shape.integer({ default = 0, min = 0, max = LAST_ID, about = about })
end

local function file_mode()
  return shape.integer({
    default = 438, -- 0666
    min = 0,
    max = 4095,
    accept = checks.octal,
    about = "Permissions: a number, or octal digits, \"0666\".",
  })
end

local function permissions(default)
  return shape.string({
    default = default,
    normalise = checks.permissions,
    about = "Some of r, w and m (mknod).",
  })
end

--- A node in the container's /dev.
M.device = shape.record({
  type = shape.enum({ "c", "u", "b", "p" }, {
    accept = checks.device_type,
    about = "c or u: character, b: block, p: a named pipe.",
  }),
  path = shape.string({ normalise = checks.path_inside, about = "Where, in the container." }),
  major = device_number(4095, "The driver."),
  minor = device_number(1048575, "The driver's device."),
  permissions = permissions("rwm"),
  file_mode = file_mode(),
  uid = owner("Who owns it, in the container."),
  gid = owner("Its group, in the container."),
  allow = switch("Whether a rule made of it allows."),
})

local function rule_number(about)
  return shape.integer({
    default = -1, min = -1, max = LAST_NUMBER, accept = checks.device_number, about = about,
  })
end

-- A node may stand for a rule, as in libcontainer; what only a node has is checked and left out.
local function rule_normaliser(allow)
  return function(rule)
    if allow ~= nil then
      rule.allow = allow
    end
    rule.path, rule.file_mode, rule.uid, rule.gid = nil, nil, nil, nil
    return rule
  end
end

local function device_rules(allow, about)
  local rule = shape.record({
    type = shape.enum({ "a", "b", "c", "u" }, {
      accept = checks.device_type,
      about = "c: character, b: block, a: all.",
    }),
    major = rule_number("The driver; -1 or * for any."),
    minor = rule_number("The driver's device; -1 or * for any."),
    permissions = permissions(),
    allow = switch("Whether the rule allows."),
    path = shape.string({ default = "", about = "Of a node that stands for a rule: no effect." }),
    file_mode = file_mode(),
    uid = owner("Of a node that stands for a rule: no effect."),
    gid = owner("Of a node that stands for a rule: no effect."),
  }, { normalise = rule_normaliser(allow) })
  return shape.list(rule, { optional = true, about = about })
end

local function cgroup_path(about, check)
  return shape.string({
    optional = true, unset = "", check = check or checks.cgroup_path, about = about,
  })
end

local function memory(about)
  return shape.size({ optional = true, unset = 0, unlimited = true, about = about })
end

local function cpuset(about)
  return shape.string({ optional = true, unset = "", check = checks.cpu_list, about = about })
end

--- Where the container's cgroups are, and what they limit; 0 and "" stand for "not set".
M.cgroups = shape.record({
  name = cgroup_path("The cgroup's name below `parent`; the container's id without it."),
  parent = cgroup_path("The cgroup that it is made in, or systemd's slice.", checks.cgroup_parent),
  path = cgroup_path("The whole path, in place of `name` and `parent`."),
  paths = shape.map(
    shape.string({ normalise = checks.path_inside, about = "An existing cgroup's folder." }),
    {
      optional = true, alias = "Paths", key = checks.subsystem,
      about = "Cgroups to join, by hierarchy.",
    }
  ),
  scope_prefix = shape.string({
    optional = true, unset = "", check = checks.cgroup_path,
    about = "What systemd's scope starts with.",
  }),
  memory = memory("Bytes of memory."),
  memory_reservation = memory("Bytes that are kept when memory is short."),
  memory_swap = memory("Bytes of memory and swap together."),
  cpu_shares = shape.integer({
    optional = true, unset = 0, min = 0, about = "Weight of the CPU time, 1024 by default.",
  }),
  cpu_quota = shape.integer({
    optional = true, unset = 0, min = -1, check = checks.cpu_quota,
    about = "Microseconds of CPU time per period.",
  }),
  cpu_period = shape.integer({
    optional = true, unset = 0, min = 0, check = checks.cpu_period, about = "Microseconds.",
  }),
  cpuset_cpus = cpuset("Processors that may be used, as in 0-3,7."),
  cpuset_mems = cpuset("Memory nodes that may be used."),
  pids_limit = shape.integer({
    optional = true, unset = 0, min = -1, accept = checks.count_or_unlimited,
    about = "Processes and threads.",
  }),
  devices = device_rules(nil, "Rules in order; the other keys for devices have no effect then."),
  allow_all_devices = shape.boolean({
    optional = true,
    about = "true: all devices but the denied ones; false: none but the allowed ones.",
  }),
  allowed_devices = device_rules(true, "Devices that may be used."),
  denied_devices = device_rules(false, "Devices that may not be used."),
  freezer = shape.enum({ "FROZEN", "THAWED" }, {
    optional = true, unset = "", about = "The state to put the container in.",
  }),
}, { default = {}, about = "Where the container's cgroups are, and what they limit." })

--- A range of ids.
M.id_mapping = shape.record({
  container_id = shape.integer({ min = 0, max = LAST_ID, about = "The first id inside." }),
  host_id = shape.integer({ min = 0, max = LAST_ID, about = "The first id outside." }),
  size = shape.integer({ min = 1, max = LAST_NUMBER, about = "How many ids." }),
}, { check = checks.id_range })

-- The kernel takes 340 ranges (Linux 4.15).
local function id_mappings(about)
  return shape.list(M.id_mapping, { default = {}, max = 340, about = about })
end

--- A network.
M.network = shape.record({
  type = shape.enum({ "loopback" }, { about = "loopback: the interface lo is set up." }),
  address = text("Kept for libcontainer's sake: lo has the kernel's own addresses."),
  gateway = text("Kept for libcontainer's sake: lo has no gateway."),
})

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

--- The configuration of a container.
M.config = shape.record({
  rootfs = shape.string({
    normalise = checks.absolute_path,
    about = "The container's root: an absolute path without symbolic links.",
  }),
  readonlyfs = switch("Makes the root read-only."),
  no_pivot_root = switch("Moves the root in place instead of pivot_root(2)."),
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
    about = "How mounts spread from and to the host; rslave by default.",
  }),
  mounts = shape.list(M.mount, { default = {}, about = "In the order in which they are made." }),
  devices = shape.list(M.device, { default = {}, about = "The nodes of /dev." }),
  hostname = shape.string({ default = "", max = 64, about = "The host's name in the container." }),
  domainname = shape.string({ default = "", max = 64, about = "The NIS domain's name." }),
  namespaces = shape.list(M.namespace, {
    default = {}, check = checks.unique_types, about = "What the container does not share.",
  }),
  capabilities = capabilities("What processes may do beside the ordinary; nothing without it."),
  networks = shape.list(M.network, {
    default = {}, about = "What is set up in the network namespace.",
  }),
  cgroups = M.cgroups,
  apparmor_profile = text("The AppArmor profile.", checks.one_line),
  process_label = text("The SELinux label of processes.", checks.one_line),
  rlimits = rlimits("Resource limits of processes."),
  oom_score_adj = shape.integer({
    optional = true, min = -1000, max = 1000, about = "Which processes go first without memory.",
  }),
  uid_mappings = id_mappings("Users of the new user namespace."),
  gid_mappings = id_mappings("Groups of the new user namespace."),
  mask_paths = path_list("What the container may not see."),
  readonly_paths = path_list("What the container may not change."),
  sysctl = shape.map(sysctl_value, {
    default = {}, key = checks.sysctl_name, about = "Kernel settings of its namespaces.",
  }),
  no_new_privileges = switch("Programs gain nothing by set-user-id and the like."),
  no_new_keyring = switch("Keeps the caller's session keyring."),
  labels = shape.list(
    shape.string({ check = checks.key_value, about = "key=value." }),
    { default = {}, about = "Notes that the OCI state shows as annotations." }
  ),
  version = text("The OCI version that it was written for."),
  rootless_euid = switch("The caller is not root: a user namespace is needed."),
  rootless_cgroups = switch("Cgroups that cannot be written are left alone."),
  umask = shape.integer({
    optional = true, min = 0, max = 511, accept = checks.octal,
    about = "What new files are not given: a number, or octal digits, \"0022\".",
  }),
  time_offsets = shape.record({
    monotonic = time_offset("Of CLOCK_MONOTONIC."),
    boottime = time_offset("Of CLOCK_BOOTTIME."),
  }, { optional = true, about = "Clocks of the new time namespace." }),
})

local function console_size(about)
  return shape.integer({ default = 0, min = 0, max = 65535, about = about })
end

local function stream(about)
  return shape.any({ optional = true, about = about })
end

--- The configuration of a process.
M.process = shape.record({
  args = shape.list(shape.string(), {
    min = 1, check = checks.has_program, about = "The program, and what it is given.",
  }),
  env = env({ default = {}, about = "A list of NAME=value, or a table." }),
  user = shape.string({
    default = "", accept = checks.text_of_number, check = checks.user,
    about = "\"user\" or \"user:group\", names or numbers; root without it.",
  }),
  additional_groups = shape.list(
    shape.string({
      accept = checks.text_of_number, empty = false, check = checks.group,
      about = "Name or number.",
    }),
    { default = {}, about = "More groups of the process." }
  ),
  cwd = shape.string({
    default = "", normalise = checks.absolute_or_empty, about = "Where it starts; / without it.",
  }),
  stdin = stream("Where it reads: /dev/null without it."),
  stdout = stream("Where it writes: /dev/null without it."),
  stderr = stream("Where it writes errors: /dev/null without it."),
  extra_files = shape.list(shape.any(), { default = {}, about = "What it has open as 3, 4, …" }),
  console_width = console_size("Columns of its terminal."),
  console_height = console_size("Rows of its terminal."),
  capabilities = capabilities("In place of the configuration's."),
  apparmor_profile = text("In place of the configuration's.", checks.one_line),
  label = text("The SELinux label, in place of the configuration's.", checks.one_line),
  no_new_privileges = shape.boolean({
    optional = true, about = "In place of the configuration's.",
  }),
  rlimits = rlimits("In place of the configuration's, when there are any."),
  terminal = shape.boolean({
    default = false,
    about = "Whether it has a terminal; the caller's own, where no socket gets it.",
  }),
  console_socket = stream("The socket that gets its terminal: it has one with this."),
  init = shape.boolean({ optional = true, about = "Whether it is the container's first process." }),
})

local function parsed_and_valid(rules, kind, value, opts)
  local parsed, err = shape.parse(kind, value, opts)
  if not parsed then
    return nil, err
  end
  local problems = rules(parsed)
  if #problems > 0 then
    return nil, errors.invalid(problems)
  end
  return parsed
end

--- Checks a configuration and fills in what was left out.
-- What only the machine can tell is left to `validate.machine`.
-- @tparam table config left as it was
-- @treturn[1] table a new table, with every default
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; `path` is the first problem, `problems` are all
function M.parse(config)
  return parsed_and_valid(validate.config, M.config, config)
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

return M
