local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local machine = require("specs.support.machine")
local orphans = require("specs.support.orphans")

local ON_HOST = { "prestart", "createRuntime", "createContainer", "poststart", "poststop" }
local KINDS = { "prestart", "createRuntime", "createContainer", "startContainer", "poststart",
  "poststop" }
local OF_START = { "prestart", "createRuntime", "createContainer", "startContainer", "poststart" }
local STATUS = { prestart = "creating", createRuntime = "creating", createContainer = "creating",
  startContainer = "created", poststart = "running", poststop = "stopped" }
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local IN_USER_NAMESPACE = {
  namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
  uid_mappings = MAPPING, gid_mappings = MAPPING,
}
local TIMEOUT, MARGIN = 0.2, 60

-- A hook that runs a script of the host's shell, or of the container's.
local function sh(script, fields)
  local hook = { path = "/bin/sh", args = { "sh", "-c", script }, env = { "PATH=/usr/bin:/bin" } }
  for key, value in pairs(fields or {}) do
    hook[key] = value
  end
  return hook
end

local function call(func)
  return { func = func }
end

local function read(path)
  local file = io.open(path)
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

local function sleeper()
  return ctr.process({ args = { "/bin/sleep", "1000" } })
end

describe("hooks", function()
  local b, said

  setup(function()
    b = box.new()
    os.execute("chmod 1777 " .. b.root .. "/tmp " .. b.folder)
    said = b.folder .. "/said"
    -- What a first start opens for all later ones is open before the counting.
    assert(b:sh("true"))
    assert(b:sh("true", IN_USER_NAMESPACE))
  end)

  teardown(function()
    b:close()
  end)

  before_each(function()
    os.remove(said)
    os.remove(b.root .. "/tmp/said")
  end)

  -- Where a hook of a kind leaves what it has to say, as it sees the path itself.
  local function place_of(kind)
    if kind == "startContainer" then
      return "/tmp/said", b.root .. "/tmp/said"
    end
    return said, said
  end

  local function with(hooks, changes)
    local all = { hooks = hooks }
    for key, value in pairs(changes or {}) do
      all[key] = value
    end
    return assert(b:create(all))
  end

  -- Runs a container with these hooks to its end.
  local function live(hooks, changes, spec)
    local container = with(hooks, changes)
    local result = assert(b:run(container, "exit 0", spec))
    assert.equal(0, result.code)
    local ok, warning = container:destroy()
    assert.is_true(ok)
    return warning, result
  end

  -- A run, or what it takes of the container's life for the kind, that fails by a hook.
  local function fail(kind, hooks, changes)
    local container = with(hooks, changes)
    local ok, err = container:run(sleeper())
    if kind ~= "poststop" then
      assert.is_nil(ok)
      assert.equal("stopped", container:status())
      assert.equal(-1, container:state().init_process_pid)
      assert(container:destroy())
      return err
    end
    assert.is_true(ok)
    assert(container:signal("SIGKILL"))
    assert(container.init_process:wait(60))
    ok, err = container:destroy()
    assert.is_true(ok)
    return err
  end

  for _, kind in ipairs(KINDS) do
    describe("of the kind " .. kind, function()
      it("are commands that read the state", function()
        local inner, outer = place_of(kind)
        assert.is_nil(live({ [kind] = { sh("cat >> " .. inner) } },
          { labels = { "bundle=/the/bundle", "note=kept" } }))
        local state = assert(core.json.decode(assert(read(outer))))
        assert.equal("1.3.0", state.ociVersion)
        assert.equal(STATUS[kind], state.status)
        assert.equal("/the/bundle", state.bundle)
        assert.equal("kept", state.annotations.note)
        if kind == "poststop" then
          assert.is_nil(state.pid)
        elseif kind == "createContainer" or kind == "startContainer" then
          assert.equal(1, state.pid)
        else
          assert.is_true(state.pid > 1)
        end
      end)

      it("are functions that are given the state", function()
        local state
        assert.is_nil(live({ [kind] = { call(function(given) state = given end) } }))
        assert.equal(STATUS[kind], state.status)
        assert.equal("1.3.0", state.ociVersion)
        assert.equal(kind == "poststop", state.pid == nil)
      end)

      it("fail by their exit, with what they wrote, and nothing is left", function()
        local before = machine.snapshot(box.PATTERN)
        local err = fail(kind, { [kind] = { sh("exit 0"),
          sh("echo on the way; echo no bridge >&2; echo br0 >&2; exit 3") } })
        assert.equal("SystemError", err.code)
        assert.equal(("hooks.%s[2]"):format(kind), err.path)
        assert.equal(("hooks.%s[2]: /bin/sh exited with 3, stderr: no bridge; br0, stdout: "
          .. "on the way"):format(kind), tostring(err))
        assert.equal("no bridge\nbr0\n", err.stderr)
        assert.equal("on the way\n", err.stdout)
        assert.same(before, machine.snapshot(box.PATTERN))
      end)

      it("fail by a signal", function()
        local err = fail(kind, { [kind] = { sh("kill -9 $$") } })
        assert.equal(("hooks.%s[1]: /bin/sh was killed by SIGKILL"):format(kind), tostring(err))
      end)

      it("fail by a program that cannot be executed", function()
        local err = fail(kind, { [kind] = { { path = "/etc/passwd/none" } } })
        assert.equal("ENOTDIR", err.errno)
        assert.equal(("hooks.%s[1]"):format(kind), err.path)
        err = fail(kind, { [kind] = { { path = "/etc/passwd" } } })
        assert.equal("EACCES", err.errno)
        err = fail(kind, { [kind] = { sh("true", { dir = "/nonesuch" }) } })
        assert.equal("ENOENT", err.errno)
        assert.matches("/nonesuch", tostring(err), 1, true)
      end)

      it("fail as functions by what they return or raise", function()
        local before = machine.snapshot(box.PATTERN)
        for _, func in ipairs({ function() return nil, "no bridge" end,
          function() return false, "no bridge" end, function() error("no bridge", 0) end }) do
          local err = fail(kind, { [kind] = { call(func) } })
          assert.equal("SystemError", err.code)
          assert.equal(("hooks.%s[1]: no bridge"):format(kind), tostring(err))
        end
        local own = ctr.errors.new("IdInUse", "taken")
        local err = fail(kind, { [kind] = { call(function() return nil, own end) } })
        assert.equal("IdInUse", err.code)
        assert.equal(("hooks.%s[1]: taken"):format(kind), tostring(err))
        assert.same(before, machine.snapshot(box.PATTERN))
      end)

      -- runc returned only when the grandchild had closed its output, and both runc and crun left
      -- it alive.
      it("are killed with all that they started when their time has passed", function()
        local before = machine.snapshot(box.PATTERN)
        local inner, outer = place_of(kind)
        local script = ([[
          setsid sh -c 'echo $$ >> SAID; sleep 1000 & echo $! >> SAID; exec sleep 1000' &
          (sh -c 'sleep 1000 & echo $! >> SAID' &)
          while [ $(wc -l < SAID || echo 0) -lt 3 ]; do :; done 2> /dev/null
          exec sleep 1000]]):gsub("SAID", inner)
        local started = core.proc.clock()
        local err = fail(kind, { [kind] = { sh(script, { timeout = 1 }) } })
        assert.is_true(core.proc.clock() - started < 1 + MARGIN)
        assert.equal("ETIMEDOUT", err.errno)
        assert.equal(("hooks.%s[1]: /bin/sh ran past its timeout of 1 s and was killed"):format(
          kind), tostring(err))
        local count = 0
        for pid in read(outer):gmatch("%d+") do
          count = count + 1
          local is_inner = kind == "createContainer" or kind == "startContainer"
          assert.is_true(is_inner or read("/proc/" .. pid .. "/stat") == nil)
        end
        assert.equal(3, count)
        assert.same(before, machine.snapshot(box.PATTERN))
      end)

      it("may neither read nor be read from", function()
        local labels = {}
        for index = 1, 300 do
          labels[index] = ("label%d=%s"):format(index, ("x"):rep(1000))
        end
        local noise = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; "
        assert.is_nil(live({ [kind] = { sh("exec <&-; " .. noise) } }, { labels = labels }))
        assert.is_nil(live({ [kind] = { sh(noise) } }, { labels = labels }))
        local err = fail(kind, { [kind] = { sh(noise .. "exit 1") } }, { labels = labels })
        assert.equal(1024, #err.stdout)
        assert.is_true(#tostring(err) < 2000)
      end)

      it("have exactly their arguments, their environment and their folder", function()
        local inner, outer = place_of(kind)
        local script = ("tr '\\0' '|' < /proc/self/cmdline >> SAID; echo >> SAID; "
          .. "tr '\\0' '|' < /proc/self/environ >> SAID; pwd >> SAID"):gsub("SAID", inner)
        local busybox = kind == "startContainer" and "/bin/busybox" or "/bin/sh"
        local args = { busybox == "/bin/sh" and "named" or "sh", "-c", script, "zero", "" }
        assert.is_nil(live({ [kind] = {
          { path = busybox, args = args, env = { "PATH=/usr/bin:/bin", "A=b c" }, dir = "/tmp" },
        } }))
        local lines = {}
        for line in read(outer):gmatch("[^\n]+") do
          lines[#lines + 1] = line
        end
        assert.matches("^" .. args[1] .. "|%-c|", lines[1])
        assert.matches("|zero||$", lines[1])
        assert.equal("PATH=/usr/bin:/bin|A=b c|/tmp", lines[2])
      end)

      it("have no environment but the process' and no other descriptor, and start in /", function()
        local inner, outer = place_of(kind)
        local ls = kind == "startContainer" and "/bin/ls" or "/usr/bin/ls"
        local copy = "exec > SAID; pwd; cat < /proc/self/environ; exec LS /proc/self/fd"
        local script = copy:gsub("SAID", inner):gsub("LS", ls)
        assert.is_nil(live({ [kind] = { { path = "/bin/sh", args = { "sh", "-c", script } } } }))
        -- The last one is that of ls itself.
        local env = kind == "startContainer" and "PATH=/bin:/sbin\0HOME=/root\0" or ""
        assert.equal("/\n" .. env .. "0\n1\n2\n3\n", read(outer))
      end)
    end)
  end

  it("run in their order", function()
    local seen = {}
    local hooks = {}
    for _, kind in ipairs(KINDS) do
      hooks[kind] = {
        call(function() seen[#seen + 1] = kind .. " 1" end),
        sh("true"),
        call(function() seen[#seen + 1] = kind .. " 2" end),
      }
    end
    local container = with(hooks)
    local process = sleeper()
    assert(container:start(process))
    seen[#seen + 1] = container:status()
    assert(container:exec())
    seen[#seen + 1] = container:status()
    container:signal("SIGKILL")
    process:wait(60)
    assert(container:destroy())
    assert.same({ "prestart 1", "prestart 2", "createRuntime 1", "createRuntime 2",
      "createContainer 1", "createContainer 2", "created", "startContainer 1", "startContainer 2",
      "poststart 1", "poststart 2", "running", "poststop 1", "poststop 2" }, seen)
  end)

  it("mix commands and functions in the order in which they are listed", function()
    for _, kind in ipairs(KINDS) do
      local inner, outer = place_of(kind)
      os.remove(outer)
      local seen
      assert.is_nil(live({ [kind] = { sh("echo one >> " .. inner), call(function()
        seen = read(outer)
      end), sh("echo two >> " .. inner) } }))
      assert.equal("one\n", seen, kind)
      assert.equal("one\ntwo\n", read(outer), kind)
    end
  end)

  it("before the root is entered find its finished tree at its path on the host", function()
    local hooks = {
      createRuntime = { sh(([[
        pid=$(sed 's/.*"pid":\([0-9]*\).*/\1/')
        nsenter -t $pid -m stat -c %%F R/dev/null >> SAID
        nsenter -t $pid -m ls -d /usr/bin >> SAID
        nsenter -t $pid -m mount -t tmpfs none R/mnt]]):gsub("%%%%", "%%"):gsub("%f[%u]R/",
        b.root .. "/"):gsub("SAID", said), {}) },
      createContainer = { sh(([[
        ls -d R/proc/1 /usr/bin >> SAID && mount --bind /usr/bin R/srv ]]):gsub(
        "%f[%u]R/", b.root .. "/"):gsub("SAID", said), {}) },
    }
    os.execute("mkdir -p " .. b.root .. "/srv " .. b.root .. "/mnt")
    local container = with(hooks)
    local result = assert(b:run(container,
      "grep -c ' /mnt tmpfs ' /proc/mounts; ls /srv/luajit; ls /usr/bin/luajit"))
    assert(container:destroy())
    assert.equal("1\n/srv/luajit\n", result.out)
    assert.equal("character special file\n/usr/bin\n" .. b.root .. "/proc/1\n/usr/bin\n",
      (read(said)))
    assert.is_nil(read("/proc/self/mountinfo"):find(b.root, 1, true))
  end)

  it("before the root is entered find the process in its limited cgroups", function()
    local pids, limit
    local container
    container = with({ createRuntime = { call(function(state)
      pids = container:processes()
      local path = container:state().cgroup_paths.pids
      limit = path and read(path .. "/pids.max")
      assert.same({ state.pid }, pids)
    end) } }, { cgroups = { parent = box.PARENT, pids_limit = 17 } })
    assert(container:run(sleeper()))
    b:finish(container, container.init_process)
    assert.equal(1, #pids)
    if not limit then
      pending("no pids controller by that name")
    end
    assert.equal("17\n", limit)
  end)

  for _, is_locked in ipairs({ true, false }) do
    it("in the container are under its filter, no_new_privileges "
      .. tostring(is_locked), function()
      os.execute("mkdir -p -m 1777 " .. b.root .. "/tmp")
      local changes = { seccomp = { default_action = "allow",
        syscalls = { { names = { "mkdir", "mkdirat" }, action = "errno", errno_ret = 38 } } } }
      local hooks = { startContainer = { sh("mkdir /tmp/made 2> /tmp/said",
        { env = { "PATH=/bin" } }) } }
      local container = with(hooks, changes)
      local ok, err = container:run(ctr.process({ args = { "/bin/true" },
        no_new_privileges = is_locked }))
      assert.is_nil(ok)
      assert.equal("hooks.startContainer[1]", err.path)
      assert.matches("Function not implemented", read(b.root .. "/tmp/said"), 1, true)
      assert(container:destroy())
      container = with(hooks, changes)
      assert(container:start(ctr.process({ args = { "/bin/true" },
        no_new_privileges = is_locked })))
      ok, err = container:exec()
      assert.is_nil(ok)
      assert.equal("hooks.startContainer[1]", err.path)
      container:signal("SIGKILL")
      assert(container:destroy())
    end)
  end

  it("in the container have the process' own credentials", function()
    os.execute("mkdir -p -m 1777 " .. b.root .. "/tmp")
    local script = "id -u > /tmp/said; id -g >> /tmp/said; "
      .. "grep -E 'CapEff|CapPrm|CapBnd|NoNewPrivs' /proc/self/status >> /tmp/said"
    local caps = { bounding = { "CAP_KILL" }, effective = {}, permitted = {}, inheritable = {},
      ambient = {} }
    live({ startContainer = { sh(script, { env = { "PATH=/bin" } }) } }, nil,
      { user = "5:6", capabilities = caps, no_new_privileges = true })
    assert.equal("5\n6\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
      .. "CapBnd:\t0000000000000020\nNoNewPrivs:\t1\n", read(b.root .. "/tmp/said"))
  end)

  it("in the container come behind the look-up of a user whose files are mounted", function()
    local users = b.folder .. "/users"
    local file = assert(io.open(users, "w"))
    file:write("root:x:0:0::/:/bin/sh\nsomebody:x:77:78::/:/bin/sh\n")
    file:close()
    local changes = box.config(b.root)
    table.insert(changes.mounts, { source = users, destination = "/etc/passwd",
      flags = { "bind" } })
    local function check()
      return read(b.root .. "/tmp/said") == "77\n"
    end
    assert.is_nil(live({ startContainer = { sh("id -u > /tmp/said"), call(check) } },
      { mounts = changes.mounts }, { user = "somebody" }))
  end)

  it("may start what outlives them", function()
    local script = "sleep 1000 > /dev/null 2>&1 & echo $! > " .. said
    local container = with({ createRuntime = { sh(script) } })
    assert(container:run(sleeper()))
    local pid = tonumber(read(said))
    local daemon = assert(core.proc.pidfd_open(pid))
    b:finish(container, container.init_process)
    assert(core.proc.send_signal(daemon, 9))
    local ready = assert(core.poll.wait({ { fd = daemon, events = "r" } }, 60))
    assert.is_truthy(ready[1])
    core.proc.wait(daemon, { nohang = true })
    daemon:close()
  end)

  it("that fail keep the others of the start from running, and none of the end", function()
    local hooks, seen = {}, {}
    for _, kind in ipairs(KINDS) do
      hooks[kind] = { call(function() seen[#seen + 1] = kind end) }
    end
    hooks.createRuntime = { sh("exit 1"), call(function() seen[#seen + 1] = "createRuntime 2" end) }
    hooks.poststop = { sh("exit 1"), call(function() error("second", 0) end),
      call(function() seen[#seen + 1] = "poststop 3" end) }
    local container = with(hooks)
    assert.is_nil((container:run(sleeper())))
    local ok, warning = container:destroy()
    assert.is_true(ok)
    assert.equal("hooks.poststop[1]: /bin/sh exited with 1", tostring(warning))
    assert.same({ "prestart", "poststop 3" }, seen)
    assert.is_true(container:destroy())
    assert.equal(2, #seen)
    assert.equal("ContainerNotExists", select(2, b.factory:load(container:id())).code)
  end)

  it("end the container when they fail after its program was executed", function()
    local before = machine.snapshot(box.PATTERN)
    local container = with({ poststart = { sh("exit 1") } })
    local process = ctr.process({ args = { "/bin/sleep", "1000" }, stdout = function() end })
    assert(container:start(process))
    local ok, err = container:exec()
    assert.is_nil(ok)
    assert.equal("hooks.poststart[1]", err.path)
    assert.equal("stopped", container:status())
    assert.equal("SIGKILL", process:wait(60).signal)
    assert(container:destroy())
    assert.same(before, machine.snapshot(box.PATTERN))
  end)

  it("in the container end it when they fail, told to execute or not", function()
    local before = machine.snapshot(box.PATTERN)
    for _, hook in ipairs({ sh("echo why >&2; exit 1"), sh("sleep 1000", { timeout = 0.1 }),
      call(function() return nil, "why" end) }) do
      local container = with({ startContainer = { hook } })
      local process = sleeper()
      assert(container:start(process))
      assert.equal("created", container:status())
      local ok, err = container:exec()
      assert.is_nil(ok)
      assert.equal("hooks.startContainer[1]", err.path)
      assert.equal("stopped", container:status())
      process:wait(60)
      assert(container:destroy())
    end
    assert.same(before, machine.snapshot(box.PATTERN))
  end)

  it("leave nobody in a pid namespace that the container shares", function()
    local before = machine.snapshot(box.PATTERN)
    local shared = { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWNET" } }
    for _, kind in ipairs(OF_START) do
      fail(kind, { [kind] = { sh("setsid sleep 1000 & exec sleep 1000", { timeout = TIMEOUT }) } },
        shared)
    end
    local container = with({ startContainer = {
      sh("setsid sleep 1000 & exec sleep 1000", { timeout = TIMEOUT }) } }, shared)
    local process = sleeper()
    assert(container:start(process))
    assert.is_nil((container:exec()))
    process:wait(60)
    assert(container:destroy())
    orphans.reap("a hook in a shared pid namespace")
    assert.same(before, machine.snapshot(box.PATTERN))
  end)

  it("see the process' id in a pid namespace that is shared", function()
    local shared = { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWNET" } }
    local pid
    local container = with({ createContainer = { sh("cat > " .. said),
      call(function(state) pid = state.pid end) } }, shared)
    assert(container:run(sleeper()))
    b:finish(container, container.init_process)
    assert.equal(pid, core.json.decode(read(said)).pid)
  end)

  it("work with a user namespace", function()
    if not machine.has("user_namespaces") then
      pending("no user namespaces here")
    end
    local before = machine.snapshot(box.PATTERN)
    for _, kind in ipairs(KINDS) do
      local inner, outer = place_of(kind)
      os.remove(outer)
      assert.is_nil(live({ [kind] = { sh("cat > /dev/null; id -u > " .. inner),
        call(function() end) } }, IN_USER_NAMESPACE))
      assert.equal("0\n", read(outer), kind)
      assert.equal(("hooks.%s[1]"):format(kind),
        fail(kind, { [kind] = { sh("sleep 1000 & exec sleep 1000", { timeout = TIMEOUT }) } },
          IN_USER_NAMESPACE).path)
    end
    assert.same(before, machine.snapshot(box.PATTERN))
  end)

  it("are given the factory's time where they have none of their own", function()
    local factory = assert(ctr.new(b.folder .. "/other", { hook_timeout = 0.1 }))
    for _, kind in ipairs(OF_START) do
      local container = assert(factory:create("timed", box.config(b.root,
        { hooks = { [kind] = { sh("sleep 1000") } } })))
      local ok, err = container:run(sleeper())
      assert.is_nil(ok)
      assert.equal("ETIMEDOUT", err.errno)
      assert(container:destroy())
    end
    factory:close()
    local refused, err = ctr.new(b.folder .. "/other", { hook_timeout = 0 })
    assert.is_nil(refused)
    assert.equal("hook_timeout", err.path)
  end)

  it("that are scripts are found by their interpreter", function()
    local script = b.folder .. "/script"
    local file = assert(io.open(script, "w"))
    file:write("#!/bin/sh\necho $0 $1 >> " .. said .. "\n")
    file:close()
    os.execute("chmod 755 " .. script)
    for _, kind in ipairs(ON_HOST) do
      os.remove(said)
      assert.is_nil(live({ [kind] = { { path = script, args = { "any", "argument" } } } }))
      assert.equal(script .. " argument\n", read(said), kind)
    end
  end)

  describe("that are functions", function()
    -- Whatever would wait for the container's lock waits for the call that the hook is in.
    it("may look at the container, and not change it", function()
      local container
      local found, refusals = {}, {}
      container = with({ createRuntime = { call(function(state)
        found.pid = container:state().init_process_pid == state.pid
        found.status = type(container:status())
        found.config = container:config().hostname
        found.oci = container:oci_state().pid == state.pid
        found.processes = #container:processes()
        local same = assert(b.factory:load(container:id()))
        found.loaded = same:state().init_process_pid == state.pid
        for _, object in ipairs({ container, same }) do
          for _, name in ipairs({ "start", "run", "exec", "pause", "resume", "destroy" }) do
            local ok, err = object[name](object, sleeper())
            refusals[#refusals + 1] = not ok and tostring(err):find("is in a hook", 1, true) ~= nil
          end
        end
      end) } })
      assert(container:run(sleeper()))
      b:finish(container, container.init_process)
      assert.same({ pid = true, status = "string", config = "box", oci = true, processes = 1,
        loaded = true }, found)
      assert.equal(12, #refusals)
      for _, is_refused in ipairs(refusals) do
        assert.is_true(is_refused)
      end
    end)

    it("are not in the state, which can be written", function()
      local container = with({ poststart = { call(function() end) } })
      assert.is_string(container:state().config.hooks.poststart[1].func)
      assert(core.json.encode(container:state()))
      assert.is_function(container:config().hooks.poststart[1].func)
      assert(container:destroy())
    end)

    it("may make and end other containers", function()
      local container = with({ poststart = { call(function()
        return b:sh("true").code == 0
      end) } })
      assert(container:run(sleeper()))
      b:finish(container, container.init_process)
    end)

    it("are found again by the factory that has them", function()
      local seen = 0
      local function count()
        seen = seen + 1
      end
      local container = with({ startContainer = { call(count) }, poststart = { call(count) },
        poststop = { call(count) } })
      local process = sleeper()
      assert(assert(b.factory:load(container:id())):start(process))
      assert(assert(b.factory:load(container:id())):exec())
      process:signal("SIGKILL")
      process:wait(60)
      assert(assert(b.factory:load(container:id())):destroy())
      assert.equal(3, seen)
      assert.is_nil(next(b.factory.hook_functions))
    end)
  end)
end)
