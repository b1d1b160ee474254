-- Makes a container and is killed. Arguments: the project's folder, the container's root, the state
-- root, the container's parent_death_signal, "user" for a user namespace. Prints the pid.

local project, root, state, signal, kind = arg[1], arg[2], arg[3], arg[4], arg[5]
package.path = project .. "/?.lua;" .. project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;"
  .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

local ctr = require("ctr")
local box = require("specs.support.box")

local changes = { cgroups = {}, parent_death_signal = signal ~= "none" and signal or nil }
if kind == "user" then
  changes.namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" }
  changes.uid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } }
  changes.gid_mappings = changes.uid_mappings
end
local container = assert(ctr.new(state)):create("orphan", box.config(root, changes))
local process = ctr.process({ args = { "/bin/sleep", "1000" } })
assert(container:run(process))
io.stdout:write(process:pid(), "\n")
io.stdout:flush()
process:wait()
