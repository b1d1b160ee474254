local cgroup = require("ctr.cgroup")
local core = require("ctr.core")
local support = require("specs.support.cgroups")

local MEBIBYTE = 1024 * 1024
local SIGKILL, SIGTERM = core.proc.signals.SIGKILL, core.proc.signals.SIGTERM
-- The specs may run twice at a time.
local SPEC = "/ctr-spec-" .. core.proc.getpid()
local NULL = { allow = true, type = "c", major = 1, minor = 3, permissions = "rwm" }

local function has_v1(...)
  local layout = assert(cgroup.layout())
  for _, name in ipairs({ ... }) do
    if layout.mode == "v2" or not layout.controllers[name] then
      return false
    end
  end
  return true
end

if not has_v1("memory", "cpu", "cpuset", "pids", "devices", "freezer") then
  describe("ctr.cgroup on v1 hierarchies", function()
    pending("needs v1 memory, cpu, cpuset, pids, devices and freezer hierarchies")
  end)
  return
end

describe("ctr.cgroup on v1 hierarchies", function()
  local managers, children, count = {}, {}, 0

  local function new(config, options)
    count = count + 1
    local fields = { config = config, id = ("spec-%d-%d"):format(core.proc.getpid(), count) }
    for key, value in pairs(options or {}) do
      fields[key] = value
    end
    local manager, err = cgroup.new(fields)
    managers[#managers + 1] = manager
    return manager, err
  end

  local function created(config, options)
    local manager = assert(new(config, options))
    assert(manager:create())
    return manager
  end

  local function file(manager, controller, name)
    return support.read(manager:paths()[controller] .. "/" .. name)
  end

  local function sleeper(manager)
    local child = support.sleeper(manager)
    children[#children + 1] = child
    return child
  end

  local function stop(child)
    for index, known in ipairs(children) do
      if known == child then
        table.remove(children, index)
      end
    end
    return child:stop()
  end

  after_each(function()
    for _, manager in ipairs(managers) do
      if manager:freezer_state() == "FROZEN" then
        manager:freeze("THAWED")
      end
    end
    while children[1] do
      stop(children[1])
    end
    for _, manager in ipairs(managers) do
      assert(manager:destroy())
    end
    managers = {}
  end)

  describe("layout", function()
    it("finds each hierarchy and the caller's own cgroup in it", function()
      local layout = assert(cgroup.layout())
      for name, hierarchy in pairs(layout.controllers) do
        local shown = hierarchy.mount .. (hierarchy.own == "/" and "" or hierarchy.own)
        assert.is_true(support.exists(shown), name .. " at " .. shown)
      end
    end)

    it("is read once while nothing changes", function()
      assert.equal(cgroup.layout(), cgroup.layout())
    end)
  end)

  describe("create", function()
    it("makes a directory in every hierarchy, below the caller's own", function()
      local manager = created({})
      local layout = assert(cgroup.layout())
      local paths = manager:paths()
      for name, hierarchy in pairs(layout.controllers) do
        local base = hierarchy.mount .. (hierarchy.own == "/" and "" or hierarchy.own)
        assert.equal(base .. "/ctr-" .. paths[name]:match("/ctr%-([^/]+)$"), paths[name])
        assert.is_true(support.exists(paths[name]))
      end
    end)

    it("takes an absolute path from the mount, and remembers what it made above", function()
      local manager = created({ path = SPEC .. "-above/b/c" })
      local memory = assert(cgroup.layout()).controllers.memory.mount
      assert.equal(memory .. SPEC .. "-above/b/c", manager:paths().memory)
      local made = {}
      for _, path in ipairs(manager:created()) do
        made[path] = true
      end
      assert.is_true(made[memory .. SPEC .. "-above"])
      assert.is_true(made[memory .. SPEC .. "-above/b"])
      assert(manager:destroy())
      assert.is_false(support.exists(memory .. SPEC .. "-above"))
    end)

    it("fills the cpuset of every directory that it makes", function()
      local manager = created({ path = SPEC .. "-cpuset/b/c" })
      local root = assert(cgroup.layout()).controllers.cpuset.mount
      for _, name in ipairs({ "cpuset.cpus", "cpuset.mems" }) do
        local all = support.read(root .. "/" .. name)
        assert.equal(all, support.read(root .. SPEC .. "-cpuset/" .. name))
        assert.equal(all, file(manager, "cpuset", name))
      end
    end)

    it("fills the empty cpuset of directories that others made", function()
      local cpuset = assert(cgroup.layout()).controllers.cpuset
      assert(core.path.mkdir(cpuset.dir, SPEC:sub(2) .. "-empty", 493))
      finally(function() core.path.rmdir(cpuset.dir, SPEC:sub(2) .. "-empty") end)
      local manager = created({ path = SPEC .. "-empty/b" })
      assert.equal(support.read(cpuset.mount .. "/cpuset.cpus"),
        file(manager, "cpuset", "cpuset.cpus"))
      assert(manager:destroy())
    end)

    it("writes the limits", function()
      local manager = created({ memory = 64 * MEBIBYTE, memory_swap = 128 * MEBIBYTE,
        memory_reservation = 32 * MEBIBYTE, cpu_shares = 512, cpu_period = 50000,
        cpu_quota = 25000, cpuset_cpus = "0", cpuset_mems = "0", pids_limit = 7 })
      assert.equal("67108864", file(manager, "memory", "memory.limit_in_bytes"))
      assert.equal("134217728", file(manager, "memory", "memory.memsw.limit_in_bytes"))
      assert.equal("33554432", file(manager, "memory", "memory.soft_limit_in_bytes"))
      assert.equal("512", file(manager, "cpu", "cpu.shares"))
      assert.equal("50000", file(manager, "cpu", "cpu.cfs_period_us"))
      assert.equal("25000", file(manager, "cpu", "cpu.cfs_quota_us"))
      assert.equal("0", file(manager, "cpuset", "cpuset.cpus"))
      assert.equal("0", file(manager, "cpuset", "cpuset.mems"))
      assert.equal("7", file(manager, "pids", "pids.max"))
    end)

    it("leaves device rules alone unless some are asked for", function()
      assert.equal("a *:* rwm", file(created({}), "devices", "devices.list"))
      assert.equal("c 1:3 rwm", file(created({ devices = { NULL } }), "devices", "devices.list"))
      assert.equal("", file(created({ allow_all_devices = false }), "devices", "devices.list"))
    end)

    it("leaves nothing behind when a limit is refused, and names its key", function()
      local layout = assert(cgroup.layout())
      local fds = support.count_fds()
      local manager = assert(new({ path = SPEC .. "-refused/c", cpuset_cpus = "4000" }))
      local ok, err = manager:create()
      assert.is_nil(ok)
      assert.equal("cgroups.cpuset_cpus", err.path)
      assert.matches("cpuset%.cpus", err.message)
      for _, hierarchy in pairs(layout.controllers) do
        assert.is_false(support.exists(hierarchy.mount .. SPEC .. "-refused"))
      end
      assert.equal(fds, support.count_fds())
    end)

    it("touches nothing for a device rule that is wrong", function()
      local manager = assert(new({ devices = { { type = "c", permissions = "z" } } }))
      local ok, err = manager:create()
      assert.is_nil(ok)
      assert.equal("ConfigInvalid", err.code)
      assert.equal("cgroups.devices[1].permissions", err.path)
      assert.is_false(manager:exists())
    end)

    it("takes a cgroup that is there and empty", function()
      local first = created({})
      local second = assert(new({}, { paths = first:paths() }))
      assert(second:create())
      first:close()
      assert.same(first:paths(), second:paths())
    end)

    it("refuses one that holds a process, and leaves it as it was", function()
      local first = created({})
      local child = sleeper(first)
      local second = assert(new({ pids_limit = 3 }, { paths = first:paths() }))
      local ok, err = second:create()
      assert.is_nil(ok)
      assert.matches("is in use: it holds the processes " .. child.pid, err.message)
      assert.is_true(first:exists())
      assert.equal("max", file(first, "pids", "pids.max"))
      stop(child)
    end)

    it("refuses one that holds a process in a cgroup below", function()
      local first = created({})
      local below = created({ path = first:paths().pids:match("/(ctr%-.*)") .. "/below" })
      local child = sleeper(below)
      local ok, err = assert(new({}, { paths = first:paths() })):create()
      assert.is_nil(ok)
      assert.matches(tostring(child.pid), err.message)
      stop(child)
      assert(below:destroy())
    end)

    it("refuses one that is frozen, or whose parent is", function()
      local parent = created({ path = SPEC .. "-frozen" })
      assert(parent:freeze("FROZEN"))
      local ok, err = assert(new({}, { paths = parent:paths() })):create()
      assert.is_nil(ok)
      assert.matches("is frozen", err.message)
      local below = assert(new({ path = SPEC .. "-frozen/below" }))
      ok, err = below:create()
      assert.is_nil(ok)
      assert.matches("is frozen", err.message)
      assert.is_false(below:exists())
      assert(parent:freeze("THAWED"))
      assert(parent:destroy())
    end)

    it("refuses what only cgroup v2 can do, and touches nothing", function()
      local manager = assert(new({ cpu_weight = 100 }))
      local ok, err = manager:create()
      assert.is_nil(ok)
      assert.equal("ConfigInvalid", err.code)
      assert.equal("cgroups.cpu_weight", err.path)
      assert.is_false(manager:exists())
    end)

    it("refuses to start a container frozen", function()
      local ok, err = assert(new({ freezer = "FROZEN" })):create()
      assert.is_nil(ok)
      assert.equal("cgroups.freezer", err.path)
    end)
  end)

  describe("new", function()
    it("refuses a manager that there is not", function()
      local manager, err = new({}, { manager = "systemdd" })
      assert.is_nil(manager)
      assert.equal("ConfigInvalid", err.code)
    end)

    it("refuses paths that lie elsewhere", function()
      local mount = assert(cgroup.layout()).controllers.memory.mount
      for _, path in ipairs({ "/tmp/x", mount, mount .. "/a/../../x", mount .. "x/y" }) do
        local manager, err = new({ paths = { memory = path } })
        assert.is_nil(manager)
        assert.equal("cgroups.paths.memory", err.path)
      end
      local manager, err = new({ paths = { nothing = "/sys/fs/cgroup/nothing/x" } })
      assert.is_nil(manager)
      assert.equal("cgroups.paths.nothing", err.path)
    end)
  end)

  describe("join", function()
    it("hands over one file per hierarchy, through which a process joins", function()
      local manager = created({})
      local child = sleeper(manager)
      local layout = assert(cgroup.layout())
      local seen = 0
      for line in io.lines(("/proc/%d/cgroup"):format(child.pid)) do
        local names, path = line:match("^[1-9]%d*:([^:]*):(.*)$")
        local hierarchy = names and layout.controllers[names:match("^[^,]+")]
        if hierarchy then
          assert.equal(manager:paths()[names:match("^[^,]+")], hierarchy.mount .. path)
          seen = seen + 1
        end
      end
      assert.equal(#layout.hierarchies, seen)
      assert.same({ child.pid }, manager:pids())
    end)

    it("closes what create left open", function()
      local fds = support.count_fds()
      local manager = created({})
      local handles, directory, names = assert(manager:join())
      assert.is_nil(directory)
      assert.equal(#handles, #names)
      for _, handle in ipairs(handles) do
        handle:close()
      end
      assert.equal(fds, support.count_fds())
    end)
  end)

  describe("limits", function()
    it("refuse a fork beyond pids_limit", function()
      local manager = created({ pids_limit = 1 })
      local status, text = support.run(manager, "/bin/true; echo forked"):finish()
      assert.is_nil(text:match("forked"))
      assert.matches("fork", text)
      assert.not_equal(0, status.code)
    end)

    it("kill what takes more memory than it may", function()
      local manager = created({ memory = 16 * MEBIBYTE, memory_swap = 16 * MEBIBYTE })
      local greedy = "exec dd if=/dev/zero of=/dev/null bs=64M count=1"
      local status = support.run(manager, greedy):finish()
      assert.equal("SIGKILL", status.signal)
      local control = assert(io.open(manager:paths().memory .. "/memory.oom_control"))
      assert.matches("oom_kill 1", control:read("*a"))
      control:close()
    end)

    it("keep a process on its processors", function()
      local _, text = support.run(created({ cpuset_cpus = "0" }),
        "exec grep Cpus_allowed_list /proc/self/status"):finish()
      assert.equal("Cpus_allowed_list:\t0\n", text)
    end)

    it("deny the devices that are not allowed", function()
      local script = "exec 2>&1; : < /dev/null && echo null; : < /dev/zero && echo zero"
      local _, text = support.run(created({ devices = { NULL } }), script):finish()
      assert.matches("null\n", text)
      assert.matches("/dev/zero: Operation not permitted", text)
      assert.is_nil(text:match("\nzero\n"))
    end)
  end)

  describe("set", function()
    it("raises and lowers memory and swap together, in the order that the kernel takes", function()
      local manager = created({ memory = 32 * MEBIBYTE, memory_swap = 64 * MEBIBYTE })
      for _, size in ipairs({ 256, 16 }) do
        assert(manager:set({ memory = size * MEBIBYTE, memory_swap = 2 * size * MEBIBYTE }))
        assert.equal(tostring(size * MEBIBYTE), file(manager, "memory", "memory.limit_in_bytes"))
        assert.equal(tostring(2 * size * MEBIBYTE),
          file(manager, "memory", "memory.memsw.limit_in_bytes"))
      end
    end)

    it("takes the limits off again", function()
      local manager = created({ memory = 32 * MEBIBYTE, memory_swap = 64 * MEBIBYTE, pids_limit = 3,
        cpu_quota = 20000 })
      local unlimited = support.read(assert(cgroup.layout()).controllers.memory.mount
        .. "/memory.limit_in_bytes")
      assert(manager:set({ memory = -1, pids_limit = -1, cpu_quota = -1 }))
      assert.equal(unlimited, file(manager, "memory", "memory.limit_in_bytes"))
      assert.equal(unlimited, file(manager, "memory", "memory.memsw.limit_in_bytes"))
      assert.equal("max", file(manager, "pids", "pids.max"))
      assert.equal("-1", file(manager, "cpu", "cpu.cfs_quota_us"))
    end)

    it("names the file, the key and the usage when a limit is below it", function()
      local manager = created({})
      local child = support.run(manager, "head -c 8M /dev/zero | tail -c 8M | sleep 60")
      children[#children + 1] = child
      child:expect("ready")
      local ok, err
      repeat -- until the pipe's readers have filled their memory
        core.poll.wait({}, 0.01)
        ok = tonumber(file(manager, "memory", "memory.usage_in_bytes")) > 4 * MEBIBYTE
      until ok
      ok, err = manager:set({ memory = 4096 })
      assert.is_nil(ok)
      assert.equal("cgroups.memory", err.path)
      assert.equal("EBUSY", err.errno)
      assert.matches("memory%.limit_in_bytes", err.message)
      assert.matches("current usage: %d+", err.message)
      assert(manager:signal(SIGKILL))
      stop(child)
    end)

    it("freezes and thaws by the freezer's state", function()
      local manager = created({})
      assert(manager:set({ freezer = "FROZEN" }))
      assert.equal("FROZEN", manager:freezer_state())
      assert(manager:set({ freezer = "THAWED" }))
      assert.equal("THAWED", manager:freezer_state())
    end)
  end)

  describe("freeze", function()
    it("stops and resumes a process", function()
      local manager = created({})
      local child = support.run(manager, "while :; do :; done")
      children[#children + 1] = child
      child:expect("ready")
      assert(manager:freeze("FROZEN"))
      assert.equal("FROZEN", manager:freezer_state())
      assert.equal("D", child:state())
      assert(manager:freeze("THAWED"))
      assert.equal("THAWED", manager:freezer_state())
      assert.equal("R", child:state())
    end)

    it("refuses a state that there is not", function()
      local ok, err = created({}):freeze("COLD")
      assert.is_nil(ok)
      assert.equal("ConfigInvalid", err.code)
    end)

    it("knows no state where there is no cgroup", function()
      assert.is_nil((assert(new({})):freezer_state()))
    end)
  end)

  describe("signal", function()
    it("kills the processes of cgroups below too, and returns when none is left", function()
      local manager = created({})
      local below = created({ path = manager:paths().pids:match("/(ctr%-.*)") .. "/below" })
      local first, second = sleeper(manager), sleeper(below)
      assert.same({ first.pid }, manager:pids())
      assert.equal(2, #manager:pids(true))
      assert(manager:signal(SIGKILL))
      assert.same({}, manager:pids(true))
      assert.equal("SIGKILL", stop(first).signal)
      assert.equal("SIGKILL", stop(second).signal)
    end)

    it("kills a fork bomb that stays within its limit", function()
      local manager = created({ pids_limit = 50 })
      local child = support.run(manager, "exec 2>/dev/null; bomb() { bomb & bomb; }; bomb")
      children[#children + 1] = child
      child:expect("ready")
      assert(manager:signal(SIGKILL))
      assert.same({}, manager:pids(true))
      stop(child)
    end)

    it("kills what is frozen", function()
      local manager = created({})
      local child = sleeper(manager)
      assert(manager:freeze("FROZEN"))
      assert(manager:signal(SIGKILL))
      assert.equal("THAWED", manager:freezer_state())
      assert.equal("SIGKILL", stop(child).signal)
    end)

    it("leaves a paused container paused by any other signal", function()
      local manager = created({})
      local child = sleeper(manager)
      assert(manager:freeze("FROZEN"))
      assert(manager:signal(SIGTERM))
      assert.equal("FROZEN", manager:freezer_state())
      assert(manager:freeze("THAWED"))
      assert.equal("SIGTERM", child:finish().signal)
      children = {}
    end)

    it("has nobody to signal where there is no cgroup", function()
      assert.is_true(assert(new({})):signal(SIGKILL))
    end)
  end)

  describe("destroy", function()
    it("removes the cgroups that the container made in its own", function()
      local manager = created({})
      local path = manager:paths().memory
      for _, name in ipairs({ "/a", "/a/b", "/a/b/c", "/memory.x" }) do
        assert(os.execute("mkdir -p " .. path .. name) == 0)
      end
      assert(manager:destroy())
      assert.is_false(support.exists(path))
    end)

    it("names the processes that hold it, and kills none", function()
      local manager = created({})
      local child = sleeper(manager)
      local ok, err = manager:destroy()
      assert.is_nil(ok)
      assert.equal("EBUSY", err.errno)
      assert.matches("holds the processes " .. child.pid, err.message)
      assert.equal("S", child:state())
      stop(child)
      assert(manager:destroy())
      assert.is_false(manager:exists())
    end)

    it("is nothing the second time", function()
      local manager = created({})
      assert.is_true(manager:exists())
      assert.is_true(manager:destroy())
      assert.is_true(manager:destroy())
      assert.is_false(manager:exists())
    end)

    it("needs only what was stored", function()
      local manager = created({ path = SPEC .. "-stored/c" })
      manager:close()
      local again = assert(new({ path = SPEC .. "-stored/c" },
        { paths = manager:paths(), created = manager:created() }))
      assert(again:destroy())
      assert.is_false(support.exists(assert(cgroup.layout()).controllers.memory.mount
        .. SPEC .. "-stored"))
    end)

    it("leaves the directory above to the containers that are still in it", function()
      local first = created({ path = SPEC .. "-shared/a" })
      local second = created({ path = SPEC .. "-shared/b" })
      local above = second:paths().pids:match("^(.*)/")
      assert(second:destroy())
      assert.is_true(first:exists())
      assert.is_true(support.exists(above))
      assert(first:destroy())
      assert.is_false(support.exists(above))
    end)

    it("leaves no descriptor open", function()
      local fds = support.count_fds()
      assert(created({ pids_limit = 3, devices = { NULL } }):destroy())
      assert.equal(fds, support.count_fds())
    end)
  end)

  describe("paths of the configuration", function()
    it("are joined as they are: not made, limited or removed", function()
      local owner = created({})
      local guest = created({ paths = owner:paths(), pids_limit = 3 })
      local child = sleeper(guest)
      assert.same({ child.pid }, owner:pids())
      assert.equal("max", file(owner, "pids", "pids.max"))
      stop(child)
      assert(guest:destroy())
      assert.is_true(owner:exists())
    end)

    it("must be there", function()
      local mount = assert(cgroup.layout()).controllers.memory.mount
      local guest = created({ paths = { memory = mount .. SPEC .. "-missing" } })
      local handles, err = guest:join()
      assert.is_nil(handles)
      assert.equal("ENOENT", err.errno)
    end)
  end)

  describe("the manager \"none\"", function()
    it("does nothing", function()
      local manager = assert(cgroup.new({ id = "x", manager = "none" }))
      assert.is_true(manager:create())
      assert.same({}, (manager:join()))
      assert.same({}, manager:paths())
      assert.same({}, manager:created())
      assert.same({}, manager:pids(true))
      assert.is_nil((manager:freezer_state()))
      assert.is_true(manager:signal(SIGKILL))
      assert.is_false(manager:exists())
      assert.is_true(manager:destroy())
    end)

    it("cannot freeze", function()
      local ok, err = assert(cgroup.new({ id = "x", manager = "none" })):freeze("FROZEN")
      assert.is_nil(ok)
      assert.equal("SystemError", err.code)
    end)
  end)
end)
