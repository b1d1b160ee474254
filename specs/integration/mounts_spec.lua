local box = require("specs.support.box")
local ctr = require("ctr")
local host = require("specs.support.host")
local mountinfo = require("specs.support.mountinfo")

local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local PROC = { source = "proc", destination = "/proc", device = "proc" }

local parse = mountinfo.parse

describe("a mount", function()
  local b, folder

  setup(function()
    b = box.new()
    folder = b.folder .. "/source"
    host.sh(("mkdir -p F/sub/deep F/empty && echo hello > F/file"):gsub("F", folder))
  end)

  teardown(function()
    b:close()
  end)

  local function run(script, mounts, changes)
    local config = { mounts = { PROC, unpack(mounts) } }
    for key, value in pairs(changes or {}) do
      config[key] = value
    end
    local result = assert(b:sh(script, config))
    assert.equal("", result.err)
    return result.out
  end

  local function mounted(mounts, changes)
    return parse(run("cat /proc/self/mountinfo", mounts, changes))
  end

  local function refused(mounts, changes)
    local config = { mounts = mounts }
    for key, value in pairs(changes or {}) do
      config[key] = value
    end
    return b:refused(config)
  end

  -- What the flag shows as, in the mount's own options.
  local SHOWN = {
    ro = "ro", rdonly = "ro", MS_RDONLY = "ro", rw = "rw", nosuid = "nosuid", MS_NOSUID = "nosuid",
    nodev = "nodev", noexec = "noexec", noatime = "noatime", nodiratime = "nodiratime",
    relatime = "relatime", nosymfollow = "nosymfollow",
  }

  for word, shown in pairs(SHOWN) do
    it("of a tmpfs has the flag " .. word, function()
      local found = mounted({ { source = "x", destination = "/data", device = "tmpfs",
        flags = { word } } })["/data"]
      assert.equal("tmpfs", found.kind)
      assert.equal("x", found.source)
      assert.is_true(found.options[shown])
    end)

    it("of a folder has the flag " .. word, function()
      local found = mounted({ { source = folder, destination = "/data",
        flags = { "bind", word } } })["/data"]
      assert.is_true(found.options[shown])
    end)
  end

  it("has no flag that nobody asked for", function()
    local found = mounted({ { source = "x", destination = "/data", device = "tmpfs" } })["/data"]
    assert.same({ rw = true, relatime = true }, found.options)
  end)

  it("with strictatime has no atime option", function()
    local mount = { source = "x", destination = "/data", device = "tmpfs",
      flags = { "strictatime" } }
    assert.same({ rw = true }, mounted({ mount })["/data"].options)
    mount = { source = folder, destination = "/data", flags = { "bind", "strictatime" } }
    assert.same({ rw = true }, mounted({ mount })["/data"].options)
  end)

  it("takes flags away from what the source has", function()
    host.sh(("mount --bind F F && mount -o remount,bind,nosuid,nodev,ro,noatime F"):gsub("F",
      folder))
    local mount = { source = folder, destination = "/data", flags = { "bind" } }
    local kept = mounted({ mount })["/data"].options
    mount.flags = { "bind", "suid", "rw", "atime" }
    local taken = mounted({ mount })["/data"].options
    host.sh("umount " .. folder)
    assert.same({ ro = true, nosuid = true, nodev = true, noatime = true }, kept)
    assert.same({ rw = true, nodev = true, relatime = true }, taken)
  end)

  it("gives the file system its options of sync, dirsync and lazytime", function()
    local found = mounted({ { source = "x", destination = "/data", device = "tmpfs",
      flags = { "sync", "dirsync", "lazytime" } } })["/data"]
    for _, option in ipairs({ "sync", "dirsync", "lazytime" }) do
      assert.is_true(found.super[option])
    end
  end)

  it("takes a flag as a number", function()
    local found = mounted({ { source = folder, destination = "/data",
      flags = 4096 + 1 + 2 } })["/data"] -- MS_BIND, MS_RDONLY, MS_NOSUID
    assert.is_true(found.options.ro)
    assert.is_true(found.options.nosuid)
  end)

  it("of a tmpfs shows the mode that it takes over", function()
    host.sh("mkdir -m 710 " .. b.root .. "/shut")
    local found = mounted({ { source = "x", destination = "/shut", device = "tmpfs" } })["/shut"]
    assert.is_true(found.super["mode=710"])
    assert.equal("710\n", run("stat -c %a /shut", { { source = "x", destination = "/shut",
      device = "tmpfs" } }))
    host.sh("rmdir " .. b.root .. "/shut")
  end)

  it("binds what the container has mounted by then, when its source is below the root", function()
    local inner = b.root .. "/mnt"
    local mounts = {
      { source = folder, destination = "/mnt", flags = { "bind" } },
      { source = folder .. "/sub", destination = "/mnt/empty", flags = { "bind" } },
      { source = inner, destination = b.root .. "/mnt/sub/deep", flags = { "rbind" } },
      { source = inner .. "/sub", destination = "/media", flags = { "rbind", "ro" } },
    }
    local script = "cd /media/deep; cat file; ls empty; touch file"
    for _, changes in ipairs({ {}, { uid_mappings = MAPPING,
      gid_mappings = MAPPING, namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET",
        "NEWUSER" } } }) do
      local config = { mounts = { PROC, unpack(mounts) } }
      for key, value in pairs(changes) do
        config[key] = value
      end
      assert.equal("hello\ndeep\n", assert(b:sh(script, config)).out)
    end
    local err = refused({ mounts[1], { source = inner .. "/none", destination = "/data",
      flags = { "bind" } } })
    assert.equal("mounts[2].source does not exist: /mnt/none", err.message)
  end)

  it("of what lies on the root's mount does not follow the host unless it is to", function()
    local other = b.folder .. "/other"
    assert.equal(0, host.sh(("mkdir -p O && mount --bind F F && mount --make-shared F && "
      .. "mount -t tmpfs o O && mount --make-shared O"):gsub("%f[%u][FO]%f[%U]", { F = b.folder,
      O = other })).code)
    local function followers(source, flags)
      local text = run("cat /proc/self/mountinfo", { { source = source, destination = "/data",
        flags = flags } })
      local found = {}
      for place in text:gmatch(" (/data%S*) %S+ master:") do
        found[#found + 1] = place
      end
      return found
    end
    local ok, err = pcall(function()
      assert.same({}, followers(folder, { "bind" }))
      assert.same({ "/data" }, followers(folder, { "bind", "rslave" }))
      assert.same({ "/data" }, followers(other, { "bind" }))
      assert.same({ "/data/other" }, followers(b.folder, { "rbind" }))
    end)
    host.sh(("umount %s; umount %s"):format(other, b.folder))
    assert(ok, err)
  end)

  it("hands data to the file system", function()
    local found = mounted({ { source = "x", destination = "/data", device = "tmpfs",
      data = "size=1m,,mode=0750,nr_inodes=77" } })["/data"]
    assert.is_true(found.super["size=1024k"])
    assert.is_true(found.super["mode=750"])
    assert.is_true(found.super["nr_inodes=77"])
  end)

  it("keeps a comma in quotes together, and takes the quotes off a context", function()
    local err = refused({ { source = "x", destination = "/data", device = "tmpfs",
      data = 'nonesuch="a,b",mode=755' } })
    assert.equal("mounts[1]", err.path)
    assert.matches('nonesuch', err.message)
    local step = ctr.plan(box.config(b.root, { mounts = { { source = "x", destination = "/data",
      device = "tmpfs", data = 'context="a,b",mode=755' } } }), { args = { "/bin/true" } })
    local found
    for _, row in ipairs(step) do
      found = found or (row.op == "mount" and row.strings[3] == "/data" and row)
    end
    assert.same({ "context=a,b", "mode=755" }, { unpack(found.strings, 4) })
  end)

  describe("of a host's path", function()
    it("may be a single file, whose target is made", function()
      assert.equal("hello\nhello\n", run("cat /new/deep/file; cat /etc/hosts", {
        { source = folder .. "/file", destination = "/new/deep/file", flags = { "bind", "ro" } },
        { source = folder .. "/file", destination = "/etc/hosts", flags = { "bind" } } }))
    end)

    it("may be a folder, whose target is made", function()
      assert.equal("empty file sub\n", run("echo $(ls /some/where/else)", {
        { source = folder, destination = "/some/where/else", device = "bind" } }))
    end)

    it("follows no link of the root out of it", function()
      host.sh(("ln -sfn / %s/out; ln -sfn /../../../tmp %s/up"):format(b.root, b.root))
      assert.equal("yes yes\n", run(
        "test -e /made/file && a=yes; test -e /tmp/made/file && b=yes; echo $a $b", {
          { source = folder, destination = "/out/made", flags = { "bind" } },
          { source = folder, destination = "/up/made", flags = { "bind" } } }))
      host.sh(("rm -r %s/out %s/up %s/made %s/tmp/made"):format(b.root, b.root, b.root, b.root))
    end)

    it("shows what is mounted below only when it is recursive", function()
      host.sh(("mount -t tmpfs x F/sub && touch F/sub/seen"):gsub("F", folder))
      local mount = { source = folder, destination = "/data", flags = { "rbind" } }
      local all = run("ls /data/sub", { mount })
      mount.flags = { "bind" }
      local one = run("ls /data/sub", { mount })
      local found = mounted({ { source = folder, destination = "/data",
        flags = { "rbind", "ro" } } })
      host.sh("umount " .. folder .. "/sub")
      assert.equal("seen\n", all)
      assert.equal("deep\n", one)
      -- As mount(2) has it: a remount changes the top alone.
      assert.is_true(found["/data"].options.ro)
      assert.is_true(found["/data/sub"].options.rw)
    end)

    it("that is not there is named", function()
      local err = refused({ { source = folder .. "/gone", destination = "/data",
        flags = { "bind" } } })
      assert.equal("ConfigInvalid", err.code)
      assert.equal("mounts[1].source", err.path)
      assert.equal("ENOENT", err.errno)
      assert.equal("mounts[1].source does not exist: " .. folder .. "/gone", tostring(err))
    end)

    it("that is a file goes on no folder, and a folder on no file", function()
      local err = refused({ { source = folder .. "/file", destination = "/etc",
        flags = { "bind" } } })
      assert.equal("mounts[1]", err.path)
      err = refused({ { source = folder, destination = "/etc/passwd", flags = { "bind" } } })
      assert.equal("mounts[1]", err.path)
      assert.equal("ENOTDIR", err.errno)
    end)

    it("takes no data, which the kernel would ignore", function()
      local err = refused({ { source = folder, destination = "/data", flags = { "bind" },
        data = "size=1m" } })
      assert.equal("ConfigInvalid", err.code)
      assert.equal("mounts[1].data", err.path)
    end)
  end)

  describe("that was made before", function()
    it("gets other flags by remount", function()
      local found = mounted({
        { source = "x", destination = "/data", device = "tmpfs", flags = { "nosuid" } },
        { destination = "/data", flags = { "remount", "ro", "noexec" } },
        { source = folder, destination = "/bound", flags = { "bind" } },
        { destination = "/bound", flags = { "remount", "bind", "ro", "nodev" } },
      })
      assert.is_true(found["/data"].options.ro)
      assert.is_true(found["/data"].options.noexec)
      assert.is_true(found["/bound"].options.ro)
      assert.is_true(found["/bound"].options.nodev)
    end)

    it("has to be there for a remount", function()
      local err = refused({ { destination = "/nonesuch", flags = { "remount", "ro" } } })
      assert.equal("mounts[1]", err.path)
      assert.equal("ENOENT", err.errno)
    end)
  end)

  describe("of a file system", function()
    it("that the kernel does not know is named", function()
      local err = refused({ { source = "x", destination = "/data", device = "nonesuchfs" } })
      assert.equal("mounts[1]", err.path)
      assert.equal("ENODEV", err.errno)
      assert.matches("nonesuchfs", tostring(err), 1, true)
    end)

    it("may be any of the kernel's", function()
      local found = mounted({
        { source = "sysfs", destination = "/sys", device = "sysfs",
          flags = { "ro", "nosuid", "noexec", "nodev" } },
        { source = "mqueue", destination = "/mq", device = "mqueue" },
        { source = "ramfs", destination = "/ram", device = "ramfs" },
      })
      assert.equal("sysfs", found["/sys"].kind)
      assert.is_true(found["/sys"].options.ro)
      assert.equal("mqueue", found["/mq"].kind)
      assert.equal("ramfs", found["/ram"].kind)
    end)

    it("copies up on a tmpfs alone", function()
      local err = refused({ { source = "x", destination = "/etc", device = "ramfs",
        extensions = { "copyup" } } })
      assert.equal("ConfigInvalid", err.code)
      assert.equal("mounts[1].extensions", err.path)
    end)

    it("of proc goes on a real folder alone", function()
      host.sh(("ln -sfn /tmp %s/link"):format(b.root))
      local err = refused({ { source = "proc", destination = "/link", device = "proc" } })
      assert.equal("mounts[1]", err.path)
      host.sh(("rm %s/link"):format(b.root))
    end)
  end)

  describe("spreads", function()
    local TAGS = { shared = "^shared:%d+$", private = "^$", unbindable = "^unbindable$" }

    for word, tag in pairs(TAGS) do
      it("as " .. word, function()
        local found = mounted({ { source = "x", destination = "/data", device = "tmpfs",
          flags = { word } } })
        assert.matches(tag, found["/data"].tags)
        found = mounted({ { source = folder, destination = "/data", flags = { "rbind" },
          propagation_flags = { "r" .. word } } })
        assert.matches(tag, found["/data"].tags)
      end)
    end

    for word, tag in pairs({ rshared = "^shared:%d+", rprivate = "^$", runbindable = "^unbindable$",
      rslave = "^master:%d+" }) do
      it(word .. " with all that is mounted below", function()
        host.sh(("mount --bind F F && mount -t tmpfs x F/sub && mount --make-rshared F"):gsub("F",
          folder))
        local found = mounted({ { source = folder, destination = "/data",
          flags = { "rbind", word } } }, { root_propagation = "private" })
        host.sh("umount -R " .. folder)
        assert.matches(tag, found["/data"].tags)
        assert.matches(tag, found["/data/sub"].tags)
      end)
    end

    it("so that a slave sees what the host mounts later, and a private one does not", function()
      host.sh(("mount --bind F F && mount --make-shared F"):gsub("F", folder))
      for _, row in ipairs({ { "rslave", true }, { "rprivate", false } }) do
        local container, process = b:sleeper({ mounts = { PROC, { source = folder,
          destination = "/data", flags = { "rbind", row[1] } } } })
        host.sh("mount -t tmpfs later " .. folder .. "/empty")
        local file = assert(io.open(("/proc/%d/mountinfo"):format(process:pid())))
        local found = parse(file:read("*a"))
        file:close()
        host.sh("umount " .. folder .. "/empty")
        b:finish(container, process)
        assert.equal(row[2], found["/data/empty"] ~= nil)
      end
      host.sh("umount " .. folder)
    end)

    it("as slave of the host's", function()
      host.sh(("mount --bind F F && mount --make-shared F"):gsub("F", folder))
      local found = mounted({ { source = folder, destination = "/data",
        flags = { "bind", "slave" } } }, { root_propagation = "private" })
      host.sh("umount " .. folder)
      assert.matches("^master:%d+", found["/data"].tags)
    end)
  end)
end)

