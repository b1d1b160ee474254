-- Does something to a container, while every system call of it is counted (`stepper.c`). Exits 0
-- when that succeeded or failed with an error of the library's, which it prints; 3 when it raised.
-- Arguments: the project's folder, the state root, the container's root, its id, the action.

local project, state, root, id, action = unpack(arg)
package.path = project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;" .. project .. "/?.lua;"
  .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

local ffi = require("ffi")
local box = require("specs.support.box")
local ctr = require("ctr")
local errors = require("ctr.errors")
local actions = require("specs.support.crash_actions")

ffi.cdef("int close(int fd);")

-- Modules that would be loaded on the way: what hinders that is raised, as Lua has it.
box.config(root)
require("ctr.terminal")

local factory = assert(ctr.new(state))
local act = actions[action](factory, root, id)
ffi.C.close(-77)
local ok, err = pcall(act)
ffi.C.close(-78)
if ok then
  print("done")
elseif errors.is(err) then
  print(tostring(err))
elseif tostring(err):find("assertion failed!", 1, true)
  or tostring(err):find("error loading module", 1, true) then
  print("done otherwise")
else
  print("raised: " .. tostring(err))
  os.exit(3)
end
os.exit(0)
