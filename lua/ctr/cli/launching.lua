--- What `lctr create` and `lctr run` share: a container of a bundle, its process started; and what
-- `lctr exec` shares with them: the descriptors that a process gets, the file for its id.
-- @module ctr.cli.launching

local context_module = require("ctr.cli.context")
local core = require("ctr.core")
local ctr = require("ctr")
local errors = require("ctr.errors")
local notify = require("ctr.cli.notify")
local oci = require("ctr.oci")
local shown = require("ctr.cli.shown")
local whole = require("ctr.cli.whole")
local words = require("ctr.cli.words")

local M = {}

local STREAMS = { "stdin", "stdout", "stderr" }
local FIRST = 3 -- the descriptor after the streams
local DESCRIPTORS_MAX = 65536
local CLOSE_ON_EXEC = 524288 -- O_CLOEXEC, 02000000, in fdinfo

local function invalid(text)
  return nil, errors.new("ConfigInvalid", text)
end

-- What this program opened itself is close-on-exec, what it was given is not.
local function is_given(number)
  local file = io.open("/proc/self/fdinfo/" .. number, "r")
  local flags = file and file:read("*a"):match("flags:%s*(%d+)")
  if file then
    file:close()
  end
  return flags ~= nil and math.floor(tonumber(flags, 8) / CLOSE_ON_EXEC) % 2 == 0
end

-- A number of descriptors; nil where the text is none.
local function descriptor_count(text)
  local count = text and text:find("^%d+$") and tonumber(text)
  return count and count <= DESCRIPTORS_MAX and count or nil
end

-- How many descriptors a service manager passed to this very program (sd_listen_fds(3)).
local function listen_count()
  if tonumber(os.getenv("LISTEN_PID") or "") ~= core.proc.getpid() then
    return 0
  end
  return descriptor_count(os.getenv("LISTEN_FDS")) or 0
end

local function preserved_count(values)
  local text = values["preserve-fds"] or "0"
  local count = descriptor_count(text)
  if not count then
    return invalid("--preserve-fds must be a number of descriptors, not " .. text)
  end
  return count
end

local function add_pidfd_socket(fields, path)
  if path and path ~= "" then
    fields.pidfd_socket = context_module.absolute(path)
  end
end

