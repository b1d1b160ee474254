--- A small event loop: sources, processes, timers and signals call functions.
--
--     local loop = ctr.loop()
--     loop:process(process, function(status) print(status.code) end)
--     loop:every(10, function() print(container:stats()) end)
--     loop:signal("SIGTERM", function() container:signal("SIGTERM") end)
--     loop:run()
--
-- Each of these returns a watch; `watch:cancel()` ends it. A function that raises an error ends
-- nothing: the error goes to `loop.on_error(text, watch)`, which a program may set, and else to
-- standard error; the loop goes on. Another loop runs this one in it by `loop:fd()`: when that is
-- readable, `loop:step(0)` does what there is to do.
-- @module ctr.loop

local core = require("ctr.core")
local errors = require("ctr.errors")
local timers = require("ctr.loop.timers")

local M = {}

local watch_methods = {}
local watch_metatable = { __index = watch_methods, __name = "ctr.Watch" }

local loop_methods = {}
local loop_metatable = { __index = loop_methods, __name = "ctr.Loop" }

local function report(loop, watch, text)
  local handler = loop.on_error
  if handler and pcall(handler, text, watch) then
    return
  end
  io.stderr:write("ctr.loop: ", text, "\n")
end

local function explain(err)
  if errors.is(err) then
    return tostring(err)
  end
  return debug.traceback(tostring(err), 2)
end

-- Calls what the user gave; what it raises stays here.
local function call(loop, watch, callback, ...)
  local values = { ... }
  local ok, text = xpcall(function() callback(unpack(values, 1, 2)) end, explain)
  if not ok then
    report(loop, watch, text)
  end
end

-- Takes a watch off its loop; its own descriptor is closed by `release`.
function watch_methods:detach()
  local loop = self.loop
  if not loop then
    return
  end
  self.loop = nil
  if self.keeps then
    loop.kept = loop.kept - 1
  end
  if self.id then
    loop.watches[self.id] = nil
    core.event.remove(loop.set, self.fd)
  end
  if self.release then
    self.release()
  end
end

--- Ends a watch; one that has ended is left as it is.
-- @treturn boolean true
-- @usage
-- local watch = assert(loop:every(60, function() end))
-- watch:cancel()
function watch_methods:cancel()
  self:detach()
  return true
end

--- Says whether the watch is still on its loop.
-- @treturn boolean
-- @usage
-- local watch = assert(loop:every(60, function() end))
-- assert(watch:is_active())
function watch_methods:is_active()
  return self.loop ~= nil
end

local function new_watch(loop, keeps)
  loop.kept = loop.kept + (keeps and 1 or 0)
  return setmetatable({ loop = loop, keeps = keeps }, watch_metatable)
end

-- Adds a descriptor; `on_ready(events)` is called when it is ready.
local function watch_fd(loop, fd, events, keeps, on_ready)
  loop.last_id = loop.last_id + 1
  local ok, err = core.event.add(loop.set, fd, events, loop.last_id)
  if not ok then
    return nil, err
  end
  local watch = new_watch(loop, keeps)
  watch.id, watch.fd, watch.on_ready = loop.last_id, fd, on_ready
  loop.watches[watch.id] = watch
  return watch
end

local function check_callback(callback, name)
  if type(callback) ~= "function" then
    error(("bad argument #2 to '%s' (function expected, got %s)"):format(name, type(callback)), 3)
  end
end

-- An event source and a stream of `ctr` tell their number by a method.
local function number_of(source)
  if type(source) == "table" and type(source.fd) == "function" then
    return source:fd()
  end
  return core.fd.number(source)
end

--- Makes a loop.
-- @treturn[1] ctr.Loop
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
function M.new()
  local set, err = core.event.set()
  if not set then
    return nil, err
  end
  local loop = setmetatable({ set = set, watches = {}, signals = {}, due = {}, last_id = 0,
    kept = 0 },
    loop_metatable)
  loop.timers = timers.new()
  return loop
end

