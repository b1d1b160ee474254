-- A container's init program of one's own: it says so, and becomes the container's first process.
-- Arguments: the project's folder.

local project = arg[1]
package.path = project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;" .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

io.stderr:write("custom init\n")
local factory = assert(require("ctr").new(""))
local _, err = factory:start_initialization()
io.stderr:write(tostring(err), "\n")
os.exit(1)
