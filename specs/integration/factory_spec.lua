local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local errors = require("ctr.errors")
local host = require("specs.support.host")
local machine = require("specs.support.machine")

local USER = 4322

describe("ctr.factory", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  -- The environment of a user who may not read the checkout.
  local function readable_env()
    local folder = b:library()
    return { "PATH=/usr/bin:/bin",
      (("LUA_PATH=F/lua/?.lua;F/lua/?/init.lua;;"):gsub("F", folder)),
      ("LUA_CPATH=%s/build/?.so;;"):format(folder) }
  end

  describe("new", function()
    it("raises for what is no option", function()
      assert.has_error(function() ctr.new(b.folder, { cgroup_managr = "none" }) end)
      assert.has_error(function() ctr.new(b.folder, { cgroup_manager = 1 }) end)
      assert.has_error(function() ctr.new(b.folder, { tmpfs_root = "yes" }) end)
      assert.has_error(function() ctr.new(5) end)
      assert.has_error(function() ctr.new(b.folder, "none") end)
    end)

    it("names a cgroup manager that there is not", function()
      local factory, err = ctr.new(b.folder .. "/x", { cgroup_manager = "cgroups" })
      assert.is_nil(factory)
      assert.equal("ConfigInvalid", err.code)
      assert.equal("cgroup_manager", err.path)
      assert.matches("cgroupfs", err.message)
    end)

    it("makes the root and what is above it, for nobody else", function()
      local root = b.folder .. "/made/for/state"
      local factory = assert(ctr.new(root))
      assert.equal("700 0:0\n", host.sh("stat -c '%a %u:%g' " .. root).stdout)
      assert.same({}, factory:list())
      assert.equal("ctr", factory:type())
      factory:close()
    end)

    it("refuses a root that is relative, no folder, another's or open to others", function()
      local function refusal(root)
        local factory, err = ctr.new(root)
        assert.is_nil(factory)
        return err
      end
      assert.equal("ConfigInvalid", refusal("run/ctr").code)
      assert.equal("ENOTDIR", refusal("/etc/passwd").errno)
      host.sh(("mkdir -p F/others F/open && chown 77 F/others && chmod 777 F/open"):gsub("F",
        b.folder))
      assert.matches("another user", refusal(b.folder .. "/others").message)
      assert.matches("written by others", refusal(b.folder .. "/open").message)
    end)

    it("takes /run/ctr when no root is named", function()
      host.sh("mount -t tmpfs x /run")
      local factory = assert(ctr.new())
      local stat = host.sh("stat -c %a /run/ctr").stdout
      factory:close()
      host.sh("umount /run")
      assert.equal("700\n", stat)
    end)

    it("takes the user's own folder when no root is named without privilege", function()
      local folder = b.folder .. "/runtime"
      host.sh(("mkdir -p %s && chown %d %s && chmod 755 %s"):format(folder, USER, folder, b.folder))
      local function run(runtime)
        local env = readable_env()
        env[#env + 1] = runtime and "XDG_RUNTIME_DIR=" .. runtime
        return assert(core.proc.run({ path = "/usr/bin/setpriv", env = env,
          args = { "setpriv", "--reuid", tostring(USER), "--clear-groups", "luajit", "-e",
            "local f, err = require('ctr').new() print(f and f.root or err.code .. ' ' .. "
            .. "tostring(err))" } }))
      end
      assert.equal(folder .. "/ctr\n", run(folder).stdout)
      assert.equal("700\n", host.sh("stat -c %a " .. folder .. "/ctr").stdout)
      assert.matches("^ConfigInvalid .*XDG_RUNTIME_DIR", run(nil).stdout)
    end)

    it("without a root makes a factory that only initialises", function()
      local factory = assert(ctr.new(""))
      for _, call in ipairs({ "create", "load", "list" }) do
        local value, err = factory[call](factory, "id", {})
        assert.is_nil(value)
        assert.equal("ConfigInvalid", err.code)
        assert.matches("invalid root", err.message)
      end
    end)

    it("puts a tmpfs on the root, once", function()
      local root = b.folder .. "/on-tmpfs"
      local function mounts()
        return (host.sh(("grep -c ' %s .* - tmpfs' /proc/self/mountinfo"):format(root)).stdout)
      end
      local first = assert(ctr.new(root, { tmpfs_root = true }))
      assert.equal("1\n", mounts())
      local container = assert(first:create("kept", box.config(b.root)))
      local second = assert(ctr.new(root, { tmpfs_root = true }))
      assert.equal("1\n", mounts())
      assert.same({ "kept" }, second:list())
      assert(container:destroy())
      first:close()
      second:close()
      assert.equal("", host.sh("umount " .. root).stderr)
    end)
  end)

  describe("cgroup_manager", function()
    it("none leaves the container in its caller's cgroups", function()
      local other = box.new({ cgroup_manager = "none" })
      local own = host.sh("cat /proc/self/cgroup").stdout
      assert.equal(own, assert(other:sh("cat /proc/self/cgroup")).out)
      local container, process = other:sleeper()
      assert.same({ process:pid() }, container:processes())
      assert.same({}, container:state().cgroup_paths)
      local ok, err = container:pause()
      assert.is_nil(ok)
      assert.matches("without a cgroup cannot be frozen", tostring(err))
      other:finish(container, process)
      other:close()
    end)

    for _, manager in ipairs({ "cgroupfs", "rootless" }) do
      it(manager .. " gives it one of its own", function()
        local other = box.new({ cgroup_manager = manager })
        local container, process = other:sleeper()
        local paths = container:state().cgroup_paths
        assert.is_not_nil(next(paths))
        for _, path in pairs(paths) do
          assert.matches(container:id(), path, 1, true)
        end
        other:finish(container, process)
        for _, path in pairs(paths) do
          assert.equal("", host.sh("ls -d " .. path .. " 2>/dev/null").stdout)
        end
        other:close()
      end)
    end

    it("of a container is that of the factory which made it", function()
      local other = assert(ctr.new(b.folder .. "/state", { cgroup_manager = "none" }))
      local container, process = b:sleeper()
      local loaded = assert(other:load(container:id()))
      assert.same(container:state().cgroup_paths, loaded:state().cgroup_paths)
      assert.is_true(loaded:pause())
      assert.is_true(container:resume())
      b:finish(container, process)
      other:close()
    end)
  end)

  describe("newuidmap_path and newgidmap_path", function()
    it("are named when there is no such program", function()
      host.sh(("mkdir -p F/user && chown %d F/user && chmod 755 F"):format(USER):gsub("F",
        b.folder))
      local script = ([[
        local ctr = require("ctr")
        local factory = assert(ctr.new("F/user/state", { newuidmap_path = "/opt/nonesuch" }))
        local map = { { container_id = 0, host_id = U, size = 1 },
          { container_id = 1, host_id = 200000, size = 10 } }
        local container = assert(factory:create("c", { rootfs = "R", uid_mappings = map,
          gid_mappings = map, namespaces = { "NEWNS", "NEWPID", "NEWUSER" } }))
        local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
        print(ok, err.path, tostring(err))
        assert(container:destroy())
      ]]):gsub("%f[%w][FRU]%f[%W]", { F = b.folder, R = b.root, U = tostring(USER) })
      local result = assert(core.proc.run({ path = "/usr/bin/setpriv",
        env = readable_env(),
        args = { "setpriv", "--reuid", tostring(USER), "--regid", tostring(USER),
          "--clear-groups", "luajit", "-e", script } }))
      assert.equal("", result.stderr)
      assert.matches("^nil\tuid_mappings\tuid_mappings: .*/opt/nonesuch: no such file",
        result.stdout)
    end)
  end)

  describe("init_path and init_args", function()
    it("that cannot be executed are named", function()
      local other = box.new({ init_path = "/opt/nonesuch" })
      local container = assert(other:create())
      local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
      assert.is_nil(ok)
      assert.equal("ENOENT", err.errno)
      assert.matches("/opt/nonesuch", tostring(err))
      assert.equal("init_path", err.path)
      assert(container:destroy())
      other:close()
    end)

    it("that say nothing are an error, not a wait", function()
      local other = box.new({ init_path = "/bin/true", init_args = { "true" } })
      local container = assert(other:create())
      local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
      assert.is_nil(ok)
      assert.equal("SystemError", err.code)
      assert.matches("exited with 0", tostring(err))
      assert(container:destroy())
      other:close()
    end)
  end)

  describe("ids", function()
    local IDS = { "a", "0", "_", "+", "-", "...", ".a", "A-Z_0+9.x", ("x"):rep(200),
      ("x"):rep(201), ("y"):rep(255), ("z"):rep(1024), ("z"):rep(1023) .. "y" }

    it("of all lengths are created, listed, loaded and destroyed", function()
      local other = box.new()
      local made = {}
      for index, id in ipairs(IDS) do
        made[index] = assert(other:create(nil, id))
        assert.equal(id, made[index]:id())
        assert.equal("IdInUse", select(2, other:create(nil, id)).code)
      end
      local sorted = { unpack(IDS) }
      table.sort(sorted)
      assert.same(sorted, other.factory:list())
      for index, id in ipairs(IDS) do
        local loaded = assert(other.factory:load(id))
        assert.equal(id, loaded:id())
        assert.equal(id, loaded:state().id)
        assert(loaded:destroy())
        assert.equal("ContainerNotExists", select(2, made[index]:status()).code)
      end
      assert.same({}, other.factory:list())
      other:close()
    end)

    it("of all lengths run", function()
      for _, id in ipairs({ "...", ("z"):rep(1024) }) do
        local container = assert(b:create(nil, id))
        assert.equal("ok\n", assert(b:run(container, "echo ok")).out)
        assert(container:destroy())
      end
    end)

    it("raise nothing and are refused when they are no strings", function()
      for _, id in ipairs({ 5, {}, true }) do
        assert.equal("InvalidIdFormat", select(2, b:create(nil, id)).code)
      end
      assert.equal("InvalidIdFormat", select(2, b.factory:create(nil, {})).code)
    end)
  end)

  describe("list", function()
    it("has the ids in order, and nothing else that lies in the root", function()
      local other = box.new()
      for _, id in ipairs({ "b", "a", "c10", "c9" }) do
        assert(other:create(nil, id))
      end
      host.sh(("touch S/file; ln -s /etc S/link"):gsub("S", other.folder .. "/state"))
      assert.same({ "a", "b", "c10", "c9" }, other.factory:list())
      local container, process = other:sleeper()
      assert.same({ "a", "b", container:id(), "c10", "c9" }, other.factory:list())
      other:finish(container, process)
      assert.same({ "a", "b", "c10", "c9" }, other.factory:list())
      other:close()
    end)
  end)

  describe("create", function()
    it("leaves nothing when it fails", function()
      local before = machine.snapshot("fails")
      for _, changes in ipairs({ { rootfs = "/nonesuch" }, { hostname = {} },
        { cgroups = { path = "/a/../b" } },
        { namespaces = { "NEWNS", { type = "NEWNET", path = "/nonesuch" } } },
        { namespaces = { "NEWNS", { type = "NEWNET", path = "/proc/self/ns/uts" } },
          hostname = "" } }) do
        local _, err = b:create(changes, "fails")
        assert.equal("ConfigInvalid", err.code)
      end
      assert.equal("ContainerNotExists", select(2, b.factory:load("fails")).code)
      assert.same(before, machine.snapshot("fails"))
    end)

    it("does not keep the caller's table", function()
      local config = box.config(b.root)
      local container = assert(b.factory:create("own-copy", config))
      config.hostname = "changed"
      config.mounts[1].destination = "/changed"
      assert.equal("box", container:config().hostname)
      assert.equal("box\n", assert(b:run(container, "hostname")).out)
      assert(container:destroy())
    end)
  end)
end)

describe("an error", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  it("of the kernel has all fields and a detail", function()
    local container = assert(b:create({ mounts = {
      { source = "x", destination = "/data", device = "tmpfs", data = "size=12Q" } } }))
    local _, err = container:run(ctr.process({ args = { "/bin/true" } }))
    assert.equal("SystemError", err.code)
    assert.equal(10, err.number)
    assert.equal("mounts[1]", err.path)
    assert.equal("EINVAL", err.errno)
    assert.equal("mount", err.op)
    assert.matches("tmpfs on /data", err.target)
    local detail = err:detail()
    assert.equal(1, detail:find(tostring(err), 1, true))
    for _, line in ipairs({ "Code: System error", "Errno: EINVAL", "Operation: mount",
      "Path: mounts[1]", "Stack:" }) do
      assert.is_truthy(detail:find(line, 1, true), line)
    end
    assert(container:destroy())
  end)

  it("of a factory's root that cannot be opened is one of ours", function()
    local _, err = ctr.new("/proc/nonesuch/state")
    assert.equal(10, err.number)
    assert.equal("ENOENT", err.errno)
    assert.is_true(ctr.errors.is(err))
    assert.matches("/proc/nonesuch", tostring(err))
    assert.is_string(err:detail())
  end)

  it("of a configuration lists every problem on a line", function()
    local ok, err = ctr.validate({ rootfs = "x", hostname = 1 })
    assert.is_nil(ok)
    assert.equal("ConfigInvalid", err.code)
    assert.equal(8, err.number)
    for _, problem in ipairs(err.problems) do
      assert.is_truthy(tostring(err):find(problem.path .. " " .. problem.text, 1, true))
    end
    assert.equal(err.problems[1].path, err.path)
  end)
end)

describe("a container's settings:", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local function out(script, changes, spec)
    local result = assert(b:sh(script, changes, spec))
    assert.equal("", result.err)
    return (result.out:gsub("\n$", ""))
  end

  it("no_pivot_root enters the root another way", function()
    assert.equal("/ box", out("echo $(cut -d' ' -f5 /proc/self/mountinfo | head -1) $(hostname)",
      { no_pivot_root = true }))
    local command = { { path = "true" } }
    local mounts = { { source = "proc", destination = "/proc", device = "proc",
      premount_cmds = command } }
    local text = out("echo $(cut -d' ' -f5 /proc/self/mountinfo)",
      { no_pivot_root = true, mounts = mounts })
    assert.matches("/proc", text)
    assert.is_nil(text:find(b.folder, 1, true))
  end)

  it("no_pivot_root starts from a root that nobody can leave", function()
    local kept = b.factory.host
    kept.lean = function()
      return nil, errors.new("SystemError", "pivot_root", { errno = "EINVAL" })
    end
    finally(function() kept.lean = nil end)
    assert.equal("/", out("cut -d' ' -f5 /proc/self/mountinfo | head -1", { no_pivot_root = true }))
    local _, err = b:sh("true")
    assert.equal("EINVAL", err.errno)
  end)

  it("devices lie where they are said to be, one after the other", function()
    local long, devices = "/dev/" .. ("x"):rep(80), {}
    for index, folder in ipairs({ "/dev", "", long, "", long, "/dev/sub", "/dev/sub", "/dev" }) do
      devices[index] = { type = "c", path = ("%s/d%d"):format(folder, index), major = 1, minor = 3,
        permissions = "rwm" }
    end
    local paths = {}
    for index, device in ipairs(devices) do
      paths[index] = device.path
    end
    assert.equal(table.concat(paths, "\n"), out(("for path in %s; do test -c $path && echo $path; "
      .. "done"):format(table.concat(paths, " ")), { devices = devices }))
    host.sh(("rm -f %s/d2 %s/d4"):format(b.root, b.root))
  end)

  it("the umask is a number or octal text", function()
    assert.equal("0077", out("umask", { umask = "0077" }))
    assert.equal("0007", out("umask", { umask = 7 }))
    local container, process = b:sleeper({ umask = "027" })
    assert.equal("0027\n", b:run(container, "umask").out)
    b:finish(container, process)
  end)

  it("the domain name needs a uts namespace", function()
    assert.equal("example.org", out("cat /proc/sys/kernel/domainname",
      { domainname = "example.org" }))
    local _, err = b:create({ domainname = "example.org", hostname = "",
      namespaces = { "NEWNS", "NEWNET" } })
    assert.equal("domainname", err.path)
  end)

  it("clocks have their offsets, in further processes too", function()
    if not machine.has("time_namespaces") then
      pending("the kernel has no time namespaces")
    end
    local config = { namespaces = { "NEWNS", "NEWPID", "NEWTIME" }, hostname = "", networks = {},
      time_offsets = { monotonic = { secs = 5000000, nanosecs = 500000000 },
        boottime = { secs = -10 } } }
    local container, process = b:sleeper(config)
    local script = "cat /proc/self/timens_offsets"
    local text = assert(b:run(container, script)).out
    assert.matches("monotonic%s+5000000%s+500000000", text)
    assert.matches("boottime%s+%-10%s+0", text)
    b:finish(container, process)
    local up = tonumber(host.sh("cut -d. -f1 /proc/uptime").stdout)
    local inside = tonumber(out("cut -d. -f1 /proc/uptime", config))
    assert.is_true(math.abs(up - 10 - inside) <= 2)
  end)

  it("a read-only root leaves its mounts writable", function()
    local script = "for d in / /dev /tmp; do (touch $d/x) 2>/dev/null && echo rw || echo ro; done"
    assert.equal("ro\nrw\nrw", out(script, { readonlyfs = true,
      mounts = { { source = "x", destination = "/tmp", device = "tmpfs" } } }))
  end)
end)
