local ffi = require("ffi")

local box = require("specs.support.box")
local core = require("ctr.core")
local host = require("specs.support.host")
local mountinfo = require("specs.support.mountinfo")

ffi.cdef("int mknod(const char *path, unsigned mode, unsigned long device);")

local S_IFSOCK = 0xC000
local PROC = { source = "proc", destination = "/proc", device = "proc" }
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local STAGED = { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
  uid_mappings = MAPPING, gid_mappings = MAPPING }
local WAYS = { ["in the lean namespace"] = {}, ["in a user namespace"] = STAGED }
local COMMAND = { { path = "/bin/true" } }

-- What every word of the OCI specification does to a new file system: what shows in the mount's
-- options, in the file system's, or in its propagation.
local OF_TMPFS = {
  async = { lacks = "sync" }, atime = { has = "relatime" }, defaults = { has = "rw" },
  dev = { lacks = "nodev" }, diratime = { lacks = "nodiratime" }, dirsync = { super = "dirsync" },
  exec = { lacks = "noexec" }, iversion = { has = "rw" }, lazytime = { super = "lazytime" },
  loud = { has = "rw" }, noatime = { has = "noatime" }, nodev = { has = "nodev" },
  nodiratime = { has = "nodiratime" }, noexec = { has = "noexec" }, noiversion = { has = "rw" },
  nolazytime = { lacks = "lazytime" }, norelatime = { has = "relatime" },
  nostrictatime = { has = "relatime" }, nosuid = { has = "nosuid" }, private = { tags = "^$" },
  relatime = { has = "relatime" }, ro = { has = "ro" }, rprivate = { tags = "^$" },
  rshared = { tags = "^shared:" }, rslave = { tags = "^$" }, runbindable = { tags = "^unbindable" },
  rw = { has = "rw" }, shared = { tags = "^shared:" }, silent = { has = "rw" },
  slave = { tags = "^$" }, strictatime = { lacks = "relatime" }, suid = { lacks = "nosuid" },
  sync = { super = "sync" }, unbindable = { tags = "^unbindable" },
  nosymfollow = { has = "nosymfollow" }, symfollow = { lacks = "nosymfollow" },
  nomand = { lacks = "mand" },
}

-- The same words do to a bind what the kernel can do; the others are refused.
local REFUSED_ON_BIND = { "sync", "async", "dirsync", "mand", "nomand", "lazytime", "nolazytime",
  "iversion", "noiversion", "acl", "noacl" }

