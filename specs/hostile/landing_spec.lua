local attack = require("specs.support.attack")
local box = require("specs.support.box")
local ctr = require("ctr")
local host = require("specs.support.host")

local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local USERNS = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" }
local PROC = { source = "proc", destination = "/proc", device = "proc" }
local DEV = { source = "tmpfs", destination = "/dev", device = "tmpfs" }
local DISK = { type = "b", path = "/dev/disk", major = 7, minor = 200 }
local COMMANDS = { { path = "/bin/true" } }

-- Where a mount, a device or the root itself lands is what the configuration says, whatever the
-- image has in the way.
describe("a link in the root", function()
  local b, volume

  before_each(function()
    b = box.new()
    volume = b.folder .. "/volume"
    host.sh(("mkdir %s && echo kept > %s/file"):format(volume, volume))
  end)

  after_each(function()
    b:close()
  end)

  local function link(name, text)
    host.sh(("rm -rf F && mkdir -p $(dirname F) && ln -s T F"):gsub("%f[%u][FT]%f[%U]",
      { F = b.root .. "/" .. name, T = text }))
  end

  local function volume_at(path)
    return { source = volume, destination = path, flags = { "bind" } }
  end

  local function fails(changes, path)
    local before = attack.look(volume)
    local container = assert(b:create(changes))
    local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
    assert.is_nil(ok)
    assert.equal(path, err.path)
    assert.equal("ELOOP", err.errno)
    assert(container:destroy())
    assert.equal(before, attack.look(volume))
  end

  -- The nodes of the container, a disk's too, were made in the host's folder that the link had
  -- brought over /dev.
  it("leads no volume over /dev, where devices are made", function()
    link("data", "/dev")
    fails({ mounts = { PROC, DEV, volume_at("/data") }, devices = { DISK } }, "mounts[3]")
    fails({ mounts = { PROC, volume_at("/data") }, devices = { DISK } }, "mounts[2]")
    link("data", "../../dev/.")
    fails({ mounts = { PROC, volume_at("/data") } }, "mounts[2]")
    link("up", "/")
    fails({ mounts = { PROC, volume_at("/up/dev") } }, "mounts[2]")
    fails({ mounts = { PROC, volume_at("/up/dev") }, namespaces = USERNS, uid_mappings = MAPPING,
      gid_mappings = MAPPING }, "mounts[2]")
  end)

  it("leads no mount into /proc", function()
    for _, target in ipairs({ "/proc/self/attr", "/proc/sys", "/proc" }) do
      link("data", target)
      fails({ mounts = { PROC, volume_at("/data") } }, "mounts[2]")
      fails({ mounts = { PROC, { source = "tmpfs", destination = "/data", device = "tmpfs",
        premount_cmds = COMMANDS } } }, "mounts[2]")
    end
    link("data", "/proc/uptime")
    fails({ mounts = { PROC, { source = volume .. "/file", destination = "/data",
      flags = { "bind" } } } }, "mounts[2]")
  end)

  -- What is mounted over the root itself is not seen by anybody: the volume would be missing.
  it("leads no mount over the root", function()
    link("data", "/")
    local container = assert(b:create({ mounts = { PROC, volume_at("/data") } }))
    local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
    assert.is_nil(ok)
    assert.same({ "mounts[2]", "ESTALE" }, { err.path, err.errno })
  end)

  -- CVE-2019-19921, CVE-2023-27561, CVE-2025-54867.
  it("is no place for proc and sysfs", function()
    local sys = { source = "sysfs", destination = "/sys", device = "sysfs" }
    for _, target in ipairs({ "srv", "/srv", "/nonesuch", "." }) do
      link("proc", target)
      fails({ mounts = { PROC } }, "mounts[1]")
      link("sys", target)
      fails({ mounts = { sys } }, "mounts[1]")
    end
  end)

  -- A name of the host's, found in the host's file, would have been as good as the container's.
  it("leads nobody to the users of the host", function()
    host.sh(("echo victim:x:7:7::/:/bin/sh > %s/passwd"):format(b.folder))
    for _, text in ipairs({ b.folder .. "/passwd", "../../../../../.." .. b.folder .. "/passwd",
      "/proc/1/root" .. b.folder .. "/passwd" }) do
      link("etc/passwd", text)
      local container = assert(b:create({ mounts = { PROC } }))
      local ok, err = container:run(ctr.process({ args = { "/bin/true" }, user = "victim" }))
      assert.is_nil(ok)
      assert.same({ "ConfigInvalid", "process.user" }, { err.code, err.path })
      assert(container:destroy())
    end
  end)

  it("leads no device into a volume", function()
    link("opt", "/srv")
    fails({ mounts = { PROC, volume_at("/srv") }, devices = { { type = "b", path = "/opt/disk",
      major = 7, minor = 200 } } }, "devices[1]")
  end)

  it("leads a mount to where else it says, below the root", function()
    link("var/run", "/srv/run")
    local result = assert(b:sh("cat /srv/run/file; touch /var/run/new", { mounts = { PROC,
      volume_at("/var/run") } }))
    assert.same({ "kept\n", "", 0 }, { result.out, result.err, result.code })
    assert.equal(0, host.sh("test -f " .. volume .. "/new").code)
  end)
end)

