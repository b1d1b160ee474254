--- Routes of a container.
-- @module ctr.network.routes

local errors = require("ctr.errors")
local ip = require("ctr.config.ip")
local netlink = require("ctr.lazy")("ctr.core.netlink")

local M = {}

local function destination_of(route)
  if route.destination ~= "default" then
    return ip.parse_cidr(route.destination)
  end
  local given = ip.parse(route.gateway or route.source)
  return ip.network(given, 0), 0
end

-- The kernel's refusal tells of the gateway where the destination is fine.
local BLAMED = { ENETUNREACH = ".gateway", EHOSTUNREACH = ".gateway" }

local function add(net, route, path)
  local destination, prefix = destination_of(route)
  local index
  if route.interface_name then
    local link, err = netlink.link(net.inside, route.interface_name)
    if not link then
      return nil, errors.with_path(err, path .. ".interface_name")
    end
    index = link.index
  end
  local ok, err = netlink.add_route(net.inside, {
    destination = ip.text(destination), prefix = prefix, gateway = route.gateway,
    source = route.source, index = index,
    scope = not route.gateway and destination.family == 4 and "link" or nil,
  })
  if ok then
    return true
  end
  local part = route.gateway and BLAMED[err.errno] or ""
  return nil, errors.with_path(err, path .. part)
end

--- Adds the routes of a container, in their order.
-- @tparam table net the network that is being made
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error with the config path
function M.add_all(net)
  for index, route in ipairs(net.config.routes or {}) do
    local ok, err = add(net, route, ("routes[%d]"):format(index))
    if not ok then
      return nil, err
    end
  end
  return true
end

return M
