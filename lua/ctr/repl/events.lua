--- What happens to containers while a person is at the prompt: they start, end, run out of memory.
-- @module ctr.repl.events

local M = {}

-- Seconds between two looks at which containers there are; the first one does not delay the prompt.
local INTERVAL = 2
local FIRST = 0.2

local watcher_methods = {}
local watcher_metatable = { __index = watcher_methods }

local IS_ALIVE = { running = true, paused = true, pausing = true }

function watcher_methods:tell(id, text, colour)
  local style = self.session.display.style
  self.session:notify(style:paint(colour or "yellow", ("* %s %s"):format(id, text)))
end

-- Stops watching a container, once.
local function release(entry)
  for _, watch in ipairs(entry.watches) do
    watch:cancel()
  end
  for _, source in ipairs(entry.sources) do
    source:close()
  end
  entry.watches, entry.sources, entry.is_over = {}, {}, true
  if not entry.container.destroyed then
    entry.container.store:close()
  end
end

local function add(watcher, entry, source, callback)
  local watch = source and watcher.session.loop:add(source, callback)
  if watch then
    table.insert(entry.watches, watch)
    table.insert(entry.sources, source)
  end
  return watch
end

local function watch_end(watcher, entry)
  local container = entry.container
  local pidfd = container.host:open_process(container.init_pid, container.init_start_time)
  add(watcher, entry, pidfd, function()
    watcher:tell(entry.id, "has ended")
    release(entry)
  end)
end

local function watch_memory(watcher, entry)
  local source = entry.container:notify_oom()
  local watch
  watch = add(watcher, entry, source, function()
    local happened = source:wait(0)
    if happened then
      watcher:tell(entry.id, "ran out of memory", "red")
    elseif happened == false and not entry.is_over then
      -- Its cgroup is gone, and with it whatever could be told.
      watch:cancel()
    end
  end)
end

-- A container is looked at once: whether it runs, and what tells that it does no longer.
function watcher_methods:meet(id, is_new)
  local container = self.session:factory():load(id)
  local status = container and container:status()
  if not IS_ALIVE[status] then
    if container then
      container.store:close()
    end
    return nil
  end
  local entry = { id = id, container = container, pid = container.init_pid, watches = {},
    sources = {} }
  watch_end(self, entry)
  watch_memory(self, entry)
  if is_new then
    self:tell(id, "has started", "green")
  end
  return entry
end

local function ids_of(session)
  local factory = session:factory_if_any()
  return factory and factory:list() or {}
end

--- Looks at which containers there are.
function watcher_methods:look()
  local present = {}
  for _, id in ipairs(ids_of(self.session)) do
    present[id] = true
    local entry = self.known[id]
    if not entry or entry.is_over then
      self.known[id] = self:meet(id, not self.earlier[id])
    end
  end
  for id, entry in pairs(self.known) do
    if not present[id] then
      if not entry.is_over then
        release(entry)
      end
      self.known[id] = nil
      self.earlier[id] = nil
    end
  end
end

--- Begins to watch: notices go to `session:notify`, as long as its loop runs.
-- @tparam table session
function M.watch(session)
  local watcher = setmetatable({ session = session, known = {}, earlier = {} },
    watcher_metatable)
  for _, id in ipairs(ids_of(session)) do
    watcher.earlier[id] = true -- it has not just started
  end
  local function look()
    watcher:look()
  end
  session.loop:after(FIRST, look)
  session.loop:every(INTERVAL, look)
end

return M
