--- A process of a container.
-- @module ctr.process

local core = require("ctr.core")
local errors = require("ctr.errors")
local file = require("ctr.file")

local M = {}

local CHUNK = 65536
local NO_HANG = { nohang = true }

local process_methods = {}
local process_metatable = { __index = process_methods, __name = "ctr.Process" }

--- Makes a process, which `container:start` or `container:run` starts.
-- @tparam table spec its fields (`ctr.config.schema`, process); checked when it is started
-- @treturn ctr.Process
function M.new(spec)
  if type(spec) ~= "table" then
    error("bad argument #1 to 'process' (table expected, got " .. type(spec) .. ")", 2)
  end
  return setmetatable({ spec = spec, readers = {} }, process_metatable)
end

--- Says whether a value is a process.
function M.is(value)
  return getmetatable(value) == process_metatable
end

local function no_ops()
  return nil, errors.new("NoProcessOps", "the process has not been started")
end

--- Takes over what a start made.
-- @tparam table started `pid`, `pidfd`, `readers`, `console`, `on_exit`, `supervisor`; `others`:
-- whom the kernel wants reaped before this one ends
-- @local
function process_methods:attach(started)
  self.process_id, self.pidfd = started.pid, started.pidfd
  self.readers = started.readers or {}
  self.master = started.console
  self.on_exit = started.on_exit
  self.others = started.others or {}
  self.supervisor = started.supervisor
  self.result, self.lost, self.reaped = nil, nil, nil
end

--- The process' id in the caller's pid namespace.
-- @treturn[1] number
-- @return[2] nil
-- @treturn[2] ctr.Error `NoProcessOps` before it was started
-- @usage
-- print(assert(process:pid()))
function process_methods:pid()
  if not self.process_id then
    return no_ops()
  end
  return self.process_id
end

--- The master of the process' pty, where it has a console (`terminal`) that no socket took.
-- @treturn ?ctr.File
-- @usage
-- local shell = ctr.process({ args = { "/bin/sh" }, terminal = true })
-- assert(container:run(shell))
-- shell:console():write("exit 3\n")
function process_methods:console()
  return self.master and file.new(self.master)
end

--- The number of a signal given by number or name ("SIGTERM", "TERM", "term").
-- @treturn[1] number
-- @return[2] nil
function M.signal_number(signal)
  if type(signal) == "number" and signal >= 0 and signal <= 64 and signal % 1 == 0 then
    return signal
  end
  if type(signal) == "string" then
    local name = signal:upper()
    return core.proc.signals[name] or core.proc.signals["SIG" .. name]
  end
  return nil
end

--- Takes the master of its pty, which `wait` then no longer passes through.
-- @treturn ?ctr.fd
-- @local
function process_methods:take_console()
  local master = self.master
  self.master = nil
  return master
end

--- Sends a signal.
-- @tparam number|string signal number or name ("SIGTERM", "TERM", "term")
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `NoProcessOps`, `SystemError` (errno ESRCH when it has ended)
-- @usage
-- assert(process:signal("SIGKILL"))
-- assert(process:wait().signal == "SIGKILL")
function process_methods:signal(signal)
  if not self.process_id then
    return no_ops()
  end
  local number = M.signal_number(signal)
  if not number then
    error("bad argument #1 to 'signal' (unknown signal " .. tostring(signal) .. ")", 2)
  end
  if not self.pidfd then
    return nil, errors.new("SystemError", "the process has ended", { errno = "ESRCH" })
  end
  return core.proc.send_signal(self.pidfd, number)
end

local function drop_reader(process, index)
  process.readers[index].handle:close()
  table.remove(process.readers, index)
end

-- Reads once; false at the end of the stream.
local function read_some(reader)
  local data, err = core.fd.read(reader.handle, CHUNK)
  if not data then
    return err.errno == "EAGAIN" and "later" or false
  end
  if data == "" then
    return false
  end
  reader.callback(data)
  return true
end

local function drain(process)
  for index = #process.readers, 1, -1 do
    local reader = process.readers[index]
    local more
    repeat
      more = read_some(reader)
    until more ~= true
    drop_reader(process, index)
  end
end

--- Answers the system calls that its filter handed over, until nobody is left to make some.
-- @local
function process_methods:serve_calls()
  if not self.supervisor:serve() then
    self.supervisor:close()
  end
end

local function dispatch_output(process, ready, first)
  for index = #process.readers, 1, -1 do
    if ready[first + index - 1] and read_some(process.readers[index]) == false then
      drop_reader(process, index)
    end
  end
