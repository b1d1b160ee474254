local core = require("ctr.core")
local defaults = require("ctr.config.defaults")
local oci = require("ctr.oci")
local schema = require("ctr.config.schema")

local function document(changes)
  local spec = {
    ociVersion = "1.3.0", root = { path = "/r" },
    linux = { namespaces = { { type = "mount" }, { type = "uts" } } },
  }
  for key, value in pairs(changes or {}) do
    spec[key] = value
  end
  return spec
end

local function with_linux(members, namespaces)
  local linux = { namespaces = namespaces or { { type = "mount" } } }
  for key, value in pairs(members) do
    linux[key] = value
  end
  return document({ linux = linux })
end

local function convert(spec, opts)
  opts = opts or {}
  opts.bundle = opts.bundle or "/"
  local config, process, ignored = oci.config(spec, opts)
  assert(config, tostring(process))
  return config, process, ignored
end

local function normalised(spec, opts)
  return assert(schema.parse((convert(spec, opts))))
end

local function refused(spec, path, text, opts)
  opts = opts or { bundle = "/" }
  local config, err = oci.config(spec, opts)
  assert.is_nil(config)
  assert.equal("ConfigInvalid", err.code)
  assert.equal(path, err.path)
  assert.truthy(err.message:find(text, 1, true), err.message)
end

