local command = require("specs.support.command")
local core = require("ctr.core")
local describe_module = require("ctr.describe")
local import = require("ctr.describe.import")
local members = require("specs.support.oci_members")
local oci = require("ctr.oci")
local piece = require("ctr.describe.piece")
local schema = require("ctr.config.schema")

local ROOT = { uid = 0, gid = 0, has_ipv4 = true }

-- What the order of does not matter.
local function settled(config, process)
  for _, key in ipairs({ "labels", "mask_paths", "readonly_paths" }) do
    table.sort(config[key])
  end
  local first = config.cgroups.devices[1]
  if first and first.type == "a" and not first.allow then
    table.remove(config.cgroups.devices, 1) -- every list begins with that
  end
  table.sort(config.namespaces, function(one, other) return one.type < other.type end)
  table.sort(config.cgroups.devices, function(one, other)
    return core.json.encode(one) < core.json.encode(other)
  end)
  return { config = config, process = process }
end

local function meaning(document, bundle)
  local config, process = oci.config(document, { bundle = bundle })
  assert(config, tostring(process))
  local fields = process and assert(schema.parse_process(process))
  return settled(assert(schema.parse(config)), fields or false)
end

-- Imports a document, and has the description make one again.
local function round(document)
  local seccomp = document.linux.seccomp
  if seccomp and seccomp.flags then
    core.json.array(seccomp.flags)
  end
  local folder, remove = command.folder({
    ["config.json"] = assert(oci.encode(document)), ["rootfs/x"] = "",
  })
  local text, err = import.text(folder, { identity = ROOT, name = "web" })
  assert(text, tostring(err))
  local file = assert(io.open(folder .. "/web.lua", "w"))
  file:write(text)
  file:close()
  local list, problem = describe_module.load(folder .. "/web.lua", { identity = ROOT })
  assert(list, text .. tostring(problem))
  local process = list[1].process
  if (process.user or "") == "" then
    process.user = "0:0" -- as `lctr spec --from` has it
  end
  local again = assert(oci.spec(list[1].config, process))
  if list[1].oci then
    again = piece.patched(again, list[1].oci)
  end
  local before = meaning(assert(oci.load(folder)), folder)
  assert.same(before, meaning(assert(core.json.decode(assert(oci.encode(again)))), folder))
  remove()
  return text, again
end

