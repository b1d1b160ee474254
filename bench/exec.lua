--- One program in a running container, from a whole command. Arguments: the state root, an id.

local ctr = require("ctr")

local factory = assert(ctr.new(arg[1], { lazy = true }))
local container = assert(factory:load(arg[2]))
local process = ctr.process({ args = { "/bin/true" }, env = { "PATH=/bin" } })
assert(container:run(process))
os.exit(assert(process:wait()).code or 1)
