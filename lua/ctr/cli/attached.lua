--- Processes in the foreground: lctr's streams or terminal are theirs, and so are its signals.
-- @module ctr.cli.attached

local core = require("ctr.core")
local idmap = require("ctr.idmap")
local relays = require("ctr.relay")
local terminals = require("ctr.terminal")

local M = {}

local LINGER_SECONDS = 1
local NULL_MAJOR, NULL_MINOR = 1, 3
local SIGINFO_SIZE, SIGNALS_AT_ONCE = 128, 16 -- sizeof(struct signalfd_siginfo)
local STREAMS = { stdin = 0, stdout = 1, stderr = 2 }

local number_of = core.proc.signals
local ENDS = {
  [number_of.SIGHUP] = true, [number_of.SIGINT] = true, [number_of.SIGQUIT] = true,
  [number_of.SIGTERM] = true,
}

-- Signals, as a part of what is waited for.
local signal_methods = {}
local signal_metatable = { __index = signal_methods }

--- Has signals wait to be handed on, from now on: one that comes during a start is the process'.
-- @treturn table for `wait`
function M.open_signals()
  local open = package.preload["ctr.cli.signals"]
  local number = open and open()
  return setmetatable({ handle = number and core.fd.wrap(number) }, signal_metatable)
end

function signal_methods:watched(set)
  if self.handle then
    set[#set + 1] = { fd = self.handle, events = "r" }
  end
end

function signal_methods:dispatch(ready, first)
  local data = self.handle and ready[first]
    and core.fd.read(self.handle, SIGINFO_SIZE * SIGNALS_AT_ONCE) or ""
  for at = 1, #data, SIGINFO_SIZE do
    self.on_signal(data:byte(at)) -- ssi_signo, which is 64 at most
  end
end

-- What a process gets in place of lctr's streams: pipes, but for what leads nowhere.
local pipe_methods = {}
local pipe_metatable = { __index = pipe_methods }

local function is_null(fd)
  local stat = core.path.stat(fd, "")
  return stat ~= nil and stat.type == "char" and stat.rdev_major == NULL_MAJOR
    and stat.rdev_minor == NULL_MINOR
end

-- Whoever is root in the container's user namespace may hand the pipes on to the process' user.
local function give_away(pipe, config)
  local uid = idmap.to_host(config.uid_mappings or {}, 0)
  local gid = idmap.to_host(config.gid_mappings or {}, 0)
  if uid and gid and (uid > 0 or gid > 0) then
    core.fd.chown(pipe, uid, gid) -- where that may not be done, the process' root is the caller
  end
end

local function open_pipe(pipes, fields, name, config)
  local fd = STREAMS[name]
  if is_null(fd) then
    fields[name] = "null"
    return true
  end
  local from, to = core.fd.pipe()
  if not from then
    return nil, to
  end
  give_away(from, config) -- both ends have the same owner
  local is_input = name == "stdin"
  local ours, theirs = from, to
  if is_input then
    ours, theirs = to, from
  end
  fields[name] = theirs
  table.insert(pipes.theirs, theirs)
  table.insert(pipes.channels, { owned = ours, is_input = is_input,
    from = is_input and fd or ours, to = is_input and ours or fd })
  return true
end

local function open_pipes(fields, config)
  local pipes = setmetatable({ theirs = {}, channels = {} }, pipe_metatable)
  for _, name in ipairs({ "stdin", "stdout", "stderr" }) do
    local ok, err = open_pipe(pipes, fields, name, config)
    if not ok then
      pipes:close()
      return nil, err
    end
  end
  return pipes
end

local function close_theirs(pipes)
  for _, handle in ipairs(pipes.theirs) do
    handle:close()
  end
  pipes.theirs = {}
end

-- The process has its ends: it is told of the end of what it reads only when nobody else has.
function pipe_methods:started()
  close_theirs(self)
  local relay = relays.new()
  for _, channel in ipairs(self.channels) do
    relay:add(channel)
  end
  return relay
end

function pipe_methods:close()
  close_theirs(self)
  for _, channel in ipairs(self.channels) do
    channel.owned:close()
  end
end

-- A terminal of its own, behind lctr's.
local screen_methods = {}
local screen_metatable = { __index = screen_methods }

function screen_methods:started(process)
  return terminals.open(process:take_console(), { tty = self.tty, translates = self.translates })
end

function screen_methods.close() end

-- From the start: a program asks for the size before anything is passed through.
local function set_size(fields, tty)
  local columns, rows = core.tty.size(tty)
  if columns and columns > 0 and rows > 0 then
    fields.console_width, fields.console_height = columns, rows
  end
end

--- Gives a process a terminal of its own, behind lctr's.
-- @tparam table fields of the process, before its start
-- @tparam ?number|ctr.fd tty lctr's terminal
-- @tparam boolean translates the process' terminal leaves newlines as they are, and lctr's does
-- what it says: so a runtime has it. Else all that a process writes arrives as it is
-- @treturn table `started(process)`: a session for `wait`; `close()` where it did not start
function M.screen(fields, tty, translates)
  fields.terminal, fields.console_newlines = true, translates
  if tty then
    set_size(fields, tty)
  end
  return setmetatable({ tty = tty, translates = translates }, screen_metatable)
end

--- Gives a process of an engine its streams: those of lctr, through pipes or a terminal.
-- @tparam table fields of the process, before its start; `terminal` is read
-- @tparam table config the container's: whose pipes they are
-- @treturn[1] table `started(process)`: a session for `wait`; `close()` where it did not start
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.attach(fields, config)
  if fields.terminal then
    return M.screen(fields, terminals.find(), true)
  end
  return open_pipes(fields, config)
end

-- A pid namespace's first process gets no signal but those that it handles: what would end any
-- other would leave this one behind a terminal that is gone.
local function must_be_killed(pid)
  local file = io.open(("/proc/%d/status"):format(pid), "r")
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  if not text:find("NSpid:[^\n]*\t1\n") then
    return false
  end
  for _, name in ipairs({ "SigBlk", "SigIgn", "SigCgt" }) do
    local last = tonumber(text:match(name .. ":\t%x*(%x)\n") or "0", 16)
    if last % 2 == 1 then -- SIGHUP is the first
      return false
    end
  end
  return true
end

local function hang_up(item)
  item.session:hang_up()
  item.session.has_hung_up = false
  if must_be_killed(item.process:pid()) then
    item.process:signal("SIGKILL")
  end
end

local function resize_all(state)
  for _, item in ipairs(state.items) do
    if not item.status and item.session and item.session.resize then
      item.session:resize()
    end
  end
end

-- Whether all have ended that come after it.
local function is_due(item)
  for _, follower in ipairs(item.followers or {}) do
    if not follower.status then
      return false
    end
  end
  return true
end

-- Those are told to end whose turn it is; the others when theirs has come.
local function tell_due(state)
  for _, item in ipairs(state.items) do
    if not item.status and not item.was_told and is_due(item) then
      item.was_told = true
      item.process:signal(state.ending)
    end
  end
end

local function send_all(state, number)
  if state.insists and ENDS[number] then
    if not state.ending then
      state.ending = number
      tell_due(state)
      return
    end
    number = number_of.SIGKILL
  end
  for _, item in ipairs(state.items) do
    if not item.status then
      item.process:signal(number)
    end
  end
end

local function on_signal(state, number)
  if number == number_of.SIGWINCH then
    resize_all(state)
  elseif not state.is_draining then
    send_all(state, number)
  elseif ENDS[number] then
    state.is_cut_off = true
  end
end

-- What was written before the process ended arrives, however slowly it is read: unless who waits
-- for that is told to end. Whoever else has its streams may be about to end as well, or a daemon:
-- that is waited for a little.
local function drain(state, session)
  session:stop_input()
  state.is_draining = true
  local deadline = core.proc.clock() + LINGER_SECONDS
  local left = LINGER_SECONDS
  while not session:is_drained(left == 0) and not state.is_cut_off do
    local results, err = relays.step({ session, state.signals }, left > 0 and left or nil)
    left = math.max(0, deadline - core.proc.clock())
    if not results then
      return nil, err
    end
  end
  state.is_draining = false
  return true
end

local function finish(state, item)
  local status, err = item.process:wait()
  if not status then
    return nil, err
  end
  item.status = status
  if state.ending then
    tell_due(state)
  end
  if item.session then
    local ok, problem = drain(state, item.session)
    item.session:close()
    if not ok then
      return nil, problem
    end
  end
  if state.on_end then
    return state.on_end(item)
  end
  return true
end

-- What the container says of itself to a service manager (`ctr.cli.notify`), as a part.
local notice_methods = {}
local notice_metatable = { __index = notice_methods }

function notice_methods:watched(set)
  if not self.has_ended then
    set[#set + 1] = { fd = self.relay:fd(), events = "r" }
  end
end

-- A service manager that is gone is nothing to the container.
function notice_methods:dispatch(ready, first)
  if not self.has_ended and ready[first] then
    self.has_ended = self.relay:serve() ~= false
  end
end

local function parts_of(state)
  local parts = {}
  for _, item in ipairs(state.items) do
    if not item.status then
      item.process:reap_others()
      parts[#parts + 1] = item.process
      parts[#parts + 1] = item.session
      parts[#parts + 1] = item.notice_part
      for _, watch in ipairs(item.watches or {}) do
        parts[#parts + 1] = watch
      end
    end
  end
  if #parts > 0 then
    parts[#parts + 1] = state.signals
  end
  return parts
end

local function serve(state, results)
  for _, item in ipairs(state.items) do
    if results[item.process] and not item.status then
      local ok, err = finish(state, item)
      if not ok then
        return nil, err
      end
    elseif item.session and item.session.has_hung_up then
      hang_up(item)
    end
  end
  return true
end

local function wait_all(state)
  local parts = parts_of(state)
  while #parts > 0 do
    local results, err = relays.step(parts)
    if not results then
      return nil, err
    end
    local ok
    ok, err = serve(state, results)
    if not ok then
      return nil, err
    end
    parts = parts_of(state)
  end
  return true
end

--- Waits until processes have ended, and all that they wrote has arrived. lctr's terminal is put
-- back, whatever happens.
-- @tparam {table,…} items each with `process` and, where it is attached, `session`; gets `status`,
-- what `process:wait` returned; `notices` of `launching.create` and `watches` (other parts) are
-- served; `followers` are items that have to end before it is told to
-- @tparam table signals of `open_signals`: they are the processes' meanwhile
-- @tparam[opt] table options `on_end`, a function that is called with an item whose process has
-- ended: true, or nil and an error that ends the waiting; `insists`: of the signals that end
-- programs, a second one kills
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.wait(items, signals, options)
  options = options or {}
  local state = { items = items, signals = signals, on_end = options.on_end,
    insists = options.insists }
  signals.on_signal = function(number) on_signal(state, number) end
  for _, item in ipairs(items) do
    item.notice_part = item.notices
      and setmetatable({ relay = item.notices }, notice_metatable)
  end
  local ran, ok, err = xpcall(wait_all, debug.traceback, state)
  for _, item in ipairs(items) do
    if item.session then
      item.session:close()
    end
  end
  if not ran then
    error(ok, 0)
  end
  return ok, err
end

--- The exit status that tells how a process ended.
-- @tparam table status as `process:wait` returned it
-- @treturn number
function M.exit_status(status)
  return status.signal and 128 + core.proc.signals[status.signal] or status.code
end

return M
