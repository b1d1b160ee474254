local box = require("specs.support.box")
local core = require("ctr.core")
local criu = require("specs.support.criu")
local host = require("specs.support.host")
local machine = require("specs.support.machine")

local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }

-- Images say by themselves what is mounted and who may do what: those of a container that had more
-- are what an attacker would write.
describe("a checkpoint of a container that had more", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b, data

  setup(function()
    b = criu.box()
    data = b.folder .. "/data"
    assert.equal(0, host.sh("mkdir " .. data).code)
  end)

  teardown(function()
    b:close()
  end)

  local function with_mounts(...)
    local mounts = { unpack(box.config(b.root).mounts) }
    for _, mount in ipairs({ ... }) do
      mounts[#mounts + 1] = mount
    end
    return { mounts = mounts }
  end

  -- Lies about what beside the images could be seen through before.
  local function forge(folder, changes)
    local file = assert(io.open(folder .. "/ctr.json"))
    local needs = core.json.decode(file:read("*a"))
    file:close()
    for key, value in pairs(changes or {}) do
      needs[key] = value
    end
    local text = core.json.encode(needs)
    file = assert(io.open(folder .. "/ctr.json", "w"))
    file:write(text)
    file:close()
  end

  local function state_of_machine()
    local found = machine.snapshot(box.PATTERN)
    found.descriptors = nil
    return found
  end

  local function refused(had, has, path, lies, fields)
    local container, client = criu.counter(b, had, nil, fields)
    local folder = criu.dump(b, container, client)
    assert(container:destroy())
    forge(folder, lies)
    local before = state_of_machine()
    container = assert(b:create(has))
    local ok, err = criu.restore(container, folder)
    assert.is_nil(ok)
    assert.equal(path, err.path, tostring(err))
    assert.equal("EPERM", err.errno)
    assert.equal("stopped", container:status())
    assert(container:destroy())
    container, client = nil, nil -- luacheck: ignore 311
    assert.same(before, state_of_machine())
  end

  it("does not get a folder of the host's to write to", function()
    refused(with_mounts({ source = data, destination = "/mnt", flags = { "bind" } }),
      with_mounts({ source = data, destination = "/mnt", flags = { "bind", "ro" } }), "mounts[4]")
  end)

  it("does not get one at another place, with something else in its own", function()
    refused(with_mounts({ source = data, destination = "/mnt", flags = { "bind" } },
      { source = "tmpfs", destination = "/data", device = "tmpfs", flags = { "ro" } }),
      with_mounts({ source = data, destination = "/data", flags = { "bind", "ro" } }), "mounts",
      { mounts = { { kind = "bind", destination = "/data", below = "", key = "/mnt",
        mountpoint = "/mnt", options = "rw,relatime" } } })
  end)

  it("does not get devices or programs of more rights by a folder of the host's", function()
    refused(with_mounts({ source = data, destination = "/mnt", flags = { "bind", "nosuid" } }),
      with_mounts({ source = data, destination = "/mnt", flags = { "bind", "nosuid", "nodev" } }),
      "mounts[4]")
  end)

  it("does not get a root to write to", function()
    refused({}, { readonlyfs = true }, "readonlyfs")
  end)

  it("does not see what is masked, nor write what is read-only", function()
    refused({}, { mask_paths = { "/proc/version" } }, "mask_paths[1]")
    refused({}, { mask_paths = { "/proc/acpi", "/proc/fs" } }, "mask_paths[1]")
    refused({}, { readonly_paths = { "/proc/sys" } }, "readonly_paths[1]")
  end)

  it("has no more capabilities", function()
    local chown, both = { "CAP_CHOWN" }, { "CAP_CHOWN", "CAP_SYS_ADMIN" }
    local had = { bounding = both, permitted = chown, effective = chown }
    local has = { bounding = chown, permitted = chown, effective = chown }
    refused({ capabilities = had }, { capabilities = has }, "capabilities.permitted")
    -- Of another user's process in no user namespace CRIU may not be let read the limits.
    local function staged(capabilities)
      return { capabilities = capabilities, uid_mappings = MAPPING, gid_mappings = MAPPING,
        namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" } }
    end
    refused(staged(had), staged(has), "capabilities.bounding", nil, { user = "daemon" })
  end)

  -- What the operator granted at exec the images cannot prove: they may be anybody's.
  it("has no more capabilities by a process that was added with some", function()
    local admin = { "CAP_NET_ADMIN" }
    local container, client = criu.counter(b)
    b:run(container, "(exec > /tmp/said 2>&1 < /dev/null; while :; do sleep 1000; done) & :",
      { init = false, capabilities = { bounding = admin, permitted = admin, effective = admin,
        inheritable = {}, ambient = {} } })
    local folder = criu.folder(b)
    local ok, warning = container:checkpoint({ images_directory = folder, leave_running = true })
    assert.is_true(ok)
    assert.equal("capabilities.permitted", warning.path)
    client:close()
    container:signal("SIGKILL", true)
    client.process:wait(60)
    assert(container:destroy())
    container, client = nil, nil -- luacheck: ignore 311
    local before = state_of_machine()
    local other = assert(b:create())
    local restored, err = criu.restore(other, folder)
    assert.is_nil(restored)
    assert.equal("capabilities.permitted", err.path)
    assert.equal("EPERM", err.errno)
    assert(other:destroy())
    other = nil -- luacheck: ignore 311
    assert.same(before, state_of_machine())
  end)

  it("may not gain privileges, nor do without a filter", function()
    refused({}, { no_new_privileges = true }, "no_new_privileges")
    refused({}, { seccomp = { default_action = "SCMP_ACT_ALLOW",
      syscalls = { { names = { "mount" }, action = "SCMP_ACT_ERRNO" } } } }, "seccomp")
  end)

  it("is not in the host's namespaces", function()
    local function lie(...)
      local list = {}
      for index, kind in ipairs({ ... }) do
        list[index] = { type = kind, is_joined = false }
      end
      return { namespaces = list }
    end
    refused({ namespaces = { "NEWNS", "NEWUTS", "NEWPID", "NEWNET" } }, {}, "namespaces[3]",
      lie("NEWNS", "NEWUTS", "NEWPID", "NEWNET", "NEWIPC"))
    local lies = lie("NEWNS", "NEWUTS", "NEWPID", "NEWNET", "NEWIPC", "NEWUSER")
    lies.uid_mappings, lies.gid_mappings = "0 100000 65536", "0 100000 65536"
    refused({}, { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" },
      uid_mappings = MAPPING, gid_mappings = MAPPING }, "namespaces[6]", lies)
  end)

  it("shows no file system that the configuration does not have", function()
    refused(with_mounts({ source = "debugfs", destination = "/mnt", device = "debugfs" }), {},
      "mounts")
  end)
end)
