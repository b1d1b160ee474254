--- Answers the system calls that a process' filter hands over (`SCMP_ACT_NOTIFY`).
--
-- Calls are served while this program is in `process:wait()`, in the `run`, `start` or `exec` that
-- starts the process, or in a loop that has it (`ctr.loop`, `process:source()`); until then they
-- wait. The listener is this program's alone: when it ends, however it ends, the kernel answers
-- `ENOSYS` to what waits and to all that follows, and the container goes on. So it is for children
-- that outlive the process whose supervisor this is.
--
-- A function that is asked while `run`, `start` or `exec` is at work finds the container's lock
-- held: it must not change the container itself.
-- @module ctr.supervisor

local core = require("ctr.core")
local requests = require("ctr.supervisor.request")

local M = {}

-- So many calls are answered before the rest of the program has its turn again.
local BATCH = 64
-- So many errors of a function are kept.
local ERRORS_MAX = 16

local supervisor_methods = {}
local supervisor_metatable = { __index = supervisor_methods, __name = "ctr.Supervisor" }

--- Makes a supervisor.
-- @tparam ctr.fd listener which it owns from now on
-- @tparam table judge `answer(judge, request)`, and `finish(judge, result)`, which adds to what
-- `process:wait()` returns
-- @treturn ctr.Supervisor
function M.new(listener, judge)
  core.notify.set_sync(listener)
  return setmetatable({ listener = listener, judge = judge, problems = {} }, supervisor_metatable)
end

-- The control socket closes by itself when the program is executed.
local function is_connected(session)
  local ready = core.poll.wait({ { fd = session.socket, events = "r" } }, 0)
  return ready ~= nil and not (ready[1] and ready[1]:find("h", 1, true))
end

--- What a start does with the listener: it serves while the bootstrap ends its work.
-- @tparam table judge
-- @treturn function takes the session and the listener
function M.receiver(judge)
  return function(session, listener)
    local supervisor = M.new(listener, judge)
    supervisor:set_up_while(function() return is_connected(session) end)
    session.supervisor = supervisor
    session:on_failure(function() supervisor:close() end)
    session:add_source({ fd = listener, serve = function(source)
      if not supervisor:serve() then
        session:remove_source(source)
      end
      return true
    end })
    return true
  end
end

--- Says whether calls may still come.
function supervisor_methods:is_open()
  return self.listener:is_open()
end

--- The descriptor that is readable when a call waits.
-- @treturn number
function supervisor_methods:fd()
  return self.listener:fd()
end

local function explain(err)
  return debug.traceback(tostring(err), 2)
end

local function note(supervisor, text)
  local problems = supervisor.problems
  if #problems < ERRORS_MAX then
    problems[#problems + 1] = text
  end
end

--- Says how long it is the bootstrap that makes the calls.
-- @tparam ?function is_set_up asked at each call, until it returns false; nil: no longer
function supervisor_methods:set_up_while(is_set_up)
  self.is_set_up = is_set_up
end

-- A call waits, so that who makes it does not become the program meanwhile: the answer is exact.
local function is_setup(supervisor)
  if supervisor.is_set_up and not supervisor.is_set_up() then
    supervisor.is_set_up = nil
  end
  return supervisor.is_set_up ~= nil
end

-- The function's own mistakes deny the call: nothing is allowed by accident, nobody waits for ever.
local function answer(supervisor, call)
  local request = requests.new(supervisor.listener, call)
  request.setup = is_setup(supervisor)
  local ok, problem = xpcall(supervisor.judge.answer, explain, supervisor.judge, request)
  if not ok then
    note(supervisor, problem)
  end
  if request:is_open() and supervisor:is_open() then
    request:fail("EPERM")
  end
end

--- Answers the calls that wait, some at a time; does not wait for more.
-- @treturn boolean false when nobody is left who could make calls
function supervisor_methods:serve()
  for _ = 1, BATCH do
    local call, err = core.notify.receive(self.listener)
    if not call then
      return err == nil
    end
    answer(self, call)
    if not self:is_open() then
      return false -- the function ended its own supervisor
    end
  end
  return true
end

--- Adds to a process' result what was found out, and closes the listener.
-- @tparam table result
function supervisor_methods:finish(result)
  self:close()
  if self.judge.finish then
    self.judge:finish(result)
  end
  if #self.problems > 0 then
    result.notify_errors = self.problems
  end
end

--- Closes the listener: calls that wait, and all that follow, get `ENOSYS`.
function supervisor_methods:close()
  self.listener:close()
end

return M
