--- Pairs of interfaces: one end is the container's, the other one the host's.
-- @module ctr.network.veth

local core = require("ctr.core")
local errors = require("ctr.errors")
local ip = require("ctr.config.ip")
local netlink = require("ctr.lazy")("ctr.core.netlink")
local rules = require("ctr.config.rules.network")

local M = {}

local LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
local NAME_LETTERS = 11 -- with "veth" before them as many as the kernel has room for
local MAC_BYTES = 5
local CARRIER_SECONDS = 1
local POLL_SECONDS = 0.001

-- A bridge takes the least address of its ports for its own. This is the greatest: a port of
-- hardware goes before it, and without one the bridge's address stays as containers come and go.
local PORT_MAC = "fe:ff:ff:ff:ff:ff"
local OWN_MAC = "02:c0:%02x:%02x:%02x:%02x"

local function random_bytes(count)
  local file, err = core.fd.open("/dev/urandom", { flags = { "rdonly" } })
  if not file then
    return nil, err
  end
  local bytes, problem = core.fd.read(file, count)
  file:close()
  if bytes and #bytes < count then
    return nil, errors.new("SystemError", "/dev/urandom ends")
  end
  return bytes, problem
end

local function made_up_name(bytes)
  local letters = {}
  for index = 1, NAME_LETTERS do
    local at = bytes:byte(index) % #LETTERS + 1
    letters[index] = LETTERS:sub(at, at)
  end
  return "veth" .. table.concat(letters)
end

