local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local machine = require("specs.support.machine")

local SECONDS = 60

local function read(path)
  local file = io.open(path)
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return text
end

local function wait_until(what)
  local deadline = core.proc.clock() + SECONDS
  local found
  repeat
    found = what()
  until found or core.proc.clock() > deadline
  return assert(found)
end

describe("factory:adopt", function()
  local b, started

  setup(function()
    b = box.new()
    os.execute("mkdir -p " .. b.root .. "/mnt")
  end)

  teardown(function()
    b:close()
  end)

  after_each(function()
    if started then
      core.proc.send_signal(started.pidfd, core.proc.signals.SIGKILL)
      core.proc.wait(started.pidfd, {})
      started.pidfd:close()
      started = nil
    end
  end)

  -- Something that starts a container, and the first process of that.
  local function foreign(path, ...)
    local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
    started = assert(core.proc.spawn({ path = path, argv = { path, ... },
      fds = { null, null, null } }))
    null:close()
    return started.pid
  end

  -- bwrap and unshare fork once or twice; the last of them runs sleep.
  local function sleeper_below(pid)
    return wait_until(function()
      local at = pid
      while at do
        if read("/proc/" .. at .. "/comm") == "sleep\n" then
          return at
        end
        at = tonumber(read(("/proc/%d/task/%d/children"):format(at, at)):match("%d+"))
      end
    end)
  end

  local function check_entered(adopted, options)
    local result = assert(adopted:run_inside({ args = { "sh", "-c", "echo $$; cat /proc/1/comm" },
      env = { "PATH=/bin" } }))
    assert.matches("^%d+\n%w+\n$", result.stdout)
    assert.equal(0, result.code)
    local links = assert(adopted:call(options or {}, function()
      local dir = core.path.open_root("/proc/self/ns")
      return { mnt = core.path.readlink(dir, "mnt"), pid = core.path.readlink(dir, "pid"),
        busybox = io.open("/bin/busybox") ~= nil }
    end))
    assert.is_true(links.busybox)
    local there = assert(core.path.open_root(("/proc/%d/ns"):format(adopted:pid())))
    assert.equal(core.path.readlink(there, "mnt"), links.mnt)
    assert.equal(core.path.readlink(there, "pid"), links.pid)
    there:close()
    assert(adopted:mount("tmpfs", "/mnt", { device = "tmpfs" }))
    assert.matches(" /mnt tmpfs ", assert(adopted:call(options or {}, function()
      local file = io.open("/proc/self/mounts")
      return file:read("*a")
    end)))
    assert(adopted:unmount("/mnt"))
  end

  it("enters what bwrap started", function()
    if not io.open("/usr/bin/bwrap") then
      return pending("bubblewrap is not installed")
    end
    local pid = sleeper_below(foreign("/usr/bin/bwrap", "--bind", b.root, "/", "--proc", "/proc",
      "--dev", "/dev", "--unshare-pid", "--unshare-uts", "--unshare-ipc", "--cap-drop", "ALL",
      "/bin/sleep", "1000"))
    local adopted = assert(b.factory:adopt(pid))
    local state = adopted:state()
    assert.same({ "NEWIPC", "NEWNS", "NEWPID", "NEWUTS" }, state.own_namespaces)
    assert.equal(pid, state.init_process_pid)
    assert.equal("running", adopted:status())
    -- It drops capabilities, but not from the bounding set.
    local refused, err = adopted:call(function() end)
    assert.is_nil(refused)
    assert.matches("CAP_SYS_PTRACE", tostring(err), 1, true)
    check_entered(adopted, { trust = true })
    adopted:close()
  end)

  it("enters what unshare made, with a user namespace", function()
    if not machine.has("user_namespaces") then
      return pending("no user namespaces")
    end
    local pid = sleeper_below(foreign("/usr/bin/unshare", "--user", "--map-root-user", "--mount",
      "--pid", "--fork", "--mount-proc", "/bin/sleep", "1000"))
    local adopted = assert(b.factory:adopt(pid))
    local uid = assert(adopted:call(function()
      return read("/proc/self/status"):match("Uid:%s*(%d+)") .. read("/proc/1/comm")
    end))
    assert.equal("0sleep\n", uid)
    local result = assert(adopted:run_inside({ args = { "/bin/busybox", "id", "-u" },
      env = { "PATH=/bin" } }))
    assert.equal("0\n", result.stdout)
    adopted:close()
  end)

  it("finds, measures, freezes and signals what has a cgroup of its own", function()
    local container, process = b:sleeper()
    local other = ctr.process({ args = { "sleep", "1000" }, env = { "PATH=/bin" } })
    assert(container:run(other))
    local adopted = assert(b.factory:adopt(process:pid()))
    local pids = { process:pid(), other:pid() }
    table.sort(pids)
    assert.same(pids, adopted:processes())
    if machine.has("memory") then
      assert.is_true(adopted:stats().cgroup_stats.memory_stats.usage.usage > 0)
    end
    if machine.has("freezer") then
      assert(adopted:pause())
      assert.equal("paused", adopted:status())
      assert.equal("paused", container:status())
      assert(adopted:resume())
      assert.equal("running", container:status())
    end
    assert(adopted:signal("SIGKILL", true))
    assert.equal("SIGKILL", other:wait(SECONDS).signal)
    assert.equal("SIGKILL", process:wait(SECONDS).signal)
    assert.equal("stopped", adopted:status())
    for _, name in ipairs({ "signal", "processes", "state", "stats", "pause" }) do
      local ok, err = adopted[name](adopted, name == "signal" and "TERM" or nil)
      assert.is_nil(ok)
      assert.equal("ContainerNotRunning", err.code)
    end
    adopted:close()
    assert(container:destroy())
  end)

  it("measures and freezes nothing that is others' as well", function()
    local pid = sleeper_below(foreign("/usr/bin/unshare", "--mount", "--pid", "--fork",
      "/bin/sleep", "1000"))
    local adopted = assert(b.factory:adopt(pid))
    for _, name in ipairs({ "stats", "pause", "resume" }) do
      local ok, err = adopted[name](adopted)
      assert.is_nil(ok)
      assert.matches("no cgroup of its own", tostring(err))
    end
    assert.same({ pid }, adopted:processes())
    adopted:close()
  end)

  it("enters nothing that is not apart", function()
    local pid = foreign("/bin/sleep", "1000")
    local adopted = assert(b.factory:adopt(pid))
    for _, call in ipairs({
      function() return adopted:call(function() return 1 end) end,
      function() return adopted:run_inside({ args = { "true" } }) end,
      function() return adopted:mount("/tmp", "/mnt") end,
    }) do
      local ok, err = call()
      assert.is_nil(ok)
      assert.matches("own mount namespace", tostring(err))
    end
    adopted:close()
  end)

  it("destroys and changes nothing, and says so", function()
    local pid = foreign("/bin/sleep", "1000")
    local adopted = assert(b.factory:adopt(pid))
    for _, name in ipairs({ "destroy", "start", "exec", "set", "checkpoint", "restore", "attach",
      "config", "kept", "oci_state", "notify_oom", "notify_memory_pressure" }) do
      local ok, err = adopted[name](adopted)
      assert.is_nil(ok)
      assert.equal("EOPNOTSUPP", err.errno)
      assert.matches("is adopted", tostring(err))
    end
    assert.equal("running", adopted:status())
    adopted:close()
  end)

  it("knows a process by more than its number", function()
    local ok, err = b.factory:adopt(2 ^ 22 - 1)
    assert.is_nil(ok)
    assert.equal("ESRCH", err.errno)
    assert.has_error(function() b.factory:adopt("1") end)
    assert.has_error(function() b.factory:adopt(0) end)
    local pid = foreign("/bin/sleep", "1000")
    local adopted = assert(b.factory:adopt(pid))
    adopted.init_start_time = "1" -- as of a process that had the number before
    assert.equal("stopped", adopted:status())
    assert.is_nil((adopted:signal("TERM")))
    adopted:close()
  end)

  it("keeps open what it has to until it is closed", function()
    local pid = foreign("/bin/sleep", "1000")
    b.factory:adopt(pid):close()
    local before = machine.snapshot("none of them").descriptors
    local adopted = assert(b.factory:adopt(pid))
    adopted:close()
    b.factory:adopt(2 ^ 22 - 1)
    assert.same(before, machine.snapshot("none of them").descriptors)
    local ok, err = adopted:signal("TERM")
    assert.is_nil(ok)
    assert.matches("been let go", tostring(err))
  end)
end)