end

--- Does what a set that `watched` filled says that there is to do: hands on output, answers system
-- calls.
-- @tparam table ready as `core.poll.wait` returned it
-- @tparam number first where in the set the process' entries begin
-- @treturn boolean whether the process has ended
-- @local
function process_methods:dispatch(ready, first)
  local calls_at = first + 1 + #self.readers
  local has_calls = ready[calls_at] and self:is_supervised()
  dispatch_output(self, ready, first + 1)
  if has_calls then
    self:serve_calls()
  end
  return ready[first] ~= nil
end

--- Whether there is a supervisor whose listener is still open.
-- @local
function process_methods:is_supervised()
  return self.supervisor ~= nil and self.supervisor:is_open()
end

-- Takes the result of a process that has ended; true when there is nothing left to take.
local function reap(process, options)
  if not process.pidfd or process.reaped then
    return true
  end
  local result, err = core.proc.wait(process.pidfd, options)
  if result == false then
    return false
  end
  process.reaped = { result = result, err = err }
  return true
end

--- Reaps those of a list that have ended, and takes them off the list. The kernel lets a pid
-- namespace's first process end only after all others in it were reaped: also those that another
-- process, which is us, put there. Their results wait in their objects.
-- @tparam {ctr.Process,…} others
function M.reap(others)
  for index = #others, 1, -1 do
    if reap(others[index], NO_HANG) then
      table.remove(others, index)
    end
  end
end

--- Adds a process that has to be reaped, also to the sources that wait for it by now.
-- @tparam {ctr.Process,…} others
-- @tparam ctr.Process object
function M.add_other(others, object)
  table.insert(others, object)
  for source, update in pairs(others.sources or {}) do
    update(source)
  end
end

