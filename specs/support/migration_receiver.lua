--- The receiving end of a migration: a program of its own, on another host, which is a network
-- namespace. Its standard input is the stream. It says what it received, or why not, and waits
-- until that has ended.
-- Arguments: state root, container's root, CRIU, folder of the images, network namespace (or "-"),
-- cgroup, changes of the target (Lua).

package.path = "./lua/?.lua;./lua/?/init.lua;./?.lua;" .. package.path
package.cpath = "./build/?.so;" .. package.cpath

local core = require("ctr.core")
local ctr = require("ctr")

local state, root, criu, folder, namespace, cgroup, changes = unpack(arg)
if namespace ~= "-" then
  assert(core.ns.enter(assert(core.ns.open(namespace))))
end
local factory = assert(ctr.new(state, { criu_path = criu }))

local function config_of(config)
  config.rootfs, config.cgroups = root, { path = cgroup }
  return config
end

local target = { factory = factory, directory = folder, config = config_of }
for key, value in pairs(setfenv(assert(loadstring("return " .. changes)), { kill = function()
  core.proc.send_signal(assert(core.proc.pidfd_open(core.proc.getpid())), 9)
end, config_of = config_of })()) do
  target[key] = value
end

local report, err = ctr.receive_migration(0, target)
io.stdout:setvbuf("line")
if report then
  print("received", report.container:id(), report.bytes)
  local status = assert(report.process:wait())
  print("ended", status.code or status.signal)
  assert(report.container:destroy())
else
  print("failed", (tostring(err):gsub("\n", " ")), err.images)
end
factory:close()