local MOUNTS = {
  { destination = "/proc", type = "proc", source = "proc", options = { "nosuid", "noexec",
    "nodev" } },
  { destination = "/dev", type = "tmpfs", source = "tmpfs", options = { "nosuid", "noexec",
    "strictatime", "mode=755", "size=65536k" } },
  { destination = "/sys", type = "sysfs", source = "sysfs", options = { "nosuid", "noexec",
    "nodev", "ro" } },
  { destination = "/dev/pts", type = "devpts", source = "devpts", options = { "nosuid", "noexec",
    "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
  { destination = "/dev/mqueue", type = "mqueue", source = "mqueue", options = { "nosuid",
    "noexec", "nodev" } },
  { destination = "/etc/hosts", type = "bind", source = "/var/lib/x/hosts", options = { "bind",
    "rprivate" } },
  { destination = "/dev/shm", type = "bind", source = "/var/lib/x/shm", options = { "bind",
    "rprivate", "nosuid", "noexec", "nodev" } },
  { destination = "/sys/fs/cgroup", type = "cgroup", source = "cgroup", options = { "rprivate",
    "nosuid", "noexec", "nodev", "relatime", "ro" } },
}

-- What engines and other runtimes write.
local function engine_document()
  local caps = { "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
    "CAP_NET_BIND_SERVICE", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
    "CAP_SYS_CHROOT" }
  return {
    ociVersion = "1.0.2-dev", hostname = "0123456789ab", mounts = MOUNTS,
    root = { path = "rootfs", readonly = false },
    process = { terminal = false, user = { uid = 0, gid = 0, umask = 18,
      additionalGids = { 0, 10 } }, args = { "httpd-foreground" }, cwd = "/usr/local/apache2",
      env = { "PATH=/usr/local/bin:/bin", "TERM=xterm", "container=podman", "HOME=/root" },
      capabilities = { bounding = caps, effective = caps, permitted = caps },
      rlimits = { { type = "RLIMIT_NPROC", hard = 4194304, soft = 4194304 } },
      oomScoreAdj = 0, noNewPrivileges = false, apparmorProfile = "containers-default-0.57" },
    annotations = { ["io.podman.annotations.autoremove"] = "FALSE",
      ["org.opencontainers.image.stopSignal"] = "28" },
    hooks = { prestart = core.json.array({}),
      poststop = { { path = "/usr/bin/clean", args = { "clean", "x" } } } },
    linux = {
      uidMappings = core.json.array({}), cgroupsPath = "/libpod_parent/libpod-x",
      resources = { devices = { { allow = false, access = "rwm" } }, pids = { limit = 2048 },
        memory = { limit = 536870912, swap = 1073741824, kernel = 7 } },
      namespaces = { { type = "pid" }, { type = "network", path = "/run/netns/x" },
        { type = "ipc" }, { type = "uts" }, { type = "mount" }, { type = "cgroup" } },
      seccomp = { defaultAction = "SCMP_ACT_ERRNO", defaultErrnoRet = 38, architectures = {
        "SCMP_ARCH_X86_64", "SCMP_ARCH_X86" }, syscalls = { { names = { "read", "execve" },
        action = "SCMP_ACT_ALLOW" }, { names = { "personality" }, action = "SCMP_ACT_ALLOW",
        args = { { index = 0, value = 0, op = "SCMP_CMP_EQ" } } } } },
      sysctl = { ["net.ipv4.ping_group_range"] = "0 0" },
      maskedPaths = { "/proc/acpi", "/proc/kcore", "/proc/keys" },
      readonlyPaths = { "/proc/sys", "/proc/bus" },
    },
  }
end

describe("ctr.describe.import", function()
  it("makes little of what `lctr spec` writes", function()
    local text = round(oci.default())
    assert.truthy(text:find('  run = { "sh" },\n', 1, true), text)
    assert.is_nil(text:find("oci = ", 1, true), text)
    assert.is_true(#text < 1500, text)
  end)

  it("brings an engine's document back as what it was", function()
    local text = round(engine_document())
    assert.truthy(text:find('limits = { memory = "512M", pids = 2048 }', 1, true), text)
    assert.truthy(text:find("oci = { linux = { resources = { memory = { kernel = 7 } } } }", 1,
      true), text)
  end)

  it("keeps what nothing here knows, and what has no effect", function()
    local document = engine_document()
    document.windows = { layerFolders = { "a" } }
    document["x-odd"] = { { a = 1 }, false }
    document.process.user.username = "x"
    document.process.capabilities.ambient = { "CAP_KILL" }
    document.mounts = { { destination = "/a", type = "bind", source = "/usr",
      options = { "rbind", "sync" }, ["x-more"] = "y" } }
    local _, again = round(document)
    assert.same({ layerFolders = { "a" } }, again.windows)
    assert.same({ { a = 1 }, false }, again["x-odd"])
    assert.equal("x", again.process.user.username)
    assert.same({ "CAP_KILL" }, again.process.capabilities.ambient)
    assert.same({ "rbind", "sync" }, again.mounts[1].options)
    assert.equal("y", again.mounts[1]["x-more"])
  end)

  it("takes the configuration from the document's own member", function()
    local document = engine_document()
    document.ctr = { no_new_keyring = true, process = { oom_score_adj = 3 } }
    local text = round(document)
    assert.truthy(text:find("no_new_keyring = true", 1, true), text)
  end)

  for _, row in ipairs(members.list) do
    it("brings back " .. row[1] .. " = " .. core.json.encode({ row[2] }):sub(2, 50), function()
      round(members.document(row[1], row[2]))
    end)
  end

  it("calls the container as its folder is called", function()
    local folder, remove = command.folder({ ["config.json"] = assert(oci.encode(oci.default())) })
    assert.equal(("return container %q {"):format(folder:match("[^/]*$")),
      assert(import.text(folder .. "/", { identity = ROOT })):match("^[^\n]*"))
    remove()
  end)

  it("says what is wrong with a bundle", function()
    local text, err = import.text("/nowhere")
    assert.is_nil(text)
    assert.truthy(tostring(err):find("config.json is missing", 1, true))
    local folder, remove = command.folder({ ["config.json"] = '{"ociVersion": "1.0.0"}' })
    text, err = import.text(folder)
    remove()
    assert.is_nil(text)
    assert.equal("root", err.path)
  end)
end)
