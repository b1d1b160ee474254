--- The shape of a process.
-- @module ctr.config.schema.process

local attributes = require("ctr.config.schema.attributes")
local checks = require("ctr.config.checks")
local fields = require("ctr.config.schema.fields")
local shape = require("ctr.config.shape")

local M = {}

local function console_size(about)
  return shape.integer({ default = 0, min = 0, max = 65535, about = about })
end

local function stream(takes, about)
  return shape.any({ optional = true, takes = takes, about = about })
end

local INPUT = "file, descriptor, path, `\"null\"`, `\"inherit\"`, or what it reads"
local OUTPUT = "file, descriptor, path, `\"null\"`, `\"inherit\"`, or a function"
local SOCKET = "connected socket, or path"

--- The configuration of a process.
M.process = shape.record({
  args = shape.list(shape.string(), {
    min = 1, check = checks.has_program, about = "The program, and what it is given.",
  }),
  env = fields.env({ default = {}, about = "A list of NAME=value, or a table." }),
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
  stdin = stream(INPUT, "Where it reads: /dev/null without it."),
  stdout = stream(OUTPUT, "Where it writes: /dev/null without it."),
  stderr = stream(OUTPUT, "Where it writes errors: /dev/null without it."),
  extra_files = shape.list(shape.any({ takes = "files or descriptors" }), {
    default = {}, about = "What it has open as 3, 4, …; false leaves a number out.",
  }),
  console_width = console_size("Columns of its terminal."),
  console_height = console_size("Rows of its terminal."),
  console_newlines = shape.boolean({
    default = false,
    about = "Whether its terminal leaves newlines as they are: whoever passes it on to a terminal "
      .. "that writes a carriage return with each says so.",
  }),
  capabilities = fields.capabilities("In place of the configuration's."),
  apparmor_profile = fields.text("In place of the configuration's.", checks.one_line),
  label = fields.text("The SELinux label, in place of the configuration's.", checks.one_line),
  no_new_privileges = shape.boolean({
    optional = true, about = "In place of the configuration's.",
  }),
  rlimits = fields.rlimits("In place of the configuration's, when there are any."),
  oom_score_adj = fields.oom_score_adj("In place of the configuration's."),
  umask = fields.umask("In place of the configuration's."),
  scheduler = attributes.scheduler("In place of the configuration's."),
  io_priority = attributes.io_priority("In place of the configuration's."),
  cpu_affinity = attributes.cpu_affinity(
    "In place of the configuration's exec_cpu_affinity, for a process that is added."
  ),
  sub_cgroup_paths = shape.map(
    shape.string({ check = checks.cgroup_parent, about = "A cgroup below the container's own." }),
    {
      optional = true, key = checks.subsystem,
      about = "Where a process that is added is put below the container's cgroups, by hierarchy; "
        .. "under \"\" in all.",
    }
  ),
  pidfd_socket = stream(SOCKET, "The socket that gets a pidfd of it before the program runs."),
  terminal = shape.boolean({
    default = false,
    about = "Whether it has a terminal; the caller's own, where no socket gets it.",
  }),
  console_socket = stream(SOCKET, "The socket that gets its terminal: it has one with this."),
  attachable = shape.boolean({
    optional = true,
    about = "Whether a keeper holds its streams or its terminal, so that one can attach to it and "
      .. "detach again; for a container's first process.",
  }),
  keep_output = shape.size({
    optional = true,
    check = checks.kept_output,
    about = "How much of its last output is kept for who attaches later: 64K without it, at most "
      .. "16M.",
  }),
  seccomp_notify = shape.any({
    optional = true, check = checks.is_function, takes = "function",
    about = "A function that answers what the profile hands over by SCMP_ACT_NOTIFY.",
  }),
  seccomp_report = shape.boolean({
    optional = true, about = "Whether its result tells which calls the profile refused.",
  }),
  seccomp_learn = shape.boolean({
    optional = true,
    about = "Whether its result tells which calls it made; no profile applies to it then.",
  }),
  ignore_paused = shape.boolean({
    optional = true,
    about = "Whether it is started although the container is paused: it waits to be resumed.",
  }),
  init = shape.boolean({ optional = true, about = "Whether it is the container's first process." }),
})

return M
