--- Lists that configurations are made from: libcontainer's, complete.
-- @module ctr.config.defaults

local M = {}

local function node(path, major, minor)
  return {
    type = "c",
    path = path,
    major = major,
    minor = minor,
    permissions = "rwm",
    file_mode = 438, -- 0666
    uid = 0,
    gid = 0,
  }
end

local function simple_devices()
  return {
    node("/dev/null", 1, 3),
    node("/dev/zero", 1, 5),
    node("/dev/full", 1, 7),
    node("/dev/tty", 5, 0),
    node("/dev/urandom", 1, 9),
    node("/dev/random", 1, 8),
  }
end

local function allowed_devices()
  local rules = {
    { type = "c", major = -1, minor = -1, permissions = "m" },
    { type = "b", major = -1, minor = -1, permissions = "m" },
    { type = "c", path = "/dev/console", major = 5, minor = 1, permissions = "rwm" },
    { type = "c", major = 136, minor = -1, permissions = "rwm" }, -- /dev/pts/*
    { type = "c", major = 5, minor = 2, permissions = "rwm" }, -- /dev/ptmx
    { type = "c", major = 10, minor = 200, permissions = "rwm" }, -- /dev/net/tun
  }
  for _, device in ipairs(simple_devices()) do
    rules[#rules + 1] = device
  end
  return rules
end

local CAPABILITIES = {
  "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
  "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

local function capabilities()
  return {
    bounding = { unpack(CAPABILITIES) }, effective = { unpack(CAPABILITIES) },
    permitted = { unpack(CAPABILITIES) }, inheritable = {}, ambient = {},
  }
end

--- What the root of an unprivileged container may do, as engines have it: Podman's list, which is
-- Docker's without raw sockets, device nodes and the audit log. Package managers, servers that
-- change to a user of their own and the like need it; none of it reaches out of the container's
-- namespaces.
-- @treturn table the five sets, which are the caller's to change
M.new_capabilities = capabilities

--- The same, for all to read.
M.capabilities = capabilities()

--- Devices without which few programs run.
M.simple_devices = simple_devices()

--- What the device cgroup lets a container use: libcontainer's DefaultAllowedDevices.
M.allowed_devices = allowed_devices()

--- The nodes that a container's `/dev` gets: libcontainer's DefaultAutoCreatedDevices.
M.auto_created_devices = simple_devices()

return M
