-- Layouts that the machine does not have are shown to a process in a mount namespace of its own.

local core = require("ctr.core")
local support = require("specs.support.cgroups")

local UNSHARE, SHELL = "/usr/bin/unshare", "/bin/sh"
local UNIFIED = "/sys/fs/cgroup/unified"
local IS_V1 = support.read("/sys/fs/cgroup/pids/cgroup.procs") ~= nil
local V2 = "mount -t cgroup2 none /sys/fs/cgroup"

local PRELUDE = [[
package.path, package.cpath = %q, %q
local core = require("ctr.core")
local cgroup = require("ctr.cgroup")
local support = require("specs.support.cgroups")
local SIGKILL, SIGTERM = core.proc.signals.SIGKILL, core.proc.signals.SIGTERM
local ID = "spec-" .. core.proc.getpid()
local function new(config, kind)
  return assert(cgroup.new({ config = config, id = ID, manager = kind }))
end
]]

-- The cgroups have this process' id in their names: the specs may run twice at a time.
local NAME, OWN_NAME = "ctr-spec", "ctr-spec-" .. core.proc.getpid()

local function replace(text, old, new)
  return (text:gsub(old:gsub("%-", "%%-"), new))
end

-- Runs Lua where a shell command has changed what is mounted; returns what it printed. Both name
-- their cgroups ctr-spec.
local function inside(command, code, options)
  local words = { "unshare", "--mount", "--propagation", "private" }
  for _, word in ipairs(options or {}) do
    words[#words + 1] = word
  end
  local script = command .. " && exec " .. (options and options.with or "") .. " luajit -"
  for _, word in ipairs({ SHELL, "-c", script }) do
    words[#words + 1] = replace(word, NAME, OWN_NAME)
  end
  local result = assert(core.proc.run({
    path = UNSHARE,
    args = words,
    env = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin" },
    stdin = PRELUDE:format(package.path, package.cpath) .. replace(code, NAME, OWN_NAME),
    timeout = 60,
  }))
  assert.equal(0, result.code, result.stderr)
  return replace(result.stdout, OWN_NAME, NAME)
end

local function lines(...)
  return table.concat({ ... }, "\n") .. "\n"
end

local function has_unified()
  return support.read(UNIFIED .. "/cgroup.subtree_control")
    or support.read("/sys/fs/cgroup/cgroup.subtree_control")
end

if core.proc.ids().euid ~= 0 or not has_unified() then
  describe("ctr.cgroup in other layouts", function()
    pending("needs root and a cgroup2 tree")
  end)
  return
end

describe("ctr.cgroup in other layouts", function()
  local handed_on

  setup(function()
    handed_on = support.read(UNIFIED .. "/cgroup.subtree_control")
  end)

  -- Handing a controller on at the root outlives the mount namespace.
  teardown(function()
    local now = support.read(UNIFIED .. "/cgroup.subtree_control")
    for name in (now or ""):gmatch("%S+") do
      if not (" " .. handed_on .. " "):find(" " .. name .. " ", 1, true) then
        local file = assert(io.open(UNIFIED .. "/cgroup.subtree_control", "w"))
        file:write("-" .. name)
        file:close()
      end
    end
  end)

  describe("with a cgroup2 tree alone", function()
    it("makes, joins, freezes, signals and removes one directory", function()
      local out = inside(V2, [[
        print(cgroup.layout().mode)
        local manager = new({ path = "/ctr-spec-v2/c" })
        assert(manager:create())
        print(manager:paths()[""], table.concat(manager:created(), " "))
        local child = support.sleeper(manager)
        print(#manager:pids() == 1 and manager:pids()[1] == child.pid)
        print((manager:freezer_state()))
        assert(manager:freeze("FROZEN"))
        print((manager:freezer_state()))
        assert(manager:signal(SIGTERM)) -- v2 wakes a frozen process that a signal kills
        print(manager:freezer_state() ~= "THAWED")
        assert(manager:freeze("THAWED"))
        print(child:finish().signal)
        assert(manager:destroy())
        print(manager:exists(), support.exists("/sys/fs/cgroup/ctr-spec-v2"))
      ]])
      assert.equal(lines("v2", "/sys/fs/cgroup/ctr-spec-v2/c\t/sys/fs/cgroup/ctr-spec-v2", "true",
        "THAWED", "FROZEN", "true", "SIGTERM", "false\tfalse"), out)
    end)

    it("hands the directory itself to clone", function()
      local out = inside(V2, [[
        local manager = new({})
        assert(manager:create())
        local fds = support.count_fds()
        local handles, directory = assert(manager:join())
        print(#handles, core.fd.type(directory))
        directory:close()
        print(support.count_fds() - fds)
        assert(manager:destroy())
      ]])
      assert.equal(lines("0\tdirectory", "-1"), out)
    end)

    it("hands a file to join by later, where that is wanted", function()
      local out = inside(V2, [[
        local manager = new({})
        assert(manager:create())
        local fds = support.count_fds()
        local handles, directory = assert(manager:join({ by_file = true }))
        print(#handles, core.fd.type(handles[1]), directory)
        handles[1]:close()
        local _, err = manager:join({ below = { [""] = "nonesuch" } })
        print(err.path, err.errno)
        _, err = manager:join({ below = { pids = "x" } })
        print(err.path, err.code)
        print(support.count_fds() - fds)
        assert(manager:destroy())
      ]])
      assert.equal(lines("1\tfile\tnil", 'process.sub_cgroup_paths[""]\tENOENT',
        'process.sub_cgroup_paths["pids"]\tConfigInvalid', "-1"), out)
    end)

    it("takes a process that is added, below it and with CPUs of its own until then", function()
      local out = inside(V2, [[
        local box = require("specs.support.box")
        local b = box.new()
        local container, init = b:sleeper()
        local path = container:state().cgroup_paths[""]
        os.execute("mkdir -p " .. path .. "/a/b")
        local function show(spec)
          spec.init = false
          local result = assert(b:run(container,
            "sed 's/^0::.*box-1//;t;d' /proc/self/cgroup; sed -n 's/Cpus_allowed_list:.//p' "
            .. "/proc/self/status", spec))
          print((result.out:gsub("\n", " ")))
        end
        show({ sub_cgroup_paths = { [""] = "a/b" } })
        show({ cpu_affinity = { initial = "0" } })
        show({ cpu_affinity = { initial = "0", final = "1" }, sub_cgroup_paths = { [""] = "/a" } })
        b:finish(container, init)
        b:close()
      ]])
      assert.equal(lines("/a/b " .. support.read("/sys/devices/system/cpu/online") .. " ", " 0 ",
        "/a 1 "), out)
    end)

    it("takes a process that is added where the first one went, when it can hold none", function()
      local out = inside(V2, [[
        local box = require("specs.support.box")
        local b = box.new()
        local container, init = b:sleeper()
        local path = container:state().cgroup_paths[""]
        local function show(spec)
          spec.init = false
          return assert(b:run(container, "sed 's/^0::.*box-1//;t;d' /proc/self/cgroup", spec))
        end
        os.execute("mkdir " .. path .. "/inner " .. path .. "/other; echo "
          .. init:pid() .. " >" .. path .. "/inner/cgroup.procs")
        print((show({}).out:gsub("\n", "")))
        os.execute("echo +hugetlb >" .. path .. "/cgroup.subtree_control")
        print((show({}).out:gsub("\n", "")))
        print((show({ sub_cgroup_paths = { [""] = "other" } }).out:gsub("\n", "")))
        b:finish(container, init)
        b:close()
      ]])
      assert.equal(lines("", "/inner", "/other"), out)
    end)

    it("kills all at once, frozen or not, those below too, and names what holds it", function()
      local out = inside(V2, [[
        local manager, below = new({ path = "/ctr-spec-v2" }), new({ path = "/ctr-spec-v2/below" })
        assert(manager:create())
        assert(below:create())
        manager:close()
        local child = support.sleeper(below)
        local ok, err = manager:destroy()
        print(ok, err.errno, err.message:match("holds the processes (%d+)") == tostring(child.pid))
        assert(manager:freeze("FROZEN"))
        assert(manager:signal(SIGKILL))
        print(#manager:pids(true), child:finish().signal)
        assert(manager:destroy())
        print(below:exists())
      ]])
      assert.equal(lines("nil\tEBUSY\ttrue", "0\tSIGKILL", "false"), out)
    end)

    it("refuses a cgroup in use, a frozen one and one below a frozen one", function()
      local out = inside(V2, [[
        local manager = new({ path = "/ctr-spec-v2" })
        assert(manager:create())
        local child = support.sleeper(manager)
        print((select(2, new({ path = "/ctr-spec-v2" }):create()).message:gsub("%d+$", "N")))
        child:stop()
        assert(manager:freeze("FROZEN"))
        print(select(2, new({ path = "/ctr-spec-v2" }):create()).message)
        print(select(2, new({ path = "/ctr-spec-v2/below" }):create()).message)
        assert(manager:destroy())
      ]])
      assert.equal(lines("cgroup /sys/fs/cgroup/ctr-spec-v2 is in use: it holds the processes N",
        "cgroup /sys/fs/cgroup/ctr-spec-v2 is frozen",
        "cgroup /sys/fs/cgroup/ctr-spec-v2/below is frozen"), out)
    end)

    it("refuses a limit whose controller is not there, and leaves nothing behind", function()
      local out = inside(V2, [[
        local ok, err = new({ path = "/ctr-spec-v2", unified = { ["none.max"] = "1" } }):create()
        print(ok, err.path, err.message:match("none%.max"))
        print(support.exists("/sys/fs/cgroup/ctr-spec-v2"))
      ]])
      assert.equal(lines('nil\tcgroups.unified["none.max"]\tnone.max', "false"), out)
    end)

    it("holds to device rules, the last that matches having the say", function()
      local out = inside(V2, [[
        local function rule(allow, minor, permissions)
          return { allow = allow, type = "c", major = 1, minor = minor, permissions = permissions }
        end
        local manager = new({ path = "/ctr-spec-v2", devices = {
          rule(true, -1, "rwm"), rule(false, 5, "w"), rule(false, 7, "rwm"), rule(true, 7, "r"),
        } })
        assert(manager:create())
        assert(manager:confine())
        local _, text = support.run(manager, [=[
          for name in null zero full; do
            (: < /dev/$name) 2>/dev/null && echo "$name r"
            (: > /dev/$name) 2>/dev/null && echo "$name w"
          done
          (: < /dev/tty) 2>/dev/null || echo no tty
        ]=]):finish()
        print((text:gsub("\n", ", ")))
        assert(manager:destroy())
      ]])
      assert.equal(lines("null r, null w, zero r, full r, no tty, "), out)
    end)

    it("replaces device rules without a moment between", function()
      local out = inside(V2, [[
        local function null(permissions)
          return { allow = true, type = "c", major = 1, minor = 3, permissions = permissions }
        end
        local manager = new({ path = "/ctr-spec-v2", devices = { null("rwm") } })
        assert(manager:create())
        assert(manager:confine())
        local child = support.run(manager, [=[
          while (: < /dev/null) 2>&-; do
            (: > /dev/null) 2>&- || { echo "r alone"; break; }
          done
        ]=])
        child:expect("ready")
        for _ = 1, 50 do
          assert(manager:set({ devices = { null("rw") } }))
          assert(manager:set({ devices = { null("rwm"), null("r") } }))
        end
        assert(manager:set({ devices = { null("r") } }))
        print((select(2, child:finish()):gsub("\n", "")))
        local dir = assert(core.fd.open("/sys/fs/cgroup/ctr-spec-v2",
          { flags = { "rdonly", "directory" } }))
        print(core.bpf.count_devices(dir))
        dir:close()
        assert(manager:destroy())
      ]])
      assert.equal(lines("r alone", "1"), out)
    end)

    it("reads what is counted, and says nothing of controllers that are not there", function()
      local out = inside(V2, [[
        local manager = new({ path = "/ctr-spec-v2" })
        assert(next(assert(manager:stats()).cpu_stats.cpu_usage) == nil)
        assert(manager:create())
        local child = support.run(manager, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; cat")
        child:expect("ready")
        child:stop()
        local stats = assert(manager:stats())
        local usage = stats.memory_stats.usage
        print(stats.cpu_stats.cpu_usage.total_usage > 0, usage and usage.usage > 0,
          stats.cpu_stats.psi and stats.cpu_stats.psi.some.total ~= nil)
        assert(manager:destroy())
      ]])
      assert.equal(lines(("true\t%s\ttrue"):format(IS_V1 and "nil" or "true")), out)
    end)
  end)

  -- A controller that the cgroup2 tree has cannot be mounted.
  if IS_V1 then
    it("is pure v1 without the cgroup2 tree", function()
      local out = inside("umount " .. UNIFIED, [[
        print(cgroup.layout().mode, cgroup.layout().unified)
        local manager = new({ pids_limit = 5 })
        assert(manager:create())
        local child = support.sleeper(manager)
        print(#manager:pids())
        assert(manager:signal(SIGKILL))
        child:finish()
        assert(manager:destroy())
      ]])
      assert.equal(lines("v1\tnil", "1"), out)
    end)

    it("finds hierarchies at places that are not the usual ones", function()
      local command = "mount -t tmpfs none /sys/fs/cgroup"
        .. " && mkdir /sys/fs/cgroup/a /sys/fs/cgroup/b"
        .. " && mount -t cgroup -o pids none /sys/fs/cgroup/a"
        .. " && mount -t cgroup -o freezer none /sys/fs/cgroup/b"
      local out = inside(command, [[
        local layout = cgroup.layout()
        print(layout.mode, layout.controllers.pids.mount, layout.controllers.memory)
        local manager = new({ path = "/ctr-spec-odd", pids_limit = 5 })
        assert(manager:create())
        print(support.read("/sys/fs/cgroup/a/ctr-spec-odd/pids.max"))
        assert(manager:destroy())
        local ok, err = new({ path = "/ctr-spec-odd", memory = 1048576 }):create()
        print(ok, err.message, support.exists("/sys/fs/cgroup/a/ctr-spec-odd"))
      ]])
      assert.equal(lines("v1\t/sys/fs/cgroup/a\tnil", "5",
        "nil\tcgroups.memory: cannot be set: the memory controller is not mounted\tfalse"), out)
    end)
  end

  it("notices that other hierarchies were mounted", function()
    local out = inside(":", ([[
      local before = cgroup.layout().mode
      assert(os.execute(%q) == 0)
      print(before == cgroup.layout().mode, cgroup.layout().mode)
    ]]):format(IS_V1 and V2 or "mount -t tmpfs none /sys/fs/cgroup"))
    assert.equal(IS_V1 and "false\tv2\n" or "false\tnone\n", out)
  end)

  it("says so when no hierarchy is mounted", function()
    local out = inside("mount -t tmpfs none /sys/fs/cgroup", [[
      local ok, err = new({}):create()
      print(cgroup.layout().mode, ok, err.message)
      print(new({}, "rootless"):create())
    ]])
    assert.equal(lines("none\tnil\tno cgroup hierarchy is mounted", "true"), out)
  end)

  it("cannot place a relative path where the caller's own cgroup is not to be seen", function()
    local place = "/sys/fs/cgroup/" .. (IS_V1 and "pids/" or "") .. NAME .. "-ns"
    local move = ("mkdir -p P/inner && echo $$ > P/inner/cgroup.procs"):gsub("P", place)
    finally(function()
      os.execute(("rmdir P/inner P"):gsub("P", (replace(place, NAME, OWN_NAME))))
    end)
    local out = inside(move, [[
      local ok, err = new({}):create()
      print(ok, err.path)
      local manager = new({ path = "/ctr-spec-ns-absolute" })
      assert(manager:create())
      assert(manager:destroy())
      manager = new({}, "rootless")
      assert(manager:create())
      print(manager:paths().pids, manager:paths().freezer ~= nil)
      assert(manager:destroy())
    ]], { with = "unshare --cgroup" })
    assert.equal(lines("nil\tcgroups.path", "nil\t" .. tostring(IS_V1)), out)
  end)

  if IS_V1 then
    it("does without a hierarchy that is read-only, where rootless_cgroups says so", function()
      local out = inside("mount -o remount,bind,ro /sys/fs/cgroup/pids", [[
        local box = require("specs.support.box")
        local b = box.new()
        local container, init = b:sleeper({ rootless_cgroups = true })
        local paths = container:state().cgroup_paths
        print(paths.pids, paths.freezer ~= nil, container:status(), container:state().rootless)
        b:finish(container, init)
        local result, err = b:sh("true")
        print(result, err.errno)
        b:close()
      ]])
      assert.equal(lines("nil\ttrue\trunning\tfalse", "nil\tEROFS"), out)
    end)
  end

  describe("without privilege", function()
    local NOBODY = { with = "setpriv --reuid=65534 --regid=65534 --clear-groups" }

    it("does without cgroups, unless something is asked of them", function()
      local out = inside(":", [[
        local null = { allow = true, type = "c", major = 1, minor = 3, permissions = "rwm" }
        local manager = new({ devices = { null } }, "rootless")
        print(manager:create())
        print(next(manager:paths()), #manager:join(), #manager:pids(), manager:freezer_state())
        print(manager:destroy())
        local ok, err = new({ memory = 1048576 }, "rootless"):create()
        print(ok, err.path, err.message:match("^(.-) %("))
        ok, err = new({ path = "/ctr-spec" }, "rootless"):create()
        print(ok, err.errno)
        ok, err = new({}):create()
        print(ok, err.errno)
      ]], NOBODY)
      assert.equal(lines("true", "nil\t0\t0\tnil", "true",
        "nil\tcgroups.memory\tcgroups.memory: cannot be set: no cgroup could be made",
        "nil\tEACCES", "nil\tEACCES"), out)
    end)

    it("does the same in a cgroup2 tree", function()
      local out = inside(V2, [[
        local manager = new({}, "rootless")
        print(manager:create())
        local handles, directory = manager:join()
        print(next(manager:paths()), #handles, directory)
        local ok, err = new({ pids_limit = 3 }, "rootless"):create()
        print(ok, err.path)
        ok, err = manager:freeze("FROZEN")
        print(ok, err.code)
      ]], NOBODY)
      assert.equal(lines("true", "nil\t0\tnil", "nil\tcgroups.pids_limit", "nil\tSystemError"), out)
    end)
  end)
end)
