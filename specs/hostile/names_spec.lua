local attack = require("specs.support.attack")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")
local orphans = require("specs.support.orphans")

local SECONDS = 60

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

describe("a kernel setting", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  -- CVE-2022-0811 and what is like it: a name or a value that sets something else as well.
  for _, name in ipairs({
    "kernel.core_pattern", "kernel/core_pattern", "kernel.modprobe", "vm.overcommit_memory",
    "fs.suid_dumpable", "user.max_user_namespaces", "kernel.hostname", "dev.tty.ldisc_autoload",
    "net.ipv4.ip_forward+kernel.core_pattern", "net.ipv4.ip_forward=1 kernel.core_pattern",
    "net.ipv4.ip_forward\nkernel.core_pattern", "net.ipv4.ip_forward\0x",
    "net/../kernel/core_pattern", "net.././kernel.core_pattern",
    "net.ipv4.conf.eth0/../../../kernel.core_pattern",
    "net.ipv4..ip_forward", "net.", "net", ".net.ipv4", "/net/ipv4/ip_forward", "net.ipv4.",
    "NET.ipv4.ip_forward", "nét.x", "fs.mqueue.../../../kernel/core_pattern", "fs.mqueue",
    "kernel.shmmni/../core_pattern", "kernel.shmmni.", "", " ", "*", "net.*", "%n", "net.ipv4 x",
    ("net." .. ("a."):rep(3000) .. "b"),
  }) do
    it("by the name " .. ("%q"):format(name):sub(1, 60) .. " is refused", function()
      local container, err = b:create({ sysctl = { [name] = "1" } })
      if container then -- a name that is only too long for any file
        local ok, problem = container:run(ctr.process({ args = { "/bin/true" } }))
        assert.is_nil(ok)
        err = problem
        assert(container:destroy())
      end
      assert.is_true(err.code == "ConfigInvalid" or err.errno == "ENAMETOOLONG", tostring(err))
      assert.matches("^sysctl", err.path)
    end)
  end

  it("takes its value and nothing that follows", function()
    local before = read_file("/proc/sys/kernel/core_pattern")
    for _, value in ipairs({ "77\nkernel.core_pattern=|/x", "77 88", "77;", "+77", "77\n" }) do
      local container = assert(b:create({ sysctl = { ["kernel.shmmni"] = value } }))
      local process = ctr.process({ args = { "/bin/true" } })
      if container:run(process) then
        assert.equal(0, process:wait(SECONDS).code)
      end
      assert(container:destroy())
      assert.equal(before, read_file("/proc/sys/kernel/core_pattern"))
    end
  end)

  it("of the host is out of reach by a joined namespace", function()
    for kind, name in pairs({ NEWNET = "net.ipv4.ip_forward", NEWIPC = "kernel.shmmni",
      NEWUTS = "kernel.domainname" }) do
      local namespaces = {}
      for _, own in ipairs({ "NEWNS", "NEWPID", "NEWUTS", "NEWIPC", "NEWNET" }) do
        namespaces[#namespaces + 1] = { type = own,
          path = own == kind and "/proc/self/ns/" .. core.ns.files[own] or nil }
      end
      local container, err = b:create({ namespaces = namespaces, sysctl = { [name] = "1" },
        hostname = "", networks = {} })
      assert.is_nil(container)
      assert.matches("is the host's own namespace", tostring(err))
    end
  end)
end)

describe("an id", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  it("is a name without tricks, or refused", function()
    local before = attack.look(b.folder .. "/state")
    for _, id in ipairs({ "", ".", "..", "a/b", "/", "../x", "a/../..", "a b", "é", "%", "a\n",
      "\n", "a\0b", "~", "a~b", "*", "a:b", "a\\b", "$(x)", "'", '"', "a\tb", ("x"):rep(1025) }) do
      for _, act in ipairs({ "create", "load" }) do
        local container, err = b.factory[act](b.factory, id, box.config(b.root))
        assert.is_nil(container)
        assert.equal("InvalidIdFormat", err.code, id)
      end
    end
    assert.equal(before, attack.look(b.folder .. "/state"))
  end)

  it("that looks like an option is only a name", function()
    for _, id in ipairs({ "-rf", "--help", "-", "+", "...", "-1", ("-"):rep(300) }) do
      local container = assert(b.factory:create(id, box.config(b.root)))
      assert.equal(id, container:id())
      assert(container:destroy())
    end
  end)

  -- CVE-2015-1331: what stands under the id already may be another's.
  it("whose folder is a link leads nowhere", function()
    host.sh(("mkdir %s/elsewhere && ln -s ../elsewhere %s/state/led"):format(b.folder, b.folder))
    local before = attack.look(b.folder .. "/elsewhere")
    local container, err = b.factory:create("led", box.config(b.root))
    assert.is_nil(container)
    assert.equal("IdInUse", err.code)
    container, err = b.factory:load("led")
    assert.is_nil(container)
    assert.equal("ContainerNotExists", err.code)
    assert.same({}, b.factory:list())
    assert.equal(before, attack.look(b.folder .. "/elsewhere"))
    host.sh(("rm %s/state/led"):format(b.folder))
  end)

  it("whose state is no file keeps nobody", function()
    for _, script in ipairs({ "mkfifo F", "ln -s /dev/zero F", "mknod F c 1 5", "mkdir F",
      "ln -s F F", "truncate -s 1G F", "printf '[1' > F", "printf '{}{}' > F", "printf 'null' > F",
      "printf '{\"config\":5}' > F", "printf '{\"init_process_pid\":\"1\"}' > F",
      "printf '{\"cgroup_paths\":[1]}' > F", "printf '{\"config\":{\"cgroups\":7}}' > F" }) do
      local container = assert(b.factory:create("odd", box.config(b.root)))
      local folder = b.folder .. "/state/odd"
      host.sh(("cp -a F F.kept && rm F && %s"):format(script):gsub("F", folder .. "/state.json"))
      local began = core.proc.clock()
      local returned, loaded, err = pcall(b.factory.load, b.factory, "odd")
      assert.is_true(core.proc.clock() - began < SECONDS, script)
      assert.is_true(returned, script .. ": " .. tostring(loaded))
      assert.is_true(loaded ~= nil or err.code ~= nil, script)
      host.sh(("rm -rf F && mv F.kept F"):gsub("F", folder .. "/state.json"))
      assert(container:destroy())
    end
  end)
end)

