--- Runs described containers in the foreground: their streams are lctr's, and so are the signals.
-- @module ctr.cli.foreground

local attached = require("ctr.cli.attached")
local core = require("ctr.core")
local ctr = require("ctr")
local watching = require("ctr.cli.watching")

local M = {}

local STDIN = 0
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

-- The process, with lctr's streams where the description says nothing about them. A person's
-- terminal is not handed over: the container gets one of its own, which is passed through.
local function fields_of(description, is_alone, is_detached)
  local fields = {}
  for key, value in pairs(description.process) do
    fields[key] = value
  end
  if is_detached then
    local has_own = fields.console_socket or fields.stdin or fields.stdout or fields.stderr
    fields.attachable = fields.attachable or not has_own
    return fields
  end
  if is_alone and not says_streams(fields) and is_interactive() then
    fields.terminal = true
  end
  if fields.terminal and not fields.console_socket then
    local is_tty = is_alone and core.tty.is_tty(STDIN)
    return fields, attached.screen(fields, is_tty and STDIN or nil, false)
  end
  for _, name in ipairs(STREAMS) do
    if not fields.console_socket and fields[name] == nil then
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
local function start(factory, description, is_alone, how)
  local container, err = factory:create(description.name, description.config)
  if not container then
    return nil, err
  end
  local fields, screen = fields_of(description, is_alone, how.on_start ~= nil)
  if how.adjust then
    how.adjust(fields)
  end
  local process = ctr.process(fields)
  local ok
  ok, err = container:run(process)
  if not ok then
    destroy(container)
    return nil, err
  end
  return { container = container, process = process, description = description, screen = screen }
end

local function kill_all(running)
  for index = #running, 1, -1 do
    local item = running[index]
    watching.close(item)
    item.container:signal("SIGKILL", true)
    item.process:wait()
    destroy(item.container)
  end
end

-- Who comes after a container has to end before it does.
local function note_followers(running)
  local by_name = {}
  for _, item in ipairs(running) do
    by_name[item.description.name], item.followers = item, {}
  end
  for _, item in ipairs(running) do
    for _, name in ipairs(item.description.after) do
      table.insert(by_name[name].followers, item)
    end
  end
end

local function start_all(factory, list, how)
  local running = {}
  for index, description in ipairs(list) do
    local item, err = start(factory, description, #list == 1, how)
    if not item then
      kill_all(running)
      return nil, err
    end
    running[index] = item
    watching.open(item)
    watching.call(item, "start")
  end
  note_followers(running)
  return running
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
  watching.close(item)
  tell(item)
  watching.call(item, "exit", item.status)
  return destroy(item.container)
end

-- The first container that failed has the say.
local function exit_status(running)
  for _, item in ipairs(running) do
    local status = attached.exit_status(item.status)
    if status ~= 0 then
      return status
    end
  end
  return 0
end

--- Starts containers, waits for all of them, and takes them away.
-- @tparam table list descriptions
-- @tparam table context (`ctr.cli.context`): where their state lies, who makes their cgroups
-- @tparam[opt] function adjust is given the fields of each process, to change them
-- @tparam[opt] function on_start is called when all of them run: this program is in the background,
-- and whoever wants to see what they write attaches to them
-- @treturn[1] number the exit status
-- @treturn[1] table what ran: each has `description` and `status`
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.run(list, context, adjust, on_start)
  local factory, err = context:factory({})
  if not factory then
    return nil, err
  end
  local signals = attached.open_signals()
  local running
  running, err = start_all(factory, list, { adjust = adjust, on_start = on_start })
  if not running then
    return nil, err
  end
  if on_start then
    on_start()
  end
  for _, item in ipairs(running) do
    item.session = item.screen and item.screen:started(item.process)
  end
  local ok
  ok, err = attached.wait(running, signals, { on_end = finish, insists = true })
  if not ok then
    return nil, err
  end
  return exit_status(running), running
end

return M
