local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local mountinfo = require("specs.support.mountinfo")
local support = require("specs.support.cgroups")

local PROC = { source = "proc", destination = "/proc", device = "proc" }
local SYS = { source = "sysfs", destination = "/sys", device = "sysfs", flags = { "ro" } }
local CGROUP = { source = "cgroup", destination = "/sys/fs/cgroup", device = "cgroup" }
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local SHARED = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET" }
local OWN = { "NEWCGROUP", unpack(SHARED) }
local UNIFIED = "/sys/fs/cgroup/unified"
-- Else a controller cannot be in a hierarchy of v1.
local IS_V1 = support.read("/sys/fs/cgroup/pids/cgroup.procs") ~= nil
local V2 = "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup"

if core.proc.ids().euid ~= 0 then
  describe("a cgroup mount", function()
    pending("needs root")
  end)
  return
end

local function merged(changes, namespaces)
  local all = { namespaces = namespaces, mounts = { PROC, SYS, CGROUP } }
  for key, value in pairs(changes or {}) do
    all[key] = value
  end
  return all
end

-- Layouts that the machine does not have are shown to a process in a mount namespace of its own.
describe("a cgroup mount in another layout", function()
  local PRELUDE = [[
    package.path, package.cpath = %q, %q
    local box = require("specs.support.box")
    local b = box.new()
    local function run(script, mount, namespaces)
      local ok, result, err = pcall(b.sh, b, script, { namespaces = namespaces, mounts = {
        { source = "proc", destination = "/proc", device = "proc" },
        { source = "sys", destination = "/sys", device = "tmpfs" }, mount } })
      if ok and result then
        io.write(result.out, result.err)
      else
        print(tostring(err or result))
      end
    end
    local CGROUP = { source = "cgroup", destination = "/sys/fs/cgroup", device = "cgroup" }
    local CGROUP2 = { source = "cgroup", destination = "/sys/fs/cgroup", device = "cgroup2" }
    local SHARED = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET" }
    local OWN = { "NEWCGROUP", unpack(SHARED) }
  ]]

  local function inside(command, code)
    local result = assert(core.proc.run({
      path = "/usr/bin/unshare", timeout = 60, env = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin" },
      args = { "unshare", "--mount", "--propagation", "private", "/bin/sh", "-c",
        command .. " && exec luajit -" },
      stdin = PRELUDE:format(package.path, package.cpath) .. code .. "\nb:close()",
    }))
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
    return result.stdout
  end

  it("of cgroup2 alone is the container's own directory", function()
    local script = "grep -c cgroup /proc/self/mountinfo; cat /sys/fs/cgroup/cgroup.procs | " ..
      "head -n 1; mkdir /sys/fs/cgroup/x; ls -d /sys/fs/cgroup/*/ 2>/dev/null; " ..
      "sed -n 's/.* \\(.*\\) .sys.fs.cgroup .*/\\1/p' /proc/self/mountinfo"
    local out = inside(V2, ("run(%q, CGROUP, SHARED); run(%q, CGROUP, OWN); " ..
      "run(%q, CGROUP2, OWN)"):format(script, script, script))
    local expected = "1\n1\n%s\nmkdir: can't create directory '/sys/fs/cgroup/x': " ..
      "Read-only file system\n"
    local first, others = out:match("^(.-file system\n)(.*)$")
    assert.matches("^1\n1\n" .. box.PATTERN:gsub("%d+$", "%%d+") .. "/box%-1\n", first)
    assert.equal(expected:format("/"):rep(2), others)
  end)

  it("of cgroup2 belongs to a user namespace's root where that may write it", function()
    local out = inside(V2, [[
      local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
      local function staged(flags, namespaces)
        local script = "cd /sys/fs/cgroup; mkdir a b && echo $$ > a/cgroup.procs && " ..
          "cat a/cgroup.procs | head -n 1; stat -c '%n %u %g' . cgroup.procs cgroup.max.depth"
        local ok, result, err = pcall(b.sh, b, script, { namespaces = { "NEWUSER",
          unpack(namespaces) }, uid_mappings = MAPPING, gid_mappings = MAPPING, mounts = {
            { source = "proc", destination = "/proc", device = "proc" },
            { source = "sys", destination = "/sys", device = "tmpfs" },
            { source = "cgroup", destination = "/sys/fs/cgroup", device = "cgroup",
              flags = flags } } })
        io.write(ok and result and result.out .. result.err or tostring(err or result), "--\n")
      end
      staged({ "rw" }, OWN)
      staged({}, OWN)
      staged({ "rw" }, SHARED)
    ]])
    local own, readonly, shared = out:match("^(.-)%-%-\n(.-)%-%-\n(.-)%-%-\n$")
    assert.equal("1\n. 0 65534\ncgroup.procs 0 65534\ncgroup.max.depth 65534 65534\n", own)
    assert.matches("^%. 65534 65534\n", readonly)
    assert.matches("Read%-only", readonly)
    assert.matches("^%. 65534 65534\n", shared)
    assert.matches("Permission denied", shared)
  end)

  it("without cgroups is an empty folder", function()
    local out = inside("mount -t tmpfs none /sys/fs/cgroup", [[
      b.factory.manager = "none"
      local ok, container = pcall(b.create, b, { namespaces = SHARED, mounts = { CGROUP } })
      print(ok and container ~= nil)
      local result, err = b:run(container, "ls -A /sys/fs/cgroup; touch /sys/fs/cgroup/x")
      io.write(result and result.out .. result.err or tostring(err))
    ]])
    assert.equal("true\ntouch: /sys/fs/cgroup/x: Read-only file system\n", out)
  end)

  if IS_V1 then
    it("of v1 alone has no cgroup2 folder, and no cgroup2 mount", function()
      local out = inside("umount " .. UNIFIED, [[
        run("ls /sys/fs/cgroup", CGROUP, SHARED)
        run("true", CGROUP2, SHARED)
      ]])
      assert.matches("\npids\n", out)
      assert.not_matches("\nunified\n", out)
      assert.matches("mounts%[3%]: no cgroup2 hierarchy is mounted", out)
    end)

    it("of joined hierarchies has a link for each name", function()
      local out = inside("mount -t tmpfs none /sys/fs/cgroup && cd /sys/fs/cgroup && " ..
        "mkdir pids freezer,x systemd && mount -t cgroup -o pids none pids && " ..
        "mount -t cgroup -o freezer none freezer,x && " ..
        "mount -t cgroup -o none,name=systemd none systemd && cd $OLDPWD", [[
        run("ls /sys/fs/cgroup; readlink /sys/fs/cgroup/freezer; cat /sys/fs/cgroup/x/tasks",
          CGROUP, SHARED)
      ]])
      assert.equal("freezer\nfreezer,x\npids\nsystemd\nx\nfreezer,x\n1\n",
        (out:gsub("%d%d+\n", "")))
    end)
  end
end)

