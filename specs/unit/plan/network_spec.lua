local planner = require("ctr.plan")
local schema = require("ctr.config.schema")

local function plan(changes)
  local fields = { rootfs = "/srv/root", namespaces = { "NEWNS", "NEWPID", "NEWNET" } }
  for key, value in pairs(changes) do
    fields[key] = value
  end
  local config = assert(schema.parse(fields))
  local process = assert(schema.parse_process({ args = { "/bin/true" } }))
  return planner.start(config, planner.merge(config, process), {
    user = { uid = 0, gid = 0, groups = {}, home = "/" }, can_setgroups = true,
  })
end

local function rows(steps)
  local found = {}
  for _, row in ipairs(steps:to_table()) do
    if row.op:find("^net_") then
      found[#found + 1] = ("%s %s|%s|%s"):format(row.op, row.text, row.path, row.by or "")
    end
  end
  return found
end

local function position(steps, op)
  for index, step in ipairs(steps) do
    if step.op == op then
      return index
    end
  end
end

describe("ctr.plan.network", function()
  it("has no step for a loopback", function()
    local steps = plan({ networks = { { type = "loopback" } } })
    assert.same({}, rows(steps))
    assert.is_number(position(steps, "link_up"))
  end)

  it("shows what the library makes while the bootstrap waits", function()
    assert.same({
      "net_sync a socket of the network namespace|config.networks[2]|",
      "net_veth eth0 10.0.0.2/24 via 10.0.0.1 fd00::2/64 via fd00::1 on br0"
        .. "|config.networks[2]|parent",
      "net_veth lan0|config.networks[3]|parent",
      'net_device ens4 → eth1|config.net_devices["ens4"]|parent',
      'net_device ens5 (given back)|config.net_devices["ens5"]|parent',
      "net_route default via 10.0.0.9|config.routes[1]|parent",
      "net_route 10.5.0.0/16 dev lan0 src 10.0.0.2|config.routes[2]|parent",
    }, rows(plan({
      networks = {
        { type = "loopback" },
        { type = "veth", bridge = "br0", address = "10.0.0.2/24", gateway = "10.0.0.1",
          ipv6_address = "fd00::2/64", ipv6_gateway = "fd00::1" },
        { type = "veth", name = "lan0" },
      },
      net_devices = { ens5 = { give_back = true }, ens4 = { name = "eth1" } },
      routes = {
        { destination = "default", gateway = "10.0.0.9" },
        { destination = "10.5.0.0/16", interface_name = "lan0", source = "10.0.0.2" },
      },
    })))
  end)

  it("is after the loopback, and before all that may look at the network", function()
    local steps = plan({
      networks = { { type = "loopback" }, { type = "veth" } },
      sysctl = { ["net.ipv4.conf.eth0.forwarding"] = "1" },
    })
    assert.is_true(position(steps, "link_up") < position(steps, "net_sync"))
    assert.is_true(position(steps, "net_sync") < position(steps, "root_attach"))
    assert.is_true(position(steps, "net_sync") < position(steps, "sysctl"))
  end)

  it("names what the socket is for", function()
    assert.equal("routes", plan({ routes = { { destination = "10.0.0.0/8",
      gateway = "10.0.0.1" } } })[position(plan({ routes = { { destination = "10.0.0.0/8",
      gateway = "10.0.0.1" } } }), "net_sync")].path)
    local steps = plan({ net_devices = { ens4 = {} } })
    assert.equal("net_devices", steps[position(steps, "net_sync")].path)
    assert.is_nil(position(plan({ net_devices = {}, routes = {} }), "net_sync"))
  end)
end)
