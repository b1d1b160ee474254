local describe_module = require("ctr.describe")
local layers = require("ctr.describe.layers")
local words = require("ctr.describe.words")

local add, remove, replace = words.add, words.remove, words.replace
local ROOT = { uid = 0, gid = 0, has_ipv4 = true, bounding = { "CAP_CHOWN", "CAP_SYS_ADMIN" } }
local CONTEXT = {
  copying = { is_trusted = true, kept = words.marked },
  draft_of = function() return nil end, place_of = function() return nil end,
}

-- What keys on top of bases come to, whatever is wrong with it.
local function make(keys, ...)
  keys.extends = { ... }
  keys.rootfs, keys.run = keys.rootfs or "/", keys.run or { "sh" }
  return describe_module.make(layers.read("web", keys, {}, CONTEXT), ROOT)
end

local function problems_of(description)
  local texts = {}
  for index, problem in ipairs(description:problems()) do
    texts[index] = problem.path .. " " .. problem.text
  end
  return texts
end

local function config_of(...)
  local description = make(...)
  assert.same({}, problems_of(description))
  return description.config
end

local function destinations(config)
  local list = {}
  for index, mount in ipairs(config.mounts) do
    list[index] = mount.destination
  end
  return list
end

local DEFAULTS = { "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys" }

