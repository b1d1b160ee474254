--- A program that restores a container and is killed at one of CRIU's steps.
-- Arguments: folder of the box, root, CRIU, folder of the images, id, step.

package.path = "./lua/?.lua;./lua/?/init.lua;./?.lua;" .. package.path
package.cpath = "./build/?.so;" .. package.cpath

local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")

local folder, root, criu, images, id, step = unpack(arg)
local factory = assert(ctr.new(folder .. "/state", { criu_path = criu }))
local config = box.config(root, { cgroups = { path = box.PARENT .. "-" .. id } })
local container = assert(factory:create(id, config))

print(container:restore(ctr.process({}), { images_directory = images, progress = function(info)
  if info.step == step then
    local own = assert(core.proc.pidfd_open(core.proc.getpid()))
    core.proc.send_signal(own, 9)
  end
end }))
