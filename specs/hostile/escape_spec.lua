local box = require("specs.support.box")
local core = require("ctr.core")
local host = require("specs.support.host")

-- To mount, to enter namespaces and to chroot: a container that has these on the host's own user
-- namespace is no boundary for everything, but by these alone nobody gets out.
local SET = { "CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE", "CAP_SETUID", "CAP_SETGID" }
local CAPABILITIES = { bounding = SET, effective = SET, permitted = SET, inheritable = {},
  ambient = {} }
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local NAMESPACES = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" }
local PROC = { source = "proc", destination = "/proc", device = "proc" }
local TMP = { source = "tmpfs", destination = "/tmp", device = "tmpfs" }

local AT_ONCE = "the host's namespace, left at once"
local WAYS = {
  [AT_ONCE] = { mounts = { PROC, TMP } },
  ["the lean namespace"] = { mounts = { PROC, TMP } },
  ["a user namespace"] = { mounts = { PROC, TMP }, namespaces = NAMESPACES,
    uid_mappings = MAPPING, gid_mappings = MAPPING },
  ["a copy of the host's namespace"] = { mounts = { PROC, { source = "tmpfs",
    destination = "/tmp", device = "tmpfs", premount_cmds = { { path = "/bin/true" } } } } },
  ["a copy and a user namespace"] = { mounts = { PROC, { source = "tmpfs", destination = "/tmp",
    device = "tmpfs", premount_cmds = { { path = "/bin/true" } } } }, namespaces = NAMESPACES,
    uid_mappings = MAPPING, gid_mappings = MAPPING },
  ["a read-only root"] = { mounts = { PROC, TMP }, readonlyfs = true },
}

-- What a container has that differs from the box's, the capabilities among it.
local function able(changes, fields)
  fields = fields or {}
  fields.capabilities = CAPABILITIES
  for key, value in pairs(changes) do
    fields[key] = value
  end
  return fields
end

describe("a container that may mount and chroot", function()
  local b, marker

  setup(function()
    b = box.new()
    marker = b.folder .. "/marker"
    local file = assert(io.open(marker, "w"))
    file:close()
    local built = host.sh("musl-gcc -static -D_GNU_SOURCE -O1 -o " .. b.root
      .. "/escape specs/support/escape.c")
    assert.equal(0, built.code, built.stderr)
  end)

  teardown(function()
    b:close()
  end)

  local function attack(changes)
    local fields = able(changes, { mask_paths = { "/proc/kcore", "/etc/hosts" },
      readonly_paths = { "/proc/sys" } })
    local mounts = io.open("/proc/self/mountinfo"):read("*a")
    local result = assert(b:sh("", fields, { args = { "/escape", marker,
      tostring(core.proc.getpid()) } }))
    assert.equal(mounts, io.open("/proc/self/mountinfo"):read("*a"))
    return result
  end

  for way, changes in pairs(WAYS) do
    it("finds no way out of " .. way, function()
      b.factory.host.starts_once = way == AT_ONCE
      local result = attack(changes)
      assert.same({ "done\n", "", 0 }, { result.out, result.err, result.code })
    end)
  end

  -- The tool itself finds both where they are: in the host's view, of which it gets a copy.
  it("would be found out", function()
    local result = host.sh(("unshare --mount --propagation private %s/escape %s %d"):format(b.root,
      marker, core.proc.getpid()))
    assert.matches("enter the own namespace: " .. marker:gsub("%p", "%%%0"), result.stdout)
    assert.matches("a process of the host", result.stdout)
  end)
end)

-- As systemd has them. What the story is: a bind kept the group of its source, and so what was
-- mounted over a device in a user namespace was over the host's.
describe("a container that may mount, where the host's mounts are shared,", function()
  local b, folder

  setup(function()
    b = box.new()
    folder = b.folder .. "/shared"
    local made = host.sh(("mkdir -p F/sub && mount --bind F F && mount --make-rshared /"):gsub("F",
      folder))
    assert.equal(0, made.code, made.stderr)
  end)

  teardown(function()
    host.sh("mount --make-rprivate / && umount " .. folder)
    b:close()
  end)

  local function mount_over(script, changes)
    local fields = able(changes)
    local before = host.sh("cat /proc/self/mountinfo").stdout
    local result = assert(b:sh(script, fields))
    assert.equal("0\n", result.out, result.err)
    local after = host.sh("cat /proc/self/mountinfo").stdout
    for _, name in ipairs({ "/dev/null", "/dev/tty", folder .. "/sub" }) do
      host.sh("umount " .. name) -- or the machine would not be what it was
    end
    assert.equal(before, after)
  end

  local OVER_DEVICES = "mount -o bind /etc/passwd /dev/tty && mount -o bind /etc/passwd /dev/null; "
    .. "echo $?"

  it("mounts over no device of the host's from a user namespace", function()
    mount_over(OVER_DEVICES, { namespaces = NAMESPACES, uid_mappings = MAPPING,
      gid_mappings = MAPPING })
  end)

  it("mounts over no device of the host's that masks a path", function()
    host.sh("echo x > " .. b.root .. "/etc/masked")
    mount_over("mount -o bind /etc/passwd /etc/masked; echo $?",
      { devices = {}, mounts = { PROC }, mask_paths = { "/etc/masked" } })
  end)

  for _, word in ipairs({ "private", "slave", "shared", "rshared", "rslave", "rprivate" }) do
    it("mounts below no folder of the host's from a user namespace, the root being " .. word,
      function()
        for _, flags in ipairs({ { "bind" }, { "rbind" }, { "rbind", "rshared" } }) do
          mount_over("mount -t tmpfs x /mnt/sub; echo $?", { namespaces = NAMESPACES,
            uid_mappings = MAPPING, gid_mappings = MAPPING, root_propagation = word,
            mounts = { PROC, { source = folder, destination = "/mnt", flags = flags } } })
        end
      end)
  end
end)
