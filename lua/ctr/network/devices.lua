--- Devices of the host that become a container's, and come back.
--
-- What the kernel does with a device whose network namespace ends: one of hardware goes to the
-- machine's first namespace, under the name that it had inside; one that was made (veth, macvlan)
-- is destroyed. A device that is to be given back is remembered before it is moved, and its
-- namespace is kept alive by a mount in the container's folder, until the container is destroyed.
-- @module ctr.network.devices

local errors = require("ctr.errors")
local netlink = require("ctr.lazy")("ctr.core.netlink")
local record = require("ctr.record")
local rules = require("ctr.config.rules.network")

local M = {}

local function has_word(list, word)
  for _, item in ipairs(list) do
    if item == word then
      return true
    end
  end
  return false
end

-- The addresses that somebody gave it for good; the kernel's own come anew.
local function lasting_addresses(host, index)
  local all, err = netlink.addresses(host, index)
  if not all then
    return nil, err
  end
  local kept = {}
  for _, address in ipairs(all) do
    if address.scope == "global" and has_word(address.flags, "permanent") then
      kept[#kept + 1] = {
        address = address.address, prefix = address.prefix, peer = address.peer,
        broadcast = address.broadcast, flags = address.family == "inet6" and { "nodad" } or nil,
      }
    end
  end
  return kept
end

local function master_of(host, link)
  local master = link.master and netlink.link(host, link.master)
  return master and master.name or nil
end

-- What has to be known of a device to put it back as it was.
local function look_at(host, name, device)
  local link, err = netlink.link(host, name)
  if not link then
    return nil, err
  end
  if has_word(link.flags, "loopback") then
    return nil, errors.new("SystemError", name .. " is a loopback, which cannot be moved",
      { errno = "EINVAL", target = name })
  end
  local addresses, problem = lasting_addresses(host, link.index)
  if not addresses then
    return nil, problem
  end
  return {
    name = name, inside = device.name or name, kind = link.kind, mac = link.mac, up = link.up,
    master = master_of(host, link), addresses = addresses, give_back = device.give_back,
  }
end

