--- What the library and the bootstrap say to each other once a plan runs (`src/wire.h`).
-- @module ctr.launch.conversation

local bit = require("bit")
local account = require("ctr.launch.account")
local core = require("ctr.core")
local errors = require("ctr.errors")
local idmap = require("ctr.idmap")
local planner = require("ctr.plan")
local program = require("ctr.plan.program")
local sources = require("ctr.launch.sources")

local M = {}

local LOOK_SECONDS = 0.5

local function ended_early(session)
  local result = core.proc.wait(session.pidfd, { nowait = true }) or {}
  local how = "went away"
  if result.signal then
    how = "was killed by " .. result.signal
    if result.signal == "SIGKILL" then
      how = how .. " (out of memory? the memory limit may be too low)"
    elseif result.signal == "SIGSYS" then
      how = how .. " (its seccomp filter forbids a call that the start itself makes)"
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
  scheduler = {
    EPERM = "it needs CAP_SYS_NICE; SCHED_DEADLINE does not go together with cgroups.cpuset_cpus, "
      .. "and real time needs cpu.rt_runtime_us where the kernel groups it",
    EINVAL = "the kernel does not have this policy, or not these flags",
  },
  io_priority = { EPERM = "IOPRIO_CLASS_RT needs CAP_SYS_NICE or CAP_SYS_ADMIN" },
  memory_policy = {
    ENOSYS = "this kernel was built without NUMA",
    EINVAL = "the kernel does not have this mode, or the container not these nodes",
  },
  cpu_affinity = { EINVAL = "none of these CPUs is there, or allowed in the cpuset" },
}

local LOCKED = "cannot clear locked flags: in a user namespace mounts keep the restrictions that "
  .. "they have outside"

local COVERED = "a user namespace may not uncover anything: it has to be bound with what is "
  .. "mounted below it, by rbind"

local function explain_source(err, step)
  local index = tonumber(step.path:match("^mounts%[(%d+)%]$"))
  if index and err.errno == "ENOENT" then
    return sources.missing(index, step.strings[1])
  end
  if index and err.errno == "EINVAL" then
    err.message = ("%s (%s)"):format(tostring(err), COVERED)
  end
  return err
end

local function explain_mount(err, step)
  if err.op == "mount_setattr" and err.errno == "EPERM" then
    err.message = ("%s (%s)"):format(tostring(err), LOCKED)
  elseif step.op == "open_tree" or step.op == "clone_inside" then
    return explain_source(err, step)
  end
  return err
end

local function explain(err, step, session)
  err = explain_mount(err, step)
  if step.op == "hook" then
    err = require("ctr.hooks").failure(err, step.label.hook, session.said)
  end
  local hint = HINTS[step.op] and HINTS[step.op][err.errno]
  if hint then
    err.message = ("%s (%s)"):format(tostring(err), hint)
  elseif step.op == "label" then
    err.message = require("ctr.labels").words(err, step)
  end
  local path = step.op == "exec" and program.blamed(err) or step.path
  return errors.with_path(err, path)
end

local NEW_LISTENER = 8 -- SECCOMP_FILTER_FLAG_NEW_LISTENER

-- Where the bootstrap waits for an answer, by operation.
local WAITS = {
  sync = function(step) return step.strings[1] end,
  cgroup_sync = function() return "cgroups" end,
  net_sync = function() return "network" end,
  more = function() return "files" end,
  hook_state = function() return "state" end,
  seccomp = function(step)
    return bit.band(step.nums[2], NEW_LISTENER) ~= 0 and "seccomp" or nil
  end,
}

--- Says what the bootstrap will wait for at a step.
-- @tparam table step
-- @treturn ?string the name of the answer
function M.awaited_at(step)
  local name_of = WAITS[step.op]
  return name_of and name_of(step)
end

-- Acknowledges with descriptors, which are closed here.
local function acknowledge_with(session, handles)
  local sent, err = core.fd.send(session.socket, core.wire.frame("ACK", 0), handles, true)
  for _, handle in ipairs(handles) do
    handle:close()
  end
  if not sent and err.errno ~= "EPIPE" and err.errno ~= "ECONNRESET" then
    return nil, err
  end
  return true