describe("ctr.describe.merge", function()
  it("merges maps at any depth", function()
    local config = config_of({ cgroups = { unified = { ["memory.high"] = "2" } } },
      { cgroups = { unified = { ["memory.high"] = "1", ["io.weight"] = "5" }, cpu_weight = 3 } })
    assert.same({ ["memory.high"] = "2", ["io.weight"] = "5" }, config.cgroups.unified)
    assert.equal(3, config.cgroups.cpu_weight)
  end)

  it("appends lists that were said, and replaces those that are defaults", function()
    local config = config_of({ mask_paths = { "/b" } }, { mask_paths = { "/a" } })
    assert.same({ "/a", "/b" }, config.mask_paths)
  end)

  it("has one list in place of another where that is said", function()
    local config = config_of({ mask_paths = replace({ "/b" }), limits = replace({ pids = 5 }) },
      { mask_paths = { "/a" }, limits = { memory = "1M" } })
    assert.same({ "/b" }, config.mask_paths)
    assert.is_nil(config.cgroups.memory)
    assert.same({}, destinations(config_of({ mounts = replace({}) })))
  end)

  it("removes items from lists, by their names", function()
    local config = config_of({
      mounts = remove({ "/dev/mqueue", "/a/" }), env = remove({ "A" }),
      namespaces = remove({ "cgroup" }), devices = remove({ "/dev/tty" }),
      mask_paths = remove({ "/proc/keys", "/proc/kcore" }),
      cgroups = { allowed_devices = remove({ "/dev/console" }) },
    }, { mounts = { words.tmpfs("/a") }, env = { A = "1", B = "2" } })
    assert.same({ "/proc", "/dev", "/dev/pts", "/dev/shm", "/sys" }, destinations(config))
    assert.same({ "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET" }, config.namespaces)
    assert.equal(5, #config.devices)
    assert.equal(11, #config.mask_paths)
    assert.equal(11, #config.cgroups.allowed_devices)
  end)

  it("removes keys from maps", function()
    local config = config_of({ limits = remove({ "memory" }) },
      { limits = { memory = "1M", pids = 5 } })
    assert.is_nil(config.cgroups.memory)
    assert.equal(5, config.cgroups.pids_limit)
  end)

  it("adds to defaults", function()
    local config = config_of({ mask_paths = add({ "/a" }), namespaces = add({ "NEWTIME" }),
      rlimits = add({ { type = "RLIMIT_CORE", soft = 0, hard = 0 } }) })
    assert.equal(14, #config.mask_paths)
    assert.equal("NEWTIME", config.namespaces[7])
    assert.equal(2, #config.rlimits)
  end)

  it("takes a list of capabilities for the three sets of root's programs", function()
    local caps = config_of({ capabilities = { "kill", "CAP_CHOWN" } }).capabilities
    assert.same({ "CAP_KILL", "CAP_CHOWN" }, caps.bounding)
    assert.same(caps.bounding, caps.effective)
    assert.same(caps.bounding, caps.permitted)
    assert.is_nil(caps.ambient)
    caps = config_of({ capabilities = add({ "net_raw" }) }).capabilities
    assert.equal("CAP_NET_RAW", caps.permitted[12])
    caps = config_of({ capabilities = remove({ "chown" }) }).capabilities
    assert.same({ 10, 10, 10, 0 }, { #caps.bounding, #caps.effective, #caps.permitted,
      #caps.ambient })
  end)

  it("has a mount in the place of the default one, and other mounts behind each other", function()
    local config = config_of({ mounts = { words.tmpfs("/dev/shm"), words.tmpfs("/a") } },
      { mounts = { words.tmpfs("/a", { size = "1M" }) } })
    assert.same({ "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/a", "/a" },
      destinations(config))
    assert.equal("mode=1777", config.mounts[4].data)
  end)

  it("names what is not there to be removed, and the nearest that is", function()
    assert.same({
      'mask_paths[1] is not there to be removed: "/proc/kyes"; did you mean "/proc/keys"?',
      'limits removes something from what nobody said before',
      'capabilities[1] is not there to be removed: "CAP_SYS_ADMIN" (it is "sys_admin")',
    }, (function()
      local texts = problems_of(make({ mask_paths = remove({ "/proc/kyes" }),
        limits = remove({ "memory" }), capabilities = remove({ "sys_admin" }) }))
      table.sort(texts, function(a, b) return a > b end)
      return texts
    end)())
  end)

  it("takes defaults away that are no lists", function()
    local config = config_of({ seccomp = false, umask = false, sysctl = false,
      capabilities = false })
    assert.same({}, { config.seccomp, config.umask, config.sysctl, config.capabilities })
    config = config_of({ sysctl = { ["net.ipv4.ping_group_range"] = false } })
    assert.same({ ["net.ipv4.ip_unprivileged_port_start"] = "0" }, config.sysctl)
  end)

  it("has nothing of its own in namespaces of others", function()
    local config = config_of({ namespaces = { "mount", { type = "network", path = "/run/net" },
      { type = "uts", path = "/run/uts" } } })
    assert.is_nil(config.networks)
    assert.is_nil(config.sysctl)
    assert.is_nil(config.hostname)
  end)

  describe("with a profile", function()
    it("stands on it, below all that is said", function()
      local config = config_of({ profile = "hardened", mounts = { words.tmpfs("/tmp") },
        limits = { pids = 5 } })
      assert.is_true(config.readonlyfs)
      assert.same({}, config.capabilities)
      assert.equal(5, config.cgroups.pids_limit)
      assert.same({ DEFAULTS[1], DEFAULTS[2], DEFAULTS[3], DEFAULTS[4], DEFAULTS[5], DEFAULTS[6],
        "/tmp", "/run", "/var/tmp" }, destinations(config))
      assert.same({ "nosuid", "nodev" }, config.mounts[7].flags)
      assert.equal("RLIMIT_CORE", config.rlimits[2].type)
    end)

    it("takes the profile of what it extends, unless it has one of its own", function()
      assert.is_true(config_of({}, { profile = "hardened" }).readonlyfs)
      assert.is_nil(config_of({ profile = "default" }, { profile = "hardened" }).readonlyfs)
    end)

    it("hides and filters nothing that is privileged", function()
      local config = config_of({ profile = "privileged" })
      assert.same({}, config.mask_paths)
      assert.same({}, config.readonly_paths)
      assert.is_nil(config.seccomp)
      assert.is_false(config.no_new_privileges)
      assert.same(ROOT.bounding, config.capabilities.bounding)
      assert.same({ allow_all_devices = true }, config.cgroups)
      assert.same({ "nosuid", "nodev", "noexec" }, config.mounts[6].flags)
    end)

    it("says nothing by itself where it is bare", function()
      local config = make({ profile = "bare", namespaces = { "NEWNS" } })
      assert.same({}, problems_of(config))
      assert.same({ rootfs = "/", namespaces = { "NEWNS" }, cgroups = {} }, config.config)
    end)

    it("has a user namespace of root's that nobody is anybody in, where it is rootless", function()
      local identity = { uid = 0, gid = 0, subuid = { first = 100000, count = 65536 },
        subgid = { first = 200000, count = 65536 } }
      local config = assert(describe_module.build("web", { profile = "rootless", rootfs = "/",
        run = { "sh" } }, {}, identity)).config
      assert.same({ { container_id = 0, host_id = 100000, size = 65536 } }, config.uid_mappings)
      assert.equal("NEWUSER", config.namespaces[7])
      local user = { uid = 5, gid = 5 }
      local function built(profile)
        return assert(describe_module.build("web", { profile = profile, rootfs = "/",
          run = { "sh" } }, {}, user)).config
      end
      assert.same(built(nil), built("rootless"))
    end)

    it("may be one's own, and several", function()
      local config = config_of({ profile = { "hardened", { limits = { pids = 7 },
        mask_paths = { "/x" } } }, mask_paths = { "/y" } })
      assert.equal(7, config.cgroups.pids_limit)
      assert.is_true(config.readonlyfs)
      assert.same({ "/y" }, config.mask_paths)
    end)

    it("names the nearest one of what is none", function()
      assert.same({
        'profile is no profile: "hardend"; did you mean "hardened"?',
        "profile must be the name of a profile, a description, a table, or a list of them",
      }, { problems_of(make({ profile = "hardend" }))[1],
        problems_of(make({ profile = 5 }))[1] })
    end)
  end)

  describe("with a piece of an OCI document", function()
    it("has what it says", function()
      local description = make({ env = { A = "1" }, user = "daemon", stdout = print, oci = {
        hostname = "oci", process = { env = { "B=2" }, user = { umask = 63 } },
        linux = { sysctl = { ["kernel.shmmax"] = "5" }, maskedPaths = words.null },
        annotations = { ["org.x"] = "y" }, mounts = { ["1"] = { options = { "ro" } } },
        windows = { anything = { 1 } },
      } })
      assert.same({}, problems_of(description))
      assert.equal("oci", description.config.hostname)
      assert.equal(63, description.config.umask)
      assert.equal("5", description.config.sysctl["kernel.shmmax"])
      assert.same({}, description.config.mask_paths)
      assert.same({ "org.x=y" }, description.config.labels)
      assert.same({ "B=2" }, description.process.env)
      assert.equal("daemon", description.process.user)
      assert.equal(print, description.process.stdout)
    end)

    it("changes nothing that it does not name", function()
      local plain = make({ limits = { memory = "1M" } })
      local with = make({ limits = { memory = "1M" }, oci = { windows = {} } })
      local schema = require("ctr.config.schema")
      assert.same(assert(schema.parse(plain.config)), assert(schema.parse(with.config)))
      assert.same(assert(schema.parse_process(plain.process)),
        assert(schema.parse_process(with.process)))
    end)

    it("names what is wrong by its place in it", function()
      local problem = make({ oci = { linux = { namespaces = "x" } } }):problems()[1]
      assert.equal("oci.linux.namespaces", problem.path)
      assert.same({ "oci must be a table, not a number (it is 5)" }, problems_of(make({ oci = 5 })))
    end)
  end)

  it("reaches what is for the process alone", function()
    local description = make({ oom_score_adj = 1, process = { oom_score_adj = 2 } })
    assert.equal(1, description.config.oom_score_adj)
    assert.equal(2, description.process.oom_score_adj)
    assert.same({ 'process.orgs is not known here: "orgs"; did you mean "args"?' },
      problems_of(make({ process = { orgs = {} } })))
  end)

  it("takes handlers of every kind", function()
    local description = make({ on = { start = print, exit = print, oom = print,
      pressure = { low = print } } })
    assert.same({ low = print }, description.on.pressure)
    assert.same({ medium = print }, make({ on = { pressure = print } }).on.pressure)
    assert.same({
      "on.pressure must be a function, or a table of functions (it is 5)",
    }, problems_of(make({ on = { pressure = 5 } })))
    assert.same({
      'on.pressure.lw is not known here: "lw"; did you mean "low"?',
    }, problems_of(make({ on = { pressure = { lw = print } } })))
  end)
end)
