-- A server goes from one host to another while somebody talks to it. The other host is a network
-- namespace, with a bridge of its own and a cable to the machine's. As root, with CRIU:
--
--     ip netns add west
--     ip -n west link set lo up
--     ip link add br0 type bridge
--     ip link set br0 up
--     ip -n west link add br0 type bridge
--     ip -n west link set br0 up
--     ip link add cable type veth peer name cable netns west
--     ip link set cable master br0 up
--     ip -n west link set cable master br0 up
--     lctr examples/migration.lua [ROOTFS [CRIU]]
--
-- Between two machines the other end is `ctr.receive_migration` in a program there: see
-- docs/guide/migrate.md.

local ctr = require("ctr")
local core = require("ctr.core")

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local rootfs = assert(core.path.realpath(arg[1] or here .. "/../build/rootfs"))

-- Each host has a state root of its own.
local east = assert(ctr.new("/run/ctr-east", { criu_path = arg[2] }))
local west = assert(ctr.new("/run/ctr-west", { criu_path = arg[2] }))

local function describe(name, address, script)
  local description = assert(ctr.container(name) {
    rootfs = rootfs,
    run = { "/bin/sh", "-c", script },
  })
  description.config.networks = { { type = "loopback" },
    { type = "veth", bridge = "br0", address = address } }
  return description
end

local function start(factory, description)
  local container = assert(factory:create(description.config.hostname, description.config))
  local process = ctr.process(description.process)
  local io = assert(process:initialize_io())
  assert(container:run(process))
  return process, io, container
end

-- It counts the words of one connection.
local first, _, server = start(east, describe("server", "10.0.0.2/24", [[
  exec nc -l -p 7000 -e sh -c 'while read word; do n=$((n+1)); echo $n $word; done']]))
local talker, talk, client = start(east, describe("client", "10.0.0.3/24",
  "until nc 10.0.0.2 7000; do usleep 10000; done"))

local function say(word)
  talk.stdin:write(word .. "\n")
  print(talk.stdout:read("*l"))
end

say("before")
local report, err = ctr.migrate(server, {
  factory = west,
  network_namespace = "/run/netns/west",
  directory = "/run/ctr-west",
  -- Both hosts are one machine: the cgroup has to be another.
  config = function(config)
    config.cgroups.path = "/ctr-server-west"
    return config
  end,
}, {
  tcp_established = true,
  progress = function(info) print("  " .. info.phase) end,
})
if report then
  print(("  moved: %s, %d round(s), stopped for less than %d seconds"):format(report.method,
    #report.rounds, math.ceil(report.down_time)))
else
  print("  it stayed: " .. tostring(err))
end
say("after")

talk.stdin:close() -- the client ends, and so the server
talker:wait()
assert(client:destroy())
first:wait()
if report then
  report.process:wait()
  assert(report.container:destroy())
else
  assert(server:destroy())
end
east:close()
west:close()