end

local function send_cgroups(session)
  local handles = session.cgroup_files
  session.cgroup_files = nil
  return acknowledge_with(session, handles)
end

-- An answer that needs no question goes ahead, as soon as all that is read before it has been sent:
-- so nobody waits for it.
local function answer_ahead(session)
  local name = session.awaited[1]
  local answer
  if name == "cgroups" and session.cgroup_files then
    answer = send_cgroups
  elseif name == "start" and session.committed and not session.confine then
    answer = acknowledge
  else
    return true
  end
  table.remove(session.awaited, 1)
  local ok, err = answer(session)
  if not ok then
    return nil, err
  end
  return answer_ahead(session)
end

-- The answer that was waited for has been sent.
local function answered(session)
  table.remove(session.awaited, 1)
  return answer_ahead(session)
end

-- Tells the bootstrap that what it waits for was done, if it was.
local function settle(session, ok, err)
  if ok then
    ok, err = acknowledge(session)
  end
  if not ok then
    return nil, err
  end
  return answered(session)
end

--- Makes the cgroups that the container joins late, unless that was done ahead.
function M.provide_cgroups(session)
  local make = session.make_cgroups
  if not make then
    return true
  end
  session.make_cgroups = nil
  local handles, err = make(session.pid)
  if not handles then
    return nil, err
  end
  session.cgroup_files = handles
  session:on_failure(function() M.close_cgroups(session) end)
  return answer_ahead(session)
end

--- Closes the files of the cgroups where the bootstrap did not come to ask for them.
function M.close_cgroups(session)
  for _, handle in ipairs(session.cgroup_files or {}) do
    handle:close()
  end
  session.cgroup_files = nil
end

--- Records the first process, before its program may run.
function M.commit(session)
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
  return answer_ahead(session)
end

local handlers = {}

function handlers.FAIL(session, frame)
  local step = session.steps[frame.step + 1]
  return nil, step and explain(frame.err, step, session) or frame.err
end

--- Keeps what a hook wrote, for the report that comes behind it.
-- @tparam table said `stdout`, `stderr`: what is known of them so far
-- @tparam table frame
function M.keep_output(said, frame)
  local name = frame.value == 2 and "stderr" or "stdout"
  said[name] = (said[name] or "") .. frame.text
end

function handlers.OUTPUT(session, frame)
  session.said = session.said or {}
  M.keep_output(session.said, frame)
  return true
end

-- What the bootstrap waits for, by the name of its sync: each answers by itself.
local syncs = {}

-- Puts in force what the set-up itself must not be subject to.
local function confine(session)
  if not session.confine then
    return true
  end
  local ok, err = session.confine()
  session.confine = nil
  return ok, err
end

function syncs.start(session)
  session.reached_start = true
  -- In a user namespace alone nobody else makes the process, and nothing before this tells of it.
  local ok, err = M.commit(session)
  if ok then
    ok, err = confine(session)
  end
  if not ok then
    return nil, err
  end
  return answer_ahead(session)
end

function syncs.cgroups(session)
  return M.provide_cgroups(session)
end

-- The socket that comes along stands for the container's network namespace.
function syncs.network(session, _, handles)
  return settle(session, session.network:setup(handles[1], session))
end

function syncs.userns(session)
  if session.spaces.joined.NEWUSER then
    return settle(session, idmap.check_joined(session.host, session.config, session.pid))
  end
  return settle(session, idmap.write(session.host, session.factory, session.config, session.pid))
end

-- Hooks find the container by its state: so that is written before the first one runs.
function syncs.hook(session, frame)
  local ok, err = M.commit(session)
  if ok then
    ok, err = session.hooks:run(session.steps[frame.step + 1].label, session.pidfd)
  end
  return settle(session, ok, err)
end

-- Whoever answers what the filter asks has the listener before the bootstrap goes on.
function syncs.seccomp(session, _, handles)
  local listener = handles[1]
  if not listener or not session.on_listener then
    return nil, errors.new("SystemError", "nobody takes the seccomp listener", { path = "seccomp" })
  end
  return settle(session, session.on_listener(session, listener))
end

