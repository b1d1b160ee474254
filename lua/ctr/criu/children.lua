--- Whose children processes are; and those that a restore which failed has left to this program:
-- what CRIU restores is its sibling, so a child of ours that somebody has to reap, before its pid
-- is told to anybody.
-- @module ctr.criu.children

local core = require("ctr.core")

local M = {}

local SIGKILL = 9
local LIST_MAX = 1024 * 1024
local PATIENCE = 10 -- seconds

local function children_of(procfs)
  local pids = {}
  for _, thread in ipairs(core.path.list(procfs, "self/task") or {}) do
    local text = core.path.read(procfs, ("self/task/%s/children"):format(thread), LIST_MAX)
    for pid in (text or ""):gmatch("%d+") do
      pids[#pids + 1] = tonumber(pid)
    end
  end
  return pids
end

--- Says whether a process is another, or descends from it.
-- @tparam ctr.Host host
-- @tparam number pid
-- @tparam number above the other's
-- @treturn boolean
function M.is_below(host, pid, above)
  while pid ~= above do
    local stat = host:process_stat(pid)
    if not stat or stat.ppid <= 1 then
      return false
    end
    pid = stat.ppid
  end
  return true
end

--- Notes how CRIU is to be recognised in its siblings: they have its name, and are younger.
-- @tparam ctr.Host host
-- @tparam number pid of CRIU, which has not been reaped
-- @treturn ?table
function M.mark(host, pid)
  local stat = host:process_stat(pid)
  return stat and { pid = pid, name = stat.comm, start_time = tonumber(stat.start_time) }
end

local function is_sibling(host, mark, pid)
  local stat = pid ~= mark.pid and host:process_stat(pid)
  return stat and stat.comm == mark.name and tonumber(stat.start_time) >= mark.start_time
end

-- Those that are left, killed: handles to wait for.
local function kill_siblings(host, mark, procfs)
  local set = {}
  for _, pid in ipairs(children_of(procfs)) do
    local handle = is_sibling(host, mark, pid) and core.proc.pidfd_open(pid)
    if handle then
      core.proc.send_signal(handle, SIGKILL)
      set[#set + 1] = { fd = handle, events = "r" }
    end
  end
  return set
end

--- Ends and reaps what CRIU left: a pid namespace's first process ends after the others were
-- reaped, which may come to us as well.
-- @tparam ctr.Host host
-- @tparam ?table mark
function M.reap(host, mark)
  local procfs = mark and host:procfs()
  local set = procfs and kill_siblings(host, mark, procfs) or {}
  local deadline = core.proc.clock() + PATIENCE
  while #set > 0 and core.proc.clock() < deadline do
    local ready = core.poll.wait(set, math.max(0, deadline - core.proc.clock())) or {}
    for index, row in ipairs(set) do
      if ready[index] then
        core.proc.wait(row.fd, {})
      end
      row.fd:close()
    end
    set = kill_siblings(host, mark, procfs)
  end
end

return M
