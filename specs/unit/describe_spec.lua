local command = require("specs.support.command")
local ctr = require("ctr")
local describe_module = require("ctr.describe")
local schema = require("ctr.config.schema")

local ROOT = { uid = 0, gid = 0 }

local function build(keys, identity)
  return describe_module.build("web", keys, {}, identity or ROOT)
end

local function minimal(changes)
  local keys = { rootfs = "/", run = { "/bin/sh" } }
  for key, value in pairs(changes or {}) do
    keys[key] = value
  end
  return keys
end

local function problems_of(keys)
  local description, err = build(keys)
  assert.is_nil(description)
  local list = {}
  for index, problem in ipairs(err.problems) do
    list[index] = { problem.path, problem.text }
  end
  return list
end

local function mount_at(config, destination)
  local found
  for _, mount in ipairs(config.mounts) do
    if mount.destination == destination then
      assert.is_nil(found, "two mounts at " .. destination)
      found = mount
    end
  end
  return found
end

describe("ctr.describe", function()
  describe("build", function()
    it("makes a configuration and a process that pass every check", function()
      local description = assert(build(minimal()))
      assert.is_true(description:check())
      assert.equal("web", description.name)
      assert.same({ "/bin/sh" }, description.process.args)
    end)

    it("reaches what libcontainer has, under its own name", function()
      local config = assert(build(minimal({ scheduler = { policy = "batch" },
        io_priority = { class = "idle" }, exec_cpu_affinity = { final = "0" } }))).config
      assert.equal("SCHED_BATCH", assert(schema.parse(config)).scheduler.policy)
      local _, err = assert(build(minimal({ scheduler = { policy = "batch", nice = 99 } }))):check()
      assert.equal("scheduler.nice must be an integer from -20 to 19 (it is 99)", err.message)
    end)

    it("refuses what only a process has that is added", function()
      local _, err = assert(build(minimal({ cpu_affinity = { final = "0" } }))):check()
      assert.equal("cpu_affinity is for processes that are added to a running container",
        err.message)
    end)

    it("isolates what nobody spoke of", function()
      local config = assert(build(minimal())).config
      assert.same({ "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWCGROUP" },
        config.namespaces)
      assert.is_true(config.no_new_privileges)
      assert.same(ctr.default_capabilities, config.capabilities)
      assert.same({}, config.capabilities.ambient)
      assert.same(ctr.default_seccomp(ctr.default_capabilities), config.seccomp)
      assert.equal("web", config.hostname)
      assert.same({ { type = "loopback" } }, config.networks)
      assert.same({ "nosuid", "nodev", "noexec", "ro" }, mount_at(config, "/sys").flags)
    end)

    it("takes what is said of capabilities, and the filter follows", function()
      local admin = { bounding = { "sys_admin" }, permitted = {}, effective = {} }
      local config = assert(build(minimal({ capabilities = admin }))).config
      assert.same(admin, config.capabilities)
      assert.same(ctr.default_seccomp({ bounding = { "CAP_SYS_ADMIN" } }), config.seccomp)
      config = assert(build(minimal({ capabilities = {} }))).config
      assert.same(ctr.default_seccomp(), config.seccomp)
    end)

    it("has another filter, or none, where that is said", function()
      local own = { default_action = "SCMP_ACT_ALLOW" }
      assert.same(own, assert(build(minimal({ seccomp = own }))).config.seccomp)
      assert.is_nil(assert(build(minimal({ seccomp = false }))).config.seccomp)
    end)

    it("lets everybody ping and listen in a network of its own", function()
      local function sysctls(changes, identity)
        return assert(build(minimal(changes), identity)).config.sysctl
      end
      local host = { uid = 0, gid = 0, has_ipv4 = true }
      assert.same({ ["net.ipv4.ping_group_range"] = "0 2147483647",
        ["net.ipv4.ip_unprivileged_port_start"] = "0" }, sysctls({}, host))
      assert.equal("0 0", sysctls({}, { uid = 5, gid = 5, has_ipv4 = true })
        ["net.ipv4.ping_group_range"])
      assert.same({}, sysctls({}, { uid = 0, gid = 0 }))
      assert.is_nil(sysctls({ namespaces = { "mount" } }, host))
      local said = sysctls({ sysctl = { ["net/ipv4/ping_group_range"] = "1 1" } }, host)
      assert.equal("1 1", said["net.ipv4.ping_group_range"])
      assert.equal("0", said["net.ipv4.ip_unprivileged_port_start"])
    end)

    it("masks how hot each processor is", function()
      local config = assert(build(minimal(), { uid = 0, gid = 0, throttled_cpus = 2 })).config
      assert.equal("/sys/devices/system/cpu/cpu1/thermal_throttle",
        config.mask_paths[#config.mask_paths])
    end)

    it("masks what tells of the host", function()
      local config = assert(schema.parse(assert(build(minimal())).config))
      local masked = {}
      for _, path in ipairs(config.mask_paths) do
        masked[path] = true
      end
      assert.is_true(masked["/proc/kcore"] and masked["/proc/keys"] and masked["/sys/firmware"])
      assert.same({ "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" },
        config.readonly_paths)
    end)

    it("allows the default devices and no other", function()
      local parsed = assert(schema.parse(assert(build(minimal())).config))
      local allowed = parsed.cgroups.allowed_devices
      assert.same(#require("ctr.config.defaults").allowed_devices, #allowed)
      assert.same({ "/dev/null", 1, 3 },
        { parsed.devices[1].path, parsed.devices[1].major, parsed.devices[1].minor })
    end)

    it("gives a caller without subordinate ids a user namespace of one id", function()
      local config = assert(build(minimal(), { uid = 1000, gid = 100 })).config
      assert.equal("NEWUSER", config.namespaces[#config.namespaces])
      assert.same({ { container_id = 0, host_id = 1000, size = 1 } }, config.uid_mappings)
      assert.same({ { container_id = 0, host_id = 100, size = 1 } }, config.gid_mappings)
      assert.is_nil(mount_at(config, "/dev/pts").data:find("gid=", 1, true))
      assert.is_true(config.rootless_euid)
    end)

    it("maps subordinate ids after the caller's own", function()
      local range = { first = 165536, count = 65536 }
      local identity = { uid = 1000, gid = 1000, subuid = range, subgid = range }
      local config = assert(build(minimal(), identity)).config
      assert.same({
        { container_id = 0, host_id = 1000, size = 1 },
        { container_id = 1, host_id = 165536, size = 65536 },
      }, config.uid_mappings)
      assert.truthy(mount_at(config, "/dev/pts").data:find("gid=5", 1, true))
    end)

    it("translates limits", function()
      local description = assert(build(minimal({
        limits = { memory = "256M", cpus = 0.5, pids = 64 },
      })))
      local cgroups = assert(schema.parse(description.config)).cgroups
      assert.equal(256 * 1024 * 1024, cgroups.memory)
      assert.same({ 50000, 100000 }, { cgroups.cpu_quota, cgroups.cpu_period })
      assert.equal(64, cgroups.pids_limit)
    end)

    it("refuses fewer CPUs than the kernel can count", function()
      assert.same({ { "limits.cpus", "must be a number of CPUs from 0.01" } },
        problems_of(minimal({ limits = { cpus = 0 } })))
    end)

    it("takes keys of the configuration and of the process under their own names", function()
      local description = assert(build(minimal({
        domainname = "lan", oom_score_adj = 5, additional_groups = { "tty" }, console_width = 80,
      })))
      assert.equal("lan", description.config.domainname)
      assert.equal(5, description.config.oom_score_adj)
      assert.same({ "tty" }, description.process.additional_groups)
      assert.equal(80, description.process.console_width)
    end)

    it("puts a mount in the place of the default one", function()
      local config = assert(build(minimal({
        mounts = { describe_module.tmpfs("/dev/shm/", { size = "1M" }) },
      }))).config
      assert.equal(6, #config.mounts)
      assert.equal("mode=1777,size=1M", config.mounts[4].data)
    end)

    it("needs no network settings in the host's network", function()
      local config = assert(build(minimal({ namespaces = { "NEWNS" } }))).config
      assert.is_nil(config.networks)
      assert.is_nil(config.hostname)
    end)

    it("names unknown keys and the nearest known ones", function()
      assert.same({
        { "limits.memroy", 'is not known here: "memroy"; did you mean "memory"?' },
        { "on.exti", 'is not known here: "exti"; did you mean "exit"?' },
        { "rotfs", 'is not known here: "rotfs"; did you mean "rootfs"?' },
        { "run", "is required" },
      }, problems_of({
        rotfs = "/", limits = { memroy = 1 }, on = { exti = print },
      }))
    end)

    it("refuses handlers that are no functions", function()
      assert.same({ { "on.exit", 'must be a function (it is "true")' } },
        problems_of(minimal({ on = { exit = "true" } })))
    end)
  end)

  describe("extends", function()
    it("merges maps, appends lists, and replaces a command line", function()
      local base = assert(build({
        run = { "/bin/httpd", "-f" }, limits = { memory = "1M", pids = 5 },
        mounts = { describe_module.tmpfs("/a") }, env = { A = "1", B = "2" },
      }))
      local description = assert(build({
        extends = base, rootfs = "/", run = { "/bin/sh" }, limits = { memory = "2M" },
        mounts = { describe_module.tmpfs("/b") }, env = { "B=3" },
      }))
      assert.same({ "/bin/sh" }, description.process.args)
      assert.equal("2M", description.config.cgroups.memory)
      assert.equal(5, description.config.cgroups.pids_limit)
      assert.truthy(mount_at(description.config, "/a") and mount_at(description.config, "/b"))
      local process = assert(schema.parse_process(description.process))
      assert.same({ "A=1", "B=3" }, { process.env[2], process.env[3] })
    end)

    it("takes a list, the later on top", function()
      local description = assert(build({
        extends = { { hostname = "one", cwd = "/tmp" }, { hostname = "two" } },
        rootfs = "/", run = { "/bin/sh" },
      }))
      assert.equal("two", description.config.hostname)
      assert.equal("/tmp", description.process.cwd)
    end)

    it("leaves what it extends as it was", function()
      local base = { limits = { pids = 5 } }
      assert(build({ extends = base, rootfs = "/", run = { "/x" }, limits = { pids = 6 } }))
      assert.same({ limits = { pids = 5 } }, base)
    end)

    it("refuses anything but tables", function()
      assert.same({ { "extends", "must be a description, a table, or a list of them" } },
        problems_of(minimal({ extends = "base" })))
    end)
  end)

  describe("bind", function()
    it("carries mount words", function()
      local mount = describe_module.bind("/", "/srv", "ro,noexec")
      assert.same({ "rbind", "ro", "noexec" }, mount.flags)
      assert.same({ "bind", "/", "/srv" }, { mount.device, mount.source, mount.destination })
    end)

    it("raises for a source that is no path", function()
      assert.has_error(function() describe_module.bind(nil, "/srv") end,
        "bad argument #1 to 'bind' (string expected, got nil)")
    end)
  end)

  describe("veth", function()
    it("is a network by its keys, and the loopback comes with it", function()
      local network = describe_module.veth({ bridge = "br0", address = "10.0.0.2/24" })
      assert.same({ type = "veth", bridge = "br0", address = "10.0.0.2/24" }, network)
      local config = assert(build(minimal({ network = { network } }))).config
      assert.same({ network, { type = "loopback" } }, config.networks)
    end)

    it("stands beside a loopback that is said, and nothing comes to nothing", function()
      local networks = { describe_module.loopback(), describe_module.veth({}) }
      assert.same(networks, assert(build(minimal({ network = networks }))).config.networks)
      assert.same({}, assert(build(minimal({ network = {} }))).config.networks)
    end)

    it("raises for what is no table", function()
      assert.has_error(function() describe_module.veth("br0") end,
        "bad argument #1 to 'veth' (table expected, got string)")
    end)
  end)

  describe("load", function()
    local folder
    local keep, clear = command.kept()
    after_each(clear)
    local function load(text, opts, files)
      files = files or {}
      files["web.lua"] = text
      folder = keep(command.folder(files))
      opts = opts or {}
      opts.identity = ROOT
      return describe_module.load(folder .. "/web.lua", opts)
    end

    local function refusal(text, opts, files)
      local list, err = load(text, opts, files)
      assert.is_nil(list)
      return (tostring(err):gsub(folder:gsub("%p", "%%%0") .. "/", "")), err
    end

    it("reads paths relative to the file", function()
      local list = assert(load([[
return container "web" {
  rootfs = "./rootfs", run = { "/bin/sh" }, mounts = { bind("site", "/srv") },
}]], nil, { ["rootfs/keep"] = "", ["site/keep"] = "" }))
      assert.equal(folder .. "/rootfs", list[1].config.rootfs)
      assert.equal(folder .. "/site", mount_at(list[1].config, "/srv").source)
    end)

    it("requires files below its folder, which keep their own paths", function()
      local list = assert(load([[
return container "web" { extends = require "profiles.base", run = { "/bin/sh" } }
]], nil, { ["profiles/base.lua"] = 'return container "base" { rootfs = "./root" }' }))
      assert.equal(folder .. "/profiles/root", list[1].config.rootfs)
    end)

    it("takes a list of containers", function()
      local list = assert(load([[
local function one(name) return container(name) { rootfs = "/", run = { "/bin/sh" } } end
return { one "a", one "b" }]]))
      assert.same({ "a", "b" }, { list[1].name, list[2].name })
    end)

    it("names file and line of each problem", function()
      assert.equal("web.lua:2: user must be the name or the number of a user (it is \"a b\")\n"
        .. "web.lua:4: limits.memory must be a size: bytes, or a number with K, M, G, T or P, "
        .. "as in 512M (it is \"256Q\")\nweb.lua:6: mounts[1].destination must be an absolute path "
        .. "(it is \"tmp\")",
        (refusal([[
return container "web" {
  rootfs = "/", user = "a b",
  run = { "/bin/sh" }, limits = {
    memory = "256Q",
  },
  mounts = { tmpfs("tmp") },
}]])))
    end)

    it("names the line of an interface", function()
      assert.equal("web.lua:3: network[1].address must be an IPv4 address with its prefix, as in "
        .. "10.0.0.2/24 (it is \"10.0.0.2\")", (refusal([[
return container "web" {
  rootfs = "/", run = { "/bin/sh" }, network = {
    veth { bridge = "br0", address = "10.0.0.2" },
  },
}]])))
    end)

    it("names the file in which an extended key stands", function()
      assert.equal("profiles/base.lua:2: domainname must be a string, not a boolean (it is true)",
        (refusal([[
return container "web" { extends = require "profiles.base", rootfs = "/", run = { "/bin/sh" } }
]], nil, { ["profiles/base.lua"] = 'return container "base" {\n  domainname = true,\n}' })))
    end)

    it("says what a description may not have, and what would give it", function()
      local text = refusal('local home = os.getenv("HOME")\nreturn container "web" {}')
      assert.truthy(text:find("web.lua:1: os is not there in a description", 1, true), text)
      assert.truthy(text:find("--trust", 1, true), text)
    end)

    it("gives a trusted description all of Lua", function()
      local list = assert(load([[
return container "web" { rootfs = "/", run = { "/bin/sh" }, domainname = os.tmpname and "all" }
]], { trust = true }))
      assert.equal("all", list[1].config.domainname)
    end)

    it("refuses bytecode", function()
      local text = refusal(string.dump(function() return 1 end))
      assert.truthy(text:find("attempt to load chunk with wrong mode", 1, true), text)
    end)

    it("requires nothing above its folder", function()
      for _, name in ipairs({ "..secret", "../secret", "/etc/passwd", "ffi", "io" }) do
        local text = refusal(('local x = require(%q) return container "web" {}'):format(name))
        assert.truthy(text:find("is not in the folder of the description", 1, true), text)
      end
    end)

    it("does not let a file change what others share", function()
      assert(load([[
string.format = nil
getmetatable({})
return container "web" { rootfs = "/", run = { "/bin/sh" } }]]))
      assert.equal("1", ("%d"):format(1))
      local text = refusal('getmetatable("").__index.rep = nil return container "web" {}')
      assert.truthy(text:find("attempt to index", 1, true), text)
      assert.equal("aa", ("a"):rep(2))
    end)

    it("takes a file that wants the world for a program, unless it returns a container", function()
      local _, err = refusal('print("hello")')
      assert.is_true(err.is_program)
      _, err = refusal('print("hello") return container "web" {}')
      assert.is_nil(err.is_program)
    end)

    it("tells where the syntax is wrong", function()
      assert.equal("web.lua:1: '<eof>' expected near '='", (refusal("return container = {}")))
    end)

    it("says that a file is missing", function()
      local list, err = describe_module.load("/nonexistent/web.lua", { identity = ROOT })
      assert.is_nil(list)
      assert.equal("/nonexistent/web.lua: No such file or directory", tostring(err))
      assert.is_nil(err.is_program)
    end)
  end)
end)
