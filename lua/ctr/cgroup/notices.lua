--- Event sources: what the kernel tells of a container's memory.
--
-- A source has `fd()`, which any event loop can wait for, `wait([timeout])` and `close()`.
-- @module ctr.cgroup.notices

local core = require("ctr.core")
local counters = require("ctr.cgroup.counters")
local errors = require("ctr.errors")
local tree = require("ctr.cgroup.tree")

local M = {}

local READ_WRITE = { flags = { "rdwr", "nonblock" }, beneath = true }
local DIRECTORY = { flags = { "path", "directory" }, beneath = true }

local WINDOW = 2 -- seconds: windows of two seconds are those that everybody may ask for

local function new_level(kind, enough)
  return { kind = kind, enough = enough,
    trigger = ("%s %d %d"):format(kind, enough, WINDOW * 1000000) }
end

-- How many microseconds of a window processes have to wait for memory.
local LEVELS = {
  low = new_level("some", 100000), medium = new_level("some", 400000),
  critical = new_level("full", 400000),
}

local source_methods = {}
local source_metatable = { __index = source_methods, __name = "ctr.EventSource" }

local function new_source(fields)
  return setmetatable(fields, source_metatable)
end

--- The descriptor: readable when there is something to say, for any event loop.
-- @treturn number
-- @usage
-- local source = assert(container:notify_oom())
-- print("wait until " .. source:fd() .. " is readable, then ask source:wait(0)")
function source_methods:fd()
  return self.watch:fd()
end

local function timed_out()
  return nil, errors.new("SystemError", "nothing has happened", { op = "wait",
    errno = "ETIMEDOUT" })
end

--- Waits for an event.
-- @tparam[opt] number timeout seconds; 0: only looks
-- @treturn[1] true an event: what several of them had to say since the last call is told as one
-- @treturn[2] false the container is gone; there will be no more
-- @return[3] nil
-- @treturn[3] ctr.Error `SystemError`: errno `ETIMEDOUT` when the time ran out
-- @usage
-- local source = assert(container:notify_oom())
-- local event, err = source:wait(0)
-- assert(event == nil and err.errno == "ETIMEDOUT")
function source_methods:wait(timeout)
  if self.is_over then
    return false
  end
  local deadline = timeout and core.proc.clock() + timeout
  while true do
    local left = deadline and math.max(0, deadline - core.proc.clock())
    local ready, err = core.poll.wait({ { fd = self.watch, events = "r" } }, left)
    if not ready then
      return nil, err
    end
    local what, problem = nil, nil
    if ready[1] or self.looks_always then
      what, problem = self:look(ready[1] ~= nil)
    end
    if problem then
      return nil, problem
    end
    if what ~= nil then
      self.is_over = what == false
      return what
    end
    if left == 0 then
      return timed_out()
    end
  end
end

--- Ends the source.
-- @treturn boolean true
-- @usage
-- local source = assert(container:notify_oom())
-- assert(source:close())
function source_methods:close()
  for _, handle in ipairs(self.handles) do
    handle:close()
  end
  self.is_over = true
  return true
end