--- Watches an event source, or anything that has `fd()`, or a descriptor.
-- @tparam ctr.EventSource|ctr.File|number source stays the caller's, who closes it after the watch
-- was cancelled
-- @tparam function callback called with the source and what it is ready for, as long as it is
-- @tparam[opt="r"] string events of `r` (readable), `w` (writable), `p` (a cgroup's file changed)
-- @treturn[1] ctr.Watch
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- local source = assert(container:notify_oom())
-- assert(loop:add(source, function()
--   print(source:wait(0) and "out of memory" or "it is gone")
-- end))
function loop_methods:add(source, callback, events)
  check_callback(callback, "add")
  local watch, err
  watch, err = watch_fd(self, number_of(source), events or "r", true, function(ready)
    call(self, watch, callback, source, ready)
  end)
  return watch, err
end

--- Watches a process that was started: the functions that its streams and its `seccomp_notify` are
-- are called meanwhile, and `callback` with what `process:wait()` returns, when it has ended.
-- @tparam ctr.Process process
-- @tparam function callback
-- @treturn[1] ctr.Watch
-- @return[2] nil
-- @treturn[2] ctr.Error `NoProcessOps`, `SystemError`
-- @usage
-- assert(loop:process(process, function(result) print(result.signal or result.code) end))
-- assert(process:signal("SIGKILL"))
-- assert(loop:run())
function loop_methods:process(process, callback)
  check_callback(callback, "process")
  local source, err = process:source()
  if not source then
    return nil, err
  end
  local watch, problem
  watch, problem = watch_fd(self, source:fd(), "r", true, function()
    local ok, result, failure = xpcall(source.serve, explain, source)
    if not ok then
      report(self, watch, result)
    elseif result ~= false then
      watch:detach()
      call(self, watch, callback, result, failure)
    end
  end)
  if not watch then
    source:close()
    return nil, problem
  end
  watch.release = function() source:close() end
  return watch
end

-- One descriptor for all timers: it is set to the first of them.
local function arm(loop)
  local when = loop.timers:first_time()
  if when == loop.armed then
    return true
  end
  loop.armed = when
  return core.event.set_timer(loop.timer, when)
end

local function run_timers(loop)
  loop.armed = nil
  local now = core.proc.clock()
  -- Of this moment: a timer that a callback sets comes in the next round.
  loop.due = loop.timers:take_due(now)
  for _, timer in ipairs(loop.due) do
    local watch = timer.watch
    if watch.loop and loop.stopped then
      loop.timers:add(timer, timer.when)
    elseif watch.loop then
      if timer.interval then
        loop.timers:add(timer, math.max(timer.when + timer.interval, now))
      else
        watch:detach()
      end
      call(loop, watch, timer.callback)
    end
  end
  if loop.timer then
    arm(loop)
  end
end

local function open_timer(loop)
  if loop.timer then
    return true
  end
  local timer, err = core.event.timer()
  if not timer then
    return nil, err
  end
  loop.timer = timer
  local watch, problem = watch_fd(loop, timer, "r", false, function() run_timers(loop) end)
  if not watch then
    loop.timer = nil
    timer:close()
    return nil, problem
  end
  return true
end

local function add_timer(loop, seconds, interval, callback)
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds < math.huge) then
    error("bad argument #1 (a number of seconds expected)", 3)
  end
  local ok, err = open_timer(loop)
  if not ok then
    return nil, err
  end
  local watch = new_watch(loop, true)
  local timer = { watch = watch, interval = interval, callback = callback }
  watch.release = function()
    loop.timers:remove(timer)
  end
  loop.timers:add(timer, core.proc.clock() + seconds)
  ok, err = arm(loop)
  if not ok then
    watch:detach()
    return nil, err
  end
  return watch
end

--- Calls a function once, after a time.
-- @tparam number seconds
-- @tparam function callback
-- @treturn[1] ctr.Watch
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- assert(loop:after(0.01, function() loop:stop() end))
-- assert(loop:run())
function loop_methods:after(seconds, callback)
  check_callback(callback, "after")
  return add_timer(self, seconds, nil, callback)
end

--- Calls a function again and again. What was missed, because another took its time, is not made
-- up for.
-- @tparam number seconds more than 0
-- @tparam function callback
-- @treturn[1] ctr.Watch
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- assert(loop:every(10, function() print(container:stats()) end))
function loop_methods:every(seconds, callback)
  check_callback(callback, "every")
  if type(seconds) == "number" and seconds <= 0 then
    error("bad argument #1 to 'every' (more than 0 seconds expected)", 2)
  end
  return add_timer(self, seconds, seconds, callback)
end

local function deliver(loop, entry)
  local info = core.event.read_signal(entry.handle)
  if not info then
    return
  end
  for _, watch in ipairs({ unpack(entry.watches) }) do
    if watch.loop then
      call(loop, watch, watch.callback, info)
    end
  end
end

