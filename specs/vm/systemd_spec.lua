-- Needs systemd as the first process: runs in the guest.

local box = require("specs.support.box")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local support = require("specs.support.cgroups")

local function property(unit, name)
  return (host.sh(("systemctl show -p %s --value '%s'"):format(name, unit)).stdout:gsub("%s+$", ""))
end

if not machine.has("systemd") then
  describe("the systemd manager", function()
    pending("needs systemd as the first process")
  end)
  return
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
    local path = container:state().cgroup_paths[""]
    assert.equal("/sys/fs/cgroup/ctr.slice/ctr-specs.slice/" .. unit, path)
    assert.equal(tostring(process:pid()), support.read(path .. "/cgroup.procs"))
    b:finish(container, process)
    assert.is_false(support.exists(path))
    assert.equal("not-found", property(unit, "LoadState"))
  end)

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
    assert.equal("0::/\n", assert(b:run(container, "cat /proc/self/cgroup")).out)
    b:finish(container, process)
  end)

  it("says that a unit exists, and leaves that alone", function()
    host.sh("systemd-run --unit ctr-spec-taken.scope --scope sleep 1000 >/dev/null 2>&1 &")
    host.sh("while ! systemctl is-active ctr-spec-taken.scope; do :; done")
    local container = assert(b:create({ cgroups = { name = "spec-taken" } }))
    local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
    assert.is_nil(ok)
    assert.matches("ctr%-spec%-taken.scope exists already", tostring(err))
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
end)
