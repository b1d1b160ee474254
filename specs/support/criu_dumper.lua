--- A program that takes a checkpoint and may be killed at one of CRIU's steps.
-- Arguments: folder of the box, CRIU, id, options as JSON, step.

package.path = "./lua/?.lua;./lua/?/init.lua;./?.lua;" .. package.path
package.cpath = "./build/?.so;" .. package.cpath

local core = require("ctr.core")
local ctr = require("ctr")

local folder, criu, id, text, step = unpack(arg)
local factory = assert(ctr.new(folder .. "/state", { criu_path = criu }))
local options = assert(core.json.decode(text))

options.progress = function(info)
  if info.step == step then
    local own = assert(core.proc.pidfd_open(core.proc.getpid()))
    core.proc.send_signal(own, 9)
  end
end

local ok, err = assert(factory:load(id)):checkpoint(options)
print(ok and "done" or tostring(err))
os.exit(ok and 0 or 1)
