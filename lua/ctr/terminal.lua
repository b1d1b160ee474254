--- A process' terminal in the foreground: the caller's own, passed through.
-- @module ctr.terminal

local core = require("ctr.core")
local errors = require("ctr.errors")
local relays = require("ctr.relay")

local M = {}

local STDIN, STDOUT, STDERR = 0, 1, 2
local READ_WRITE = { flags = { "rdwr", "noctty" } }

local session_methods = {}
local session_metatable = { __index = session_methods }

--- Finds the caller's terminal: the first of the standard streams that is one, from the last to the
-- first, else the controlling terminal.
-- @treturn ?number|ctr.fd
function M.find()
  for _, fd in ipairs({ STDERR, STDOUT, STDIN }) do
    if core.tty.is_tty(fd) then
      return fd
    end
  end
  return (core.fd.open("/dev/tty", READ_WRITE))
end

-- The terminal's own character for the end of input, which behind half a line only ends that.
local function end_of_input(channel)
  local is_within_line = channel.last_byte and channel.last_byte ~= "\n"
  return is_within_line and "\4\4" or "\4"
end

local function add_channels(session)
  local reads_keys = core.tty.is_tty(STDIN)
  -- With nobody to show it to, the process would wait for ever to be read.
  session.relay:add({ from = session.master, to = STDOUT, on_end = function(channel)
    session.has_hung_up = session.has_hung_up or channel.is_broken
  end })
  -- A raw terminal has no end of input: what ends it is its hang-up.
  session.relay:add({ from = STDIN, to = session.master, is_input = true,
    at_end = not reads_keys and end_of_input or nil,
    on_end = function(channel)
      local has_ended = reads_keys and not channel.is_broken and not session.is_stopped
      session.has_hung_up = session.has_hung_up or has_ended
    end })
end

--- Passes a terminal through to a process' own.
-- @tparam ctr.fd master of the process' terminal; it is the session's now
-- @tparam table options `tty`: the caller's terminal, where there is one; `translates`: what is
-- written to that is still treated as it says
-- @treturn table a part for `ctr.relay.step`
function M.open(master, options)
  core.fd.set_nonblock(master, true)
  local session = setmetatable({ master = master, tty = options.tty, relay = relays.new() },
    session_metatable)
  session.translates = options.translates
  add_channels(session)
  session:resume()
  return session
end

--- Makes the caller's terminal raw.
function session_methods:resume()
  self.saved = self.tty and core.tty.raw(self.tty, { translates = self.translates })
  self:resize()
end

--- Puts the caller's terminal back.
function session_methods:pause()
  if self.saved then
    core.tty.restore(self.tty, self.saved)
    self.saved = nil
  end
end

--- Gives the process' terminal the size of the caller's.
function session_methods:resize()
  local columns, rows = nil, nil
  if self.tty and self.master then
    columns, rows = core.tty.size(self.tty)
  end
  if columns and columns > 0 and rows > 0 then
    core.tty.set_size(self.master, columns, rows)
  end
end

function session_methods:watched(set)
  self.relay:watched(set)
end

function session_methods:dispatch(ready, first)
  self.relay:dispatch(ready, first)
end

--- Reads no more keys: the process has ended.
function session_methods:stop_input()
  self.is_stopped = true
  self.relay:stop_input()
end

--- Says whether all that was written until now has been shown. Others may have the terminal open
-- after the process has ended: they are not waited for.
function session_methods:is_drained()
  local output = self.relay.channels[1]
  return not output
    or not output.data and not core.poll.wait({ { fd = self.master, events = "r" } }, 0)[1]
end

--- Hangs up: whose terminal it is gets SIGHUP from the kernel.
function session_methods:hang_up()
  self.relay:close()
  if self.master then
    self.master:close()
    self.master = nil
  end
end

--- Puts the caller's terminal back, and hangs up.
function session_methods:close()
  self:pause()
  self:hang_up()
end

-- Tells a session when the caller's terminal has changed its size.
local size_methods = {}
local size_metatable = { __index = size_methods }

local function watch_size(session)
  local handle, was_let_through = core.event.signal(core.proc.signals.SIGWINCH)
  return handle and setmetatable({ handle = handle, session = session,
    was_let_through = was_let_through }, size_metatable)
end

function size_methods:watched(set)
  set[#set + 1] = { fd = self.handle, events = "r" }
end

function size_methods:dispatch(ready, first)
  if ready[first] and core.event.read_signal(self.handle) then
    self.session:resize()
  end
end

function size_methods:close()
  self.handle:close()
  if self.was_let_through then
    core.event.unblock(core.proc.signals.SIGWINCH)
  end
end

local function timed_out()
  return nil, errors.new("SystemError", "the process still runs",
    { op = "wait", errno = "ETIMEDOUT" })
end

local function run(process, session, size, timeout)
  local deadline = timeout and core.proc.clock() + timeout
  while true do
    process:reap_others()
    local left = deadline and math.max(0, deadline - core.proc.clock())
    local results, err = relays.step({ process, session, size }, left)
    if not results then
      return nil, err
    end
    if results[process] then
      break
    end
    if left == 0 then
      return timed_out()
    end
    if session.has_hung_up then
      session:hang_up()
    end
  end
  session:stop_input()
  while not session:is_drained() do
    local results, err = relays.step({ session })
    if not results then
      return nil, err
    end
  end
  return true
end

--- Passes the caller's terminal through to a process' own until the process has ended.
-- The terminal is raw meanwhile and is put back, whatever happens.
-- @tparam ctr.Process process with a console
-- @tparam[opt] number timeout seconds
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.relay(process, timeout)
  local session = process.session
  if session then
    session:resume()
  else
    session = M.open(process.master, { tty = core.tty.is_tty(STDIN) and STDIN or nil })
    process.session = session
  end
  local size = watch_size(session)
  local ok, ended, err = pcall(run, process, session, size, timeout)
  if size then
    size:close()
  end
  if ok and not ended and session.master then
    session:pause() -- it may be waited for again
  else
    session:close()
    process.master, process.session = nil, nil
  end
  if not ok then
    error(ended, 0)
  end
  return ended, err
end

return M