describe("a /proc that is none", function()
  -- CVE-2019-16884: an image's volume on /proc, with what programs and runtimes look for in it.
  it("is refused where it is bound", function()
    local b = box.new()
    local fake = b.folder .. "/fake"
    host.sh(("mkdir -p F/self/attr F/self/fd F/sys/kernel && touch F/self/attr/exec F/self/fd/9")
      :gsub("F", fake))
    -- The library opens the source, or the bootstrap in a copy of the host's namespace.
    for _, case in ipairs({ { {} }, { { namespaces = USERNS, uid_mappings = MAPPING,
      gid_mappings = MAPPING } }, { {}, COMMANDS } }) do
      local changes, commands = unpack(case)
      local before = attack.look(fake)
      changes.mounts = { { source = fake, destination = "/proc", flags = { "bind" },
        premount_cmds = commands } }
      local container = assert(b:create(changes))
      local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
      assert.is_nil(ok)
      assert.matches("^mounts%[1%]", err.path)
      assert.equal(before, attack.look(fake))
    end
    b:close()
  end)

  it("is what programs see, and does not mislead the library", function()
    -- The root's own /proc is a folder of the image: nothing is mounted on it at all.
    local b = box.new()
    host.sh(("mkdir -p F/proc/self/fd F/proc/self/attr F/proc/1/root F/proc/sys/kernel && "
      .. "echo 1 > F/proc/sys/kernel/shmmni && ln -s / F/proc/self/fd/9"):gsub("F", b.root))
    local before = attack.look(b.root .. "/proc")
    local result = assert(b:sh("cat /proc/sys/kernel/shmmni; ls -l /proc/self/fd/", { mounts = {},
      sysctl = { ["kernel.shmmni"] = 77 }, oom_score_adj = 5 }))
    assert.equal(0, result.code)
    assert.matches("^1\n", result.out)
    assert.equal(before, attack.look(b.root .. "/proc"))
    b:close()
  end)
end)

describe("a root", function()
  -- The path was looked at when the container was created; a link there led to all of the host.
  it("in whose place a link stands by now starts nothing", function()
    local b = box.new()
    local script = ("mv F F.old && ln -s / F"):gsub("F", b.root)
    local back = ("rm F && mv F.old F"):gsub("F", b.root)
    for _, mount in ipairs({ PROC, { source = "proc", destination = "/proc", device = "proc",
      premount_cmds = COMMANDS } }) do
      for _, mode in ipairs({ "run", "start" }) do
        local container = assert(b:create({ mounts = { mount } }))
        host.sh(script)
        local ok, err = container[mode](container, ctr.process({ args = { "/bin/true" } }))
        host.sh(back)
        assert.is_nil(ok)
        assert.equal("rootfs", err.path)
        assert(container:destroy())
      end
    end
    b:close()
  end)

  it("whose folder is deleted starts nothing", function()
    local b = box.new()
    local container = assert(b:create())
    host.sh(("mv %s %s.old"):format(b.root, b.root))
    local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
    assert.is_nil(ok)
    assert.same({ "rootfs", "ENOENT" }, { err.path, err.errno })
    assert(container:destroy())
    b:close()
  end)
end)