if not IS_V1 then
  describe("a cgroup mount", function()
    pending("needs the v1 hierarchies")
  end)
  return
end

describe("a cgroup mount", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local function with(flags, more)
    local mount = { flags = flags }
    for key, value in pairs(CGROUP) do
      mount[key] = value
    end
    for key, value in pairs(more or {}) do
      mount[key] = value
    end
    return { mounts = { PROC, SYS, mount } }
  end

  local function hierarchies()
    local names = {}
    for name in host.sh("ls /sys/fs/cgroup").stdout:gmatch("%S+") do
      names[#names + 1] = name
    end
    return names
  end

  it("has a folder for each hierarchy, and the cgroup2 tree's beside them", function()
    local out = assert(b:sh("ls /sys/fs/cgroup", merged(nil, SHARED))).out
    assert.equal(table.concat(hierarchies(), "\n") .. "\n", out)
    assert.equal(support.read(UNIFIED .. "/cgroup.procs") ~= nil,
      ("\n" .. out):find("\nunified\n", 1, true) ~= nil)
  end)

  for way, namespaces in pairs({ ["with a cgroup namespace"] = OWN, ["without one"] = SHARED }) do
    it("shows the container's own cgroups alone, " .. way, function()
      local container, process = b:sleeper(merged(nil, namespaces))
      local file = assert(io.open(("/proc/%d/mountinfo"):format(process:pid())))
      local found = mountinfo.parse(file:read("*a"))
      file:close()
      local out = {}
      local lister = ctr.process({ args = { "/bin/sh", "-c", "for d in /sys/fs/cgroup/*; do " ..
        "grep -qx 1 $d/cgroup.procs && echo ${d##*/} $(ls -d $d/*/); done" },
        env = { "PATH=/bin" }, stdout = function(data) out[#out + 1] = data end })
      assert(container:run(lister))
      lister:wait(60)
      local kinds = {}
      for _, name in ipairs(hierarchies()) do
        local mount = found["/sys/fs/cgroup/" .. name]
        kinds[mount.kind] = true
        assert.same({ ro = true, nosuid = true, nodev = true, noexec = true, relatime = true },
          mount.options)
      end
      b:finish(container, process)
      assert.is_true(kinds.cgroup)
      assert.equal(table.concat(hierarchies(), "\n") .. "\n", table.concat(out))
    end)

    it("cannot be written to unless that is asked for, " .. way, function()
      local script = "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/new && " ..
        "rmdir $d/new && echo $d; done"
      local refused = assert(b:sh(script, merged(nil, namespaces)))
      assert.equal("", refused.out)
      local count = select(2, refused.err:gsub("Read%-only file system", ""))
      assert.equal(#hierarchies() + 1, count)
      local allowed = assert(b:sh(script, merged(with({ "rw" }), namespaces)))
      assert.equal("", allowed.err)
      assert.equal(#hierarchies() + 1, select(2, allowed.out:gsub("\n", "")))
    end)
  end

  it("has its roots where a cgroup namespace has them", function()
    local out = assert(b:sh("cat /proc/self/mountinfo", merged(nil, OWN))).out
    assert.equal("/", mountinfo.parse(out)["/sys/fs/cgroup/pids"].root)
    out = assert(b:sh("cat /proc/self/mountinfo", merged(nil, SHARED))).out
    assert.matches("^" .. box.PATTERN .. "/box", mountinfo.parse(out)["/sys/fs/cgroup/pids"].root)
  end)

  it("takes further flags, and a propagation", function()
    local out = assert(b:sh("cat /proc/self/mountinfo", merged(with({ "noatime", "unbindable" }),
      SHARED))).out
    local found = mountinfo.parse(out)
    assert.same({ ro = true, nosuid = true, nodev = true, noexec = true, noatime = true },
      found["/sys/fs/cgroup/pids"].options)
    assert.equal("unbindable", found["/sys/fs/cgroup"].tags)
  end)

  it("goes into a user namespace", function()
    local result = assert(b:sh("ls /sys/fs/cgroup; mkdir /sys/fs/cgroup/pids/x", merged({
      uid_mappings = MAPPING, gid_mappings = MAPPING }, { "NEWUSER", unpack(OWN) })))
    assert.equal(table.concat(hierarchies(), "\n") .. "\n", result.out)
    assert.matches("Read%-only file system", result.err)
  end)

  it("goes the way through a copied mount namespace as well", function()
    local out = assert(b:sh("ls /sys/fs/cgroup", merged(with({}, { premount_cmds = {
      { path = "/bin/true" } } }), SHARED))).out
    assert.equal(table.concat(hierarchies(), "\n") .. "\n", out)
  end)

  it("shows one hierarchy alone as cgroup2", function()
    local changes = merged(with({}, { device = "cgroup2" }), SHARED)
    local out = assert(b:sh("cat /proc/self/mountinfo; cat /sys/fs/cgroup/cgroup.procs",
      changes)).out
    assert.equal("cgroup2", mountinfo.parse(out:match("^.*\n%d+ [^\n]+\n"))["/sys/fs/cgroup"].kind)
    assert.matches("\n1\n", out)
  end)

  it("is there for one who shares the cgroups of a manager that makes none", function()
    local factory = assert(ctr.new(b.folder .. "/none", { cgroup_manager = "none" }))
    local config = box.config(b.root, merged(nil, SHARED))
    config.cgroups = nil
    local container = assert(factory:create("none", config))
    local out = {}
    local process = ctr.process({ args = { "/bin/sh", "-c",
      "ls /sys/fs/cgroup; mkdir /sys/fs/cgroup/pids/x || true" }, env = { "PATH=/bin" },
      stdout = function(data) out[#out + 1] = data end,
      stderr = function(data) out[#out + 1] = data end })
    assert(container:run(process))
    process:wait(60)
    assert(container:destroy())
    factory:close()
    assert.matches(table.concat(hierarchies(), "\n"), table.concat(out), 1, true)
    assert.matches("Read%-only file system", table.concat(out))
  end)

  it("is of cgroups that are all remembered when others have changed its limits", function()
    local container, process = b:sleeper(merged())
    local before = container.cgroup:paths()
    local other = assert(ctr.new(b.folder .. "/state"))
    local same = assert(other:load(container:id()))
    assert(same:set({ cgroups = { cpu_shares = 512 } }))
    assert.same(before, assert(other:load(container:id())).cgroup:paths())
    other:close()
    b:finish(container, process)
    for _, path in pairs(before) do
      assert.is_nil(core.path.realpath(path))
    end
  end)

  it("leaves no cgroup behind, wherever the container is destroyed", function()
    local before = machine.snapshot(box.PATTERN).cgroups
    local container, process = b:sleeper(merged(nil, OWN))
    local id = container:id()
    container:signal("SIGKILL")
    process:wait(60)
    local again = assert(ctr.new(b.folder .. "/state"))
    assert(assert(again:load(id)):destroy())
    again:close()
    assert.same(before, machine.snapshot(box.PATTERN).cgroups)
  end)

  it("takes no data", function()
    local container, err = b:create(merged(with({}, { data = "nsdelegate" }), SHARED))
    assert.is_nil(container)
    assert.equal("mounts[3].data", err.path)
  end)
end)
