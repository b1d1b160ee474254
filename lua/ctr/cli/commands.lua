--- lctr's commands, as data: the parser, the help and the man page's spec read them here.
--
-- A command is a row: `name`, `usage` (what follows the name), `about`, `options`, `module` (which
-- returns `function(args, values, context)`: the exit status, or nil, an error and, where it is not
-- 1, the status), `min` and `max` (how many arguments), `stops` (its options end at the first
-- argument: what follows is another program's), `is_oci` (an engine's command: its errors are one
-- line). `values` has the options, the global ones among them; `context` is `ctr.cli.context`'s. An
-- engine's command takes every global option but those `for_files`; the others take those that are
-- neither that nor `for_containers`, and what their `takes` has. The whole lctr alone runs what is
-- no engine's command or `is_whole`, and for some containers what `makes` them (`ctr.cli.whole`).
-- @module ctr.cli.commands

local M = {}

local TRUST = {
  name = "trust",
  about = "give a description all of Lua: files, processes, the environment",
}

local JSON = { name = "json", about = "print JSON, for programs" }

--- Options that may stand before a command.
M.globals = {
  {
    name = "root", value = "DIR", for_containers = true,
    about = "where the state of containers is kept",
  },
  {
    name = "log", value = "FILE",
    about = "append log records to a file; journald:ID, syslog:ID",
  },
  {
    name = "log-format", value = "FORMAT", choices = { "text", "json" },
    about = "text (the default) or json",
  },
  {
    name = "log-level", value = "LEVEL", choices = { "error", "warning", "info", "debug" },
    about = "error (the default), warning, info or debug",
  },
  { name = "debug", about = "log all there is to say" },
  { name = "systemd-cgroup", for_containers = true, about = "have systemd make the cgroups" },
  {
    name = "cgroup-manager", value = "MANAGER", choices = { "cgroupfs", "systemd", "disabled" },
    for_containers = true,
    about = "who makes the cgroups: cgroupfs, systemd, or disabled",
  },
  {
    name = "rootless", value = "WHEN", choices = { "true", "false", "auto" },
    for_containers = true,
    about = "tolerate cgroups that may not be written: true, false or auto (the default)",
  },
  {
    name = "criu", value = "PATH", for_containers = true,
    about = "accepted; CRIU is found by PATH",
  },
  { name = "trust", about = TRUST.about, for_files = true },
  {
    name = "seccomp-report", for_files = true,
    about = "tell at the end which system calls the profile refused",
  },
  {
    name = "detach", for_files = true,
    about = "leave a description's containers in the background, where lctr attach finds them",
  },
  { name = "help", short = "h", about = "show this help" },
  { name = "version", short = "vV", about = "show the version" },
}

--- What runs when the first argument is a file.
M.run_file = {
  name = "FILE.lua",
  usage = "[ARGUMENT…]",
  about = "run a description, or any Lua program",
  options = {},
  module = "ctr.cli.run_file",
  takes = {
    root = true, trust = true, detach = true, ["seccomp-report"] = true, ["systemd-cgroup"] = true,
    ["cgroup-manager"] = true, rootless = true,
  },
  min = 1,
}

--- What runs when there is no argument.
M.repl = {
  name = "lctr alone",
  usage = "",
  about = "type Lua at a prompt, with completion and help; run what a pipe brings",
  options = {},
  module = "ctr.cli.repl",
  takes = {
    root = true, ["systemd-cgroup"] = true, ["cgroup-manager"] = true, rootless = true,
  },
  min = 0,
  max = 0,
}

local BUNDLE = { name = "bundle", short = "b", value = "DIR", about = "the bundle (default: here)" }
local PID_FILE = { name = "pid-file", value = "FILE", about = "write the process id to a file" }
local CONSOLE = {
  name = "console-socket", value = "SOCKET", about = "the unix socket that gets the terminal",
}
local PIDFD = {
  name = "pidfd-socket", value = "SOCKET", about = "the unix socket that gets a pidfd",
}
local PRESERVE = {
  name = "preserve-fds", value = "N", about = "hand on N more descriptors, from 3 on",
}
local DETACH = { name = "detach", short = "d", about = "do not wait for it" }
local NO_SUBREAPER = { name = "no-subreaper", about = "accepted: lctr is no subreaper" }
local NO_PIVOT = { name = "no-pivot", about = "move the root in place of pivot_root(2)" }

