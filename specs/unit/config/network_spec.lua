local schema = require("ctr.config.schema")
local validate = require("ctr.config.validate")

local function full(more)
  local config = { rootfs = "/srv/web", namespaces = { "NEWNS", "NEWNET" } }
  for key, value in pairs(more) do
    config[key] = value
  end
  return config
end

local function parse(more)
  return assert(schema.parse(full(more)))
end

local function problems(more)
  local config, err = schema.parse(full(more))
  assert.is_nil(config)
  assert.equal("ConfigInvalid", err.code)
  local list = {}
  for index, problem in ipairs(err.problems) do
    list[index] = problem.path .. " " .. problem.text
  end
  return list
end

local function veth(changes)
  local network = { type = "veth" }
  for key, value in pairs(changes or {}) do
    network[key] = value
  end
  return network
end

-- What is wrong with one key of a veth.
local function refused(key, value, text, others)
  local network = veth(others)
  network[key] = value
  assert.same({ "networks[1]." .. key .. " " .. text }, problems({ networks = { network } }))
end

describe("ctr.config.schema: the network", function()
  describe("a veth", function()
    it("needs nothing, and is called eth0", function()
      assert.same({ { type = "veth", name = "eth0" } }, parse({ networks = { veth() } }).networks)
    end)

    it("is read whole", function()
      local network = {
        type = "veth", name = "lan0", bridge = "br0", mac_address = "02:00:00:00:00:aa",
        address = "10.0.0.2/24", gateway = "10.0.0.1", ipv6_address = "fd00::2/64",
        ipv6_gateway = "fd00::1", mtu = 1400, tx_queue_len = 50, host_interface_name = "end0",
        hairpin_mode = true,
      }
      assert.same({ network }, parse({ networks = { network } }).networks)
    end)

    it("is read with libcontainer's spelling and its empty values", function()
      assert.same({ { type = "veth", name = "eth0", tx_queue_len = 5 } }, parse({ networks = { {
        type = "veth", name = "", bridge = "", mac_address = "", address = "", gateway = "",
        ipv6_address = "", ipv6_gateway = "", mtu = 0, txqueuelen = 5, host_interface_name = "",
        hairpin_mode = false,
      } } }).networks)
    end)

    it("has names that the kernel takes", function()
      local help = "must be the name of an interface: no `/`, `:` or space, not `.` or `..`"
      for _, key in ipairs({ "name", "bridge", "host_interface_name" }) do
        for _, name in ipairs({ "a/b", "a:b", "a b", ".", "..", "a\nb" }) do
          refused(key, name, help)
        end
        refused(key, ("x"):rep(16), "must not be longer than 15 bytes")
        refused(key, "eth%d", "must not contain `%`")
        assert.equal(("x"):rep(15), parse({ networks = { veth({ [key] = ("x"):rep(15),
          name = key ~= "name" and "lan0" or ("x"):rep(15) }) } }).networks[1][key])
      end
      refused("name", "lo", "is the loopback's")
      refused("host_interface_name", "lo", "is the loopback's")
      refused("host_interface_name", "br0", "is the bridge's", { bridge = "br0" })
    end)

    it("has a hardware address of one interface", function()
      local help = "must be a hardware address, as in 02:00:00:00:00:01"
      for _, mac in ipairs({ "x", "02:00:00:00:00", "02:00:00:00:00:01:02", "02-00-00-00-00-01",
        "00:00:00:00:00:00", "2:0:0:0:0:1", "02:00:00:00:00:0g" }) do
        refused("mac_address", mac, help)
      end
      local many = "must be the address of one interface: its first byte is even"
      refused("mac_address", "01:00:5e:00:00:01", many)
      refused("mac_address", "ff:ff:ff:ff:ff:ff", many)
      assert.equal("02:00:00:00:00:ab",
        parse({ networks = { veth({ mac_address = "02:00:00:00:00:AB" }) } })
          .networks[1].mac_address)
    end)

    it("has addresses with their prefixes", function()
      for _, address in ipairs({ "10.0.0.2", "10.0.0.2/33", "fd00::2/64", "x", "10.0.0/24" }) do
        refused("address", address, "must be an IPv4 address with its prefix, as in 10.0.0.2/24")
      end
      for _, address in ipairs({ "fd00::2", "fd00::2/129", "10.0.0.2/24", "x" }) do
        refused("ipv6_address", address,
          "must be an IPv6 address with its prefix, as in fd00::2/64")
      end
      for _, address in ipairs({ "224.0.0.1/24", "0.0.0.0/8" }) do
        refused("address", address, "must be the address of one interface")
      end
      refused("ipv6_address", "ff02::1/64", "must be the address of one interface")
      refused("address", "10.0.0.0/24", "is the network's own or its broadcast address")
      refused("address", "10.0.0.255/24", "is the network's own or its broadcast address")
      refused("address", "10.0.0.1/0", "must have a prefix of 1 to 32 bits")
      parse({ networks = { veth({ address = "10.0.0.0/31" }) } })
      parse({ networks = { veth({ address = "10.0.0.0/32" }) } })
    end)

    it("has gateways on its link", function()
      refused("gateway", "x", "must be an IPv4 address, as in 10.0.0.2",
        { address = "10.0.0.2/24" })
      refused("gateway", "10.0.0.1", "needs address")
      refused("gateway", "10.0.1.1", "is not in 10.0.0.2/24", { address = "10.0.0.2/24" })
      refused("gateway", "10.0.0.2", "must not be the interface's own address",
        { address = "10.0.0.2/24" })
      refused("ipv6_gateway", "10.0.0.1", "must be an IPv6 address, as in fd00::2",
        { ipv6_address = "fd00::2/64" })
      refused("ipv6_gateway", "fd00::1", "needs ipv6_address", { address = "10.0.0.2/24" })
      refused("ipv6_gateway", "fd01::1", "is not in fd00::2/64", { ipv6_address = "fd00::2/64" })
      parse({ networks = { veth({ address = "10.0.0.2/32", gateway = "192.0.2.1" }) } })
      parse({ networks = { veth({ ipv6_address = "fd00::2/64", ipv6_gateway = "fe80::1" }) } })
      parse({ networks = { veth({ ipv6_address = "fd00::2/128", ipv6_gateway = "fd01::1" }) } })
    end)

    it("has an mtu that its packets fit in", function()
      refused("mtu", 67, "must be an integer from 68 to 65535")
      refused("mtu", 65536, "must be an integer from 68 to 65535")
      refused("mtu", 1279, "must be at least 1280 with ipv6_address",
        { ipv6_address = "fd00::2/64" })
      parse({ networks = { veth({ mtu = 68 }) } })
    end)

    it("has a hairpin only at a bridge", function()
      refused("hairpin_mode", true, "needs bridge")
    end)

    it("has a name of its own", function()
      assert.same({
        "networks[2].name is a second eth0: the first is networks[1].name",
        "networks[3].host_interface_name is a second end0: the first is "
          .. "networks[2].host_interface_name",
        'net_devices["end0"] is a name that is made: networks[2].host_interface_name',
        'net_devices["x"] is a second eth1: the first is networks[3].name',
      }, problems({
        networks = { veth(), veth({ host_interface_name = "end0" }),
          veth({ name = "eth1", host_interface_name = "end0" }) },
        net_devices = { x = { name = "eth1" }, end0 = {} },
      }))
    end)

    it("is not made without privilege", function()
      local network = { networks = { veth() }, namespaces = { "NEWNS", "NEWNET", "NEWUSER" },
        uid_mappings = { { container_id = 0, host_id = 1000, size = 1 } },
        gid_mappings = { { container_id = 0, host_id = 1000, size = 1 } } }
      local text = "networks[1].type is veth, which needs root: without privilege a container "
        .. "has a loopback and routes"
      local config = parse(network)
      network.rootless_euid = true
      assert.same({ text }, problems(network))
      config.rootless_euid = true
      local found = validate.machine(config, {
        realpath = function(path) return path end, ns_supported = function() return true end,
      })
      assert.same({ { path = "networks[1].type", text = text:sub(18) } }, found)
    end)
  end)

  describe("a loopback", function()
    it("takes what libcontainer's example says of it", function()
      local network = { type = "loopback", address = "127.0.0.1/0", gateway = "localhost" }
      assert.same({ network }, parse({ networks = { network } }).networks)
      assert.equal("loopback", parse({ networks = { { type = "loopback", mtu = 0, name = "",
        hairpin_mode = false } } }).networks[1].type)
    end)

    it("has nothing else", function()
      assert.same({
        "networks[1].bridge has no meaning for a loopback",
        "networks[1].mtu has no meaning for a loopback",
        "networks[1].hairpin_mode has no meaning for a loopback",
      }, problems({ networks = { { type = "loopback", mtu = 1500, bridge = "br0",
        hairpin_mode = true } } }))
    end)
  end)

  describe("routes", function()
    local function route_refused(path, text, route)
      assert.same({ "routes[1]" .. path .. " " .. text }, problems({ routes = { route } }))
    end

    it("are read, their destination without what is not of the network", function()
      assert.same({
        { destination = "10.0.0.0/8", gateway = "10.1.0.1", source = "10.1.0.2",
          interface_name = "eth0" },
        { destination = "default", gateway = "10.1.0.1" },
        { destination = "fd00::/48", interface_name = "eth0" },
      }, parse({ routes = {
        { destination = "10.1.2.3/8", gateway = "10.1.0.1", source = "10.1.0.2",
          interface_name = "eth0" },
        { destination = "default", gateway = "10.1.0.1", source = "", interface_name = "" },
        { destination = "fd00::1/48", interface_name = "eth0" },
      } }).routes)
    end)

    it("say where to, and by what", function()
      route_refused(".destination", "is required", { gateway = "10.0.0.1" })
      route_refused(".destination",
        'must be a network with its prefix, as in 10.1.0.0/16, or "default"',
        { destination = "10.0.0.1", gateway = "10.0.0.1" })
      route_refused("", "needs gateway or interface_name", { destination = "10.0.0.0/8" })
      route_refused(".destination", "does not say which IP: 0.0.0.0/0 or ::/0, or a gateway",
        { destination = "default", interface_name = "eth0" })
      route_refused(".gateway", "must be an IP address", { destination = "default", gateway = "x" })
      route_refused(".gateway", "must be an IPv4 address, as the others",
        { destination = "10.0.0.0/8", gateway = "fd00::1" })
      route_refused(".source", "must be an IPv6 address, as the others",
        { destination = "default", gateway = "fd00::1", source = "10.0.0.1" })
      route_refused(".interface_name", "must not be longer than 15 bytes",
        { destination = "10.0.0.0/8", interface_name = ("x"):rep(16) })
    end)

    it("need a network namespace", function()
      local routes = { { destination = "default", gateway = "10.0.0.1" } }
      assert.same({ "routes need the namespace NEWNET" },
        problems({ routes = routes, namespaces = { "NEWNS" } }))
      parse({ routes = routes, namespaces = { "NEWNS", { type = "NEWNET", path = "/x" } } })
      parse({ routes = {}, namespaces = { "NEWNS" } })
    end)
  end)

  describe("net_devices", function()
    it("are read, with OCI's spelling as well", function()
      assert.same({ ens4 = { give_back = false }, ens5 = { name = "eth%d", give_back = true } },
        parse({ netDevices = { ens4 = {}, ens5 = { name = "eth%d", give_back = true } } })
          .net_devices)
    end)

    it("have names that the kernel takes", function()
      local help = "must be the name of an interface: no `/`, `:` or space, not `.` or `..`"
      assert.same({ 'net_devices["a b"] ' .. help }, problems({ net_devices = { ["a b"] = {} } }))
      assert.same({ 'net_devices["eth%d"] must not contain `%`' },
        problems({ net_devices = { ["eth%d"] = {} } }))
      assert.same({ "net_devices.a.name must not contain `%` but in `%d` at the end" },
        problems({ net_devices = { a = { name = "%deth" } } }))
      assert.same({ "net_devices.a.name must not contain `%` but in `%d` at the end" },
        problems({ net_devices = { a = { name = "e%d%d" } } }))
      assert.same({ 'net_devices["lo"] is the loopback\'s, which cannot be moved' },
        problems({ net_devices = { lo = { name = "eth0" } } }))
      parse({ net_devices = { a = { name = "eth%d" }, b = { name = "eth%d" } } })
    end)

    it("need a network namespace, and root", function()
      local devices = { ens4 = {} }
      assert.same({ "net_devices need the namespace NEWNET" },
        problems({ net_devices = devices, namespaces = { "NEWNS" } }))
      assert.same({ "net_devices need root: they are the host's" }, problems({
        net_devices = devices, namespaces = { "NEWNS", "NEWNET", "NEWUSER" }, rootless_euid = true,
        uid_mappings = { { container_id = 0, host_id = 1000, size = 1 } },
        gid_mappings = { { container_id = 0, host_id = 1000, size = 1 } } }))
    end)
  end)

  it("is not set up in the host's own namespace", function()
    local joined = { "NEWNS", { type = "NEWNET", path = "/x" } }
    local probe = {
      realpath = function(path) return path end, ns_supported = function() return true end,
      exists = function() return true end, same_ns = function() return true end,
      ns_problem = function() end,
    }
    for _, more in ipairs({ { networks = { veth() } }, { net_devices = { ens4 = {} } },
      { routes = { { destination = "default", gateway = "10.0.0.1" } } } }) do
      more.namespaces = joined
      assert.same({ { path = "namespaces[2].path",
        text = "is the host's own namespace, which would be changed" } },
        validate.machine(parse(more), probe))
    end
    assert.same({}, validate.machine(parse({ namespaces = joined,
      networks = { { type = "loopback" } } }), probe))
  end)

  it("loads nothing of it for a loopback", function()
    for _, name in ipairs({ "ctr.config.schema.interfaces", "ctr.config.rules.network" }) do
      package.loaded[name] = nil
    end
    parse({ networks = { { type = "loopback" } } })
    assert.is_nil(package.loaded["ctr.config.schema.interfaces"])
    assert.is_nil(package.loaded["ctr.config.rules.network"])
    parse({ networks = { veth() } })
    assert.is_table(package.loaded["ctr.config.schema.interfaces"])
  end)
end)
