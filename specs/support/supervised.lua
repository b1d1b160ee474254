--- Processes with a filter of their own, for specs of what supervises them.
-- @module specs.support.supervised

local core = require("ctr.core")

local M = {}

--- Numbers of x86_64's system calls.
M.NUMBER = { read = 0, open = 2, getppid = 110, mkdir = 83, sysinfo = 99, pause = 34 }

--- Starts one.
-- @tparam string calls the numbers that it hands over, separated by commas
-- @tparam string code Lua, as `notified.lua` has it
-- @treturn table `pid`, `pidfd`, `listener`
function M.start(calls, code)
  local ours, theirs = assert(core.fd.socketpair("stream"))
  local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
  local child = assert(core.proc.spawn({
    path = "/usr/bin/luajit", argv = { "luajit", "specs/support/notified.lua", calls, code },
    fds = { null, 1, 2, theirs },
  }))
  theirs:close()
  null:close()
  local _, handles = assert(core.fd.recv(ours, 1))
  child.listener = assert(handles[1], "the process has no filter")
  assert(core.fd.write(ours, "g"))
  ours:close()
  return child
end

--- Waits for the next call, and takes it.
function M.next(child)
  assert(core.poll.wait({ { fd = child.listener, events = "r" } }, 60)[1], "no call came")
  return assert(core.notify.receive(child.listener))
end

--- Waits for the process' end.
-- @treturn table its result
function M.finish(child)
  local result = assert(core.proc.wait(child.pidfd, {}))
  child.pidfd:close()
  child.listener:close()
  return result
end

return M
