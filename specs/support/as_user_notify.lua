-- Runs as a user without privilege: a container whose system calls it supervises, learns, counts.
-- Arguments: the project's folder, the container's root, the state root.

local project, root, state = arg[1], arg[2], arg[3]
package.path = project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;" .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

local core = require("ctr.core")
local ctr = require("ctr")

io.stdout:setvbuf("no")
local ids = core.proc.ids()
local factory = assert(ctr.new(state))

local function run(id, seccomp, fields)
  local container = assert(factory:create(id, {
    rootfs = root, seccomp = seccomp, no_new_privileges = true,
    namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
    uid_mappings = { { container_id = 0, host_id = ids.euid, size = 1 } },
    gid_mappings = { { container_id = 0, host_id = ids.egid, size = 1 } },
    mounts = { { source = "proc", destination = "/proc", device = "proc" } },
  }))
  fields.args = { "/bin/sh", "-c", "mkdir /given; exit $?" }
  fields.env, fields.stderr = { "PATH=/bin" }, io.stderr
  local process = ctr.process(fields)
  assert(container:run(process))
  local result = assert(process:wait(60))
  assert(container:destroy())
  return result
end

local function profile(action, errno)
  return { default_action = "SCMP_ACT_ALLOW",
    syscalls = { { names = { "mkdir" }, action = action, errno_ret = errno } } }
end

local result = run("notify", profile("SCMP_ACT_NOTIFY"), { seccomp_notify = function(request)
  io.stdout:write(request.syscall, " ", tostring(request:read_string(request.args[1])), "\n")
  request:return_value(0)
end })
io.stdout:write(result.code, "\n")

result = run("report", profile("SCMP_ACT_ERRNO", 28), { seccomp_report = true })
io.stdout:write(result.refused[1].syscall, " ", result.refused[1].errno, "\n")

for _, call in ipairs(run("learn", nil, { seccomp_learn = true }).calls) do
  if call.syscall == "mkdir" then
    io.stdout:write("learned ", call.syscall, "\n")
  end
end
