--- The steps that make a container's network: the library makes it by a socket that the bootstrap
-- opens in the network namespace, while the bootstrap waits.
-- @module ctr.plan.network

local rules = require("ctr.config.rules.network")

local M = {}

local NONE = {}

local function path_of_sync(config)
  for index, network in ipairs(config.networks) do
    if network.type == "veth" then
      return ("networks[%d]"):format(index)
    end
  end
  return config.net_devices and next(config.net_devices) and "net_devices" or "routes"
end

local function device_text(name, device)
  local inside = device.name or name
  local text = inside == name and name or name .. " → " .. inside
  return device.give_back and text .. " (given back)" or text
end

--- Adds the steps.
-- @tparam function add `add(op, nums, strings, config_path, label)`
-- @tparam table config
function M.add(add, config)
  add("net_sync", NONE, NONE, path_of_sync(config), "a socket of the network namespace")
  for index, network in ipairs(config.networks) do
    if network.type == "veth" then
      add("net_veth", NONE, NONE, ("networks[%d]"):format(index), network).by = "parent"
    end
  end
  for _, name in ipairs(rules.device_names(config)) do
    add("net_device", NONE, NONE, rules.device_path(name),
      device_text(name, config.net_devices[name])).by = "parent"
  end
  for index, route in ipairs(config.routes or NONE) do
    add("net_route", NONE, NONE, ("routes[%d]"):format(index), route).by = "parent"
  end
end

return M
