--- Carries out a plan: opens what it needs of the host, spawns the bootstrap, and talks to it until
-- the program runs or waits. A failure undoes what was done and names the step's config path.
-- @module ctr.launch

local bit = require("bit")
local core = require("ctr.core")
local errors = require("ctr.errors")
local idmap = require("ctr.idmap")
local planner = require("ctr.plan")
local program = require("ctr.plan.program")
local resources = require("ctr.resources")
local user = require("ctr.user")

local M = {}

local USER_FILE_MAX = 1024 * 1024
local SIGKILL = 9

local session_methods = {}
local session_metatable = { __index = session_methods }

-- A launch in progress: what is open, what was sent, what has to be undone.
local function new_session(options)
  options.undo, options.opened, options.resources = {}, {}, options.resources or {}
  options.steps = {}
  return setmetatable(options, session_metatable)
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
local function encode(session, plan)
  local operations = {}
  for _, step in ipairs(plan) do
    if not step.by then
      local nums, err = resolve_numbers(session, step)
      if not nums then
        return nil, err
      end
      operations[#operations + 1] = { step.op, nums, step.strings }
      session.steps[#session.steps + 1] = step
    end
  end
  return core.wire.encode(operations, session.keep)
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
  child, err = core.proc.spawn(options)
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

local function ended_early(session)
  local result = core.proc.wait(session.pidfd, { nowait = true }) or {}
  local how = "went away"
  if result.signal then
    how = "was killed by " .. result.signal
    if result.signal == "SIGKILL" then
      how = how .. " (out of memory? the memory limit may be too low)"
    end
  elseif result.code then
    how = "exited with " .. result.code
  end
  local step = session.steps[#session.steps]
  return errors.new("SystemError", "the container's init " .. how .. " while it was set up",
    { op = "start", path = step and session.mode == "exec" and step.path or nil })
end

local function acknowledge(session)
  local sent, err = core.fd.send(session.socket, core.wire.frame("ACK", 0), nil, true)
  if not sent then
    -- The child may be gone with a report behind it: that is read next, and says more.
    return err.errno == "EPIPE" or err.errno == "ECONNRESET" or nil, err
  end
  return true
end

-- What an operation's refusal may mean, where the kernel's word does not say.
local HINTS = {
  mknod = { EPERM = "cgroups.devices have to allow m, mknod, for it" },
}

local function explain(err, step)
  local hint = HINTS[step.op] and HINTS[step.op][err.errno]
  if hint then
    err.message = ("%s (%s)"):format(tostring(err), hint)
  end
  local path = step.op == "exec" and program.blamed(err) or step.path
  return errors.with_path(err, path)
end

-- The ACK of the sync `start` goes ahead, as soon as all that is read before it has been sent.
local function release(session)
  local is_next = not session.awaits_tail and not session.awaits_cgroups
  if session.mode == "run" and session.committed and is_next then
    return acknowledge(session)
  end
  return true
end

-- Makes the cgroups that the container joins late, unless that was done ahead.
local function provide_cgroups(session)
  if not session.awaits_cgroups then
    return true
  end
  local handles, err = session.make_cgroups()
  if not handles then
    return nil, err
  end
  local sent
  sent, err = core.fd.send(session.socket, core.wire.frame("ACK", 0), handles, true)
  for _, handle in ipairs(handles) do
    handle:close()
  end
  if not sent and err.errno ~= "EPIPE" and err.errno ~= "ECONNRESET" then
    return nil, err
  end
  session.awaits_cgroups = false
  return release(session)
end

local handlers = {}

function handlers.FAIL(session, frame)
  local step = session.steps[frame.step + 1]
  return nil, step and explain(frame.err, step) or frame.err
end

function handlers.SYNC(session, frame)
  if frame.name == "start" then
    session.reached_start = true
    return true
  end
  if frame.name == "cgroups" then
    return provide_cgroups(session)
  end
  local ok, err = idmap.write(session.host, session.factory, session.config, session.pid)
  if not ok then
    return nil, err
  end
  return acknowledge(session)
end


local function commit(session)
  if session.committed or session.mode == "exec" then
    return true
  end
  local ok, err = session.commit(session.pid, session)
  if not ok and err.errno == "ESRCH" then
    return true -- it is gone: what it said before is read next, and says more
  end
  if not ok then
    return nil, err
  end
  session.committed = true
  return release(session)
end

-- The stage that entered the user namespace is done: the process that it made is our own child.
function handlers.PID(session, frame, handles)
  core.proc.wait(session.pidfd, {})
  session.pidfd:close()
  session.pid, session.pidfd = frame.value, handles[1]
  if not session.pidfd then
    return nil, errors.new("SystemError", "the container's init does not speak our language")
  end
  if session.mode == "run" then
    return commit(session)
  end
  return true
end

function handlers.READY(session)
  local ok, err = commit(session)
  if not ok or not session.committed then
    return ok, err
  end
  ok, err = acknowledge(session)
  if not ok then
    return nil, err
  end
  session.done = true
  return true
end

local function read_user_file(handle)
  if not handle then
    return nil
  end
  local content = core.path.read_fd(handle, USER_FILE_MAX)
  handle:close()
  return content
end

function handlers.FILES(session, frame, handles)
  local given = frame.err and frame.err.num or frame.num or 0
  local passwd = bit.band(given, 1) ~= 0 and table.remove(handles, 1) or nil
  local group = bit.band(given, 2) ~= 0 and table.remove(handles, 1) or nil
  local found, err = M.resolve_user(session.config, session.process, session.facts,
    read_user_file(passwd), read_user_file(group))
  if not found then
    return nil, err
  end
  session.facts.user = found
  local message
  message, err = encode(session, planner.tail(session.config, session.process, session.facts))
  if not message then
    return nil, err
  end
  local sent
  sent, err = core.fd.send(session.socket, message, nil, true)
  if not sent then
    return nil, err
  end
  session.awaits_tail = false
  return release(session)
end

local function read_frame(session)
  local data, handles = "", {}
  while #data < core.wire.FRAME_SIZE do
    local more, fds = core.fd.recv(session.socket, core.wire.FRAME_SIZE - #data)
    if not more then
      if fds.errno == "ECONNRESET" then
        return nil
      end
      return nil, fds
    end
    if more == "" then
      return nil
    end
    data = data .. more
    for _, handle in ipairs(fds or {}) do
      handles[#handles + 1] = handle
    end
  end
  local frame, err = core.wire.parse_frame(data)
  return frame, frame and handles or err
end

-- The control socket closes by itself when the program is executed.
local function is_success(session)
  return session.mode == "exec" or session.reached_start
end

local function converse(session)
  while not session.done do
    local frame, handles = read_frame(session)
    if not frame then
      if handles then
        return nil, handles
      end
      if is_success(session) then
        return true
      end
      return nil, ended_early(session)
    end
    local handle = handlers[frame.kind]
    if not handle then
      return nil, errors.new("SystemError", "the container's init does not speak our language")
    end
    local ok, err = handle(session, frame, handles)
    if not ok then
      return nil, err
    end
  end
  return true
end

local function check_mapped(config, facts, found)
  if not facts.maps then
    return true
  end
  for _, check in ipairs({ { found.uid, config.uid_mappings, "user" },
    { found.gid, config.gid_mappings, "group" } }) do
    if not idmap.to_host(check[2], check[1]) then
      return nil, errors.new("ConfigInvalid", ("%s %d is not mapped in the user namespace"):format(
        check[3], check[1]), { path = "process.user" })
    end
  end
  return true
end

--- Looks up who a process runs as.
-- @tparam table config
-- @tparam table process
-- @tparam table facts `maps`: ids must be mapped by the configuration
-- @tparam ?string passwd the text of the container's /etc/passwd
-- @tparam ?string group the text of its /etc/group
-- @treturn[1] table `uid`, `gid`, `groups`, `home`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.resolve_user(config, process, facts, passwd, group)
  local found, err = user.resolve({
    user = process.user, additional_groups = process.additional_groups,
    passwd = passwd, group = group,
  })
  if not found then
    return nil, err
  end
  if not facts.can_setgroups and #process.additional_groups > 0 then
    return nil, errors.new("ConfigInvalid",
      "cannot be set: the user namespace does not allow setgroups",
      { path = "process.additional_groups" })
  end
  local ok, problem = check_mapped(config, facts, found)
  if not ok then
    return nil, problem
  end
  return found
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

local function has_tail(plan)
  return plan[#plan].op == "more"
end

-- While the bootstrap works: what it will ask for.
local function work_ahead(session)
  local ok, err = provide_cgroups(session)
  if ok and session.mode == "run" then
    return commit(session)
  end
  return ok, err
end

local function go(session, plan, flags)
  local ok, err = open_socket(session)
  if not ok then
    return nil, err
  end
  session.awaits_tail = has_tail(plan)
  session.awaits_cgroups = session.make_cgroups ~= nil
  local message
  message, err = encode(session, plan)
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
  return converse(session)
end

--- Runs a plan to the point where the program runs, or (mode "start") waits for its fifo.
-- @tparam table options `host`, `factory`, `config`, `process` (merged), `facts`, `spaces`, `mode`,
-- `streams` (`ctr.stream`), `resources` (name → descriptor, for what only the caller knows),
-- `cgroup_fd` (for CLONE_INTO_CGROUP), `make_cgroups` (makes the cgroups that are joined late, and
-- returns the files to join by), `commit` (called with the pid before the program may run)
-- @tparam ctr.Plan plan
-- @tparam number flags CLONE_NEW* for the spawn
-- @treturn[1] table `pid`, `pidfd`
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
  return { pid = session.pid, pidfd = session.pidfd }
end

return M
