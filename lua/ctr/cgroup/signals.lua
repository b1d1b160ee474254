--- Signals to every process of a cgroup.
--
-- The cgroup is frozen meanwhile, so that none forks away; each process is signalled through a
-- pidfd that is checked against the list once more, so that a number that was reused hits nobody
-- else.
-- @module ctr.cgroup.signals

local core = require("ctr.core")
local errors = require("ctr.errors")
local freezer = require("ctr.cgroup.freezer")

local M = {}

local KILL_SECONDS = 5
local LOOK_AGAIN = 0.02 -- seconds
local BATCH = 256 -- open pidfds at a time

local function close_all(handles)
  for _, handle in pairs(handles) do
    handle:close()
  end
end

-- pidfds by pid; a process that has gone meanwhile is left out.
local function open_batch(pids, first)
  local handles = {}
  for index = first, math.min(first + BATCH - 1, #pids) do
    local handle, err = core.proc.pidfd_open(pids[index])
    if handle then
      handles[pids[index]] = handle
    elseif err.errno ~= "ESRCH" and err.errno ~= "EINVAL" then
      close_all(handles)
      return nil, err
    end
  end
  return handles
end

local function still_there(manager)
  local pids, err = manager:pids(true)
  if not pids then
    return nil, err
  end
  local set = {}
  for _, pid in ipairs(pids) do
    set[pid] = true
  end
  return set
end

local function send_batch(handles, set, signo)
  local first
  for pid, handle in pairs(handles) do
    if set[pid] then
      local ok, err = core.proc.send_signal(handle, signo)
      if not ok and err.errno ~= "ESRCH" then
        first = first or errors.wrap(err, "signal process", pid)
      end
    end
  end
  if first then
    return nil, first
  end
  return true
end

local function signal_batch(manager, pids, first, signo)
  local handles, err = open_batch(pids, first)
  if not handles then
    return nil, err
  end
  local set, problem = still_there(manager)
  local ok = set
  if set then
    ok, problem = send_batch(handles, set, signo)
  end
  close_all(handles)
  if not ok then
    return nil, problem
  end
  return true
end

local function signal_each(manager, signo)
  local pids, err = manager:pids(true)
  if not pids then
    return nil, err
  end
  for first = 1, #pids, BATCH do
    local ok, problem = signal_batch(manager, pids, first, signo)
    if not ok then
      return nil, problem
    end
  end
  return true
end

-- One round: freeze, signal each, thaw. A paused container stays paused, unless it is being killed:
-- v1's frozen processes do not die.
local function round(manager, signo)
  local was_frozen = manager:freezer_state() == "FROZEN"
  local frozen = was_frozen or manager:freeze("FROZEN")
  local ok, err = signal_each(manager, signo)
  if frozen and (not was_frozen or signo == core.proc.signals.SIGKILL) then
    local thawed, problem = manager:freeze("THAWED")
    if not thawed then
      return nil, err or problem
    end
  end
  return ok, err
end

-- Waits until one process has ended, or for a moment: the first one of a pid namespace has left the
-- cgroup long before it has ended where others in the namespace wait to be reaped, perhaps by us.
-- False where that cannot be waited for.
local function wait_for_exit(pid, left)
  local handle = core.proc.pidfd_open(pid)
  if not handle then
    return false
  end
  core.poll.wait({ { fd = handle, events = "r" } }, math.min(left, LOOK_AGAIN))
  handle:close()
  return true
end

--- Lists pids for people: the first ten.
-- @tparam table pids
-- @treturn string
function M.some(pids)
  local text = table.concat(pids, ", ", 1, math.min(#pids, 10))
  return #pids > 10 and text .. ", …" or text
end

local function left_over(manager, pids)
  return errors.new("SystemError",
    ("%d processes are still in the cgroup after SIGKILL: %s"):format(#pids, M.some(pids)),
    { errno = "EBUSY", op = "kill", target = manager:describe() })
end

local function kill_rounds(manager, deadline)
  local wait = freezer.patience(deadline)
  while true do
    local ok, err = round(manager, core.proc.signals.SIGKILL)
    if not ok then
      return nil, err
    end
    local pids, problem = manager:pids(true)
    if not pids or #pids == 0 then
      return pids and true, problem
    end
    local left = deadline - core.proc.clock()
    if left <= 0 then
      return nil, left_over(manager, pids)
    end
    if not wait_for_exit(pids[1], left) then
      wait()
    end
  end
end

local function kill(manager)
  local deadline = core.proc.clock() + KILL_SECONDS
  local killed, err = manager.driver.kill(manager, deadline)
  if killed then
    return true
  end
  if killed == false then
    return nil, left_over(manager, manager:pids(true) or {})
  end
  if err and err.errno == "ENODEV" then
    return true -- the cgroup itself is gone
  end
  return kill_rounds(manager, deadline)
end

--- Signals every process of a manager's cgroup, and of those below it. SIGKILL is repeated until
-- none is left, for a bounded time.
-- @tparam table manager
-- @tparam number signo
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.send(manager, signo)
  if not manager:exists() then
    return true
  end
  if signo == core.proc.signals.SIGKILL then
    return kill(manager)
  end
  return round(manager, signo)
end

return M
