-- A build sandbox: sources are read-only, there is no network, and what is built comes out.
-- usage (as root): lctr examples/build.lua SOURCES OUTPUT [ROOTFS] [COMMAND]
--
-- The command runs by a shell in /build, a copy of the sources in memory; what it leaves in /out is
-- in OUTPUT then. Times and names are the same each time, so that the result is, too.

local ctr = require("ctr")
local core = require("ctr.core")

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local sources = assert(core.path.realpath(assert(arg[1], "which sources?")))
local output = assert(core.path.realpath(assert(arg[2], "where to?")))
local rootfs = assert(core.path.realpath(arg[3] or here .. "/../build/rootfs"))
local command = arg[4] or "sh ./build.sh"

local result = assert(ctr.run({
  rootfs = rootfs,
  readonlyfs = true,
  hostname = "build",
  args = { "/bin/sh", "-e", "-c", "cp -r /src/. /build; cd /build; " .. command },
  env = { HOME = "/build", LC_ALL = "C", TZ = "UTC", SOURCE_DATE_EPOCH = "0" },
  mounts = {
    { source = sources, destination = "/src", flags = { "rbind", "ro", "nosuid" } },
    { source = output, destination = "/out", flags = { "bind", "nosuid", "nodev" } },
    { source = "tmpfs", destination = "/build", device = "tmpfs", data = "size=512m,mode=755" },
    { source = "tmpfs", destination = "/tmp", device = "tmpfs", data = "size=64m,mode=1777" },
  },
  limits = { memory = "1G", pids = 256 },
  timeout = "10m",
  stdout = function(text) io.stdout:write(text) end,
  stderr = function(text) io.stderr:write(text) end,
}))

if result.timed_out then
  io.stderr:write("build: it took more than ten minutes\n")
end
print(("built with %s: %.1f MiB at most"):format(result.signal or result.code,
  result.usage.memory_peak / 2 ^ 20))
os.exit(result.code or 1)
