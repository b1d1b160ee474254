--- One container, from a whole command: what `lctr FILE.lua` costs.
-- Arguments: the folder of this file, the container's root, the state root, an id.

local folder, root, state, id = arg[1], arg[2], arg[3], arg[4]
local ctr = require("ctr")
local config, fields = dofile(folder .. "/config.lua")(root)

local factory = assert(ctr.new(state, { lazy = true }))
local container = assert(factory:create(id, config))
local process = ctr.process(fields)
assert(container:run(process))
local result = assert(process:wait())
assert(container:destroy())
os.exit(result.code or 1)
