--- The shapes of interfaces, routes and devices of the network.
-- @module ctr.config.schema.interfaces

local ip = require("ctr.config.ip")
local shape = require("ctr.config.shape")

local M = {}

local LAST_NUMBER = 2 ^ 32 - 1
local NAME_MAX = 15 -- IFNAMSIZ less the NUL

local function interface_name(name)
  if #name > NAME_MAX then
    return nil, ("must not be longer than %d bytes"):format(NAME_MAX)
  end
  if name == "" or name == "." or name == ".." or name:find("[/:%s%c]") then
    return nil, "must be the name of an interface: no `/`, `:` or space, not `.` or `..`"
  end
  return name
end

-- The kernel puts a number in the place of `%d`: only one, and here only at the end.
local function fixed_name(name)
  if name:find("%", 1, true) then
    return nil, "must not contain `%`"
  end
  return interface_name(name)
end

local function name_or_pattern(name)
  if name:gsub("%%d$", ""):find("%", 1, true) then
    return nil, "must not contain `%` but in `%d` at the end"
  end
  return interface_name(name)
end

local function name(check, about, options)
  local all = { optional = true, unset = "", check = check, about = about }
  for key, value in pairs(options or {}) do
    all[key] = value
  end
  return shape.string(all)
end

local MAC_HELP = "must be a hardware address, as in 02:00:00:00:00:01"

local function mac(text)
  local first = text:match("^(%x%x):%x%x:%x%x:%x%x:%x%x:%x%x$")
  if not first then
    return nil, MAC_HELP
  end
  if tonumber(first, 16) % 2 == 1 then
    return nil, "must be the address of one interface: its first byte is even"
  end
  if not text:find("[1-9a-fA-F]") then
    return nil, MAC_HELP
  end
  return text:lower()
end

local EXAMPLES = { [4] = "10.0.0.2", [6] = "fd00::2" }

local function is_usable(address)
  return not ip.is_multicast(address) and not ip.is_unspecified(address)
end

-- The address of an interface: with its prefix.
local function cidr(family)
  local help = ("must be an IPv%d address with its prefix, as in %s/%d"):format(family,
    EXAMPLES[family], family == 4 and 24 or 64)
  return function(text)
    local address = ip.parse_cidr(text)
    if not address or address.family ~= family then
      return nil, help
    end
    if not is_usable(address) then
      return nil, "must be the address of one interface"
    end
    return true
  end
end

local function single(family)
  return function(text)
    local address = ip.parse(text)
    if not address or (family and address.family ~= family) then
      return nil, family and ("must be an IPv%d address, as in %s"):format(family,
        EXAMPLES[family]) or "must be an IP address"
    end
    if not is_usable(address) then
      return nil, "must be the address of one interface"
    end
    return true
  end
end

local function destination(text)
  local address, prefix = ip.parse_cidr(text)
  if text ~= "default" and not address then
    return nil, "must be a network with its prefix, as in 10.1.0.0/16, or \"default\""
  end
  if address then
    return ip.text(ip.network(address, prefix)) .. "/" .. prefix
  end
  return text
end

local function text(check, about)
  return shape.string({ optional = true, unset = "", check = check, about = about })
end

local function default_name(record)
  return rawget(record, "type") == "veth" and "eth0" or nil
end

local function network(types, address, gateway)
  return shape.record({
    type = shape.enum(types, {
      about = "loopback: the interface lo is set up; veth: a pair of interfaces, one of them "
        .. "inside.",
    }),
    name = name(fixed_name, "The interface's name inside; eth0 without it.", {
      default = default_name,
    }),
    bridge = name(fixed_name, "The host's bridge that the other end becomes a port of."),
    mac_address = shape.string({
      optional = true, unset = "", normalise = mac,
      about = "Its hardware address; a random one without it.",
    }),
    address = text(address, "Its IPv4 address with the prefix: 10.0.0.2/24."),
    gateway = text(gateway, "Where the IPv4 packets go that no other route takes."),
    ipv6_address = text(cidr(6), "Its IPv6 address with the prefix: fd00::2/64."),
    ipv6_gateway = text(single(6), "Where the IPv6 packets go that no other route takes."),
    mtu = shape.integer({
      optional = true, unset = 0, min = 68, max = 65535,
      about = "The most bytes in a packet; the bridge's without it.",
    }),
    tx_queue_len = shape.integer({
      optional = true, unset = 0, min = 1, max = LAST_NUMBER, alias = "txqueuelen",
      about = "How many packets wait to be sent, on both ends.",
    }),
    host_interface_name = name(fixed_name,
      "The name of the other end on the host; one is made up without it."),
    hairpin_mode = shape.boolean({
      optional = true, unset = false,
      about = "Whether the bridge sends back to the container what came from it.",
    }),
  })
end

--- An interface of a container.
M.network = network({ "loopback", "veth" }, cidr(4), single(4))

--- A loopback of which more is said than it can have; its address is libcontainer's, and no more
-- than kept.
M.loopback = network({ "loopback" })

local route = shape.record({
  destination = shape.string({
    normalise = destination, about = "A network with its prefix, or \"default\".",
  }),
  source = text(single(), "The address that packets get that are sent there."),
  gateway = text(single(), "Where the packets go; on the interface's own link without it."),
  interface_name = name(fixed_name,
    "The interface inside; the one that leads to the gateway without it."),
})

--- Routes, in the order in which they are made.
M.routes = shape.list(route, { about = "Routes of the network namespace." })

local device = shape.record({
  name = name(name_or_pattern, "Its name inside, the same without it; `%d` at the end: a number."),
  give_back = shape.boolean({
    default = false,
    about = "Whether the host gets it back, as it was, when the container is destroyed.",
  }),
})

--- Devices by their name on the host.
M.net_devices = shape.map(device, {
  key = fixed_name, about = "Network devices of the host, by their name there.",
})

return M
