local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local netns = require("specs.support.netns")

local MOUNTS = {
  { source = "proc", destination = "/proc", device = "proc" },
  { source = "sysfs", destination = "/sys", device = "sysfs" },
}

-- The network is the spec's own from here to its end. The device is one end of a pair, of which the
-- host keeps the other.
describe("net_devices", function()
  local leave, b

  setup(function()
    leave = netns.enter()
    b = box.new()
    -- What a first start opens for all later ones is open before the counting.
    assert(b:sh("true", { routes = { { destination = "10.5.0.0/16", interface_name = "lo" } } }))
  end)

  teardown(function()
    b:close()
    leave()
  end)

  before_each(function()
    netns.ip("link add dev7 address 02:00:00:00:00:07 mtu 1400 type veth peer name far7",
      "address add 10.7.0.2/24 dev dev7", "address add fd07::2/64 dev dev7 nodad",
      "address add 10.7.0.1/24 dev far7", "address add fd07::1/64 dev far7 nodad",
      "link set dev7 up", "link set far7 up")
  end)

  after_each(function()
    host.sh("ip link del far7; ip link del br7")
  end)

  local function state_of_machine()
    local found = machine.snapshot(box.PATTERN)
    found.network = netns.snapshot()
    return found
  end

  local function config(devices, changes)
    local all = { mounts = MOUNTS, net_devices = devices }
    for key, value in pairs(changes or {}) do
      all[key] = value
    end
    return all
  end

  local function names_on_host()
    return host.sh("ip -o link | sed 's/^[0-9]*: \\([^:@]*\\).*/\\1/' | sort | tr '\\n' ' '").stdout
  end

  it("are moved with their addresses, and are up", function()
    local container, process = b:sleeper(config({ dev7 = {} }))
    assert.equal("far7 lo ", names_on_host())
    assert.equal(0, host.sh("ping -c 1 -W 5 10.7.0.2").code)
    assert.equal(0, host.sh("ping -c 1 -W 5 fd07::2").code)
    b:finish(container, process)
  end)

  it("keep what they are, under another name", function()
    local result = b:sh([[cat /sys/class/net/lan0/mtu /sys/class/net/lan0/address
      cat /sys/class/net/lan0/operstate; ls /sys/class/net
      ip -o addr show lan0 scope global | tr -s ' ' | cut -d ' ' -f 3,4,5,6]],
      config({ dev7 = { name = "lan0" } }))
    assert.equal("1400\n02:00:00:00:00:07\nup\nlan0\nlo\ninet 10.7.0.2/24 scope global\n"
      .. "inet6 fd07::2/64 scope global\n", result.out)
  end)

  it("are set up where they were down", function()
    netns.ip("link set dev7 down")
    assert.equal("up\n", b:sh("cat /sys/class/net/dev7/operstate", config({ dev7 = {} })).out)
  end)

  it("are given a number for `%d`", function()
    netns.ip("link add dev8 type veth peer name far8")
    local result = b:sh("ls /sys/class/net; ip -4 -o addr show eth0 | grep -c 10.7.0.2",
      config({ dev7 = { name = "eth%d" }, dev8 = { name = "eth%d" } }))
    assert.equal("eth0\neth1\nlo\n1\n", result.out)
    host.sh("ip link del far8")
  end)

  it("may have routes", function()
    local result = b:sh("ip route show 10.5.0.0/16", config({ dev7 = { name = "lan0" } },
      { routes = { { destination = "10.5.0.0/16", gateway = "10.7.0.1",
        interface_name = "lan0" } } }))
    assert.equal("10.5.0.0/16 via 10.7.0.1 dev lan0 \n", result.out)
  end)

  it("are refused by the path of their name, and stay as they were", function()
    local function fails(path, errno, devices, changes)
      local before = state_of_machine()
      local container = assert(b:create(config(devices, changes)))
      local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
      assert.is_nil(ok)
      assert.same({ "SystemError", path, errno }, { err.code, err.path, err.errno })
      assert(container:destroy())
      assert.same(before, state_of_machine())
    end
    fails('net_devices["nonesuch"]', "ENODEV", { dev7 = {}, nonesuch = {} })
    local other = netns.new()
    netns.run(other, "ip link add eth0 type veth peer name eth1")
    fails('net_devices["dev7"]', "EEXIST", { dev7 = { name = "eth0" } }, { networks = {},
      namespaces = { "NEWNS", "NEWPID", { type = "NEWNET", path = netns.path(other) } },
      hostname = "" })
    other:close()
    fails("routes[1].gateway", "ENETUNREACH", { dev7 = { name = "lan0" } },
      { routes = { { destination = "10.5.0.0/16", gateway = "192.0.2.1" } } })
    fails("routes[1].gateway", "ENETUNREACH", { dev7 = { name = "lan0", give_back = true } },
      { routes = { { destination = "10.5.0.0/16", gateway = "192.0.2.1" } } })
  end)

  it("end with the container where nothing else is said", function()
    assert.equal(0, b:sh("true", config({ dev7 = {} })).code)
    -- The kernel takes a pair away in its own time: the namespace that is left is destroyed later.
    local deadline = core.proc.clock() + 60
    repeat
      core.poll.wait({}, 0.01)
    until names_on_host() == "lo " or core.proc.clock() > deadline
    assert.equal("lo ", names_on_host())
  end)

  describe("that are given back", function()
    local BACK = { dev7 = { name = "lan0", give_back = true } }

    it("are the host's again as they were", function()
      local before = state_of_machine()
      local result = b:sh("ip link set lan0 down; ls /sys/class/net", config(BACK))
      assert.equal("lan0\nlo\n", result.out)
      assert.same(before, state_of_machine())
      assert.equal(0, host.sh("ping -c 1 -W 5 -I dev7 10.7.0.2").code)
    end)

    it("are a port of their bridge again", function()
      netns.bridge("br7")
      netns.ip("address flush dev dev7", "link set dev7 master br7")
      local before = state_of_machine()
      assert.equal(0, b:sh("true", config(BACK)).code)
      assert.same(before, state_of_machine())
      assert.truthy(host.sh("ip -o link show dev7").stdout:find("master br7", 1, true))
    end)

    it("are down again where they were", function()
      netns.ip("link set dev7 down")
      local before = netns.snapshot()
      assert.equal(0, b:sh("true", config(BACK)).code)
      assert.same(before, netns.snapshot())
    end)

    it("are found under whatever name the container gave them", function()
      local before = netns.snapshot()
      local admin = { "CAP_NET_ADMIN" }
      local result = b:sh("ip link set lan0 down; ip link set lan0 name mine; ls /sys/class/net",
        config(BACK, { capabilities = { bounding = admin, effective = admin, permitted = admin } }))
      assert.equal("lo\nmine\n", result.out)
      assert.same(before, netns.snapshot())
    end)

    it("are given back by another program", function()
      local before = netns.snapshot()
      local container = assert(b:create(config(BACK)))
      assert(container:start(ctr.process({ args = { "/bin/sleep", "1000" } })))
      assert.equal("far7 lo ", names_on_host())
      assert(b.factory:load(container:id()):destroy())
      container.init_process:wait(60)
      assert.same(before, netns.snapshot())
    end)

    it("are moved again by the next start of the container", function()
      local before = state_of_machine()
      local container = assert(b:create(config(BACK)))
      for _ = 1, 2 do
        assert.equal("lan0\nlo\n", b:run(container, "ls /sys/class/net").out)
      end
      assert(container:destroy())
      assert.same(before, state_of_machine())
    end)

    it("come back when the start fails at its end", function()
      local before = state_of_machine()
      local container = assert(b:create(config(BACK)))
      local ok = container:run(ctr.process({ args = { "/bin/nonesuch" } }))
      assert.is_nil(ok)
      assert.same(before.network, netns.snapshot())
      assert(container:destroy())
      assert.same(before, state_of_machine())
    end)

    it("stay with the container while their name on the host is taken", function()
      local container = assert(b:create(config(BACK)))
      assert.equal(0, b:run(container, "true").code)
      netns.ip("link add dev7 type bridge")
      local ok, err = container:destroy()
      assert.is_nil(ok)
      assert.same({ "SystemError", "EEXIST" }, { err.code, err.errno })
      assert.truthy(tostring(err):find("give back dev7", 1, true))
      netns.ip("link del dev7")
      assert(container:destroy())
      assert.equal("dev7 far7 lo ", names_on_host())
    end)
  end)
end)
