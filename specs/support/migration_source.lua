--- The sending end of a migration, in a program that kills itself when it has come to a phase.
-- Its standard input is the stream.
-- Arguments: state root, CRIU, id of the container, folder of the images, phase.

package.path = "./lua/?.lua;./lua/?/init.lua;./?.lua;" .. package.path
package.cpath = "./build/?.so;" .. package.cpath

local core = require("ctr.core")
local ctr = require("ctr")

local state, criu, id, folder, phase = unpack(arg)
local factory = assert(ctr.new(state, { criu_path = criu }))
local container = assert(factory:load(id))

print(ctr.migrate(container, { socket = 0 }, { directory = folder, tcp_established = true,
  progress = function(info)
    if info.phase == phase then
      core.proc.send_signal(assert(core.proc.pidfd_open(core.proc.getpid())), 9)
    end
  end }))
