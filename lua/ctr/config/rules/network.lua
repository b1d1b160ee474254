--- Rules about interfaces, routes and devices of the network.
-- @module ctr.config.rules.network

local ip = require("ctr.config.ip")

local M = {}

local IPV6_MTU = 1280

local function add(problems, path, text)
  problems[#problems + 1] = { path = path, text = text }
end

local function path_of(index, key)
  return ("networks[%d].%s"):format(index, key)
end

local function device_path(name)
  return ('net_devices["%s"]'):format(name)
end
M.device_path = device_path

--- The names of the devices that are moved, sorted.
function M.device_names(config)
  local names = {}
  for name in pairs(config.net_devices or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- Says whether a gateway is outside the prefix of its interface's address, and on the link all the
-- same: it is where the prefix is the address alone.
function M.is_onlink(address, prefix, gateway)
  return prefix == ip.bits(address) and not ip.is_link_local(gateway)
end

local function check_gateway(problems, network, index, address_key, gateway_key)
  local text = network[gateway_key]
  if not text then
    return
  end
  local gateway, path = ip.parse(text), path_of(index, gateway_key)
  if not network[address_key] then
    add(problems, path, "needs " .. address_key)
    return
  end
  local address, prefix = ip.parse_cidr(network[address_key])
  if ip.equal(address, gateway) then
    add(problems, path, "must not be the interface's own address")
  elseif not ip.contains(address, prefix, gateway) and not ip.is_link_local(gateway)
    and not M.is_onlink(address, prefix, gateway) then
    add(problems, path, ("is not in %s"):format(network[address_key]))
  end
end

-- The first and the last address of an IPv4 prefix mean the network and all in it.
local function check_address(problems, network, index)
  if not network.address then
    return
  end
  local address, prefix = ip.parse_cidr(network.address)
  if prefix == 0 then
    add(problems, path_of(index, "address"), "must have a prefix of 1 to 32 bits")
  elseif prefix < 31 and (ip.equal(address, ip.network(address, prefix))
    or ip.equal(address, ip.broadcast(address, prefix))) then
    add(problems, path_of(index, "address"), "is the network's own or its broadcast address")
  end
end

local function check_veth(problems, network, index)
  check_address(problems, network, index)
  check_gateway(problems, network, index, "address", "gateway")
  check_gateway(problems, network, index, "ipv6_address", "ipv6_gateway")
  if network.name == "lo" then
    add(problems, path_of(index, "name"), "is the loopback's")
  end
  if network.host_interface_name == "lo" then
    add(problems, path_of(index, "host_interface_name"), "is the loopback's")
  end
  if network.hairpin_mode and not network.bridge then
    add(problems, path_of(index, "hairpin_mode"), "needs bridge")
  end
  if network.bridge and network.bridge == network.host_interface_name then
    add(problems, path_of(index, "host_interface_name"), "is the bridge's")
  end
  if network.mtu and network.mtu < IPV6_MTU and network.ipv6_address then
    add(problems, path_of(index, "mtu"), "must be at least 1280 with ipv6_address")
  end
end

local WITHOUT_MEANING = { "name", "bridge", "mac_address", "ipv6_address", "ipv6_gateway", "mtu",
  "tx_queue_len", "host_interface_name", "hairpin_mode" }

local function check_loopback(problems, network, index)
  for _, key in ipairs(WITHOUT_MEANING) do
    if network[key] and not (key == "name" and network.name == "lo") then
      add(problems, path_of(index, key), "has no meaning for a loopback")
    end
  end
end

-- Names, inside or on the host, that are wanted twice. A pattern is settled when it is used.
local function claim(problems, taken, name, path)
  if taken[name] then
    add(problems, path, ("is a second %s: the first is %s"):format(name, taken[name]))
  elseif name and not name:find("%", 1, true) then
    taken[name] = path
  end
end

local function check_names(problems, config)
  local inside, outside = {}, {}
  for index, network in ipairs(config.networks) do
    if network.type == "veth" then
      claim(problems, inside, network.name, path_of(index, "name"))
      if network.host_interface_name then
        claim(problems, outside, network.host_interface_name,
          path_of(index, "host_interface_name"))
      end
    end
  end
  for _, name in ipairs(M.device_names(config)) do
    local path = device_path(name)
    claim(problems, inside, config.net_devices[name].name or name, path)
    if outside[name] then
      add(problems, path, "is a name that is made: " .. outside[name])
    end
  end
end

local function check_family(problems, path, text, family, key)
  if text and ip.parse(text).family ~= family then
    add(problems, path .. "." .. key, ("must be an IPv%d address, as the others"):format(family))
  end
end

local function check_route(problems, route, path)
  local given = route.gateway or route.source
  local destination = ip.parse_cidr(route.destination) or (given and ip.parse(given))
  if not route.gateway and not route.interface_name then
    add(problems, path, "needs gateway or interface_name")
  end
  if not destination then
    if route.interface_name then
      add(problems, path .. ".destination",
        "does not say which IP: 0.0.0.0/0 or ::/0, or a gateway")
    end
    return
  end
  check_family(problems, path, route.gateway, destination.family, "gateway")
  check_family(problems, path, route.source, destination.family, "source")
end

local function check_device(problems, config, name)
  local path = device_path(name)
  if name == "lo" or config.net_devices[name].name == "lo" then
    add(problems, path, "is the loopback's, which cannot be moved")
  end
end

--- Finds what is wrong as such.
-- @tparam table problems
-- @tparam table config
-- @tparam table has the namespaces by type
function M.config(problems, config, has)
  for index, network in ipairs(config.networks) do
    local check = network.type == "veth" and check_veth or check_loopback
    check(problems, network, index)
  end
  for index, route in ipairs(config.routes or {}) do
    check_route(problems, route, ("routes[%d]"):format(index))
  end
  for _, name in ipairs(M.device_names(config)) do
    check_device(problems, config, name)
  end
  check_names(problems, config)
  for _, key in ipairs({ "routes", "net_devices" }) do
    if config[key] and next(config[key]) and not has.NEWNET then
      add(problems, key, "need the namespace NEWNET")
    end
  end
  M.rootless(problems, config)
end

--- Finds what only root can have: interfaces of the host's.
function M.rootless(problems, config)
  if not config.rootless_euid then
    return
  end
  for index, network in ipairs(config.networks) do
    if network.type == "veth" then
      add(problems, path_of(index, "type"), "is veth, which needs root: without privilege a "
        .. "container has a loopback and routes")
    end
  end
  if config.net_devices and next(config.net_devices) then
    add(problems, "net_devices", "need root: they are the host's")
  end
end

return M
