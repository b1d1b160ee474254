-- Runs as a user without privilege: a container with the mounts that a Lua file returns; prints
-- what it printed, or "path|errno|message" of the error.
-- Arguments: the project's folder, the container's root, the state root, the file.

local project, root, state, file = arg[1], arg[2], arg[3], arg[4]
package.path = project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;" .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

local ctr = require("ctr")
local core = require("ctr.core")

io.stdout:setvbuf("no")
local wanted = dofile(file)
local ids = core.proc.ids()

local function fail(err)
  print(("%s|%s|%s"):format(tostring(err.path), tostring(err.errno), tostring(err)))
  os.exit(0)
end

local namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" }
for _, name in ipairs(wanted.namespaces or {}) do
  namespaces[#namespaces + 1] = name
end
local mounts = { { source = "proc", destination = "/proc", device = "proc" } }
for _, mount in ipairs(wanted.mounts) do
  mounts[#mounts + 1] = mount
end

local factory = assert(ctr.new(state))
local container, err = factory:create("mine", {
  rootfs = root,
  namespaces = namespaces,
  uid_mappings = { { container_id = 0, host_id = ids.euid, size = 1 } },
  gid_mappings = { { container_id = 0, host_id = ids.egid, size = 1 } },
  mounts = mounts,
})
if not container then
  fail(err)
end
local said = {}
local function hear(data)
  said[#said + 1] = data
end
local process = ctr.process({ args = { "/bin/sh", "-c", wanted.script }, env = { "PATH=/bin" },
  stdout = hear, stderr = hear })
local ok
ok, err = container:run(process)
if ok then
  assert(process:wait(60))
end
assert(container:destroy())
if not ok then
  fail(err)
end
io.stdout:write(table.concat(said))