describe("root_propagation", function()
  local b

  setup(function()
    b = box.new()
    host.sh(("mount --bind R R && mount --make-shared R"):gsub("R", b.root))
  end)

  teardown(function()
    host.sh("umount -l " .. b.root)
    b:close()
  end)

  local TAGS = {
    private = "^$", rprivate = "^$", slave = "^master:%d+", rslave = "^master:%d+",
    shared = "^shared:%d+", rshared = "^shared:%d+", unbindable = "^unbindable$",
    runbindable = "^unbindable$",
  }

  for word, tag in pairs(TAGS) do
    it(word .. " is that of the container's root", function()
      for _, extra in ipairs({ {}, { premount_cmds = { { path = "true" } } } }) do
        local proc = { source = "proc", destination = "/proc", device = "proc" }
        for key, value in pairs(extra) do
          proc[key] = value
        end
        local before = host.sh("cat /proc/self/mountinfo").stdout
        local result = assert(b:sh("cat /proc/self/mountinfo", {
          root_propagation = word, mounts = { proc } }))
        assert.matches(tag, parse(result.out)["/"].tags)
        -- The story: shared, the container's /proc and /dev appeared below the root on the host.
        assert.equal(before, host.sh("cat /proc/self/mountinfo").stdout)
      end
    end)
  end

  -- Of what is mounted below it nothing is said.
  it("is private when nothing is said, and what is mounted below it a slave", function()
    host.sh(("mount -t tmpfs x R/mnt && mount --make-shared R/mnt"):gsub("R", b.root))
    local result = assert(b:sh("cat /proc/self/mountinfo"))
    host.sh("umount " .. b.root .. "/mnt")
    local found = parse(result.out)
    assert.equal("", found["/"].tags)
    assert.matches("^master:%d+", found["/mnt"].tags)
  end)

  for _, word in ipairs({ "private", "slave", "shared", "rshared", "rslave" }) do
    it(word .. " leaves a bind of what is below it to the container alone", function()
      host.sh("mkdir -p " .. b.root .. "/opt/of")
      local set = { "CAP_SYS_ADMIN" }
      local result = assert(b:sh("mount -t tmpfs mine /data/of && cat /proc/self/mountinfo", {
        root_propagation = word,
        capabilities = { bounding = set, effective = set, permitted = set, inheritable = {},
          ambient = {} },
        mounts = { { source = "proc", destination = "/proc", device = "proc" },
          { source = b.root .. "/opt", destination = "/data", flags = { "bind" } } } }))
      assert.is_truthy(parse(result.out)["/data/of"], result.err)
      assert.is_nil(host.sh("cat /proc/self/mountinfo").stdout:find(" mine "))
    end)
  end
end)