--- Hands on the descriptors that the options and the environment ask for, and has the socket that
-- the options name get a pidfd of the process. A number that is not open is skipped: the others
-- keep theirs.
-- @tparam table fields of the process; gets `extra_files`, what tells of them in `env`, and
-- `pidfd_socket`
-- @tparam table values options of the command
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.pass_descriptors(fields, values)
  local listening = listen_count()
  local preserved, err = preserved_count(values)
  if not preserved then
    return nil, err
  end
  local files = {}
  for number = FIRST, FIRST + listening + preserved - 1 do
    files[#files + 1] = is_given(number) and number
  end
  while files[#files] == false do
    files[#files] = nil
  end
  fields.extra_files = files
  add_pidfd_socket(fields, values["pidfd-socket"])
  if listening > 0 then
    fields.env = { unpack(fields.env or {}) }
    table.insert(fields.env, "LISTEN_FDS=" .. listening)
    table.insert(fields.env, "LISTEN_PID=1")
  end
  return true
end

--- Gives a process what it has when nobody waits for it: this program's own streams, or a terminal
-- that the console socket gets; and the pidfd socket.
-- @tparam table fields of the process
-- @tparam table values options of the command
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.detach(fields, values)
  local socket = values["console-socket"]
  if socket == "" then
    socket = nil
  end
  if fields.terminal and not socket then
    return invalid("a process with a terminal wants --console-socket when nobody waits for it")
  end
  if socket and not fields.terminal then
    return invalid("--console-socket is for a process with a terminal: process.terminal is false")
  end
  fields.console_socket = socket and context_module.absolute(socket)
  if not socket then
    for _, name in ipairs(STREAMS) do
      fields[name] = "inherit"
    end
  end
  return M.pass_descriptors(fields, values)
end

--- Checks what a process in the foreground cannot have.
-- @tparam table values options of the command
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.check_foreground(values)
  if values["console-socket"] and values["console-socket"] ~= "" then
    return invalid("--console-socket is for a process that nobody waits for")
  end
  return true
end

--- Writes the file for a process' id, if one is asked for: whole, without a newline, over what is
-- there.
-- @tparam table values `pid-file`
-- @tparam ctr.Process process
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.write_pid(values, process)
  local path = values["pid-file"]
  if not path or path == "" then
    return true
  end
  local folder, name = context_module.absolute(path):match("^(.*)/([^/]*)$")
  local dir, err = core.path.open_root(folder == "" and "/" or folder)
  if not dir then
    return nil, err
  end
  local ok
  ok, err = core.path.replace(dir, name, ("%d"):format(process:pid()), 420) -- 0644
  dir:close()
  return ok, err
end

local function log_ignored(context, ignored)
  for _, entry in ipairs(ignored or {}) do
    context.log:debug(entry.path .. " " .. entry.text)
  end
end

-- Cgroups that may not be written are done without, unless the bundle names the place: one of its
-- own is below the caller's, which may be written sooner than the hierarchy's root.
local function forget_default_place(config, spec)
  if not (spec.linux and spec.linux.cgroupsPath) then
    config.cgroups.path = nil
  end
end

local function read_bundle(id, values, context, factory)
  local bundle = context_module.absolute(values.bundle or ".")
  context.log:debug("bundle: " .. bundle)
  local spec, config, fields, ignored = oci.load_config(bundle, values.config, {
    id = id, bundle = bundle, cgroup_manager = factory.manager,
    no_pivot_root = values["no-pivot"], no_new_keyring = values["no-new-keyring"],
    rootless = factory.host.rootless,
  })
  if not spec then
    return nil, config
  end
  if not fields then
    return invalid("process.args is required: the bundle names no program")
  end
  log_ignored(context, ignored)
  if factory.manager == "rootless" then
    forget_default_place(config, spec)
  end
  return config, fields, spec.process
end

-- Where what was made can be looked at.
local function log_started(context, container, process)
  context.log:debug(("container %s: first process %s"):format(container:id(),
    tostring(process:pid())))
  for kind, path in pairs(container.cgroup:paths()) do
    context.log:debug(("container %s: cgroup of %s: %s"):format(container:id(),
      kind == "" and "all controllers" or kind, path))
  end
  local seccomp = container.configuration.seccomp
  if seccomp then
    context.log:debug(("seccomp filter flags: %d"):format(
      require("ctr.seccomp.words").flag_mask(seccomp)))
  end
end

local function start(container, process, values, mode)
  local begin = type(mode) == "function" and mode or container[mode]
  local ok, err = begin(container, process)
  if ok then
    ok, err = M.write_pid(values, process)
  end
  return ok, err
end

-- Starts the process of a new container, which is marked meanwhile.
local function launch(container, process, values, mode)
  local finish, err = shown.mark_creating(container)
  if not finish then
    return nil, err
  end
  local relay, problem = notify.make(container)
  local ok = problem == nil
  if ok then
    ok, problem = start(container, process, values, mode)
  end
  finish()
  if relay and (not ok or mode == "start") then
    relay:close()
  end
  return ok, ok and relay or problem
end

--- Takes away a container that could not be finished.
-- @tparam ctr.Container container
function M.discard(container)
  if container.init_pid then
    container:signal("SIGKILL", true)
  end
  container:destroy()
end

--- Makes a container of the bundle that the options name, and starts its process.
-- @tparam string id
-- @tparam table values options of the command: `bundle`, `config`, `pid-file`, `console-socket`,
-- `pidfd-socket`, `preserve-fds`, `no-pivot`, `no-new-keyring`
-- @tparam table context
-- @tparam string|function mode "start" (it waits to be executed), "run", or what is called with the
-- container and the process to begin it otherwise
-- @tparam[opt] function set_up is given the process' fields, the options and the
-- configuration before the start, in place of `launching.detach`: true, or nil and an error
-- @treturn[1] ctr.Container which remembers the OCI process object: `container:kept().process`
-- @treturn[1] ctr.Process
-- @treturn[1] ?table unless it waits, where a service manager wants to know when the container is
-- ready: `wait()` or `fd()` and `serve()`, then `close()` (`ctr.cli.notify`)
-- @return[2] nil
-- @treturn[2] ctr.Error nothing is left of the container
function M.create(id, values, context, mode, set_up)
  local factory, err = context:factory()
  if not factory then
    return nil, err
  end
  factory.host.starts_once = true
  local config, fields, object = read_bundle(id, values, context, factory)
  if not config then
    return nil, fields
  end
  whole.for_config(config)
  local ok
  ok, err = (set_up or M.detach)(fields, values, config)
  if not ok then
    return nil, err
  end
  notify.add(factory, id, config, fields)
  local container
  container, err = factory:create(id, config, { process = object })
  if not container then
    return nil, err
  end
  local process = ctr.process(fields)
  local started, relay = launch(container, process, values, mode)
  if not started then
    M.discard(container)
    return nil, words.of_program(relay, fields.args[1])
  end
  log_started(context, container, process)
  return container, process, mode ~= "start" and relay or nil
end

return M
