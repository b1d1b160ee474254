--- Which processes belong together: those of a pid namespace, and who comes from one of them.
-- @module ctr.reach.family

local core = require("ctr.core")

local M = {}

local function namespace_of(procfs, pid)
  return core.path.readlink(procfs, pid .. "/ns/pid")
end

-- What the kernel says of all processes at this moment.
local function look(host)
  local procfs, err = host:procfs()
  local names
  if procfs then
    names, err = core.path.list(procfs, ".")
  end
  if not names then
    return nil, err
  end
  local found = {}
  for _, name in ipairs(names) do
    local pid = tonumber(name:match("^%d+$"))
    local stat = pid and core.proc.stat(procfs, pid)
    if stat then
      found[pid] = { parent = stat.ppid, namespace = namespace_of(procfs, pid) }
    end
  end
  return found
end

-- Whether a process is one of them, or comes from one.
local function belongs(found, pid, is_one)
  local seen = 0
  while found[pid] and seen < 4096 do
    if is_one(pid, found[pid]) then
      return true
    end
    pid, seen = found[pid].parent, seen + 1
  end
  return false
end

--- Finds the family of a process: all in its pid namespace, unless that is the caller's as well,
-- and all that come from it or from one of these.
-- @tparam ctr.Host host
-- @tparam number pid
-- @treturn[1] {number,…} sorted
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.of(host, pid)
  local found, err = look(host)
  if not found then
    return nil, err
  end
  local own = namespace_of(host:procfs(), core.proc.getpid())
  local namespace = found[pid] and found[pid].namespace
  local is_apart = namespace ~= nil and namespace ~= own
  local list = {}
  for other in pairs(found) do
    if belongs(found, other, function(candidate, entry)
      return candidate == pid or (is_apart and entry.namespace == namespace)
    end) then
      list[#list + 1] = other
    end
  end
  table.sort(list)
  return list
end

return M
