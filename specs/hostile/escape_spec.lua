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
    local fields = { capabilities = CAPABILITIES, mask_paths = { "/proc/kcore", "/etc/hosts" },
      readonly_paths = { "/proc/sys" } }
    for key, value in pairs(changes) do
      fields[key] = value
    end
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
