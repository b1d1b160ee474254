-- A second program: finds the containers that another one made, and does all that can be done to
-- one. Arguments: the project's folder, the state root, a container's id. Prints what it finds.

local project, root, id = arg[1], arg[2], arg[3]
package.path = project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;" .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

local ctr = require("ctr")

local factory = assert(ctr.new(root))
print(table.concat(assert(factory:list()), " "))
local container = assert(factory:load(id))
print(container:id(), container:status(), container:state().init_process_pid)
print(container:config().hostname, #assert(container:processes()))

local said = ""
local process = ctr.process({ args = { "/bin/sh", "-c", "hostname; exit 5" },
  env = { "PATH=/bin" }, stdout = function(data) said = said .. data end })
assert(container:run(process))
print(process:wait(60).code, (said:gsub("\n", "")))

print(container:pause(), container:status(), container:resume(), container:status())
print(select(2, container:destroy()).code)
assert(container:signal("TERM"))
