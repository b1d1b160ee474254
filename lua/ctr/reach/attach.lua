--- The other side of a keeper: who is attached to a container.
-- @module ctr.reach.attach

local core = require("ctr.core")
local errors = require("ctr.errors")
local frames = require("ctr.reach.frames")
local keeping = require("ctr.reach.keeping")
local keys = require("ctr.reach.keys")
local record = require("ctr.record")
local relays = require("ctr.relay")

local M = {}

local CHUNK = 65536
local PIECE = 4096 -- PIPE_BUF: what is said to be writable takes as much without waiting
local OUTPUT_MAX = 256 * 1024 -- bytes that wait to be shown, before no more is read
local HELLO_SECONDS = 30
local REST_SECONDS = 1
local ENDS = { "SIGTERM", "SIGHUP" }

-- Frames to and from the keeper.
local line_methods = {}
local line_metatable = { __index = line_methods }

function line_methods:send(kind, data)
  for at = 1, #data, frames.DATA_MAX do
    self.pending = self.pending .. frames.pack(kind, data:sub(at, at + frames.DATA_MAX - 1))
  end
end

function line_methods:watched(set)
  local reads = self.screen:has_room() and "r" or ""
  set[#set + 1] = { fd = self.handle, events = self.pending ~= "" and reads .. "w" or reads }
end

local take = {}

function take.o(line, data)
  line.screen:show("output", data)
end

function take.e(line, data)
  line.screen:show("errors", data)
end

function take.l(line, data)
  line.screen:show("output", ("\r\n[%s bytes were left out]\r\n"):format(data))
end

function take.h() end

function take.x(line, data)
  line.ending = frames.parse_ending(data)
end

local function read_line(line)
  local data = core.fd.read(line.handle, CHUNK)
  if not data or data == "" then
    line.has_ended = true
    return
  end
  line.reader:feed(data)
  local kind, content = line.reader:next()
  while kind do
    take[kind](line, content)
    kind, content = line.reader:next()
  end
  line.has_ended = line.has_ended or kind == nil
end

local function write_line(line)
  local count, err = core.fd.write(line.handle, line.pending)
  if count then
    line.pending = line.pending:sub(count + 1)
  elseif err.errno ~= "EAGAIN" then
    line.pending = ""
  end
end

function line_methods:dispatch(ready, first)
  local events = ready[first]
  if not events then
    return
  end
  if events:find("w", 1, true) then
    write_line(self)
  end
  if events:find("[reh]") then
    read_line(self)
  end
end

-- Where output is shown; what is not taken waits.
local screen_methods = {}
local screen_metatable = { __index = screen_methods }

function screen_methods:show(name, data)
  self.queue[#self.queue + 1] = { fd = self[name], data = data }
  self.queued = self.queued + #data
end

function screen_methods:has_room()
  return self.queued < OUTPUT_MAX
end

function screen_methods:watched(set)
  set[#set + 1] = self.queue[1] and { fd = self.queue[1].fd, events = "w" } or nil
end

local function write_some(screen, head)
  local count, err = core.fd.write(head.fd, head.data:sub(1, PIECE))
  if not count and err.errno ~= "EAGAIN" then
    screen.is_gone = true
    count = #head.data
  end
  count = count or 0
  screen.queued = screen.queued - count
  head.data = head.data:sub(count + 1)
  if head.data == "" then
    table.remove(screen.queue, 1)
  end
end

function screen_methods:dispatch(ready, first)
  if self.queue[1] and ready[first] then
    write_some(self, self.queue[1])
  end
end

-- What is typed.
local keyboard_methods = {}
local keyboard_metatable = { __index = keyboard_methods }

function keyboard_methods:watched(set)
  if not self.has_ended and self.line.pending == "" then
    set[#set + 1] = { fd = self.fd, events = "r" }
    self.is_watched = true
  else
    self.is_watched = false
  end
end

function keyboard_methods:dispatch(ready, first)
  if not self.is_watched or not ready[first] then
    return
  end
  local data, err = core.fd.read(self.fd, CHUNK)
  if not data or data == "" then
    self.has_ended = not (err and err.errno == "EAGAIN")
    self.is_detached = self.is_detached or (self.has_ended and self.is_terminal)
    return
  end
  local passed, is_detached = self.filter:take(data)
  self.line:send("i", passed)
  self.is_detached = self.is_detached or is_detached
end

-- Signals: the window's size, and what ends programs.
local signal_methods = {}
local signal_metatable = { __index = signal_methods }

local function open_signals(names)
  local list = {}
  for _, name in ipairs(names) do
    local number = core.proc.signals[name]
    local handle, was_let_through = core.event.signal(number)
    list[#list + 1] = handle and { name = name, number = number, handle = handle,
      was_let_through = was_let_through } or nil
  end
  return setmetatable({ list = list }, signal_metatable)
end

function signal_methods:watched(set)
  for _, entry in ipairs(self.list) do
    set[#set + 1] = { fd = entry.handle, events = "r" }
  end
end

function signal_methods:dispatch(ready, first)
  for index, entry in ipairs(self.list) do
    if ready[first + index - 1] and core.event.read_signal(entry.handle) then
      self.on_signal(entry.name)
    end
  end
end

function signal_methods:close()
  for _, entry in ipairs(self.list) do
    entry.handle:close()
    if entry.was_let_through then
      core.event.unblock(entry.number)
    end
  end
end

local function connect(container)
  local handle, err = core.fd.connect_unix(keeping.path_of(container), "stream")
  if handle then
    return handle
  end
  if err.errno == "ENOENT" then
    return nil, record.refusal(container, "SystemError", "cannot be attached to: its process was "
      .. "not started with attachable = true", { errno = "ENOENT" })
  elseif err.errno == "ECONNREFUSED" then
    return nil, record.refusal(container, "ContainerNotRunning", "is not running: its process has "
      .. "ended")
  end
  return nil, err
end

-- What the keeper says first: whether there is a terminal.
local function greet(line)
  local deadline = core.proc.clock() + HELLO_SECONDS
  while true do
    local kind, data = line.reader:next()
    if kind == "h" then
      return data == "t" and "terminal" or "pipes"
    end
    local ready = core.poll.wait({ { fd = line.handle, events = "r" } },
      math.max(0, deadline - core.proc.clock()))
    local text = ready and ready[1] and core.fd.read(line.handle, CHUNK)
    if kind ~= false or not text or text == "" then
      return nil, errors.new("SystemError", "whoever keeps the container's streams does not answer",
        { op = "attach" })
    end
    line.reader:feed(text)
  end
end

local function send_size(session)
  local columns, rows = nil, nil
  if session.tty then
    columns, rows = core.tty.size(session.tty)
  end
  if columns and columns > 0 and rows > 0 then
    session.line:send("w", ("%dx%d"):format(columns, rows))
  end
end

local function outcome(session)
  if session.keyboard.is_detached or session.is_detached or session.screen.is_gone then
    return "detached"
  elseif session.line.ending then
    return session.line.ending
  elseif session.line.has_ended then
    return nil, errors.new("SystemError", "whoever keeps the container's streams has gone",
      { op = "attach" })
  end
  return false
end

-- Where this program is the process' parent, it alone can tell how that ended.
local function reap(session, results)
  if session.process and results[session.process] then
    session.process:wait()
    session.process = nil
    table.remove(session.parts)
  end
end

-- What was typed before the keys that detach is the process'.
local function send_rest(session)
  local deadline = core.proc.clock() + REST_SECONDS
  local line = session.line
  while line.pending ~= "" and core.proc.clock() < deadline do
    core.poll.wait({ { fd = line.handle, events = "w" } }, deadline - core.proc.clock())
    write_line(line)
  end
end

local function converse(session)
  local result, err
  repeat
    local results
    results, err = relays.step(session.parts)
    if not results then
      return nil, err
    end
    reap(session, results)
    result, err = outcome(session)
  until result ~= false
  send_rest(session)
  while session.screen.queue[1] and not session.screen.is_gone and result ~= "detached" do
    relays.step({ session.screen })
  end
  return result, err
end

local function open_session(line, options, kind, process)
  local session = { line = line, screen = line.screen, process = process }
  session.tty = core.tty.is_tty(options.input) and options.input or nil
  session.keyboard = setmetatable({ fd = options.input, line = line,
    filter = keys.filter(options.sequence), has_ended = options.read_only,
    is_terminal = session.tty ~= nil }, keyboard_metatable)
  session.signals = open_signals({ "SIGWINCH", unpack(ENDS) })
  session.signals.on_signal = function(name)
    if name == "SIGWINCH" then
      send_size(session)
    else
      session.is_detached = true
    end
  end
  session.parts = { line, session.screen, session.keyboard, session.signals, session.process }
  if kind == "terminal" and session.tty and not options.read_only then
    session.saved = core.tty.raw(session.tty, { translates = false })
  end
  if kind == "terminal" then
    send_size(session)
  end
  return session
end

local function close_session(session)
  if session.saved then
    core.tty.restore(session.tty, session.saved)
  end
  session.signals:close()
end

local OPTIONS = {
  detach_keys = "string", read_only = "boolean", input = true, output = true, errors = true,
}

local function read_options(opts)
  for key, value in pairs(opts) do
    local wanted = OPTIONS[key]
    if not wanted or (wanted ~= true and type(value) ~= wanted) then
      error(("bad argument #1 to 'attach' (%s)"):format(wanted and key .. ": " .. wanted
        .. " expected" or "unknown option '" .. tostring(key) .. "'"), 3)
    end
  end
  local sequence, problem = keys.parse(opts.detach_keys or keys.DEFAULT)
  if not sequence then
    return nil, errors.invalid({ { path = "detach_keys", text = problem } })
  end
  return { sequence = sequence, read_only = opts.read_only, input = opts.input or 0,
    output = opts.output or 1, errors = opts.errors or 2 }
end

--- Attaches to a container.
-- @tparam ctr.Container container
-- @tparam table opts as `container:attach` has them
-- @treturn[1] string|table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.attach(container, opts)
  local options, err = read_options(opts)
  if not options then
    return nil, err
  end
  local handle
  handle, err = connect(container)
  if not handle then
    return nil, err
  end
  local screen = setmetatable({ output = options.output, errors = options.errors, queue = {},
    queued = 0 }, screen_metatable)
  local line = setmetatable({ handle = handle, screen = screen, pending = "",
    reader = frames.reader("hoelx") }, line_metatable)
  local kind, problem = greet(line)
  if not kind then
    handle:close()
    return nil, problem
  end
  core.fd.set_nonblock(handle, true)
  local process = container.init_process
  local session = open_session(line, options, kind, process and process.pidfd and process or nil)
  -- What came along with the greeting.
  local first, data = line.reader:next()
  while first do
    take[first](line, data)
    first, data = line.reader:next()
  end
  local ran, result, failure = pcall(converse, session)
  close_session(session)
  handle:close()
  if not ran then
    error(result, 0)
  end
  return result, failure
end

return M
