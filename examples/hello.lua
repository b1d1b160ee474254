-- A container from its creation to its end.
-- usage (as root): lctr examples/hello.lua [ROOTFS]

local ctr = require("ctr")
local core = require("ctr.core")

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local rootfs = assert(core.path.realpath(arg[1] or here .. "/../build/rootfs"))

local function title(text)
  print("\n== " .. text)
end

local ids = { { container_id = 0, host_id = 100000, size = 65536 } }

-- What is not said here has a safe default: mounts, devices, masked paths, capabilities, filter.
local description = assert(ctr.container("hello") {
  rootfs = rootfs,
  namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWCGROUP", "NEWUSER" },
  uid_mappings = ids,
  gid_mappings = ids,
  hostname = "hello-from-lua",
  limits = { memory = "64M", pids = 32 },
  run = { "/bin/sh", "-c", [[
    echo "host name:     $(hostname)"
    echo "process id:    $$"
    echo "ids:           $(id)"
    echo "mapped from:   $(awk '{ print $2 " (" $3 " ids)" }' /proc/self/uid_map)"
    echo "network:       $(ls /sys/class/net | tr '\n' ' ')"
    echo "capabilities:  $(awk '/CapEff/ { print $2 }' /proc/self/status)"
    echo "system calls:  $(grep -q "^Seccomp:.2" /proc/self/status && echo filtered)"
    echo "new privileges: $(awk '/NoNewPrivs/ { print $2 ? "never" : "yes" }' /proc/self/status)"
    echo "open files:    $(ulimit -n)"
    echo "mounts:"
    awk '{ print "  " $2 " (" $3 ")" }' /proc/mounts | grep -v ' /proc/\| /sys/\| /dev/[^psm]'
    echo "ready"
    trap 'echo "told to end"; exit 7' TERM
    while :; do sleep 1000 & wait $!; done
  ]] },
})

title("Create")
local factory = assert(ctr.new())
local earlier = factory:load("hello")
if earlier then -- what an interrupted run left
  earlier:signal("SIGKILL", true)
  assert(earlier:destroy())
end
local container = assert(factory:create("hello", description.config))
print(("container %q is %s"):format(container:id(), container:status()))

title("Run: what the container sees of itself")
local process = ctr.process(description.process)
local streams = assert(process:initialize_io(100000, 100000))
assert(container:run(process))
for line in streams.stdout:lines() do
  if line == "ready" then
    break
  end
  print(line)
end

title("From outside")
print(("it is %s; its first process is %d here"):format(container:status(), process:pid()))
local proc = assert(core.path.open_root("/proc"))
local own = {}
for _, kind in ipairs({ "mnt", "uts", "ipc", "pid", "net", "cgroup", "user" }) do
  local its = assert(core.path.readlink(proc, process:pid() .. "/ns/" .. kind))
  own[#own + 1] = its ~= core.path.readlink(proc, "self/ns/" .. kind) and kind or nil
end
print("namespaces of its own: " .. table.concat(own, " "))
local cgroup_paths = assert(container:state()).cgroup_paths
for _, file in ipairs({ "memory.limit_in_bytes", "memory.max", "pids.max" }) do
  for _, path in pairs(cgroup_paths) do
    local limit = io.open(path .. "/" .. file)
    if limit then
      print(("%-21s %s"):format(file, limit:read("*l")))
      limit:close()
      break
    end
  end
end

title("Execute a second program in it")
io.stdout:flush()
local second = ctr.process({
  args = { "/bin/ps", "-o", "pid,user,comm" },
  env = description.process.env,
  stdout = "inherit",
  stderr = "inherit",
  init = false,
})
assert(container:run(second))
print(("it ended with %d"):format(assert(second:wait()).code))

title("Send SIGTERM and wait")
assert(container:signal("SIGTERM"))
local status = assert(process:wait())
print("its last words: " .. streams.stdout:read("*l"))
print(("it ended with %s; the container is %s"):format(status.code or status.signal,
  container:status()))

title("Destroy")
assert(container:destroy())
local left = factory:load("hello") and "the state" or nil
for _, path in pairs(cgroup_paths) do
  left = io.open(path .. "/cgroup.procs") and path or left
end
assert(not left, left)
print("nothing is left: no state, no cgroup")
