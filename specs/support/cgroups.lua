--- What specs of cgroups share: children to put in them, and a look at the machine's own files.
-- @module specs.support.cgroups

local core = require("ctr.core")

local M = {}

local SLEEP_SECONDS = "60"

--- The first line of a file, or nil.
function M.read(path)
  local file = io.open(path)
  if not file then
    return nil
  end
  local text = file:read("*l")
  file:close()
  return text or ""
end

function M.exists(path)
  local file = io.open(path .. "/cgroup.procs")
  if file then
    file:close()
  end
  return file ~= nil
end

--- How many descriptors this process has open.
function M.count_fds()
  local slash = assert(core.path.open_root("/proc/self/fd"))
  local count = #assert(core.path.list(slash, "."))
  slash:close()
  return count
end

local function close_all(handles)
  for _, handle in ipairs(handles) do
    handle:close()
  end
end

local child_methods = {}
local child_metatable = { __index = child_methods }

-- The shell writes "0" to what it was given above the three streams, and tells when it is done.
local JOIN = [[
fd=3
while [ -e /proc/self/fd/$fd ]; do echo 0 > /proc/self/fd/$fd; fd=$((fd + 1)); done
echo ready
]]

--- Runs a shell script in a manager's cgroup.
-- @tparam ctr.CgroupManager manager
-- @tparam string script
-- @treturn table `pid`, `pidfd`, `out` (the reading end of its output)
function M.run(manager, script)
  local joins, cgroup = assert(manager:join())
  local out, input = assert(core.fd.pipe())
  local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
  local child = assert(core.proc.spawn({
    path = "/bin/sh",
    argv = { "sh", "-c", JOIN .. script },
    env = { "PATH=/bin:/usr/bin" },
    fds = { null, input, input, unpack(joins) },
    cgroup = cgroup,
  }))
  close_all(joins)
  close_all({ null, input, cgroup })
  child.out = out
  child.text = ""
  return setmetatable(child, child_metatable)
end

--- A child that has joined, and sleeps.
function M.sleeper(manager)
  local child = M.run(manager, "exec sleep " .. SLEEP_SECONDS)
  child:expect("ready")
  return child
end

--- Waits until the child has written a line.
function child_methods:expect(line)
  while not ("\n" .. self.text):find("\n" .. line .. "\n", 1, true) do
    local data = assert(core.fd.read(self.out, 4096))
    assert(data ~= "", "the child ended after: " .. self.text)
    self.text = self.text .. data
  end
end

--- Waits for the end.
-- @treturn table as `core.proc.wait`
-- @treturn string what it wrote after it had joined
function child_methods:finish()
  local data
  repeat
    data = assert(core.fd.read(self.out, 4096))
    self.text = self.text .. data
  until data == ""
  local status = assert(core.proc.wait(self.pidfd))
  close_all({ self.out, self.pidfd })
  return status, (self.text:gsub("^ready\n", ""))
end

--- Kills the child and waits for its end.
function child_methods:stop()
  core.proc.send_signal(self.pidfd, core.proc.signals.SIGKILL)
  return self:finish()
end

--- The child's state: "S", "D" ….
function child_methods:state()
  local procfs = assert(core.path.open_root("/proc"))
  local stat = assert(core.proc.stat(procfs, self.pid))
  procfs:close()
  return stat.state
end

return M