--- Adds processes that have to be reaped to a set for `core.poll.wait`.
-- @tparam table set
-- @tparam {ctr.Process,…} others
function M.watch(set, others)
  for _, other in ipairs(others) do
    set[#set + 1] = { fd = other.pidfd, events = "r" }
  end
  return set
end

--- Adds what a process waits for to a set for `core.poll.wait`: its end, its output, its system
-- calls, and those who have to be reaped.
-- @tparam[opt] table set
-- @tparam[opt] boolean is_alone leaves out those who have to be reaped
-- @treturn table set
-- @local
function process_methods:watched(set, is_alone)
  set = set or {}
  set[#set + 1] = { fd = self.pidfd, events = "r" }
  for _, reader in ipairs(self.readers) do
    set[#set + 1] = { fd = reader.handle, events = "r" }
  end
  if self:is_supervised() then
    set[#set + 1] = { fd = self.supervisor.listener, events = "r" }
  end
  return M.watch(set, is_alone and {} or self.others)
end

local function timed_out()
  return nil, errors.new("SystemError", "the process still runs",
    { op = "wait", errno = "ETIMEDOUT" })
end

local function wait_for_exit(process, timeout)
  local deadline = timeout and core.proc.clock() + timeout
  while true do
    local left = deadline and math.max(0, deadline - core.proc.clock())
    M.reap(process.others)
    local ready, err = core.poll.wait(process:watched(), left)
    if not ready then
      return nil, err
    end
    if process:dispatch(ready, 1) then
      return true
    end
    if left == 0 then
      return timed_out()
    end
  end
end

local function finish(process)
  reap(process, {})
  local result, err = process.reaped.result, process.reaped.err
  drain(process)
  process.pidfd:close()
  process.pidfd = nil
  if result then
    result.oom_killed = false
  end
  if process.supervisor then
    process.supervisor:finish(result or {})
  end
  -- Where the caller reaped it, older kernels do not tell how it ended.
  process.result, process.lost = result or nil, err
  if process.on_exit then
    process.on_exit(result)
  end
  return result, err
end

--- Waits until the process has ended, and hands what it wrote to the functions that its streams
-- are. Output that is still in a pipe when the process ends is delivered; what others write to it
-- after that is not waited for. A further call returns the same result. System calls that the
-- profile hands over are answered meanwhile (`ctr.supervisor`).
-- @tparam[opt] number timeout seconds
-- @treturn[1] table `code` (0 … 255) or `signal` ("SIGKILL"), `core`, `oom_killed`, `usage` (`cpu`,
-- `user` and `system` in seconds, `memory_peak` in bytes); `refused` with `seccomp_report`, `calls`
-- with `seccomp_learn`, and `notify_errors`: what `seccomp_notify` raised, where it did
-- @return[2] nil
-- @treturn[2] ctr.Error `NoProcessOps`, `SystemError`: errno `ETIMEDOUT` when the time ran out
-- @usage
-- local result, err = process:wait(0.01)
-- assert(not result and err.errno == "ETIMEDOUT")
function process_methods:wait(timeout)
  if not self.process_id then
    return no_ops()
  end
  if self.result or self.lost then
    return self.result, self.lost
  end
  local ended, err
  if self.master and not self.detached then
    ended, err = require("ctr.terminal").relay(self, timeout)
  else
    ended, err = wait_for_exit(self, timeout)
  end
  if not ended then
    return nil, err
  end
  return finish(self)
end

--- Does what there is to do for the process, without waiting. A console is left alone.
-- @treturn[1] table|boolean as `wait` when it has ended; false while it runs
-- @return[2] nil
-- @treturn[2] ctr.Error as `wait`
-- @local
function process_methods:poll()
  if not self.process_id then
    return no_ops()
  end
  if self.result or self.lost then
    return self.result, self.lost
  end
  M.reap(self.others)
  local ready, err = core.poll.wait(self:watched(), 0)
  if not ready then
    return nil, err
  end
  if not self:dispatch(ready, 1) then
    return false
  end
  return finish(self)
end

local function pipe_pair(uid, gid)
  local read_end, write_end = core.fd.pipe()
  if not read_end then
    return nil, nil, write_end
  end
  for _, handle in ipairs({ read_end, write_end }) do
    local ok, err = core.fd.chown(handle, uid, gid)
    if not ok then
      read_end:close()
      write_end:close()
      return nil, nil, err
    end
  end
  return read_end, write_end
end

--- Reaps whom the kernel wants reaped before this process ends.
-- @local
function process_methods:reap_others()
  M.reap(self.others)
end

--- An event source that fits any loop: its descriptor is readable when the process has output for
-- the functions that its streams are, a system call for its `seccomp_notify`, or has ended.
-- `source:serve()` does what there is to do, and returns false, or what `wait` returns when the
-- process has ended; `source:wait([timeout])` serves until then. `ctr.loop` does this by itself.
-- @treturn[1] ctr.ProcessSource `fd()`, `serve()`, `wait([timeout])`, `close()`
-- @return[2] nil
-- @treturn[2] ctr.Error `NoProcessOps`, `SystemError`
-- @usage
-- local source = assert(process:source())
-- print("wait until " .. source:fd() .. " is readable, then:")
-- assert(source:serve() == false)
-- source:close()
function process_methods:source()
  if not self.process_id then
    return no_ops()
  end
  return require("ctr.process.source").new(self)
end

--- Gives the process three pipes as its streams, and returns the other ends.
-- @tparam[opt=0] number uid the pipes' owner: the container's root as the host sees it
-- @tparam[opt=0] number gid
-- @treturn[1] table `stdin`, `stdout`, `stderr`: objects with the methods of Lua files, and `fd()`
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- local cat = ctr.process({ args = { "/bin/cat" } })
-- local streams = assert(cat:initialize_io())
-- assert(container:run(cat))
-- streams.stdin:write("hello\n")
-- streams.stdin:close()
-- assert(streams.stdout:read("*l") == "hello")
-- assert(cat:wait().code == 0)
function process_methods:initialize_io(uid, gid)
  local ours, opened = {}, {}
  for _, name in ipairs({ "stdin", "stdout", "stderr" }) do
    local read_end, write_end, err = pipe_pair(uid or 0, gid or 0)
    if not read_end then
      for _, handle in ipairs(opened) do
        handle:close()
      end
      return nil, err
    end
    opened[#opened + 1], opened[#opened + 2] = read_end, write_end
    local mine, theirs = read_end, write_end
    if name == "stdin" then
      mine, theirs = write_end, read_end
    end
    ours[name] = file.new(mine)
    self.given = self.given or {}
    self.given[name] = theirs
  end
  return ours
end

--- What the start opens for the streams, with what `initialize_io` made.
-- @local
function process_methods:streams()
  -- What hides its content is not copied: it is refused where it is read.
  if not self.given or getmetatable(self.spec) ~= nil then
    return self.spec
  end
  local spec = {}
  for key, value in next, self.spec do
    spec[key] = value
  end
  for name, handle in pairs(self.given) do
    spec[name] = handle
  end
  return spec
end

--- Closes the ends that `initialize_io` made for the process, which has them by now.
-- @local
function process_methods:release_streams()
  for _, handle in pairs(self.given or {}) do
    handle:close()
  end
  self.given = nil
end

return M