local function made_up_mac(bytes)
  local words = { "fe" }
  for index = 1, MAC_BYTES do
    words[#words + 1] = ("%02x"):format(bytes:byte(NAME_LETTERS + index))
  end
  return table.concat(words, ":")
end

--- Makes up the names and hardware addresses of the ends on the host.
-- @tparam table config
-- @tparam string owner the container's name
-- @treturn[1] table of each `name`, `owner`, `host_interface_name`, `host_mac_address`, or nil
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.reserve(config, owner)
  local list
  for _, network in ipairs(config.networks) do
    if network.type == "veth" then
      local bytes, err = random_bytes(NAME_LETTERS + MAC_BYTES)
      if not bytes then
        return nil, err
      end
      list = list or {}
      list[#list + 1] = {
        name = network.name, owner = owner,
        host_interface_name = network.host_interface_name or made_up_name(bytes),
        host_mac_address = made_up_mac(bytes),
      }
    end
  end
  return list
end

local function alias_of(reserved)
  return ("ctr %s %s"):format(reserved.owner, reserved.host_mac_address)
end

--- Finds the end on the host. The name alone may be another's: it is born with an address that was
-- made up for it, which is in its alias when a port's address takes the place of that.
-- @treturn[1] table the link
-- @return[2] nil there is none
-- @treturn[3] nil
-- @treturn[3] ctr.Error
function M.find(host, reserved)
  local link, err = netlink.link(host, reserved.host_interface_name)
  if not link then
    return nil, err.errno ~= "ENODEV" and err or nil
  end
  local is_ours = link.kind == "veth"
    and (link.mac == reserved.host_mac_address or link.alias == alias_of(reserved))
  return is_ours and link or nil
end

--- Removes a pair by its end on the host.
-- @treturn[1] true also when it is not there
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.remove(host, reserved)
  local link, err = M.find(host, reserved)
  if not link then
    return err == nil or nil, err
  end
  local removed, problem = netlink.delete_link(host, link.index)
  if removed or problem.errno == "ENODEV" then
    return true
  end
  return nil, errors.wrap(problem, "delete_link", reserved.host_interface_name)
end

local function find_bridge(host, network, path)
  if not network.bridge then
    return {}
  end
  local bridge, err = netlink.link(host, network.bridge)
  if not bridge then
    return nil, errors.with_path(err, path .. ".bridge")
  end
  if bridge.kind ~= "bridge" then
    return nil, errors.new("SystemError", network.bridge .. " is not a bridge",
      { path = path .. ".bridge", errno = "EINVAL", target = network.bridge })
  end
  return bridge
end

-- Who knew the container's address before it was started anew still knows where it is.
local function mac_of(network)
  local text = network.address or network.ipv6_address
  local address = text and ip.parse_cidr(text)
  return address and OWN_MAC:format(unpack(address, #address - 3)) or nil
end

local function pair_of(net, network, reserved, bridge)
  local mtu = network.mtu or bridge.mtu
  return {
    name = reserved.host_interface_name, mac = reserved.host_mac_address, mtu = mtu,
    txqlen = network.tx_queue_len,
    peer = {
      name = network.name, mac = network.mac_address or mac_of(network), mtu = mtu,
      txqlen = network.tx_queue_len, netns = net.netns,
    },
  }
end

-- The kernel does not say which of the two names there is already.
local function explain(net, err, network, reserved, path)
  if err.errno == "EEXIST" then
    local name, key = reserved.host_interface_name, "host_interface_name"
    if netlink.link(net.inside, network.name) then
      name, key = network.name, "name"
    end
    return errors.new("SystemError", ("there is an interface %s already"):format(name),
      { path = path .. "." .. key, errno = "EEXIST", op = err.op, target = name, cause = err })
  end
  if err.errno == "EPERM" then
    err = errors.wrap(err, "a veth needs CAP_NET_ADMIN on the host")
  end
  return errors.with_path(err, path)
end

-- What an earlier start of the container left has its names; it goes.
local function make_pair(net, pair, reserved)
  local ok, err = netlink.add_veth(net.host, pair)
  if ok or err.errno ~= "EEXIST" or not M.find(net.host, reserved) then
    return ok, err
  end
  M.remove(net.host, reserved)
  return netlink.add_veth(net.host, pair)
end

local function add_address(net, index, text, path)
  local address, prefix = ip.parse_cidr(text)
  local options = { address = ip.text(address), prefix = prefix }
  if address.family == 6 then
    -- Others would wait until nobody else has said to have it.
    options.flags = { "nodad" }
  elseif prefix < 31 then
    options.broadcast = ip.text(ip.broadcast(address, prefix))
  end
  local ok, err = netlink.add_address(net.inside, index, options)
  return ok, err and errors.with_path(err, path)
end

local function add_gateway(net, index, address_text, gateway_text, path)
  local address, prefix = ip.parse_cidr(address_text)
  local gateway = ip.parse(gateway_text)
  local ok, err = netlink.add_route(net.inside, {
    destination = gateway.family == 6 and "::" or "0.0.0.0", prefix = 0,
    gateway = gateway_text, index = index, onlink = rules.is_onlink(address, prefix, gateway),
  })
  return ok, err and errors.with_path(err, path)
end

local function set_inside(net, network, path)
  local link, err = netlink.link(net.inside, network.name)
  local ok
  if link then
    ok, err = netlink.set_link(net.inside, link.index, { up = true })
  end
  if not ok then
    return nil, errors.with_path(err, path)
  end
  for _, key in ipairs({ "address", "ipv6_address" }) do
    if ok and network[key] then
      ok, err = add_address(net, link.index, network[key], path .. "." .. key)
    end
  end
  for address, gateway in pairs({ address = "gateway", ipv6_address = "ipv6_gateway" }) do
    if ok and network[gateway] then
      ok, err = add_gateway(net, link.index, network[address], network[gateway],
        path .. "." .. gateway)
    end
  end
  return ok, err
end

local function set_outside(net, network, reserved, bridge, path)
  local link, err = M.find(net.host, reserved)
  if not link then
    return nil, err or errors.new("SystemError", reserved.host_interface_name .. " is gone",
      { path = path, errno = "ENODEV" })
  end
  local ok, problem = netlink.set_link(net.host, link.index, {
    alias = alias_of(reserved), master = bridge.index, mac = bridge.index and PORT_MAC, up = true,
  })
  if not ok then
    return nil, errors.with_path(problem, path)
  end
  if network.hairpin_mode then
    ok, problem = netlink.set_hairpin(net.host, link.index, true)
  end
  return ok, problem and errors.with_path(problem, path .. ".hairpin_mode")
end

local function add(net, network, reserved, path)
  local bridge, err = find_bridge(net.host, network, path)
  if not bridge then
    return nil, err
  end
  local ok
  ok, err = make_pair(net, pair_of(net, network, reserved, bridge), reserved)
  if not ok then
    return nil, explain(net, err, network, reserved, path)
  end
  ok, err = set_inside(net, network, path)
  if not ok then
    return nil, err
  end
  return set_outside(net, network, reserved, bridge, path)
end

-- One that a restore made: nobody but its name tells that it is ours yet.
local function take_over(host, network, reserved, path)
  local link, err = netlink.link(host, reserved.host_interface_name)
  if not link then
    return nil, errors.with_path(err, path)
  end
  local bridge
  bridge, err = find_bridge(host, network, path)
  if not bridge then
    return nil, err
  end
  local ok
  ok, err = netlink.set_link(host, link.index, { alias = alias_of(reserved),
    mac = reserved.host_mac_address })
  if not ok then
    return nil, errors.with_path(err, path)
  end
  return set_outside({ host = host }, network, reserved, bridge, path)
end

--- Makes the ends on the host of pairs that a restore made what those of a start are.
-- @param host a socket of the host's network
-- @tparam ctr.Container container
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error with the config path
function M.take_over_all(host, container)
  local count = 0
  for index, network in ipairs(container.configuration.networks) do
    if network.type == "veth" then
      count = count + 1
      local ok, err = take_over(host, network, container.interfaces[count],
        ("networks[%d]"):format(index))
      if not ok then
        return nil, err
      end
    end
  end
  return true
end

--- Makes the pairs of a container.
-- @tparam table net the network that is being made
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error with the config path
function M.add_all(net)
  local count = 0
  for index, network in ipairs(net.config.networks) do
    if network.type == "veth" then
      count = count + 1
      local ok, err = add(net, network, net.container.interfaces[count],
        ("networks[%d]"):format(index))
      if not ok then
        return nil, err
      end
    end
  end
  return true
end

local function is_ready(link)
  return not link or not link.up or link.operstate == "up"
end

local function are_ready(net, reserved)
  local outside = M.find(net.host, reserved)
  local bridge = outside and outside.master and netlink.link(net.host, outside.master)
  return is_ready(outside) and is_ready(bridge)
    and is_ready(netlink.link(net.inside, reserved.name))
end

--- Waits until both ends and the bridge have seen that the other end is up: what is sent before
-- that is dropped, and it would be a second until it is sent again. The kernel does it at once, but
-- in a thread of its own.
function M.await_all(net)
  local deadline = core.proc.clock() + CARRIER_SECONDS
  for _, reserved in ipairs(net.container.interfaces or {}) do
    repeat
      local ready = are_ready(net, reserved)
        or (core.poll.wait({}, POLL_SECONDS) and false)
    until ready or core.proc.clock() > deadline
  end
  return true
end

return M
