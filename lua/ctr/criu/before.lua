--- What is looked at of a running container before a dump: whether it can be made, whether a
-- restore would take it, and which processes CRIU will not find.
-- @module ctr.criu.before

local children = require("ctr.criu.children")
local core = require("ctr.core")
local errors = require("ctr.errors")
local verify = require("ctr.criu.verify")

local M = {}

local NAME_MAX = 256 -- bytes of a kernel function's name

-- Of one that is frozen as well the kernel tells by where it waits.
local function is_stopped(host, pid)
  return host:is_stopped(pid)
    or core.path.read(host:procfs(), pid .. "/wchan", NAME_MAX) == "do_signal_stop"
end

--- Finds a process that was stopped by a signal.
-- @tparam ctr.Container container
-- @treturn ?number its pid
function M.find_stopped(container)
  for _, pid in ipairs(container.cgroup:pids(true) or {}) do
    if is_stopped(container.host, pid) then
      return pid
    end
  end
  return nil
end

-- CRIU goes from parent to child: what was added to the container and is still a child of who added
-- it, or of a process that is in nobody's tree, it does not find.
local function split(container)
  local inside, outside = {}, {}
  for _, pid in ipairs(container.cgroup:pids(true) or {}) do
    local stat = container.host:process_stat(pid)
    if stat and stat.state ~= "Z" then
      local list = children.is_below(container.host, pid, container.init_pid) and inside or outside
      list[#list + 1] = { pid = pid, name = stat.comm }
    end
  end
  return inside, outside
end

local function check_processes(container, inside)
  for _, process in ipairs(inside) do
    local ok, err = verify.process(container, process.pid)
    -- One that has ended meanwhile has nothing.
    if not ok and container.host:process_stat(process.pid) then
      return nil, errors.new("SystemError", "a restore would refuse the checkpoint: " .. err.detail,
        { path = err.path, errno = "EPERM", op = "checkpoint" })
    end
  end
  return true
end

local function left_out(outside)
  if #outside == 0 then
    return nil
  end
  local words, pids = {}, {}
  for index, process in ipairs(outside) do
    words[index] = ("%d (%s)"):format(process.pid, (process.name:gsub("[%c\127]", "?")))
    pids[index] = process.pid
  end
  local err = errors.new("SystemError", ("not in the checkpoint: %s, whose parents are outside of "
    .. "the container"):format(table.concat(words, ", ")), { op = "checkpoint" })
  err.pids = pids
  return err
end

--- Looks at a container that is to be taken down.
-- @tparam ctr.Container container
-- @tparam table options parsed
-- @tparam boolean was_paused
-- @treturn[1] true
-- @treturn[1] ?ctr.Error what the checkpoint will lack: `pids` of processes; or why a restore will
-- refuse it, where the container goes on
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.check(container, options, was_paused)
  local node = container.cgroup:find("freezer")
  local stopped = was_paused and node and node.hierarchy.type ~= "cgroup2"
    and M.find_stopped(container)
  if stopped then
    -- CRIU would wait for ever for it to stop.
    return nil, errors.new("SystemError", ("process %d was stopped by a signal before the "
      .. "container was paused: that has to be resumed first"):format(stopped),
      { op = "checkpoint" })
  end
  if options.pre_dump then
    return true
  end
  local inside, outside = split(container)
  local ok, err = check_processes(container, inside)
  if not ok and not options.leave_running then
    return nil, err
  end
  return true, err or left_out(outside)
end

return M
