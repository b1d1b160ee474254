local defaults = require("ctr.config.defaults")
local schema = require("ctr.config.schema")

local MS_BIND, MS_REC = 0x1000, 0x4000

-- The smallest configuration, with some keys more.
local function config_with(more)
  local config = { rootfs = "/srv/web", namespaces = { "NEWNS" } }
  for key, value in pairs(more or {}) do
    config[key] = value
  end
  return config
end

local function parse(more)
  return assert(schema.parse(config_with(more)))
end

local function problems(more)
  local config, err = schema.parse(config_with(more))
  assert.is_nil(config)
  assert.equal("ConfigInvalid", err.code)
  assert.equal(err.problems[1].path, err.path)
  return err.problems
end

local function refused(path, text, more)
  assert.same({ { path = path, text = text } }, problems(more))
end

local function mount_with(more)
  local mount = { source = "tmpfs", destination = "/data", device = "tmpfs" }
  for key, value in pairs(more) do
    mount[key] = value
  end
  return mount
end

local function parse_mount(more)
  return parse({ mounts = { mount_with(more) } }).mounts[1]
end

local function refused_mount(key, text, more)
  refused("mounts[1]" .. key, text, { mounts = { mount_with(more) } })
end

-- libcontainer's own example, as the design has it.
local function full_config()
  local flags = { "noexec", "nosuid", "nodev" }
  local names = { "CAP_CHOWN", "CAP_KILL" }
  return {
    rootfs = "/your/path/to/rootfs",
    capabilities = {
      bounding = names, effective = names, inheritable = names, permitted = names, ambient = names,
    },
    namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET", "NEWCGROUP" },
    cgroups = {
      name = "test-container", parent = "system", memory = "256M", pids_limit = 64,
      allowed_devices = defaults.allowed_devices,
    },
    mask_paths = { "/proc/kcore", "/sys/firmware" },
    readonly_paths = { "/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus" },
    devices = defaults.auto_created_devices,
    hostname = "testing",
    mounts = {
      { source = "proc", destination = "/proc", device = "proc", flags = flags },
      { source = "tmpfs", destination = "/dev", device = "tmpfs",
        flags = { "nosuid", "strictatime" }, data = "mode=755" },
      { source = "devpts", destination = "/dev/pts", device = "devpts",
        flags = { "nosuid", "noexec" }, data = "newinstance,ptmxmode=0666,mode=0620,gid=5" },
      { source = "shm", destination = "/dev/shm", device = "tmpfs",
        data = "mode=1777,size=65536k", flags = flags },
      { source = "mqueue", destination = "/dev/mqueue", device = "mqueue", flags = flags },
      { source = "sysfs", destination = "/sys", device = "sysfs",
        flags = { "noexec", "nosuid", "nodev", "rdonly" } },
    },
    uid_mappings = { { container_id = 0, host_id = 1000, size = 65536 } },
    gid_mappings = { { container_id = 0, host_id = 1000, size = 65536 } },
    networks = { { type = "loopback", address = "127.0.0.1/0", gateway = "localhost" } },
    rlimits = { { type = "RLIMIT_NOFILE", hard = 1025, soft = 1025 } },
  }
end

