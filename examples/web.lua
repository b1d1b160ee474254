-- A web server, described. Run it as root:  lctr examples/web.lua
-- It serves its own root folder, on a network of its own, until it is told to end.

return container "web" {
  rootfs = "../build/rootfs",
  run = { "/bin/httpd", "-f", "-p", "127.0.0.1:8080", "-h", "/srv" },
  user = "daemon",
  env = { MODE = "production" },
  limits = { memory = "64M", cpus = 0.5, pids = 16 },
  readonlyfs = true,
  mounts = {
    bind(".", "/srv", "ro"),
    tmpfs("/tmp", { size = "16M" }),
  },
  network = { loopback() },
  on = {
    exit = function(c, status)
      log.info(c:id() .. " ended with " .. (status.code or status.signal))
    end,
  },
}