local function open_signal(loop, number)
  local handle, blocked = core.event.signal(number)
  if not handle then
    return nil, blocked
  end
  local entry = { handle = handle, blocked = blocked, watches = {} }
  local err
  entry.watch, err = watch_fd(loop, handle, "r", false, function() deliver(loop, entry) end)
  if not entry.watch then
    handle:close()
    return nil, err
  end
  loop.signals[number] = entry
  return entry
end

local function drop_signal(loop, number, watch)
  local entry = loop.signals[number]
  for index, other in ipairs(entry.watches) do
    if other == watch then
      table.remove(entry.watches, index)
      break
    end
  end
  if #entry.watches > 0 then
    return
  end
  loop.signals[number] = nil
  entry.watch:detach()
  entry.handle:close()
  if entry.blocked then
    core.event.unblock(number)
  end
end

--- Calls a function when a signal arrives, in place of what it does by itself: it is blocked in the
-- calling thread until the last watch of it ends. A signal does not keep the loop running.
-- @tparam number|string signal number or name ("SIGTERM", "TERM", "term")
-- @tparam function callback called with a table: `signal`, `pid` and `uid` of who sent it
-- @treturn[1] ctr.Watch
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- assert(loop:signal("SIGTERM", function() container:signal("SIGTERM") end))
function loop_methods:signal(signal, callback)
  check_callback(callback, "signal")
  local number = require("ctr.process").signal_number(signal)
  if not number or number == 0 then
    error("bad argument #1 to 'signal' (unknown signal " .. tostring(signal) .. ")", 2)
  end
  local entry, err = self.signals[number]
  if not entry then
    entry, err = open_signal(self, number)
  end
  if not entry then
    return nil, err
  end
  local watch = new_watch(self, false)
  watch.callback = callback
  watch.release = function() drop_signal(self, number, watch) end
  table.insert(entry.watches, watch)
  return watch
end

--- A descriptor that is readable when there is something to do: for another loop.
-- @treturn number
-- @usage
-- print("when " .. loop:fd() .. " is readable: loop:step(0)")
function loop_methods:fd()
  return self.set:fd()
end

--- Waits until something is ready, and calls what is to be called, once.
-- @tparam[opt] number timeout seconds; 0 does not wait, without it there is no limit
-- @treturn[1] boolean whether anything was ready
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- assert(loop:step(0) == false)
function loop_methods:step(timeout)
  local ready, err = core.event.collect(self.set, timeout)
  if not ready then
    return nil, err
  end
  for index = 1, #ready, 2 do
    local watch = self.watches[ready[index]]
    if self.stopped then
      break -- it is ready again the next time
    end
    if watch then -- no callback of this round has ended it
      watch.on_ready(ready[index + 1])
    end
  end
  return #ready > 0
end

--- Runs until `stop` is called, or nothing is left that keeps the loop: no source, no process, no
-- timer.
-- @tparam[opt] number timeout seconds; no limit without it
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`: errno `ETIMEDOUT` when the time ran out
-- @usage
-- assert(loop:after(0.01, function() print("now") end))
-- assert(loop:run(60))
function loop_methods:run(timeout)
  local deadline = timeout and core.proc.clock() + timeout
  self.stopped = false
  while self.kept > 0 and not self.stopped do
    local left = deadline and deadline - core.proc.clock()
    if left and left <= 0 then
      return nil, errors.new("SystemError", "the loop still has something to wait for",
        { op = "run", errno = "ETIMEDOUT" })
    end
    local ok, err = self:step(left)
    if ok == nil then
      return nil, err
    end
  end
  return true
end

--- Ends `run` when the function that runs has returned.
-- @treturn boolean true
-- @usage
-- assert(loop:after(0.01, function() loop:stop() end))
-- assert(loop:run())
function loop_methods:stop()
  self.stopped = true
  return true
end

--- Ends all watches, lets signals through again, and closes the loop.
-- @treturn boolean true
-- @usage
-- assert(loop:close())
function loop_methods:close()
  if not self.set:is_open() then
    return true
  end
  for _, entry in pairs(self.signals) do
    for _, watch in ipairs({ unpack(entry.watches) }) do
      watch:detach()
    end
  end
  for _, list in ipairs({ self.timers:all(), self.due }) do
    for _, timer in ipairs(list) do
      timer.watch:detach()
    end
  end
  for _, watch in pairs(self.watches) do
    watch:detach()
  end
  if self.timer then
    self.timer:close()
    self.timer = nil
  end
  self.set:close()
  return true
end

return M
