--- A program that makes a clone, and ends without it; or is killed at one of CRIU's steps.
-- Arguments: folder of the box, CRIU, folder of the images, id, what the clone is to have of its
-- own (a Lua table), step.

package.path = "./lua/?.lua;./lua/?/init.lua;./?.lua;" .. package.path
package.cpath = "./build/?.so;" .. package.cpath

local core = require("ctr.core")
local ctr = require("ctr")

local folder, criu, images, id, own, step = unpack(arg)
local factory = assert(ctr.new(folder .. "/state", { criu_path = criu }))
local overrides = assert(loadstring("return " .. (own or "{}")))()

overrides.criu = { progress = function(info)
  if info.step == step then
    local program = assert(core.proc.pidfd_open(core.proc.getpid()))
    core.proc.send_signal(program, 9)
  end
end }
print(assert(factory:clone(images, id, overrides)):state().init_process_pid)
