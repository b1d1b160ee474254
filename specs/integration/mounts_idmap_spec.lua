local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local mountinfo = require("specs.support.mountinfo")

local PROC = { source = "proc", destination = "/proc", device = "proc" }
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local STAGED = { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
  uid_mappings = MAPPING, gid_mappings = MAPPING }
local USERS = { { container_id = 0, host_id = 1000, size = 10 },
  { container_id = 10, host_id = 5000, size = 90 } }
local GROUPS = { { container_id = 0, host_id = 2000, size = 100 } }
local OWN = { uid_mappings = USERS, gid_mappings = GROUPS }

describe("an id-mapped mount", function()
  local b, folder

  setup(function()
    b = box.new()
    folder = b.folder .. "/source"
    -- A user namespace's root makes no folder in a root that is the host's.
    host.sh(("mkdir -p R/data R/made && touch R/made/here"):gsub("R", b.root))
    host.sh(([[mkdir -p F && mount -t tmpfs top F && mkdir F/sub && mount -t tmpfs sub F/sub &&
      touch F/file F/sub/file && chown 5:6 F/file F/sub/file && touch F/far && chown 12:13 F/far &&
      touch F/alien && chown 70000:70000 F/alien]]):gsub("F", folder))
  end)

  teardown(function()
    host.sh("umount -R " .. folder)
    b:close()
  end)

  local function run(script, mount, changes)
    local config = { mounts = { PROC, mount } }
    for key, value in pairs(changes or {}) do
      config[key] = value
    end
    local result = assert(b:sh(script, config))
    assert.equal("", result.err)
    return result.out
  end

  local function refused(mount, changes)
    local config = { mounts = { PROC, mount } }
    for key, value in pairs(changes or {}) do
      config[key] = value
    end
    return b:refused(config)
  end

  local function bound(mapping, flags)
    return { source = folder, destination = "/data", flags = flags or { "rbind" },
      id_mapping = mapping }
  end

  local function owner(path)
    return (host.sh("stat -c %u:%g " .. path).stdout:gsub("%s", ""))
  end

  local OWNERS = "stat -c '%u:%g' /data/file /data/far /data/alien /data/sub/file"
  local OWNERS_OF_ONE = "stat -c '%u:%g' /data/file /data/far"

  it("shows the owners that its own mappings say, without a user namespace", function()
    assert.equal("1005:2006\n5002:2013\n65534:65534\n5:6\n", run(OWNERS, bound(OWN)))
  end)

  it("maps what is mounted below when it is recursive", function()
    local mapping = { recursive = true, uid_mappings = USERS, gid_mappings = GROUPS }
    assert.equal("1005:2006\n5002:2013\n65534:65534\n1005:2006\n", run(OWNERS, bound(mapping)))
    assert.equal("1005:2006\n5002:2013\n65534:65534\n1005:2006\n",
      run(OWNERS, bound(OWN, { "rbind", "ridmap" })))
  end)

  it("shows a user namespace the owners as they are on the disk", function()
    assert.equal("5:6\n12:13\n65534:65534\n65534:65534\n", run(OWNERS,
      bound(nil, { "rbind", "idmap" }), STAGED))
    assert.equal("5:6\n12:13\n65534:65534\n5:6\n", run(OWNERS,
      bound(nil, { "rbind", "ridmap" }), STAGED))
  end)

  it("shows them through both mappings when it has its own", function()
    local mapping = { uid_mappings = { { container_id = 0, host_id = 100100, size = 100 } },
      gid_mappings = { { container_id = 0, host_id = 100200, size = 100 } } }
    assert.matches("^105:206\n112:213\n", run(OWNERS, bound(mapping), STAGED))
  end)

  it("writes back what was mapped", function()
    local chown = { bounding = { "CAP_CHOWN" }, effective = { "CAP_CHOWN" },
      permitted = { "CAP_CHOWN" }, inheritable = {}, ambient = {} }
    run("touch /data/new && chown 3:4 /data/new", bound(nil, { "bind", "idmap" }), {
      capabilities = chown, namespaces = STAGED.namespaces, uid_mappings = MAPPING,
      gid_mappings = MAPPING })
    assert.equal("3:4", owner(folder .. "/new"))
    run("chown 1009:2001 /data/new", bound(OWN, { "bind" }), { capabilities = chown })
    assert.equal("9:1", owner(folder .. "/new"))
    host.sh("rm " .. folder .. "/new")
  end)

  it("says so in mountinfo, and keeps its other flags", function()
    local found = mountinfo.parse(run("cat /proc/self/mountinfo",
      bound(OWN, { "rbind", "ro", "rnosuid", "rslave" })))
    assert.same({ ro = true, nosuid = true, relatime = true, idmapped = true },
      found["/data"].options)
    assert.same({ rw = true, nosuid = true, relatime = true }, found["/data/sub"].options)
  end)

  it("takes the mappings of a user namespace by its path", function()
    local other, process = b:sleeper(STAGED)
    local mapping = { userns_path = ("/proc/%d/ns/user"):format(other.init_pid) }
    local shown = run(OWNERS_OF_ONE, bound(mapping))
    local joined = { { type = "NEWUSER", path = mapping.userns_path }, "NEWNS", "NEWPID" }
    local inside = run(OWNERS_OF_ONE, bound(nil, { "bind", "idmap" }), { namespaces = joined,
      hostname = "", networks = {}, uid_mappings = {}, gid_mappings = {} })
    b:finish(other, process)
    assert.matches("^100005:100006\n100012:100013\n", shown)
    assert.matches("^5:6\n12:13\n", inside)
  end)

  it("may be of what the container has mounted by then", function()
    local inner = bound(OWN)
    inner.source = b.root .. "/made"
    local script = "stat -c '%u:%g' /data/file /data/far /made/file"
    assert.equal("1005:2006\n5002:2013\n5:6\n", run(script, nil, { mounts = { PROC,
      { source = folder, destination = "/made", flags = { "bind" } }, inner } }))
  end)

  it("may be a single file", function()
    assert.equal("1005:2006\n", run("stat -c %u:%g /etc/hosts", { source = folder .. "/file",
      destination = "/etc/hosts", flags = { "bind" }, id_mapping = OWN }))
  end)

  it("may be a new file system", function()
    local mount = { source = "x", destination = "/data", device = "tmpfs", flags = { "idmap" } }
    assert.equal("0:0\n", run("touch /data/x && stat -c %u:%g /data/x", mount, STAGED))
  end)

  it("of a new file system takes over the mode and the content of its target", function()
    host.sh(("mkdir -p R/filled && chmod 1755 R/filled && touch R/filled/old && chown 100007 " ..
      "R/filled/old"):gsub("R", b.root))
    local mount = { source = "x", destination = "/filled", device = "tmpfs",
      flags = { "idmap", "tmpcopyup" } }
    local seen = run("stat -c %a /filled; stat -c %u /filled/old", mount, STAGED)
    host.sh("rm -r " .. b.root .. "/filled")
    assert.equal("1755\n7\n", seen)
  end)

  it("goes the way through a copied mount namespace as well", function()
    local mount = bound(nil, { "bind", "idmap" })
    mount.premount_cmds = { { path = "/bin/true" } }
    assert.equal("5:6\n12:13\n", run(OWNERS_OF_ONE, mount, STAGED))
  end)

  it("on a file system that cannot names that", function()
    local err = refused({ source = "/proc", destination = "/data", flags = { "bind" },
      id_mapping = OWN })
    assert.equal("mounts[2].id_mapping", err.path)
    assert.equal("EINVAL", err.errno)
    assert.matches("/proc (proc) cannot be id-mapped", tostring(err), 1, true)
  end)

  it("takes no path that is another kind of namespace", function()
    local err = refused(bound({ userns_path = "/proc/self/ns/net" }))
    assert.equal("mounts[2].id_mapping", err.path)
    assert.matches("of type NEWNET, not NEWUSER", tostring(err), 1, true)
    err = refused(bound({ userns_path = "/proc/1/nonesuch" }))
    assert.equal("mounts[2].id_mapping", err.path)
    assert.equal("ENOENT", err.errno)
  end)

  it("needs mappings from somewhere", function()
    local err = refused(bound(nil, { "bind", "idmap" }))
    assert.equal("ConfigInvalid", err.code)
    assert.equal("mounts[2].id_mapping", err.path)
  end)

  it("costs a process and a descriptor once for each set of mappings", function()
    run("true", bound(OWN))
    local before, spawn, spawned = machine.snapshot(box.PATTERN), core.proc.spawn, 0
    core.proc.spawn = function(options)
      spawned = spawned + 1
      return spawn(options)
    end
    run("true", bound(OWN))
    core.proc.spawn = spawn
    assert.equal(1, spawned)
    assert.same(before, machine.snapshot(box.PATTERN))
  end)

  it("leaves nothing open when the factory is closed", function()
    local before = host.open_fds()
    local factory = assert(ctr.new(b.folder .. "/other"))
    local container = assert(factory:create("mapped", box.config(b.root, {
      mounts = { PROC, bound(OWN) } })))
    local process = ctr.process({ args = { "/bin/true" } })
    assert(container:run(process))
    assert(process:wait(60))
    assert(container:destroy())
    factory:close()
    assert.equal(before, host.open_fds())
  end)
end)
