-- A user without privilege whom systemd runs a manager for: runs in the guest.

local box = require("specs.support.box")
local core = require("ctr.core")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local support = require("specs.support.cgroups")

local NAME, USER = "ctrspec", 4400
local RUNTIME = "/run/user/" .. USER
local SERVICE = ("/sys/fs/cgroup/user.slice/user-%d.slice/user@%d.service"):format(USER, USER)

if not machine.has("systemd") or not support.read("/sys/fs/cgroup/cgroup.controllers") then
  describe("a user with a manager of systemd's", function()
    pending("needs systemd as the first process, and cgroup v2")
  end)
  return
end

describe("a user with a manager of systemd's", function()
  local b, project, user_home

  local function root(command, ...)
    local result = host.sh(command:format(...), 120) -- a user's manager starts slowly in a guest
    assert.equal(0, result.code, result.stderr)
    return result.stdout
  end

  setup(function()
    b = box.new()
    project = b:library()
    user_home = b.folder .. "/user"
    root("useradd --uid %d %s && loginctl enable-linger %s && systemctl start user@%d.service",
      USER, NAME, NAME, USER)
    root("cp -r specs %s && chmod -R a+rX %s && install -d -o %d %s", project, project, USER,
      user_home)
  end)

  teardown(function()
    root("loginctl disable-linger %s; systemctl kill --signal KILL user@%d.service; "
      .. "systemctl stop user@%d.service; userdel %s", NAME, USER, USER, NAME)
    b:close()
  end)

  -- Runs Lua as the user, behind the words of a command; returns what it printed. Specs have a
  -- mount namespace of their own, in which the user's folder in /run is missing.
  local count = 0
  local function as_user(manager, code, words)
    count = count + 1
    local prelude = ([[
      package.path, package.cpath = "%s/?.lua;%s/lua/?.lua;%s/lua/?/init.lua;" .. package.path,
        "%s/build/?.so;" .. package.cpath
      io.stdout:setvbuf("no")
      local core, ctr = require("ctr.core"), require("ctr")
      local support = require("specs.support.cgroups")
      local factory = assert(ctr.new(%q, { cgroup_manager = %q }))
      local ID = %q
      local function try(cgroups, args, changes)
        local ids = core.proc.ids()
        local config = {
          rootfs = %q, hostname = "mine", cgroups = cgroups,
          namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER" },
          uid_mappings = { { container_id = 0, host_id = ids.euid, size = 1 } },
          gid_mappings = { { container_id = 0, host_id = ids.egid, size = 1 } },
          devices = ctr.default_auto_created_devices,
          mounts = { { source = "proc", destination = "/proc", device = "proc" } },
        }
        for key, value in pairs(changes or {}) do
          config[key] = value
        end
        local container = assert(factory:create(ID, config))
        local process = ctr.process({ args = args or { "/bin/sleep", "1000" },
          env = { "PATH=/bin" } })
        local ok, err = container:run(process)
        if ok then
          return container, process
        end
        assert(container:destroy())
        return nil, err
      end
      local function start(...)
        local container, process = try(...)
        return assert(container, process), process
      end
      local function show_unit()
        os.execute("systemctl --user show -p LoadState --value ctr-" .. ID .. ".scope")
      end
      local function add(container, script)
        local out = ""
        local process = ctr.process({ args = { "/bin/sh", "-c", script }, env = { "PATH=/bin" },
          stdout = function(data) out = out .. data end })
        assert(container:run(process))
        local result = assert(process:wait(60))
        return (out:gsub("\n$", "")), result
      end
      local function finish(container, process)
        assert(container:signal("SIGKILL", true))
        print(assert(process:wait(30)).signal)
        assert(container:destroy())
      end
    ]]):format(project, project, project, project, user_home .. "/state", manager,
      "user" .. count, b.root)
    local args = { "nsenter", "--target", "1", "--mount", "setpriv", "--reuid", tostring(USER),
      "--regid", tostring(USER), "--clear-groups" }
    for _, word in ipairs(words or {}) do
      args[#args + 1] = word
    end
    args[#args + 1] = "luajit"
    args[#args + 1] = "-"
    local result = assert(core.proc.run({ path = "/usr/bin/nsenter", args = args, timeout = 120,
      env = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "XDG_RUNTIME_DIR=" .. RUNTIME },
      stdin = prelude .. code }))
    assert.equal(0, result.code, result.stderr)
    return (result.stdout:gsub("user%d+%f[%s.]", "ID"))
  end

  local function lines(...)
    return table.concat({ ... }, "\n") .. "\n"
  end

  describe("that makes the units", function()
    it("runs a container in a scope with limits, changes them, freezes, counts and ends it",
      function()
        local out = as_user("systemd", [[
          local container, process = start({ memory = "64M", pids_limit = 20, cpu_shares = 512 })
          local path = container:state().cgroup_paths[""]
          print(path)
          for _, name in ipairs({ "memory.max", "pids.max", "cpu.weight" }) do
            print(support.read(path .. "/" .. name))
          end
          print(support.read(path .. "/cgroup.procs") == tostring(process:pid()))
          assert(container:set({ cgroups = { memory = "80M", pids_limit = 30 } }))
          print(support.read(path .. "/memory.max"), support.read(path .. "/pids.max"))
          assert(container:pause())
          print(container:status(), support.read(path .. "/cgroup.freeze"))
          assert(container:resume())
          print(container:status())
          local stats = assert(container:stats()).cgroup_stats
          print(stats.memory_stats.usage.usage > 0, stats.pids_stats.current)
          finish(container, process)
          print(support.exists(path), #factory:list())
        ]])
        assert.equal(lines(SERVICE .. "/user.slice/ctr-ID.scope", "67108864", "20",
          "59", "true", "83886080\t30", "paused\t1", "running", "true\t1",
          "SIGKILL", "false\t0"), out)
      end)

    it("refuses a frozen cgroup before a process is in it", function()
      local path = SERVICE .. "/user.slice/ctr-cold.scope"
      local out = as_user("systemd", (([[
        os.execute("mkdir -p P && echo 1 >P/cgroup.freeze")
        print(tostring(select(2, try({ name = "cold" }))):match("is frozen"))
        print(support.read("P/cgroup.procs"))
        os.execute("rmdir P")
      ]]):gsub("%f[%u]P%f[%U]", path)))
      assert.equal(lines("is frozen", ""), out)
    end)

    it("has limits that hold", function()
      local out = as_user("systemd", [[
        local container, process = start({ memory = "16M", memory_swap = "16M", pids_limit = 4 })
        print((add(container, "for i in 1 2 3 4 5 6; do sleep 1000 & done 2>/dev/null; echo no")))
        container:signal("SIGKILL", true)
        process:wait(30)
        assert(container:destroy())
        container, process = start({ memory = "16M", memory_swap = "16M" })
        local _, result = add(container, "tail /dev/zero")
        print(result.signal or result.code, result.oom_killed)
        finish(container, process)
      ]])
      assert.equal(lines("", "SIGKILL\ttrue", "SIGKILL"), out)
    end)

    it("adds processes to the scope, and below it", function()
      local out = as_user("systemd", [[
        local container, process = start({})
        local path = container:state().cgroup_paths[""]
        print((add(container, "sed 's/.*user.slice//' /proc/self/cgroup")))
        assert(os.execute("mkdir " .. path .. "/below") == 0)
        local further = ctr.process({ args = { "/bin/sleep", "1000" }, env = { "PATH=/bin" },
          sub_cgroup_paths = { [""] = "below" } })
        assert(container:run(further))
        print(support.read(path .. "/below/cgroup.procs") == tostring(further:pid()))
        print(#container:processes())
        finish(container, process)
        print(further:wait(30).signal, support.exists(path))
      ]])
      assert.equal(lines("/ctr-ID.scope", "true", "2", "SIGKILL", "SIGKILL\tfalse"), out)
    end)

    it("does without device rules, which it may not set", function()
      local out = as_user("systemd", [[
        local null = { allow = true, type = "c", major = 1, minor = 3, permissions = "rwm" }
        local container, process = start({ devices = { null } })
        print((add(container, "(: < /dev/zero) && echo zero")))
        finish(container, process)
      ]])
      assert.equal(lines("zero", "SIGKILL"), out)
    end)

    it("says which limit the user may not set, and leaves no unit", function()
      local out = as_user("systemd", [[
        local container, err = try({ unified = { ["io.max"] = "8:0 rbps=1000" } })
        print(container, err.path)
        show_unit()
      ]])
      assert.equal(lines('nil\tcgroups.unified["io.max"]', "not-found"), out)
    end)

    it("undoes a start that fails", function()
      local out = as_user("systemd", [[
        local container, err = try({}, { "/bin/nonesuch" })
        print(container, err.path)
        show_unit()
      ]])
      assert.equal(lines("nil\tprocess.args[1]", "not-found"), out)
    end)

    it("says that there is no manager where none runs", function()
      local out = as_user("systemd", [[
        local container, err = try({})
        print(container, tostring(err):match("reach systemd for ctr%-%w+%.scope"))
      ]], { "env", "XDG_RUNTIME_DIR=/nonesuch" })
      assert.equal(lines("nil\treach systemd for ctr-ID.scope"), out)
    end)
  end)

  describe("that has delegated a scope", function()
    -- The caller goes to a leaf, as a cgroup with processes hands no controller on.
    local SCOPE = { "systemd-run", "--user", "--scope", "--quiet", "-p", "Delegate=yes", "sh", "-c",
      [[own=/sys/fs/cgroup$(sed s/0::// /proc/self/cgroup) && mkdir $own/leaf &&
        echo $$ > $own/leaf/cgroup.procs && exec "$@"]], "sh" }

    for _, manager in ipairs({ "rootless", "cgroupfs" }) do
      it("lets " .. manager .. " make a cgroup in it, with what was delegated", function()
        local out = as_user(manager, [[
          local container, process = start({ memory = "64M", pids_limit = 20 })
          local path = container:state().cgroup_paths[""]
          print((path:gsub("run%-.*%.scope", "SCOPE")))
          print(support.read(path .. "/memory.max"), support.read(path .. "/pids.max"))
          print((add(container, "sed 's/.*scope//' /proc/self/cgroup")))
          assert(container:pause())
          print(container:status())
          assert(container:resume())
          print(container:stats().cgroup_stats.pids_stats.current)
          finish(container, process)
          print(support.exists(path))
        ]], SCOPE)
        assert.equal(lines(SERVICE .. "/app.slice/SCOPE/ctr-ID", "67108864\t20", "/ctr-ID",
          "paused", "1", "SIGKILL", "false"), out)
      end)
    end

    it("runs without a controller that was not, and says so where one is asked for", function()
      local out = as_user("rootless", [[
        local container, err = try({ unified = { ["io.max"] = "8:0 rbps=1000" } })
        print(container, err.path)
        local process
        container, process = start({})
        local path = container:state().cgroup_paths[""]
        print(support.read(path .. "/cgroup.controllers"):find("io", 1, true))
        finish(container, process)
      ]], SCOPE)
      assert.equal(lines('nil\tcgroups.unified["io.max"]', "nil", "SIGKILL"), out)
    end)
  end)

  it("runs without a cgroup of its own where nothing was delegated", function()
    local out = as_user("rootless", [[
      local container, process = start({})
      print(next(container:state().cgroup_paths))
      assert(container:signal("SIGKILL"))
      print(process:wait(30).signal)
      assert(container:destroy())
      print(select(2, try({ pids_limit = 5 })).path)
    ]])
    assert.equal(lines("nil", "SIGKILL", "cgroups.pids_limit"), out)
  end)
end)
