-- How the kernel treats a process, seen from inside real containers.

local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")

local STAGED = {
  namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
  uid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } },
  gid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } },
}

local function with(changes, more)
  local merged = {}
  for _, part in ipairs({ changes, more or {} }) do
    for key, value in pairs(part) do
      merged[key] = value
    end
  end
  return merged
end

-- Of /proc/self/stat: what follows the name, from field 3 on.
local function fields_of(text)
  local fields = {}
  for word in text:match("^.*%) (.*)$"):gmatch("%S+") do
    fields[#fields + 1] = word
  end
  return fields
end

local function scheduling_of(result)
  local fields = fields_of(result.out)
  return { nice = fields[17], priority = fields[38], policy = fields[39] }
end

describe("a process", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  -- A further process of a container that sleeps.
  local function in_running(changes, script, spec)
    local container, init = b:sleeper(changes)
    local result, err = b:run(container, script, with({ init = false }, spec))
    b:finish(container, init)
    return result, err
  end

  local function fails(path, changes, spec)
    local before = machine.snapshot(box.PATTERN)
    local container = assert(b:create(changes))
    local ok, err = container:run(ctr.process(with({ args = { "/bin/true" } }, spec)))
    assert.is_nil(ok)
    assert.equal(path, err.path)
    assert.equal("stopped", container:status())
    assert(container:destroy())
    assert.same(before, machine.snapshot(box.PATTERN))
    return err
  end

  describe("with a scheduler", function()
    local STAT = "exec cat /proc/self/stat"

    it("has its policy and niceness, the first one and those that are added", function()
      local batch = { scheduler = { policy = "SCHED_BATCH", nice = 7 } }
      local expected = { nice = "7", priority = "0", policy = "3" }
      assert.same(expected, scheduling_of(b:sh(STAT, batch)))
      assert.same(expected, scheduling_of(b:sh(STAT, with(STAGED, batch))))
      assert.same(expected, scheduling_of(in_running(batch, STAT)))
    end)

    it("of its own has that one", function()
      local result = in_running({ scheduler = { policy = "SCHED_BATCH" } }, STAT,
        { scheduler = { policy = "SCHED_IDLE" } })
      assert.equal("5", scheduling_of(result).policy)
    end)

    it("may have deadlines", function()
      local result = assert(b:sh(STAT, { scheduler = { policy = "SCHED_DEADLINE", nice = 19,
        runtime = 1000000, deadline = 10000000, period = 20000000 } }))
      assert.equal("6", scheduling_of(result).policy)
    end)

    it("is told why deadlines do not go together with a cpuset", function()
      local err = fails("scheduler", { cgroups = { parent = box.PARENT, cpuset_cpus = "0" },
        scheduler = { policy = "SCHED_DEADLINE", runtime = 1000000, deadline = 10000000 } })
      assert.equal("EPERM", err.errno)
      assert.matches("does not go together with cgroups%.cpuset_cpus", tostring(err))
    end)

    it("is told when the kernel does not have the policy", function()
      local err = fails("process.scheduler", nil, { scheduler = { policy = "SCHED_ISO" } })
      assert.equal("EINVAL", err.errno)
      assert.matches("the kernel does not have this policy", tostring(err))
    end)

    it("may be of real time, where no cgroup forbids it", function()
      local free = box.new({ cgroup_manager = "none" })
      local result = assert(free:sh(STAT, { scheduler = { policy = "SCHED_FIFO", priority = 3,
        flags = { "SCHED_FLAG_RESET_ON_FORK" } } }))
      free:close()
      assert.same({ nice = "0", priority = "3", policy = "1" }, scheduling_of(result))
    end)
  end)

  describe("with an io_priority", function()
    it("has it, the first one and those that are added", function()
      local changes = { io_priority = { class = "IOPRIO_CLASS_BE", priority = 6 } }
      assert.equal("best-effort: prio 6\n", b:sh("ionice", changes).out)
      assert.equal("best-effort: prio 6\n", b:sh("ionice", with(STAGED, changes)).out)
      assert.equal("best-effort: prio 6\n", in_running(changes, "ionice").out)
      assert.equal("realtime: prio 2\n", in_running(changes, "ionice",
        { io_priority = { class = "IOPRIO_CLASS_RT", priority = 2 } }).out)
      assert.equal("idle\n", b:sh("ionice", nil, { io_priority = { class = "idle" } }).out)
    end)
  end)

  describe("with a personality", function()
    it("sees a 32-bit machine, or not", function()
      local function personality_of(domain)
        return { personality = { domain = domain } }
      end
      local script = "uname -m; cat /proc/self/personality"
      assert.equal("i686\n00000008\n", b:sh(script, personality_of("LINUX32")).out)
      assert.equal("i686\n00000008\n", in_running(personality_of("LINUX32"), script).out)
      assert.equal("x86_64\n00000000\n", b:sh(script, personality_of("LINUX")).out)
    end)
  end)

  it("runs as a user of the files that a link leads to, in a mount", function()
    local folder = b.folder .. "/accounts"
    local file = b.root .. "/etc/passwd"
    assert.equal(0, host.sh(("mkdir %s && echo web:x:77:78::/srv: > %s/passwd && mv %s %s.own && "
      .. "ln -s /data/passwd %s"):format(folder, folder, file, file, file)).code)
    local result, err = b:sh("id -u; id -g; echo $HOME", { mounts = {
      { source = folder, destination = "/data", flags = { "bind" } },
    } }, { user = "web" })
    assert.equal(0, host.sh(("mv %s.own %s"):format(file, file)).code)
    assert.equal("77\n78\n/srv\n", result and result.out or tostring(err))
  end)

  it("counts by the sysctls of its user namespace", function()
    local file = "/proc/sys/user/max_net_namespaces"
    local before = io.open(file):read("*a")
    local result = b:sh("cat " .. file, with(STAGED,
      { sysctl = { ["user.max_net_namespaces"] = "7" } }))
    assert.equal("7\n", result.out)
    assert.equal(before, io.open(file):read("*a"))
  end)

  describe("with a memory_policy", function()
    local POLICIES = {
      { "bind:0", { mode = "MPOL_BIND", nodes = "0" } },
      { "interleave=static:0", { mode = "MPOL_INTERLEAVE", nodes = "0",
        flags = { "MPOL_F_STATIC_NODES" } } },
      { "prefer:0", { mode = "MPOL_PREFERRED", nodes = "0" } },
      { "local", { mode = "MPOL_LOCAL" } },
      { "default", { mode = "MPOL_DEFAULT" } },
    }

    it("gets its memory by it", function()
      local first = "exec head -1 /proc/self/numa_maps"
      for _, row in ipairs(POLICIES) do
        assert.equal(row[1], b:sh(first, { memory_policy = row[2] }).out:match("^%x+ (%S+)"))
      end
      assert.equal("bind:0",
        in_running({ memory_policy = POLICIES[1][2] }, first).out:match("^%x+ (%S+)"))
    end)

    it("is told when a node is not there", function()
      local err = fails("memory_policy", { memory_policy = { mode = "MPOL_BIND", nodes = "1000" } })
      assert.equal("EINVAL", err.errno)
      assert.matches("or the container not these nodes", tostring(err))
    end)
  end)

  describe("on CPUs", function()
    local ALLOWED = "exec grep Cpus_allowed_list /proc/self/status"
    local all = io.open("/sys/devices/system/cpu/online"):read("*l")
    local pid = core.proc.getpid()

    local function keep_to(list)
      assert.equal(0, host.sh(("taskset -pc %s %d"):format(list, pid)).code)
    end

    after_each(function()
      keep_to(all)
    end)

    local function allowed(result)
      return result.out:match("Cpus_allowed_list:%s+(%S+)")
    end

    local function sleeper_on(cpus)
      return { cgroups = { parent = box.PARENT, cpuset_cpus = cpus } }
    end

    it("has those of its cpuset, whatever the caller keeps to", function()
      keep_to("0")
      assert.equal(all, allowed(b:sh(ALLOWED)))
      assert.equal(all, allowed(b:sh(ALLOWED, STAGED)))
      assert.equal("1", allowed(b:sh(ALLOWED, sleeper_on("1"))))
      assert.equal(all, allowed(in_running(nil, ALLOWED)))
    end)

    it("keeps to the caller's, where it enters no cgroup", function()
      local free = box.new({ cgroup_manager = "none" })
      keep_to("0")
      local result = free:sh(ALLOWED)
      free:close()
      assert.equal("0", allowed(result))
    end)

    it("of its own has these once it was added", function()
      assert.equal("1", allowed(in_running({ exec_cpu_affinity = { final = "1" } }, ALLOWED)))
      assert.equal("0", allowed(in_running({ exec_cpu_affinity = { final = "1" } }, ALLOWED,
        { cpu_affinity = { final = "0" } })))
      assert.equal("0", allowed(in_running({ exec_cpu_affinity = { initial = "0" } }, ALLOWED)))
    end)

    it("may have some until it is in the cgroup that the cgroup does not have", function()
      local changes = with(sleeper_on("1"), { exec_cpu_affinity = { initial = "0" } })
      assert.equal("1", allowed(in_running(changes, ALLOWED)))
    end)

    it("is told when it wants what its cpuset does not have", function()
      local container, init = b:sleeper(sleeper_on("1"))
      local before = machine.snapshot(box.PATTERN)
      local result, err = b:run(container, ALLOWED,
        { init = false, cpu_affinity = { final = "0" } })
      assert.is_nil(result)
      assert.equal("process.cpu_affinity.final", err.path)
      assert.equal("EINVAL", err.errno)
      assert.same(before, machine.snapshot(box.PATTERN))
      b:finish(container, init)
    end)

    it("has none of its own when it is the first", function()
      local err = fails("process.cpu_affinity", nil, { cpu_affinity = { final = "0" } })
      assert.equal("ConfigInvalid", err.code)
    end)
  end)

  describe("with a pidfd_socket", function()
    local ours, theirs

    before_each(function()
      ours, theirs = core.fd.socketpair("stream")
    end)

    after_each(function()
      ours:close()
      theirs:close()
    end)

    local function received()
      local text, handles = core.fd.recv(ours, 100)
      local pidfd = handles[1]
      local info = io.open("/proc/self/fdinfo/" .. pidfd:fd()):read("*a")
      pidfd:close()
      return text, tonumber(info:match("Pid:%s+(%d+)")), #handles
    end

    for name, changes in pairs({ plain = {}, staged = STAGED }) do
      it("sends its pidfd before the program runs (" .. name .. ")", function()
        local container = assert(b:create(changes))
        local init = ctr.process({ args = { "/bin/sleep", "1000" }, pidfd_socket = theirs })
        assert(container:start(init))
        assert.same({ "standard", init:pid(), 1 }, { received() })
        assert(container:exec())
        local further = ctr.process({ args = { "/bin/sleep", "1000" }, init = false,
          pidfd_socket = theirs })
        assert(container:run(further))
        assert.same({ "setns", further:pid(), 1 }, { received() })
        assert(further:signal("SIGKILL"))
        assert(further:wait(60))
        b:finish(container, init)
      end)
    end

    it("connects to a path", function()
      local ffi = require("ffi")
      ffi.cdef([[
        int socket(int, int, int); int bind(int, const void *, unsigned); int listen(int, int);
        int accept4(int, void *, void *, int); int close(int);
      ]])
      local path = b.folder .. "/pidfd.sock"
      local listener = ffi.C.socket(1, 0x80001, 0)
      local address = "\1\0" .. path .. "\0"
      assert.equal(0, ffi.C.bind(listener, address, #address))
      assert.equal(0, ffi.C.listen(listener, 1))
      ours:close()
      assert.equal(0, b:sh("true", nil, { pidfd_socket = path }).code)
      ours = core.fd.wrap(ffi.C.accept4(listener, nil, nil, 0x80000))
      ffi.C.close(listener)
      local text, handles = core.fd.recv(ours, 100)
      handles[1]:close()
      assert.equal("standard", text)
    end)

    it("is told when nobody listens, or when it is no socket", function()
      assert.equal("ENOENT",
        fails("process.pidfd_socket", nil, { pidfd_socket = "/nonesuch" }).errno)
      for _, odd in ipairs({ true, 0.5, 12345, b.factory }) do
        assert.equal("ConfigInvalid",
          fails("process.pidfd_socket", nil, { pidfd_socket = odd }).code)
      end
      assert.equal("ConfigInvalid",
        fails("process.console_socket", nil, { console_socket = true }).code)
    end)

    it("is told when the other end is closed", function()
      ours:close()
      assert.equal("EPIPE", fails("process.pidfd_socket", nil, { pidfd_socket = theirs }).errno)
    end)

    it("of the program's sees nothing of the socket", function()
      local result = b:sh("exec ls /proc/self/fd", nil, { pidfd_socket = theirs })
      assert.equal("standard", (received()))
      assert.equal("0\n1\n2\n3\n", result.out)
    end)
  end)

  describe("with sub_cgroup_paths", function()
    local container, init, paths

    before_each(function()
      container, init = b:sleeper()
      paths = container:state().cgroup_paths
    end)

    after_each(function()
      b:finish(container, init)
    end)

    local function needs_v1()
      if not paths.pids then
        pending("needs the hierarchies of cgroup v1")
      end
    end

    -- A new cpuset takes nobody before it has what its parent has.
    local function make(controller, name)
      local path = paths[controller]
      assert.equal(0, host.sh(("mkdir -p %s/%s"):format(path, name)).code)
      for _, file in ipairs(controller == "cpuset" and { "cpus", "mems" } or {}) do
        assert.equal(0, host.sh(("cd %s && cat cpuset.%s > %s/cpuset.%s"):format(path, file, name,
          file)).code)
      end
    end

    local function places(sub_paths)
      local result, err = b:run(container, "exec cat /proc/self/cgroup",
        { init = false, sub_cgroup_paths = sub_paths })
      if not result then
        return nil, err
      end
      local found = {}
      for names, path in result.out:gmatch("%d+:([^:]*):(%S+)") do
        found[names] = path:match("/box%-%d+(.*)$") or path
      end
      return found
    end

    it("goes below the container's cgroups, where it says so", function()
      needs_v1()
      make("pids", "a/b")
      make("freezer", "c")
      local found = assert(places({ pids = "a/b", freezer = "/c" }))
      assert.equal("/a/b", found.pids)
      assert.equal("/c", found.freezer)
      assert.equal("", found.memory)
    end)

    it("goes below all of them", function()
      needs_v1()
      for controller in pairs(paths) do
        make(controller, "all")
      end
      make("pids", "one")
      local found = assert(places({ [""] = "all", pids = "one" }))
      assert.equal("/one", found.pids)
      for controller in pairs(paths) do
        if controller ~= "pids" and found[controller] then
          assert.equal("/all", found[controller], controller)
        end
      end
      assert.equal("", assert(places({ [""] = "/" })).pids)
    end)

    it("is told what is not there", function()
      needs_v1()
      local before = machine.snapshot(box.PATTERN)
      local found, err = places({ pids = "nonesuch" })
      assert.is_nil(found)
      assert.equal('process.sub_cgroup_paths["pids"]', err.path)
      assert.equal("ENOENT", err.errno)
      found, err = places({ nonesuch = "a" })
      assert.is_nil(found)
      assert.equal("ConfigInvalid", err.code)
      assert.equal('process.sub_cgroup_paths["nonesuch"]', err.path)
      assert.same(before, machine.snapshot(box.PATTERN))
    end)

    it("has none when it is the first", function()
      local err = fails("process.sub_cgroup_paths", nil, { sub_cgroup_paths = { [""] = "a" } })
      assert.equal("ConfigInvalid", err.code)
    end)
  end)

  it("without cgroups goes below none", function()
    local free = box.new({ cgroup_manager = "none" })
    local container, init = free:sleeper()
    local result, err = free:run(container, "true",
      { init = false, sub_cgroup_paths = { a = "b" } })
    free:finish(container, init)
    free:close()
    assert.is_nil(result)
    assert.equal("process.sub_cgroup_paths", err.path)
  end)
end)