-- The process waits until it is in its resctrl group: what it runs is then in it too.
function syncs.intel_rdt(session)
  return settle(session, session.enter_rdt(session.pid))
end

function syncs.state(session, frame)
  local ok, err = M.commit(session)
  if not ok then
    return nil, err
  end
  local input, problem = session.hooks:input(session.steps[frame.step + 1].label.kind, session.pid)
  if not input then
    return nil, problem
  end
  ok, err = acknowledge_with(session, { input })
  if not ok then
    return nil, err
  end
  return answered(session)
end

local function strange()
  return nil, errors.new("SystemError", "the container's init does not speak our language")
end

function handlers.SYNC(session, frame, handles)
  local answer = syncs[frame.name]
  if not answer then
    return strange()
  end
  return answer(session, frame, handles)
end

-- The stage that entered the user namespace is done: the process that it made is our own child.
function handlers.PID(session, frame, handles)
  core.proc.wait(session.pidfd, {})
  session.pidfd:close()
  session.pid, session.pidfd = frame.value, handles[1]
  if not session.pidfd then
    return strange()
  end
  if session.mode == "run" then
    return M.commit(session)
  end
  return true
end

function handlers.READY(session, frame)
  session.mounted = frame.text ~= "" and frame.text or nil
  local ok, err = M.commit(session)
  if not ok or not session.committed then
    return ok, err
  end
  ok, err = confine(session)
  if ok then
    ok, err = acknowledge(session)
  end
  if not ok then
    return nil, err
  end
  session.done = true
  return true
end

function handlers.FILES(session, frame, handles)
  local given = frame.err and frame.err.num or frame.num or 0
  local passwd = bit.band(given, 1) ~= 0 and table.remove(handles, 1) or nil
  local group = bit.band(given, 2) ~= 0 and table.remove(handles, 1) or nil
  local found, err = account.resolve(session.config, session.process, session.facts,
    account.read(passwd), account.read(group))
  if not found then
    return nil, err
  end
  session.facts.user = found
  local message
  message, err = session:encode(planner.tail(session.config, session.process, session.facts))
  if not message then
    return nil, err
  end
  local sent
  sent, err = core.fd.send(session.socket, message, nil, true)
  if not sent then
    return nil, err
  end
  return answered(session)
end

-- Serves who else has something to say until the bootstrap has: it may wait for an answer to a
-- call that its filter asks about, its execve(2) among them. Where others are in its pid namespace,
-- they may stop the process before it answers: then nobody ever would.
local function await_frame(session)
  local may_be_stopped = session.mode == "exec" or not session.spaces.new.NEWPID
  while may_be_stopped or #session.sources > 0 do
    local others, set = { unpack(session.sources) }, { { fd = session.socket, events = "r" } }
    for index, source in ipairs(others) do
      set[index + 1] = { fd = source.fd, events = "r" }
    end
    local ready, err = core.poll.wait(set, may_be_stopped and LOOK_SECONDS or nil)
    if not ready then
      return nil, err
    end
    for index, source in ipairs(others) do
      local ok, problem = true, nil
      if ready[index + 1] then
        ok, problem = source.serve(source)
      end
      if not ok then
        return nil, problem
      end
    end
    if ready[1] then
      return true
    end
    if may_be_stopped and session.host:is_stopped(session.pid) then
      return nil, errors.new("SystemError", "the process was stopped by another process while it "
        .. "was set up", { op = "start" })
    end
  end
  return true
end

--- Reads a frame from `session.socket`.
-- @treturn[1] table
-- @treturn[1] {ctr.fd,…} the descriptors that came along
-- @return[2] nil at the end, with an error where there is one
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

M.read_frame = read_frame

-- The control socket closes by itself when the program is executed.
local function is_success(session)
  return session.mode == "exec" or session.reached_start
end

--- Answers the bootstrap until the program runs, or waits.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.converse(session)
  while not session.done do
    local ok, err = await_frame(session)
    if not ok then
      return nil, err
    end
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
    local handle = handlers[frame.kind] or strange
    ok, err = handle(session, frame, handles)
    if not ok then
      return nil, err
    end
  end
  return true
end

return M