local function look_at_all(net)
  local entries = {}
  for _, name in ipairs(rules.device_names(net.config)) do
    local entry, err = look_at(net.host, name, net.config.net_devices[name])
    if not entry then
      return nil, errors.with_path(err, rules.device_path(name))
    end
    entries[#entries + 1] = entry
  end
  return entries
end

local function given_back(entries)
  local list
  for _, entry in ipairs(entries) do
    if entry.give_back then
      list = list or {}
      list[#list + 1] = entry
    end
  end
  return list
end

-- Before the first of them is moved: whoever dies from here on, they are found again.
local function remember(net, entries)
  local container = net.container
  container.moved_devices = given_back(entries)
  if not container.moved_devices then
    return true
  end
  local ok, err = container.store:hold_network(net.netns)
  if not ok then
    return nil, err
  end
  return record.save(container)
end

-- With a pattern for a name, what is there after the move and was not before.
local function find_moved(net, entry, before)
  if not before then
    return netlink.link(net.inside, entry.inside)
  end
  local now, err = netlink.links(net.inside)
  for _, link in ipairs(now or {}) do
    if not before[link.name] then
      return link
    end
  end
  return nil, err or errors.new("SystemError", entry.name .. " is gone", { errno = "ENODEV" })
end

local function names_inside(net, entry)
  if not entry.inside:find("%", 1, true) then
    return nil
  end
  local links, err = netlink.links(net.inside)
  if not links then
    return nil, err
  end
  local names = {}
  for _, link in ipairs(links) do
    names[link.name] = true
  end
  return names
end

local function set_up(socket, index, entry, addresses)
  local ok, err = netlink.set_link(socket, index, { up = entry.up })
  for _, address in ipairs(ok and addresses or {}) do
    ok, err = netlink.add_address(socket, index, address)
    if not ok and err.errno ~= "EEXIST" then
      return nil, err
    end
  end
  return err == nil or err.errno == "EEXIST" or nil, err
end

-- The kernel takes it down, and its addresses and its bridge away.
local function move(net, entry)
  local before, err = names_inside(net, entry)
  if err then
    return nil, err
  end
  local link
  link, err = netlink.link(net.host, entry.name)
  if not link then
    return nil, err
  end
  -- The kernel moves it, and then gives it its name: where that fails it has moved all the same.
  net.moved[#net.moved + 1] = entry
  local ok
  ok, err = netlink.set_link(net.host, link.index, { netns = net.netns, name = entry.inside })
  if not ok then
    return nil, err
  end
  link, err = find_moved(net, entry, before)
  if not link then
    return nil, err
  end
  entry.inside = link.name
  return set_up(net.inside, link.index, { up = true }, entry.addresses)
end

local function explain(err, entry)
  if err.errno == "EEXIST" then
    err = errors.wrap(err, ("there is an interface %s in the container already"):format(
      entry.inside))
  end
  return errors.with_path(err, rules.device_path(entry.name))
end

--- Moves the devices of a container into its network namespace: up, with their lasting addresses.
-- @tparam table net the network that is being made
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error with the config path
function M.move_all(net)
  net.moved = {}
  local ok, err = true, nil
  if net.container.moved_devices then
    ok, err = M.give_back(net.container, net.host)
  end
  local entries
  if ok then
    entries, err = look_at_all(net)
  end
  if entries then
    ok, err = remember(net, entries)
  end
  if not entries or not ok then
    return nil, err
  end
  for _, entry in ipairs(entries) do
    ok, err = move(net, entry)
    if not ok then
      return nil, explain(err, entry)
    end
  end
  return true
end

local function is_same(link, entry)
  return link and link.mac == entry.mac and link.kind == entry.kind
end

-- By its name inside, or where the container gave it another one, by its address.
local function find_inside(inside, entry)
  local link = netlink.link(inside, entry.inside)
  if is_same(link, entry) then
    return link
  end
  for _, other in ipairs(netlink.links(inside) or {}) do
    if is_same(other, entry) then
      return other
    end
  end
  return nil
end

-- As it was; what is that already stays.
local function restore(host, link, entry)
  local master = entry.master and netlink.link(host, entry.master)
  if master and link.master ~= master.index then
    netlink.set_link(host, link.index, { master = master.index })
  end
  return set_up(host, link.index, entry, entry.addresses)
end

local function taken(entry)
  return errors.new("SystemError", ("give back %s: the host has another interface %s"):format(
    entry.name, entry.name), { errno = "EEXIST", op = "give back", target = entry.name })
end

-- What is not in the container was never moved, or somebody died while he gave it back.
local function put_back(inside, host, host_netns, entry)
  local moved, there = find_inside(inside, entry), netlink.link(host, entry.name)
  if not moved then
    return not is_same(there, entry) or restore(host, there, entry)
  end
  if there then
    return nil, taken(entry)
  end
  local ok, err = netlink.set_link(inside, moved.index, { netns = host_netns, name = entry.name })
  if ok then
    there, err = netlink.link(host, entry.name)
  end
  if there then
    ok, err = restore(host, there, entry)
  end
  return there and ok, err and errors.wrap(err, "give back", entry.name)
end

local function put_all_back(inside, host, entries)
  local host_netns, err = netlink.netns(host)
  if not host_netns then
    return nil, err
  end
  local ok, problem = true, nil
  for _, entry in ipairs(entries) do
    local done, trouble = put_back(inside, host, host_netns, entry)
    if not done then
      ok, problem = nil, problem or trouble
    end
  end
  host_netns:close()
  return ok, problem
end

--- Gives back what a start that failed has moved, whether or not that was asked for.
function M.return_all(net)
  if net.moved and #net.moved > 0 then
    put_all_back(net.inside, net.host, net.moved)
  end
  if net.container.moved_devices then
    net.container.moved_devices = nil
    net.container.store:release_network()
    record.save(net.container)
  end
end

local function give_back_from(netns, container, host)
  local inside, err = netlink.open(netns)
  if not inside then
    return nil, err
  end
  local ok, problem = put_all_back(inside, host, container.moved_devices)
  inside:close()
  return ok, problem
end

--- Gives back what a container has of the host's, where that was asked for.
-- @tparam ctr.Container container
-- @tparam ctr.fd host a netlink socket of the host
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.give_back(container, host)
  local netns, err = container.store:held_network()
  if not netns then
    return err == nil or nil, err
  end
  local ok, problem = true, nil
  if container.moved_devices then
    ok, problem = give_back_from(netns, container, host)
  end
  netns:close()
  if not ok then
    return nil, problem
  end
  container.moved_devices = nil
  return container.store:release_network()
end

return M