local CREATE = {
  BUNDLE, PID_FILE, CONSOLE, PIDFD, PRESERVE, NO_PIVOT,
  { name = "no-new-keyring", about = "keep the caller's session keyring" },
  NO_SUBREAPER,
  { name = "config", short = "f", value = "FILE", about = "read FILE in place of config.json" },
}

local CHECKPOINT = {
  { name = "image-path", value = "DIR", about = "where the images are (default: ./checkpoint)" },
  { name = "work-path", value = "DIR", about = "where CRIU's log goes (default: the same)" },
  { name = "tcp-established", about = "take established TCP connections along" },
  { name = "ext-unix-sk", about = "let unix sockets lead out of the container" },
  { name = "shell-job", about = "its session and terminal are the caller's" },
  { name = "file-locks", about = "take file locks along" },
  { name = "link-remap", about = "link unlinked files that are open in their folders" },
  {
    name = "manage-cgroups-mode", value = "MODE", choices = { "soft", "full", "strict", "ignore" },
    about = "what becomes of the container's cgroups: soft (the default), full, strict or ignore",
  },
  {
    name = "empty-ns", value = "NAMESPACE", choices = { "network" }, many = true,
    about = "leave out the content of a namespace: network",
  },
  { name = "auto-dedup", about = "take pages out of earlier images that later ones have" },
  { name = "lazy-pages", about = "memory follows when it is asked for" },
  {
    name = "network-lock", value = "METHOD", choices = { "iptables", "nftables", "skip" },
    about = "what holds packets back meanwhile",
  },
}

