local box = require("specs.support.box")
local core = require("ctr.core")
local host = require("specs.support.host")
local mountinfo = require("specs.support.mountinfo")

local PROC = { source = "proc", destination = "/proc", device = "proc" }
local USER = 4321
local ALL = 0x2000ff -- every attribute
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local STAGED = { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
  uid_mappings = MAPPING, gid_mappings = MAPPING }

-- For each word: what the source has beforehand, and what is there, and not there, in the end.
local WORDS = {
  rro = { before = "rw", has = "ro" },
  rrw = { before = "ro", has = "rw" },
  rnosuid = { before = "suid", has = "nosuid" },
  rsuid = { before = "nosuid", lacks = "nosuid" },
  rnodev = { before = "dev", has = "nodev" },
  rdev = { before = "nodev", lacks = "nodev" },
  rnoexec = { before = "exec", has = "noexec" },
  rexec = { before = "noexec", lacks = "noexec" },
  rnodiratime = { before = "diratime", has = "nodiratime" },
  rdiratime = { before = "nodiratime", lacks = "nodiratime" },
  rrelatime = { before = "noatime", has = "relatime" },
  rnorelatime = { before = "noatime", has = "relatime" },
  rnoatime = { before = "relatime", has = "noatime" },
  ratime = { before = "noatime", lacks = "noatime" },
  rstrictatime = { before = "noatime", lacks = "noatime" },
  rnostrictatime = { before = "strictatime", has = "relatime" },
  rnosymfollow = { before = "symfollow", has = "nosymfollow" },
  rsymfollow = { before = "nosymfollow", lacks = "nosymfollow" },
}