describe("ctr.oci", function()
  describe("config", function()
    it("leaves the document as it was", function()
      local spec = document({ process = { cwd = "/", args = { "sh" },
        capabilities = { bounding = { "CAP_KILL", "CAP_ODD" } } } })
      local before = core.json.encode(spec)
      convert(spec, { id = "a" })
      assert.equal(before, core.json.encode(spec))
    end)

    it("ignores what it does not know, and what is for other systems", function()
      convert(document({ windows = { layerFolders = 5 }, vm = "x", solaris = 1, zos = {},
        ["x-odd"] = { 1 }, process = { cwd = "/", args = { "sh" }, commandLine = 5,
          user = { uid = 1, gid = 1, username = 7 } } }))
    end)

    it("takes null for what is not there, wherever it stands", function()
      local null = core.json.null
      local config, process = convert(document({ process = null, hostname = null,
        mounts = { { destination = "/x", type = "tmpfs", options = null } },
        annotations = { a = null }, linux = { namespaces = { { type = "mount", path = null } },
          resources = null, seccomp = null } }))
      assert.is_nil(process)
      assert.same({ "bundle=/" }, config.labels)
      assert.is_nil(config.hostname)
    end)

    it("names no process where the document names no program", function()
      assert.is_nil((select(2, convert(document()))))
      assert.is_nil((select(2, convert(document({ process = { cwd = "/" } })))))
    end)

    it("counts relative paths from the bundle", function()
      local config = convert(document({ root = { path = "rootfs" }, mounts = {
        { destination = "data", source = "data", options = { "rbind" } },
        { destination = "/tmp", source = "tmpfs", type = "tmpfs" } } }), { bundle = "/proc/1/.." })
      assert.equal("/proc/rootfs", config.rootfs)
      assert.equal("/data", config.mounts[1].destination)
      assert.equal("/proc/data", config.mounts[1].source)
      assert.equal("tmpfs", config.mounts[2].source)
      assert.same({ "bundle=/proc" }, config.labels)
    end)

    it("says which bundle is missing", function()
      refused(document(), "bundle", "the bundle is missing: /nowhere", { bundle = "/nowhere" })
    end)

    it("has annotations as labels in order, and the bundle behind them", function()
      assert.same({ "a=1", "b=x=y", "bundle=/odd", "bundle=/" },
        convert(document({ annotations = { b = "x=y", a = "1", bundle = "/odd" } })).labels)
      refused(document({ annotations = { ["a=b"] = "c" } }), 'annotations["a=b"]', "the name of an")
      refused(document({ annotations = { [""] = "c" } }), 'annotations[""]', "the name of an")
    end)

    it("lists all problems, and says the first in a line", function()
      local config, err = oci.config({ ociVersion = 1, root = {}, linux = {
        namespaces = { { type = "moon" } } } })
      assert.is_nil(config)
      assert.same({ "linux.namespaces[1].type", "ociVersion", "root.path" },
        { err.problems[1].path, err.problems[2].path, err.problems[3].path })
      assert.equal("linux.namespaces[1].type must be one of cgroup, ipc, mount, network, pid, "
        .. 'time, user, uts: "moon"; did you mean "mount"? (and 2 more)', err.message)
    end)

    it("refuses what holds itself", function()
      local spec = document({ process = { cwd = "/", env = {} } })
      spec.process.env[1] = spec
      refused(spec, "process.env[1]", "must be a string")
      spec = document({ process = core.json.null })
      spec.linux.seccomp = { syscalls = spec }
      refused(spec, "linux.seccomp.syscalls", "must be a list")
      -- In two ways at each step: not to be walked by all of them.
      local ring = {}
      ring.a, ring.b = ring, ring
      refused(document({ ring = ring, hostname = 5 }), "hostname", "must be a string")
    end)

    it("asks for what the specification requires", function()
      for path, spec in pairs({
        ociVersion = document({ ociVersion = false }), root = document({ root = false }),
        ["process.cwd"] = document({ process = {} }),
        ["mounts[1].destination"] = document({ mounts = { { type = "tmpfs" } } }),
        ["mounts[1].type"] = document({ mounts = { { destination = "/x" } } }),
        ["hooks.prestart[1].path"] = document({ hooks = { prestart = { {} } } }),
        ["linux.devices[1].path"] = with_linux({ devices = { { type = "c" } } }),
        ["linux.resources.devices[1].access"] = with_linux({ resources = {
          devices = { { allow = true } } } }),
        ["linux.seccomp.syscalls[1].names"] = with_linux({ seccomp = {
          defaultAction = "SCMP_ACT_ALLOW", syscalls = { { action = "SCMP_ACT_KILL" } } } }),
      }) do
        for key, value in pairs(spec) do
          spec[key] = value or nil
        end
        refused(spec, path, "is required")
      end
    end)

    describe("for capabilities", function()
      local function sets(given)
        local config, _, ignored = convert(document({ process = { cwd = "/",
          capabilities = given } }))
        return config.capabilities, ignored
      end

      it("leaves out what this version does not know, and says so", function()
        local kept, ignored = sets({ bounding = { "CAP_KILL", "CAP_OF_TOMORROW" } })
        assert.same({ "CAP_KILL" }, kept.bounding)
        assert.same({ { path = "process.capabilities.bounding[2]",
          text = "is not a capability that this version knows" } }, ignored)
      end)

      it("leaves out what the kernel would not grant, and says so", function()
        local kept, ignored = sets({ bounding = { "CAP_KILL" }, permitted = { "CAP_KILL" },
          effective = { "CAP_KILL", "CAP_CHOWN" }, inheritable = { "CAP_CHOWN" },
          ambient = { "CAP_KILL" } })
        assert.same({ bounding = { "CAP_KILL" }, permitted = { "CAP_KILL" },
          effective = { "CAP_KILL" }, inheritable = {}, ambient = {} }, kept)
        assert.equal(3, #ignored)
        assert.same({ path = "process.capabilities.ambient[1]",
          text = "is CAP_KILL, which inheritable does not have: it cannot be granted" }, ignored[3])
      end)

      it("grants none where there is nothing said", function()
        assert.is_nil((sets(nil)))
        assert.same({}, sets({}).bounding)
      end)
    end)

    describe("for mounts", function()
      it("leaves cgroups that are not called read-only as open as they were meant", function()
        local RDONLY = 1
        for _, case in ipairs({ { nil, 0 }, { { "nosuid" }, 0 }, { { "rw" }, 0 },
          { { "ro" }, RDONLY } }) do
          local config = assert(schema.parse((convert(document({ mounts = { {
            destination = "/sys/fs/cgroup", type = "cgroup", source = "cgroup",
            options = case[1] } } })))))
          assert.equal(case[2], bit.band(config.mounts[1].flags, RDONLY))
        end
        local config = convert(document({ mounts = { { destination = "/sys/fs/cgroup",
          type = "cgroup" } } }), { bundle = "/", rootless = true })
        assert.same({}, config.mounts[1].flags)
      end)

      local function mount(fields)
        fields.destination = fields.destination or "/x"
        local config, _, ignored = convert(document({ mounts = { fields } }))
        return assert(schema.parse(config)).mounts[1], ignored
      end

      it("knows every option of the specification", function()
        local options = {}
        for option in ([[async atime bind defaults dev diratime dirsync exec iversion lazytime loud
            noatime nodev nodiratime noexec noiversion nolazytime norelatime nostrictatime nosuid
            private rbind relatime remount ro rprivate rshared rslave runbindable rw shared silent
            slave strictatime suid sync unbindable nosymfollow symfollow ratime rdev rdiratime rexec
            rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow
            rrelatime rro rrw rstrictatime rsuid rsymfollow idmap ridmap mand nomand tmpcopyup]])
          :gmatch("%S+") do
          options[#options + 1] = option
        end
        local config = convert(document({ mounts = { { destination = "/x", type = "tmpfs",
          options = options } } }))
        assert.equal("", config.mounts[1].data)
      end)

      it("leaves what it does not know to the file system", function()
        assert.equal("size=1m,acl,noacl,posixacl,MS_RDONLY",
          mount({ type = "tmpfs", options = { "size=1m", "ro", "acl", "noacl", "posixacl", "",
            "MS_RDONLY" } }).data)
      end)

      it("takes a bind for what it is, whatever its type says", function()
        for _, kind in ipairs({ "none", "", "bind", "ext4" }) do
          local made = mount({ type = kind, source = "/a", options = { "rbind", "ro" } })
          assert.equal("bind", made.device)
          assert.equal(0x5001, made.flags)
        end
        assert.equal(0x1000, mount({ type = "bind", source = "/a" }).flags)
      end)

      -- Engines write these for binds, too: the kernel takes no notice of them there.
      it("leaves out of a bind what is the file system's, and says so", function()
        local made, ignored = mount({ source = "/a", options = { "bind", "sync", "async", "dirsync",
          "lazytime", "nolazytime", "iversion", "noiversion", "mand", "nomand", "nosuid" } })
        assert.equal(0x1002, made.flags)
        assert.equal(0, made.cleared_flags)
        assert.equal(9, #ignored)
        assert.equal("mounts[1].options[2]", ignored[1].path)
        assert.equal(0x90, mount({ type = "ext4", source = "/dev/a",
          options = { "sync", "dirsync" } }).flags)
      end)

      it("maps ids by option, by mappings, or by both", function()
        local ids = { { containerID = 0, hostID = 5, size = 1 } }
        local own = { { container_id = 0, host_id = 5, size = 1 } }
        assert.same({ recursive = false, userns_path = "", uid_mappings = own, gid_mappings = own },
          mount({ source = "/a", options = { "bind" }, uidMappings = ids, gidMappings = ids })
          .id_mapping)
        assert.is_true(mount({ source = "/a", options = { "bind", "ridmap" }, uidMappings = ids,
          gidMappings = ids }).id_mapping.recursive)
      end)
    end)

    describe("for devices", function()
      local function paths(config)
        local list = {}
        for index, device in ipairs(config.devices) do
          list[index] = device.path
        end
        return list
      end

      it("makes the default ones", function()
        assert.same({ "/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/urandom",
          "/dev/random" }, paths(convert(document())))
      end)

      it("makes one of the document's in place of a default one", function()
        local config = convert(with_linux({ devices = { { type = "c", path = "/dev/null", major = 1,
          minor = 3, fileMode = 8612 } } }))
        assert.same({ "/dev/zero", "/dev/full", "/dev/tty", "/dev/urandom", "/dev/random",
          "/dev/null" }, paths(config))
        assert.equal(420, config.devices[6].file_mode) -- 020644: without what kind of file it is
      end)

      it("allows behind the document's rules what every container needs", function()
        local rules = convert(with_linux({ resources = { devices = { { allow = false,
          access = "rwm" } } } })).cgroups.devices
        assert.same({ allow = false, type = "a", permissions = "rwm" }, rules[1])
        assert.equal(12, #rules)
        for index = 2, 12 do
          assert.is_true(rules[index].allow)
        end
        assert.equal(11, #convert(document()).cgroups.devices)
        assert.equal(12, #defaults.allowed_devices) -- with /dev/console, of which none is made
      end)

      it("does not allow a default device that the document makes itself", function()
        local rules = convert(with_linux({ devices = { { type = "c", path = "/dev/null", major = 1,
          minor = 3 } } })).cgroups.devices
        for _, rule in ipairs(rules) do
          assert.is_false(rule.major == 1 and rule.minor == 3)
        end
      end)
    end)

    describe("for the cgroup's place", function()
      local function place(path, opts)
        local cgroups = convert(with_linux({ cgroupsPath = path }), opts).cgroups
        cgroups.devices = nil
        return cgroups
      end

      it("reads a path", function()
        assert.same({ path = "/a/b" }, place("/a/b", { id = "web" }))
        assert.same({ path = "a/b" }, place("a/b"))
        assert.same({ path = "/b" }, place("//a/./../b/"))
        assert.same({ path = "b" }, place("../../b"))
      end)

      it("chooses one below /ctr where the document has none", function()
        assert.same({ path = "/ctr/web" }, place(nil, { id = "web" }))
        assert.same({ path = "/ctr/web" }, place("", { id = "web", cgroup_manager = "none" }))
        assert.same({}, place(nil))
      end)

      local SYSTEMD = { cgroup_manager = "systemd", id = "web" }

      it("reads slice, prefix and name for systemd", function()
        assert.same({ parent = "a.slice", scope_prefix = "crio", name = "x" },
          place("a.slice:crio:x", SYSTEMD))
        assert.same({ parent = "", scope_prefix = "", name = "x.scope" }, place("::x", SYSTEMD))
        assert.same({ parent = "-", scope_prefix = "", name = "x.slice" },
          place("-::x.slice", SYSTEMD))
        assert.same({ name = "web" }, place(nil, SYSTEMD))
      end)

      it("refuses another form for systemd", function()
        for _, path in ipairs({ "/a/b", "a:b", "a:b:c:d", "a:b:" }) do
          refused(with_linux({ cgroupsPath = path }), "linux.cgroupsPath", "slice:prefix:name",
            { bundle = "/", cgroup_manager = "systemd" })
        end
      end)

      it("takes properties of the unit from annotations", function()
        local spec = document({ annotations = {
          ["org.systemd.property.TimeoutStopUSec"] = "uint64 5",
          ["org.systemd.property.CollectMode"] = "'inactive'", other = "x" } })
        assert.same({ TimeoutStopUSec = "uint64 5", CollectMode = "'inactive'" },
          convert(spec, SYSTEMD).cgroups.systemd_properties)
        assert.is_nil(convert(spec).cgroups.systemd_properties)
        for name, value in pairs({ ["Bad-Name"] = "true", Delegate = "maybe", DelaySec = "'x'" }) do
          local path = "org.systemd.property." .. name
          refused(document({ annotations = { [path] = value } }),
            ('annotations["%s"]'):format(path), "is not",
            { bundle = "/", cgroup_manager = "systemd" })
        end
      end)

      it("throws for a manager that there is not", function()
        assert.has_error(function() oci.config(document(), { cgroup_manager = "odd" }) end)
      end)
    end)

    it("sets the loopback up in a network namespace of its own", function()
      assert.same({ { type = "loopback" } },
        convert(with_linux({}, { { type = "mount" }, { type = "network" } })).networks)
      assert.is_nil(convert(with_linux({}, { { type = "network", path = "/x" } })).networks)
      assert.is_nil(convert(document()).networks)
    end)

    it("maps the caller where it has no privilege and nothing is mapped", function()
      local spec = with_linux({}, { { type = "mount" }, { type = "user" } })
      local ids = core.proc.ids()
      local config = convert(spec, { rootless = true })
      assert.same({ { container_id = 0, host_id = ids.euid, size = 1 } }, config.uid_mappings)
      assert.same({ { container_id = 0, host_id = ids.egid, size = 1 } }, config.gid_mappings)
      assert.is_true(config.rootless_euid)
      assert.is_nil(convert(spec).uid_mappings)
    end)

    it("takes switches of the command line", function()
      local config = normalised(document(), { no_pivot_root = true, no_new_keyring = true })
      assert.is_true(config.no_pivot_root)
      assert.is_true(config.no_new_keyring)
      assert.is_false(normalised(document()).no_pivot_root)
    end)

    it("takes a limit that no machine reaches for none, and none for no further task", function()
      local cgroups = convert(with_linux({ resources = { memory = { limit = "9223372036854771712" },
        pids = { limit = 0 } } })).cgroups
      assert.equal(-1, cgroups.memory)
      assert.equal(1, cgroups.pids_limit)
    end)

    it("says what of memory kernels no longer have", function()
      local _, _, ignored = convert(with_linux({ resources = { memory = { kernel = 5,
        kernelTCP = 6, useHierarchy = true } } }))
      assert.same({ "linux.resources.memory.kernel", "linux.resources.memory.kernelTCP",
        "linux.resources.memory.useHierarchy" },
        { ignored[1].path, ignored[2].path, ignored[3].path })
    end)

    it("filters nothing by a profile that says nothing", function()
      assert.is_nil(convert(with_linux({ seccomp = {} })).seccomp)
      assert.is_nil(convert(with_linux({ seccomp = { architectures = { "SCMP_ARCH_X86" } } }))
        .seccomp)
    end)

    it("ignores the size of a console that is not there", function()
      local _, process = convert(document({ process = { cwd = "/", args = { "sh" },
        consoleSize = { height = 5, width = 5 } } }))
      assert.is_nil(process.console_height)
      assert.is_false(process.terminal)
    end)

    it("runs as root where no user is named", function()
      local _, process = convert(document({ process = { cwd = "/", args = { "sh" } } }))
      assert.equal("0:0", process.user)
    end)

    it("refuses a clock that there is not", function()
      refused(with_linux({ timeOffsets = { realtime = { secs = 1 } } }),
        "linux.timeOffsets.realtime", "is not a clock")
    end)

    it("says that flags of a personality have no effect", function()
      local _, _, ignored = convert(with_linux({ personality = { domain = "LINUX",
        flags = { "X" } } }))
      assert.equal("linux.personality.flags", ignored[1].path)
    end)
  end)
end)