local function joined(...)
  local rows = {}
  for _, list in ipairs({ ... }) do
    for _, row in ipairs(list) do
      rows[#rows + 1] = row
    end
  end
  return rows
end

local function table_or_json(default)
  return {
    name = "format", short = "f", value = "FORMAT", choices = { "table", "json" },
    about = ("table or json (default: %s)"):format(default),
  }
end

-- An engine's command: one container id, unless it says otherwise.
local function oci(row)
  row.is_oci = true
  row.usage = row.usage or "ID"
  row.min, row.max = row.min or 1, row.max or row.min or 1
  row.options = row.options or {}
  row.module = "ctr.cli." .. row.name
  return row
end

--- The commands, in the order in which help shows them.
M.list = {
  {
    name = "plan",
    usage = "FILE.lua",
    about = "show what a start would do, without doing it",
    options = {
      {
        name = "format", value = "FORMAT", choices = { "text", "json" },
        about = "text (the default) or json",
      },
      JSON,
      TRUST,
    },
    takes = { trust = true },
    module = "ctr.cli.plan",
    min = 1,
    max = 1,
  },
  {
    name = "check",
    usage = "FILE.lua",
    about = "check a description",
    options = { JSON, TRUST },
    takes = { trust = true },
    module = "ctr.cli.check",
    min = 1,
    max = 1,
  },
  {
    name = "explain",
    usage = "[KEY | FILE.lua]",
    about = "say what a key means, or, with --origin, what set what in a description",
    options = {
      { name = "origin", about = "of each value: the file and line, profile or default" },
      JSON,
      TRUST,
    },
    takes = { trust = true },
    module = "ctr.cli.explain",
    min = 0,
    max = 1,
  },
  {
    name = "import",
    usage = "BUNDLE",
    about = "make the shortest description of an OCI bundle",
    options = {
      { name = "name", value = "NAME", about = "of the container (default: the folder's)" },
      { name = "output", short = "o", value = "FILE.lua",
        about = "write it there; paths are relative to it" },
    },
    module = "ctr.cli.import",
    min = 1,
    max = 1,
  },
  {
    name = "learn",
    usage = "FILE.lua",
    about = "run a description, and propose a seccomp profile of what it called",
    options = {
      {
        name = "format", value = "FORMAT", choices = { "lua", "json" },
        about = "lua (the default) or json, as the OCI has it",
      },
      JSON,
      TRUST,
    },
    takes = {
      root = true, trust = true, ["systemd-cgroup"] = true, ["cgroup-manager"] = true,
      rootless = true,
    },
    module = "ctr.cli.learn",
    min = 1,
    max = 1,
  },
  {
    name = "clone",
    usage = "IMAGES ID",
    about = "make a container of a checkpoint, as often as wanted; nobody waits for it",
    options = {
      { name = "hostname", value = "NAME", about = "its host's name" },
      {
        name = "address", value = "[NAME=]ADDRESS", many = true,
        about = "the address of an interface (default: eth0's), with its prefix",
      },
      { name = "rootfs", value = "DIR", about = "a root of its own" },
      {
        name = "config", short = "f", value = "FILE",
        about = "what else it has of its own: keys of a configuration, as JSON",
      },
      { name = "work-path", value = "DIR", about = "where CRIU's log goes" },
      { name = "tcp-established", about = "keep TCP connections whose ends are both inside" },
      PID_FILE, CONSOLE,
    },
    takes = {
      root = true, ["systemd-cgroup"] = true, ["cgroup-manager"] = true, rootless = true,
    },
    module = "ctr.cli.clone",
    min = 2,
    max = 2,
    },
    {
    name = "attach",
    usage = "ID",
    about = "show what a container writes, and type for it; ctrl-p ctrl-q detaches",
    options = {
      {
        name = "detach-keys", value = "KEYS",
        about = "the keys that detach: characters, ctrl-LETTER (default: ctrl-p,ctrl-q)",
      },
      { name = "no-stdin", about = "only show" },
    },
    takes = { root = true },
    module = "ctr.cli.attach",
    min = 1,
    max = 1,
  },
  {
    name = "doctor",
    usage = "",
    about = "show what this machine can do, and what mends what it cannot",
    options = { JSON },
    module = "ctr.cli.doctor",
    min = 0,
    max = 0,
  },
  {
    name = "completion",
    usage = "bash|zsh|fish",
    about = "print the completion of a shell",
    options = {},
    module = "ctr.cli.completion",
    min = 1,
    max = 1,
  },
  oci({
    name = "create",
    about = "make a container of a bundle; its program waits for start",
    makes = true,
    options = CREATE,
  }),
  oci({ name = "start", about = "let a created container's program run" }),
  oci({
    name = "run",
    about = "create and start a container of a bundle",
    makes = true,
    options = joined(CREATE, {
      DETACH,
      { name = "keep", about = "leave the container when its program has ended" },
    }),
  }),
  oci({
    name = "exec",
    usage = "ID [COMMAND [ARGUMENT…]]",
    about = "run one more process in a container",
    max = math.huge,
    stops = true,
    options = {
      {
        name = "process", short = "p", value = "FILE",
        about = "the process as an OCI process object, in place of COMMAND",
      },
      PID_FILE, DETACH, CONSOLE, PIDFD, PRESERVE,
      { name = "tty", short = "t", about = "give it a terminal" },
      { name = "cwd", value = "DIR", about = "where it starts" },
      {
        name = "env", short = "e", value = "NAME=VALUE", many = true,
        about = "add to its environment",
      },
      { name = "user", short = "u", value = "UID[:GID]", about = "who it runs as" },
      {
        name = "additional-gids", short = "g", value = "GID", many = true,
        about = "add a group",
      },
      { name = "cap", short = "c", value = "CAPABILITY", many = true, about = "add a capability" },
      { name = "no-new-privs", about = "programs gain nothing by set-user-id and the like" },
      { name = "process-label", value = "LABEL", about = "its SELinux label" },
      { name = "apparmor", value = "PROFILE", about = "its AppArmor profile" },
      {
        name = "cgroup", value = "[CONTROLLER:]PATH", many = true,
        about = "run it in a cgroup below the container's",
      },
      { name = "ignore-paused", about = "start it although the container is paused" },
    },
  }),
  oci({ name = "state", about = "show a container's state as JSON" }),
  oci({
    name = "list",
    usage = "",
    about = "show the containers",
    min = 0,
    options = {
      { name = "quiet", short = "q", about = "ids alone" },
      table_or_json("table"), JSON,
    },
  }),
  oci({
    name = "ps",
    usage = "ID [PS-OPTION…]",
    about = "show a container's processes",
    max = math.huge,
    stops = true,
    options = { table_or_json("table"), JSON },
  }),
  oci({
    name = "kill",
    usage = "ID [SIGNAL]",
    about = "send a signal (default: TERM) to a container's first process",
    max = 2,
    stops = true,
    options = { { name = "all", short = "a", about = "to all its processes" } },
  }),
  oci({ name = "pause", about = "freeze a container" }),
  oci({ name = "resume", about = "let a paused container go on" }),
  oci({
    name = "update",
    about = "change what a container may use",
    is_whole = true,
    options = {
      {
        name = "resources", short = "r", value = "FILE",
        about = "an OCI resources object; - is standard input; all other options are ignored",
      },
      { name = "memory", value = "BYTES", about = "memory; 64m and the like, -1 for no limit" },
      { name = "memory-reservation", value = "BYTES", about = "memory kept when it is short" },
      { name = "memory-swap", value = "BYTES", about = "memory and swap together" },
      { name = "kernel-memory", value = "BYTES", about = "accepted: kernels have no such limit" },
      {
        name = "kernel-memory-tcp", value = "BYTES",
        about = "accepted: kernels have no such limit",
      },
      { name = "cpu-quota", value = "µs", about = "CPU time in each period" },
      { name = "cpu-period", value = "µs", about = "the period" },
      { name = "cpu-burst", value = "µs", about = "what may be saved up for later" },
      { name = "cpu-share", value = "N", about = "weight of the CPU time" },
      { name = "cpu-rt-period", value = "µs", about = "the period of real-time scheduling" },
      { name = "cpu-rt-runtime", value = "µs", about = "real-time scheduling in each period" },
      { name = "cpu-idle", value = "0|1", about = "1: it gets what nobody else wants" },
      { name = "cpuset-cpus", value = "LIST", about = "processors, as in 0-3,7" },
      { name = "cpuset-mems", value = "LIST", about = "memory nodes" },
      { name = "pids-limit", value = "N", about = "processes and threads" },
      { name = "blkio-weight", value = "N", about = "weight at block devices" },
      { name = "l3-cache-schema", value = "SCHEMA", about = "Intel RDT: the share of the cache" },
      { name = "mem-bw-schema", value = "SCHEMA", about = "Intel RDT: the share of the bandwidth" },
    },
  }),
  oci({
    name = "events",
    about = "show statistics and the like as they come, as lines of JSON",
    is_whole = true,
    options = {
      { name = "stats", about = "the statistics of now" },
      { name = "interval", value = "DURATION", about = "as in 100ms or 1m30s (default: 5s)" },
    },
  }),
  oci({
    name = "checkpoint",
    about = "write a running container's processes to a folder, and remove the container",
    is_whole = true,
    options = joined(CHECKPOINT, {
      {
        name = "parent-path", value = "DIR",
        about = "an earlier pre-dump's folder, relative to --image-path",
      },
      { name = "pre-dump", about = "write memory alone; the container goes on" },
      { name = "leave-running", about = "the container goes on" },
      { name = "page-server", value = "HOST:PORT", about = "send memory there" },
      {
        name = "status-fd", value = "N",
        about = "the descriptor that gets a byte when lazy pages can be asked for",
      },
      {
        name = "tcp-skip-in-flight",
        about = "leave out TCP connections that are not accepted yet",
      },
    }),
  }),
  oci({
    name = "restore",
    about = "make a container of a bundle, with the processes of a checkpoint",
    is_whole = true,
    options = joined({ BUNDLE, PID_FILE, CONSOLE, DETACH, NO_SUBREAPER, NO_PIVOT }, CHECKPOINT, {
      { name = "tcp-close", about = "restore established TCP connections closed" },
      {
        name = "lsm-profile", value = "TYPE:NAME",
        about = "another profile for the restored processes: selinux:LABEL, apparmor:PROFILE",
      },
      { name = "lsm-mount-context", value = "CONTEXT", about = "another label for its mounts" },
      { name = "any-version", about = "take the checkpoint of a newer kernel or CRIU as well" },
    }),
  }),
  oci({
    name = "delete",
    about = "remove what a stopped container has on the host",
    options = {
      { name = "force", short = "f", about = "kill it before; succeed where it is gone" },
    },
  }),
  oci({
    name = "spec",
    usage = "",
    about = "write a config.json to start from",
    is_whole = true,
    min = 0,
    options = {
      BUNDLE,
      { name = "rootless", about = "for a caller who is not root" },
      { name = "from", value = "FILE.lua", about = "of a description" },
      TRUST,
    },
    takes = { trust = true },
  }),
  oci({ name = "features", usage = "", about = "show what this build can do, as JSON", min = 0 }),
}

--- Finds a command by its name.
-- @tparam string name
-- @treturn ?table
function M.find(name)
  for _, command in ipairs(M.list) do
    if command.name == name then
      return command
    end
  end
  return nil
end

return M
