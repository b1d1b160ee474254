--- Carries out a plan: opens what it needs of the host, spawns the bootstrap, and talks to it until
-- the program runs or waits. A failure undoes what was done and names the step's config path.
-- @module ctr.launch

local conversation = require("ctr.launch.conversation")
local core = require("ctr.core")
local errors = require("ctr.errors")
local planner = require("ctr.plan")
local resources = require("ctr.resources")

local M = {}

local SIGKILL = 9

local session_methods = {}
local session_metatable = { __index = session_methods }

-- A launch in progress: what is open, what was sent, what has to be undone.
local function new_session(options)
  options.undo, options.opened, options.resources = {}, {}, options.resources or {}
  options.steps, options.awaited, options.sources = {}, {}, {}
  return setmetatable(options, session_metatable)
end

--- Has something served while the bootstrap works: a seccomp listener that is answered in here.
-- @tparam table source `fd`, and `serve(source)`, called when it can be read: true, or nil and an
-- error that ends the start
function session_methods:add_source(source)
  self.sources[#self.sources + 1] = source
end

--- Takes back what `add_source` said.
function session_methods:remove_source(source)
  for index, known in ipairs(self.sources) do
    if known == source then
      table.remove(self.sources, index)
      return
    end
  end
end

--- Registers what undoes a step that has just been done.
function session_methods:on_failure(undo)
  self.undo[#self.undo + 1] = undo
end

local function fail(session, err)
  for index = #session.undo, 1, -1 do
    session.undo[index]()
  end
  return nil, err
end

local function keep_open(session, handle)
  session.opened[#session.opened + 1] = handle
  return handle
end

local function close_opened(session)
  for _, handle in ipairs(session.opened) do
    handle:close()
  end
  session.opened = {}
end

local function resolve(session, name, step)
  local number = session.numbers[name]
  if number then
    return number
  end
  local fd, is_ours = session.resources[name], false
  if not fd then
    fd, is_ours = resources.open(session, name)
  end
  if not fd then
    return nil, errors.with_path(is_ours, step.path)
  end
  if is_ours then
    keep_open(session, fd)
  end
  if fd == core.wire.NONE then
    session.numbers[name] = fd
    return fd
  end
  session.fds[#session.fds + 1] = fd
  session.numbers[name] = #session.fds - 1
  return session.numbers[name]
end

local function resolve_numbers(session, step)
  local nums, copied = step.nums, false
  for index, num in ipairs(step.nums) do
    if type(num) == "string" and num:byte() == 64 then -- "@"
      local number, err = resolve(session, num, step)
      if not number then
        return nil, err
      end
      if not copied then
        nums, copied = { unpack(step.nums) }, true
      end
      nums[index] = number
    end
  end
  return nums
end

-- Numbers what the plan needs and puts it in the bootstrap's words. The steps that the bootstrap
-- runs are remembered by their number there, for its reports.
function session_methods:encode(plan)
  local operations = {}
  for _, step in ipairs(plan) do
    if not step.by then
      local nums, err = resolve_numbers(self, step)
      if not nums then
        return nil, err
      end
      operations[#operations + 1] = { step.op, nums, step.strings }
      self.steps[#self.steps + 1] = step
      self.awaited[#self.awaited + 1] = conversation.awaited_at(step)
    end
  end
  return core.wire.encode(operations, self.keep)
end

local function kill_and_reap(session)
  if session.pidfd then
    core.proc.send_signal(session.pidfd, SIGKILL)
    core.proc.wait(session.pidfd, {})
    session.pidfd:close()
    session.pidfd = nil
  end
end

-- What to execute: the sealed bootstrap, or the custom init program that will become it by
-- start_initialization.
local function program_of(session, options)
  local custom = session.factory.init_path
  if not custom then
    local image, err = session.host:image()
    if not image then
      return nil, err
    end
    options.image = image
    options.argv = { "ctr-init", tostring(session.keep) }
    options.env = {}
    return true
  end
  options.path = custom
  options.argv = session.factory.init_args or { custom }
  options.env = {
    "_LIBCONTAINER_INITPIPE=" .. session.keep,
    "_LIBCONTAINER_INITTYPE=" .. (session.mode == "exec" and "setns" or "standard"),
  }
  return true
end

-- A cgroup that hands controllers on takes no process (EBUSY): there may be another.
local function spawn_child(session, options)
  local child, err = core.proc.spawn(options)
  local instead = not child and err.errno == "EBUSY" and session.cgroup_instead
  local directory = instead and instead()
  if directory then
    options.cgroup = directory
    child, err = core.proc.spawn(options)
    directory:close()
  end
  return child, err
end

-- The message waits in the socket before the bootstrap exists; only what does not fit in the
-- socket's buffer has to be sent while it reads.
local function spawn(session, message, flags)
  local options = { fds = session.fds, flags = flags, cgroup = session.cgroup_fd }
  local ok, err = program_of(session, options)
  if not ok then
    return nil, err
  end
  core.fd.set_nonblock(session.socket, true)
  local sent
  sent, err = core.fd.send(session.socket, message)
  if not sent then
    if err.errno ~= "EAGAIN" then
      return nil, err
    end
    sent = 0
  end
  core.fd.set_nonblock(session.socket, false)
  local child
  child, err = spawn_child(session, options)
  if not child then
    return nil, options.path and errors.with_path(err, "init_path") or err
  end
  session.pid, session.pidfd = child.pid, child.pidfd
  session:on_failure(function() kill_and_reap(session) end)
  session.child_socket:close()
  if sent < #message then
    return core.fd.send(session.socket, message:sub(sent + 1), nil, true)
  end
  return true
end


local function open_socket(session)
  local ours, theirs = core.fd.socketpair("stream")
  if not ours then
    return nil, theirs
  end
  session.socket, session.child_socket = ours, keep_open(session, theirs)
  session.keep = #session.streams.fds
  session.fds = { unpack(session.streams.fds) }
  session.fds[session.keep + 1] = theirs
  session.numbers = {}
  return true
end

-- While the bootstrap works: what it will ask for.
local function work_ahead(session)
  local ok, err = conversation.provide_cgroups(session)
  if ok and session.mode == "run" then
    return conversation.commit(session)
  end
  return ok, err
end

local function go(session, plan, flags)
  local ok, err = open_socket(session)
  if not ok then
    return nil, err
  end
  local message
  message, err = session:encode(plan)
  if not message then
    return nil, err
  end
  ok, err = spawn(session, message, flags)
  if not ok then
    return nil, err
  end
  close_opened(session)
  if not planner.needs_stage(session.spaces) then
    ok, err = work_ahead(session)
    if not ok then
      return nil, err
    end
  end
  return conversation.converse(session)
end

--- Runs a plan to the point where the program runs, or (mode "start") waits for its fifo.
-- @tparam table options `host`, `factory`, `config`, `process` (merged), `facts`, `spaces`, `mode`,
-- `streams` (`ctr.stream`), `resources` (name → descriptor, for what only the caller knows),
-- `cgroup_fd` (for CLONE_INTO_CGROUP), `cgroup_instead` (opens another one, where that one takes no
-- process), `make_cgroups` (makes the cgroups that are joined late, and
-- returns the files to join by), `commit` (called with the pid before the program may run),
-- `confine` (called when all is set up),
-- `on_listener` (called with the session and the listener of its seccomp filter, before the
-- bootstrap makes a call that the filter asks about; true, or nil and an error)
-- @tparam ctr.Plan plan
-- @tparam number flags CLONE_NEW* for the spawn
-- @treturn[1] table `pid`, `pidfd`; `supervisor`, where `on_listener` set one; `mounted`: of a plan
-- that ends in `leave`, the id of the mount that it attached last
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.run(options, plan, flags)
  local session = new_session(options)
  local ok, err = go(session, plan, flags)
  close_opened(session)
  if session.socket then
    session.socket:close()
  end
  if not ok then
    return fail(session, err)
  end
  if session.supervisor then
    session.supervisor:set_up_while(nil)
  end
  return { pid = session.pid, pidfd = session.pidfd, supervisor = session.supervisor,
    mounted = session.mounted }
end

return M