describe("ctr.config.schema", function()
  describe("parse", function()
    it("fills in every default", function()
      assert.same({
        rootfs = "/srv/web",
        readonlyfs = false,
        no_pivot_root = false,
        parent_death_signal = 0,
        root_propagation = 0,
        mounts = {},
        devices = {},
        hostname = "",
        domainname = "",
        namespaces = { { type = "NEWNS", path = "" } },
        networks = {},
        cgroups = {},
        apparmor_profile = "",
        process_label = "",
        mount_label = "",
        rlimits = {},
        uid_mappings = {},
        gid_mappings = {},
        mask_paths = {},
        readonly_paths = {},
        sysctl = {},
        no_new_privileges = false,
        no_new_keyring = false,
        labels = {},
        version = "",
        rootless_euid = false,
        rootless_cgroups = false,
      }, parse())
    end)

    it("reads the design's example", function()
      local config = assert(schema.parse(full_config()))
      assert.equal(15, config.mounts[6].flags)
      assert.equal(0x1000002, config.mounts[2].flags)
      assert.equal(268435456, config.cgroups.memory)
      assert.equal(12, #config.cgroups.allowed_devices)
      assert.same({ type = "c", major = -1, minor = -1, permissions = "m", allow = true },
        config.cgroups.allowed_devices[1])
      assert.same({ { type = "RLIMIT_NOFILE", soft = 1025, hard = 1025 } }, config.rlimits)
    end)

    it("takes what it made for what it is", function()
      local once = assert(schema.parse(full_config()))
      assert.same(once, assert(schema.parse(once)))
      local bind = parse({ mounts = { { source = "/a", destination = "/b",
        flags = { "rbind", "rw", "rslave" } } } })
      assert.same(bind, assert(schema.parse(bind)))
    end)

    it("takes the root's path off destinations that begin with it", function()
      local function destination(path, changes)
        local config = { rootfs = "/srv/root", namespaces = { "NEWNS" }, mounts = {
          { source = "tmpfs", destination = path, device = "tmpfs" } } }
        for key, value in pairs(changes or {}) do
          config[key] = value
        end
        local parsed, err = schema.parse(config)
        return parsed and parsed.mounts[1].destination or err.problems[1]
      end
      assert.equal("/data", destination("/srv/root/data"))
      assert.equal("/srv/root2/data", destination("/srv/root2/data"))
      assert.equal("/srv/root/data", destination("/srv/root/data", { rootfs = "/" }))
      assert.same({ path = "mounts[1].device", text = "must be proc or bind on /proc" },
        destination("/srv/root/proc"))
      assert.equal("mounts[1].destination", destination("/srv/root").path)
    end)

    it("says something about every key", function()
      local function check(path, shape)
        shape = shape.load and shape.load() or shape
        assert.is_string(shape.about or shape.fields and "" or shape.item and "", path)
        for name, field in pairs(shape.fields or {}) do
          assert.is_string(field.about, path .. "." .. name)
          check(path .. "." .. name, field)
        end
        if shape.item and shape.item.fields then
          check(path .. "[]", shape.item)
        end
      end
      check("config", schema.config)
      check("process", schema.process)
    end)

    it("refuses a key that is not known, and names the one that is near", function()
      refused("hostnam", "is not known here; did you mean `hostname`?", { hostnam = "x" })
      refused("memory_limit", "is not known here", { memory_limit = 1 })
    end)

    it("refuses what is not a table", function()
      for _, value in ipairs({ 1, "x", true }) do
        local config, err = schema.parse(value)
        assert.is_nil(config)
        assert.equal("config must be a table, not a " .. type(value), tostring(err))
      end
      assert.equal("config is required", tostring(select(2, schema.parse(nil))))
    end)
  end)

  describe("rootfs", function()
    it("is required", function()
      local _, err = schema.parse({ namespaces = { "NEWNS" } })
      assert.same({ { path = "rootfs", text = "is required" } }, err.problems)
    end)

    it("is absolute", function()
      refused("rootfs", "must be an absolute path", { rootfs = "rootfs" })
      refused("rootfs", "must be an absolute path", { rootfs = "" })
    end)

    it("is cleaned", function()
      assert.equal("/srv/web", parse({ rootfs = "//srv/./x/..//web/" }).rootfs)
      assert.equal("/", parse({ rootfs = "/.." }).rootfs)
    end)
  end)

  describe("parent_death_signal", function()
    it("takes a name or a number", function()
      assert.equal(9, parse({ parent_death_signal = "SIGKILL" }).parent_death_signal)
      assert.equal(15, parse({ parent_death_signal = "term" }).parent_death_signal)
      assert.equal(64, parse({ parent_death_signal = 64 }).parent_death_signal)
    end)

    it("refuses what is no signal", function()
      refused("parent_death_signal",
        'is not a known signal: "SIGKIL"; did you mean "SIGKILL"?',
        { parent_death_signal = "SIGKIL" })
      refused("parent_death_signal", "must be an integer from 0 to 64",
        { parent_death_signal = 65 })
    end)
  end)

  describe("root_propagation", function()
    it("takes words and numbers, under both names", function()
      assert.equal(0x80000 + MS_REC, parse({ root_propagation = "rslave" }).root_propagation)
      assert.equal(0x40000, parse({ rootPropagation = "private" }).root_propagation)
      assert.equal(0x44000,
        parse({ root_propagation = { "MS_PRIVATE", "MS_REC" } }).root_propagation)
      assert.equal(0x20000, parse({ root_propagation = 0x20000 }).root_propagation)
    end)

    it("takes one type", function()
      local text = "must be one of private, slave, shared and unbindable, or one of these with r"
      refused("root_propagation", text, { root_propagation = { "slave", "shared" } })
      refused("root_propagation", text, { root_propagation = MS_REC })
    end)

    it("refuses other words and bits", function()
      refused("root_propagation", 'is not a known flag: "slav"; did you mean "slave"?',
        { root_propagation = "slav" })
      refused("root_propagation", "holds bits that mean nothing here", { root_propagation = 1 })
    end)
  end)

  describe("mounts", function()
    it("have defaults", function()
      assert.same({
        source = "",
        destination = "/data",
        device = "tmpfs",
        flags = 0,
        cleared_flags = 0,
        propagation_flags = {},
        data = "",
        extensions = 0,
        premount_cmds = {},
        postmount_cmds = {},
      }, parse({ mounts = { { destination = "/data", device = "tmpfs" } } }).mounts[1])
    end)

    it("name every problem by its path", function()
      assert.same({
        { path = "mounts[1].destination", text = "must be an absolute path" },
        { path = "mounts[1].device", text = "is required" },
        { path = "mounts[1].colour", text = "is not known here" },
      }, problems({ mounts = { { destination = "data", colour = "red" } } }))
    end)

    it("take the kernel's words, mount(8)'s and numbers", function()
      assert.equal(14, parse_mount({ flags = { "MS_NOEXEC", "nosuid", "MS_NODEV" } }).flags)
      assert.equal(14, parse_mount({ flags = 14 }).flags)
      assert.equal(1, parse_mount({ flags = "ro" }).flags)
      assert.equal(1, parse_mount({ flags = { "MS_RDONLY" } }).flags)
    end)

    for word, flag in pairs({
      rw = 1, suid = 2, dev = 4, exec = 8, async = 16, nomand = 64, symfollow = 256, atime = 1024,
      diratime = 2048, loud = 32768, noacl = 65536, norelatime = 0x200000, noiversion = 0x800000,
      nostrictatime = 0x1000000, nolazytime = 0x2000000,
    }) do
      it("clear a flag with " .. word, function()
        local mount = parse_mount({ flags = { word } })
        assert.equal(0, mount.flags)
        assert.equal(flag, mount.cleared_flags)
      end)
    end

    it("let the last word win", function()
      local mount = parse_mount({ flags = { "ro", "rw", "dev", "nodev" } })
      assert.equal(4, mount.flags)
      assert.equal(1, mount.cleared_flags)
    end)

    it("keep propagation apart", function()
      local mount = parse_mount({
        flags = { "ro", "rslave", "shared" }, propagation_flags = 0x40000,
      })
      assert.equal(1, mount.flags)
      assert.same({ 0x40000, 0x84000, 0x100000 }, mount.propagation_flags)
    end)

    it("name the flag to blame", function()
      refused_mount(".flags[2]", 'is not a known flag: "noexce"; did you mean "noexec"?',
        { flags = { "ro", "noexce" } })
      refused_mount(".flags", "holds bits that mean nothing here", { flags = 0x40000 })
      refused_mount(".propagation_flags[1]", 'is not a known flag: "ro"',
        { propagation_flags = { "ro" } })
    end)

    it("are binds by device or by flag", function()
      local by_device = parse_mount({ source = "/a", device = "bind" })
      assert.equal(MS_BIND, by_device.flags)
      local by_flag = parse({ mounts = { { source = "/a", destination = "/b", flags = "rbind" } } })
      assert.equal("bind", by_flag.mounts[1].device)
      assert.equal(MS_BIND + MS_REC, by_flag.mounts[1].flags)
      local by_number = { source = "/a", destination = "/b", flags = MS_BIND }
      assert.equal("bind", parse({ mounts = { by_number } }).mounts[1].device)
      assert.equal("bind", parse_mount({ source = "/a", device = "none", flags = "bind" }).device)
    end)

    it("bind an absolute path", function()
      refused_mount(".source", "must be an absolute path for a bind mount",
        { source = "a", device = "bind" })
      assert.equal("", parse_mount({ source = "", device = "bind", flags = "remount" }).source)
    end)

    it("take a file system type for a device", function()
      local text = "must be a file system type, as in tmpfs, or bind"
      refused_mount(".device", text, { device = "a b" })
      refused_mount(".device", text, { device = "" })
      assert.equal("fuse.sshfs", parse_mount({ device = "fuse.sshfs" }).device)
    end)

    it("need no device for a remount", function()
      assert.equal("", parse({ mounts = { { destination = "/b", flags = { "remount", "ro" } } } })
        .mounts[1].device)
    end)

    it("take nothing that would have no effect", function()
      refused_mount(".data", "must be empty for a bind mount, which makes no file system",
        { source = "/a", device = "bind", data = "size=1m" })
      refused_mount(".data", "must be empty for a remount of a bind mount, which makes no file "
        .. "system", { flags = { "remount", "bind" }, data = "size=1m" })
      for _, mount in ipairs({ { device = "proc" }, { source = "/a", device = "bind" },
        { device = "tmpfs", flags = "remount" } }) do
        mount.extensions = "copyup"
        refused_mount(".extensions", "must be empty: only a new tmpfs copies up", mount)
      end
    end)

    it("clean the destination", function()
      assert.equal("/a/c", parse_mount({ destination = "/a//b/../c/" }).destination)
    end)

    it("spare the root", function()
      refused_mount(".destination", "must not be / itself: that is the rootfs",
        { destination = "/a/.." })
    end)

    for _, path in ipairs({
      "/proc/1", "/proc/sys", "/proc/self/exe", "/a/../proc/x", "//proc//x",
    }) do
      it("are not made on " .. path, function()
        refused_mount(".destination", "must not be inside /proc", { destination = path })
      end)
    end

    for _, name in ipairs({
      "cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo",
      "sys/kernel/ns_last_pid", "sys/crypto/fips_enabled", "net/dev",
    }) do
      it("may be made on /proc/" .. name, function()
        local path = "/proc/" .. name
        local mount = parse_mount({ source = "/a", device = "bind", destination = path })
        assert.equal(path, mount.destination)
      end)
    end

    it("are proc or bind on /proc", function()
      refused_mount(".device", "must be proc or bind on /proc", { destination = "/proc" })
      parse_mount({ destination = "/proc", device = "proc" })
      parse_mount({ source = "/proc", destination = "/proc", device = "bind" })
      parse_mount({ destination = "/process" })
    end)

    it("take extensions by name or number", function()
      assert.equal(1, parse_mount({ extensions = "copyup" }).extensions)
      assert.equal(1, parse_mount({ extensions = { "tmpcopyup" } }).extensions)
      assert.equal(1, parse_mount({ extensions = 1 }).extensions)
      refused_mount(".extensions", "holds bits that mean nothing here", { extensions = 2 })
    end)

    it("run commands before and after", function()
      local mount = parse_mount({
        premount_cmds = { { path = "mkdir", args = { "-p", "/data" } } },
        postmount_cmds = { { path = "/bin/true", env = { A = 1 }, dir = "/" } },
      })
      assert.same({ { path = "mkdir", args = { "-p", "/data" }, dir = "" } }, mount.premount_cmds)
      assert.same({ { path = "/bin/true", args = {}, env = { "A=1" }, dir = "/" } },
        mount.postmount_cmds)
      refused_mount(".premount_cmds[1].path", "must not be empty",
        { premount_cmds = { { path = "" } } })
    end)
  end)

  describe("devices", function()
    local function parse_device(device)
      return parse({ devices = { device } }).devices[1]
    end

    local function refused_device(key, text, device)
      refused("devices[1]" .. key, text, { devices = { device } })
    end

    it("have defaults", function()
      assert.same({
        type = "c", path = "/dev/x", major = 1, minor = 3, permissions = "rwm", file_mode = 438,
        uid = 0, gid = 0, allow = false,
      }, parse_device({ type = "c", path = "/dev/x", major = 1, minor = 3 }))
    end)

    it("take libcontainer's number for the type", function()
      assert.equal("b", parse_device({ type = 98, path = "/dev/x", major = 1, minor = 3 }).type)
    end)

    it("need no numbers for a pipe", function()
      local pipe = parse_device({ type = "p", path = "/dev/x" })
      assert.equal(0, pipe.major)
      assert.equal(0, pipe.minor)
    end)

    it("take octal digits for the mode", function()
      assert.equal(384, parse_device({ type = "p", path = "/dev/x", file_mode = "0600" }).file_mode)
      refused_device(".file_mode", 'must be a number, or a string of octal digits as in "0644"',
        { type = "p", path = "/dev/x", file_mode = "0688" })
      refused_device(".file_mode", "must be an integer from 0 to 4095",
        { type = "p", path = "/dev/x", file_mode = 4096 })
    end)

    it("put permissions in order", function()
      assert.equal("rm", parse_device({ type = "p", path = "/p", permissions = "mr" }).permissions)
      refused_device(".permissions", "must be made of r, w and m",
        { type = "p", path = "/dev/x", permissions = "rx" })
    end)

    it("name every problem by its path", function()
      assert.same({
        { path = "devices[1].gid", text = "must be an integer from 0 to 4294967294" },
        { path = "devices[1].major", text = "is required" },
        { path = "devices[1].minor", text = "must be an integer from 0 to 1048575" },
        { path = "devices[1].path", text = "must be an absolute path" },
        { path = "devices[1].type", text = 'must be one of b, c, p, u: "d"; did you mean "b"?' },
        { path = "devices[1].uid", text = "must be an integer from 0 to 4294967294" },
      }, problems({ devices = {
        { type = "d", path = "dev/x", minor = -1, uid = -1, gid = 4294967295 },
      } }))
    end)

    it("do not climb", function()
      refused_device(".path", "must not contain `..`", { type = "p", path = "/dev/../etc/x" })
    end)
  end)

  describe("hostname and domainname", function()
    it("are kept", function()
      local config = parse({ namespaces = { "NEWNS", "uts" }, hostname = "a", domainname = "b" })
      assert.equal("a", config.hostname)
      assert.equal("b", config.domainname)
    end)

    it("are at most 64 bytes", function()
      local long = ("x"):rep(65)
      refused("hostname", "must not be longer than 64 bytes", { hostname = long })
      refused("domainname", "must not be longer than 64 bytes", { domainname = long })
    end)
  end)

  describe("namespaces", function()
    it("take libcontainer's names, OCI's, and records", function()
      assert.same({
        { type = "NEWNS", path = "" },
        { type = "NEWUTS", path = "" },
        { type = "NEWPID", path = "/proc/1/ns/pid" },
        { type = "NEWTIME", path = "" },
      }, parse({ namespaces = {
        "mount", "NEWUTS", { type = "pid", path = "/proc/1/ns/pid" }, { type = "time" },
      } }).namespaces)
    end)

    it("are one of a type", function()
      refused("namespaces[2]", "is a second NEWNS: the first is at 1",
        { namespaces = { "NEWNS", "mount" } })
    end)

    it("have known types and absolute paths", function()
      local found = problems({ namespaces = { "NEWNS", "NEWPI", { type = "uts", path = "x" } } })
      assert.equal("namespaces[2].type", found[1].path)
      assert.truthy(found[1].text:find('"NEWPI"; did you mean "NEWPID"?', 1, true))
      assert.same({ path = "namespaces[3].path", text = "must be an absolute path" }, found[2])
    end)
  end)

  describe("capabilities", function()
    it("take any spelling, and keep each once", function()
      local config = parse({ capabilities = { bounding = { "kill", "CAP_KILL", "Chown" } } })
      assert.same({
        bounding = { "CAP_KILL", "CAP_CHOWN" },
        effective = {}, inheritable = {}, permitted = {}, ambient = {},
      }, config.capabilities)
    end)

    it("take libcontainer's names of the sets", function()
      assert.same({ "CAP_KILL" },
        parse({ capabilities = { Permitted = { "CAP_KILL" } } }).capabilities.permitted)
    end)

    it("are known", function()
      refused("capabilities.ambient[1]",
        'is not a known capability: "CAP_SYS_ADMN"; did you mean "CAP_SYS_ADMIN"?',
        { capabilities = { ambient = { "SYS_ADMN" } } })
    end)
  end)

  describe("networks", function()
    local namespaces = { "NEWNS", "NEWNET" }

    it("take a loopback", function()
      assert.same({ { type = "loopback", address = "", gateway = "" } },
        parse({ namespaces = namespaces, networks = { { type = "loopback" } } }).networks)
    end)

    it("refuse what there is no way to make", function()
      refused("networks[1].type", 'must be one of loopback, veth: "bridge"',
        { namespaces = namespaces, networks = { { type = "bridge" } } })
      refused("networks[1].mtu", "has no meaning for a loopback",
        { namespaces = namespaces, networks = { { type = "loopback", mtu = 1500 } } })
    end)
  end)

  describe("cgroups", function()
    local function parse_cgroups(cgroups)
      return parse({ cgroups = cgroups }).cgroups
    end

    local function refused_cgroups(key, text, cgroups)
      refused("cgroups." .. key, text, { cgroups = cgroups })
    end

    it("take libcontainer's zero values for nothing", function()
      assert.same({}, parse_cgroups({
        name = "", parent = "", path = "", scope_prefix = "", memory = 0, memory_swap = 0,
        memory_reservation = 0, cpu_shares = 0, cpu_quota = 0, cpu_period = 0, cpuset_cpus = "",
        cpuset_mems = "", pids_limit = 0, freezer = "",
      }))
    end)

    it("keep what is set", function()
      local cgroups = {
        name = "a", parent = "/b/c", scope_prefix = "ctr", memory = 1048576, memory_swap = -1,
        memory_reservation = 4096, cpu_shares = 512, cpu_quota = 50000, cpu_period = 100000,
        cpuset_cpus = "0-3,7", cpuset_mems = "0", pids_limit = 64, freezer = "FROZEN",
        allow_all_devices = false, paths = { cpu = "/sys/fs/cgroup/cpu/x" },
      }
      assert.same(cgroups, parse_cgroups(cgroups))
    end)

    it("read sizes and words for no limit", function()
      assert.same({ memory = 536870912, memory_swap = -1, pids_limit = -1 },
        parse_cgroups({ memory = "512M", memory_swap = "unlimited", pids_limit = "max" }))
    end)

    for _, path in ipairs({ "..", "a/../b", "/..", "a//b", "a/", "/", "./a", "a/." }) do
      it("do not take the path " .. path, function()
        local text = "must not contain `.`, `..` or empty components"
        refused_cgroups("path", text, { path = path })
        refused_cgroups("name", text, { name = path })
        if path ~= "/" then
          refused_cgroups("parent", text, { parent = path })
        end
      end)
    end

    it("may be made at the root of the hierarchies", function()
      assert.equal("/", parse_cgroups({ parent = "/" }).parent)
    end)

    it("have names that the kernel takes", function()
      refused_cgroups("path", "must not contain control characters", { path = "/a\nb" })
      refused_cgroups("path", "must not contain a component of more than 255 bytes",
        { path = "/" .. ("x"):rep(256) })
    end)

    it("have one way to say where", function()
      refused_cgroups("path", "must not stand together with name or parent",
        { path = "/a", name = "b" })
      refused_cgroups("path", "must not stand together with name or parent",
        { path = "/a", parent = "b" })
    end)

    it("join absolute paths of hierarchies", function()
      assert.same({ paths = { ["name=systemd"] = "/sys/fs/cgroup/systemd/x" } },
        parse_cgroups({ Paths = { ["name=systemd"] = "/sys/fs/cgroup/systemd/x" } }))
      assert.same({ [""] = "/sys/fs/cgroup/x" },
        parse_cgroups({ paths = { [""] = "/sys/fs/cgroup/x" } }).paths)
      refused_cgroups("paths.cpu", "must be an absolute path", { paths = { cpu = "x" } })
      refused_cgroups('paths["../x"]', "is not the name of a cgroup hierarchy",
        { paths = { ["../x"] = "/x" } })
    end)

    for key, values in pairs({
      memory = { "12Q", -2, 1.5, true }, memory_swap = { "x" }, memory_reservation = { {} },
      cpu_shares = { -1, "5" }, cpu_quota = { 999, -2 }, cpu_period = { 999, 1000001, -5 },
      cpuset_cpus = { "a", "3-1", "1,", ",", "0-", 3 }, cpuset_mems = { "0 1" },
      pids_limit = { -2, 1.5, "x" }, freezer = { "frozen", 1 }, allow_all_devices = { "yes" },
    }) do
      it("refuse what " .. key .. " cannot be", function()
        for _, value in ipairs(values) do
          local found = problems({ cgroups = { [key] = value } })
          assert.equal(1, #found)
          assert.equal("cgroups." .. key, found[1].path)
        end
      end)
    end

    it("give memory and swap no less than memory", function()
      local text = "must not be less than memory: it is both together"
      refused_cgroups("memory_swap", text, { memory = "2M", memory_swap = "1M" })
      refused_cgroups("memory_swap", text, { memory = -1, memory_swap = "1M" })
      parse_cgroups({ memory = "2M", memory_swap = -1 })
      parse_cgroups({ memory = "2M", memory_swap = "2M" })
    end)

    it("take rules for devices", function()
      local cgroups = parse_cgroups({
        devices = { { permissions = "rwm", type = "a" }, { type = "c", major = 1, minor = "*",
          permissions = "wr", allow = true } },
        allowed_devices = { { type = 99, path = "/dev/null", major = 1, minor = 3,
          permissions = "rwm", file_mode = 438, uid = 0, gid = 0 } },
        denied_devices = { { type = "b", permissions = "m", allow = true } },
      })
      assert.same({
        { type = "a", major = -1, minor = -1, permissions = "rwm", allow = false },
        { type = "c", major = 1, minor = -1, permissions = "rw", allow = true },
      }, cgroups.devices)
      assert.same({ { type = "c", major = 1, minor = 3, permissions = "rwm", allow = true } },
        cgroups.allowed_devices)
      assert.same({ { type = "b", major = -1, minor = -1, permissions = "m", allow = false } },
        cgroups.denied_devices)
    end)

    it("name every problem of a rule", function()
      assert.same({
        { path = "cgroups.devices[1].major", text = "must be an integer from -1 to 4294967295" },
        { path = "cgroups.devices[1].permissions", text = "is required" },
        { path = "cgroups.devices[1].type", text = "is required" },
      }, problems({ cgroups = { devices = { { major = -2 } } } }))
    end)
  end)

  describe("mounts[].relabel", function()
    local function mount(more)
      local fields = { source = "/a", destination = "/b", device = "bind" }
      for key, value in pairs(more) do
        fields[key] = value
      end
      return { mount_label = "u:r:t", mounts = { fields } }
    end

    it("is z or Z", function()
      assert.equal("z", parse(mount({ relabel = "z" })).mounts[1].relabel)
      assert.equal("Z", parse(mount({ relabel = "Z" })).mounts[1].relabel)
      assert.is_nil(parse(mount({ relabel = "" })).mounts[1].relabel)
      refused("mounts[1].relabel", "must not be both z and Z", mount({ relabel = "zZ" }))
      refused("mounts[1].relabel", "must be z, for all containers, or Z, for this one",
        mount({ relabel = "shared" }))
    end)

    it("is for binds", function()
      refused("mounts[1].relabel", "must be empty: only the source of a bind mount is relabelled",
        mount({ relabel = "z", device = "tmpfs" }))
    end)

    it("needs a label", function()
      local config = mount({ relabel = "z" })
      config.mount_label = ""
      refused("mounts[1].relabel", "needs mount_label", config)
    end)
  end)

  describe("labels of security modules", function()
    it("are one line", function()
      local text = "must not contain control characters"
      refused("mount_label", text, { mount_label = "a\nb" })
      refused("apparmor_profile", text, { apparmor_profile = "a\nb" })
      refused("process_label", text, { process_label = "a\nb" })
      assert.equal("ctr-default", parse({ apparmor_profile = "ctr-default" }).apparmor_profile)
    end)

    it("fit in a mount option", function()
      local longest = ("m"):rep(247)
      assert.equal(longest, parse({ mount_label = longest }).mount_label)
      refused("mount_label", "must not be longer than 247 bytes", { mount_label = longest .. "m" })
    end)
  end)

  describe("rlimits", function()
    local UNLIMITED = "18446744073709551615"

    local function parse_rlimit(kind, soft, hard)
      return parse({ rlimits = { { type = kind, soft = soft, hard = hard } } }).rlimits[1]
    end

    it("take names in any form, and numbers", function()
      for _, kind in ipairs({ "RLIMIT_NOFILE", "NOFILE", "nofile", 7 }) do
        assert.equal("RLIMIT_NOFILE", parse_rlimit(kind, 1, 2).type)
      end
    end)

    it("take no limit in any form", function()
      for _, value in ipairs({ -1, "-1", "unlimited", "infinity", UNLIMITED }) do
        local rlimit = parse_rlimit("nofile", 5, value)
        assert.equal(5, rlimit.soft)
        assert.equal(UNLIMITED, rlimit.hard)
      end
    end)

    it("keep as text what a number does not hold", function()
      local rlimit = parse_rlimit("as", "9007199254740992", "9007199254740993")
      assert.equal(2 ^ 53, rlimit.soft)
      assert.equal("9007199254740993", rlimit.hard)
    end)

    it("have a soft limit below the hard one", function()
      local text = "must not be above the hard limit"
      refused("rlimits[1].soft", text, { rlimits = { { type = "nofile", soft = 2, hard = 1 } } })
      refused("rlimits[1].soft", text, { rlimits = { { type = "nofile", soft = -1, hard = 1 } } })
    end)

    it("are one of a type", function()
      local one = { type = "nofile", soft = 1, hard = 1 }
      refused("rlimits[2]", "is a second RLIMIT_NOFILE: the first is at 1",
        { rlimits = { one, one } })
    end)

    for _, value in ipairs({
      -2, 1.5, 2 ^ 64, 0 / 0, "", "x", "-2", "1e3", "18446744073709551616", true, {},
    }) do
      it("refuse the limit " .. tostring(value):gsub("0x.*", ""), function()
        refused("rlimits[1].hard",
          'must be a limit: an integer from 0, a decimal string, or "unlimited"',
          { rlimits = { { type = "nofile", soft = 0, hard = value } } })
      end)
    end

    it("have known types", function()
      refused("rlimits[1].type",
        'must be one of the names of getrlimit(2): "nofiel"; did you mean "nofile"?',
        { rlimits = { { type = "nofiel", soft = 0, hard = 0 } } })
      refused("rlimits[1].type", "must be one of the names of getrlimit(2)",
        { rlimits = { { type = 16, soft = 0, hard = 0 } } })
    end)
  end)

  describe("oom_score_adj", function()
    it("is from -1000 to 1000", function()
      assert.equal(-1000, parse({ oom_score_adj = -1000 }).oom_score_adj)
      assert.equal(0, parse({ oom_score_adj = 0 }).oom_score_adj)
      refused("oom_score_adj", "must be an integer from -1000 to 1000", { oom_score_adj = 1001 })
    end)
  end)

  describe("uid_mappings and gid_mappings", function()
    local function refused_mapping(key, text, mapping)
      refused("uid_mappings[1]" .. key, text, { uid_mappings = { mapping } })
    end

    it("stay within the ids that there are", function()
      refused_mapping(".host_id", "must be an integer from 0 to 4294967294",
        { container_id = 0, host_id = 4294967295, size = 1 })
      refused_mapping(".size", "must be an integer from 1 to 4294967295",
        { container_id = 0, host_id = 0, size = 0 })
      refused_mapping(".size", "runs over the last container id, 4294967294",
        { container_id = 1, host_id = 0, size = 4294967295 })
      refused_mapping(".size", "runs over the last host id, 4294967294",
        { container_id = 0, host_id = 4294967294, size = 2 })
    end)

    it("need all three numbers", function()
      assert.same({
        { path = "gid_mappings[1].container_id", text = "is required" },
        { path = "gid_mappings[1].host_id", text = "is required" },
        { path = "gid_mappings[1].size", text = "is required" },
      }, problems({ gid_mappings = { {} } }))
    end)

    it("are at most 340", function()
      local mappings = {}
      for i = 1, 341 do
        mappings[i] = { container_id = i, host_id = i, size = 1 }
      end
      refused("uid_mappings", "must have at most 340", { uid_mappings = mappings })
    end)
  end)

  describe("mask_paths and readonly_paths", function()
    it("are absolute, and are cleaned", function()
      assert.same({ "/proc/kcore", "/sys" },
        parse({ mask_paths = { "/proc//kcore", "/sys/" } }).mask_paths)
      refused("mask_paths[2]", "must be an absolute path", { mask_paths = { "/a", "proc/kcore" } })
      refused("readonly_paths[1]", "must not contain `..`", { readonly_paths = { "/proc/../x" } })
    end)
  end)

  describe("sysctl", function()
    local namespaces = { "NEWNS", "NEWNET", "NEWIPC" }

    local function parse_sysctl(sysctl)
      return parse({ namespaces = namespaces, sysctl = sysctl }).sysctl
    end

    it("takes dots or slashes, strings or integers", function()
      assert.same({ ["net.ipv4.ip_forward"] = "1", ["kernel.sem"] = "250 32000" },
        parse_sysctl({ ["net/ipv4/ip_forward"] = 1, ["kernel.sem"] = "250 32000" }))
    end)

    for _, name in ipairs({
      "net", "net.", ".net.x", "net..x", "net/../kernel/x", "/net/x", "Net.x", "net.x y", "net.x\n",
      "net.x;y", "", "net./x",
    }) do
      it("refuses the name " .. ("%q"):format(name), function()
        local found = problems({ namespaces = namespaces, sysctl = { [name] = "1" } })
        assert.equal(1, #found)
        assert.equal("is not the name of a kernel setting, as in net.ipv4.ip_forward",
          found[1].text)
      end)
    end

    it("refuses one setting in two spellings", function()
      refused('sysctl["net/x"]', "is given twice, in two spellings",
        { namespaces = namespaces, sysctl = { ["net.x"] = "1", ["net/x"] = "2" } })
    end)

    it("refuses values that cannot be written", function()
      refused('sysctl["net.x"]', "must be a string or an integer",
        { namespaces = namespaces, sysctl = { ["net.x"] = 1.5 } })
      refused('sysctl["net.x"]', "must be a string, not a boolean",
        { namespaces = namespaces, sysctl = { ["net.x"] = true } })
    end)
  end)

  describe("switches", function()
    for _, key in ipairs({
      "readonlyfs", "no_pivot_root", "no_new_privileges", "no_new_keyring", "rootless_cgroups",
    }) do
      it("turn " .. key .. " on, and take only true or false", function()
        assert.is_true(parse({ [key] = true })[key])
        refused(key, "must be true or false, not a string", { [key] = "true" })
        refused(key, "must be true or false, not a number", { [key] = 1 })
      end)
    end
  end)

  describe("labels", function()
    it("are key=value", function()
      assert.same({ "a=b=c", "d=" }, parse({ labels = { "a=b=c", "d=" } }).labels)
      refused("labels[1]", "must be of the form key=value", { labels = { "a" } })
      refused("labels[1]", "must be of the form key=value", { labels = { "=a" } })
    end)
  end)

  describe("umask", function()
    it("takes a number or octal digits", function()
      assert.equal(18, parse({ umask = 18 }).umask)
      assert.equal(18, parse({ umask = "0022" }).umask)
      refused("umask", "must be an integer from 0 to 511", { umask = 512 })
      refused("umask", 'must be a number, or a string of octal digits as in "0644"',
        { umask = "0o22" })
    end)
  end)

  describe("time_offsets", function()
    local namespaces = { "NEWNS", "NEWTIME" }

    it("take seconds and nanoseconds", function()
      local offsets = { boottime = { secs = -5 }, monotonic = { nanosecs = 7 } }
      assert.same({
        boottime = { secs = -5, nanosecs = 0 },
        monotonic = { secs = 0, nanosecs = 7 },
      }, parse({ namespaces = namespaces, time_offsets = offsets }).time_offsets)
    end)

    it("have known clocks, and less than a second of nanoseconds", function()
      refused("time_offsets.realtime", "is not known here",
        { namespaces = namespaces, time_offsets = { realtime = { secs = 1 } } })
      refused("time_offsets.boottime.nanosecs", "must be an integer from 0 to 999999999",
        { namespaces = namespaces, time_offsets = { boottime = { nanosecs = 1e9 } } })
    end)
  end)
end)
