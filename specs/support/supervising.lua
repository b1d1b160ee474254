-- Supervises a container in a program of its own, which is killed by who started it. Arguments: the
-- container's root, the state root, the container's id, the system call that is handed over, the
-- script that it runs, "run" or "start". Tells on standard output when a call waits, and when the
-- container has been started; it never answers.

package.path = "lua/?.lua;lua/?/init.lua;./?.lua;" .. package.path
package.cpath = "build/?.so;" .. package.cpath
local box = require("specs.support.box")
local ctr = require("ctr")

local root, state, id, syscall, script, how = unpack(arg)
io.stdout:setvbuf("no")
local factory = assert(ctr.new(state))

local function wait_to_be_killed(text)
  io.stdout:write(text, "\n")
  io.stdin:read("*l")
  os.exit(1)
end

local container = assert(factory:create(id, box.config(root, { cgroups = {},
  seccomp = { default_action = "SCMP_ACT_ALLOW",
    syscalls = { { names = { syscall }, action = "SCMP_ACT_NOTIFY" } } },
})))
local process = ctr.process({
  args = { "/bin/sh", "-c", script }, env = { "PATH=/bin" },
  seccomp_notify = function(request) wait_to_be_killed(request.syscall) end,
})
assert(container[how](container, process))
-- Whoever is started beside must not keep the listener open.
local other = assert(factory:create(id .. "-other", box.config(root, { cgroups = {} })))
assert(other:run(ctr.process({ args = { "/bin/sleep", "1000" } })))
io.stdout:write("started\n")
if script:find("mkdir", 1, true) then
  process:wait()
end
wait_to_be_killed("idle")
