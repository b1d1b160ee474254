--- The handlers of a description (`on`), called while its container runs in the foreground.
-- @module ctr.cli.watching

local sorted = require("ctr.sorted")

local M = {}

-- A source of events and its function, as a part of what is waited for (`ctr.relay`).
local watch_methods = {}
local watch_metatable = { __index = watch_methods }

local function complain(item, name, problem)
  io.stderr:write("lctr: on.", name, " of ", item.description.name, ": ", tostring(problem), "\n")
end

--- Calls a handler, where there is one. What fails in it is told, and changes nothing.
-- @tparam table item with `description` and `container`
-- @tparam string name "start", "exit"
-- @param ... what it is given behind the container
function M.call(item, name, ...)
  local handler = item.description.on[name]
  if not handler then
    return
  end
  local ok, problem = pcall(handler, item.container, ...)
  if not ok then
    complain(item, name, problem)
  end
end

function watch_methods:watched(set)
  if not self.is_over then
    set[#set + 1] = { fd = self.source:fd(), events = "r" }
  end
end

local function look(watch)
  local happened = watch.source:wait(0)
  if happened then
    watch.count = watch.count + 1
    local ok, problem = pcall(watch.handler, watch.item.container, watch.level)
    if not ok then
      complain(watch.item, watch.name, problem)
    end
  end
  watch.is_over = happened == false
end

function watch_methods:dispatch(ready, first)
  if not self.is_over and ready[first] then
    look(self)
  end
end

local function add(item, name, handler, level, source, err)
  if source then
    table.insert(item.watches, setmetatable({ item = item, name = name, handler = handler,
      level = level, source = source, count = 0 }, watch_metatable))
  elseif err.code ~= "ContainerNotRunning" then
    complain(item, name, err)
  end
end

--- Begins to watch.
-- @tparam table item gets `watches`, parts to wait for
function M.open(item)
  local on, container = item.description.on, item.container
  item.watches = {}
  if on.oom then
    add(item, "oom", on.oom, nil, container:notify_oom())
  end
  for _, level in ipairs(sorted(on.pressure or {})) do
    add(item, "pressure", on.pressure[level], level, container:notify_memory_pressure(level))
  end
end

local function was_told(item, name)
  for _, watch in ipairs(item.watches) do
    if watch.name == name and watch.count > 0 then
      return true
    end
  end
  return false
end

--- Ends watching: what happened until then is still told.
-- @tparam table item whose process has ended
function M.close(item)
  for _, watch in ipairs(item.watches) do
    if not watch.is_over then
      look(watch)
    end
    watch.source:close()
  end
  -- Who was killed at once had ended before anybody looked.
  if item.status and item.status.oom_killed and not was_told(item, "oom") then
    M.call(item, "oom")
  end
  item.watches = {}
end

return M