-- Opens handles one after the other; after a failure those before are closed.
local function opened(handles, handle, err)
  if handle then
    handles[#handles + 1] = handle
    return handle
  end
  for _, other in ipairs(handles) do
    other:close()
  end
  return nil, err
end

local function is_gone(dir)
  return tree.read(dir, "cgroup.procs") == nil
end

-- v1: an eventfd that is named to the hierarchy (memcg_test.txt, cgroups.rst of the kernel). It
-- also fires when the directory is removed.
local function v1_source(node, file, argument)
  local handles = {}
  local dir, err = opened(handles, core.path.open(node.hierarchy.dir, node.path, DIRECTORY))
  local counter, target
  if dir then
    counter, err = opened(handles, core.watch.counter())
  end
  if counter then
    target, err = opened(handles, tree.open_to_read(dir, file))
  end
  if not target then
    return nil, err
  end
  local ok
  ok, err = tree.write(dir, "cgroup.event_control",
    ("%d %d %s"):format(counter:fd(), target:fd(), argument))
  if not ok then
    return opened(handles, nil, err)
  end
  return new_source({ watch = counter, handles = handles, look = function(source)
    local taken, problem = core.watch.take(source.watch)
    if not taken then
      return nil, problem
    end
    return not is_gone(dir)
  end })
end

local function oom_kills(dir)
  local text = tree.read(dir, "memory.events")
  return text and tonumber(counters.pairs(text).oom_kill or 0)
end

local function is_empty(dir)
  local text = tree.read(dir, "cgroup.events")
  return text == nil or text:find("populated 0", 1, true) ~= nil
end

local function watch_file(handles, watch, dir, name)
  local file, err = tree.open_to_read(dir, name)
  if not file then
    return opened(handles, nil, err)
  end
  local ok, problem = core.watch.add(watch, file)
  file:close()
  if not ok then
    return opened(handles, nil, problem)
  end
  return true
end

-- v2: the files change when the kernel kills, and when the last process is gone.
local function v2_oom(node)
  local handles = {}
  local dir, err = opened(handles, core.path.open(node.hierarchy.dir, node.path, DIRECTORY))
  local watch, ok
  if dir then
    watch, err = opened(handles, core.watch.files())
  end
  if watch then
    ok, err = watch_file(handles, watch, dir, "memory.events")
  end
  if ok then
    ok, err = watch_file(handles, watch, dir, "cgroup.events")
  end
  if not ok then
    return nil, err
  end
  local seen = oom_kills(dir)
  return new_source({ watch = watch, handles = handles, look = function(source)
    core.watch.take(source.watch)
    local count = oom_kills(dir)
    if count and count > seen then
      seen = count
      return true
    end
    if is_empty(dir) then
      return false
    end
    return nil
  end })
end

-- How long processes have waited, in microseconds: of "some" or of "full".
local function stalled(dir, kind)
  local pressure = counters.pressure(tree.read(dir, "memory.pressure"))
  return pressure and pressure[kind] and tonumber(pressure[kind].total)
end

-- The kernel tells of each event but once: to whoever looks first, and that may be another loop
-- that has our set in its own. So who was not told looks whether it has been so since.
local function new_stall_counter(dir, kind, enough)
  local base, since = stalled(dir, kind) or 0, core.proc.clock()
  return function(is_told)
    local total, now = stalled(dir, kind) or base, core.proc.clock()
    local is_event = is_told or total - base >= enough
    if is_event or now - since > WINDOW then
      base, since = total, now
    end
    return is_event
  end
end

local function open_pressure(node, handles)
  local dir, err = opened(handles, core.path.open(node.hierarchy.dir, node.path, DIRECTORY))
  local set, trigger, events
  if dir then
    set, err = opened(handles, core.event.set())
  end
  if set then
    trigger, err = opened(handles, core.path.open(dir, "memory.pressure", READ_WRITE))
  end
  if trigger then
    events, err = opened(handles, tree.open_to_read(dir, "cgroup.events"))
  end
  if not events then
    return nil, err
  end
  return { dir = dir, set = set, trigger = trigger, events = events }
end

local function start_pressure(files, handles, level)
  tree.read_handle(files.events) -- what was read is what changes are told against
  local ok, err = core.fd.write(files.trigger, level.trigger)
  if ok then
    ok, err = core.event.add(files.set, files.trigger, "p", 1)
  end
  if ok then
    ok, err = core.event.add(files.set, files.events, "p", 2)
  end
  if not ok then
    return opened(handles, nil, err)
  end
  return true
end

-- v2: a trigger of pressure stall information (psi.rst of the kernel). Its descriptor tells by
-- POLLPRI, which few loops know: an epoll set around it is readable.
local function v2_pressure(node, level)
  local handles = {}
  local files, err = open_pressure(node, handles)
  if not files then
    return nil, err
  end
  local ok, problem = start_pressure(files, handles, level)
  if not ok then
    return nil, problem
  end
  local has_stalled = new_stall_counter(files.dir, level.kind, level.enough)
  return new_source({ watch = files.set, handles = handles, looks_always = true,
    look = function(_, is_told)
      if is_empty(files.dir) then
        return false
      end
      local changed = core.poll.wait({ { fd = files.events, events = "p" } }, 0)
      if changed and changed[1] then
        core.path.read_fd(files.events, 4096) -- else it tells of the same change again
        is_told = false
      end
      return has_stalled(is_told) or nil
    end })
end

local function memory_node(manager)
  local node = manager:find("memory")
  if not node then
    return nil, errors.new("SystemError", "the container has no memory cgroup",
      { path = "cgroups.memory", errno = "ENOENT" })
  end
  return node
end

--- Tells when the kernel finds no more memory for the container.
-- @tparam ctr.CgroupManager manager
-- @treturn[1] ctr.EventSource
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
function M.oom(manager)
  local node, err = memory_node(manager)
  if not node then
    return nil, err
  end
  if node.hierarchy.type == "cgroup2" then
    return v2_oom(node)
  end
  return v1_source(node, "memory.oom_control", "")
end

--- Tells when processes of the container have to wait for memory.
-- @tparam ctr.CgroupManager manager
-- @tparam string name "low", "medium" or "critical": v1's levels (memory.txt of the kernel); on v2
-- some wait for 50 or 200 milliseconds of a second, or all for 200
-- @treturn[1] ctr.EventSource
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
function M.pressure(manager, name)
  local node, err = memory_node(manager)
  if not node then
    return nil, err
  end
  if node.hierarchy.type == "cgroup2" then
    return v2_pressure(node, LEVELS[name])
  end
  return v1_source(node, "memory.pressure_level", name)
end

return M
