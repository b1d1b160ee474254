local doctor = require("ctr.doctor")

local machine_methods = {}

-- A machine on which all is well, for root, on cgroup v2; `changes` make it another one.
local function machine_with(changes)
  local machine = {
    uid = 0, name = "ann",
    files = {
      ["/proc/sys/kernel/osrelease"] = "6.12.3-test\n",
      ["/proc/sys/vm/memfd_noexec"] = "0\n",
      ["/proc/filesystems"] = "nodev\ttmpfs\nnodev\toverlay\nnodev\tmqueue\n\text4\nnodev\tfuse\n",
      ["/lib/modules/6.12.3-test/modules.builtin"] = "kernel/net/bridge/bridge.ko\n",
      ["/lib/modules/6.12.3-test/modules.dep"] = "kernel/drivers/net/veth.ko.xz:\n",
      ["/sys/module/apparmor/parameters/enabled"] = "Y\n",
      ["/sys/fs/selinux/enforce"] = "1",
      ["/proc/self/mountinfo"] = "30 1 0:9 / /sys/fs/resctrl rw - resctrl resctrl rw\n",
      ["/sys/fs/cgroup/cgroup.controllers"] = "cpuset cpu io memory hugetlb pids\n",
      ["/sys/fs/cgroup/user.slice/cgroup.controllers"] = "cpu memory pids\n",
      ["/proc/pressure/memory"] = "some avg10=0.00\n",
      ["/proc/sys/user/max_user_namespaces"] = "15000\n",
      ["/etc/subuid"] = "ann:100000:65536\n", ["/etc/subgid"] = "ann:100000:65536\n",
    },
    stats = {
      ["/sys/fs/cgroup/user.slice"] = { uid = 0, gid = 0, mode = 493 },
      ["/sys/fs/cgroup/user.slice/cgroup.kill"] = { uid = 0, gid = 0, mode = 128 },
      ["/usr/bin/newuidmap"] = { uid = 0, gid = 0, mode = 2541 },
      ["/usr/bin/newgidmap"] = { uid = 0, gid = 0, mode = 2541 },
      ["/usr/bin/ps"] = { uid = 0, gid = 0, mode = 493 },
      ["/usr/sbin/iptables"] = { uid = 0, gid = 0, mode = 493 },
    },
    environment = {}, absent = {},
    cgroups = { mode = "v2", controllers = {},
      unified = { mount = "/sys/fs/cgroup", root = "/", own = "/user.slice" } },
    criu_version = "4.1.0", is_new_criu = true, criu_code = 0,
    luajit_version = "LuaJIT 2.1.1741730670",
  }
  for key, value in pairs(changes or {}) do
    machine[key] = value
  end
  return setmetatable(machine, { __index = machine_methods })
end

function machine_methods:is_root()
  return self.uid == 0
end

function machine_methods:read(path)
  return self.files[path]
end

function machine_methods:stat(path)
  return self.stats[path]
end

function machine_methods:find(name)
  return self.stats["/usr/bin/" .. name] and "/usr/bin/" .. name
    or self.stats["/usr/sbin/" .. name] and "/usr/sbin/" .. name
end

function machine_methods:may_write(path)
  return self.writable ~= nil and self.writable[path] == true
end

function machine_methods:has_file_capabilities(path)
  return self.capable ~= nil and self.capable[path] == true
end

function machine_methods:user()
  return self.name
end

function machine_methods:env(name)
  return self.environment[name]
end

local function has(machine, name)
  return not machine.absent[name]
end

machine_methods.has_call, machine_methods.has_namespace, machine_methods.has_seccomp = has, has, has

function machine_methods:has_module(name)
  if self.absent[name] then
    return nil, "module '" .. name .. "' not found"
  end
  return true
end

function machine_methods:layout()
  if self.cgroups then
    return self.cgroups
  end
  return nil, "no layout"
end

function machine_methods:reaches_systemd(is_user)
  if self.no_systemd then
    return nil, "no bus"
  end
  self.asked_user = is_user
  return true
end

function machine_methods:luajit()
  return self.luajit_version
end

function machine_methods:criu()
  if not self.criu_version then
    return nil, "criu is not installed"
  end
  return self.criu_version, "/usr/sbin/criu", self.is_new_criu
end

