local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local netlink = require("ctr.core.netlink")
local netns = require("specs.support.netns")

local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local RAW = { bounding = { "CAP_NET_RAW" }, effective = { "CAP_NET_RAW" },
  permitted = { "CAP_NET_RAW" } }
local LOOPBACK = { type = "loopback" }

local function veth(changes)
  local network = { type = "veth", bridge = "br7", address = "10.7.0.2/24", gateway = "10.7.0.1" }
  for key, value in pairs(changes or {}) do
    network[key] = value or nil
  end
  return network
end

local function with(network, changes)
  local all = { networks = { LOOPBACK, network }, capabilities = RAW, mounts = {
    { source = "proc", destination = "/proc", device = "proc" },
    { source = "sysfs", destination = "/sys", device = "sysfs" },
  } }
  for key, value in pairs(changes or {}) do
    all[key] = value
  end
  return all
end

-- The network is the spec's own from here to its end.
describe("a container's network", function()
  local leave, b

  setup(function()
    leave = netns.enter()
    netns.bridge("br7", { "10.7.0.1/24", "fd07::1/64" })
    b = box.new()
    -- What a first start opens for all later ones is open before the counting.
    assert(b:sh("true", with(veth())))
  end)

  teardown(function()
    b:close()
    leave()
  end)

  local function state_of_machine()
    local found = machine.snapshot(box.PATTERN)
    found.network = netns.snapshot()
    return found
  end

  local function host_link(container)
    local socket = assert(netlink.open())
    local name = assert(container:state()).interfaces[1].host_interface_name
    local link = netlink.link(socket, name)
    socket:close()
    return link, name
  end

  -- Sleeps behind a veth until `finish`.
  local function sleeper(network, changes)
    return b:sleeper(with(network, changes))
  end

  describe("inside", function()
    it("has what was said of its interface", function()
      local result = b:sh([[
        cat /sys/class/net/lan0/mtu /sys/class/net/lan0/address /sys/class/net/lan0/tx_queue_len
        ip -4 -o addr show lan0 | tr -s ' '; ip -6 -o addr show lan0 scope global | tr -s ' ']],
        with(veth({ name = "lan0", mtu = 1400, mac_address = "02:00:00:00:00:AA",
          tx_queue_len = 77, ipv6_address = "fd07::2/64" })))
      local lines = {}
      for line in result.out:gmatch("[^\n]+") do
        lines[#lines + 1] = line
      end
      assert.same({ "1400", "02:00:00:00:00:aa", "77" }, { unpack(lines, 1, 3) })
      assert.truthy(lines[4]:find("inet 10.7.0.2/24 brd 10.7.0.255 scope global lan0", 1, true))
      assert.truthy(result.out:find("inet6 fd07::2/64 scope global", 1, true))
      assert.is_nil(result.out:find("tentative", 1, true))
    end)

    it("is called eth0, has the bridge's mtu and an address of hardware that stays", function()
      netns.ip("link set br7 mtu 1450")
      local script = "cat /sys/class/net/eth0/mtu /sys/class/net/eth0/address"
      assert.equal("1450\n02:c0:0a:07:00:02\n", b:sh(script, with(veth())).out)
      assert.equal("1450\n02:c0:0a:07:00:02\n", b:sh(script, with(veth())).out)
      netns.ip("link set br7 mtu 1500")
    end)

    it("has nothing but the loopback and what was said", function()
      local result = b:sh("ls /sys/class/net", with(veth()))
      assert.equal("eth0\nlo\n", result.out)
    end)

    it("has its routes", function()
      local script = "{ ip route; ip -6 route show ::/0; ip -6 route show fd99::/48; }"
      local result = b:sh(script .. " | sed 's/ *$//'", with(veth({
        ipv6_address = "fd07::2/64", ipv6_gateway = "fd07::1",
      }), { routes = {
        { destination = "10.99.1.2/16", gateway = "10.7.0.9", source = "10.7.0.2",
          interface_name = "eth0" },
        { destination = "10.98.0.0/16", interface_name = "eth0" },
        { destination = "fd99::/48", gateway = "fd07::9" },
      } }))
      assert.equal([[
default via 10.7.0.1 dev eth0
10.7.0.0/24 dev eth0 scope link  src 10.7.0.2
10.98.0.0/16 dev eth0 scope link
10.99.0.0/16 via 10.7.0.9 dev eth0  src 10.7.0.2
default via fd07::1 dev eth0  metric 1024
fd99::/48 via fd07::9 dev eth0  metric 1024
]], result.out)
    end)

    it("has a default route by a route of its own", function()
      local result = b:sh("ip route show 0.0.0.0/0", with(veth({ gateway = false }), {
        routes = { { destination = "default", gateway = "10.7.0.8" } } }))
      assert.equal("default via 10.7.0.8 dev eth0 \n", result.out)
    end)

    it("reaches a gateway outside a prefix of one address", function()
      netns.ip("address add 192.0.2.1/32 dev br7", "route add 10.66.0.1/32 dev br7")
      local result = b:sh("ping -c 1 -W 5 192.0.2.1 >/dev/null && ip route", with(veth({
        address = "10.66.0.1/32", gateway = "192.0.2.1" })))
      netns.ip("address del 192.0.2.1/32 dev br7", "route del 10.66.0.1/32")
      assert.equal("default via 192.0.2.1 dev eth0 onlink \n", result.out)
    end)

    it("can be set by sysctl, for the interface is there before", function()
      local result = b:sh("cat /proc/sys/net/ipv4/conf/eth0/forwarding", with(veth(),
        { sysctl = { ["net.ipv4.conf.eth0.forwarding"] = "1" } }))
      assert.equal("1\n", result.out)
    end)

    it("is the same in a user namespace", function()
      local result = b:sh("ping -c 1 -W 5 10.7.0.1 >/dev/null && ip route show 10.5.0.0/16",
        with(veth(), { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
          uid_mappings = MAPPING, gid_mappings = MAPPING, routes = {
            { destination = "10.5.0.0/16", gateway = "10.7.0.5" } } }))
      assert.equal("10.5.0.0/16 via 10.7.0.5 dev eth0 \n", result.out)
    end)

    it("may be made in a network namespace that is joined", function()
      local other = netns.new()
      local container, process = sleeper(veth(), { namespaces = { "NEWNS", "NEWPID",
        { type = "NEWNET", path = netns.path(other) } }, hostname = "" })
      assert.equal(0, netns.run(other, "ping -c 1 -W 5 10.7.0.1").code)
      b:finish(container, process)
      assert.equal("", netns.run(other, "ip -br link show type veth").stdout)
      other:close()
    end)

    it("may have several interfaces", function()
      netns.bridge("br8", { "10.8.0.1/24" })
      local result = b:sh("ping -c 1 -W 5 10.7.0.1 >/dev/null && ping -c 1 -W 5 10.8.0.1 >/dev/null"
        .. " && ls /sys/class/net", { capabilities = RAW, mounts = with(veth()).mounts,
        networks = { veth(), { type = "veth", name = "eth1", bridge = "br8",
          address = "10.8.0.2/24" } } })
      netns.ip("link del br8")
      assert.equal("eth0\neth1\nlo\n", result.out)
    end)
  end)

  describe("on the host", function()
    it("has a name that was made up, which the state tells before there is one", function()
      local container = assert(b:create(with(veth())))
      local _, name = host_link(container)
      assert.truthy(name:find("^veth[a-z2-7]+$"))
      assert.equal(15, #name)
      assert.is_nil((host_link(container)))
      assert.equal(name, b.factory:load(container:id()):state().interfaces[1].host_interface_name)
      assert.is_nil(container:config().networks[2].host_interface_name)
      assert(container:destroy())
    end)

    it("is a port of the bridge, known by its alias", function()
      local container, process = sleeper(veth({ mtu = 1300, tx_queue_len = 9,
        host_interface_name = "ctr-end" }))
      local link = assert(host_link(container))
      assert.same({ "ctr-end", 1300, 9, true, false, "fe:ff:ff:ff:ff:ff" }, { link.name, link.mtu,
        link.txqlen, link.up, link.hairpin, link.mac })
      assert.truthy(link.alias:find("ctr " .. container:id() .. " ", 1, true))
      b:finish(container, process)
      assert.is_nil(host.sh("ip link show ctr-end").stdout:find("ctr-end", 1, true))
    end)

    it("sends back what came from it where hairpin_mode says so", function()
      local container, process = sleeper(veth({ hairpin_mode = true }))
      assert.is_true(host_link(container).hairpin)
      b:finish(container, process)
    end)

    it("leaves the bridge's address as it is, whoever comes and goes", function()
      local function address()
        return host.sh("cat /sys/class/net/br7/address; ip -o link show br7").stdout:match(
          "ether (%S+)")
      end
      local one, first = sleeper(veth())
      local before = address()
      local two, second = sleeper(veth({ address = "10.7.0.3/24" }))
      b:finish(one, first)
      assert.equal(before, address())
      b:finish(two, second)
    end)

    it("needs no bridge", function()
      local before = state_of_machine()
      local container, process = sleeper(veth({ bridge = false, host_interface_name = "ctr-end",
        address = "10.9.0.2/24", gateway = "10.9.0.1" }))
      netns.ip("address add 10.9.0.1/24 dev ctr-end")
      assert.equal(0, host.sh("ping -c 1 -W 5 10.9.0.2").code)
      b:finish(container, process)
      assert.same(before, state_of_machine())
    end)
  end)

  describe("carries", function()
    local SERVE = { args = { "/bin/httpd", "-f", "-p", "8080", "-h", "/etc" } }

    -- Until the server listens, which takes it a moment.
    local function fetch(address)
      return ("until wget -q -O - http://%s:8080/group 2>/dev/null; do usleep 10000; done"):format(
        address)
    end

    it("TCP between two containers, by IPv4 and by IPv6", function()
      local server, process = b:sleeper(with(veth({ ipv6_address = "fd07::2/64" })), SERVE)
      for _, address in ipairs({ "10.7.0.2", "[fd07::2]" }) do
        local result = b:sh(fetch(address), with(veth({ address = "10.7.0.3/24",
          ipv6_address = "fd07::3/64" })))
        assert.truthy(result.out:find("root:x:0:", 1, true))
      end
      b:finish(server, process)
    end)

    it("TCP between the host and a container", function()
      local server, process = b:sleeper(with(veth({ ipv6_address = "fd07::2/64" })), SERVE)
      for _, address in ipairs({ "10.7.0.2", "[fd07::2]" }) do
        local result = host.sh("busybox sh -c '" .. fetch(address) .. "'")
        assert.truthy(result.stdout:find("root:x:0:", 1, true))
      end
      b:finish(server, process)
    end)

    it("packets at once: nothing is lost while the link comes up", function()
      for index = 2, 6 do
        local result = b:sh("ping -c 1 -W 10 10.7.0.1 | grep -c 'time='",
          with(veth({ address = ("10.7.0.%d/24"):format(index) })))
        assert.equal("1\n", result.out)
      end
    end)
  end)

  describe("is undone", function()
    local function fails(path, errno, network, changes)
      local before = state_of_machine()
      local container = assert(b:create(with(network, changes)))
      local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
      assert.is_nil(ok)
      assert.same({ "SystemError", path, errno }, { err.code, err.path, err.errno })
      assert.equal("stopped", container:status())
      assert.equal(-1, container:state().init_process_pid)
      local during = state_of_machine()
      assert.same(before.network, during.network)
      assert.same(before.children, during.children)
      assert(container:destroy())
      assert.same(before, state_of_machine())
      return tostring(err)
    end

    it("where there is no such bridge", function()
      assert.equal("networks[2].bridge: link nonesuch: no such device",
        fails("networks[2].bridge", "ENODEV", veth({ bridge = "nonesuch" })))
    end)

    it("where the bridge is none", function()
      assert.equal("networks[2].bridge: lo is not a bridge",
        fails("networks[2].bridge", "EINVAL", veth({ bridge = "lo" })))
    end)

    it("where the name on the host is another's, which stays", function()
      netns.ip("link add ctr-other type veth peer name ctr-peer")
      assert.equal("networks[2].host_interface_name: there is an interface ctr-other already",
        fails("networks[2].host_interface_name", "EEXIST",
          veth({ host_interface_name = "ctr-other" })))
      netns.ip("link del ctr-other")
    end)

    it("where the name inside is taken", function()
      local other = netns.new()
      netns.run(other, "ip link add eth0 type veth peer name eth1")
      assert.equal("networks[2].name: there is an interface eth0 already",
        fails("networks[2].name", "EEXIST", veth(), { hostname = "", namespaces = { "NEWNS",
          "NEWPID", { type = "NEWNET", path = netns.path(other) } } }))
      other:close()
    end)

    it("where a route leads nowhere", function()
      fails("routes[1].gateway", "ENETUNREACH", veth(), { routes = {
        { destination = "10.5.0.0/16", gateway = "192.0.2.1" } } })
      fails("routes[2].interface_name", "ENODEV", veth(), { routes = {
        { destination = "10.5.0.0/16", gateway = "10.7.0.1" },
        { destination = "10.6.0.0/16", interface_name = "eth7" } } })
      fails("routes[2]", "EEXIST", veth(), { routes = {
        { destination = "10.5.0.0/16", gateway = "10.7.0.1" },
        { destination = "10.5.0.0/16", gateway = "10.7.0.3" } } })
    end)

    it("where a later step of the start fails", function()
      fails("sysctl[\"net.ipv4.conf.eth9.forwarding\"]", "ENOENT", veth(),
        { sysctl = { ["net.ipv4.conf.eth9.forwarding"] = "1" } })
    end)

    it("where the second interface fails, with the first", function()
      local before = state_of_machine()
      local container = assert(b:create({ networks = { veth(), veth({ name = "eth1",
        bridge = "nonesuch", address = "10.8.0.2/24", gateway = false }) } }))
      local _, err = container:run(ctr.process({ args = { "/bin/true" } }))
      assert.equal("networks[2].bridge", err.path)
      assert.same(before.network, netns.snapshot())
      assert(container:destroy())
    end)

    it("and can be tried again", function()
      local container = assert(b:create(with(veth())))
      netns.ip("link set br7 name br9")
      assert.is_nil((container:run(ctr.process({ args = { "/bin/true" } }))))
      netns.ip("link set br9 name br7")
      local result = b:run(container, "ping -c 1 -W 5 10.7.0.1 >/dev/null; echo $?")
      assert.equal("0\n", result.out)
      -- Once more, while the kernel may still be about to take the first one's end away.
      result = b:run(container, "ping -c 1 -W 5 10.7.0.1 >/dev/null; echo $?")
      assert.equal("0\n", result.out)
      assert(container:destroy())
    end)
  end)

  it("leaves no interface of fifty containers", function()
    local before = state_of_machine()
    for index = 1, 50 do
      local network = veth({ address = ("10.7.0.%d/24"):format(index + 1) })
      assert.equal(0, b:sh("true", with(network)).code)
    end
    assert.same(before, state_of_machine())
  end)

  it("is destroyed with a container that another program started", function()
    local before = state_of_machine()
    local container = assert(b:create(with(veth())))
    assert(container:start(ctr.process({ args = { "/bin/sleep", "1000" } })))
    assert(host_link(container))
    assert(b.factory:load(container:id()):destroy())
    assert.is_nil((container.init_process:wait(60)).code)
    assert.same(before.network, netns.snapshot())
  end)

  it("does not take another's interface of its name away", function()
    local container = assert(b:create(with(veth({ host_interface_name = "ctr-other" }))))
    netns.ip("link add ctr-other type veth peer name ctr-peer")
    assert(container:destroy())
    netns.ip("link del ctr-other")
  end)

  it("is refused where the namespace is the host's own", function()
    local container, err = b.factory:create("host-net", box.config(b.root, with(veth(), {
      namespaces = { "NEWNS", "NEWPID", { type = "NEWNET", path = "/proc/self/ns/net" } },
      hostname = "" })))
    assert.is_nil(container)
    assert.same({ "ConfigInvalid", "namespaces[3].path" }, { err.code, err.path })
  end)

  describe("statistics", function()
    local KEYS = { "rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "tx_bytes", "tx_packets",
      "tx_errors", "tx_dropped" }
    -- Without IPv6 nobody speaks who was not asked to.
    local QUIET = { ["net.ipv6.conf.all.disable_ipv6"] = "1" }

    it("count what the container receives and sends", function()
      -- Before there is anybody whom it could tell that it leaves its multicast groups.
      host.sh("echo 1 > /proc/sys/net/ipv6/conf/br7/disable_ipv6")
      local container, process = sleeper(veth(), { sysctl = QUIET })
      -- Each learns where the other one is; then only the packets of ping are on the way.
      assert.equal(0, host.sh("ping -c 1 -W 5 10.7.0.2").code)
      netns.ip("neighbour replace 10.7.0.2 lladdr 02:c0:0a:07:00:02 nud permanent dev br7")
      local first = assert(container:stats()).interfaces
      assert.equal(0, host.sh("ping -c 5 -i 0.01 -s 100 -W 5 10.7.0.2").code)
      local second = assert(container:stats()).interfaces
      netns.ip("neighbour del 10.7.0.2 dev br7")
      assert.equal(1, #second)
      assert.equal("eth0", second[1].name)
      assert.equal(container:state().interfaces[1].host_interface_name,
        second[1].host_interface_name)
      -- Ethernet, IP and ICMP headers, and the data.
      local bytes = 5 * (14 + 20 + 8 + 100)
      -- The bridge may still say that it has left its multicast groups, after a second at most.
      local packets = second[1].rx_packets - first[1].rx_packets
      local late = packets - 5
      assert.is_true(late >= 0 and late <= 2, packets)
      assert.is_true(second[1].rx_bytes - first[1].rx_bytes - bytes <= late * 150)
      assert.same({ 5, bytes }, { second[1].tx_packets - first[1].tx_packets,
        second[1].tx_bytes - first[1].tx_bytes })
      b:finish(container, process)
    end)

    it("have libcontainer's names, and are nothing before there is an interface", function()
      local container = assert(b:create(with(veth())))
      local stats = assert(container:stats())
      assert.is_table(stats.cgroup_stats)
      assert.is_nil(stats.intel_rdt_stats)
      local entry = stats.interfaces[1]
      for _, key in ipairs(KEYS) do
        assert.equal(0, entry[key], key)
      end
      assert(container:destroy())
    end)

    it("are an empty list of a container without interfaces of its own", function()
      local container = assert(b:create())
      assert.same({}, assert(container:stats()).interfaces)
      assert(container:destroy())
      assert.equal("ContainerNotExists", select(2, b.factory:load(container:id())).code)
    end)

    it("are the same from another program", function()
      local container, process = sleeper(veth(), { sysctl = QUIET })
      assert.same(container:stats().interfaces[1].host_interface_name,
        b.factory:load(container:id()):stats().interfaces[1].host_interface_name)
      b:finish(container, process)
    end)
  end)

  it("closes the socket before the program runs", function()
    local result = b:sh("ls -l /proc/self/fd | grep -c socket", with(veth()))
    assert.equal("0\n", result.out)
    local container, process = sleeper(veth())
    local pid = container:state().init_process_pid
    local folder = assert(core.path.open_root("/proc/" .. pid .. "/fd"))
    assert.same({ "0", "1", "2" }, assert(core.path.list(folder, ".")))
    folder:close()
    b:finish(container, process)
  end)
end)
