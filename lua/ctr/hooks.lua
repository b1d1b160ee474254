--- The hooks of a container: how they are run, and what is kept of them.
-- A command runs under a bootstrap of its own, which is the reaper of its tree: so all of it can be
-- ended, and the calling program is none. A function runs in the calling program.
-- @module ctr.hooks

local conversation = require("ctr.launch.conversation")
local core = require("ctr.core")
local errors = require("ctr.errors")
local plan = require("ctr.plan.hooks")
local record = require("ctr.record")

local M = {}

local STATUS = {
  prestart = "creating", createRuntime = "creating", createContainer = "creating",
  startContainer = "created", poststart = "running", poststop = "stopped",
}

local STATUS_MAX = 65536
local SAID_MAX = 400 -- bytes of a stream in a message; the error's fields have more

local SIGKILL = 9

local hooks_methods = {}

--- The kinds that a start has to do with.
hooks_methods.OF_START = { "prestart", "createRuntime", "createContainer", "startContainer",
  "poststart" }

local hooks_metatable = { __index = hooks_methods }

--- The hooks of a container.
-- @tparam ctr.Container container
function M.new(container)
  return setmetatable({ container = container, config = container.configuration },
    hooks_metatable)
end

local function each(hooks, action)
  for kind in pairs(STATUS) do
    for index, hook in ipairs(hooks[kind]) do
      action(hook, kind, index)
    end
  end
end

-- The error of a function that is not in this program.
local function absent(kind, index)
  return errors.new("SystemError", "is a function of the program that created the container, "
    .. "which is not this one", { path = plan.path(kind, index) })
end

-- What a stream had, on one line.
local function said_text(name, text)
  text = (text or ""):gsub("%s+$", "")
  if text == "" then
    return ""
  end
  if #text > SAID_MAX then
    text = text:sub(1, SAID_MAX) .. "…"
  end
  text = text:gsub("%s*\n%s*", "; "):gsub("[%z\1-\31\127]", "?")
  return (", %s: %s"):format(name, text)
end

local function named_signal(message)
  return (message:gsub("by signal (%d+)", function(number)
    return "by " .. (core.proc.signal_names[tonumber(number)] or "signal " .. number)
  end))
end

--- Makes the error of a command that failed.
-- @tparam ctr.Error err what the bootstrap reports
-- @tparam table hook
-- @tparam ?table said what it wrote: `stdout`, `stderr`
-- @treturn ctr.Error with both as fields
function M.failure(err, hook, said)
  said = said or {}
  local message = tostring(err)
  if err.errno == "ETIMEDOUT" and err.op == "hook" then
    message = ("%s ran past its timeout%s and was killed"):format(hook.path,
      hook.timeout and (" of %g s"):format(hook.timeout) or "")
  elseif err.op == "hook" then
    message = named_signal(message:gsub("^hook ", ""))
  end
  return errors.new(err.code or "SystemError",
    message .. said_text("stderr", said.stderr) .. said_text("stdout", said.stdout),
    { errno = err.errno, op = err.op, target = hook.path, cause = err,
      stdout = said.stdout or "", stderr = said.stderr or "" })
end

--- Makes the error of a command of `startContainer`, which its frame has the number of.
-- @tparam table frame a FAIL
-- @tparam table said what it wrote: `stdout`, `stderr`
-- @treturn ctr.Error
function hooks_methods:failure_inside(frame, said)
  local hook = self.config.hooks.startContainer[frame.value]
  return errors.with_path(M.failure(frame.err, hook, said),
    plan.path("startContainer", frame.value))
end

--- Says whether functions have to be asked for when the container is told to execute.
function hooks_methods:are_asked()
  return plan.are_asked(self.config)
end

-- Waits until a hook's keeper says something, as long as the process lives for which it runs.
local function await_frame(session)
  if not session.init then
    return true
  end
  local ready, err = core.poll.wait({ { fd = session.socket, events = "r" },
    { fd = session.init, events = "r" } })
  if not ready then
    return nil, err
  end
  if ready[1] then
    return true
  end
  return nil, errors.new("SystemError", "the container's init ended while the hook ran",
    { errno = "ESRCH" })
end

