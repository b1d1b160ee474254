--- Running commands and timing them.
-- @module bench.measure

local core = require("ctr.core")

local M = {}

local ENV = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }
local HANG = 20 -- seconds
local SIGKILL = 9

local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))

--- Runs a shell command, which must succeed.
function M.sh(command)
  local status = os.execute(command)
  assert(status == 0 or status == true, command)
end

--- The path of a program, or nil.
function M.find(name)
  local pipe = io.popen("command -v " .. name)
  local path = pipe:read("*l")
  pipe:close()
  return path
end

--- Waits.
function M.sleep(seconds)
  core.poll.wait({}, seconds)
end

--- Starts a command with its streams on the null device.
-- @treturn table `pid`, `pidfd`
function M.start(command, folder)
  return assert(core.proc.spawn({ path = command[1], argv = command, dir = folder, env = ENV,
    fds = { null, null, 2 }, flags = 0 }))
end

--- Waits for a command, which must succeed.
-- @treturn table what `core.proc.wait` returns
function M.finish(child, command)
  local result = assert(core.proc.wait(child.pidfd, {}))
  child.pidfd:close()
  assert(result.code == 0, "failed: " .. table.concat(command, " "))
  return result
end

--- One command from spawn to exit.
-- @treturn number wall time in seconds
-- @treturn number CPU time in seconds
-- @treturn number peak memory in bytes
function M.command(command, folder)
  local from = core.proc.clock()
  local result = M.finish(M.start(command, folder), command)
  return core.proc.clock() - from, result.usage.cpu, result.usage.memory_peak
end

local function measure_entry(entry, pause)
  if entry.prepare then
    entry.prepare()
  end
  if pause and pause > 0 then
    M.sleep(pause)
  end
  return M.command(entry.command(), entry.folder)
end

--- Runs commands in turn, run by run, the order rotated: so that noise falls on all alike.
-- @tparam {table,…} entries `command` (a function), `folder`, `prepare` (what comes before each run
-- and is not measured); get `wall`, `cpu` and `peak`
-- @tparam number rounds
-- @tparam number pause seconds before each run
function M.race(entries, rounds, pause)
  for _, entry in ipairs(entries) do
    entry.wall, entry.cpu, entry.peak = {}, {}, 0
    measure_entry(entry)
  end
  for round = 1, rounds do
    for turn = 1, #entries do
      local entry = entries[(round + turn) % #entries + 1]
      local wall, cpu, peak = measure_entry(entry, pause)
      entry.wall[round], entry.cpu[round] = wall, cpu
      entry.peak = math.max(entry.peak, peak)
    end
  end
end

local function give_up(running)
  for _, lane in ipairs(running) do
    core.proc.send_signal(lane.child.pidfd, SIGKILL)
    core.proc.wait(lane.child.pidfd, {})
    lane.child.pidfd:close()
  end
end

--- How many commands a second end, so many at a time.
-- @tparam table entry
-- @tparam number lanes
-- @tparam number count
-- @treturn ?number nil when one does not end: some peers hang so
function M.throughput(entry, lanes, count)
  local running, started = {}, 0
  local from = core.proc.clock()
  while started < count or #running > 0 do
    while #running < lanes and started < count do
      local command = entry.command()
      local child = M.start(command, entry.folder)
      running[#running + 1] = { child = child, command = command, fd = child.pidfd,
        events = "r" }
      started = started + 1
    end
    local ready = assert(core.poll.wait(running, HANG))
    if not next(ready) then
      give_up(running)
      return nil
    end
    for index = #running, 1, -1 do
      if ready[index] then
        M.finish(running[index].child, running[index].command)
        table.remove(running, index)
      end
    end
  end
  return count / (core.proc.clock() - from)
end

return M
