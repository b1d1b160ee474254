--- A container's console in the foreground: the caller's terminal, passed through.
-- @module ctr.terminal

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local CHUNK = 65536
local RESIZE_CHECK = 0.25 -- seconds between two looks at the terminal's size

local function copy_size(from, to)
  local columns, rows = core.tty.size(from)
  if columns and columns > 0 then
    core.tty.set_size(to, columns, rows)
  end
end

-- A pty's master reads EIO once its last slave is closed.
local function copy_output(master)
  local data = core.fd.read(master, CHUNK)
  if not data or data == "" then
    return false
  end
  core.fd.write_all(1, data)
  return true
end

local function copy_input(master)
  local data = core.fd.read(0, CHUNK)
  if not data or data == "" then
    -- The end of the input is the terminal's own character for it.
    core.fd.write_all(master, "\4")
    return false
  end
  core.fd.write_all(master, data)
  return true
end

local function remaining(deadline)
  if not deadline then
    return RESIZE_CHECK
  end
  return math.max(0, math.min(RESIZE_CHECK, deadline - core.proc.clock()))
end

local function step(process, state)
  local set = { { fd = process.pidfd, events = "r" } }
  local output_at = state.output and #set + 1
  if output_at then
    set[output_at] = { fd = process.master, events = "r" }
  end
  local input_at = state.input and #set + 1
  if input_at then
    set[input_at] = { fd = 0, events = "r" }
  end
  local calls_at = process:is_supervised() and #set + 1
  if calls_at then
    set[calls_at] = { fd = process.supervisor.listener, events = "r" }
  end
  process:reap_others()
  local ready, err = core.poll.wait(set, remaining(state.deadline))
  if not ready then
    return nil, err
  end
  if calls_at and ready[calls_at] then
    process:serve_calls()
  end
  if output_at and ready[output_at] then
    state.output = copy_output(process.master)
    -- What the process wrote is shown before its end is noticed.
    return false
  end
  if input_at and ready[input_at] then
    state.input = copy_input(process.master)
  end
  return ready[1] ~= nil
end

local function run(process, state)
  while true do
    if state.is_tty then
      copy_size(0, process.master)
    end
    local ended, err = step(process, state)
    if ended == nil then
      return nil, err
    end
    if ended then
      return true
    end
    if state.deadline and core.proc.clock() >= state.deadline then
      return nil, errors.new("SystemError", "the process still runs",
        { op = "wait", errno = "ETIMEDOUT" })
    end
  end
end

--- Passes the caller's terminal through to the console until the process has ended.
-- The terminal is raw meanwhile and is put back, whatever happens.
-- @tparam ctr.Process process with `master` and `pidfd`
-- @tparam[opt] number timeout seconds
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.relay(process, timeout)
  local is_tty = core.tty.is_tty(0)
  local saved = is_tty and core.tty.raw(0)
  local ok, ended, err = pcall(run, process, {
    is_tty = is_tty, input = true, output = true,
    deadline = timeout and core.proc.clock() + timeout,
  })
  if saved then
    core.tty.restore(0, saved)
  end
  if not ok then
    error(ended, 0)
  end
  if ended then
    process.master:close()
    process.master = nil
  end
  return ended, err
end

return M
