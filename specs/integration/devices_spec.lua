local box = require("specs.support.box")
local ctr = require("ctr")
local host = require("specs.support.host")

local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local USERNS = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" }

describe("a device", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local function out(script, changes)
    local result = assert(b:sh(script, changes))
    assert.equal("", result.err)
    return (result.out:gsub("\n$", ""))
  end

  local function stat_of(device, changes)
    local config = { devices = { device } }
    for key, value in pairs(changes or {}) do
      config[key] = value
    end
    return out("stat -c '%F %t:%T %a %u:%g' " .. device.path, config)
  end

  it("is a character device, a block device or a pipe", function()
    assert.equal("character special file a:e5 640 3:4", stat_of({ type = "c", path = "/dev/fuse",
      major = 10, minor = 229, file_mode = "0640", uid = 3, gid = 4 }))
    assert.equal("character special file a:e5 666 0:0", stat_of({ type = "u", path = "/dev/fuse",
      major = 10, minor = 229 }))
    assert.equal("block special file 7:5 600 0:6", stat_of({ type = "b", path = "/dev/loop5",
      major = 7, minor = 5, file_mode = 384, gid = 6 }))
    assert.equal("fifo 0:0 622 0:0", stat_of({ type = "p", path = "/dev/initctl",
      file_mode = "0622" }))
  end)

  it("may have numbers above 255", function()
    assert.equal("block special file 103:12345 666 0:0", stat_of({ type = "b", path = "/dev/big",
      major = 259, minor = 74565 }))
  end)

  it("lies in folders that are made for it", function()
    assert.equal("character special file 1:3 666 0:0", stat_of({ type = "c",
      path = "/dev/a/b/null", major = 1, minor = 3 }))
    assert.equal("character special file 1:3 666 0:0", stat_of({ type = "c",
      path = "/opt/null", major = 1, minor = 3 }))
  end)

  it("keeps its mode whatever the umask of the container", function()
    assert.equal("fifo 0:0 666 0:0", stat_of({ type = "p", path = "/dev/fifo" }, { umask = 63 }))
  end)

  it("may be opened when the container's cgroup allows it", function()
    local devices = { { type = "c", path = "/dev/zero", major = 1, minor = 5 },
      { type = "c", path = "/dev/full", major = 1, minor = 7 } }
    local script = "for d in zero full; do (: < /dev/$d) 2>/dev/null && echo $d; done; true"
    assert.equal("zero", out(script, { devices = devices,
      cgroups = { parent = box.PARENT, devices = {
        { type = "a", permissions = "rwm", allow = false },
        { type = "a", permissions = "m", allow = true },
        { type = "c", major = 1, minor = 5, permissions = "rw", allow = true },
      } } }))
    assert.equal("zero\nfull", out(script, { devices = devices }))
  end)

  it("is made though the container's cgroup lets its programs make none", function()
    local result = assert(b:sh("ls /dev/zero && mknod /tmp/zero c 1 5", {
      capabilities = { bounding = { "CAP_MKNOD" }, effective = { "CAP_MKNOD" },
        permitted = { "CAP_MKNOD" }, inheritable = {}, ambient = {} },
      devices = { { type = "c", path = "/dev/zero", major = 1, minor = 5 } },
      cgroups = { parent = box.PARENT, allow_all_devices = false,
        allowed_devices = { { type = "c", major = 1, minor = 5, permissions = "rw" } } } }))
    assert.equal("/dev/zero\n", result.out)
    assert.matches("not permitted", result.err)
  end)

  it("is the host's own in a user namespace", function()
    local changes = { namespaces = USERNS, uid_mappings = MAPPING, gid_mappings = MAPPING }
    assert.equal("character special file 1:3 666 65534:65534", stat_of({ type = "c",
      path = "/dev/null", major = 1, minor = 3, file_mode = "0600" }, changes))
    assert.equal("fifo 0:0 600 7:8", stat_of({ type = "p", path = "/dev/fifo", file_mode = "0600",
      uid = 7, gid = 8 }, changes))
  end)

  it("that the host has not is named in a user namespace", function()
    local container = assert(b:create({ namespaces = USERNS, uid_mappings = MAPPING,
      gid_mappings = MAPPING,
      devices = { { type = "c", path = "/dev/nonesuch", major = 1, minor = 3 } } }))
    local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
    assert.is_nil(ok)
    assert.equal("devices[1]", err.path)
    assert.equal("ENOENT", err.errno)
  end)

  it("that the host has under other numbers is refused in a user namespace", function()
    local container = assert(b:create({ namespaces = USERNS, uid_mappings = MAPPING,
      gid_mappings = MAPPING,
      devices = { { type = "c", path = "/dev/null", major = 1, minor = 5 } } }))
    local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
    assert.is_nil(ok)
    assert.equal("devices[1]", err.path)
    assert.matches("1:5", tostring(err))
  end)

  it("gives way to a /dev of the host", function()
    host.sh(("mkdir -p F/dev && mknod F/dev/null c 1 3 && touch F/dev/own"):gsub("F", b.folder))
    assert.equal("null\nown", out("ls /dev", { mounts = {
      { source = b.folder .. "/dev", destination = "/dev", flags = { "bind", "ro" } } } }))
  end)

  it("shares /dev with the links that programs expect", function()
    assert.equal("/proc/kcore /proc/self/fd pts/ptmx /proc/self/fd/2 /proc/self/fd/0 "
      .. "/proc/self/fd/1", out("echo $(cd /dev; readlink core; readlink fd; readlink ptmx; "
      .. "readlink stderr; readlink stdin; readlink stdout)"))
  end)
end)
