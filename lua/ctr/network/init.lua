--- A container's network: made while its start waits, and taken away.
--
-- The library makes it from outside. The bootstrap passes up a netlink socket that it opened in the
-- container's network namespace, which that socket stands for.
-- @module ctr.network

local devices = require("ctr.network.devices")
local errors = require("ctr.errors")
local netlink = require("ctr.lazy")("ctr.core.netlink")
local routes = require("ctr.network.routes")
local veth = require("ctr.network.veth")

local M = {}

local network_methods = {}
local network_metatable = { __index = network_methods }

--- Makes up what is to be known of a container's interfaces before they are made: the names of
-- their ends on the host, and the hardware addresses that these are known by again.
-- @tparam table config
-- @tparam string owner the container's name
-- @treturn[1] table a list; nil where there are none
-- @return[2] nil
-- @treturn[2] ctr.Error
M.reserve = veth.reserve

--- A network that is to be made.
-- @tparam ctr.Container container
function M.new(container)
  return setmetatable({ container = container, config = container.configuration },
    network_metatable)
end

local function open_all(network, socket)
  network.inside = socket
  if not socket then
    return nil, errors.new("SystemError", "the container's init passed no socket of its network")
  end
  local ok, err = netlink.adopt(socket)
  if not ok then
    return nil, err
  end
  network.host, err = netlink.open()
  if not network.host then
    return nil, err
  end
  network.netns, err = netlink.netns(socket)
  return network.netns ~= nil or nil, err
end

local STEPS = { veth.add_all, devices.move_all, routes.add_all, veth.await_all }

--- Makes it.
-- @tparam ctr.fd socket of the container's network namespace; it is closed with the network
-- @tparam table session of the launch: it undoes what is made here when it fails
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error with the config path
function network_methods:setup(socket, session)
  local ok, err = open_all(self, socket)
  if not ok then
    return nil, err
  end
  session:on_failure(function() self:undo() end)
  for _, step in ipairs(STEPS) do
    ok, err = step(self)
    if not ok then
      return nil, err
    end
  end
  return true
end

--- Takes away what there is of it, as far as that can be done: of a start that failed.
function network_methods:undo()
  for _, reserved in ipairs(self.container.interfaces or {}) do
    veth.remove(self.host, reserved)
  end
  devices.return_all(self)
end

--- Closes what it was made by.
function network_methods:close()
  for _, name in ipairs({ "inside", "host", "netns" }) do
    if self[name] then
      self[name]:close()
      self[name] = nil
    end
  end
end

local function remove_all(container, host)
  for _, reserved in ipairs(container.interfaces or {}) do
    local ok, err = veth.remove(host, reserved)
    if not ok then
      return nil, err
    end
  end
  return devices.give_back(container, host)
end

--- Takes away what a container has in the host's network, and gives back what it has of it.
-- @tparam ctr.Container container
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.teardown(container)
  local host, err = netlink.open()
  if not host then
    return nil, err
  end
  local ok, problem = remove_all(container, host)
  host:close()
  return ok, problem
end

--- Makes the ends on the host of what a restore made in the container's network.
-- @tparam ctr.Container container
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error with the config path
function M.take_over(container)
  local host, err = netlink.open()
  if not host then
    return nil, err
  end
  local ok, problem = veth.take_over_all(host, container)
  host:close()
  return ok, problem
end

-- What one end receives the other one sent.
local function seen_from_inside(stats)
  local swapped = {}
  for _, key in ipairs({ "bytes", "packets", "errors", "dropped" }) do
    swapped["rx_" .. key], swapped["tx_" .. key] = stats["tx_" .. key], stats["rx_" .. key]
  end
  return swapped
end

local NOTHING = {}
for _, key in ipairs({ "bytes", "packets", "errors", "dropped" }) do
  NOTHING["rx_" .. key], NOTHING["tx_" .. key] = 0, 0
end

local function add_veths(list, container, host)
  for _, reserved in ipairs(container.interfaces or {}) do
    local link, err = veth.find(host, reserved)
    if err then
      return nil, err
    end
    local entry = seen_from_inside(link and link.stats or NOTHING)
    entry.name, entry.host_interface_name = reserved.name, reserved.host_interface_name
    list[#list + 1] = entry
  end
  return list
end

--- The statistics of a container's veth interfaces, as the container sees them; they are read on
-- the host's side, which needs no process of the container.
-- @tparam ctr.Container container
-- @treturn[1] {table,…} of each `name`, `host_interface_name`, `rx_bytes`, `rx_packets`,
-- `rx_errors`, `rx_dropped`, `tx_bytes`, `tx_packets`, `tx_errors`, `tx_dropped`
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.stats(container)
  local host, err = netlink.open()
  if not host then
    return nil, err
  end
  local list, problem = add_veths({}, container, host)
  host:close()
  return list, problem
end

return M
