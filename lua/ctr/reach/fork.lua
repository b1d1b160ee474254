--- Copies of the calling program that go on elsewhere: in a container, or as a process of their own
-- beside it.
-- @module ctr.reach.fork

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local NULL = { flags = { "rdwr" } }
local GRACE_SECONDS = 5 -- for what a killed process takes to be gone

-- The numbers of all that is open, by a procfs that is nobody else's.
local function open_numbers(host)
  local procfs, err = host:procfs()
  if not procfs then
    return nil, err
  end
  local names
  names, err = core.path.list(procfs, core.proc.getpid() .. "/fd")
  if not names then
    return nil, err
  end
  local numbers = {}
  for index, name in ipairs(names) do
    numbers[index] = tonumber(name)
  end
  table.sort(numbers)
  return numbers
end

-- In the copy. A function that yields would go on in code of the caller's that is not meant for it.
local function run(body, channel)
  local thread = coroutine.create(body)
  coroutine.resume(thread, channel)
  core.inside.exit(0)
end

local child_methods = {}
local child_metatable = { __index = child_methods }

local function fork(host, options, body)
  local ours, theirs = core.fd.socketpair("stream")
  if not ours then
    return nil, theirs
  end
  local null, numbers, forked, err
  null, err = core.fd.open("/dev/null", NULL)
  if null then
    numbers, err = open_numbers(host)
  end
  if numbers then
    options.channel, options.null, options.open = theirs, null, numbers
    forked, err = core.inside.fork(options)
  end
  if forked == false then
    run(body, theirs)
  end
  if null then
    null:close()
  end
  theirs:close()
  if not forked then
    ours:close()
    return nil, err
  end
  forked.channel = ours
  return setmetatable(forked, child_metatable)
end

--- Forks.
-- @tparam ctr.Host host
-- @tparam table options of `core.inside.fork`, but `channel`, `null` and `open`
-- @tparam function body runs in the copy, and is given the channel; the copy ends with it
-- @treturn[1] table `pid`, `pidfd`, `channel`, and methods
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.fork(host, options, body)
  return fork(host, options, body)
end

--- Lets the copy begin, once it is where it belongs.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function child_methods:go()
  return core.fd.write_all(self.channel, "g")
end

local function timed_out(op)
  return nil, errors.new("SystemError", "it takes too long", { op = op, errno = "ETIMEDOUT" })
end

--- Reads what comes next from the copy.
-- @tparam number max bytes
-- @tparam ?number deadline by `core.proc.clock`
-- @treturn[1] string "" at the end
-- @treturn[1] {ctr.fd,…}
-- @return[2] nil
-- @treturn[2] ctr.Error errno ETIMEDOUT
function child_methods:receive(max, deadline)
  local left = deadline and math.max(0, deadline - core.proc.clock())
  local ready, err = core.poll.wait({ { fd = self.channel, events = "r" } }, left)
  if not ready then
    return nil, err
  end
  if not ready[1] then
    return timed_out("call")
  end
  local data, handles = core.fd.recv(self.channel, max)
  if not data and handles.errno == "ECONNRESET" then
    return "", {}
  end
  return data, handles
end

--- Reads a number of bytes.
-- @treturn[1] string shorter at the end
-- @treturn[1] {ctr.fd,…}
-- @return[2] nil
-- @treturn[2] ctr.Error
function child_methods:receive_all(size, deadline)
  local parts, got, handles = {}, 0, {}
  while got < size do
    local data, more = self:receive(math.min(size - got, 65536), deadline)
    if not data then
      return nil, more
    end
    for _, handle in ipairs(more or {}) do
      handles[#handles + 1] = handle
    end
    if data == "" then
      break
    end
    parts[#parts + 1], got = data, got + #data
  end
  return table.concat(parts), handles
end

-- The copy that enters a pid namespace makes another one in there, and ends.
local function adopt(child, frame, handles)
  core.proc.wait(child.pidfd, {})
  child.pidfd:close()
  child.pid, child.pidfd = frame.value, table.remove(handles, 1)
end

local function take_frame(child, data, handles)
  local frame = #data == core.wire.FRAME_SIZE and core.wire.parse_frame(data)
  if frame and frame.kind == "PID" and handles[1] then
    adopt(child, frame, handles)
  end
  for _, handle in ipairs(handles) do
    handle:close()
  end
  return frame
end

--- How the copy ended, in words.
-- @treturn string
function child_methods:ending()
  local result = core.proc.wait(self.pidfd, { nowait = true, nohang = true })
  if not result then
    return "went away"
  end
  return result.signal and "was killed by " .. result.signal or "ended with " .. result.code
end

--- Waits until the copy is what it was to become.
-- @tparam ?number deadline
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function child_methods:await(deadline)
  while true do
    local data, handles = self:receive_all(core.wire.FRAME_SIZE, deadline)
    if not data then
      return nil, handles
    end
    local frame = take_frame(self, data, handles)
    if not frame then
      core.poll.wait({ { fd = self.pidfd, events = "r" } }, GRACE_SECONDS)
      return nil, errors.new("SystemError", "the process in the container " .. self:ending()
        .. " while it was set up", { op = "call" })
    elseif frame.kind == "FAIL" then
      return nil, frame.err
    elseif frame.kind == "READY" then
      return true
    end
  end
end

--- Kills the copy, and takes what is left of it.
function child_methods:finish()
  core.proc.send_signal(self.pidfd, core.proc.signals.SIGKILL)
  core.proc.wait(self.pidfd, {})
  self.pidfd:close()
  -- It may have told of another one that nobody has heard of yet.
  core.fd.set_nonblock(self.channel, true)
  local data, handles = core.fd.recv(self.channel, core.wire.FRAME_SIZE)
  if data and handles and handles[1] then
    core.proc.send_signal(handles[1], core.proc.signals.SIGKILL)
    core.proc.wait(handles[1], {})
    for _, handle in ipairs(handles) do
      handle:close()
    end
  end
  self.channel:close()
end

return M
