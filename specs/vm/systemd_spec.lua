-- Needs systemd as the first process: runs in the guest.

local box = require("specs.support.box")
local cgroup = require("ctr.cgroup")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local orphans = require("specs.support.orphans")
local support = require("specs.support.cgroups")

-- A start is killed at each of so many calls: a guest is slow.
local CALLS = 4

local function property(unit, name)
  return (host.sh(("systemctl show -p %s --value '%s'"):format(name, unit)).stdout:gsub("%s+$", ""))
end

if not machine.has("systemd") then
  describe("the systemd manager", function()
    pending("needs systemd as the first process")
  end)
  return
end

-- Whether the kernel was told to have v1 hierarchies: run.sh's option -k with
-- "systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1".
local IS_V1 = assert(cgroup.layout()).mode ~= "v2"
local TREE = "/sys/fs/cgroup" .. (IS_V1 and "/pids" or "")

-- One of a container's cgroups: that in which processes are counted.
local function path_of(container)
  local paths = container:state().cgroup_paths
  return paths[IS_V1 and "pids" or ""]
end

describe("the systemd manager", function()
  local b

  setup(function()
    b = box.new({ cgroup_manager = "systemd" })
  end)

  teardown(function()
    b:close()
  end)

  local count = 0
  local function sleeper(cgroups, changes)
    count = count + 1
    local config = changes or {}
    config.cgroups = cgroups or {}
    config.cgroups.name = "spec-" .. count
    local container, process = b:sleeper(config)
    return container, process, "ctr-spec-" .. count .. ".scope"
  end

  it("runs a container in a scope of its own, in a slice", function()
    local container, process, unit = sleeper({ parent = "ctr-specs.slice" })
    assert.equal("active", property(unit, "ActiveState"))
    assert.equal("ctr-specs.slice", property(unit, "Slice"))
    assert.equal("yes", property(unit, "Delegate"))
    local path = path_of(container)
    assert.equal(TREE .. "/ctr.slice/ctr-specs.slice/" .. unit, path)
    assert.equal(tostring(process:pid()), support.read(path .. "/cgroup.procs"))
    b:finish(container, process)
    assert.is_false(support.exists(path))
    assert.equal("not-found", property(unit, "LoadState"))
  end)

  it("gives its unit the properties that are named", function()
    local container, process, unit = sleeper({ systemd_properties = {
      TimeoutStopSec = "uint64 7", CollectMode = "'inactive-or-failed'", TasksMax = "uint64 33",
      Documentation = "['man:one(1)', 'man:two(2)']", RuntimeMaxUSec = "uint64 3600000000" } })
    assert.same({ "7s", "inactive-or-failed", "33", "man:one(1) man:two(2)", "1h" },
      { property(unit, "TimeoutStopUSec"), property(unit, "CollectMode"),
        property(unit, "TasksMax"), (property(unit, "Documentation"):gsub('"', "")),
        property(unit, "RuntimeMaxUSec") })
    b:finish(container, process)
  end)

  it("tells what systemd says of a property that it does not know", function()
    local err = b:refused({ cgroups = { name = "spec-odd",
      systemd_properties = { NoSuchProperty = "true" } } })
    assert.matches("NoSuchProperty", tostring(err))
    assert.equal("not-found", property("ctr-spec-odd.scope", "LoadState"))
  end)

  if IS_V1 then
    it("sets limits as properties and in the files of v1, so that a reload keeps them", function()
      local container, process, unit = sleeper({ pids_limit = 20, cpu_shares = 512 })
      local paths = container:state().cgroup_paths
      local function files()
        return { support.read(paths.pids .. "/pids.max"), support.read(paths.cpu .. "/cpu.shares") }
      end
      assert.same({ "20", "512" }, files())
      assert.same({ "20", "512" }, { property(unit, "TasksMax"), property(unit, "CPUShares") })
      host.sh("systemctl daemon-reload")
      assert.same({ "20", "512" }, files())
      assert(container:set({ cgroups = { pids_limit = 30 } }))
      host.sh("systemctl daemon-reload")
      assert.same({ "30", "512" }, files())
      assert.equal("30", property(unit, "TasksMax"))
      assert.equal("active", property(unit, "ActiveState"))
      b:finish(container, process)
      for _, path in pairs(paths) do
        assert.is_false(support.exists(path))
      end
    end)
  else
    it("sets limits as properties and in the files, so that a reload keeps them", function()
      local container, process, unit = sleeper({ memory = "64M", memory_swap = "96M",
        pids_limit = 20, cpu_shares = 512, cpu_quota = 50000, cpuset_cpus = "0",
        unified = { ["memory.high"] = "33554432" } })
      local path = container:state().cgroup_paths[""]
      local function files()
        local values = {}
        for index, name in ipairs({ "memory.max", "memory.swap.max", "pids.max", "cpu.max",
          "cpuset.cpus", "memory.high" }) do
          values[index] = support.read(path .. "/" .. name)
        end
        return values
      end
      local expected = { "67108864", "33554432", "20", "50000 100000", "0", "33554432" }
      assert.same(expected, files())
      assert.same({ "67108864", "20", "500ms", "33554432" }, { property(unit, "MemoryMax"),
        property(unit, "TasksMax"), property(unit, "CPUQuotaPerSecUSec"),
        property(unit, "MemoryHigh") })
      host.sh("systemctl daemon-reload")
      assert.same(expected, files())
      assert(container:set({ cgroups = { pids_limit = 30, memory = "80M" } }))
      host.sh("systemctl daemon-reload")
      assert.same({ "83886080", "30" }, { files()[1], files()[3] })
      assert.equal("30", property(unit, "TasksMax"))
      b:finish(container, process)
    end)

    it("hands on controllers that systemd leaves out, and has properties for `unified`", function()
      local container, process, unit = sleeper({ unified = { ["cpu.max"] = "5000 50000",
        ["cpuset.cpus"] = "0" } })
      local path = container:state().cgroup_paths[""]
      assert.equal(support.read("/sys/fs/cgroup/cgroup.controllers"),
        support.read(path .. "/cgroup.controllers"))
      assert.same({ "100ms", "50ms", "0" }, { property(unit, "CPUQuotaPerSecUSec"),
        property(unit, "CPUQuotaPeriodUSec"), property(unit, "AllowedCPUs") })
      b:finish(container, process)
    end)

    it("has room for a start where one process is all that there may be", function()
      local container, process, unit = sleeper({ pids_limit = 1 })
      local path = container:state().cgroup_paths[""]
      assert.equal("1", support.read(path .. "/pids.max"))
      assert.equal("1", property(unit, "TasksMax"))
      assert(container:set({ cgroups = { pids_limit = 2 } }))
      assert.equal("2", support.read(path .. "/pids.max"))
      b:finish(container, process)
    end)

    it("refuses a frozen cgroup before a process is in it", function()
      host.sh("mkdir -p /sys/fs/cgroup/system.slice/ctr-spec-cold.scope; "
        .. "echo 1 >/sys/fs/cgroup/system.slice/ctr-spec-cold.scope/cgroup.freeze")
      local err = b:refused({ cgroups = { name = "spec-cold" } })
      assert.matches("is frozen$", err.message)
      assert.equal("not-found", property("ctr-spec-cold.scope", "LoadState"))
      host.sh("rmdir /sys/fs/cgroup/system.slice/ctr-spec-cold.scope")
    end)

    it("takes a change back that fails in a file, and leaves no property behind", function()
      local container, process, unit = sleeper({ pids_limit = 20 })
      local path = container:state().cgroup_paths[""]
      local all_cpus = support.read(path .. "/cpuset.cpus.effective")
      local ok, err = container:set({ cgroups = { pids_limit = 30, memory = "80M",
        cpuset_cpus = "0", unified = { ["cpu.max"] = "nonsense" } } })
      assert.is_nil(ok)
      assert.equal('cgroups.unified["cpu.max"]', err.path)
      host.sh("systemctl daemon-reload")
      assert.same({ "20", "infinity", "" }, { property(unit, "TasksMax"),
        property(unit, "MemoryMax"), property(unit, "AllowedCPUs") })
      assert.same({ "20", "max", all_cpus }, { support.read(path .. "/pids.max"),
        support.read(path .. "/memory.max"), support.read(path .. "/cpuset.cpus.effective") })
      b:finish(container, process)
    end)
  end

  it("holds to device rules also after a reload", function()
    local NULL = { allow = true, type = "c", major = 1, minor = 3, permissions = "rwm" }
    local NODES = { allow = true, type = "c", permissions = "m" }
    local container, process = sleeper({ devices = { NULL, NODES } })
    local script = "(: < /dev/null) && echo null; (: < /dev/zero) 2>/dev/null && echo zero; true"
    assert.equal("null\n", assert(b:run(container, script)).out)
    host.sh("systemctl daemon-reload")
    assert.equal("null\n", assert(b:run(container, script)).out)
    b:finish(container, process)
  end)

  it("puts further processes in the unit, and freezes and kills all of them", function()
    local container, process = sleeper()
    local further = ctr.process({ args = { "/bin/sleep", "1000" } })
    assert(container:run(further))
    local pids = container:processes()
    table.sort(pids)
    local expected = { process:pid(), further:pid() }
    table.sort(expected)
    assert.same(expected, pids)
    assert(container:pause())
    assert.equal("paused", container:status())
    assert(container:resume())
    assert(container:signal("SIGKILL", true))
    assert.equal("SIGKILL", process:wait(60).signal)
    assert.equal("SIGKILL", further:wait(60).signal)
    assert(container:destroy())
  end)

  it("is remembered by the container, whoever loads it", function()
    local container, process, unit = sleeper()
    local other = assert(ctr.new(b.folder .. "/state"))
    local again = assert(other:load(container:id()))
    assert.equal("systemd", again:state().cgroup_manager)
    assert(again:signal("SIGKILL"))
    assert(process:wait(60))
    assert(again:destroy())
    other:close()
    assert.equal("not-found", property(unit, "LoadState"))
  end)

  it("works with a user namespace and with a cgroup namespace", function()
    local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
    local container, process = sleeper({}, { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID",
      "NEWNET", "NEWUSER", "NEWCGROUP" }, uid_mappings = MAPPING, gid_mappings = MAPPING })
    local out = assert(b:run(container, "cut -d: -f3 /proc/self/cgroup | sort -u")).out
    assert.equal("/\n", out)
    b:finish(container, process)
  end)

  it("says that a unit exists, and leaves that alone", function()
    host.sh("systemd-run --unit ctr-spec-taken.scope --scope sleep 1000 >/dev/null 2>&1 &")
    host.sh("while ! systemctl is-active ctr-spec-taken.scope; do :; done")
    local container = assert(b:create({ cgroups = { name = "spec-taken" } }))
    local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
    assert.is_nil(ok)
    assert.matches("ctr-spec-taken.scope exists already, and is in use: it holds the processes ",
      tostring(err), 1, true)
    assert.equal("active", property("ctr-spec-taken.scope", "ActiveState"))
    host.sh("systemctl stop ctr-spec-taken.scope")
    assert(container:destroy())
  end)

  it("undoes a start that fails, and can be tried again", function()
    local container = assert(b:create({ cgroups = { name = "spec-fails" } }))
    for _ = 1, 2 do
      assert.is_nil((container:run(ctr.process({ args = { "/bin/nonesuch" } }))))
      assert.equal("not-found", property("ctr-spec-fails.scope", "LoadState"))
    end
    local process = ctr.process({ args = { "/bin/true" } })
    assert(container:run(process))
    assert.equal(0, process:wait(60).code)
    assert(container:destroy())
  end)

  it("shows the container its cgroup by a mount", function()
    local container, process, unit = sleeper({}, {
      namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWCGROUP" },
      mounts = {
        { source = "proc", destination = "/proc", device = "proc" },
        { source = "sysfs", destination = "/sys", device = "sysfs", flags = { "ro" } },
        { source = "cgroup", destination = "/sys/fs/cgroup", device = "cgroup" },
      },
    })
    local file = TREE .. "/cgroup.procs"
    local seen = assert(b:run(container, "head -n 1 " .. file)).out
    assert.equal("1\n", seen)
    assert.equal("active", property(unit, "ActiveState"))
    b:finish(container, process)
  end)

  it("runs hooks, and leaves no unit where one fails", function()
    local seen = {}
    local function note(state)
      seen[#seen + 1] = state.status
    end
    local container, process, unit = sleeper({}, { hooks = {
      create_runtime = { { func = note } }, poststart = { { func = note } },
      poststop = { { func = note } },
    } })
    b:finish(container, process)
    assert.same({ "creating", "running", "stopped" }, seen)
    assert.equal("not-found", property(unit, "LoadState"))
    local refused = assert(b:create({ cgroups = { name = "spec-refused" }, hooks = {
      create_runtime = { { func = function() error("refused") end } },
    } }))
    local ok, err = refused:run(ctr.process({ args = { "/bin/true" } }))
    assert.is_nil(ok)
    assert.matches("refused", tostring(err))
    assert.equal("not-found", property("ctr-spec-refused.scope", "LoadState"))
    assert(refused:destroy())
  end)

  it("reads as stopped where somebody stopped the unit, and is destroyed", function()
    local container = assert(b:create({ cgroups = { name = "spec-stopped" } }))
    local process = ctr.process({ args = { "/bin/sh", "-c",
      "trap 'exit 7' TERM; while :; do sleep 1000 & wait; done" }, env = { "PATH=/bin" } })
    assert(container:run(process))
    host.sh("systemctl stop ctr-spec-stopped.scope")
    assert.equal(7, process:wait(30).code)
    assert.equal("stopped", container:status())
    assert.same({}, container:processes())
    assert(container:destroy())
    assert.equal("not-found", property("ctr-spec-stopped.scope", "LoadState"))
  end)

  it("is not needed to destroy what it made", function()
    local container, process, unit = sleeper()
    local path = path_of(container)
    process:signal("SIGKILL")
    process:wait(30)
    assert(os.execute("mount --bind /dev/null /run/systemd/private") == 0)
    local ok, err = container:destroy()
    host.sh("umount /run/systemd/private")
    assert.is_true(ok, tostring(err))
    assert.is_false(support.exists(path))
    assert.equal("not-found", property(unit, "LoadState"))
  end)

  it("leaves no unit after many starts", function()
    for _ = 1, 30 do
      local container, process = sleeper()
      b:finish(container, process)
    end
    local units = host.sh("systemctl list-units --all --plain --no-legend 'ctr-spec-*'")
    assert.equal("", units.stdout)
  end)

  it("is taken away after a caller that was killed at any point of a start", function()
    local id = "killed"
    local function crash(call)
      return assert(core.proc.run({ path = "/usr/bin/luajit", timeout = 60,
        args = { "luajit", "specs/support/crash.lua", ".", b.factory.root, b.root, id,
          "run in a unit", tostring(call), "systemd" } }))
    end
    local call = 0
    orphans.adopt()
    local result
    repeat
      call = call + CALLS
      result = crash(call)
      local container = b.factory:load(id)
      if container then
        if container:status() == "running" then
          container:signal("SIGKILL")
        end
        orphans.reap("call " .. call)
        assert(container:destroy())
      end
      orphans.reap("call " .. call)
      assert.equal("not-found", property("ctr-killed.scope", "LoadState"), "call " .. call)
    until result.signal ~= "SIGKILL"
    assert.same({ 0, "" }, { result.code, result.stderr })
    assert.is_true(call > CALLS)
  end)

  -- A socket that accepts and says nothing.
  local function listen(path)
    local ffi = require("ffi")
    ffi.cdef("int socket(int, int, int); int bind(int, const void *, unsigned); "
      .. "int listen(int, int);")
    local socket = ffi.C.socket(1, 0x80001, 0) -- AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC
    local address = "\1\0" .. path .. "\0"
    assert.equal(0, ffi.C.bind(socket, address, #address))
    assert.equal(0, ffi.C.listen(socket, 5))
    return core.fd.wrap(socket)
  end

  it("gives up a manager that does not answer", function()
    local container = assert(b:create({ cgroups = { name = "spec-mute" } }))
    local systemd = require("ctr.core.systemd")
    local open = systemd.open
    finally(function()
      systemd.open = open
      host.sh("umount /run/systemd/private")
      assert(container:destroy())
    end)
    local listener = listen(b.folder .. "/mute")
    assert(os.execute("mount --bind " .. b.folder .. "/mute /run/systemd/private") == 0)
    systemd.open = function(user)
      return open(user, 0.2)
    end
    local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
    assert.is_nil(ok)
    assert.equal("ETIMEDOUT", err.errno)
    assert.matches("reach systemd for ctr%-spec%-mute.scope", tostring(err))
    listener:close()
  end)
end)
