local core = require("ctr.core")
local host = require("specs.support.host")
local netlink = require("ctr.core.netlink")
local netns = require("specs.support.netns")

-- The network is the spec's own from here to its end.
describe("ctr.core.netlink", function()
  local leave, socket, before

  setup(function()
    leave = netns.enter()
  end)

  teardown(function()
    leave()
  end)

  before_each(function()
    before = host.open_fds()
    socket = assert(netlink.open())
  end)

  after_each(function()
    for _, link in ipairs(assert(netlink.links(socket))) do
      if link.name ~= "lo" then
        netlink.delete_link(socket, link.index)
      end
    end
    socket:close()
    assert.equal(before, host.open_fds())
  end)

  local function link(name, from)
    return assert(netlink.link(from or socket, name))
  end

  local function pair(options, peer)
    local all = { name = "one", peer = { name = "two" } }
    for key, value in pairs(options or {}) do
      all[key] = value
    end
    for key, value in pairs(peer or {}) do
      all.peer[key] = value
    end
    assert(netlink.add_veth(socket, all))
    return link("one"), not all.peer.netns and link("two") or nil
  end

  local function refused(errno, op, target, ok, err)
    assert.is_nil(ok)
    assert.same({ "SystemError", errno, op, target }, { err.code, err.errno, err.op, err.target })
  end

  describe("open", function()
    it("opens a socket in the caller's network namespace", function()
      local own = assert(core.ns.open("/proc/self/ns/net"))
      local found = assert(netlink.netns(socket))
      assert.equal(core.path.stat(own, "").ino, core.path.stat(found, "").ino)
      own:close()
      found:close()
    end)

    it("opens one in another, and the caller stays where it is", function()
      local other = netns.new()
      local inside = assert(netlink.open(other))
      assert.same({ "lo" }, { assert(netlink.links(inside))[1].name })
      assert.is_false(link("lo", inside).up)
      assert.is_true(link("lo").up)
      local found = assert(netlink.netns(inside))
      assert.equal(core.path.stat(other, "").ino, core.path.stat(found, "").ino)
      local own = assert(core.ns.open("/proc/self/ns/net"))
      assert.are_not.equal(core.path.stat(own, "").ino, core.path.stat(other, "").ino)
      for _, handle in ipairs({ other, inside, found, own }) do
        handle:close()
      end
    end)

    it("refuses what is no network namespace", function()
      local mnt = assert(core.ns.open("/proc/self/ns/mnt"))
      refused("EINVAL", "setns", "network namespace", netlink.open(mnt))
      mnt:close()
    end)
  end)

  describe("adopt", function()
    it("takes a socket of rtnetlink that was opened elsewhere", function()
      local copy = assert(core.fd.dup(socket))
      assert.is_true(netlink.adopt(copy))
      assert.equal(1, link("lo", copy).index)
      copy:close()
    end)

    it("refuses another", function()
      local one, two = assert(core.fd.socketpair("stream"))
      local ok, err = netlink.adopt(one)
      assert.is_nil(ok)
      assert.equal("EINVAL", err.errno)
      one:close()
      two:close()
    end)

    it("raises for what is no descriptor", function()
      assert.has_error(function() netlink.adopt("x") end)
      assert.has_error(function() netlink.link(nil, "lo") end)
    end)
  end)

  describe("link", function()
    it("tells what a link is", function()
      local lo = link("lo")
      assert.same({ "lo", "", 1, 65536, "00:00:00:00:00:00", true }, { lo.name, lo.kind, lo.index,
        lo.mtu, lo.mac, lo.up })
      assert.is_nil(lo.master)
      assert.is_nil(lo.hairpin)
      assert.same({ "up", "loopback", "running", "lower_up" }, lo.flags)
    end)

    it("finds one by its index", function()
      assert.equal("lo", link(1).name)
    end)

    it("says when there is none", function()
      refused("ENODEV", "link", "nonesuch", netlink.link(socket, "nonesuch"))
      refused("ENODEV", "link", "", netlink.link(socket, 9999))
    end)

    it("raises for a name that no link can have", function()
      assert.has_error(function() netlink.link(socket, "") end)
      assert.has_error(function() netlink.link(socket, ("x"):rep(16)) end)
      assert.has_error(function() netlink.link(socket, "a\0b") end)
      assert.has_error(function() netlink.link(socket, 0) end)
    end)

    it("counts what goes over it", function()
      local first = link("lo").stats
      assert.equal(0, host.sh("ping -c 3 -s 100 127.0.0.1").code)
      local second = link("lo").stats
      -- Requests and answers: IP and ICMP headers, then the data.
      assert.equal(first.rx_packets + 6, second.rx_packets)
      assert.equal(first.rx_bytes + 6 * (100 + 28), second.rx_bytes)
      assert.same({ second.rx_bytes, second.rx_packets }, { second.tx_bytes, second.tx_packets })
      assert.same({ 0, 0, 0, 0 }, { second.rx_errors, second.rx_dropped, second.tx_errors,
        second.tx_dropped })
    end)
  end)

  describe("links", function()
    it("lists more than one datagram of the kernel's holds", function()
      local batch = assert(io.popen("ip -batch -", "w"))
      for index = 1, 40 do
        batch:write(("link add a%d type veth peer name b%d\n"):format(index, index))
      end
      assert(batch:close())
      local names = {}
      for _, found in ipairs(assert(netlink.links(socket))) do
        names[found.name] = true
      end
      for index = 1, 40 do
        assert.is_true(names["a" .. index] and names["b" .. index])
      end
    end)
  end)

  describe("add_veth", function()
    it("makes both ends, each with what was said of it", function()
      local one, two = pair({ mac = "02:00:00:00:00:01", mtu = 1400, txqlen = 77 },
        { mac = "02:00:00:00:00:02", mtu = 1300, txqlen = 78 })
      assert.same({ "veth", "02:00:00:00:00:01", 1400, 77, two.index, false },
        { one.kind, one.mac, one.mtu, one.txqlen, one.peer, one.up })
      assert.same({ "veth", "02:00:00:00:00:02", 1300, 78, one.index, false },
        { two.kind, two.mac, two.mtu, two.txqlen, two.peer, two.up })
    end)

    it("makes the other end in another network namespace at once", function()
      local other = netns.new()
      local inside = assert(netlink.open(other))
      local one = pair({}, { name = "lan0", netns = other })
      local two = link("lan0", inside)
      assert.equal(one.peer, two.index)
      assert.is_nil((netlink.link(socket, "lan0")))
      other:close()
      inside:close()
    end)

    it("makes a port of a bridge", function()
      netns.bridge("br7")
      local bridge = link("br7")
      assert.equal("bridge", bridge.kind)
      local one = pair({ master = bridge.index })
      assert.equal(bridge.index, one.master)
      assert.is_false(one.hairpin)
    end)

    it("has as many queues as was said", function()
      pair({ tx_queues = 3, rx_queues = 2 })
      local queues = host.sh("ip -d link show one").stdout
      assert.truthy(queues:find("numtxqueues 3 numrxqueues 2", 1, true), queues)
    end)

    it("refuses names that there are, and makes nothing", function()
      pair()
      refused("EEXIST", "add_veth", "one",
        netlink.add_veth(socket, { name = "one", peer = { name = "three" } }))
      refused("EEXIST", "add_veth", "three",
        netlink.add_veth(socket, { name = "three", peer = { name = "two" } }))
      assert.is_nil((netlink.link(socket, "three")))
    end)

    it("refuses an address that stands for many, in the kernel's words", function()
      local ok, err = netlink.add_veth(socket, { name = "one", mac = "01:00:00:00:00:01" })
      assert.is_nil(ok)
      assert.equal("EADDRNOTAVAIL", err.errno)
    end)

    it("raises for options that it does not know or cannot read", function()
      for _, options in ipairs({ { name = "one", colour = 1 }, { name = ("x"):rep(16) }, {},
        { name = "one", mac = "1:2:3:4:5:6" }, { name = "one", mac = "00:11:22:33:44:5g" },
        { name = "one", mtu = -1 }, { name = "one", mtu = 2 ^ 32 }, { name = "one", peer = 1 },
        { name = "one", peer = { nme = "two" } }, { name = "one", up = 1 } }) do
        assert.has_error(function() netlink.add_veth(socket, options) end)
      end
    end)
  end)

  describe("set_link", function()
    it("changes what is said, and nothing else", function()
      local one = pair()
      assert.is_true(netlink.set_link(socket, one.index, { mtu = 1280, txqlen = 5,
        mac = "02:00:00:00:00:09", alias = "mine", name = "uno" }))
      local now = link("uno")
      assert.same({ one.index, 1280, 5, "02:00:00:00:00:09", "mine", false },
        { now.index, now.mtu, now.txqlen, now.mac, now.alias, now.up })
      assert.is_true(netlink.set_link(socket, one.index, { up = true }))
      assert.is_true(link("uno").up)
      assert.is_true(netlink.set_link(socket, one.index, {}))
      assert.is_true(link("uno").up)
      assert.is_true(netlink.set_link(socket, one.index, { up = false }))
      assert.is_false(link("uno").up)
    end)

    it("puts a link into a bridge, and takes it out", function()
      netns.bridge("br7")
      local one = pair()
      assert.is_true(netlink.set_link(socket, one.index, { master = link("br7").index }))
      assert.equal(link("br7").index, link("one").master)
      assert.is_true(netlink.set_link(socket, one.index, { master = 0 }))
      assert.is_nil(link("one").master)
    end)

    it("moves a link to another network namespace, under another name", function()
      local other = netns.new()
      local inside = assert(netlink.open(other))
      local one = pair()
      assert.is_true(netlink.set_link(socket, one.index, { netns = other, name = "lan0" }))
      assert.is_nil((netlink.link(socket, "one")))
      assert.equal(one.mac, link("lan0", inside).mac)
      other:close()
      inside:close()
    end)

    it("says what the kernel says", function()
      local one = pair()
      local ok, err = netlink.set_link(socket, one.index, { mtu = 70000 })
      assert.is_nil(ok)
      assert.equal("EINVAL", err.errno)
      assert.truthy(tostring(err):find("mtu greater than device maximum", 1, true), tostring(err))
      refused("ENODEV", "set_link", "", netlink.set_link(socket, 9999, { up = true }))
    end)
  end)

  describe("set_hairpin", function()
    it("is read back", function()
      netns.bridge("br7")
      local one = pair({ master = link("br7").index })
      assert.is_true(netlink.set_hairpin(socket, one.index, true))
      assert.is_true(link("one").hairpin)
      assert.is_true(netlink.set_hairpin(socket, one.index, false))
      assert.is_false(link("one").hairpin)
    end)

    it("is refused for what is no port of a bridge", function()
      local one = pair()
      assert.is_nil((netlink.set_hairpin(socket, one.index, true)))
    end)
  end)

  describe("delete_link", function()
    it("removes both ends", function()
      local one = pair()
      assert.is_true(netlink.delete_link(socket, one.index))
      assert.is_nil((netlink.link(socket, "one")))
      assert.is_nil((netlink.link(socket, "two")))
      refused("ENODEV", "delete_link", "", netlink.delete_link(socket, one.index))
    end)

    it("does not remove the loopback", function()
      local ok, err = netlink.delete_link(socket, 1)
      assert.is_nil(ok)
      assert.equal("EOPNOTSUPP", err.errno)
    end)
  end)

  describe("addresses", function()
    local one

    before_each(function()
      one = pair()
      assert(netlink.set_link(socket, one.index, { up = true }))
    end)

    it("are added, listed and removed", function()
      local four = { address = "10.1.2.3", prefix = 24, broadcast = "10.1.2.255" }
      assert.is_true(netlink.add_address(socket, one.index, four))
      assert.same({ {
        index = one.index, family = "inet", address = "10.1.2.3", prefix = 24,
        broadcast = "10.1.2.255", scope = "global", flags = { "permanent" },
      } }, netlink.addresses(socket, one.index))
      refused("EEXIST", "add_address", "10.1.2.3/24 (ipv4: Address already assigned)",
        netlink.add_address(socket, one.index, four))
      assert.is_true(netlink.delete_address(socket, one.index, four))
      assert.same({}, netlink.addresses(socket, one.index))
      local ok, err = netlink.delete_address(socket, one.index, four)
      assert.is_nil(ok)
      assert.equal("EADDRNOTAVAIL", err.errno)
    end)

    it("of IPv6 can be used at once where that is said", function()
      assert.is_true(netlink.add_address(socket, one.index, { address = "fd00::2", prefix = 64,
        flags = { "nodad" } }))
      local found
      for _, address in ipairs(assert(netlink.addresses(socket, one.index))) do
        found = address.address == "fd00::2" and address or found
      end
      assert.same({ "inet6", 64, "global", { "nodad", "permanent" } }, { found.family, found.prefix,
        found.scope, found.flags })
    end)

    it("have another end, and a scope", function()
      assert.is_true(netlink.add_address(socket, one.index, { address = "10.1.0.1",
        peer = "10.9.0.1", prefix = 32, scope = "link" }))
      local found = assert(netlink.addresses(socket, one.index))[1]
      assert.same({ "10.1.0.1", "10.9.0.1", 32, "link" }, { found.address, found.peer,
        found.prefix, found.scope })
    end)

    it("are listed of all links", function()
      local seen = {}
      for _, address in ipairs(assert(netlink.addresses(socket))) do
        seen[address.address] = address.scope
      end
      assert.equal("host", seen["127.0.0.1"])
      assert.equal("host", seen["::1"])
    end)

    it("raise for what is none", function()
      for _, options in ipairs({ {}, { address = "10.0.0.256" },
        { address = "10.0.0.1", prefix = 33 }, { address = "fd00::1", prefix = 129 },
        { address = "x:y" }, { address = "10.0.0.1", to = 1 },
        { address = "10.0.0.1", scope = "far" } }) do
        assert.has_error(function() netlink.add_address(socket, one.index, options) end)
      end
    end)
  end)

  describe("routes", function()
    local one

    before_each(function()
      one = pair()
      assert(netlink.set_link(socket, one.index, { up = true }))
      assert(netlink.set_link(socket, link("two").index, { up = true }))
      assert(netlink.add_address(socket, one.index, { address = "10.1.2.3", prefix = 24 }))
    end)

    local function find(destination, family)
      for _, route in ipairs(assert(netlink.routes(socket, family))) do
        if route.destination == destination and route.type == "unicast" then
          return route
        end
      end
    end

    it("are added, listed and removed", function()
      local route = { destination = "10.7.0.0", prefix = 16, gateway = "10.1.2.1",
        source = "10.1.2.3", index = one.index, metric = 7 }
      assert.is_true(netlink.add_route(socket, route))
      assert.same({ family = "inet", destination = "10.7.0.0", prefix = 16, gateway = "10.1.2.1",
        source = "10.1.2.3", index = one.index, metric = 7, table = 254, protocol = 3,
        scope = "global", type = "unicast", onlink = false }, find("10.7.0.0"))
      local ok, err = netlink.add_route(socket, route)
      assert.is_nil(ok)
      assert.equal("EEXIST", err.errno)
      assert.is_true(netlink.delete_route(socket, route))
      assert.is_nil(find("10.7.0.0"))
      ok, err = netlink.delete_route(socket, route)
      assert.is_nil(ok)
      assert.equal("ESRCH", err.errno)
    end)

    it("lead everywhere, by a gateway on the link", function()
      assert.is_true(netlink.add_route(socket, { destination = "0.0.0.0", prefix = 0,
        gateway = "192.0.2.1", index = one.index, onlink = true }))
      local found = find("0.0.0.0", "inet")
      assert.same({ 0, "192.0.2.1", true }, { found.prefix, found.gateway, found.onlink })
    end)

    it("of IPv6 are a family of their own", function()
      assert.is_true(netlink.add_route(socket, { destination = "fd77::", prefix = 48,
        index = one.index }))
      assert.equal(48, find("fd77::", "inet6").prefix)
      assert.is_nil(find("fd77::", "inet"))
      assert.is_nil(find("10.1.2.0", "inet6"))
    end)

    it("are refused by a gateway that nothing leads to, in the kernel's words", function()
      local ok, err = netlink.add_route(socket, { destination = "10.8.0.0", prefix = 16,
        gateway = "192.0.2.1", index = one.index })
      assert.is_nil(ok)
      assert.equal("ENETUNREACH", err.errno)
      assert.equal("10.8.0.0/16 via 192.0.2.1 (Nexthop has invalid gateway)", err.target)
    end)

    it("raise for what is none", function()
      for _, options in ipairs({ {}, { destination = "10.0.0.0/8" }, { destination = "10.0.0.0",
        prefix = 33 }, { destination = "10.0.0.0", via = "x" }, { destination = "10.0.0.0",
        metric = 2 ^ 32 } }) do
        assert.has_error(function() netlink.add_route(socket, options) end)
      end
      assert.has_error(function() netlink.routes(socket, "ipx") end)
    end)
  end)

  it("reads lists whole while others change them", function()
    local churn = assert(io.popen("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
      .. "ip link add c$i type veth peer name d$i; ip link del c$i; done; echo done"))
    repeat
      local names = {}
      for _, found in ipairs(assert(netlink.links(socket))) do
        assert.is_nil(names[found.name])
        names[found.name] = true
      end
      assert.is_true(names.lo)
      local ready = assert(core.poll.wait({ { fd = churn, events = "r" } }, 0))
    until ready[1]
    churn:close()
  end)

  it("passes over what answers an older request", function()
    -- A list whose rest nobody read lies in the socket when the next request is sent.
    local copy = assert(core.fd.dup(socket))
    local request = ("\20\0\0\0\18\0\1\3\255\255\255\127\0\0\0\0\0\0\0\0")
    assert(core.fd.write(copy, request))
    assert.equal("lo", link("lo", copy).name)
    copy:close()
  end)
end)