-- What the bootstrap of a command says until it is gone.
local function follow(session, hook)
  local said, done = {}, false
  while true do
    local frame
    local ok, err = await_frame(session)
    if ok then
      frame, err = conversation.read_frame(session)
    end
    if not frame then
      if done then
        return true
      end
      return nil, err or errors.new("SystemError", "the hook's keeper went away")
    end
    if frame.kind == "OUTPUT" then
      conversation.keep_output(said, frame)
    elseif frame.kind == "FAIL" then
      return nil, M.failure(frame.err, hook, said)
    end
    done = frame.kind == "READY"
  end
end

local INHERITED = { input = 0, program = 4, procfs = 5 }

local function spawn_keeper(host, hook, timeout, fds)
  local image, err = host:image()
  if not image then
    return nil, err
  end
  local nums, strings = plan.operation(hook, 0, INHERITED, timeout)
  local message
  message, err = core.wire.encode({ { "hook", nums, strings }, { "leave", {}, {} } }, 3)
  if not message then
    return nil, err
  end
  local child
  child, err = core.proc.spawn({
    image = image, argv = { "ctr-init", "3" }, env = {},
    fds = { fds.input, fds.input, fds.input, fds.theirs, fds.program, fds.procfs },
  })
  if not child then
    return nil, err
  end
  fds.theirs:close()
  local sent
  sent, err = core.fd.send(fds.ours, message, nil, true)
  if not sent and err.errno ~= "EPIPE" and err.errno ~= "ECONNRESET" then
    fds.ours:close() -- which ends it
    core.proc.wait(child.pidfd, {})
    child.pidfd:close()
    return nil, err
  end
  return child
end

-- The end of the socket ends a keeper, and whom it keeps.
local function keep(host, hook, timeout, fds)
  local child, err = spawn_keeper(host, hook, timeout, fds)
  if not child then
    return nil, err
  end
  local ok, problem = follow({ socket = fds.ours, init = fds.init }, hook)
  fds.ours:close()
  core.proc.wait(child.pidfd, {})
  child.pidfd:close()
  return ok, problem
end

local function open_fds(fds, host, hook, text)
  local err
  fds.procfs, err = host:procfs()
  if not fds.procfs then
    return nil, err
  end
  fds.program, err = core.fd.open(hook.path, { flags = { "path" } })
  if not fds.program then
    return nil, err
  end
  fds.input, err = core.fd.memfd("state", text)
  if not fds.input then
    return nil, err
  end
  local ours, theirs = core.fd.socketpair("stream")
  if not ours then
    return nil, theirs
  end
  fds.ours, fds.theirs = ours, theirs
  return true
end

-- Runs a command in the caller's namespaces.
local function run_command(host, hook, text, timeout, init)
  local fds = { init = init }
  local ok, err = open_fds(fds, host, hook, text)
  if ok then
    ok, err = keep(host, hook, timeout, fds)
  end
  for _, name in ipairs({ "program", "input", "ours", "theirs" }) do
    if fds[name] then
      fds[name]:close()
    end
  end
  return ok, err
end

-- Foreign code: while it runs, the container's lock is held.
local function run_function(container, hook, state)
  local busy, name = container.factory.in_hooks, container.store.name
  local before = busy[name]
  busy[name] = true
  local returned, value, problem = pcall(hook.func, state)
  busy[name] = before
  if not returned then
    return nil, errors.is(value) and value or errors.new("SystemError", tostring(value))
  end
  if value == false or (value == nil and problem ~= nil) then
    return nil, errors.is(problem) and problem
      or errors.new("SystemError", tostring(problem or "the function returned false"))
  end
  return true
end

--- Runs a hook, from the calling program.
-- @tparam table entry `kind`, `index`, `hook`
-- @tparam[opt] ctr.fd init a pidfd: when that process ends, a command is ended
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error whose path is the hook's; `stdout` and `stderr` of a command
function hooks_methods:run(entry, init)
  local container, hook = self.container, entry.hook
  local state = record.oci_state(container, STATUS[entry.kind])
  local ok, err
  if hook.func then
    ok, err = run_function(container, hook, state)
  else
    local text
    text, err = core.json.encode(state)
    if text then
      ok, err = run_command(container.host, hook, text, container.factory.hook_timeout, init)
    end
  end
  if not ok then
    return nil, errors.with_path(err, plan.path(entry.kind, entry.index))
  end
  return true
