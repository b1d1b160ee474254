local core = require("ctr.core")
local engine = require("specs.support.engine")
local machine = require("specs.support.machine")

describe("lctr create", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local e, before

  before_each(function()
    before = machine.snapshot(engine.PATTERN)
  end)

  after_each(function()
    e:close()
    assert.same(before, machine.snapshot(engine.PATTERN))
  end)

  local function fails_to_create(...)
    local args = { "create", "--bundle", e.folder, ... }
    args[#args + 1] = e.id
    local said = e:fails(unpack(args))
    assert.equal("[]\n", e:succeeds("list", "--format", "json"))
    return said
  end

  it("reads the bundle of the current folder", function()
    e = engine.new()
    local result = e.bundle:lctr({ "features" })
    assert.equal(0, result.code)
    local here = core.path.realpath(".")
    local fds = e:streams()
    local child = e.bundle:spawn({ "/bin/sh", "-c", ("cd %s && exec %s/build/lctr --root state "
      .. "create --pid-file pid %s"):format(e.folder, here, e.id) }, fds)
    for _, handle in ipairs(fds) do
      handle:close()
    end
    assert.equal(0, child.wait().code, e.bundle:read("err"))
    local state = e:state()
    assert.same({ "created", e.folder, tonumber(e.bundle:read("pid")) },
      { state.status, state.bundle, state.pid })
  end)

  it("forgets the configuration once it has read it", function()
    e = engine.new()
    e:create()
    e.bundle:file("config.json", "nonsense")
    e:succeeds("start", e.id)
    assert.equal("running", e:state().status)
  end)

  it("reads another configuration with --config", function()
    e = engine.new()
    local config = e.bundle:read("config.json"):gsub('"1.2.0"', '"1.0.1"')
    local path = e.bundle:file("other.json", config)
    e:create("--config", path)
    assert.equal("1.0.1", e:state().ociVersion)
  end)

  it("leaves what was in the pid file when it fails", function()
    e = engine.new({ args = { "/no/program" } })
    e.bundle:file("pid", "before")
    assert.equal('exec: "/no/program": no such file or directory',
      fails_to_create("--pid-file", e.folder .. "/pid"))
    assert.equal("before", e.bundle:read("pid"))
  end)

  it("leaves no container whose pid file cannot be written", function()
    e = engine.new()
    local said = fails_to_create("--pid-file", e.folder .. "/none/pid")
    assert.matches("missing", said)
  end)

  for text, args in pairs({
    ['exec: "/etc": is a directory: permission denied'] = { "/etc" },
    ['exec: "/etc/passwd": permission denied'] = { "/etc/passwd" },
    ['exec: "nothing": executable file not found in $PATH'] = { "nothing", "argument" },
  }) do
    it("says " .. text, function()
      e = engine.new({ args = args })
      assert.equal(text, fails_to_create())
    end)
  end

  it("says of one folder in PATH that a program is not found in it", function()
    e = engine.new({ args = { "nothing" }, env = { "PATH=/bin" } })
    assert.equal('exec: "nothing": executable file not found in $PATH', fails_to_create())
  end)

  for name, said in pairs({ ["nothing.json"] = "nothing.json is missing: %s/nothing.json",
    ["bad.json"] = "%s/bad.json is not valid JSON" }) do
    it("says what is wrong with " .. name, function()
      e = engine.new()
      e.bundle:file("bad.json", "{")
      local text = said:format(e.folder)
      assert.matches(text, fails_to_create("--config", e.folder .. "/" .. name), 1, true)
    end)
  end

  for name, mount in pairs({
    ["a file on a folder"] = { destination = "/etc", source = "/etc/hostname" },
    ["a folder on a file"] = { destination = "/etc/passwd", source = "/etc" },
  }) do
    it("says of " .. name .. " what engines have a hint for", function()
      e = engine.new()
      local config = assert(core.json.decode(e.bundle:read("config.json")))
      mount.type, mount.options = "bind", core.json.array({ "bind" })
      table.insert(config.mounts, mount)
      e.bundle:file("config.json", config)
      assert.matches("not a directory", fails_to_create(), 1, true)
    end)
  end

  it("says of a missing source that it does not exist", function()
    e = engine.new()
    local config = assert(core.json.decode(e.bundle:read("config.json")))
    table.insert(config.mounts, 1, { destination = "/x", source = "/no/such", type = "bind",
      options = core.json.array({ "bind" }) })
    e.bundle:file("config.json", config)
    assert.equal("mounts[1].source does not exist: /no/such", fails_to_create())
  end)

  for _, case in ipairs({
    { {}, "cgroupfs" }, { { "--cgroup-manager", "disabled" }, "none" },
    { { "--systemd-cgroup", "--cgroup-manager=cgroupfs" }, "cgroupfs" },
    { { "--rootless", "true" }, "rootless" }, { { "--rootless", "false" }, "cgroupfs" },
    { { "--rootless", "auto" }, "cgroupfs" },
  }) do
    it("remembers who makes its cgroups: " .. table.concat(case[1], " "), function()
      e = engine.new()
      local options = { unpack(case[1]) }
      for _, word in ipairs({ "create", "--bundle", e.folder, e.id }) do
        options[#options + 1] = word
      end
      e:succeeds(unpack(options))
      local kept = core.json.decode(e.bundle:read("state/" .. e.id .. "/state.json"))
      assert.equal(case[2], kept.cgroup_manager)
      e:succeeds("start", e.id)
      assert.equal(1, #core.json.decode(e:succeeds("ps", "-f", "json", e.id)))
      e:succeeds("--systemd-cgroup", "delete", "--force", e.id)
    end)
  end

  -- What it says without its modules in C, when it leaves nothing.
  local function without_modules(...)
    local modules = core.path.realpath("build/ctr/core")
    local hide = ("mkdir %s/none && mount --bind %s/none %s"):format(e.folder, e.folder, modules)
    assert.equal(0, os.execute(hide))
    local result = e:call({ ... })
    local left = e:succeeds("list", "--format", "json")
    os.execute("umount " .. modules)
    assert.equal(1, result.code)
    assert.equal("[]\n", left)
    return result.stderr
  end

  it("says that its module for systemd is missing, and leaves nothing", function()
    e = engine.new(nil, { cgroupsPath = "system.slice:ctr:web" })
    assert.equal("lctr: reach systemd for ctr-web.scope: lctr does not find its module "
      .. "'ctr.core.systemd'\n",
      without_modules("--systemd-cgroup", "create", "--bundle", e.folder, e.id))
  end)

  it("says that its module for interfaces is missing, and leaves nothing", function()
    e = engine.new(nil, { netDevices = { dummy0 = {} }, namespaces = {
      { type = "pid" }, { type = "mount" }, { type = "network" }, { type = "uts" },
    } })
    assert.equal("lctr: lctr does not find its module 'ctr.core.netlink'\n",
      without_modules("create", "--bundle", e.folder, e.id))
  end)

  it("says that an id is taken", function()
    e = engine.new()
    e:create()
    assert.equal("container with given ID already exists",
      e:fails("create", "--bundle", e.folder, e.id))
    assert.equal("created", e:state().status)
  end)

  for _, id in ipairs({ "", ".", "..", "a/b", "a b", "ä", ("x"):rep(1025) }) do
    it(("refuses the id %q"):format(id:sub(1, 10)), function()
      e = engine.new()
      assert.equal("invalid container ID format", e:fails("create", "--bundle", e.folder, id))
    end)
  end

  it("wants a console socket for a terminal, and for nothing else", function()
    e = engine.new({ args = { "sleep", "1000" }, terminal = true })
    assert.matches("--console-socket", fails_to_create(), 1, true)
    e:close()
    e = engine.new()
    assert.matches("terminal is false", fails_to_create("--console-socket", e.folder .. "/s"), 1,
      true)
  end)

  it("gives the container the descriptors that it is told to", function()
    e = engine.new({ args = { "sh", "-c", "ls /proc/self/fd | tr '\\n' ' '; cat <&4" } })
    local null = assert(core.fd.open("/dev/null", { flags = { "rdonly" } }))
    local fourth = assert(core.fd.memfd("fourth", "the fourth"))
    local result = e:call({ "create", "--bundle", e.folder, "--pid-file", e.folder .. "/pid",
      "--preserve-fds", "2", e.id }, { null, fourth, null })
    null:close()
    fourth:close()
    assert.same({ 0, "" }, { result.code, result.stderr })
    local output = assert(io.open(e.folder .. "/out"))
    assert.equal(0, e.bundle:lctr({ "start", e.id }).code)
    engine.await(tonumber(e.bundle:read("pid")))
    assert.equal("0 1 2 3 4 5 the fourth", output:read("*a"))
    output:close()
  end)

  it("skips a descriptor that is not there", function()
    e = engine.new({ args = { "sh", "-c", "cat <&5; ls /proc/self/fd | tr '\\n' ' '" } })
    e.bundle:file("fifth", "the fifth ")
    local fds = e:streams()
    local child = e.bundle:spawn({ "/bin/sh", "-c", ("exec build/lctr --log %s/log --root %s/state "
      .. "create --bundle %s --pid-file %s/pid --preserve-fds 3 %s 5<%s/fifth"):format(e.folder,
      e.folder, e.folder, e.folder, e.id, e.folder) }, fds)
    for _, handle in ipairs(fds) do
      handle:close()
    end
    assert.equal(0, child.wait().code, e.bundle:read("err"))
    local output = assert(io.open(e.folder .. "/out"))
    assert.equal(0, e.bundle:lctr({ "start", e.id }).code)
    engine.await(tonumber(e.bundle:read("pid")))
    assert.equal("the fifth 0 1 2 3 5 ", output:read("*a"))
    output:close()
  end)

  it("refuses a number of descriptors that is none", function()
    e = engine.new()
    for _, count in ipairs({ "-1", "x", "1.5", "" }) do
      assert.matches("--preserve-fds must be", fails_to_create("--preserve-fds=" .. count), 1, true)
    end
  end)

  it("passes on what a service manager listens on", function()
    e = engine.new({ args = { "sh", "-c", "echo $LISTEN_FDS $LISTEN_PID; cat <&3" } })
    e.bundle:file("third", "the third")
    local fds = e:streams()
    local child = e.bundle:spawn({ "/bin/sh", "-c", ("LISTEN_FDS=1 LISTEN_PID=$$ exec build/lctr "
      .. "--root %s/state create --bundle %s --pid-file %s/pid %s 3<%s/third"):format(e.folder,
      e.folder, e.folder, e.id, e.folder) }, fds)
    for _, handle in ipairs(fds) do
      handle:close()
    end
    assert.equal(0, child.wait().code, e.bundle:read("err"))
    local output = assert(io.open(e.folder .. "/out"))
    assert.equal(0, e.bundle:lctr({ "start", e.id }).code)
    engine.await(tonumber(e.bundle:read("pid")))
    assert.equal("1 1\nthe third", output:read("*a"))
    output:close()
  end)

  it("begins with streams that are closed", function()
    e = engine.new({ args = { "sh", "-c", "test -c /dev/stdin" } })
    local child = e.bundle:spawn({ "/bin/sh", "-c", ("exec build/lctr --root %s/state create "
      .. "--bundle %s %s <&- >&- 2>&-"):format(e.folder, e.folder, e.id) }, {})
    assert.equal(0, child.wait().code)
    local links = {}
    for number = 0, 3 do
      links[number + 1] = core.path.realpath(("/proc/%d/fd/%d"):format(e:state().pid, number))
        or "none"
    end
    assert.same({ "/dev/null", "/dev/null", "/dev/null" }, { unpack(links, 1, 3) })
  end)

  it("has hooks see the container while it is being created", function()
    e = engine.new()
    local config = assert(core.json.decode(e.bundle:read("config.json")))
    local lctr = core.path.realpath("build/lctr")
    config.hooks = { createRuntime = { { path = "/bin/sh", args = { "sh", "-c",
      ("cat >%s/given; %s --root %s/state state %s >%s/shown"):format(e.folder, lctr, e.folder,
      e.id, e.folder) } } } }
    e.bundle:file("config.json", config)
    local pid = e:create()
    local given = assert(core.json.decode(e.bundle:read("given")))
    local shown = assert(core.json.decode(e.bundle:read("shown")))
    assert.same({ "creating", pid, e.folder, "1.2.0" },
      { given.status, given.pid, given.bundle, given.ociVersion })
    assert.same({ "creating", pid }, { shown.status, shown.pid })
    assert.equal("created", e:state().status)
  end)

  it("leaves nothing of one whose hook fails", function()
    e = engine.new()
    local config = assert(core.json.decode(e.bundle:read("config.json")))
    config.hooks = { createRuntime = { { path = "/bin/false" } } }
    e.bundle:file("config.json", config)
    assert.matches("createRuntime", fails_to_create())
  end)

  it("leaves a frozen cgroup that it found as it was", function()
    local dir = "/sys/fs/cgroup/freezer/ctr-frozen-" .. core.proc.getpid()
    if not machine.has("freezer") or not core.path.realpath("/sys/fs/cgroup/freezer") then
      e = engine.new()
      pending("needs the freezer of cgroup v1")
      return
    end
    assert(os.execute(("mkdir %s && echo FROZEN > %s/freezer.state"):format(dir, dir)) == 0)
    e = engine.new(nil, { cgroupsPath = "/ctr-frozen-" .. core.proc.getpid() })
    for _ = 1, 2 do
      assert.matches("container's cgroup unexpectedly frozen", e:fails("create", "--bundle",
        e.folder, e.id), 1, true)
    end
    assert(os.execute("rmdir " .. dir) == 0)
  end)

  it("writes records of what a configuration asks for in vain, when it is asked to", function()
    e = engine.new(nil, { resources = { memory = { kernel = 4096 } } })
    e:create("--no-subreaper")
    e:succeeds("delete", "--force", e.id)
    e:succeeds("--log", e.folder .. "/log", "--log-format", "json", "--debug", "create", "--bundle",
      e.folder, e.id)
    local said = {}
    for line in e.bundle:read("log"):gmatch("[^\n]+") do
      local record = assert(core.json.decode(line))
      assert.equal("debug", record.level)
      said[#said + 1] = record.msg
    end
    assert.matches("\nlinux.resources.memory.kernel ", table.concat(said, "\n"), 1, true)
  end)
end)
