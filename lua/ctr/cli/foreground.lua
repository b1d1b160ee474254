--- Runs described containers in the foreground: their streams are lctr's, and so are the signals.
-- @module ctr.cli.foreground

local core = require("ctr.core")
local ctr = require("ctr")

local M = {}

local SIGINFO_SIZE = 128
local SIGNAL_CHECK = 0.25 -- seconds, as often as the terminal's size is looked at
local STREAMS = { "stdin", "stdout", "stderr" }

local function says_streams(fields)
  return fields.terminal ~= nil or fields.console_socket ~= nil or fields.stdin ~= nil
    or fields.stdout ~= nil or fields.stderr ~= nil
end

local function is_interactive()
  for fd = 0, 2 do
    if not core.tty.is_tty(fd) then
      return false
    end
  end
  return true
end

-- From the start: a program asks for the size before the first look that the relay takes.
local function set_size(fields)
  local columns, rows = core.tty.size(0)
  if columns then
    fields.console_width = fields.console_width or columns
    fields.console_height = fields.console_height or rows
  end
end

-- The process, with lctr's streams where the description says nothing about them. A person's
-- terminal is not handed over: the container gets one of its own, which is passed through.
local function fields_of(description, is_alone)
  local fields = {}
  for key, value in pairs(description.process) do
    fields[key] = value
  end
  if is_alone and not says_streams(fields) and is_interactive() then
    fields.terminal = true
    set_size(fields)
  end
  for _, name in ipairs(STREAMS) do
    if not fields.terminal and not fields.console_socket and fields[name] == nil then
      fields[name] = "inherit"
    end
  end
  return fields
end

-- What fails when a container is gone is worth a word, and changes nothing.
local function destroy(container)
  local ok, err = container:destroy()
  if ok and err then
    io.stderr:write("lctr: ", container:id(), ": ", tostring(err), "\n")
  end
  return ok, err
end

-- A container that was made and did not start is not left behind.
local function start(factory, description, is_alone, adjust)
  local container, err = factory:create(description.name, description.config)
  if not container then
    return nil, err
  end
  local fields = fields_of(description, is_alone)
  if adjust then
    adjust(fields)
  end
  local process = ctr.process(fields)
  local ok
  ok, err = container:run(process)
  if not ok then
    destroy(container)
    return nil, err
  end
  return { container = container, process = process, description = description }
end

local function kill_all(running)
  for _, item in ipairs(running) do
    item.container:signal("SIGKILL", true)
    item.process:wait()
    destroy(item.container)
  end
end

local function start_all(factory, list, adjust)
  local running = {}
  for index, description in ipairs(list) do
    local item, err = start(factory, description, #list == 1, adjust)
    if not item then
      kill_all(running)
      return nil, err
    end
    running[index] = item
  end
  return running
end

-- A first signal is the container's; whoever sends a second one means it.
local function pass_on(state, running)
  local data = state.signals and core.fd.read(state.signals, SIGINFO_SIZE)
  if not data or data == "" then
    return
  end
  local number = data:byte(1)
  if state.signalled then
    number = core.proc.signals.SIGKILL
  end
  state.signalled = true
  for _, item in ipairs(running) do
    if not item.status then
      item.process:signal(number)
    end
  end
end

-- What is waited for; where in it each container's part begins, and where the signals are.
local function watched(state, running)
  local set, items = {}, {}
  for _, item in ipairs(running) do
    if not item.status then
      items[#items + 1] = { item = item, first = #set + 1 }
      item.process:reap_others()
      item.process:watched(set)
    end
  end
  if #set > 0 and state.signals then
    set[#set + 1] = { fd = state.signals, events = "r" }
  end
  return set, items, #set
end

-- What the supervisor of the container's system calls has to tell.
local function tell(item)
  local name, status = item.description.name, item.status
  for _, refused in ipairs(status.refused or {}) do
    io.stderr:write(("lctr: %s: seccomp refused %s %s (%s)\n"):format(name, refused.syscall,
      refused.count == 1 and "once" or refused.count .. " times", refused.errno))
  end
  for _, text in ipairs(status.notify_errors or {}) do
    io.stderr:write("lctr: ", name, ": seccomp_notify: ", text, "\n")
  end
end

local function finish(item)
  local status, err = item.process:wait()
  if not status then
    return nil, err
  end
  item.status = status
  tell(item)
  local handler = item.description.on.exit
  if handler then
    local ok, problem = pcall(handler, item.container, status)
    if not ok then
      io.stderr:write("lctr: on.exit of ", item.description.name, ": ", tostring(problem), "\n")
    end
  end
  return destroy(item.container)
end

-- The terminal is raw, so that its keys are the container's; signals come from elsewhere.
local function wait_at_console(state, running)
  local item = running[1]
  while true do
    local status, err = item.process:wait(SIGNAL_CHECK)
    if status then
      return finish(item)
    end
    if err.errno ~= "ETIMEDOUT" then
      return nil, err
    end
    pass_on(state, running)
  end
end

local function step(state, running, set, items, signals_at)
  local ready, err = core.poll.wait(set)
  if not ready then
    return nil, err
  end
  for _, entry in ipairs(items) do
    if entry.item.process:dispatch(ready, entry.first) then
      local ok
      ok, err = finish(entry.item)
      if not ok then
        return nil, err
      end
    end
  end
  if state.signals and ready[signals_at] then
    pass_on(state, running)
  end
  return true
end

local function wait_all(state, running)
  local set, items, signals_at = watched(state, running)
  while #set > 0 do
    local ok, err = step(state, running, set, items, signals_at)
    if not ok then
      return nil, err
    end
    set, items, signals_at = watched(state, running)
  end
  return true
end

-- The first container that failed has the say.
local function exit_status(running)
  for _, item in ipairs(running) do
    local status = item.status
    if status.signal then
      return 128 + core.proc.signals[status.signal]
    end
    if status.code ~= 0 then
      return status.code
    end
  end
  return 0
end

local function has_console(running)
  return #running == 1 and running[1].process:console() ~= nil
end

local function open_signals()
  local open = package.preload["ctr.cli.signals"]
  return open and open()
end

--- Starts containers, waits for all of them, and takes them away.
-- @tparam table list descriptions
-- @tparam ?string root the state folder
-- @tparam[opt] function adjust is given the fields of each process, to change them
-- @treturn[1] number the exit status
-- @treturn[1] table what ran: each has `description` and `status`
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.run(list, root, adjust)
  local factory, err = ctr.new(root, {})
  if not factory then
    return nil, err
  end
  local state = { signals = open_signals() }
  local running
  running, err = start_all(factory, list, adjust)
  if not running then
    return nil, err
  end
  local ok
  if has_console(running) then
    ok, err = wait_at_console(state, running)
  else
    ok, err = wait_all(state, running)
  end
  if not ok then
    return nil, err
  end
  return exit_status(running), running
end

return M