end

-- Ends what runs already, as if it had not been started.
local function end_started(started)
  core.proc.send_signal(started.pidfd, SIGKILL)
  core.proc.wait(started.pidfd, {})
  started.pidfd:close()
  for _, reader in ipairs(started.readers) do
    reader.handle:close()
  end
  if started.console then
    started.console:close()
  end
end

--- Runs what follows the execution of a first process; a failure ends that.
-- @tparam table started `pidfd`, `readers`, `console`
-- @treturn[1] table started
-- @return[2] nil
-- @treturn[2] ctr.Error
function hooks_methods:after_start(started)
  local ok, err = self:run_all("poststart")
  if not ok then
    end_started(started)
    return nil, err
  end
  return started
end

--- Runs all of a kind, in order; the first that fails is the last.
function hooks_methods:run_all(kind)
  for index, hook in ipairs(self.config.hooks[kind]) do
    local ok, err = self:run({ kind = kind, index = index, hook = hook })
    if not ok then
      return nil, err
    end
  end
  return true
end

-- The process' id in its own pid namespace.
local function inner_pid(host, pid)
  local procfs, err = host:procfs()
  if not procfs then
    return nil, err
  end
  local text
  text, err = core.path.read(procfs, pid .. "/status", STATUS_MAX)
  if not text then
    return nil, err
  end
  return tonumber(text:match("\nNSpid:[^\n]-(%d+)\n") or pid)
end

--- What commands in the container's namespaces read: the state, with the process' id as they see
-- it.
-- @tparam string kind
-- @tparam number pid
-- @treturn[1] ctr.fd
-- @return[2] nil
-- @treturn[2] ctr.Error
function hooks_methods:input(kind, pid)
  local inner, err = inner_pid(self.container.host, pid)
  if not inner then
    return nil, err
  end
  local state = record.oci_state(self.container, STATUS[kind])
  state.pid = inner
  local text
  text, err = core.json.encode(state)
  if not text then
    return nil, err
  end
  return core.fd.memfd("state", text)
end

--- Runs what follows the end of the container. A failure is no reason not to run the others.
-- @treturn ?ctr.Error the first failure
function hooks_methods:run_poststop()
  local first
  for index, hook in ipairs(self.config.hooks.poststop) do
    local _, err
    if type(hook.func) == "string" then
      err = absent("poststop", index)
    else
      _, err = self:run({ kind = "poststop", index = index, hook = hook })
    end
    first = first or err
  end
  return first
end

--- Checks that the functions of some kinds are in this program.
-- @tparam {string,…} kinds
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function hooks_methods:check_present(kinds)
  for _, kind in ipairs(kinds) do
    for index, hook in ipairs(self.config.hooks[kind]) do
      if type(hook.func) == "string" then
        return nil, absent(kind, index)
      end
    end
  end
  return true
end

local function new_token()
  return ("%d-%.9f"):format(core.proc.getpid(), core.proc.clock())
end

--- Finds the functions of a container whose state was read: where this factory made the container,
-- it has them. The state file has a token in their place.
-- @tparam ctr.Container container
function M.attach(container)
  local config, known = container.configuration, container.factory.hook_functions
  local token, has_functions
  each(config.hooks, function(hook)
    if type(hook.func) == "string" then
      token = hook.func
    end
    has_functions = has_functions or type(hook.func) == "function"
  end)
  if has_functions then
    token = new_token()
    known[token] = config.hooks
  elseif token and known[token] then
    config.hooks = known[token]
  end
  container.hook_token = token
end

--- Forgets the functions of a container that is gone.
function M.detach(container)
  if container.hook_token then
    container.factory.hook_functions[container.hook_token] = nil
  end
end

--- The configuration as it can be stored: functions cannot.
-- @tparam ctr.Container container
-- @treturn table
function M.storable(container)
  if not container.hook_token then
    return container.configuration
  end
  local config, hooks = {}, {}
  for key, value in pairs(container.configuration) do
    config[key] = value
  end
  for kind in pairs(STATUS) do
    hooks[kind] = {}
  end
  each(container.configuration.hooks, function(hook, kind, index)
    hooks[kind][index] = hook.func and { func = container.hook_token } or hook
  end)
  config.hooks = hooks
  return config
end

return M
