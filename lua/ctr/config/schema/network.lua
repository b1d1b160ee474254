--- The shapes of networks. What a container with no more than a loopback does not have is in
-- `ctr.config.schema.interfaces`, which is loaded where it is needed.
-- @module ctr.config.schema.network

local fields = require("ctr.config.schema.fields")
local shape = require("ctr.config.shape")

local M = {}

local function lazy(name, options)
  return shape.lazy(function()
    return require("ctr.config.schema.interfaces")[name]
  end, options)
end

--- A loopback, with what libcontainer's examples say of it.
M.loopback = shape.record({
  type = shape.enum({ "loopback" }, { about = "loopback: the interface lo is set up." }),
  address = fields.text("Kept for libcontainer's sake: lo has the kernel's own addresses."),
  gateway = fields.text("Kept for libcontainer's sake: lo has no gateway."),
})

local interface, odd_loopback = lazy("network"), lazy("loopback")

-- A loopback is read without the shape of interfaces, unless more keys are given.
local function shape_of(value)
  if type(value) ~= "table" or rawget(value, "type") ~= "loopback" then
    return interface
  end
  for key in next, value do
    if not M.loopback.known[key] then
      return odd_loopback
    end
  end
  return M.loopback
end

--- A network.
M.network = shape.choice(shape_of, { shapes = { interface } })

--- Routes.
M.routes = lazy("routes", { optional = true, about = "Routes of the network namespace." })

--- Devices of the host.
M.net_devices = lazy("net_devices", {
  optional = true, alias = "netDevices",
  about = "Network devices of the host that become the container's, by their name there.",
})

--- Says whether a configuration has more in its network than a loopback.
-- @tparam table config normalised
function M.has_interfaces(config)
  local routes, devices = config.routes, config.net_devices
  if routes and #routes > 0 or devices and next(devices) then
    return true
  end
  for _, network in ipairs(config.networks or {}) do
    if network.type ~= "loopback" then
      return true
    end
  end
  return false
end

return M
