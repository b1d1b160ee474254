--- A network of a spec's own: this program, and what it starts, are in a new network namespace.
-- @module specs.support.netns

local core = require("ctr.core")
local ffi = require("ffi")
local host = require("specs.support.host")
local netlink = require("ctr.core.netlink")

ffi.cdef([[
int unshare(int flags);
int setns(int fd, int kind);
]])

local M = {}

local NEWNET = core.ns.flags.NEWNET

--- Enters a new network namespace, with its loopback up.
-- @treturn function goes back
function M.enter()
  local before = assert(core.ns.open("/proc/self/ns/net"))
  assert(ffi.C.unshare(NEWNET) == 0, "unshare")
  M.ip("link set lo up")
  return function()
    assert(ffi.C.setns(before:fd(), NEWNET) == 0, "setns")
    before:close()
  end
end

--- Runs commands of ip(8), one a string.
function M.ip(...)
  for _, words in ipairs({ ... }) do
    local result = host.sh("ip " .. words)
    assert(result.code == 0, words .. ": " .. result.stderr)
  end
end

--- Makes a bridge that is up, and quiet: no IPv6 of its own speaks on it unless it has an address.
-- @tparam string name
-- @tparam[opt] table addresses with their prefixes
function M.bridge(name, addresses)
  M.ip("link add " .. name .. " type bridge")
  for _, address in ipairs(addresses or {}) do
    local nodad = address:find(":", 1, true) and " nodad" or ""
    M.ip(("address add %s dev %s%s"):format(address, name, nodad))
  end
  M.ip("link set " .. name .. " up")
end

--- Opens a network namespace that nobody else is in.
-- @treturn ctr.fd
function M.new()
  local before = assert(core.ns.open("/proc/self/ns/net"))
  assert(ffi.C.unshare(NEWNET) == 0, "unshare")
  local made = assert(core.ns.open("/proc/self/ns/net"))
  assert(ffi.C.setns(before:fd(), NEWNET) == 0, "setns")
  before:close()
  return made
end

--- The path of a network namespace that is open, for this program and its children.
function M.path(netns)
  return ("/proc/%d/fd/%d"):format(core.proc.getpid(), netns:fd())
end

--- Runs a shell command in a network namespace.
-- @treturn table what `host.sh` returns
function M.run(netns, text)
  return host.sh(("nsenter --net=%s %s"):format(M.path(netns), text))
end

--- What there is in the network, to be compared with `assert.same`: links, addresses and routes.
-- @param[opt] netns a descriptor of the network namespace; the program's own without it
-- @treturn {string,…}
function M.snapshot(netns)
  local socket = assert(netlink.open(netns))
  local names, lines = {}, {}
  for _, link in ipairs(assert(netlink.links(socket))) do
    names[link.index] = link.name
    lines[#lines + 1] = ("%s %s up=%s mtu=%d"):format(link.name, link.kind, tostring(link.up),
      link.mtu)
  end
  for _, address in ipairs(assert(netlink.addresses(socket))) do
    -- The kernel's own come a moment later than the link.
    if address.scope ~= "link" then
      lines[#lines + 1] = ("%s %s/%d"):format(names[address.index] or "?", address.address,
        address.prefix)
    end
  end
  for _, route in ipairs(assert(netlink.routes(socket, "inet"))) do
    lines[#lines + 1] = ("%s/%d via %s dev %s"):format(route.destination, route.prefix,
      route.gateway or "", names[route.index] or "")
  end
  socket:close()
  table.sort(lines)
  return lines
end

return M
