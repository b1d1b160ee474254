-- A container whose system calls a Lua function answers.
-- usage (as root): lctr examples/supervisor.lua [ROOTFS]
--
-- The profile hands over three calls, and the function below decides:
--   mkdir  of /var/lib/app is told to have worked; everywhere else there is no space left
--   mknod  may make fifos, but no device: told by a number, which nobody can change meanwhile
--   open   of /run/secret gives a file that only this program has

local bit = require("bit")
local ctr = require("ctr")
local core = require("ctr.core")

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local rootfs = assert(core.path.realpath(arg[1] or here .. "/../build/rootfs"))

local FILE_TYPE, FIFO, DEFAULT_TYPE = 0xf000, 0x1000, 0

local description = assert(ctr.container("supervised") {
  rootfs = rootfs,
  mounts = { { source = "tmpfs", destination = "/tmp", device = "tmpfs", data = "mode=1777" } },
  seccomp = {
    default_action = "SCMP_ACT_ALLOW",
    syscalls = { {
      names = { "mkdir", "mkdirat", "mknod", "mknodat", "open", "openat" },
      action = "SCMP_ACT_NOTIFY",
    } },
  },
  run = { "/bin/sh", "-c", [[
    mkdir /var/lib/app && echo "app folder: made"
    mkdir /elsewhere || echo "elsewhere: refused"
    mkfifo /tmp/pipe && echo "fifo: made"
    mknod /tmp/null c 1 3 || echo "device: refused"
    echo "secret: $(cat /run/secret)"
  ]] },
})

local answers = {}

function answers.mkdir(request, path)
  if path == "/var/lib/app" then
    return request:return_value(0)
  end
  return request:fail("ENOSPC")
end

function answers.mknod(request, _, mode)
  local kind = bit.band(mode, FILE_TYPE)
  if kind == FIFO or kind == DEFAULT_TYPE then
    return request:allow()
  end
  return request:fail("EPERM")
end

function answers.open(request, path)
  if path ~= "/run/secret" then
    return request:allow()
  end
  local secret = assert(core.fd.memfd("secret", "known to nobody else"))
  request:add_fd(secret, { cloexec = true })
  secret:close()
end

-- The same call comes in two forms: with and without a folder's descriptor before the path.
local function answer(request)
  local name, has_folder = request.syscall:gsub("at$", "")
  local path = request:read_string(request.args[1 + has_folder])
  if not path then
    return request:fail("EFAULT")
  end
  if name ~= "open" or path == "/run/secret" then
    print(("  asked: %s %s"):format(request.syscall, path))
  end
  return answers[name](request, path, request.args[2 + has_folder])
end

local fields = description.process
fields.seccomp_notify = answer
fields.stdout = function(text) io.stdout:write(text) end
fields.stderr = "null"

local factory = assert(ctr.new())
local container = assert(factory:create("supervised", description.config))
local process = ctr.process(fields)
local loop = assert(ctr.loop())

assert(container:run(process))
assert(loop:process(process, function(status)
  print("ended with " .. (status.code or status.signal))
end))
assert(loop:signal("SIGINT", function() container:signal("SIGKILL") end))
assert(loop:run())
loop:close()
assert(container:destroy())