describe("a recorded process", function()
  -- A pid is used again: the process that has it now has nothing to do with the container.
  it("that ended, and whose pid another has by now, is let alone", function()
    local b = box.new()
    local container, process = b:sleeper({}, {})
    local pid, procfs = process:pid(), b.factory.host:procfs()
    -- The kernel counts hundredths of a second: no pid is used again within one.
    local other
    repeat
      if other then
        core.proc.send_signal(other.pidfd, core.proc.signals.SIGKILL)
        assert(core.proc.wait(other.pidfd, {}))
        other.pidfd:close()
      end
      other = assert(core.proc.spawn({ path = "/bin/sleep", argv = { "sleep", "1000" }, env = {},
        fds = { 0, 1, 2 } }))
    until core.proc.stat(procfs, other.pid).start_time ~= core.proc.stat(procfs, pid).start_time
    assert(container:signal("SIGKILL"))
    assert(process:wait(SECONDS))
    host.sh(([[sed -i 's/"init_process_pid":%d,/"init_process_pid":%d,/' %s/state/%s/state.json]])
      :format(pid, other.pid, b.folder, container:id()))
    local found = assert(b.factory:load(container:id()))
    assert.equal(other.pid, found:state().init_process_pid)
    assert.equal("stopped", found:status())
    assert.equal("ContainerNotRunning", select(2, found:signal("SIGKILL")).code)
    found:signal("SIGKILL", true)
    assert(found:destroy())
    assert.equal(false, core.proc.wait(other.pidfd, { nohang = true }))
    core.proc.send_signal(other.pidfd, core.proc.signals.SIGKILL)
    assert.equal("SIGKILL", assert(core.proc.wait(other.pidfd, {})).signal)
    other.pidfd:close()
    b:close()
  end)
end)

describe("a state root", function()
  local folder

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    host.sh("mkdir -m 755 " .. folder)
  end)

  after_each(function()
    host.sh("rm -rf " .. folder)
  end)

  -- D15: whoever is there first may not say where the state goes.
  for what, script in pairs({
    ["a link"] = "mkdir -m 700 F/other && ln -s other F/root",
    ["a link to nothing"] = "ln -s other F/root",
    ["another's folder"] = "mkdir -m 700 F/root && chown 1234 F/root",
    ["a folder that others may write"] = "mkdir -m 777 F/root && chmod 1777 F/root",
    ["a folder that a group may write"] = "mkdir -m 770 F/root",
    ["a file"] = "touch F/root",
    ["a fifo"] = "mkfifo F/root",
  }) do
    it("that is " .. what .. " is refused", function()
      assert.equal(0, host.sh((script:gsub("F", folder))).code)
      local before = attack.look(folder)
      for _, opts in ipairs({ {}, { lazy = true }, { cgroup_manager = "none" } }) do
        local factory, err = ctr.new(folder .. "/root", opts)
        assert.is_nil(factory)
        assert.equal("SystemError", err.code)
      end
      assert.equal(before, attack.look(folder))
    end)
  end

  it("that is made is its owner's alone", function()
    local factory = assert(ctr.new(folder .. "/a/b/root"))
    assert.equal("700 0\n700 0\n700 0\n", host.sh("cd " .. folder
      .. "; stat -c '%a %u' a a/b a/b/root").stdout)
    factory:close()
  end)
end)

describe("the environment", function()
  -- CVE-2026-84042 and what is like it: no program is found by what a container or a user says.
  it("of the caller, and the root's own programs, are never searched", function()
    local b = box.new()
    local planted, canary = b.folder .. "/planted", b.folder .. "/canary"
    host.sh("mkdir " .. planted)
    for _, name in ipairs({ "newuidmap", "newgidmap", "criu", "ip", "nft", "iptables", "mount",
      "umount", "modprobe", "ctr-init", "sh", "passt", "getent", "id" }) do
      for _, path in ipairs({ planted .. "/" .. name, b.root .. "/usr/bin/" .. name,
        b.root .. "/usr/sbin/" .. name }) do
        local file = assert(io.open(path, "w"))
        file:write("#!/bin/busybox sh\necho $0 >> ", canary, "\n")
        file:close()
        host.sh("chmod 755 " .. path)
      end
    end
    local project = core.path.realpath(".")
    orphans.adopt()
    for _, action in ipairs({ "run", "run in a user namespace", "run of a further process" }) do
      local result = assert(core.proc.run({ path = "/usr/bin/luajit", timeout = 60,
        env = { "PATH=" .. planted, "LD_LIBRARY_PATH=" .. planted, "XDG_RUNTIME_DIR=" .. planted },
        args = { "luajit", project .. "/specs/support/stepped.lua", project, b.factory.root, b.root,
          "planted", action } }))
      assert.same({ 0, "done\n", "" }, { result.code, result.stdout, result.stderr })
      local container = assert(b.factory:load("planted"))
      assert(container:signal("SIGKILL", true))
      orphans.reap(action)
      assert(container:destroy())
    end
    assert.equal(1, host.sh("test -e " .. canary).code)
    b:close()
  end)
end)
