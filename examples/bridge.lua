-- A web server with an address of its own, behind a bridge of the host's. As root:
--
--     ip link add br0 address 02:c0:00:00:00:01 type bridge
--     ip address add 10.0.0.1/24 dev br0
--     ip address add fd00::1/64 dev br0 nodad
--     ip link set br0 up
--     lctr examples/bridge.lua &
--     wget -O - http://10.0.0.2:8080/bridge.lua
--
-- Other containers reach it there, too, and it reaches whatever the host forwards to.

return container "bridge" {
  rootfs = "../build/rootfs",
  run = { "/bin/httpd", "-f", "-p", "8080", "-h", "/srv" },
  user = "daemon",
  limits = { memory = "64M", pids = 16 },
  readonlyfs = true,
  mounts = { bind(".", "/srv", "ro") },
  network = {
    veth {
      bridge = "br0",
      address = "10.0.0.2/24", gateway = "10.0.0.1",
      ipv6_address = "fd00::2/64", ipv6_gateway = "fd00::1",
    },
  },
  on = {
    exit = function(c, status)
      log.info(c:id() .. " ended with " .. (status.code or status.signal))
    end,
  },
}