function machine_methods:run()
  return { code = self.criu_code, stdout = "", stderr = self.criu_code == 0 and "Looks good.\n"
    or "mem_track is missing\n" }
end

local function by_name(machine)
  local found = {}
  for _, result in ipairs((doctor.run(machine))) do
    found[result.name] = result
  end
  return found
end

local function copy_with(map, changes)
  local copy = {}
  for key, value in pairs(map) do
    copy[key] = value
  end
  for key, value in pairs(changes) do
    copy[key] = value or nil
  end
  return copy
end

local function with_files(changes, more)
  local machine = machine_with(more)
  machine.files = copy_with(machine.files, changes)
  return machine
end

local function assert_status(machine, name, status, found, remedy)
  local result = by_name(machine)[name]
  assert.equal(status, result.status, name)
  if found then
    assert.truthy(result.found:find(found, 1, true), name .. " found " .. result.found)
  end
  if remedy then
    assert.truthy((result.remedy or ""):find(remedy, 1, true),
      name .. ": " .. tostring(result.remedy))
  end
end

describe("ctr.doctor", function()
  it("finds all in order on a machine that has everything", function()
    local results, is_well = doctor.run(machine_with())
    for _, result in ipairs(results) do
      assert.equal("ok", result.status, result.name .. ": " .. result.found)
      assert.is_nil(result.remedy)
    end
    assert.is_true(is_well)
  end)

  it("says of each check what it is for, and what mends it", function()
    local names = {}
    for _, check in ipairs(doctor.checks()) do
      assert.is_nil(names[check.name], check.name .. " is there twice")
      names[check.name] = true
      for _, field in ipairs({ "name", "group", "why" }) do
        assert.equal("string", type(check[field]), check.name)
      end
      assert.truthy(check.remedy, check.name)
    end
  end)

  it("goes on when a probe fails", function()
    local results, is_well = doctor.run(machine_with(), {
      { name = "broken", group = "g", why = "w", is_essential = true, remedy = "r",
        probe = function() error("oh") end },
      { name = "whole", group = "g", why = "w", probe = function() return true, "yes" end },
    })
    assert.equal("unknown", results[1].status)
    assert.matches("oh", results[1].found)
    assert.is_nil(results[1].remedy)
    assert.equal("ok", results[2].status)
    assert.is_true(is_well)
  end)

  it("is not well where something essential is missing", function()
    local machine = machine_with({ absent = { clone3 = true } })
    local _, is_well = doctor.run(machine)
    assert.is_false(is_well)
    assert_status(machine, "clone3", "missing", "5.3", "linux-image")
  end)

  describe("kernel", function()
    it("wants a release that has all calls", function()
      local machine = with_files({ ["/proc/sys/kernel/osrelease"] = "5.10.0-8\n" })
      assert_status(machine, "release", "missing", "5.10.0-8")
    end)

    it("does without what a namespace or an action is for", function()
      local machine = machine_with({ absent = { NEWTIME = true, SCMP_ACT_NOTIFY = true } })
      assert_status(machine, "time namespaces", "absent")
      assert_status(machine, "seccomp notify", "absent", nil, "5.5")
      assert.is_true(select(2, doctor.run(machine)))
    end)

    it("cannot start where memory files must not be run", function()
      local machine = with_files({ ["/proc/sys/vm/memfd_noexec"] = "2\n" })
      assert_status(machine, "memory files run", "missing", "is 2", "sysctl -w vm.memfd_noexec=0")
    end)

    it("finds a module that is loaded, built in or to be loaded", function()
      assert_status(machine_with(), "veth", "ok", "can be loaded")
      local loaded = with_files({ ["/lib/modules/6.12.3-test/modules.dep"] = false,
        ["/lib/modules/6.12.3-test/modules.builtin"] = false })
      assert_status(loaded, "veth", "unknown", "no list")
      loaded.stats = copy_with(loaded.stats, { ["/sys/module/veth"] = { uid = 0, mode = 493 } })
      assert_status(loaded, "veth", "ok", "loaded")
      local without = with_files({ ["/lib/modules/6.12.3-test/modules.dep"] = "kernel/a.ko:\n" })
      assert_status(without, "veth", "absent", nil, "modprobe veth")
    end)

    it("tells labels and resctrl from their files", function()
      local machine = with_files({ ["/sys/module/apparmor/parameters/enabled"] = "N\n",
        ["/sys/fs/selinux/enforce"] = false, ["/proc/self/mountinfo"] = "" })
      assert_status(machine, "AppArmor", "absent", "not enabled", "apt install apparmor")
      assert_status(machine, "SELinux", "absent", "not enabled")
      assert_status(machine, "resctrl", "absent", nil, "mount -t resctrl")
      assert_status(with_files({ ["/sys/fs/selinux/enforce"] = "0" }), "SELinux", "ok",
        "permissive")
    end)
  end)

  describe("cgroups", function()
    local HYBRID = { mode = "hybrid", unified = { mount = "/u", root = "/", own = "/" },
      controllers = { memory = { mount = "/m" }, pids = { mount = "/p" }, cpu = { mount = "/c" } } }

    it("needs a hierarchy where the caller is root", function()
      local machine = machine_with({ cgroups = false })
      assert_status(machine, "cgroup hierarchy", "missing", "no layout", "mount -t cgroup2")
      assert_status(machine, "memory controller", "unknown")
      local bare = machine_with({ cgroups = { mode = "none", controllers = {} } })
      assert_status(bare, "cgroup hierarchy", "missing", "none")
    end)

    it("finds controllers of v1 where they are mounted", function()
      local machine = machine_with({ cgroups = HYBRID })
      assert_status(machine, "memory controller", "ok", "/m")
      assert_status(machine, "cpuset controller", "absent", "hybrid")
      assert_status(machine, "freezing", "absent")
      assert_status(machine, "cgroup.kill", "absent", "hybrid", "5.14")
      machine.files = copy_with(machine.files, { ["/proc/cgroups"] = "#x\ncpuset\t3\t1\t1\n" })
      assert_status(machine, "cpuset controller", "absent", nil, "mount -t cgroup -o cpuset")
    end)

    it("asks of a user what was delegated", function()
      local machine = machine_with({ uid = 1000, environment = { XDG_RUNTIME_DIR = "/run/u" },
        writable = { ["/run/u"] = true } })
      assert_status(machine, "memory controller", "ok", "user.slice")
      assert_status(machine, "cpuset controller", "absent", nil, "Delegate=")
      assert_status(machine, "cgroup of one's own", "absent", "user.slice", "Delegate=")
      machine.writable["/sys/fs/cgroup/user.slice"] = true
      assert_status(machine, "cgroup of one's own", "ok")
      assert.is_true(select(2, doctor.run(machine)))
    end)

    it("knows no cgroup.kill of the tree's root", function()
      local machine = machine_with()
      machine.cgroups = { mode = "v2", controllers = {},
        unified = { mount = "/sys/fs/cgroup", root = "/", own = "/" } }
      assert_status(machine, "cgroup.kill", "unknown")
    end)

    it("needs pressure to be counted", function()
      assert_status(with_files({ ["/proc/pressure/memory"] = false }), "pressure", "absent", nil,
        "psi=1")
    end)
  end)

  describe("without root", function()
    local USER = { uid = 1000, environment = { XDG_RUNTIME_DIR = "/run/u" },
      writable = { ["/run/u"] = true } }

    it("needs user namespaces for users alone", function()
      local none = { ["/proc/sys/user/max_user_namespaces"] = "0\n" }
      assert_status(with_files(none), "user namespaces allowed", "absent")
      assert_status(with_files(none, USER), "user namespaces allowed", "missing", "is 0",
        "sysctl -w user.max_user_namespaces=15000")
    end)

    it("knows the switches of Debian and of Ubuntu", function()
      local machine = with_files({ ["/proc/sys/kernel/unprivileged_userns_clone"] = "0\n",
        ["/proc/sys/kernel/apparmor_restrict_unprivileged_userns"] = "1\n" }, USER)
      assert_status(machine, "user namespaces for users", "missing", nil,
        "kernel.unprivileged_userns_clone=1")
      assert_status(machine, "AppArmor lets users make them", "missing", nil,
        "kernel.apparmor_restrict_unprivileged_userns=0")
    end)

    it("wants privileged helpers", function()
      local machine = machine_with(USER)
      machine.stats = copy_with(machine.stats, { ["/usr/bin/newgidmap"] = false,
        ["/usr/bin/newuidmap"] = { uid = 0, gid = 0, mode = 493 } })
      assert_status(machine, "newuidmap", "absent", "no privilege", "chmod u+s /usr/bin/newuidmap")
      assert_status(machine, "newgidmap", "absent", "not installed", "apt install uidmap")
      machine.capable = { ["/usr/bin/newuidmap"] = true }
      assert_status(machine, "newuidmap", "ok", "with capabilities")
    end)

    it("looks for the caller's ranges by name and by number", function()
      local other = { ["/etc/subuid"] = "bob:100000:65536\n", ["/etc/subgid"] = "1000:1:10\n" }
      assert_status(with_files(other, USER), "subuid", "absent", "no range",
        "usermod --add-subuids 100000-165535 ann")
      assert_status(with_files(other, USER), "subgid", "ok", "1000 has 10 from 1 on")
    end)

    it("needs a place for the state that the user may write to", function()
      local machine = machine_with(USER)
      machine.environment = {}
      assert_status(machine, "XDG_RUNTIME_DIR", "missing", "not set", "loginctl enable-linger ann")
      machine.environment = { XDG_RUNTIME_DIR = "/elsewhere" }
      assert_status(machine, "XDG_RUNTIME_DIR", "missing", "/elsewhere")
    end)
  end)

  describe("programs", function()
    it("names the package of a module's library", function()
      local machine = machine_with({ absent = { ["ctr.core.netlink"] = true,
        ["ctr.core.seccomp"] = true } })
      assert_status(machine, "netlink", "absent", "not found", "apt install libmnl0")
      assert_status(machine, "seccomp", "missing", "not found", "apt install libseccomp2")
    end)

    it("asks the manager that is the caller's", function()
      local machine = machine_with()
      by_name(machine)
      assert.is_false(machine.asked_user)
      machine = machine_with({ uid = 1000 })
      by_name(machine)
      assert.is_true(machine.asked_user)
      assert_status(machine_with({ no_systemd = true }), "systemd's manager", "absent", "no bus",
        "boot the machine with systemd")
    end)

    it("tells CRIU's version, age and own check", function()
      assert_status(machine_with(), "CRIU", "ok", "4.1.0, /usr/sbin/criu")
      assert_status(machine_with({ is_new_criu = false }), "CRIU", "absent", "4.1.0")
      local none = machine_with({ criu_version = false })
      assert_status(none, "CRIU", "absent", "not installed", "apt install criu")
      assert_status(none, "CRIU's own check", "unknown")
      assert_status(machine_with({ criu_code = 1 }), "CRIU's own check", "absent", "mem_track")
      assert_status(machine_with({ uid = 1000 }), "CRIU's own check", "unknown", "root's")
    end)

    it("of the program's own: its compiler", function()
      local machine = machine_with()
      assert_status(machine, "LuaJIT's compiler", "ok", "2.1.1741730670")
      machine.luajit_version = "LuaJIT 2.1.0-beta3"
      assert_status(machine, "LuaJIT's compiler", "absent", "beta3", "jit.off()")
    end)
  end)

  describe("knows", function()
    for text, name in pairs({
      ["newuidmap is not installed: without it, a user can map one id"] = "newuidmap",
      ["mkdir /run/ctr: permission denied"] = "XDG_RUNTIME_DIR",
      ["uid_mappings: /usr/bin/newgidmap failed: no"] = "newgidmap",
      ["invalid root: without privilege, XDG_RUNTIME_DIR has to be set"] = "XDG_RUNTIME_DIR",
      ["no cgroup hierarchy is mounted"] = "cgroup hierarchy",
      ["cgroups.memory: cannot be set: the memory controller is not mounted"] = "memory controller",
      ["criu is not installed: a checkpoint is made by it, and a restore"] = "CRIU",
      ["apparmor_profile needs AppArmor, which is not enabled"] = "AppArmor",
      ["reach systemd for ctr-web.scope: no such file"] = "systemd's manager",
      ["namespaces: unshare 0x10000000: no space left on device"] = "user namespaces allowed",
    }) do
      it("what is behind: " .. text, function()
        assert.equal(name, doctor.knows(text))
      end)
    end

    it("nothing of other errors", function()
      assert.is_nil(doctor.knows("rootfs is required"))
      assert.is_nil(doctor.knows("mounts[1]: write: no space left on device"))
    end)
  end)
end)
