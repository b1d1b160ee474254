-- Runs as a user without privilege: one container, its output on standard output.
-- Arguments: the project's folder, the container's root, the state root, the kind of mapping, and
-- where newuidmap and newgidmap are, if not where they usually are.

local project, root, state, kind = arg[1], arg[2], arg[3], arg[4]
package.path = project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;" .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

local ctr = require("ctr")
local core = require("ctr.core")

io.stdout:setvbuf("no")
local ids = core.proc.ids()
local function mapping(own)
  if kind == "single" then
    return { { container_id = 0, host_id = own, size = 1 } }
  end
  return {
    { container_id = 0, host_id = own, size = 1 },
    { container_id = 1, host_id = 200000, size = 1000 },
  }
end

local factory = assert(ctr.new(state, { newuidmap_path = arg[5], newgidmap_path = arg[6] }))
local config = {
  rootfs = root,
  namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
  uid_mappings = mapping(ids.euid),
  gid_mappings = mapping(ids.egid),
  hostname = "mine",
  devices = ctr.default_auto_created_devices,
  mask_paths = { "/proc/kcore" },
  readonly_paths = { "/proc/sys" },
  networks = { { type = "loopback" } },
  routes = { { destination = "10.9.0.0/16", interface_name = "lo" } },
  mounts = {
    { source = "proc", destination = "/proc", device = "proc" },
    { source = root .. "/etc", destination = "/mnt", flags = { "bind", "ro" } },
  },
}
local container = assert(factory:create("mine", config))
local said = ""
local process = ctr.process({
  args = { "/bin/sh", "-c",
    "id -u; hostname; cat /proc/self/setgroups; wc -l < /mnt/passwd; sleep 1000" },
  env = { "PATH=/bin" }, stderr = io.stderr,
  stdout = function(data)
    said = said .. data
    io.stdout:write(data)
  end,
  user = kind == "single" and "0:0" or "5:6",
})
assert(container:run(process))
-- The count of lines comes last.
repeat
  local _, err = process:wait(0.05)
  assert(err.errno == "ETIMEDOUT")
until said:find("\n%d+\n$")
local second = ctr.process({ args = { "/bin/echo", "second" }, stdout = io.stdout })
assert(container:run(second))
assert(second:wait(60))
local third = ctr.process({ args = { "/bin/ip", "route" }, stdout = io.stdout })
assert(container:run(third))
assert(third:wait(60))
-- A process may come before the container's own program runs.
local waiting = assert(factory:create("waiting", config))
assert(waiting:start(ctr.process({ args = { "/bin/true" } })))
local early = ctr.process({ args = { "/bin/echo", "early" }, stdout = io.stdout })
assert(waiting:run(early))
assert(early:wait(60))
assert(waiting:destroy())
-- Another one in the same user namespace, whose mappings it does not name.
local joining = { rootfs = root, networks = {}, namespaces = { "NEWNS", "NEWUTS", "NEWIPC",
  "NEWPID", "NEWNET", { type = "NEWUSER", path = ("/proc/%d/ns/user"):format(process:pid()) } } }
local beside = assert(factory:create("beside", joining))
local fourth = ctr.process({ args = { "/bin/sh", "-c", "echo beside $(id -u)" },
  env = { "PATH=/bin" }, stdout = io.stdout, stderr = io.stderr })
assert(beside:run(fourth))
assert(fourth:wait(60))
assert(beside:destroy())
config.networks = { { type = "veth", bridge = "br0" } }
local _, err = factory:create("other", config)
io.stdout:write(tostring(err), "\n")
assert(container:signal("SIGKILL"))
io.stdout:write(process:wait(60).signal, "\n")
assert(container:destroy())