describe("an option of a mount", function()
  local b, folder

  setup(function()
    b = box.new()
    folder = b.folder .. "/source"
    -- A user namespace's root makes no folder in a root that is the host's.
    host.sh(("mkdir -p R/data R/made && touch R/made/here"):gsub("R", b.root))
    host.sh(("mkdir -p F/sub && mount -t tmpfs x F && mkdir F/sub && echo hello > F/file"):gsub("F",
      folder))
  end)

  teardown(function()
    host.sh("umount -R " .. folder)
    b:close()
  end)

  local function try(script, mounts, changes)
    local config = { mounts = { PROC, unpack(mounts) } }
    for key, value in pairs(changes or {}) do
      config[key] = value
    end
    return assert(b:sh(script, config))
  end

  local function run(script, mounts, changes)
    local result = try(script, mounts, changes)
    assert.equal("", result.err)
    return result.out
  end

  local function mounted(mounts, changes)
    return mountinfo.parse(run("cat /proc/self/mountinfo", mounts, changes))
  end

  local function refused(mounts, changes)
    local config = { mounts = { PROC, unpack(mounts) } }
    for key, value in pairs(changes or {}) do
      config[key] = value
    end
    return b:refused(config)
  end

  local function tmpfs(flags, data, more)
    local mount = { source = "x", destination = "/data", device = "tmpfs", flags = flags,
      data = data }
    for key, value in pairs(more or {}) do
      mount[key] = value
    end
    return mount
  end

  local function check_word(found, row)
    if row.has then
      assert.is_true(found.options[row.has])
    end
    if row.super then
      assert.is_true(found.super[row.super])
    end
    if row.lacks then
      assert.is_nil(found.options[row.lacks])
      assert.is_nil(found.super[row.lacks])
    end
    if row.tags then
      assert.matches(row.tags, found.tags)
    end
  end

  for word, row in pairs(OF_TMPFS) do
    it(word .. " is known to a file system", function()
      check_word(mounted({ tmpfs({ word }) })["/data"], row)
    end)
  end

  for word, row in pairs(OF_TMPFS) do
    if not row.super and not row.tags then
      it(word .. " is known to a bind, or refused by it", function()
        local mount = { source = folder, destination = "/data", flags = { "bind", word } }
        local is_refused = false
        for _, name in ipairs(REFUSED_ON_BIND) do
          is_refused = is_refused or name == word
        end
        if is_refused then
          assert.equal("mounts[2].flags", refused({ mount }).path)
          return
        end
        check_word(mounted({ mount })["/data"], row)
      end)
    end
  end

  for _, word in ipairs(REFUSED_ON_BIND) do
    it(word .. " is refused by a bind, which has its source's", function()
      local err = refused({ { source = folder, destination = "/data", flags = { "bind", word } } })
      assert.equal("ConfigInvalid", err.code)
      assert.equal("mounts[2].flags", err.path)
      assert.matches(word, err.message, 1, true)
    end)
  end

  it("mand is refused where the kernel has no mandatory locks", function()
    local err = refused({ tmpfs({ "mand" }) })
    assert.equal("mounts[2].flags", err.path)
    assert.matches("no mandatory locks", err.message)
  end)

  it("acl is the file system's to know", function()
    local err = refused({ tmpfs({ "acl" }) })
    assert.equal("mounts[2]", err.path)
    assert.matches("acl", err.message)
  end)

  it("that nobody knows is no flag, but may be data", function()
    local err = refused({ tmpfs({ "nonesuch" }) })
    assert.equal("ConfigInvalid", err.code)
    assert.equal("mounts[2].flags[1]", err.path)
    err = refused({ tmpfs({}, "nonesuch") })
    assert.equal("SystemError", err.code)
    assert.equal("mounts[2]", err.path)
    assert.matches("nonesuch", err.message)
  end)

  it("with a value that the kernel cannot take is refused", function()
    local err = refused({ tmpfs({}, "mode=755,mpol=" .. ("x"):rep(256)) })
    assert.equal("ConfigInvalid", err.code)
    assert.equal("mounts[2].data", err.path)
  end)

  it("tmpcopyup fills a tmpfs, which may be read-only in the end", function()
    local result = try("cat /etc/group; touch /etc/new; stat -c %a /etc",
      { tmpfs({ "tmpcopyup", "ro" }, nil, { destination = "/etc" }) })
    assert.matches("root:x:0", result.out)
    assert.matches("\n755\n$", result.out)
    assert.matches("Read%-only file system", result.err)
  end)

  it("ro of /dev comes when its devices are there", function()
    local result = try("test -c /dev/null && echo x > /dev/null && touch /dev/new", {
      { source = "dev", destination = "/dev", device = "tmpfs", flags = { "ro", "nosuid" },
        data = "mode=755" } })
    assert.matches("^touch: /dev/new: Read%-only file system", result.err)
  end)

  describe("changes a file system by a remount", function()
    for way, changes in pairs(WAYS) do
      it("that was made before, " .. way, function()
        local found = mounted({ tmpfs({ "nosuid" }, "size=4m"),
          { destination = "/data", flags = { "remount", "sync", "lazytime", "noexec" },
            data = "size=1m" } }, changes)["/data"]
        assert.is_true(found.super.sync)
        assert.is_true(found.super.lazytime)
        assert.is_true(found.super["size=1024k"])
        assert.is_true(found.options.noexec)
        assert.is_true(found.options.nosuid)
        found = mounted({ tmpfs({ "sync", "lazytime" }),
          { destination = "/data", flags = { "remount", "async", "nolazytime" } } },
          changes)["/data"]
        assert.is_nil(found.super.sync)
        assert.is_nil(found.super.lazytime)
      end)
    end

    it("of the container's own namespaces", function()
      local found = mounted({ { destination = "/proc", flags = { "remount" },
        data = "hidepid=invisible" } })["/proc"]
      assert.is_true(found.super["hidepid=invisible"])
    end)

    it("with the file system's own words when it does not know it", function()
      local err = refused({ tmpfs({}), { destination = "/data", flags = { "remount" },
        data = "size=12Q" } })
      assert.equal("mounts[3]", err.path)
      assert.equal("EINVAL", err.errno)
      assert.matches("size=12Q", err.message)
    end)

    it("but none that others have", function()
      for _, mounts in ipairs({
        { { source = folder, destination = "/data", flags = { "bind" } } },
        { { source = "sysfs", destination = "/data", device = "sysfs" } },
        {},
      }) do
        table.insert(mounts, { destination = "/data", flags = { "remount", "sync" } })
        local err = refused(mounts)
        assert.equal("ConfigInvalid", err.code)
        assert.equal(("mounts[%d].flags"):format(#mounts + 1), err.path)
      end
      local shared = { { source = "proc", destination = "/proc", device = "proc" },
        { destination = "/proc", flags = { "remount" }, data = "hidepid=2" } }
      local err = refused(shared, { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWNET" } })
      assert.equal("mounts[3].data", err.path)
    end)
  end)

  describe("source", function()
    local places

    setup(function()
      places = { file = folder .. "/file", fifo = folder .. "/fifo", socket = folder .. "/socket",
        device = folder .. "/device" }
      host.sh(("mkfifo %s && mknod %s c 1 5"):format(places.fifo, places.device))
      assert(ffi.C.mknod(places.socket, S_IFSOCK + 438, 0) == 0)
      host.sh(("mkdir -m 700 F/secret && mkdir F/secret/in && echo found > F/secret/in/file")
        :gsub("F", folder))
    end)

    for kind, letter in pairs({ file = "f", fifo = "p", socket = "S", device = "c" }) do
      it("may be a " .. kind, function()
        local mount = { source = places[kind], destination = "/made/here", flags = { "bind" } }
        assert.equal("yes\n", run(("test -%s /made/here && echo yes"):format(letter), { mount }))
        assert.equal("yes\n", run(("test -%s /made/here && echo yes"):format(letter), { mount },
          STAGED))
      end)
    end

    it("may lie where the container's root may not go", function()
      local mount = { source = folder .. "/secret/in", destination = "/data", flags = { "bind" } }
      assert.equal("found\n", run("cat /data/file", { mount }, STAGED))
      mount.premount_cmds = COMMAND
      assert.equal("found\n", run("cat /data/file", { mount }, STAGED))
    end)

    it("on /proc has to be a procfs", function()
      local err = refused({ { source = folder, destination = "/proc", flags = { "bind" } } })
      assert.equal("mounts[2].source", err.path)
      assert.equal("yes\n", run("test -d /proc/1/fd && echo yes", { { source = "/proc",
        destination = "/proc", flags = { "rbind" } } }))
    end)
  end)

  describe("names paths of the host", function()
    local place

    setup(function()
      place = b.folder .. "/layers"
      host.sh((("mkdir -p P/low P/empty && echo low > P/low/low && mount -t tmpfs x P/empty && " ..
        "mkdir P/empty/u P/empty/w && echo up > P/empty/u/up"):gsub("P", place)))
    end)

    teardown(function()
      host.sh("umount " .. place .. "/empty")
    end)

    local function overlay(lower)
      return { source = "overlay", destination = "/data", device = "overlay", flags = { "nosuid" },
        data = ("lowerdir=%s,upperdir=P/empty/u,workdir=P/empty/w"):format(lower):gsub("P", place) }
    end

    for way, changes in pairs(WAYS) do
      it("for layers, " .. way, function()
        local out = run("echo $(ls /data); cat /proc/self/mountinfo", { overlay("P/low") }, changes)
        assert.matches("^low up\n", out)
        local found = mountinfo.parse(out:match("\n(.*)$"))["/data"]
        assert.equal("overlay", found.kind)
        assert.is_true(found.options.nosuid)
      end)
    end

    it("for layers, after a command that prepares them", function()
      local mount = overlay("P/new")
      mount.premount_cmds = { { path = "mkdir", args = { place .. "/new" } } }
      assert.equal("up\n", run("ls /data", { mount }))
    end)

    it("for more layers than one option can hold", function()
      local names = {}
      for index = 1, 20 do
        names[index] = ("%s/layer-number-%d"):format(place, index)
        host.sh(("mkdir %s && touch %s/%d"):format(names[index], names[index], index))
      end
      local mount = { source = "overlay", destination = "/data", device = "overlay",
        data = "lowerdir=" .. table.concat(names, ":") }
      local major, minor = host.sh("uname -r").stdout:match("^(%d+)%.(%d+)")
      if tonumber(major) * 1000 + tonumber(minor) < 6007 then
        assert.equal("mounts[2]", refused({ mount }).path)
        return
      end
      assert.equal("20\n", run("ls /data | wc -l", { mount }))
    end)

    it("and says which is not there", function()
      local err = refused({ overlay("P/gone") })
      assert.equal("mounts[2]", err.path)
      assert.matches("overlay", err.message)
    end)

    it("and says which device is not there, and which is none", function()
      local mount = { source = "/dev/nonesuch", destination = "/data", device = "ext4" }
      local err = refused({ mount })
      assert.equal("ConfigInvalid", err.code)
      assert.equal("mounts[2].source does not exist: /dev/nonesuch", tostring(err))
      mount.source = "/dev/null"
      err = refused({ mount })
      assert.equal("mounts[2]", err.path)
      assert.equal("ENOTBLK", err.errno)
    end)

    it("for a block device", function()
      local image = b.folder .. "/image"
      local made = host.sh(("truncate -s 4M I && mkfs.ext4 -q I && losetup -f --show I"):gsub("I",
        image))
      local device = made.stdout:match("(/dev/loop%d+)")
      if not device then
        pending("needs mkfs.ext4 and a free loop device: " .. made.stderr)
        return
      end
      local mount = { source = device, destination = "/data", device = "ext4",
        flags = { "ro", "noexec", "iversion" } }
      local ok, out = pcall(run, "ls /data; cat /proc/self/mountinfo", { mount })
      local also, staged = pcall(run, "ls /data", { mount }, STAGED)
      local after = host.sh("losetup -d " .. device)
      assert(ok, out)
      assert(also, staged)
      assert.equal(0, after.code, after.stderr)
      assert.matches("^lost%+found\n", out)
      local found = mountinfo.parse(out:match("\n(.*)$"))["/data"]
      assert.equal("ext4", found.kind)
      assert.is_true(found.options.ro)
      assert.equal(device, found.source)
    end)
  end)

  it("fd of fuse is a descriptor of the caller's", function()
    local handle = core.fd.open("/dev/fuse", { flags = { "rdwr" } })
    if not handle then
      pending("needs /dev/fuse")
      return
    end
    local found = mounted({ { source = "served", destination = "/data", device = "fuse.spec",
      flags = { "nosuid", "nodev" }, data = ("fd=%d,rootmode=40000,user_id=0,group_id=0")
        :format(handle:fd()) } })["/data"]
    handle:close()
    assert.equal("fuse.spec", found.kind)
    assert.equal("served", found.source)
    assert.is_true(found.options.nosuid)
  end)

  it("newinstance and others are a pseudo file system's own", function()
    for _, changes in pairs(WAYS) do
      local found = mounted({
        { source = "devpts", destination = "/dev/pts", device = "devpts",
          data = "newinstance,ptmxmode=0666,mode=0620" },
        { source = "sysfs", destination = "/sys", device = "sysfs", flags = { "ro" } },
        { source = "mqueue", destination = "/dev/mqueue", device = "mqueue", flags = { "nosuid" } },
        { source = "shm", destination = "/dev/shm", device = "tmpfs", data = "mode=1777,size=64k" },
      }, changes)
      assert.equal("devpts", found["/dev/pts"].kind)
      assert.is_true(found["/dev/pts"].super["ptmxmode=666"])
      assert.is_true(found["/sys"].options.ro)
      assert.equal("mqueue", found["/dev/mqueue"].kind)
      assert.is_true(found["/dev/shm"].super["size=64k"])
    end
  end)

  for _, kind in ipairs({ "securityfs", "bpf", "tracefs", "debugfs" }) do
    it("device may be " .. kind, function()
      if not host.sh("cat /proc/filesystems").stdout:find("\t" .. kind .. "\n", 1, true) then
        pending("the kernel has no " .. kind)
        return
      end
      local found = mounted({ { source = kind, destination = "/data", device = kind,
        flags = { "ro", "nosuid", "nodev", "noexec" } } })["/data"]
      assert.equal(kind, found.kind)
      assert.is_true(found.options.ro)
    end)
  end
end)