describe("a recursive attribute", function()
  local b, folder

  setup(function()
    b = box.new()
    folder = b.folder .. "/source"
    -- A user namespace's root makes no folder in a root that is the host's.
    host.sh(("mkdir -p R/data R/made && touch R/made/here"):gsub("R", b.root))
    host.sh(([[mkdir -p F && mount -t tmpfs top F && mkdir F/sub && mount -t tmpfs sub F/sub &&
      mkdir F/sub/deep && mount -t tmpfs deep F/sub/deep && touch F/sub/deep/file &&
      ln -s file F/sub/deep/link]]):gsub("F", folder))
  end)

  teardown(function()
    host.sh("umount -R " .. folder)
    b:close()
  end)

  local function prepare(option)
    for _, place in ipairs({ "", "/sub", "/sub/deep" }) do
      local result = host.sh(("mount -o remount,bind,%s %s%s"):format(option, folder, place))
      assert.equal(0, result.code, result.stderr)
    end
  end

  after_each(function()
    local handle = assert(core.path.open_root(folder))
    assert(core.mount.change(handle, { clear = ALL, recursive = true }))
    handle:close()
  end)

  local function run(script, mount, changes)
    local config = { mounts = { PROC, mount } }
    for key, value in pairs(changes or {}) do
      config[key] = value
    end
    return assert(b:sh(script, config))
  end

  local function mounted(mount, changes)
    return mountinfo.parse(run("cat /proc/self/mountinfo", mount, changes).out)
  end

  local function bound(flags, more)
    local mount = { source = folder, destination = "/data", flags = { "rbind", unpack(flags) } }
    for key, value in pairs(more or {}) do
      mount[key] = value
    end
    return mount
  end

  for _, way in ipairs({ { "in the lean namespace" }, { "in a user namespace", STAGED } }) do
    for word, row in pairs(WORDS) do
      it(("%s reaches all that is mounted below, %s"):format(word, way[1]), function()
        prepare(row.before)
        local found = mounted(bound({ word }), way[2])
        for _, place in ipairs({ "/data", "/data/sub", "/data/sub/deep" }) do
          if row.has then
            assert.is_true(found[place].options[row.has], place)
          else
            assert.is_nil(found[place].options[row.lacks], place)
          end
        end
      end)
    end
  end

  it("leaves the host's own mounts as they are", function()
    mounted(bound({ "rro", "rnoexec" }))
    local found = mountinfo.parse(host.sh("cat /proc/self/mountinfo").stdout)
    assert.is_true(found[folder .. "/sub"].options.rw)
    assert.is_nil(found[folder .. "/sub"].options.noexec)
  end)

  it("is enforced, not only shown", function()
    local result = run("touch /data/sub/deep/new; cat /data/sub/deep/link",
      bound({ "rro", "rnosymfollow" }))
    assert.matches("Read%-only file system", result.err)
    assert.matches("link': Too many levels of symbolic links", result.err)
  end)

  it("is the last word's", function()
    local found = mounted(bound({ "rro", "rnoatime", "rrw", "rstrictatime" }))
    assert.same({ rw = true }, found["/data/sub"].options)
  end)

  it("wins over the mount's own", function()
    local found = mounted(bound({ "ro", "rrw", "nosuid" }))
    assert.same({ rw = true, nosuid = true, relatime = true }, found["/data"].options)
    assert.same({ rw = true, relatime = true }, found["/data/sub"].options)
  end)

  it("may be given as libcontainer has it", function()
    local found = mounted(bound({}, { rec_attr = { Attr_set = 1 + 0x10, Attr_clr = 0,
      Propagation = 0, Userns_fd = 0 } }))
    assert.same({ ro = true, noatime = true }, found["/data/sub/deep"].options)
    found = mounted(bound({}, { rec_attr = { attr_set = { "ro", "nodev" },
      propagation = "unbindable" } }))
    assert.same({ ro = true, nodev = true, relatime = true }, found["/data/sub/deep"].options)
    assert.equal("unbindable", found["/data/sub/deep"].tags)
  end)

  it("goes with a bind of one mount alone, and with a new file system", function()
    local found = mounted({ source = folder, destination = "/data", flags = { "bind", "rro" } })
    assert.is_true(found["/data"].options.ro)
    assert.is_nil(found["/data/sub"])
    local result = run("touch /data/x; cat /proc/self/mountinfo", { source = "x",
      destination = "/data", device = "tmpfs", flags = { "rro", "rnoatime" } })
    assert.matches("Read%-only file system", result.err)
    assert.same({ ro = true, noatime = true }, mountinfo.parse(result.out)["/data"].options)
  end)

  it("changes what is there by a remount", function()
    local result = assert(b:sh("cat /proc/self/mountinfo", { mounts = { PROC, bound({}),
      { destination = "/data", flags = { "remount", "bind", "rro", "rnodev" } } } }))
    local found = mountinfo.parse(result.out)
    assert.same({ ro = true, nodev = true, relatime = true }, found["/data/sub/deep"].options)
  end)

  it("goes the way through a copied mount namespace as well", function()
    local found = mounted(bound({ "rro" }, { premount_cmds = { { path = "/bin/true" } } }))
    assert.is_true(found["/data"].options.ro)
    assert.is_true(found["/data/sub/deep"].options.ro)
  end)

  describe("without privilege", function()
    local project

    setup(function()
      project = b:library()
      host.sh(([[mkdir F/user && chown U:U F/user && chmod 755 F &&
        cp specs/support/user_mounts.lua F/library]]):gsub("%f[%u]%u%f[%U]",
        { F = b.folder, U = USER }))
    end)

    local function as_user(text)
      local path = b.folder .. "/user/mounts.lua"
      local file = assert(io.open(path, "w"))
      file:write(text)
      file:close()
      local result = assert(core.proc.run({
        path = "/usr/bin/setpriv", timeout = 60, env = { "PATH=/usr/bin:/bin" },
        args = { "setpriv", "--reuid", tostring(USER), "--regid", tostring(USER),
          "--clear-groups", "/usr/bin/luajit", project .. "/user_mounts.lua", project, b.root,
          b.folder .. "/user/state", path },
      }))
      assert.equal("", result.stderr)
      return result.stdout
    end

    local function bound_as_user(flags)
      return as_user(([[return { script = "cat /proc/self/mountinfo", mounts = {
        { source = %q, destination = "/data", flags = { "rbind", %q } } } }]]):format(folder,
        flags))
    end

    it("is set on the whole tree", function()
      local found = mountinfo.parse(bound_as_user("rro"))
      assert.is_true(found["/data"].options.ro)
      assert.is_true(found["/data/sub/deep"].options.ro)
    end)

    it("keeps what the host has locked when nothing is said of it", function()
      prepare("nosuid,nodev,ro")
      local found = mountinfo.parse(bound_as_user("noexec"))
      assert.same({ ro = true, nosuid = true, nodev = true, noexec = true, relatime = true },
        found["/data"].options)
    end)

    it("cannot be taken away where the host has locked it, and says so", function()
      prepare("ro,nosuid")
      local all, one = bound_as_user("rrw"), bound_as_user("suid")
      assert.matches("^mounts%[2%]|EPERM|.*cannot clear locked flags", all)
      assert.matches("^mounts%[2%]|EPERM|.*cannot clear locked flags", one)
    end)

    it("cannot be set on one mount of a tree alone, which would uncover what is below", function()
      local out = as_user(([[return { script = "true", mounts = { { source = %q,
        destination = "/data", flags = { "bind" } } } }]]):format(folder))
      assert.matches("^mounts%[2%]|EINVAL|.*has to be bound with what is mounted below it", out)
    end)

    it("names a source that is not there", function()
      local out = as_user([[return { script = "true", mounts = { { source = "/nonesuch/x",
        destination = "/data", flags = { "bind" } } } }]])
      assert.equal("mounts[2].source|ENOENT|mounts[2].source does not exist: /nonesuch/x\n", out)
    end)

    it("has no id-mapped mounts", function()
      local out = as_user(([[return { script = "true", mounts = { { source = %q,
        destination = "/data", flags = { "rbind", "ridmap" } } } }]]):format(folder))
      assert.equal("mounts[2].id_mapping|nil|mounts[2].id_mapping needs privilege\n", out)
    end)

    it("shows its cgroups read-only, with a cgroup namespace and without", function()
      for _, namespace in ipairs({ "{}", '{ "NEWCGROUP" }' }) do
        local out = as_user(([[return { namespaces = %s, mounts = {
          { source = "sys", destination = "/sys", device = "tmpfs" },
          { source = "cgroup", destination = "/sys/fs/cgroup", device = "cgroup" } },
          script = "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do touch $d/cgroup.procs; " ..
            "mkdir $d/x; done; ls /sys/fs/cgroup" }]]):format(namespace))
        assert.not_matches("Permission denied", out)
        assert.matches("mkdir: can't create directory '/sys/fs/cgroup/pids/x': Read%-only", out)
        assert.matches("\npids\n", out)
      end
    end)

    it("has no writable cgroups without a cgroup namespace: CVE-2023-25809", function()
      local out = as_user([[return { script = "true", mounts = { { source = "cgroup",
        destination = "/sys/fs/cgroup", device = "cgroup", flags = { "rw" } } } }]])
      assert.matches("^mounts%[2%]%.flags|nil|", out)
    end)
  end)
end)
