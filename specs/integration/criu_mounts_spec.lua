local box = require("specs.support.box")
local criu = require("specs.support.criu")
local host = require("specs.support.host")
local machine = require("specs.support.machine")

local PROC = { source = "proc", destination = "/proc", device = "proc" }
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local STAGED = { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
  uid_mappings = MAPPING, gid_mappings = MAPPING }

describe("a restored container", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b, data

  setup(function()
    b = criu.box()
    data = b.folder .. "/data"
    assert.equal(0, host.sh(("mkdir -p %s/below && echo text > %s/file && echo one > %s/single"
      .. " && mount -t tmpfs below %s/below && echo deep > %s/below/deep"):format(data, data, data,
      data, data)).code)
  end)

  teardown(function()
    host.sh(("umount %s/below"):format(data))
    b:close()
  end)

  -- Runs a script in a container before and after, and returns what it said.
  local function through(changes, script, options)
    local container, client = criu.counter(b, changes)
    local before = b:run(container, script, { init = false })
    local folder = criu.dump(b, container, client, options)
    assert(container:destroy())
    container = assert(b:create(changes))
    client = assert(criu.restore(container, folder, options))
    local after = b:run(container, script, { init = false })
    assert.equal("1 x", client:ask("x"))
    assert.equal(0, client:finish().code)
    assert(container:destroy())
    assert.equal(before.err, after.err)
    return before.out, after.out
  end

  local function with_mounts(...)
    local mounts = { unpack(box.config(b.root).mounts) }
    for _, mount in ipairs({ ... }) do
      mounts[#mounts + 1] = mount
    end
    return { mounts = mounts }
  end

  -- Mount ids and numbers of devices are others.
  local MOUNTS = "while read a b c root place flags rest; do echo $place ${flags#rw,}; done "
    .. "< /proc/1/mountinfo | sort"

  it("shows the host's folders and files that it had", function()
    local before, after = through(with_mounts(
      { source = data, destination = "/data", flags = { "rbind", "ro" } },
      { source = data .. "/single", destination = "/mnt/one", flags = { "bind", "nosuid" } }
    ), "cat /data/file /data/below/deep /mnt/one; echo x 2>&- >> /data/file && echo written; "
      .. MOUNTS)
    assert.matches("^text\ndeep\none\n", before)
    assert.is_nil(before:find("written", 1, true))
    assert.equal(before, after)
  end)

  it("has a bind that is wider than its root, where the host's mounts are shared", function()
    host.sh("mount --make-rshared /")
    local before, after = through(with_mounts(
      { source = b.folder, destination = "/mnt", flags = { "bind", "ro" } }
    ), "cat /mnt/data/file; " .. MOUNTS)
    host.sh("mount --make-rprivate /")
    assert.matches("^text\n", before)
    assert.equal(before, after)
  end)

  it("has a mount within another one, where its place is gone from there", function()
    local outer, inner = b.folder .. "/outer", b.folder .. "/inner"
    host.sh(("mkdir %s %s && echo text > %s/file"):format(outer, inner, inner))
    local changes = with_mounts({ source = outer, destination = "/mnt", flags = { "bind" } },
      { source = inner, destination = "/mnt/for/inner", flags = { "bind" } })
    local container, client = criu.counter(b, changes)
    local folder = criu.dump(b, container, client)
    assert(container:destroy())
    assert.equal(0, host.sh("rm -r " .. outer .. "/for").code)
    container = assert(b:create(changes))
    client = assert(criu.restore(container, folder))
    assert.equal("text\n", b:run(container, "cat /mnt/for/inner/file", { init = false }).out)
    assert.equal(0, client:finish().code)
    assert(container:destroy())
  end)

  it("has what was in its own memory file systems", function()
    local container, client = criu.counter(b, with_mounts(
      { source = "tmpfs", destination = "/tmp", device = "tmpfs", data = "mode=1777,size=1m" }),
      "echo kept > /tmp/file; mknod /dev/node c 1 3; chmod 600 /tmp/file")
    client:ask("x")
    local folder = criu.dump(b, container, client)
    client = assert(criu.restore(container, folder))
    local seen = b:run(container, "cat /tmp/file; stat -c %a /tmp/file; ls -l /dev/null; "
      .. "echo x > /dev/null; df -k /tmp | tail -n 1", { init = false })
    assert.matches("^kept\n600\ncrw%-rw%-rw%-", seen.out)
    assert.matches("\n%S+ +1024 ", seen.out)
    client:finish()
    assert(container:destroy())
  end)

  it("has its masked and read-only paths", function()
    local changes = { mask_paths = { "/proc/version", "/proc/acpi", "/etc/hosts", "/nothing" },
      readonly_paths = { "/proc/sys", "/proc/bus" } }
    local before, after = through(changes, "wc -c < /proc/version; wc -c < /etc/hosts; "
      .. "ls /proc/acpi; (echo 1 > /proc/sys/vm/swappiness) 2>&1; " .. MOUNTS)
    assert.matches("^0\n0\n", before)
    assert.matches("Read%-only file system", before)
    assert.equal(before, after)
  end)

  it("has a read-only root", function()
    local before, after = through({ readonlyfs = true }, "(echo x > /file) 2>&1; " .. MOUNTS)
    assert.matches("Read%-only file system", before)
    assert.equal(before, after)
  end)

  it("sees its cgroups, and no others", function()
    local script = "ls /sys/fs/cgroup | head -n 3; find /sys/fs/cgroup -name cgroup.procs | sort; "
      .. MOUNTS
    local before, after = through(with_mounts(
      { source = "sysfs", destination = "/sys", device = "sysfs", flags = { "ro" } },
      { source = "cgroup", destination = "/sys/fs/cgroup", device = "cgroup" }), script)
    assert.is_true(#before > 100)
    assert.equal(before, after)
  end)

  it("is root of its user namespace alone", function()
    local before, after = through(STAGED, "cat /proc/1/uid_map; id -u; ls -ln /dev/null; "
      .. "echo x > /dev/null; ls -lnd / /proc/1; " .. MOUNTS)
    assert.matches("100000 +65536\n0\n", before)
    assert.equal(before, after)
  end)

  -- runc writes no ctr.json, and knows the same names of what comes from outside.
  it("is restored of what another runtime took down", function()
    local changes = with_mounts(
      { source = data .. "/single", destination = "/mnt/one", flags = { "bind", "ro" } },
      { source = "sysfs", destination = "/sys", device = "sysfs", flags = { "ro" } },
      { source = "cgroup", destination = "/sys/fs/cgroup", device = "cgroup" })
    changes.mask_paths = { "/proc/version" }
    local container, client = criu.counter(b, changes)
    local folder = criu.dump(b, container, client)
    assert(os.remove(folder .. "/ctr.json"))
    client = assert(criu.restore(container, folder))
    assert.equal("1 a", client:ask("a"))
    local seen = b:run(container, "cat /mnt/one; wc -c < /proc/version; "
      .. "find /sys/fs/cgroup -name cgroup.procs | grep -c .", { init = false })
    assert.matches("^one\n0\n[1-9]", seen.out)
    client:finish()
    assert(os.remove(folder .. "/inventory.img"))
    local ok, err = criu.restore(container, folder)
    assert.is_nil(ok)
    assert.matches("there is no whole checkpoint in", tostring(err), 1, true)
    assert(container:destroy())
  end)

  it("is not made of one that binds its own mounts, which then goes on", function()
    local container, client = criu.counter(b, with_mounts(
      { source = data, destination = "/data", flags = { "bind" } },
      { source = b.root .. "/data", destination = "/mnt", flags = { "bind" } }))
    local ok, err = container:checkpoint({ images_directory = b.folder .. "/own" })
    assert.is_nil(ok)
    assert.equal("mounts[5].source", err.path)
    assert.equal("1 a", client:ask("a"))
    client:finish()
    assert(container:destroy())
  end)

  it("lacks nothing silently that the checkpoint needs", function()
    local changes = with_mounts({ source = data, destination = "/data", flags = { "bind" } })
    local container, client = criu.counter(b, changes)
    local folder = criu.dump(b, container, client)
    assert(container:destroy())
    local cases = {
      { { mounts = { PROC } }, "ConfigInvalid", "a bind mount on /data" },
      { with_mounts({ source = data .. "/gone", destination = "/data", flags = { "bind" } }),
        "ConfigInvalid", "mounts[4].source does not exist: " .. data .. "/gone" },
      { STAGED, "ConfigInvalid", "no user namespace of its own" },
    }
    for _, case in ipairs(cases) do
      local before = machine.snapshot(box.PATTERN)
      local other = assert(b:create(case[1]))
      local ok, err = criu.restore(other, folder)
      assert.is_nil(ok)
      assert.equal(case[2], err.code)
      assert.matches(case[3], tostring(err), 1, true)
      assert.equal("stopped", other:status())
      assert(other:destroy())
      other = nil -- luacheck: ignore 311
      assert.same(before, machine.snapshot(box.PATTERN))
    end
  end)
end)
