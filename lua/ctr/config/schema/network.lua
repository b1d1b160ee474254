--- The shapes of networks.
-- @module ctr.config.schema.network

local fields = require("ctr.config.schema.fields")
local shape = require("ctr.config.shape")

local M = {}

--- A network.
M.network = shape.record({
  type = shape.enum({ "loopback" }, { about = "loopback: the interface lo is set up." }),
  address = fields.text("Kept for libcontainer's sake: lo has the kernel's own addresses."),
  gateway = fields.text("Kept for libcontainer's sake: lo has no gateway."),
})

return M
